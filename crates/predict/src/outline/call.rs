//! Calls and creations on a path.
//!
//! Where nobody knows the code that is called, the path goes on behind the call as if that
//! returned something. What is touched from there on is so only perhaps, because whoever is
//! called may have left no gas.

use super::{
    data::Data,
    gas::amount,
    path::{CALLEE, Frame, Gas, Path, Place, Role, State},
    step::{Flow, Stop, account, pops, top},
    walk::{Walker, hand_back},
    word::{Kind, Word},
};
use crate::{state::StateView, unknown::Unknown};
use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use foresee_access::Location;
use revm::{precompile::PrecompileStatus, primitives::hardfork::SpecId};
use revm_bytecode::opcode;
use std::sync::Arc;

/// How deep calls are followed.
const DEPTH_MAX: usize = 64;

type Result<T, E> = core::result::Result<T, Stop<E>>;

/// A call that has been paid for.
struct Callee {
    to: Address,
    gas: Gas,
    input: Option<Data>,
    role: Role,
}

impl<S: StateView> Walker<'_, S> {
    pub(super) fn call(&mut self, path: &mut Path, byte: u8) -> Result<Flow, S::Error> {
        let [requested, to] = pops(path)?;
        let with_value = matches!(byte, opcode::CALL | opcode::CALLCODE);
        let [value] = if with_value { pops(path)? } else { [Word::ZERO] };
        let [in_offset, in_len, out_offset, out_len] = pops(path)?;
        let transfers = value != Word::ZERO;
        let surely = value.known().is_some() && transfers;
        let this = top(path).address;
        if byte == opcode::CALL && transfers && top(path).is_static {
            if surely {
                return Err(Stop::Fail);
            }
            path.doubt("whether a call pays");
        }
        let input = match (in_offset.known(), in_len.known()) {
            (Some(_), Some(_)) => {
                let len = self.small(&in_len, "a length")?;
                let at = self.expand(path, &in_offset, len)?;
                Some(top(path).memory.slice(at, len))
            }
            _ => {
                path.doubt("where memory is used");
                None
            }
        };
        let len = self.small(&out_len, "where the result of a call goes")?;
        let role = Role::Call { to: self.expand(path, &out_offset, len)?, len };
        if transfers {
            let cost = self.rules.gas.transfer_value_cost();
            self.charge(path, if surely { cost } else { 0 }, cost)?;
        }
        let new_account = || {
            let gas = &self.rules.gas;
            gas.new_account_cost(self.rules.at_least(SpecId::SPURIOUS_DRAGON), transfers)
        };
        let Some(account) = account(&to) else {
            let gas = &self.rules.gas;
            let most = 2 * gas.cold_account_additional_cost() + gas.warm_storage_read_cost();
            self.charge(path, 0, most + new_account())?;
            let place = Place::Code(to);
            let name = self.namer.name(&place, top(path), self.context);
            path.read(place);
            let gas = self.forward(path, &requested, transfers, surely)?;
            self.call_unknown(path, &name, gas, role);
            return Ok(Flow::On);
        };
        self.warm_account(path, account)?;
        path.read(Place::Known(Location::code(account)));
        let mut code = self.code(path, account).map_err(Stop::Failed)?;
        let empty = code.as_ref().is_none_or(|code| code.bytes.is_empty());
        if byte == opcode::CALL && empty {
            self.charge(path, 0, new_account())?;
            if transfers {
                // Whether it exists, which may depend on its balance.
                path.reads.entry(Place::Known(Location::balance(account))).or_insert(false);
            }
        }
        if let Some(delegate) = code.as_ref().and_then(|code| code.delegate) {
            let cost = self.rules.gas.warm_storage_read_cost();
            self.charge(path, cost, cost)?;
            self.warm_account(path, delegate)?;
            path.read(Place::Known(Location::code(delegate)));
            code = self.code(path, delegate).map_err(Stop::Failed)?;
        }
        let gas = self.forward(path, &requested, transfers, surely)?;
        look_at_funds(path, this, &value);
        // Who cannot pay does not call.
        let unpaid = (!path.can_pay(this, &value)).then(|| {
            let mut unpaid = path.clone();
            hand_back(&mut unpaid, role, Word::ZERO, gas, Data::default());
            vec![unpaid]
        });
        let on = unpaid.map_or(Flow::On, Flow::Part);
        let before = Arc::new(path.state.clone());
        let keeps = matches!(byte, opcode::CALLCODE | opcode::DELEGATECALL);
        path.transfer(this, if keeps { this } else { account }, &value);
        let callee = Callee { to: account, gas, input, role };
        if self.rules.precompiles.contains(&account) {
            self.call_precompile(path, callee, &before)?;
            return Ok(on);
        }
        let Callee { gas, input, .. } = callee;
        let (Some(code), Some(input), true) = (code, input, path.depth() < DEPTH_MAX) else {
            let name = format!("{account}, with data or code that is not known");
            self.call_unknown(path, &name, gas, role);
            return Ok(on);
        };
        if code.bytes.is_empty() && input.len() > 0 {
            // Who sends data expects code: it may have been created in this block.
            let name = format!("{account}, which had no code before the block");
            self.call_unknown(path, &name, gas, role);
            return Ok(on);
        }
        if code.bytes.is_empty() {
            hand_back(path, role, Word::Known(U256::ONE), gas, Data::default());
            return Ok(on);
        }
        let delegated = byte == opcode::DELEGATECALL;
        let frame = top(path);
        let callee = Frame {
            code,
            pc: 0,
            stack: Vec::new(),
            memory: Data::default(),
            input: Arc::new(input),
            address: if keeps { this } else { account },
            caller: if delegated { frame.caller } else { this },
            value: if delegated { frame.value.clone() } else { value },
            is_static: frame.is_static || byte == opcode::STATICCALL,
            gas,
            gas_max: gas.max,
            role,
            before,
        };
        path.returned = Arc::default();
        path.enter(callee);
        Ok(on)
    }

    /// Takes the gas for a call from the frame, all but a 64th at most
    /// ([EIP-150](https://eips.ethereum.org/EIPS/eip-150)).
    fn forward(
        &self,
        path: &mut Path,
        requested: &Word,
        transfers: bool,
        surely: bool,
    ) -> Result<Gas, S::Error> {
        let requested = amount(requested);
        let rules = self.rules;
        let left = top(path).gas;
        let part = |left: u64, requested: u64| match rules.at_least(SpecId::TANGERINE) {
            true => rules.gas.call_stipend_reduction(left).min(requested),
            false => requested.min(left),
        };
        if !rules.at_least(SpecId::TANGERINE) {
            if requested.min > left.max {
                return Err(Stop::Fail);
            }
            path.needs(requested.max <= left.min);
        }
        let mut gas =
            Gas { min: part(left.min, requested.min), max: part(left.max, requested.max) };
        top(path).gas = Gas {
            min: left.min - part(left.min, requested.max),
            max: left.max - part(left.max, requested.min),
        };
        if transfers {
            let stipend = rules.gas.call_stipend();
            gas.max += stipend;
            gas.min += if surely { stipend } else { 0 };
        }
        top(path).gas_max = left.max + if transfers { rules.gas.call_stipend() } else { 0 };
        Ok(gas)
    }

    /// Goes on behind a call of code that nobody knows.
    fn call_unknown(&mut self, path: &mut Path, name: &str, gas: Gas, role: Role) {
        path.doubt(CALLEE);
        self.lacks(Unknown::Callee(name.to_owned()));
        let Role::Call { len, .. } = role else { return };
        // A word is what most functions return.
        let words = len.div_ceil(32).max(1);
        let mut output = Data::new(vec![0; 32 * words]);
        for word in 0..words {
            let result = path.other(&format!("result of {name}"));
            output.write(32 * word, &result);
        }
        let success = path.other(&format!("success of {name}"));
        hand_back(path, role, success, Gas { min: 0, max: gas.max }, output);
    }

    fn call_precompile(
        &mut self,
        path: &mut Path,
        callee: Callee,
        before: &State,
    ) -> Result<(), S::Error> {
        let Callee { to, gas, input, role } = callee;
        let Some(precompile) = self.rules.precompiles.get(&to) else { return Err(Stop::Fail) };
        let known = input.as_ref().and_then(Data::known);
        let Some(bytes) = known else {
            // Nobody knows what it computes, nor always what that costs.
            path.doubt("what a precompiled contract computes");
            let output = match input {
                Some(input) if to == Address::with_last_byte(4) => input,
                _ => {
                    let mut output = Data::new(vec![0; 32]);
                    let result = path.other("result of a precompiled contract");
                    output.write(0, &result);
                    output
                }
            };
            let success = path.other("success of a precompiled contract");
            hand_back(path, role, success, Gas { min: 0, max: gas.max }, output);
            return Ok(());
        };
        let Ok(result) = precompile.execute(bytes, gas.max, 0) else {
            return Err(Stop::Lost("a precompiled contract"));
        };
        self.steps = self.steps.saturating_add(result.gas_used.min(gas.max) / 16);
        path.needs(result.gas_used <= gas.min || result.gas_used > gas.max);
        let left = Gas {
            min: gas.min.saturating_sub(result.gas_used),
            max: gas.max.saturating_sub(result.gas_used),
        };
        let output = Data::new(result.bytes.to_vec());
        let (success, left, output) = match result.status {
            PrecompileStatus::Success if result.gas_used <= gas.max => (true, left, output),
            PrecompileStatus::Revert if result.gas_used <= gas.max => (false, left, output),
            _ => (false, Gas::exactly(0), Data::default()),
        };
        if !success {
            path.state = before.clone();
        }
        hand_back(path, role, Word::Known(U256::from(success)), left, output);
        Ok(())
    }

    pub(super) fn create(&mut self, path: &mut Path, byte: u8) -> Result<Flow, S::Error> {
        let [value, offset, len] = pops(path)?;
        let salt = if byte == opcode::CREATE2 { Some(pops::<1, _>(path)?) } else { None };
        self.require_writable(path)?;
        let len = self.small(&len, "a length")?;
        let gas = &self.rules.gas;
        if len != 0 && self.rules.at_least(SpecId::SHANGHAI) {
            if len > self.rules.initcode_size_max {
                return Err(Stop::Fail);
            }
            self.charge(path, gas.initcode_cost(len), gas.initcode_cost(len))?;
        }
        let at = self.expand(path, &offset, len)?;
        let init_code = top(path).memory.slice(at, len);
        let cost = if salt.is_some() { gas.create2_cost(len) } else { gas.create_cost() };
        self.charge(path, cost, cost)?;
        let Gas { min, max } = top(path).gas;
        let all = Word::atom(Kind::Gas { min, max, number: 0 });
        let gas = self.forward(path, &all, false, false)?;
        let this = top(path).address;
        path.read(Place::Known(Location::nonce(this)));
        look_at_funds(path, this, &value);
        let salt = salt.and_then(|[salt]| salt.known());
        let (Some(salt), Some(code), true) = (salt, init_code.known(), path.depth() < DEPTH_MAX)
        else {
            // The address depends on the creator's nonce, or on the code.
            path.doubt(CALLEE);
            path.state.fields.insert(Location::nonce(this));
            self.lacks(Unknown::Callee(format!("what {this} creates")));
            let created = path.other(&format!("created by {this}"));
            let gas = Gas { min: 0, max: gas.max };
            hand_back(path, Role::Call { to: 0, len: 0 }, created, gas, Data::default());
            return Ok(Flow::On);
        };
        let failed = |path: &Path, gas: Gas| {
            let mut failed = path.clone();
            let role = Role::Call { to: 0, len: 0 };
            hand_back(&mut failed, role, Word::ZERO, gas, Data::default());
            failed
        };
        // Who cannot pay creates nothing.
        let unpaid = (!path.can_pay(this, &value)).then(|| failed(path, gas));
        path.state.fields.insert(Location::nonce(this));
        let account = this.create2(B256::from(salt), keccak256(code));
        path.read(Place::Known(Location::code(account)));
        path.state.warm.insert(Location::code(account));
        let taken = self.code(path, account).map_err(Stop::Failed)?;
        if taken.is_none_or(|code| !code.bytes.is_empty()) {
            *path = failed(path, Gas::exactly(0));
            return Ok(unpaid.map_or(Flow::On, |unpaid| Flow::Part(vec![unpaid])));
        }
        // An earlier transaction of the block may have created it.
        let taken = failed(path, Gas::exactly(0));
        let init_code = Bytes::copy_from_slice(code);
        self.enter_creation(path, (this, account), value, init_code, gas);
        Ok(Flow::Part([taken].into_iter().chain(unpaid).collect()))
    }

    /// Runs init code.
    pub(super) fn enter_creation(
        &self,
        path: &mut Path,
        (creator, account): (Address, Address),
        value: Word,
        init_code: Bytes,
        gas: Gas,
    ) {
        let before = Arc::new(path.state.clone());
        path.state.storage.create(account);
        if self.rules.at_least(SpecId::SPURIOUS_DRAGON) {
            path.state.fields.insert(Location::nonce(account));
        }
        path.transfer(creator, account, &value);
        path.returned = Arc::default();
        path.enter(Frame {
            code: Arc::new(super::code::Code::new(init_code, None)),
            pc: 0,
            stack: Vec::new(),
            memory: Data::default(),
            input: Arc::default(),
            address: account,
            caller: creator,
            value,
            is_static: false,
            gas,
            gas_max: gas.max,
            role: Role::Create(account),
            before,
        });
    }
}

/// Whoever pays looks at what it has. A value that is not known may be nothing.
fn look_at_funds(path: &mut Path, payer: Address, value: &Word) {
    let balance = Place::Known(Location::balance(payer));
    if value.known().is_none() {
        path.reads.entry(balance).or_insert(false);
    } else if *value != Word::ZERO {
        path.read(balance);
    }
}
