//! Chains: the blocks along the likeliest way from an entry on, compiled as one.
//!
//! Between them no stack is built and no constant destination looked up, so they take a
//! fraction of the instructions. But each entry has its own, and code that is part of
//! many is compiled as often. So they are for frames that have run for long, in loops.
//!
//! A chain goes through jumps to constants, and on behind branches: on the side that does
//! not end the frame, else behind the JUMPI. Where a frame turns out to take the other
//! side, it leaves the chain there.

use super::Program;
use crate::program::push_size;
use revm_bytecode::opcode;

/// The most entries that a chain goes through, and how far they lie at most from the
/// first, so that what lies behind the last can be told as a distance from it.
const MEMBERS_MAX: usize = 32;
const DISTANCE_MAX: u32 = 1 << 13;

/// How often a chain goes through the same entry: functions are called more than once.
const SAME_MAX: usize = 4;

/// The opcodes behind which a chain takes no more blocks.
pub(super) const OPCODES_MAX: usize = 256;

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
