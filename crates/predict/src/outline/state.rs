//! What the opcodes of the state do on a path.

use super::{
    data::Data,
    gas::sstore_cost,
    path::{GAS, Path, Place},
    step::{Flow, Result, Stop, account, address, number, pop, pops, push, top},
    walk::{Walker, slot_place},
    word::{Kind, Word},
};
use crate::state::StateView;
use foresee_access::Location;
use revm::{context_interface::transaction::Transaction, primitives::hardfork::SpecId};
use revm_bytecode::opcode;

impl<S: StateView> Walker<'_, S> {
    pub(super) fn require_writable(&self, path: &mut Path) -> Result<(), S::Error> {
        if top(path).is_static { Err(Stop::Fail) } else { Ok(()) }
    }

    pub(super) fn storage(&mut self, path: &mut Path, byte: u8) -> Result<Flow, S::Error> {
        let key = pop(path)?;
        let this = top(path).address;
        match byte {
            opcode::TLOAD => {
                let word = path.state.transient.load(this, &key);
                let word = word.unwrap_or_else(|| path.other("transient storage"));
                return push(path, word);
            }
            opcode::TSTORE => {
                let value = pop(path)?;
                self.require_writable(path)?;
                let now = path.number();
                path.state.transient.store(this, key, value, now);
                return Ok(Flow::On);
            }
            opcode::SLOAD => {
                let cold = self.rules.gas.cold_storage_additional_cost();
                self.warm_slot(path, this, &key, cold)?;
                self.touch_slot(path, &key);
                let word = path.state.storage.load(this, &key);
                let word = word.unwrap_or_else(|| path.other("storage"));
                return push(path, word);
            }
            _ => {}
        }
        let value = pop(path)?;
        self.require_writable(path)?;
        let gas = &self.rules.gas;
        let left = top(path).gas;
        // EIP-2200: a call with no more than the stipend must not write.
        if self.rules.at_least(SpecId::ISTANBUL) {
            if left.max <= gas.call_stipend() {
                return Err(Stop::Fail);
            }
            path.needs(left.min > gas.call_stipend());
        }
        let fixed = gas.sstore_static_gas();
        self.charge(path, fixed, fixed)?;
        // Who cannot pay for the first access does not make it.
        if top(path).gas.min < gas.cold_storage_cost() {
            path.doubt(GAS);
        }
        self.touch_slot(path, &key);
        self.warm_slot(path, this, &key, gas.cold_storage_cost())?;
        let (min, max) = sstore_cost(self.rules, &value);
        self.charge(path, min, max)?;
        let now = path.number();
        path.state.storage.store(this, key, value, now);
        Ok(Flow::On)
    }

    fn touch_slot(&mut self, path: &mut Path, key: &Word) {
        let frame = top(path);
        let place = slot_place(frame.address, key);
        self.namer.name(&place, frame, self.context);
        path.read(place);
    }

    pub(super) fn account_field(&mut self, path: &mut Path, byte: u8) -> Result<Flow, S::Error> {
        let word = match byte {
            opcode::SELFBALANCE => address(top(path).address),
            _ => pop(path)?,
        };
        // What is copied is paid for before it is looked at.
        let range = match byte {
            opcode::EXTCODECOPY => {
                let [to, from, len] = pops(path)?;
                let len = self.small(&len, "a length")?;
                let cost = self.rules.gas.extcodecopy(len);
                self.charge(path, cost, cost)?;
                self.works(len);
                Some((self.expand(path, &to, len)?, from, len))
            }
            _ => None,
        };
        let is_balance = matches!(byte, opcode::BALANCE | opcode::SELFBALANCE);
        let Some(account) = account(&word) else {
            self.charge(path, 0, self.rules.gas.cold_account_additional_cost())?;
            let place = if is_balance { Place::Balance(word) } else { Place::Code(word) };
            self.namer.name(&place, top(path), self.context);
            path.read(place);
            if range.is_some() {
                return Err(Stop::Lost("whose code is copied"));
            }
            let what = if is_balance { "a balance" } else { "the code of an unknown account" };
            let word = path.other(what);
            return push(path, word);
        };
        if byte != opcode::SELFBALANCE {
            self.warm_account(path, account)?;
        }
        if is_balance {
            path.read(Place::Known(Location::balance(account)));
            let version = path.state.balances;
            return push(path, Word::atom(Kind::Balance { account: word, version }));
        }
        path.read(Place::Known(Location::code(account)));
        let code = self.code(path, account).map_err(Stop::Failed)?;
        match (byte, code, range) {
            (opcode::EXTCODESIZE, Some(code), _) => push(path, number(code.bytes.len())),
            // The hash of an account without code depends on whether the account is empty,
            // which its balance may decide.
            (opcode::EXTCODEHASH, Some(code), _)
                if code.hash.is_some() && !code.bytes.is_empty() =>
            {
                push(path, Word::Known(code.hash.unwrap_or_default().into()))
            }
            (opcode::EXTCODECOPY, Some(code), Some((to, from, len))) => {
                let Some(from) = from.known() else { return Err(Stop::Lost("what is copied")) };
                let from = usize::try_from(from).unwrap_or(usize::MAX);
                if len > 0 {
                    let source = Data::new(code.bytes.to_vec());
                    top(path).memory.copy(to, &source, from, len);
                }
                Ok(Flow::On)
            }
            (opcode::EXTCODECOPY, ..) => Err(Stop::Lost("whose code is copied")),
            _ => {
                if byte == opcode::EXTCODEHASH {
                    let balance = Place::Known(Location::balance(account));
                    path.reads.entry(balance).or_insert(false);
                }
                let word = path.other("an account's code");
                push(path, word)
            }
        }
    }

    pub(super) fn self_destruct(&mut self, path: &mut Path) -> Result<Flow, S::Error> {
        let target = pop(path)?;
        self.require_writable(path)?;
        let gas = &self.rules.gas;
        let spec = self.rules.spec;
        let this = top(path).address;
        let (min, max) = (gas.selfdestruct_cost(false, false), gas.selfdestruct_cost(true, true));
        let suffices = top(path).gas.min >= max;
        path.needs(suffices);
        match account(&target) {
            Some(account) => path.read(Place::Known(Location::code(account))),
            None => {
                let place = Place::Code(target.clone());
                self.namer.name(&place, top(path), self.context);
                path.read(place);
            }
        }
        path.read(Place::Known(Location::balance(this)));
        self.charge(path, min, max)?;
        for account in [Some(this), account(&target)].into_iter().flatten() {
            path.state.moved.entry(account).or_default().more = true;
        }
        if !spec.is_enabled_in(SpecId::CANCUN) || path.state.created.contains_key(&this) {
            path.state.fields.extend([Location::nonce(this), Location::code(this)]);
        }
        path.state.balances = path.number();
        path.doubt("what a destroyed contract leaves");
        Ok(Flow::End(true, Data::default()))
    }

    /// What an access list warms ([EIP-2930](https://eips.ethereum.org/EIPS/eip-2930)).
    pub(super) fn warm_list(&self, path: &mut Path) {
        for item in self.tx.access_list().into_iter().flatten() {
            path.state.warm.insert(Location::code(item.address));
            let keys = item.storage_keys.iter();
            path.state.warm.extend(keys.map(|key| Location::slot(item.address, (*key).into())));
        }
    }
}
