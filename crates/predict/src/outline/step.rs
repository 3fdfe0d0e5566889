//! What an opcode does on a path.

use super::{
    data::Data,
    path::{Frame, Path},
    walk::Walker,
    word::{Kind, Word},
};
use crate::{
    compile::pure,
    program::push_size,
    state::{Lookup, StateView},
};
use alloy_primitives::{Address, B256, U256, keccak256};
use revm::primitives::BLOCK_HASH_HISTORY;
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

pub(super) type Result<T, E> = core::result::Result<T, Stop<E>>;

/// The frame that runs.
pub(super) fn top(path: &mut Path) -> &mut Frame {
    Arc::make_mut(&mut path.frame)
}

pub(super) fn pop<E>(path: &mut Path) -> Result<Word, E> {
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

pub(super) fn push<E>(path: &mut Path, word: Word) -> Result<Flow, E> {
    let stack = &mut top(path).stack;
    if stack.len() >= STACK_MAX {
        return Err(Stop::Fail);
    }
    stack.push(word);
    Ok(Flow::On)
}

pub(super) fn number(value: usize) -> Word {
    Word::Known(U256::from(value))
}

pub(super) fn address(value: Address) -> Word {
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
    pub(super) fn works(&mut self, bytes: usize) {
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
}
