//! What an opcode does on a path.

use super::{
    data::Data,
    gas::sstore_cost,
    path::{Frame, GAS, Path, Place},
    walk::{Walker, slot_place},
    word::{Kind, Word},
};
use crate::{
    compile::pure,
    program::push_size,
    state::{Lookup, StateView},
};
use alloy_primitives::{Address, B256, U256, keccak256};
use foresee_access::Location;
use revm::{
    context_interface::transaction::Transaction,
    primitives::{BLOCK_HASH_HISTORY, hardfork::SpecId},
};
use revm_bytecode::opcode;
use std::sync::Arc;

/// Items on a stack.
const STACK_MAX: usize = 1024;

/// How a path goes on.
pub(super) enum Flow {
    On,
    /// It parts: these are the other ways.
    Part(Vec<Path>),
    /// The frame ends, in success or not, with what it returns.
    End(bool, Data),
}

/// Why a path does not go on.
pub(super) enum Stop<E> {
    /// The frame fails.
    Fail,
    /// Nobody knows how, because this depends on a value that is not at hand.
    Lost(&'static str),
    /// The state failed.
    Failed(E),
}

type Result<T, E> = core::result::Result<T, Stop<E>>;

/// The frame that runs.
pub(super) fn top(path: &mut Path) -> &mut Frame {
    Arc::make_mut(path.frames.last_mut().expect("a frame runs"))
}

fn pop<E>(path: &mut Path) -> Result<Word, E> {
    top(path).stack.pop().ok_or(Stop::Fail)
}

/// The arguments of an opcode, the topmost first.
pub(super) fn pops<const N: usize, E>(path: &mut Path) -> Result<[Word; N], E> {
    let mut words = [const { Word::ZERO }; N];
    for word in &mut words {
        *word = pop(path)?;
    }
    Ok(words)
}

fn push<E>(path: &mut Path, word: Word) -> Result<Flow, E> {
    let stack = &mut top(path).stack;
    if stack.len() >= STACK_MAX {
        return Err(Stop::Fail);
    }
    stack.push(word);
    Ok(Flow::On)
}

fn number(value: usize) -> Word {
    Word::Known(U256::from(value))
}

fn address(value: Address) -> Word {
    Word::Known(value.into_word().into())
}

/// The account that a word names, if it is known.
pub(super) fn account(word: &Word) -> Option<Address> {
    word.known().map(|word| Address::from_word(B256::from(word)))
}

impl<S: StateView> Walker<'_, S> {
    /// Follows one opcode.
    pub(super) fn step(&mut self, path: &mut Path) -> Result<Flow, S::Error> {
        let frame = top(path);
        let byte = frame.code.bytes.get(frame.pc).copied().unwrap_or(opcode::STOP);
        let pc = frame.pc;
        frame.pc += 1 + push_size(byte);
        if !self.rules.has_opcode(byte) {
            return Err(Stop::Fail);
        }
        let cost = u64::from(self.rules.static_gas[byte as usize]);
        self.charge(path, cost, cost)?;
        if let Some((_, inputs)) = pure(byte) {
            let mut arguments = [const { Word::ZERO }; 3];
            for argument in &mut arguments[..inputs] {
                *argument = pop(path)?;
            }
            let word = path.compute(byte, arguments);
            return push(path, word);
        }
        match byte {
            opcode::JUMPDEST => Ok(Flow::On),
            opcode::POP => pop(path).map(|_| Flow::On),
            opcode::PUSH0..=opcode::PUSH32 => {
                let code = &top(path).code.bytes;
                let mut word = [0; 32];
                let size = push_size(byte);
                let present = code.len().saturating_sub(pc + 1).min(size);
                word[32 - size..][..present].copy_from_slice(&code[pc + 1..pc + 1 + present]);
                push(path, Word::Known(U256::from_be_bytes(word)))
            }
            opcode::DUP1..=opcode::DUP16 => {
                let stack = &top(path).stack;
                let depth = usize::from(byte - opcode::DUP1) + 1;
                let at = stack.len().checked_sub(depth).ok_or(Stop::Fail)?;
                let word = stack[at].clone();
                push(path, word)
            }
            opcode::SWAP1..=opcode::SWAP16 => {
                let stack = &mut top(path).stack;
                let depth = usize::from(byte - opcode::SWAP1) + 2;
                let at = stack.len().checked_sub(depth).ok_or(Stop::Fail)?;
                let last = stack.len() - 1;
                stack.swap(at, last);
                Ok(Flow::On)
            }
            opcode::JUMP => {
                let target = pop(path)?;
                let target = self.destination(path, &target)?;
                top(path).pc = target;
                Ok(Flow::On)
            }
            opcode::JUMPI => self.jump_if(path),
            opcode::STOP => Ok(Flow::End(true, Data::default())),
            opcode::RETURN | opcode::REVERT => {
                let [offset, len] = pops(path)?;
                let success = byte == opcode::RETURN;
                let (Some(_), Some(_)) = (offset.known(), len.known()) else {
                    // Who called sees nothing instead.
                    path.doubt("what a call returns");
                    return Ok(Flow::End(success, Data::default()));
                };
                let len = self.small(&len, "a length")?;
                let at = self.expand(path, &offset, len)?;
                Ok(Flow::End(success, top(path).memory.slice(at, len)))
            }
            opcode::SELFDESTRUCT => self.self_destruct(path),
            opcode::CALL | opcode::CALLCODE | opcode::DELEGATECALL | opcode::STATICCALL => {
                self.call(path, byte)
            }
            opcode::CREATE | opcode::CREATE2 => self.create(path, byte),
            opcode::EXP => {
                let [base, power] = pops(path)?;
                let gas = &self.rules.gas;
                match power.known() {
                    Some(power) => self.charge(path, gas.exp_cost(power), gas.exp_cost(power))?,
                    None => {
                        self.charge(path, gas.exp_cost(U256::ZERO), gas.exp_cost(U256::MAX))?;
                    }
                }
                let word = path.compute(byte, [base, power, Word::ZERO]);
                push(path, word)
            }
            opcode::LOG0..=opcode::LOG4 => {
                let topics = byte - opcode::LOG0;
                let [offset, len] = pops(path)?;
                for _ in 0..topics {
                    pop(path)?;
                }
                self.require_writable(path)?;
                let Some(_) = len.known() else {
                    path.doubt("the length of a log");
                    return Ok(Flow::On);
                };
                let len = self.small(&len, "a length")?;
                let cost = self.rules.gas.log_cost(topics, len as u64);
                self.charge(path, cost, cost)?;
                if offset.known().is_none() {
                    path.doubt("where memory is used");
                    return Ok(Flow::On);
                }
                self.expand(path, &offset, len)?;
                Ok(Flow::On)
            }
            opcode::MLOAD..=opcode::MSTORE8 | opcode::MCOPY | opcode::KECCAK256 => {
                self.memory(path, byte)
            }
            opcode::CALLDATACOPY | opcode::CODECOPY | opcode::RETURNDATACOPY => {
                let [to, from, len] = pops(path)?;
                let source = match byte {
                    opcode::CALLDATACOPY => top(path).input.clone(),
                    opcode::CODECOPY => Arc::new(Data::new(top(path).code.bytes.to_vec())),
                    _ => path.returned.clone(),
                };
                self.copy(path, [&to, &from, &len], &source, byte == opcode::RETURNDATACOPY)
            }
            opcode::SLOAD | opcode::SSTORE | opcode::TLOAD | opcode::TSTORE => {
                self.storage(path, byte)
            }
            opcode::BALANCE
            | opcode::SELFBALANCE
            | opcode::EXTCODESIZE
            | opcode::EXTCODEHASH
            | opcode::EXTCODECOPY => self.account_field(path, byte),
            _ => {
                let word = self.environment(path, byte, pc)?;
                push(path, word)
            }
        }
    }

    /// What the opcodes yield that look at the surroundings.
    fn environment(&mut self, path: &mut Path, byte: u8, pc: usize) -> Result<Word, S::Error> {
        let context = self.context;
        let frame = top(path);
        Ok(match byte {
            opcode::PC => number(pc),
            opcode::ADDRESS => address(frame.address),
            opcode::ORIGIN => Word::Known(context.origin),
            opcode::CALLER => address(frame.caller),
            opcode::CALLVALUE => frame.value.clone(),
            opcode::CALLDATASIZE => number(frame.input.len()),
            opcode::CODESIZE => number(frame.code.bytes.len()),
            opcode::MSIZE => number(frame.memory.len()),
            opcode::RETURNDATASIZE => number(path.returned.len()),
            opcode::GASPRICE => Word::Known(context.gas_price),
            opcode::COINBASE => Word::Known(context.coinbase),
            opcode::TIMESTAMP => Word::Known(context.timestamp),
            opcode::NUMBER => Word::Known(context.number),
            opcode::DIFFICULTY => Word::Known(context.difficulty),
            opcode::GASLIMIT => Word::Known(context.gas_limit),
            opcode::CHAINID => Word::Known(context.chain_id),
            opcode::BASEFEE => Word::Known(context.base_fee),
            opcode::BLOBBASEFEE => Word::Known(context.blob_base_fee),
            opcode::GAS => {
                let gas = frame.gas;
                match gas.min == gas.max {
                    true => Word::Known(U256::from(gas.min)),
                    false => {
                        let number = path.number();
                        Word::atom(Kind::Gas { min: gas.min, max: gas.max, number })
                    }
                }
            }
            opcode::CALLDATALOAD => {
                let offset = pop(path)?;
                let input = top(path).input.clone();
                let word = match offset.known() {
                    Some(offset) => {
                        usize::try_from(offset).map_or(Some(Word::ZERO), |at| input.word(at))
                    }
                    None => None,
                };
                word.unwrap_or_else(|| path.other("some calldata"))
            }
            opcode::BLOBHASH => {
                let index = pop(path)?;
                let Some(index) = index.known() else { return Ok(path.other("a blob hash")) };
                let hash = usize::try_from(index).ok().and_then(|at| context.blob_hashes.get(at));
                Word::Known(hash.map_or(U256::ZERO, |hash| (*hash).into()))
            }
            opcode::BLOCKHASH => {
                let block = pop(path)?;
                let Some(block) = block.known() else { return Ok(path.other("a block hash")) };
                let distance = context.number.checked_sub(block).unwrap_or_default();
                if distance.is_zero() || distance > U256::from(BLOCK_HASH_HISTORY) {
                    return Ok(Word::ZERO);
                }
                match self.view.block_hash(block.saturating_to()).map_err(Stop::Failed)? {
                    Lookup::Ready(hash) => Word::Known(hash.into()),
                    Lookup::Missing => path.other("a block hash"),
                }
            }
            _ => return Err(Stop::Fail),
        })
    }

    fn destination(&self, path: &mut Path, target: &Word) -> Result<usize, S::Error> {
        let Some(target) = target.known() else { return Err(Stop::Lost("where code jumps to")) };
        let target = usize::try_from(target).map_err(|_| Stop::Fail)?;
        if !top(path).code.is_destination(target) {
            return Err(Stop::Fail);
        }
        Ok(target)
    }

    fn jump_if(&mut self, path: &mut Path) -> Result<Flow, S::Error> {
        let [target, condition] = pops(path)?;
        match path.decision(&condition) {
            Some(false) => {}
            Some(true) => top(path).pc = self.destination(path, &target)?,
            None => {
                let mut other = path.clone();
                path.decide(&condition, false);
                other.decide(&condition, true);
                match self.destination(&mut other, &target) {
                    Ok(target) => top(&mut other).pc = target,
                    Err(Stop::Fail) => self.fail_frame(&mut other),
                    Err(stop) => return Err(stop),
                }
                return Ok(Flow::Part(vec![other]));
            }
        }
        Ok(Flow::On)
    }

    fn memory(&mut self, path: &mut Path, byte: u8) -> Result<Flow, S::Error> {
        match byte {
            opcode::MLOAD => {
                let offset = pop(path)?;
                if offset.known().is_none() {
                    // It may be far away.
                    path.doubt("where memory is used");
                    let word = path.other("some memory");
                    return push(path, word);
                }
                let at = self.expand(path, &offset, 32)?;
                let word = top(path).memory.word(at);
                let word = word.unwrap_or_else(|| path.other("some memory"));
                push(path, word)
            }
            opcode::MSTORE => {
                let [offset, word] = pops(path)?;
                let at = self.expand(path, &offset, 32)?;
                top(path).memory.write(at, &word);
                Ok(Flow::On)
            }
            opcode::MSTORE8 => {
                let [offset, word] = pops(path)?;
                let at = self.expand(path, &offset, 1)?;
                top(path).memory.write_byte(at, &word);
                Ok(Flow::On)
            }
            opcode::MCOPY => {
                let [to, from, len] = pops(path)?;
                let len = self.small(&len, "a length")?;
                let cost = self.rules.gas.mcopy_cost(len);
                self.charge(path, cost, cost)?;
                self.works(len);
                let from = self.expand(path, &from, len)?;
                let to = self.expand(path, &to, len)?;
                let memory = &mut top(path).memory;
                let moved = memory.slice(from, len);
                if len > 0 {
                    memory.copy(to, &moved, 0, len);
                }
                Ok(Flow::On)
            }
            _ => {
                let [offset, len] = pops(path)?;
                if len.known().is_none() {
                    path.doubt("what is hashed");
                    let word = path.other("a hash");
                    return push(path, word);
                }
                let len = self.small(&len, "a length")?;
                let cost = self.rules.gas.keccak256_cost(len);
                self.charge(path, cost, cost)?;
                self.works(len);
                let at = self.expand(path, &offset, len)?;
                let input = top(path).memory.slice(at, len);
                let word = match input.known() {
                    Some(input) => {
                        let hash = keccak256(input).into();
                        self.namer.hashed(hash, input);
                        Word::Known(hash)
                    }
                    None => Word::symbol(Kind::Keccak(input.parts()))
                        .unwrap_or_else(|| path.other("a hash")),
                };
                push(path, word)
            }
        }
    }

    /// Counts work on so many bytes.
    fn works(&mut self, bytes: usize) {
        self.steps += bytes as u64 / 32;
    }

    fn copy(
        &mut self,
        path: &mut Path,
        [to, from, len]: [&Word; 3],
        source: &Data,
        within: bool,
    ) -> Result<Flow, S::Error> {
        let len = self.small(len, "a length")?;
        let Some(from) = from.known() else { return Err(Stop::Lost("what is copied")) };
        let from = usize::try_from(from).unwrap_or(usize::MAX);
        if within && from.saturating_add(len) > source.len() {
            return Err(Stop::Fail);
        }
        let cost = self.rules.gas.copy_cost(len);
        self.charge(path, cost, cost)?;
        self.works(len);
        let to = self.expand(path, to, len)?;
        if len > 0 {
            top(path).memory.copy(to, source, from, len);
        }
        Ok(Flow::On)
    }

    pub(super) fn require_writable(&self, path: &mut Path) -> Result<(), S::Error> {
        if top(path).is_static { Err(Stop::Fail) } else { Ok(()) }
    }

    fn storage(&mut self, path: &mut Path, byte: u8) -> Result<Flow, S::Error> {
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
                self.warm_slot(path, this, &key)?;
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
        self.warm_slot(path, this, &key)?;
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

    fn account_field(&mut self, path: &mut Path, byte: u8) -> Result<Flow, S::Error> {
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
            // The hash of an account without code depends on whether it exists.
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
                let word = path.other("an account's code");
                push(path, word)
            }
        }
    }

    fn self_destruct(&mut self, path: &mut Path) -> Result<Flow, S::Error> {
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
