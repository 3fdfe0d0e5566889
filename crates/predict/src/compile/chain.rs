//! Chains: the blocks along the likeliest way from an entry on, compiled as one.
//!
//! Between them no stack is built and no constant destination looked up, so they take a
//! fraction of the instructions. But each entry has its own, and code that is part of
//! many is compiled as often. So they are for frames that have run for long, in loops, and
//! for those that no slice will serve. The stack is checked for a whole chain at its start: it
//! is not entered where it does not fit.
//!
//! A chain goes through jumps to constants, and on behind branches: on the side that does
//! not end the frame, else behind the JUMPI. Where a frame turns out to take the other
//! side, it leaves the chain there.

use super::Program;
use crate::program::push_size;
use revm_bytecode::opcode;

/// The most entries that a chain goes through, and how far they lie at most from the
/// first, so that what lies behind the last can be told as a distance from it.
const MEMBERS_MAX: usize = 64;
const DISTANCE_MAX: u32 = 1 << 13;

/// How often a chain goes through the same entry: functions are called more than once, those
/// that check arithmetic many times.
const SAME_MAX: usize = 16;

/// The opcodes behind which a chain takes no more blocks.
pub(super) const OPCODES_MAX: usize = 512;

/// How many opcodes are looked through for the end of the frame, and through how many jumps.
const LOOKED_AHEAD: usize = 24;
const JUMPS_AHEAD: usize = 2;

/// The entries that a chain goes through.
#[derive(Debug)]
pub(super) struct Chain {
    members: Vec<u32>,
}

impl Chain {
    /// A chain that starts at an entry.
    pub(super) fn new(start: u32) -> Self {
        Self { members: vec![start] }
    }

    /// Adds an entry, if it can be.
    pub(super) fn add(&mut self, entry: u32) -> bool {
        let near = entry.abs_diff(self.members[0]) <= DISTANCE_MAX;
        let often = self.members.iter().filter(|member| **member == entry).count() >= SAME_MAX;
        let takes = near && self.members.len() < MEMBERS_MAX && !often;
        if takes {
            self.members.push(entry);
        }
        takes
    }
}

/// Whether what stands at a position soon ends the frame, whatever happens.
pub(super) fn ends_soon(program: &Program, mut pc: usize) -> bool {
    let (mut pushed, mut jumps) = (None, 0);
    for _ in 0..LOOKED_AHEAD {
        let byte = program.code.get(pc).copied().unwrap_or(opcode::STOP);
        match byte {
            opcode::STOP
            | opcode::RETURN
            | opcode::REVERT
            | opcode::INVALID
            | opcode::SELFDESTRUCT => return true,
            opcode::JUMP => {
                let Some(target) = pushed.filter(|_| jumps < JUMPS_AHEAD) else { return false };
                jumps += 1;
                pc = target;
                continue;
            }
            opcode::JUMPI
            | opcode::CALL
            | opcode::CALLCODE
            | opcode::DELEGATECALL
            | opcode::STATICCALL
            | opcode::CREATE
            | opcode::CREATE2 => return false,
            _ => {}
        }
        let is_push = matches!(byte, opcode::PUSH1..=opcode::PUSH32);
        pushed =
            is_push.then(|| super::push_value(&program.code, pc)).and_then(|to| to.try_into().ok());
        pc += 1 + push_size(byte);
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{compile::compile_chain, instruction::Op, rules::Rules};
    use alloy_primitives::Bytes;
    use revm::{context::CfgEnv, primitives::hardfork::SpecId, state::Bytecode};
    use std::sync::Arc;

    fn program(code: &[u8]) -> Program {
        let rules = Arc::new(Rules::new(&CfgEnv::new_with_spec(SpecId::OSAKA)));
        Program::new(&Bytecode::new_legacy(Bytes::copy_from_slice(code)), rules)
    }

    fn ops(code: &[u8]) -> Vec<Op> {
        compile_chain(&program(code), 0).code.iter().map(|instruction| instruction.op).collect()
    }

    #[test]
    fn ends_are_seen_through_jumps_and_not_behind_branches() {
        use opcode::{DUP1, JUMP, JUMPDEST, JUMPI, PUSH1, REVERT, STOP};
        let code = [DUP1, DUP1, REVERT, JUMPDEST, PUSH1, 0, JUMP, PUSH1, 3, JUMPI, STOP];
        let program = program(&code);
        assert!(ends_soon(&program, 0));
        assert!(ends_soon(&program, 3), "by way of a jump");
        assert!(!ends_soon(&program, 7), "nobody knows");
        assert!(ends_soon(&program, 10) && ends_soon(&program, 99), "behind the end is STOP");
        let endless = [JUMPDEST, PUSH1, 0, JUMP];
        assert!(!ends_soon(&self::program(&endless), 0));
    }

    #[test]
    fn a_function_that_is_called_twice_is_part_of_the_chain_twice() {
        use opcode::{CALLVALUE, JUMP, JUMPDEST, PUSH1, SSTORE, STOP, SWAP1};
        let call = |back: u8| [PUSH1, back, PUSH1, 14, JUMP, JUMPDEST];
        let function = [JUMPDEST, CALLVALUE, PUSH1, 7, SSTORE, JUMP];
        let code = [&call(5)[..], &call(11)[..], &[STOP, SWAP1], &function].concat();
        assert_eq!(ops(&code), [Op::CallValue, Op::SStore, Op::CallValue, Op::SStore, Op::Stop]);
    }

    #[test]
    fn a_chain_goes_on_where_the_frame_does_and_comes_round_once() {
        use opcode::{CALLVALUE, ISZERO, JUMP, JUMPDEST, JUMPI, PUSH1, REVERT};
        // require(CALLVALUE) for ever.
        let code =
            [JUMPDEST, CALLVALUE, PUSH1, 8, JUMPI, PUSH1, 0, REVERT, JUMPDEST, PUSH1, 0, JUMP];
        let found = ops(&code);
        let turn = [Op::CallValue, Op::SkipIf, Op::Leave];
        assert_eq!(
            found,
            [turn; SAME_MAX].concat().into_iter().chain([Op::Goto]).collect::<Vec<_>>()
        );
        let negated = [CALLVALUE, ISZERO, PUSH1, 8, JUMPI, PUSH1, 0, REVERT, JUMPDEST];
        assert_eq!(ops(&negated)[..2], [Op::CallValue, Op::SkipUnless], "what leaves is told");
    }

    #[test]
    fn comparisons_are_part_of_what_skips() {
        use opcode::{CALLVALUE, EQ, GAS, GT, ISZERO, JUMPDEST, JUMPI, LT, PUSH1, REVERT, STOP};
        for (compares, holds, fails) in [
            (LT, Op::SkipLt, Op::SkipGe),
            (GT, Op::SkipGt, Op::SkipLe),
            (EQ, Op::SkipEq, Op::SkipNe),
        ] {
            let end = [PUSH1, 0, REVERT, JUMPDEST, STOP];
            let direct = [&[CALLVALUE, GAS, compares, PUSH1, 9, JUMPI][..], &end].concat();
            assert_eq!(ops(&direct)[..3], [Op::CallValue, Op::Gas, holds]);
            let negated =
                [&[CALLVALUE, GAS, compares, ISZERO, PUSH1, 10, JUMPI][..], &end].concat();
            assert_eq!(ops(&negated)[..3], [Op::CallValue, Op::Gas, fails]);
        }
    }

    #[test]
    fn chains_take_a_bounded_multiple_of_the_code() {
        let code = [opcode::JUMPDEST, opcode::ADDRESS, opcode::SLOAD, opcode::POP].repeat(6000);
        let program = program(&code);
        for pc in (0..code.len()).step_by(4) {
            program.chain(program.entry(pc).unwrap());
        }
        // One by one they would take several hundred times as much as the code.
        assert!(program.compiled_size() < 64 * code.len(), "{}", program.compiled_size());
    }
}
