//! Follows the words that derive from slots while a frame runs in blocks.

use super::run::Cpu;
use crate::{
    compile::fold,
    instruction::{CONSTANTS, Instruction, Op, Register},
    origins::{Finding, Origins},
    slice::{Log, Step},
    state::StateView,
    world::{SlotId, World},
};
use alloy_primitives::U256;

/// What is followed of a frame.
#[derive(Debug, Default)]
pub(super) struct Additions {
    origins: Origins<SlotId>,
    /// The instruction at hand, as a log has it.
    log: Log,
}

/// Where a frame's registers are.
#[derive(Clone, Copy)]
pub(super) struct Registers<'a> {
    pub(super) values: &'a [U256],
    pub(super) constants: &'a [U256],
    pub(super) top: usize,
    pub(super) bottom: usize,
}

impl Registers<'_> {
    fn place(&self, register: Register) -> Option<u32> {
        let above = || self.top.wrapping_add_signed(register as isize).wrapping_sub(self.bottom);
        (register > CONSTANTS).then(|| above() as u32)
    }
}

impl Additions {
    /// Whether no word is followed.
    #[inline]
    pub(super) const fn is_empty(&self) -> bool {
        self.origins.is_empty()
    }

    /// A block is entered with a stack this high.
    #[inline]
    pub(super) fn enter(&mut self, height: usize) {
        if !self.is_empty() {
            self.origins.enter(height as u32);
        }
    }
}

impl<S: StateView> Cpu<'_, S> {
    /// An instruction is about to run.
    #[inline]
    pub(super) fn follow(
        &mut self,
        additions: &mut Additions,
        at: Registers<'_>,
        instruction: &Instruction,
    ) {
        if !additions.is_empty() {
            let Registers { values, constants, top, bottom } = at;
            additions.log.instruction(values, constants, top, bottom, instruction);
            self.follow_logged(additions);
        }
    }

    /// The frame is about to call or create, with the arguments on top of its stack.
    #[inline]
    pub(super) fn follow_call(
        &mut self,
        additions: &mut Additions,
        at: Registers<'_>,
        op: Op,
        opcode: u8,
    ) {
        if !additions.is_empty() {
            additions.log.call(at.values, at.top, at.bottom, op, opcode);
            self.follow_logged(additions);
        }
    }

    /// A slot was loaded into a register.
    pub(super) fn follow_load(
        &mut self,
        additions: &mut Additions,
        at: Registers<'_>,
        to: Register,
        slot: SlotId,
    ) {
        let world = &mut *self.world;
        additions.origins.load(at.place(to), slot, |finding| note(world, finding, None));
    }

    /// A register was stored in a slot.
    pub(super) fn follow_store(
        &mut self,
        additions: &mut Additions,
        at: Registers<'_>,
        from: Register,
        slot: SlotId,
    ) {
        let world = &mut *self.world;
        additions.origins.store(at.place(from), slot, |finding| note(world, finding, None));
    }

    #[cold]
    fn follow_logged(&mut self, Additions { origins, log }: &mut Additions) {
        let world = &mut *self.world;
        for step in log.steps.drain(..) {
            origins.step(&step, |finding| note(world, finding, Some(&step)));
        }
    }
}

/// Notes what was found out by this instruction.
fn note<S: StateView>(world: &mut World<S>, finding: Finding<SlotId>, step: Option<&Step>) {
    let [a, b, c] = step.map_or([U256::ZERO; 3], |step| {
        let [a, b, c, _] = step.values;
        [a, b, c]
    });
    let result = || step.map_or(U256::ZERO, |step| fold(step.op, [a, b, c]));
    match finding {
        Finding::Looked(slot) => world.look_at_slot(slot),
        Finding::Met(one, other) if one != other => {
            world.look_at_slot(one);
            world.look_at_slot(other);
        }
        Finding::LookedUnlessZero(slot) if !result().is_zero() => world.look_at_slot(slot),
        Finding::LookedUnlessKept(slot, operand) if result() != [a, b, c][operand] => {
            world.look_at_slot(slot);
        }
        _ => {}
    }
}
