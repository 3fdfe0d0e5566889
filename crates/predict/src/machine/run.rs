//! The instruction loop of one frame.

use super::{
    End, Frame, Halt, Interrupt, Machine, Pending, Surroundings, TxContext,
    additions::{Additions, Registers},
    keccak::KeccakMemo,
    registers::{TOP, Window, place, read},
};
use crate::{
    compile::{div, fold, mul, shl, shr, truth},
    instruction::{NO_ENTRY, Op, fits},
    program::Program,
    rules::Rules,
    slice::Log,
    state::StateView,
    unknown::Unknown,
    world::{AccountId, World},
};
use alloy_primitives::{Address, U256};
use core::cmp::Ordering;
use revm_interpreter::instructions::i256::i256_cmp;
use std::sync::Arc;

/// A frame while it runs, with everything its instructions work on.
pub(super) struct Cpu<'a, S> {
    pub(super) memory: &'a mut Vec<u8>,
    pub(super) return_data: &'a [u8],
    pub(super) keccak: &'a mut KeccakMemo,
    pub(super) world: &'a mut World<S>,
    pub(super) context: &'a TxContext,
    pub(super) rules: &'a Arc<Rules>,
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

impl<'a, S> Cpu<'a, S> {
    /// A frame with the machine's buffers and its surroundings.
    pub(super) const fn new(
        frame: &Frame,
        memory: &'a mut Vec<u8>,
        return_data: &'a [u8],
        keccak: &'a mut KeccakMemo,
        around: &'a mut Surroundings<'_, S>,
    ) -> Self {
        Self {
            memory,
            return_data,
            keccak,
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
        }
    }

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

/// Where a frame stands.
struct Cursor {
    /// The block at hand, and one past the instruction in it that comes next; 0 if the
    /// block was not entered yet.
    entry: u32,
    next: usize,
    /// Register one past the stack top at block entry, and of the stack's bottom.
    top: usize,
    bottom: usize,
    /// Blocks that may still be entered.
    steps: u64,
    /// Instructions run so far, how many before it goes on in chains, and whether it does.
    ran: usize,
    unchained: usize,
    chained: bool,
}

/// Blocks entered from one look at what had to be compiled to the next, where that is
/// limited.
const STRETCH: u64 = 256;

/// Why a frame stops running.
pub(super) enum Leave {
    /// For a call or creation, with so many arguments on the stack.
    Pending(Pending, usize),
    /// It has ended.
    End(End),
}

/// The entry at a computed jump destination.
fn destination<E>(program: &Program, target: U256) -> Result<u32, Halt<E>> {
    let pc = usize::try_from(target).map_err(|_| Halt::Fail)?;
    program.jump_destination(pc).ok_or(Halt::Fail)
}

impl Machine {
    /// Runs the last frame until it ends, leaves for another one, or is interrupted;
    /// in the latter case the instruction at hand is the next.
    pub(super) fn run_frame<S: StateView, const LOG: bool>(
        &mut self,
        around: &mut Surroundings<'_, S>,
    ) -> Result<Option<End>, Halt<S::Error>> {
        let Some(frame) = self.frames.last_mut() else { return Err(Halt::Fail) };
        let program = frame.program.clone();
        let Frame { entry, next, top, bottom, ran, chained, code, .. } = *frame;
        let unchained = self.unchained;
        let mut cursor = Cursor { entry, next, top, bottom, steps: 0, ran, unchained, chained };
        let compile_left = *around.compile_left;
        let stretch = if compile_left == usize::MAX { u64::MAX } else { STRETCH };
        let mut steps = self.steps_max - self.steps;
        let mut cpu =
            Cpu::new(frame, &mut self.memory, &self.return_data, &mut self.keccak, around);
        let mut log = frame.log.as_deref_mut();
        let compiled = program.compiled_size();
        let mut additions = core::mem::take(&mut frame.additions);
        let registers = &mut self.registers;
        let left = loop {
            let granted = steps.min(stretch);
            cursor.steps = granted;
            let left = cpu.run::<LOG>(registers, &program, &mut cursor, &mut log, &mut additions);
            steps -= granted - cursor.steps;
            let paused = matches!(left, Err(Halt::Stop(Interrupt::Unknown(Unknown::StepLimit))));
            if !paused || steps == 0 || program.compiled_size() - compiled > compile_left {
                break left;
            }
        };
        frame.additions = additions;
        (frame.gas, frame.refund) = (cpu.gas, cpu.refund);
        let compiled = program.compiled_size() - compiled;
        frame.compiled |= compiled > 0;
        (frame.entry, frame.next, frame.top) = (cursor.entry, cursor.next, cursor.top);
        (frame.ran, frame.chained) = (cursor.ran, cursor.chained);
        if around.world.view.counts() {
            self.tally.counted.in_blocks += (cursor.ran - ran) as u64;
        }
        self.steps = self.steps_max - steps;
        if compiled > 0 {
            around.compile(compiled, code.unwrap_or(frame.address), program.code.len())?;
        }
        Ok(match left? {
            Leave::End(end) => Some(end),
            Leave::Pending(pending, _) => {
                frame.pending = Some(pending);
                None
            }
        })
    }
}

impl<S: StateView> Cpu<'_, S> {
    /// Runs register code until control leaves the frame.
    ///
    /// With `LOG` every instruction is logged; the frame must not outlive a failure
    /// then, so that the log of one that ends by an instruction is whole.
    fn run<const LOG: bool>(
        &mut self,
        registers: &mut [U256],
        program: &Program,
        cursor: &mut Cursor,
        log: &mut Option<&mut Log>,
        additions: &mut Additions,
    ) -> Result<Leave, Halt<S::Error>> {
        'blocks: loop {
            if cursor.ran > cursor.unchained && cursor.next == 0 {
                cursor.chained = true;
            }
            let height = cursor.top - cursor.bottom;
            let mut block = None;
            if cursor.chained {
                block = Some(program.chain(cursor.entry));
                if cursor.next == 0 {
                    // Blocks tell what there is no room for from what is not met.
                    block = block.filter(|chain| chain.fits(height));
                    cursor.chained = block.is_some();
                }
            }
            let block = block.unwrap_or_else(|| program.block(cursor.entry));
            let (code, constants) = (&*block.code, &*block.constants);
            let window = registers.get_mut(cursor.top - TOP..).and_then(<[_]>::first_chunk_mut);
            let Some(window): Option<&mut Window> = window else { return Err(Halt::Fail) };
            let mut next = cursor.next.saturating_sub(1);
            if cursor.next == 0 {
                let Some(steps) = cursor.steps.checked_sub(1) else {
                    return Err(Halt::Stop(Interrupt::Unknown(Unknown::StepLimit)));
                };
                cursor.steps = steps;
                if !block.fits(height) {
                    return Err(Halt::Fail);
                }
                self.gas -= i64::from(block.gas);
                cursor.ran += code.len();
                additions.enter(height);
                if LOG && let Some(log) = log {
                    log.enter(code.len());
                }
            }
            loop {
                let Some(instruction) = code.get(next) else { return Err(Halt::Fail) };
                // The register that a field names. Each instruction takes what it needs of its
                // fields, where it needs it: that is faster than to take all beforehand.
                macro_rules! get {
                    ($field:ident) => {
                        *read(window, constants, instruction.$field)
                    };
                }
                let mut mark = [0; 3];
                if LOG && let Some(log) = log {
                    mark = log.mark();
                    log.instruction(window, constants, instruction);
                }
                macro_rules! at {
                    () => {
                        Registers { window, constants, height }
                    };
                }
                self.follow(additions, at!(), instruction);
                macro_rules! set {
                    ($field:ident, $value:expr) => {{
                        let value = $value;
                        window[place(instruction.$field)] = value;
                    }};
                    ($value:expr) => {
                        set!(to, $value)
                    };
                }
                // What an effect yields. If it did not complete, the frame can come
                // back to it.
                macro_rules! ok {
                    ($effect:expr) => {
                        match $effect {
                            Ok(value) => value,
                            Err(halt) => {
                                cursor.next = next + 1;
                                if LOG && let Some(log) = log {
                                    log.forget(mark);
                                }
                                return Err(halt);
                            }
                        }
                    };
                }
                // The same of what asks for the state. Where gas has run out it fails before: what
                // was charged by then depends on whether blocks run one by one.
                macro_rules! ask {
                    ($effect:expr) => {{
                        self.charge(0, instruction.gas)?;
                        ok!($effect)
                    }};
                }
                // Goes on in the block of another entry, unless gas has run out.
                macro_rules! goto {
                    ($entry:expr) => {{
                        if self.gas < 0 {
                            return Err(Halt::Fail);
                        }
                        cursor.entry = $entry;
                        cursor.next = 0;
                        cursor.top = cursor.top.wrapping_add_signed(instruction.to as isize);
                        continue 'blocks;
                    }};
                }
                // Goes to the entry of a branch, or to the one behind the block.
                macro_rules! branch {
                    ($taken:expr) => {{
                        let taken = $taken;
                        if taken && instruction.gas == NO_ENTRY {
                            return Ok(Leave::End(End::Failure));
                        }
                        goto!(if taken {
                            instruction.gas
                        } else {
                            instruction.behind(cursor.entry)
                        });
                    }};
                }
                // Goes on in the chain at another position.
                macro_rules! skip {
                    ($skips:expr) => {{
                        if $skips {
                            next = instruction.gas as usize;
                            continue;
                        }
                    }};
                }
                match instruction.op {
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
                    Op::Mul => set!(mul(&get!(a), &get!(b))),
                    Op::Shl => set!(shl(&get!(a), &get!(b))),
                    Op::Shr => set!(shr(&get!(a), &get!(b))),
                    Op::Div => set!(div(&get!(a), &get!(b))),
                    Op::SDiv
                    | Op::Mod
                    | Op::SMod
                    | Op::SignExtend
                    | Op::Xor
                    | Op::Byte
                    | Op::Sar
                    | Op::Clz => set!(fold(instruction.op, [get!(a), get!(b), U256::ZERO])),
                    Op::AddMod | Op::MulMod => {
                        set!(fold(instruction.op, [get!(a), get!(b), get!(c)]))
                    }
                    Op::Exp => {
                        let power = get!(b);
                        ok!(self.charge(self.rules.gas.exp_cost(power), instruction.gas));
                        set!(get!(a).pow(power));
                    }
                    Op::CallDataLoad => set!(self.calldata_load(&get!(a))),
                    Op::MLoad => set!(ok!(self.mload(&get!(a), instruction.gas))),
                    Op::MStore => ok!(self.mstore(&get!(a), &get!(b), instruction.gas)),
                    Op::MStore8 => ok!(self.mstore8(&get!(a), &get!(b), instruction.gas)),
                    Op::MCopy => ok!(self.mcopy([&get!(a), &get!(b), &get!(c)], instruction.gas)),
                    Op::Keccak256 => set!(ok!(self.keccak(&get!(a), &get!(b), instruction.gas))),
                    Op::CallDataCopy => {
                        ok!(self.calldata_copy([&get!(a), &get!(b), &get!(c)], instruction.gas))
                    }
                    Op::CodeCopy => {
                        let operands = [&get!(a), &get!(b), &get!(c)];
                        ok!(self.code_copy(operands, &program.code, instruction.gas));
                    }
                    Op::ReturnDataCopy => {
                        ok!(self.return_data_copy([&get!(a), &get!(b), &get!(c)], instruction.gas));
                    }
                    Op::Log => {
                        ok!(self.log(instruction.c as u8, &get!(a), &get!(b), instruction.gas))
                    }
                    Op::SLoad => {
                        let (slot, value) = ask!(self.sload_slot(get!(a), instruction.gas));
                        set!(value);
                        self.follow_load(additions, at!(), instruction.to, slot);
                    }
                    Op::SStore => {
                        let slot = ask!(self.sstore(get!(a), get!(b), instruction.gas));
                        self.follow_store(additions, at!(), instruction.b, slot);
                    }
                    Op::TLoad => set!(self.world.tload(self.address, get!(a))),
                    Op::TStore => ok!(self.tstore(get!(a), get!(b))),
                    Op::Balance => set!(ask!(self.balance(get!(a), instruction.gas))),
                    Op::SelfBalance => {
                        ok!(self.charge(0, instruction.gas));
                        set!(self.self_balance());
                    }
                    Op::ExtCodeSize => set!(ask!(self.ext_code_size(get!(a), instruction.gas))),
                    Op::ExtCodeHash => set!(ask!(self.ext_code_hash(get!(a), instruction.gas))),
                    Op::ExtCodeCopy => {
                        let operands = [&get!(a), &get!(b), &get!(c)];
                        ask!(self.ext_code_copy(get!(to), operands, instruction.gas));
                    }
                    Op::BlockHash => set!(ask!(self.block_hash(get!(a)))),
                    Op::Gas => {
                        ok!(self.charge(0, instruction.gas));
                        set!(U256::from(self.gas + i64::from(instruction.gas)));
                    }
                    Op::StackCheck => {
                        if !fits(height, instruction.a as usize, instruction.b as usize) {
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
                        if get!(a).is_zero() {
                            goto!(instruction.behind(cursor.entry));
                        }
                        goto!(ok!(destination(program, get!(b))));
                    }
                    Op::Move => set!(get!(a)),
                    Op::MoveTwo => {
                        set!(get!(a));
                        set!(b, get!(c));
                    }
                    Op::Goto => goto!(instruction.gas),
                    Op::SkipIf => skip!(!get!(a).is_zero()),
                    Op::SkipUnless => skip!(get!(a).is_zero()),
                    Op::SkipEq => skip!(get!(a) == get!(b)),
                    Op::SkipNe => skip!(get!(a) != get!(b)),
                    Op::SkipLt => skip!(get!(a) < get!(b)),
                    Op::SkipGe => skip!(get!(a) >= get!(b)),
                    Op::SkipGt => skip!(get!(a) > get!(b)),
                    Op::SkipLe => skip!(get!(a) <= get!(b)),
                    Op::Leave => {
                        self.gas += instruction.len() as i64;
                        goto!(instruction.gas);
                    }
                    Op::GotoDynamic => goto!(ok!(destination(program, get!(b)))),
                    Op::Call | Op::Create => {
                        if self.gas < 0 {
                            return Err(Halt::Fail);
                        }
                        cursor.entry = instruction.behind(cursor.entry);
                        cursor.next = 0;
                        cursor.top = cursor.top.wrapping_add_signed(instruction.to as isize);
                        let opcode = instruction.b as u8;
                        if LOG && let Some(log) = log {
                            log.call(&window[..place(instruction.to)], opcode);
                        }
                        self.follow_call(
                            additions,
                            cursor.top - cursor.bottom,
                            instruction.op,
                            opcode,
                        );
                        let pending = match instruction.op {
                            Op::Call => Pending::Call(opcode),
                            _ => Pending::Create(opcode),
                        };
                        return Ok(Leave::Pending(pending, 0));
                    }
                    Op::Stop => {
                        self.charge(0, instruction.gas)?;
                        return Ok(Leave::End(End::Success(0, 0)));
                    }
                    Op::Return | Op::Revert => {
                        self.charge(0, instruction.gas)?;
                        let len = super::memory::small(&get!(b))?;
                        let start = self.expand(&get!(a), len, instruction.gas)?;
                        return Ok(Leave::End(match instruction.op {
                            Op::Return => End::Success(start, len),
                            _ => End::Revert(start, len),
                        }));
                    }
                    Op::SelfDestruct => {
                        ask!(self.self_destruct(get!(a), instruction.gas));
                        return Ok(Leave::End(End::Success(0, 0)));
                    }
                    Op::Fail => return Ok(Leave::End(End::Failure)),
                    _ => set!(self.environment(instruction.op, get!(a))),
                }
                next += 1;
            }
        }
    }
}
