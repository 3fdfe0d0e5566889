//! The decisions along a path → the path through the blocks, instruction by instruction.
//!
//! A log tells what registers held where that matters, a path that was written down only
//! what was asked of it. Either way the blocks say all the rest.

use super::{Decisions, Flow, Grower, Op, Path, Refusal, Step, Subject, Tree};
use crate::{
    instruction::{CONSTANTS, Instruction, NO_ENTRY, NUMBERS, Register, SMALL, fits},
    program::Program,
    slice::log::{Log, Operand, PATH_MAX, Reader, pinned, ranges},
};
use alloy_primitives::U256;
use revm_bytecode::opcode;

/// Where the decisions along a path stand.
#[derive(Clone, Copy, Debug)]
pub(in super::super) enum Route<'a> {
    /// In the log of a frame that took it.
    Seen(&'a Log),
    /// In a path that was written down.
    Told(&'a Path),
}

/// How far paths are followed.
pub(in super::super) struct Pace<'a> {
    /// The steps so far.
    pub(in super::super) steps: usize,
    /// Whether they may be followed any further.
    pub(in super::super) goes_on: &'a dyn Fn() -> bool,
}

impl Pace<'static> {
    /// To the end, whatever it takes.
    pub(in super::super) const fn unlimited() -> Self {
        Self { steps: 0, goes_on: &|| true }
    }
}

/// Adds a path to a tree, and counts the steps that takes. None if it was there before.
pub(in super::super) fn follow(
    tree: &mut Tree,
    route: Route<'_>,
    program: &Program,
    subject: &Subject<'_>,
    pace: &mut Pace<'_>,
) -> Result<Option<Path>, Refusal> {
    let nodes = tree.nodes.len();
    let (decisions, log) = match route {
        Route::Seen(log) => (Decisions::seen(), Some(Reader::new(log))),
        Route::Told(path) => (Decisions::told(path), None),
    };
    let grower = Grower::new(tree, subject, decisions);
    let mut follower = Follower { grower, program, log, height: 0, steps: 0 };
    let mut entry = Some(0);
    while let Some(at) = entry {
        if !(pace.goes_on)() {
            return Err(Refusal::Interrupted);
        }
        let before = follower.steps;
        let next = follower.block(at);
        pace.steps += follower.steps - before;
        entry = next?;
    }
    follower.grower.finish(nodes)
}

struct Follower<'a> {
    grower: Grower<'a>,
    program: &'a Program,
    /// What the frame logged, if it did.
    log: Option<Reader<'a>>,
    /// The stack's height at block entry.
    height: usize,
    /// Instructions so far.
    steps: usize,
}

impl Follower<'_> {
    /// Follows a block. Yields the entry that comes next, unless the frame has ended.
    fn block(&mut self, entry: u32) -> Result<Option<u32>, Refusal> {
        let (program, height) = (self.program, self.height);
        let block = program.block(entry);
        if !block.fits(height) {
            return Err(Refusal::Foreign);
        }
        self.steps += block.code.len();
        if self.steps > PATH_MAX {
            return Err(Refusal::TooLarge);
        }
        self.grower.enter(block.gas);
        self.grower.origins.enter(height as u32);
        for instruction in &block.code {
            let flow = self.instruction(instruction, &block.constants)?;
            let stack_fits = |check: &Instruction| fits(height, check.a as usize, check.b as usize);
            let behind = |to: Register| height.wrapping_add_signed(to as isize);
            let entry_at = |target: U256| {
                let entry = |pc| program.jump_destination(pc);
                usize::try_from(target).ok().and_then(entry).ok_or(Refusal::Foreign)
            };
            let next = match (instruction.op, flow) {
                (_, Flow::Ended) => return Ok(None),
                (_, Flow::To(target)) => entry_at(target)?,
                (_, Flow::Branch(false)) => instruction.behind(entry),
                (Op::Fail, _) => return self.grower.fail().map(|()| None),
                (_, Flow::Branch(true)) if instruction.gas == NO_ENTRY => {
                    return self.grower.fail().map(|()| None);
                }
                (Op::Goto, _) | (_, Flow::Branch(true)) => instruction.gas,
                (Op::StackCheck, _) if stack_fits(instruction) => continue,
                (Op::StackCheck, _) => return Err(Refusal::Foreign),
                (op @ (Op::Call | Op::Create), _) => {
                    self.height = self.call(op, instruction.b as u8, behind(instruction.to))?;
                    return Ok(Some(instruction.behind(entry)));
                }
                _ => continue,
            };
            self.height = behind(instruction.to);
            return Ok(Some(next));
        }
        Err(Refusal::Foreign)
    }

    /// Follows an instruction other than a call. Yields where it leads.
    fn instruction(
        &mut self,
        instruction: &Instruction,
        constants: &[U256],
    ) -> Result<Flow, Refusal> {
        let &Instruction { op, to, a, b, c, gas } = instruction;
        let height = self.height;
        let place = |register: Register| {
            let above = || height.wrapping_add_signed(register as isize) as u32;
            (register > CONSTANTS).then(above)
        };
        let constant = |register: Register| {
            if register > CONSTANTS {
                U256::ZERO
            } else if register > NUMBERS {
                constants[(CONSTANTS - register) as usize]
            } else {
                SMALL[(NUMBERS - register) as usize]
            }
        };
        let operands = match op {
            Op::Goto | Op::Call | Op::Create | Op::StackCheck | Op::Fail => return Ok(Flow::Next),
            Op::MoveTwo => {
                for (to, from) in [(to, a), (b, c)] {
                    self.grower.shift(place(to), place(from), constant(from));
                }
                return Ok(Flow::Next);
            }
            _ => instruction.operands(),
        };
        let mut step = Step {
            op,
            number: c as u8,
            to: place(to),
            from: operands.map(place),
            values: operands.map(constant),
            arguments: Vec::new(),
            holds: false,
            gas,
        };
        if let Some(log) = &mut self.log {
            tell(log, &mut step, instruction).ok_or(Refusal::Foreign)?;
        }
        self.grower.step(&step)
    }

    /// Follows a call or creation with its arguments on top of a stack of that height.
    /// Yields the height behind it: the result takes the place of the arguments.
    fn call(&mut self, op: Op, number: u8, height: usize) -> Result<usize, Refusal> {
        let info = opcode::OPCODE_INFO[number as usize];
        let count = info.map_or(0, |info| info.inputs() as usize);
        let bottom = height.checked_sub(count).ok_or(Refusal::Foreign)?;
        let mut arguments: Vec<_> =
            (1..=count).map(|n| (Some((height - n) as u32), U256::ZERO)).collect();
        if let Some(log) = &mut self.log {
            let (first, ranges) = ranges(number);
            for (_, value) in arguments.iter_mut().skip(first).take(ranges) {
                *value = log.number().ok_or(Refusal::Foreign)?;
            }
        }
        self.grower.step(&Step {
            op,
            number,
            to: Some(bottom as u32),
            from: [None; 4],
            values: [U256::ZERO; 4],
            arguments,
            holds: false,
            gas: 0,
        })?;
        Ok(bottom + 1)
    }
}

/// Adds to a step what the log tells of it.
fn tell(log: &mut Reader<'_>, step: &mut Step, instruction: &Instruction) -> Option<()> {
    if step.op.is_branch() {
        step.holds = log.branch()?;
        if step.op == Op::BranchDynamic && !step.holds && instruction.b > CONSTANTS {
            step.values[1] = log.number()?;
        }
        return Some(());
    }
    for operand in pinned(step.op) {
        if operand.of(instruction) > CONSTANTS {
            let position = match (step.op, operand) {
                (Op::GotoDynamic, _) | (_, Operand::A) => 0,
                (_, Operand::B) => 1,
                (_, Operand::C) => 2,
            };
            step.values[position] = log.number()?;
        }
    }
    Some(())
}
