//! Runs slices, and leaves them where no path is known.

use super::{
    End, Frame, Halt, Interrupt, Machine, Pending, Surroundings,
    context::address_word,
    learning::LOGGED_DEPTH_MAX,
    run::{Cpu, Leave},
};
use crate::{
    compile::{bits, div, fold, mul, shl, shr, truth, unmul},
    instruction::{Instruction, Op},
    slice::{Plan, Slice, SliceKey},
    state::StateView,
    unknown::Unknown,
    world::SlotId,
};
use alloy_primitives::U256;

/// How many instructions of a slice count as one step.
const INSTRUCTIONS_PER_STEP: usize = 64;

/// Gas that a frame has to have used for its callers to start again with it, and the part of
/// what the transaction has: what is still to come had better run in slices if it is much.
const LOST_MIN: i64 = 50_000;
const LOST_DIVISOR: i64 = 16;

/// A number that is known to be small.
#[inline]
const fn low(number: &U256) -> usize {
    number.as_limbs()[0] as usize
}

/// How a slice was left.
pub(super) enum Left {
    /// As a frame is left.
    As(Leave),
    /// Where no path is known.
    Bailed,
}

impl Frame {
    /// Gas that it has used or handed on since it started.
    const fn used(&self) -> i64 {
        self.gas_at_start - self.gas
    }

    /// What the frame has in common with others that the same slice serves.
    pub(super) fn slice_key(&self, memory: &[u8]) -> SliceKey {
        let (start, len) = self.input;
        SliceKey::new(&memory[start..start + len], self.is_static)
    }

    /// Prepares to run without a slice.
    fn follow_plan(&mut self, key: SliceKey) {
        let Plan { logs, chains } = self.program.slices.plan(key);
        self.log = logs.then(Box::default);
        self.chained = chains;
    }
}

impl Machine {
    /// Prepares the last frame, which is new: with a slice if there is one, else to be
    /// logged if its path might become one.
    pub(super) fn prepare_frame<S: StateView>(&mut self, around: &mut Surroundings<'_, S>) {
        let may_log = self.may_log();
        let Some(frame) = self.frames.last_mut() else { return };
        let Some(code) = frame.code else { return };
        let key = frame.slice_key(&self.memory);
        // Frames that start again may do so within others that do. Once as much gas as the
        // transaction has was burnt for nothing, or most of what it did, blocks do the rest.
        if self.spare < 0 {
            if may_log && self.lost.contains(&(code, key)) {
                frame.follow_plan(key);
            }
            return;
        }
        frame.slice = around.world.slice(code, key);
        match &frame.slice {
            Some(slice) => {
                frame.next = Slice::START;
                let below = frame.bottom;
                frame.bottom += slice.constants.len();
                slice.constants.write(&mut self.registers[below..frame.bottom]);
                self.memory.resize(frame.memory + slice.memory, 0);
                if around.world.view.fetches() {
                    let slice = slice.clone();
                    self.tell_reads(&slice, around);
                }
            }
            None if !may_log => {}
            None => frame.follow_plan(key),
        }
    }

    /// Runs the last frame's slice until it ends, leaves for another frame, or is
    /// interrupted; where it has no path, the frame starts again in blocks.
    pub(super) fn run_slice<S: StateView>(
        &mut self,
        around: &mut Surroundings<'_, S>,
    ) -> Result<Option<End>, Halt<S::Error>> {
        let depth = self.frames.len();
        let Some(frame) = self.frames.last_mut() else { return Err(Halt::Fail) };
        let Some(slice) = frame.slice.take() else { return Err(Halt::Fail) };
        if frame.next == Slice::START {
            self.steps += 1 + (slice.code.len() / INSTRUCTIONS_PER_STEP) as u64;
            if self.steps > self.steps_max {
                frame.slice = Some(slice);
                return Err(Halt::Stop(Interrupt::Unknown(Unknown::StepLimit)));
            }
        }
        let registers = slice.registers_of(&mut self.registers, frame.bottom);
        let mut cpu =
            Cpu::new(frame, &mut self.memory, &self.return_data, &mut self.keccak, around);
        let mut next = frame.next;
        let counts = cpu.world.view.counts();
        let trace = counts.then(|| self.tally.trace(depth, next == Slice::START));
        let left = cpu.run_slice(registers, &slice, &frame.program.code, &mut next, trace);
        (frame.gas, frame.refund, frame.next) = (cpu.gas, cpu.refund, next);
        if counts && matches!(left, Ok(Left::As(Leave::End(_)) | Left::Bailed)) {
            self.tally.leave(depth, &slice);
        }
        frame.slice = Some(slice);
        Ok(match left? {
            Left::As(Leave::End(end)) => Some(end),
            Left::As(Leave::Pending(pending, arguments)) => {
                frame.top = frame.bottom + arguments;
                frame.pending = Some(pending);
                None
            }
            Left::Bailed => {
                self.restart_in_blocks(around);
                None
            }
        })
    }

    /// Undoes the last frame and all it has called, and starts it again in blocks; with it the
    /// frames that called it, if these had better start again as well.
    fn restart_in_blocks<S: StateView>(&mut self, around: &mut Surroundings<'_, S>) {
        let last = self.frames.len() - 1;
        self.spare -= self.frames[last].used();
        let restarted = self.restarted();
        if restarted < last {
            self.spare = -1;
            let lost = self.frames[restarted..].iter().take(LOGGED_DEPTH_MAX);
            let lost = lost.filter_map(|it| Some((it.code?, it.slice_key(&self.memory))));
            self.lost.extend(lost);
            if around.world.view.counts() {
                for (frame, depth) in self.frames[restarted..last].iter().zip(restarted + 1..) {
                    frame.slice.iter().for_each(|slice| self.tally.leave(depth, slice));
                }
            }
            self.frames.truncate(restarted + 1);
        }
        let may_log = self.may_log();
        let Some(frame) = self.frames.last_mut() else { return };
        around.world.revert(frame.started);
        self.return_data.clear();
        self.memory.truncate(frame.memory);
        if let Some(slice) = frame.slice.take() {
            frame.bottom -= slice.constants.len();
        }
        frame.gas = frame.gas_at_start;
        frame.refund = 0;
        frame.pending = None;
        (frame.entry, frame.next, frame.top) = (0, 0, frame.bottom);
        (frame.ran, frame.chained) = (0, false);
        if may_log {
            frame.follow_plan(frame.slice_key(&self.memory));
        }
    }

    /// Which frame starts again where the last one has no path. A call that ends as none did
    /// before leads its callers where they have not been either, one after the other, and
    /// each would run again all that it has called. So if most of what was done by now is lost
    /// anyway, all of it is, and blocks do the rest.
    fn restarted(&self) -> usize {
        let last = self.frames.len() - 1;
        let first = self.frames.iter().position(|frame| frame.slice.is_some()).unwrap_or(last);
        let lost = self.frames[last].used();
        // Callers have handed on the gas that is left.
        let left: i64 = self.frames[first + 1..].iter().map(|frame| frame.gas).sum();
        let done = self.frames[first].used() - left;
        let least = LOST_MIN.max(self.frames[0].gas_at_start / LOST_DIVISOR);
        let is_most = lost >= least && lost >= done / 2;
        if is_most || self.spare < 0 { first } else { last }
    }
}

impl<S: StateView> Cpu<'_, S> {
    /// Runs the code of a slice from a position on. Writes down which, if there is a trace.
    fn run_slice(
        &mut self,
        registers: &mut [U256],
        slice: &Slice,
        bytecode: &[u8],
        position: &mut usize,
        mut trace: Option<&mut Vec<u32>>,
    ) -> Result<Left, Halt<S::Error>> {
        let (code, bottom) = (&*slice.code, slice.constants.len());
        let mut next = *position;
        loop {
            let Some(instruction) = code.get(next) else {
                return Err(Halt::Fail);
            };
            if self.world.view.counts()
                && let Some(trace) = &mut trace
            {
                trace.push(next as u32);
            }
            // The register that a field names. Each instruction takes what it needs of its
            // fields, where it needs it: that is faster than to take all beforehand.
            macro_rules! get {
                ($field:ident) => {
                    registers[bottom.wrapping_add_signed(instruction.$field.into())]
                };
            }
            macro_rules! set {
                ($field:ident, $value:expr) => {{
                    let value = $value;
                    get!($field) = value;
                }};
                ($value:expr) => {
                    set!(to, $value)
                };
            }
            // An effect: charges what is due before it. If it did not complete, the
            // frame can come back to it.
            macro_rules! effect {
                ($effect:expr) => {{
                    let before = self.gas;
                    self.gas -= i64::from(instruction.gas);
                    if self.gas < 0 {
                        return Err(Halt::Fail);
                    }
                    match $effect {
                        Ok(value) => value,
                        Err(halt) => {
                            self.gas = before;
                            *position = next;
                            return Err(halt);
                        }
                    }
                }};
            }
            macro_rules! branch {
                ($taken:expr) => {{
                    if $taken {
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
                Op::Mul => set!(mul(&get!(a), &get!(b))),
                Op::Shl => set!(shl(&get!(a), &get!(b))),
                Op::Shr => set!(shr(&get!(a), &get!(b))),
                Op::Div => set!(div(&get!(a), &get!(b))),
                Op::Unmul => set!(unmul(&get!(a), &get!(b), &get!(c))),
                Op::Bits => set!(bits(&get!(a), instruction.b as u32, instruction.c as u32)),
                Op::WordBits => {
                    set!(bits(
                        &self.calldata_word(instruction.gas as usize),
                        instruction.b as u32,
                        instruction.c as u32
                    ));
                }
                Op::SDiv
                | Op::Mod
                | Op::SMod
                | Op::SignExtend
                | Op::SLt
                | Op::SGt
                | Op::Xor
                | Op::Byte
                | Op::Sar
                | Op::Clz => set!(fold(instruction.op, [get!(a), get!(b), U256::ZERO])),
                Op::AddMod | Op::MulMod => set!(fold(instruction.op, [get!(a), get!(b), get!(c)])),
                Op::Exp => {
                    let power = get!(b);
                    // A constant power was paid for when the slice was made.
                    let cost = if instruction.b < 0 { 0 } else { self.rules.gas.exp_cost(power) };
                    effect!(self.charge(cost, 0));
                    set!(get!(a).pow(power));
                }
                Op::Word => set!(self.calldata_word(instruction.gas as usize)),
                Op::CallDataLoad => set!(self.calldata_load(&get!(a))),
                Op::HashOne => {
                    let input = get!(a).to_be_bytes::<32>();
                    set!(self.keccak.hash(&input));
                }
                Op::HashTwo => set!(self.hash_words(get!(a), get!(b))),
                Op::HashRange => {
                    let at = self.base + instruction.gas as usize;
                    let len = instruction.len();
                    set!(self.keccak.hash(&self.memory[at..at + len]));
                }
                Op::Put => {
                    let at = self.base + instruction.gas as usize;
                    self.memory[at..at + 32].copy_from_slice(&get!(a).to_be_bytes::<32>());
                }
                Op::PutByte => {
                    let at = self.base + instruction.gas as usize;
                    self.memory[at] = get!(a).byte(0);
                }
                Op::Peek => {
                    let at = self.base + instruction.gas as usize;
                    set!(U256::from_be_slice(&self.memory[at..at + 32]));
                }
                Op::MCopy => {
                    let (to, from) = (self.base + low(&get!(a)), self.base + low(&get!(b)));
                    let len = low(&get!(c));
                    self.memory.copy_within(from..from + len, to);
                }
                Op::CallDataCopy => {
                    let (to, len) = (low(&get!(a)), low(&get!(c)));
                    self.copy_calldata(self.base + to, &get!(b), len);
                }
                Op::CodeCopy => {
                    let (to, len) = (low(&get!(a)), low(&get!(c)));
                    self.copy_padded(self.base + to, &get!(b), len, bytecode);
                }
                Op::ReturnDataCopy => {
                    let (to, len) = (low(&get!(a)), low(&get!(c)));
                    self.copy_return_data(self.base + to, &get!(b), len)?;
                }
                Op::SLoad => {
                    let (id, value) = effect!(self.sload_slot(get!(a), 0));
                    set!(b, id.to_word());
                    set!(value);
                }
                Op::SLoadMapped => {
                    let key = self.hash_words(get!(a), get!(b));
                    let (id, value) = effect!(self.sload_slot(key, 0));
                    set!(c, id.to_word());
                    set!(value);
                }
                Op::SLoadKnown => {
                    set!(self.world.slot_value(SlotId::from_word(get!(a))));
                }
                Op::SStore => {
                    let (key, value) = (get!(a), get!(b));
                    let id = effect!(self.sstore(key, value, 0));
                    set!(c, id.to_word());
                }
                Op::SStoreKnown => {
                    let (id, value) = (SlotId::from_word(get!(a)), get!(b));
                    effect!(self.sstore_slot(id, value, 0));
                }
                Op::Looks => {
                    if get!(b) != get!(c) {
                        self.world.look_at_slot(SlotId::from_word(get!(a)));
                    }
                }
                Op::TLoad => set!(self.world.tload(self.address, get!(a))),
                Op::TStore => self.tstore(get!(a), get!(b))?,
                Op::Balance => set!(effect!(self.balance(get!(a), 0))),
                Op::SelfBalance => {
                    effect!(self.charge(0, 0));
                    set!(self.self_balance());
                }
                Op::ExtCodeSize => set!(effect!(self.ext_code_size(get!(a), 0))),
                Op::ExtCodeHash => set!(effect!(self.ext_code_hash(get!(a), 0))),
                Op::ExtCodeCopy => {
                    let operands = [&get!(a), &get!(b), &get!(c)];
                    let account = get!(to);
                    effect!(self.ext_code_copy(account, operands, 0));
                }
                Op::BlockHash => {
                    let number = get!(a);
                    set!(effect!(self.block_hash(number)));
                }
                Op::Gas => {
                    effect!(self.charge(0, 0));
                    set!(U256::from(self.gas));
                }
                Op::BranchIf => branch!(!get!(a).is_zero()),
                Op::BranchUnless => branch!(get!(a).is_zero()),
                Op::BranchEq => branch!(get!(a) == get!(b)),
                Op::BranchNe => branch!(get!(a) != get!(b)),
                Op::BranchLt => branch!(get!(a) < get!(b)),
                Op::BranchGe => branch!(get!(a) >= get!(b)),
                Op::BranchGt => branch!(get!(a) > get!(b)),
                Op::BranchLe => branch!(get!(a) <= get!(b)),
                Op::Move => set!(get!(a)),
                Op::Call | Op::Create => {
                    effect!(self.charge(0, 0));
                    *position = next + 1;
                    // The first argument is to be the topmost item.
                    let mut to = instruction.a as usize;
                    while to > 0 {
                        let Some(arguments) = code.get(*position) else {
                            return Err(Halt::Fail);
                        };
                        *position += 1;
                        let &Instruction { to: first, a, b, c, .. } = arguments;
                        for argument in [first, a, b, c].into_iter().take(to) {
                            to -= 1;
                            let argument = bottom.wrapping_add_signed(argument.into());
                            registers[bottom + to] = registers[argument];
                        }
                    }
                    let pending = match instruction.op {
                        Op::Call => Pending::Call(instruction.b as u8),
                        _ => Pending::Create(instruction.b as u8),
                    };
                    return Ok(Left::As(Leave::Pending(pending, instruction.a as usize)));
                }
                Op::Stop => {
                    effect!(self.charge(0, 0));
                    return Ok(Left::As(Leave::End(End::Success(0, 0))));
                }
                Op::Return | Op::Revert => {
                    effect!(self.charge(0, 0));
                    let (at, len) = (low(&get!(a)), low(&get!(b)));
                    let start = self.base + at;
                    return Ok(Left::As(Leave::End(match instruction.op {
                        Op::Return => End::Success(start, len),
                        _ => End::Revert(start, len),
                    })));
                }
                Op::SelfDestruct => {
                    let target = get!(a);
                    effect!(self.self_destruct(target, 0));
                    return Ok(Left::As(Leave::End(End::Success(0, 0))));
                }
                Op::Fail => return Ok(Left::As(Leave::End(End::Failure))),
                Op::Bail => return Ok(Left::Bailed),
                Op::Caller => set!(address_word(self.caller)),
                Op::CallValue => set!(self.value),
                Op::ReturnDataSize => set!(U256::from(self.return_data.len())),
                _ => set!(self.environment(instruction.op, get!(a))),
            }
            next += 1;
        }
    }

    /// The hash of two words.
    fn hash_words(&mut self, a: U256, b: U256) -> U256 {
        let mut input = [0; 64];
        input[..32].copy_from_slice(&a.to_be_bytes::<32>());
        input[32..].copy_from_slice(&b.to_be_bytes::<32>());
        self.keccak.hash_two(&input)
    }
}
