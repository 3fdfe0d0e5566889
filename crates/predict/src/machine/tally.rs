//! Counts what the instructions that run serve, where the view asks for that.
//!
//! What a frame runs in a slice is written down, and gone through backwards when it is left:
//! every register is set but once on a path, so it is known by then who needs what an
//! instruction yields. In blocks, where the loops run, guards cannot be told from the rest so
//! easily.

use crate::{
    instruction::{ARGUMENTS_EACH, Instruction, Op, Register},
    slice::Slice,
};

/// How many instructions ran, by what they serve. Counted only where the view
/// [asks for it](crate::StateView::counts).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Instructions {
    /// In slices: comparisons that leave the path where they come out otherwise.
    pub guards: u64,
    /// In slices: computations that nobody but guards needs.
    pub for_guards: u64,
    /// In slices: all others; accesses, calls, and what these need.
    pub others: u64,
    /// In blocks, whatever they serve; a block or chain that is entered counts in full.
    pub in_blocks: u64,
}

/// Who needs a register.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
enum Need {
    #[default]
    Nobody,
    Guards,
    Others,
}

/// The count so far.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// Positions that the frames in progress have run in their slices, by depth.
    traces: Vec<Vec<u32>>,
    needs: Vec<Need>,
    pub(super) counted: Instructions,
}

impl Tally {
    /// What the frame at a depth has run; nothing yet if it is new.
    pub(super) fn trace(&mut self, depth: usize, is_new: bool) -> &mut Vec<u32> {
        if self.traces.len() <= depth {
            self.traces.resize_with(depth + 1, Vec::new);
        }
        if is_new {
            self.traces[depth].clear();
        }
        &mut self.traces[depth]
    }

    /// Counts what the frame at a depth has run in a slice that it leaves.
    pub(super) fn leave(&mut self, depth: usize, slice: &Slice) {
        let Some(trace) = self.traces.get(depth) else { return };
        self.needs.clear();
        self.needs.resize(slice.registers, Need::Nobody);
        let needs = &mut self.needs;
        let mark = |needs: &mut Vec<Need>, register: Register, need: Need| {
            let register = usize::try_from(register).ok().and_then(|at| needs.get_mut(at));
            if let Some(there) = register {
                *there = need.max(*there);
            }
        };
        for &at in trace.iter().rev() {
            let Some(&Instruction { op, to, a, b, c, .. }) = slice.code.get(at as usize) else {
                continue;
            };
            if op.is_branch() {
                self.counted.guards += 1;
                mark(needs, a, Need::Guards);
                mark(needs, b, Need::Guards);
                continue;
            }
            let yielded = usize::try_from(to).ok().and_then(|to| needs.get(to)).copied();
            let need = match yielded {
                Some(Need::Guards) if only_yields(op) => Need::Guards,
                _ => Need::Others,
            };
            match need {
                Need::Guards => self.counted.for_guards += 1,
                _ => self.counted.others += 1,
            }
            let operands = match op {
                Op::Word | Op::WordBits | Op::HashRange => [None; 3],
                Op::Bits | Op::SLoad => [Some(a), None, None],
                Op::SLoadMapped | Op::SStore => [Some(a), Some(b), None],
                Op::Call | Op::Create => {
                    let behind = slice.code.iter().skip(at as usize + 1);
                    for more in behind.take((a as usize).div_ceil(ARGUMENTS_EACH)) {
                        for argument in [more.to, more.a, more.b, more.c] {
                            mark(needs, argument, need);
                        }
                    }
                    [None; 3]
                }
                _ => [Some(a), Some(b), Some(c)],
            };
            operands.into_iter().flatten().for_each(|operand| mark(needs, operand, need));
        }
    }
}

/// Whether an instruction does nothing but yield a value.
const fn only_yields(op: Op) -> bool {
    op.pure_inputs().is_some()
        || op.is_environment()
        || matches!(
            op,
            Op::Word
                | Op::WordBits
                | Op::Bits
                | Op::CallDataLoad
                | Op::BlobHash
                | Op::BlockHash
                | Op::Unmul
                | Op::HashOne
                | Op::HashTwo
                | Op::HashRange
                | Op::Peek
                | Op::Move
                | Op::SLoadKnown
                | Op::TLoad
                | Op::ReturnDataSize
        )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::slice::Constants;

    #[test]
    fn what_only_guards_need_is_told_from_the_rest() {
        let instruction = |op, to, a, b| Instruction { op, to, a, b, c: -1, gas: 0 };
        let code = [
            instruction(Op::Bail, 0, 0, 0),
            instruction(Op::Word, 10, 0, 0),
            // Of the word, for a guard; and for a key as well.
            instruction(Op::Bits, 11, 10, 0),
            instruction(Op::IsZero, 12, 11, -1),
            instruction(Op::BranchIf, 0, 12, -1),
            instruction(Op::Add, 13, 10, 10),
            instruction(Op::BranchEq, 0, 13, -1),
            instruction(Op::SLoad, 14, 13, 15),
            instruction(Op::BranchUnless, 0, 14, -1),
            instruction(Op::Stop, 0, 0, 0),
        ];
        let slice =
            Slice { code: code.into(), constants: Constants::default(), memory: 0, registers: 16 };
        let mut tally = Tally::default();
        tally.trace(1, true).extend(1..10);
        tally.leave(1, &slice);
        let expected = Instructions { guards: 3, for_guards: 2, others: 4, in_blocks: 0 };
        assert_eq!(tally.counted, expected);
        tally.trace(1, true);
        tally.leave(1, &slice);
        assert_eq!(tally.counted, expected, "a new frame has run nothing");
    }
}
