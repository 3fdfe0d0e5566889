//! What a frame did, instruction by instruction, while it ran in blocks: the raw
//! material of a slice.

use crate::{
    instruction::{CONSTANTS, Instruction, Op, Register},
    machine::read,
};
use alloy_primitives::U256;
use revm_bytecode::opcode;

/// The longest run that is kept.
pub(super) const STEPS_MAX: usize = 8192;

/// A register as seen from the bottom of the frame's stack; none for a constant.
pub(crate) type Place = Option<u32>;

/// One instruction that a frame ran.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    pub(crate) op: Op,
    /// The opcode of a call or creation, the topics of a log.
    pub(crate) number: u8,
    /// Where the result went.
    pub(crate) to: Place,
    /// Where the operands came from, and what they were.
    pub(crate) from: [Place; 4],
    pub(crate) values: [U256; 4],
    /// The arguments of a call or creation, the first first.
    pub(crate) arguments: Vec<(Place, U256)>,
    /// As in the instruction; for `Goto` the static gas of the block it entered, where
    /// `to` is the height of the stack.
    pub(crate) gas: u32,
}

/// A frame's run so far.
#[derive(Debug, Default)]
pub(crate) struct Log {
    pub(crate) steps: Vec<Step>,
    /// Whether it became too long to be of use.
    pub(crate) overflowed: bool,
}

impl Log {
    /// A block was entered whose static gas is so much, with a stack this high.
    pub(crate) fn enter(&mut self, gas: u32, height: usize) {
        self.push(Step { gas, to: Some(height as u32), ..step(Op::Goto) });
    }

    /// An instruction is about to run.
    pub(crate) fn instruction(
        &mut self,
        registers: &[U256],
        constants: &[U256],
        top: usize,
        bottom: usize,
        &Instruction { op, to, a, b, c, gas }: &Instruction,
    ) {
        let place = |register: Register| {
            let above = || top.wrapping_add_signed(register as isize).wrapping_sub(bottom) as u32;
            (register > CONSTANTS).then(above)
        };
        let operand = |register| (place(register), *read(registers, constants, top, register));
        let nothing = (None, U256::ZERO);
        let operands = match op {
            // Entering a block is logged, and so is the call itself.
            Op::Goto | Op::Call | Op::Create | Op::StackCheck | Op::Fail => return,
            Op::MoveTwo => {
                let [(from, value), (second, _)] = [operand(a), operand(c)];
                let values = [value, U256::ZERO, U256::ZERO, U256::ZERO];
                let first = Step { to: place(to), values, ..step(Op::Move) };
                self.push(Step { from: [from, None, None, None], ..first });
                // Read anew: the first move may have set it.
                let value =
                    if second == place(to) { value } else { *read(registers, constants, top, c) };
                let values = [value, U256::ZERO, U256::ZERO, U256::ZERO];
                let then = Step { to: place(b), values, ..step(Op::Move) };
                self.push(Step { from: [second, None, None, None], ..then });
                return;
            }
            Op::ExtCodeCopy => [operand(a), operand(b), operand(c), operand(to)],
            Op::BranchIf
            | Op::BranchUnless
            | Op::BranchEq
            | Op::BranchNe
            | Op::BranchLt
            | Op::BranchGe
            | Op::BranchGt
            | Op::BranchLe
            | Op::BranchDynamic
            | Op::Log => [operand(a), operand(b), nothing, nothing],
            Op::GotoDynamic => [operand(b), nothing, nothing, nothing],
            _ => [operand(a), operand(b), operand(c), nothing],
        };
        self.push(Step {
            number: c as u8,
            to: place(to),
            from: operands.map(|(place, _)| place),
            values: operands.map(|(_, value)| value),
            gas,
            ..step(op)
        });
    }

    /// The frame is about to call or create, with the arguments on top of its stack.
    pub(crate) fn call(
        &mut self,
        registers: &[U256],
        top: usize,
        bottom: usize,
        op: Op,
        number: u8,
    ) {
        let count = opcode::OPCODE_INFO[number as usize].map_or(0, |info| info.inputs() as usize);
        let argument = |n: usize| (Some((top - 1 - n - bottom) as u32), registers[top - 1 - n]);
        let arguments = (0..count).map(argument).collect();
        let to = Some((top - count - bottom) as u32);
        self.push(Step { number, to, arguments, ..step(op) });
    }

    fn push(&mut self, step: Step) {
        if self.steps.len() < STEPS_MAX {
            self.steps.push(step);
        } else {
            self.overflowed = true;
        }
    }
}

/// A step without operands.
const fn step(op: Op) -> Step {
    Step {
        op,
        number: 0,
        to: None,
        from: [None; 4],
        values: [U256::ZERO; 4],
        arguments: Vec::new(),
        gas: 0,
    }
}
