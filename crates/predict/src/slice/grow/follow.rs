//! The decisions along a path → the path through the blocks again.
//!
//! What a frame would log is made up: where the registers are, with nothing in them.
//! Where the grower would ask for what they held it has the decisions.

use super::{Decisions, Flow, Grower, Log, Op, Path, Refusal, Subject, Tree};
use crate::{
    instruction::{Instruction, NO_ENTRY, Register, fits},
    machine::{REGISTERS_BELOW, REGISTERS_PER_FRAME},
    program::Program,
    slice::log::STEPS_MAX,
};
use alloy_primitives::U256;
use revm_bytecode::opcode;

/// What registers hold whose content nobody asks for.
static NOTHING: [U256; REGISTERS_BELOW + REGISTERS_PER_FRAME] =
    [U256::ZERO; REGISTERS_BELOW + REGISTERS_PER_FRAME];

/// Adds a path to a tree, and counts the steps that takes.
pub(in super::super) fn follow(
    tree: &mut Tree,
    path: &Path,
    program: &Program,
    subject: &Subject<'_>,
    steps: &mut usize,
) -> Result<(), Refusal> {
    let nodes = tree.nodes.len();
    let mut follower = Follower {
        grower: Grower::new(tree, subject, Decisions::told(path)),
        program,
        log: Log::default(),
        top: REGISTERS_BELOW,
        here: 0,
        steps: 0,
    };
    let mut entry = Some(0);
    while let Some(at) = entry {
        let next = follower.block(at);
        *steps += core::mem::take(&mut follower.here);
        entry = next?;
    }
    follower.grower.finish(nodes)?.map(|_| ()).ok_or(Refusal::Foreign)
}

struct Follower<'a> {
    grower: Grower<'a>,
    program: &'a Program,
    /// What the instruction at hand would have logged.
    log: Log,
    /// Register one past the stack top at block entry.
    top: usize,
    /// Steps in the block at hand, and in all.
    here: usize,
    steps: usize,
}

impl Follower<'_> {
    /// Follows a block. Yields the entry that comes next, unless the frame has ended.
    fn block(&mut self, entry: u32) -> Result<Option<u32>, Refusal> {
        let (program, top) = (self.program, self.top);
        let block = program.block(entry);
        let height = top - REGISTERS_BELOW;
        if !block.fits(height) {
            return Err(Refusal::Foreign);
        }
        self.log.enter(block.gas, height);
        self.drain()?;
        for instruction in &block.code {
            self.log.instruction(&NOTHING, &block.constants, top, REGISTERS_BELOW, instruction);
            let flow = self.drain()?;
            let stack_fits = |check: &Instruction| fits(height, check.a as usize, check.b as usize);
            let behind = |to: Register| top.wrapping_add_signed(to as isize);
            let entry_at = |target: U256| {
                let entry = |pc| program.jump_destination(pc);
                usize::try_from(target).ok().and_then(entry).ok_or(Refusal::Foreign)
            };
            let next = match (instruction.op, flow) {
                (_, Flow::Ended) => return Ok(None),
                (_, Flow::To(target)) => entry_at(target)?,
                (_, Flow::Branch(false)) => entry + 1,
                (_, Flow::Branch(true)) if instruction.gas == NO_ENTRY => {
                    return Err(Refusal::Foreign);
                }
                (Op::Goto, _) | (_, Flow::Branch(true)) => instruction.gas,
                (Op::StackCheck, _) if stack_fits(instruction) => continue,
                (Op::StackCheck | Op::Fail, _) => return Err(Refusal::Foreign),
                (op @ (Op::Call | Op::Create), _) => {
                    let (number, top) = (instruction.b as u8, behind(instruction.to));
                    self.log.call(&NOTHING, top, REGISTERS_BELOW, op, number);
                    self.drain()?;
                    // The result takes the place of the arguments.
                    let info = opcode::OPCODE_INFO[number as usize];
                    self.top = top + 1 - info.map_or(0, |info| info.inputs() as usize);
                    return Ok(Some(entry + 1));
                }
                _ => continue,
            };
            self.top = behind(instruction.to);
            return Ok(Some(next));
        }
        Err(Refusal::Foreign)
    }

    /// Hands on what was logged. Yields where the last of it leads.
    fn drain(&mut self) -> Result<Flow, Refusal> {
        self.here += self.log.steps.len();
        self.steps += self.log.steps.len();
        if self.steps > STEPS_MAX {
            return Err(Refusal::TooLarge);
        }
        let mut flow = Flow::Next;
        for step in self.log.steps.drain(..) {
            flow = self.grower.step(&step)?;
        }
        Ok(flow)
    }
}
