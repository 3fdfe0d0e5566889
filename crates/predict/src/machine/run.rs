//! The instruction loop of one frame.

use super::{
    End, Frame, Halt, Interrupt, Machine, Pending, Surroundings, TxContext,
    context::address_word,
    keccak::KeccakMemo,
};
use crate::{
    compile::{fold, truth},
    instruction::{Block, CONSTANTS, Exit, Instruction, Op, Register},
    program::Program,
    rules::Rules,
    state::StateView,
    unknown::Unknown,
    world::{AccountId, World},
};
use alloy_primitives::{Address, U256};
use core::cmp::Ordering;
use revm_interpreter::instructions::i256::i256_cmp;

/// A frame while it runs, with everything its instructions work on.
pub(super) struct Cpu<'a, S> {
    pub(super) memory: &'a mut Vec<u8>,
    pub(super) return_data: &'a [u8],
    pub(super) keccak: &'a mut KeccakMemo,
    pub(super) world: &'a mut World<S>,
    pub(super) context: &'a TxContext,
    pub(super) rules: &'a Rules,
    /// Where the frame's memory begins.
    pub(super) base: usize,
    pub(super) gas: i64,
    pub(super) refund: i64,
    pub(super) address: AccountId,
    pub(super) caller: Address,
    pub(super) value: U256,
    pub(super) input: (usize, usize),
    pub(super) is_static: bool,
}

impl<S> Cpu<'_, S> {
    /// Charges gas; fails if less is left than what follows has prepaid.
    #[inline]
    pub(super) fn charge<E>(&mut self, gas: u64, rest: u32) -> Result<(), Halt<E>> {
        self.gas = self.gas.saturating_sub_unsigned(gas);
        if self.gas + i64::from(rest) < 0 { Err(Halt::Fail) } else { Ok(()) }
    }

    /// Fails in a static call ([EIP-214](https://eips.ethereum.org/EIPS/eip-214)).
    pub(super) const fn require_writable<E>(&self) -> Result<(), Halt<E>> {
        if self.is_static { Err(Halt::Fail) } else { Ok(()) }
    }
}

/// Where control goes after an instruction.
enum Flow {
    /// Through an exit, to its target.
    Exit(Register),
    /// Through an exit, to a computed destination.
    Jump(Register, U256),
    /// Out of the frame for a call or creation, through an exit.
    Leave(Register, Pending),
    /// To the frame's end.
    End(End),
}

/// The value of a register.
#[inline(always)]
fn read(registers: &[U256], block: &Block, top: usize, register: Register) -> U256 {
    if register > CONSTANTS {
        registers[top.wrapping_add_signed(register as isize)]
    } else {
        block.constants[(CONSTANTS - register) as usize]
    }
}

/// Builds the stack that an exit leaves. Yields the new top.
#[inline]
fn take_exit(registers: &mut [U256], block: &Block, exit: &Exit, top: usize) -> usize {
    for &(to, from) in &block.moves[exit.moves.0 as usize..exit.moves.1 as usize] {
        registers[top.wrapping_add_signed(to as isize)] = read(registers, block, top, from);
    }
    top.wrapping_add_signed(exit.delta as isize)
}

impl Machine {
    /// Runs the last frame until it ends, leaves for another one, or is interrupted;
    /// in the latter case the instruction at hand is the next.
    pub(super) fn run_frame<S: StateView>(
        &mut self,
        around: &mut Surroundings<'_, S>,
    ) -> Result<Result<Option<End>, Halt<S::Error>>, Interrupt<S::Error>> {
        let Some(frame) = self.frames.last_mut() else {
            return Err(Interrupt::Unknown(Unknown::NoFrame));
        };
        let program = frame.program.clone();
        let mut cpu = Cpu {
            memory: &mut self.memory,
            return_data: &self.return_data,
            keccak: &mut self.keccak,
            world: around.world,
            context: around.context,
            rules: around.rules,
            base: frame.memory,
            gas: frame.gas,
            refund: frame.refund,
            address: frame.address,
            caller: frame.caller,
            value: frame.value,
            input: frame.input,
            is_static: frame.is_static,
        };
        let registers = &mut self.registers[..];
        let mut top = frame.top;
        let mut next = frame.next;
        let mut block = program.block(frame.entry);
        let result = loop {
            if next == 0 {
                self.steps += 1;
                if self.steps > around.steps_max {
                    return Err(Interrupt::Unknown(Unknown::StepLimit));
                }
                cpu.gas -= i64::from(block.gas);
            }
            let flow = cpu.run_block(registers, block, &program, top, frame.bottom, &mut next);
            let entry = match flow {
                Ok(Flow::Exit(exit)) => {
                    let exit = &block.exits[exit as usize];
                    top = take_exit(registers, block, exit, top);
                    (exit.target != u32::MAX).then_some(exit.target)
                }
                Ok(Flow::Jump(exit, destination)) => {
                    let exit = &block.exits[exit as usize];
                    top = take_exit(registers, block, exit, top);
                    let destination = usize::try_from(destination).ok();
                    destination.and_then(|pc| program.jump_destination(pc))
                }
                Ok(Flow::Leave(exit, pending)) => {
                    let exit = &block.exits[exit as usize];
                    top = take_exit(registers, block, exit, top);
                    frame.pending = Some(pending);
                    frame.entry = exit.target;
                    next = 0;
                    break Ok(None);
                }
                Ok(Flow::End(end)) => break Ok(Some(end)),
                Err(Halt::Stop(Interrupt::World(stop))) => {
                    frame.save(&cpu, top, next);
                    return Err(Interrupt::World(stop));
                }
                Err(halt) => break Err(halt),
            };
            match entry {
                Some(entry) => {
                    frame.entry = entry;
                    block = program.block(entry);
                    next = 0;
                }
                None => break Ok(Some(End::Failure)),
            }
        };
        frame.save(&cpu, top, next);
        Ok(result)
    }
}

impl Frame {
    /// Keeps what the loop held in hand.
    const fn save<S>(&mut self, cpu: &Cpu<'_, S>, top: usize, next: usize) {
        self.gas = cpu.gas;
        self.refund = cpu.refund;
        self.top = top;
        self.next = next;
    }
}

impl<S: StateView> Cpu<'_, S> {
    /// Runs a block from its `next` instruction until control leaves it.
    fn run_block(
        &mut self,
        registers: &mut [U256],
        block: &Block,
        program: &Program,
        top: usize,
        bottom: usize,
        next: &mut usize,
    ) -> Result<Flow, Halt<S::Error>> {
        loop {
            let Some(&Instruction { op, to, a, b, c, gas }) = block.code.get(*next) else {
                return Err(Halt::Fail);
            };
            macro_rules! get {
                ($register:expr) => {
                    read(registers, block, top, $register)
                };
            }
            macro_rules! set {
                ($value:expr) => {{
                    let value = $value;
                    registers[top.wrapping_add_signed(to as isize)] = value;
                }};
            }
            // A branch: leaves through exit `c`, or pays for the next segment.
            macro_rules! branch {
                ($taken:expr) => {{
                    if self.gas < 0 {
                        return Err(Halt::Fail);
                    }
                    if $taken {
                        return Ok(Flow::Exit(c));
                    }
                    self.gas -= i64::from(gas);
                }};
            }
            match op {
                Op::Add => set!(get!(a).wrapping_add(get!(b))),
                Op::Sub => set!(get!(a).wrapping_sub(get!(b))),
                Op::And => set!(get!(a) & get!(b)),
                Op::Or => set!(get!(a) | get!(b)),
                Op::Not => set!(!get!(a)),
                Op::Lt => set!(truth(get!(a) < get!(b))),
                Op::Gt => set!(truth(get!(a) > get!(b))),
                Op::Eq => set!(truth(get!(a) == get!(b))),
                Op::IsZero => set!(truth(get!(a).is_zero())),
                Op::SLt => set!(truth(i256_cmp(&get!(a), &get!(b)) == Ordering::Less)),
                Op::SGt => set!(truth(i256_cmp(&get!(a), &get!(b)) == Ordering::Greater)),
                Op::Mul
                | Op::Div
                | Op::SDiv
                | Op::Mod
                | Op::SMod
                | Op::SignExtend
                | Op::Xor
                | Op::Byte
                | Op::Shl
                | Op::Shr
                | Op::Sar
                | Op::Clz => set!(fold(op, [get!(a), get!(b), U256::ZERO])),
                Op::AddMod | Op::MulMod => set!(fold(op, [get!(a), get!(b), get!(c)])),
                Op::Exp => {
                    let power = get!(b);
                    self.charge(self.rules.gas.exp_cost(power), gas)?;
                    set!(get!(a).pow(power));
                }
                Op::CallDataLoad => set!(self.calldata_load(get!(a))),
                Op::MLoad => set!(self.mload(get!(a), gas)?),
                Op::MStore => self.mstore(get!(a), get!(b), gas)?,
                Op::MStore8 => self.mstore8(get!(a), get!(b), gas)?,
                Op::MCopy => self.mcopy([get!(a), get!(b), get!(c)], gas)?,
                Op::Keccak256 => set!(self.keccak(get!(a), get!(b), gas)?),
                Op::CallDataCopy => self.calldata_copy([get!(a), get!(b), get!(c)], gas)?,
                Op::CodeCopy => {
                    self.code_copy([get!(a), get!(b), get!(c)], &program.code, gas)?;
                }
                Op::ReturnDataCopy => self.return_data_copy([get!(a), get!(b), get!(c)], gas)?,
                Op::Log => self.log(c as u8, get!(a), get!(b), gas)?,
                Op::SLoad => set!(self.sload(get!(a), gas)?),
                Op::SStore => self.sstore(get!(a), get!(b), gas)?,
                Op::TLoad => set!(self.world.tload(self.address, get!(a))),
                Op::TStore => self.tstore(get!(a), get!(b))?,
                Op::Balance => set!(self.balance(get!(a), gas)?),
                Op::SelfBalance => set!(self.self_balance()),
                Op::ExtCodeSize => set!(self.ext_code_size(get!(a), gas)?),
                Op::ExtCodeHash => set!(self.ext_code_hash(get!(a), gas)?),
                Op::ExtCodeCopy => {
                    self.ext_code_copy(get!(to), [get!(a), get!(b), get!(c)], gas)?;
                }
                Op::BlockHash => set!(self.block_hash(get!(a))?),
                Op::Gas => {
                    self.charge(0, gas)?;
                    set!(U256::from(self.gas + i64::from(gas)));
                }
                Op::StackCheck => {
                    let height = top - bottom;
                    if height < a as usize || height + b as usize > 1024 {
                        return Err(Halt::Fail);
                    }
                }
                Op::BranchIf => branch!(!get!(a).is_zero()),
                Op::BranchUnless => branch!(get!(a).is_zero()),
                Op::BranchEq => branch!(get!(a) == get!(b)),
                Op::BranchNe => branch!(get!(a) != get!(b)),
                Op::BranchLt => branch!(get!(a) < get!(b)),
                Op::BranchGe => branch!(get!(a) >= get!(b)),
                Op::BranchGt => branch!(get!(a) > get!(b)),
                Op::BranchLe => branch!(get!(a) <= get!(b)),
                Op::BranchDynamic => {
                    if self.gas < 0 {
                        return Err(Halt::Fail);
                    }
                    if !get!(a).is_zero() {
                        return Ok(Flow::Jump(c, get!(b)));
                    }
                    self.gas -= i64::from(gas);
                }
                Op::Goto | Op::GotoDynamic | Op::Stop | Op::Fail => {
                    self.charge(0, gas)?;
                    return match op {
                        Op::Goto => Ok(Flow::Exit(c)),
                        Op::GotoDynamic => Ok(Flow::Jump(c, get!(a))),
                        Op::Stop => Ok(Flow::End(End::Success(0, 0))),
                        _ => Err(Halt::Fail),
                    };
                }
                Op::Call => return Ok(Flow::Leave(c, Pending::Call(a as u8))),
                Op::Create => return Ok(Flow::Leave(c, Pending::Create(a as u8))),
                Op::Return | Op::Revert => {
                    self.charge(0, gas)?;
                    let len = super::memory::small(get!(b))?;
                    let start = self.expand(get!(a), len, gas)?;
                    return Ok(Flow::End(if op == Op::Return {
                        End::Success(start, len)
                    } else {
                        End::Revert(start, len)
                    }));
                }
                Op::SelfDestruct => {
                    self.self_destruct(get!(a), gas)?;
                    return Ok(Flow::End(End::Success(0, 0)));
                }
                _ => set!(self.environment(op, get!(a))),
            }
            *next += 1;
        }
    }

    /// What an environment opcode yields.
    fn environment(&self, op: Op, a: U256) -> U256 {
        let context = self.context;
        match op {
            Op::Address => address_word(self.world.account(self.address).address),
            Op::Origin => context.origin,
            Op::Caller => address_word(self.caller),
            Op::CallValue => self.value,
            Op::CallDataSize => U256::from(self.input.1),
            Op::GasPrice => context.gas_price,
            Op::ReturnDataSize => U256::from(self.return_data.len()),
            Op::Coinbase => context.coinbase,
            Op::Timestamp => context.timestamp,
            Op::Number => context.number,
            Op::Difficulty => context.difficulty,
            Op::GasLimit => context.gas_limit,
            Op::ChainId => context.chain_id,
            Op::BaseFee => context.base_fee,
            Op::BlobBaseFee => context.blob_base_fee,
            Op::BlobHash => usize::try_from(a)
                .ok()
                .and_then(|index| context.blob_hashes.get(index))
                .map_or(U256::ZERO, |hash| (*hash).into()),
            Op::MSize => U256::from(self.memory_size()),
            _ => unreachable!("{op:?} has an arm of its own"),
        }
    }
}
