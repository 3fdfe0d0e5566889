//! What a frame decided while it ran in blocks, as far as its path depends on it: the
//! raw material of a slice.
//!
//! With the code this is enough to follow the path once more (`grow::follow`), so
//! nothing else is written down, and logging costs next to nothing.

use crate::{
    instruction::{CONSTANTS, Instruction, Op, Register},
    machine::{Window, read},
};
use alloy_primitives::U256;
use bitvec::{order::Lsb0, vec::BitVec};

/// The longest run that is kept, in instructions.
pub(crate) const PATH_MAX: usize = 16384;

/// Numbers from here on stand for one that has no room here.
const WIDE: u32 = 1 << 31;

/// A frame's decisions so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Log {
    /// On which side of each branch it went on: whether its condition held.
    branches: BitVec<u64, Lsb0>,
    /// What each register held that a path may have to know: offsets, lengths,
    /// destinations.
    numbers: Vec<u32>,
    /// Those among them that take more than 31 bits.
    wide: Vec<U256>,
    /// Instructions run so far, more or less.
    pub(crate) steps: usize,
}

/// How far a log had got.
pub(crate) type Mark = [usize; 3];

impl Log {
    /// A block of so many instructions was entered.
    pub(crate) const fn enter(&mut self, instructions: usize) {
        self.steps += instructions;
    }

    /// Whether it became too long to be of use.
    pub(crate) const fn overflowed(&self) -> bool {
        self.steps > PATH_MAX
    }

    /// Size in bytes.
    pub(crate) fn size(&self) -> usize {
        size_of::<Self>()
            + self.branches.capacity() / 8
            + self.numbers.capacity() * size_of::<u32>()
            + self.wide.capacity() * size_of::<U256>()
    }

    /// Gives back what it does not need.
    pub(super) fn shrink(&mut self) {
        self.branches.shrink_to_fit();
        self.numbers.shrink_to_fit();
        self.wide.shrink_to_fit();
    }

    /// How far it has got.
    pub(crate) fn mark(&self) -> Mark {
        [self.branches.len(), self.numbers.len(), self.wide.len()]
    }

    /// Forgets an instruction that will run once more.
    pub(crate) fn forget(&mut self, [branches, numbers, wide]: Mark) {
        self.branches.truncate(branches);
        self.numbers.truncate(numbers);
        self.wide.truncate(wide);
    }

    /// An instruction is about to run.
    #[inline]
    pub(crate) fn instruction(
        &mut self,
        window: &Window,
        constants: &[U256],
        instruction: &Instruction,
    ) {
        if self.overflowed() {
            return;
        }
        let get = |register| read(window, constants, register);
        if let Some((compare, _)) = instruction.op.branch() {
            let holds = compare.holds(get(instruction.a), get(instruction.b));
            self.branches.push(holds);
            if instruction.op == Op::BranchDynamic && !holds {
                self.number(instruction.b, *get(instruction.b));
            }
            return;
        }
        for operand in pinned(instruction.op) {
            let register = operand.of(instruction);
            self.number(register, *get(register));
        }
    }

    /// The frame is about to call or create, with the arguments on top of its stack, which comes
    /// last.
    pub(crate) fn call(&mut self, stack: &[U256], number: u8) {
        if self.overflowed() {
            return;
        }
        let (first, count) = ranges(number);
        for n in first..first + count {
            self.push(stack[stack.len() - 1 - n]);
        }
    }

    /// Writes down what a register holds, unless the code says it.
    fn number(&mut self, register: Register, value: U256) {
        if register > CONSTANTS {
            self.push(value);
        }
    }

    fn push(&mut self, value: U256) {
        match u32::try_from(value) {
            Ok(number) if number < WIDE => self.numbers.push(number),
            _ => {
                self.numbers.push(WIDE + self.wide.len() as u32);
                self.wide.push(value);
            }
        }
    }
}

/// An operand of an instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operand {
    A,
    B,
    C,
}

impl Operand {
    pub(super) const fn of(self, instruction: &Instruction) -> Register {
        match self {
            Self::A => instruction.a,
            Self::B => instruction.b,
            Self::C => instruction.c,
        }
    }
}

/// The operands of an instruction that a path may have to know.
pub(super) const fn pinned(op: Op) -> &'static [Operand] {
    use Operand::{A, B, C};
    match op {
        Op::MLoad | Op::MStore | Op::MStore8 => &[A],
        Op::Keccak256 | Op::Log | Op::Return | Op::Revert => &[A, B],
        Op::MCopy => &[A, B, C],
        Op::CallDataCopy | Op::CodeCopy | Op::ReturnDataCopy | Op::ExtCodeCopy => &[A, C],
        Op::GotoDynamic => &[B],
        _ => &[],
    }
}

/// Where the ranges of memory stand among the arguments of a call or creation: the
/// first, and how many.
pub(super) const fn ranges(number: u8) -> (usize, usize) {
    use revm_bytecode::opcode;
    match number {
        opcode::CALL | opcode::CALLCODE => (3, 4),
        opcode::DELEGATECALL | opcode::STATICCALL => (2, 4),
        _ => (1, 2),
    }
}

/// A log, read from its beginning.
#[derive(Debug)]
pub(super) struct Reader<'a> {
    log: &'a Log,
    branches: usize,
    numbers: usize,
}

impl<'a> Reader<'a> {
    pub(super) const fn new(log: &'a Log) -> Self {
        Self { log, branches: 0, numbers: 0 }
    }

    /// Whether the next branch's condition held.
    pub(super) fn branch(&mut self) -> Option<bool> {
        self.branches += 1;
        self.log.branches.get(self.branches - 1).as_deref().copied()
    }

    /// What the next register held.
    pub(super) fn number(&mut self) -> Option<U256> {
        self.numbers += 1;
        let number = *self.log.numbers.get(self.numbers - 1)?;
        match number.checked_sub(WIDE) {
            None => Some(U256::from(number)),
            Some(wide) => self.log.wide.get(wide as usize).copied(),
        }
    }
}
