//! Follows the words that derive from slots while a frame runs in blocks.

use super::{
    registers::{Window, read},
    run::Cpu,
};
use crate::{
    compile::fold,
    instruction::{CONSTANTS, Instruction, Op, Register},
    origins::{Finding, Origins, Uses, place_bit},
    state::StateView,
    world::{SlotId, World},
};
use alloy_primitives::U256;
use revm_bytecode::opcode;

/// What is followed of a frame.
#[derive(Debug, Default)]
pub(super) struct Additions {
    origins: Origins<SlotId>,
}

/// Where a frame's registers are.
#[derive(Clone, Copy)]
pub(super) struct Registers<'a> {
    pub(super) window: &'a Window,
    pub(super) constants: &'a [U256],
    /// How high the stack was at block entry.
    pub(super) height: usize,
}

impl Registers<'_> {
    fn place(&self, register: Register) -> Option<u32> {
        let above = || self.height.wrapping_add_signed(register as isize);
        (register > CONSTANTS).then(|| above() as u32)
    }

    /// The bits of the places that an instruction may name.
    #[inline]
    fn places(&self, &Instruction { to, a, b, c, .. }: &Instruction) -> u64 {
        let height = self.height as u32;
        let bit = |register: Register| {
            place_bit(height.wrapping_add_signed(register.into())) * u64::from(register > CONSTANTS)
        };
        bit(to) | bit(a) | bit(b) | bit(c)
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
        if !additions.is_empty() && additions.origins.may_be_at(at.places(instruction)) {
            self.follow_instruction(additions, at, instruction);
        }
    }

    #[cold]
    fn follow_instruction(
        &mut self,
        Additions { origins }: &mut Additions,
        at: Registers<'_>,
        instruction: &Instruction,
    ) {
        let &Instruction { op, to, a, b, c, .. } = instruction;
        let world = &mut *self.world;
        let operands = match op {
            Op::Goto
            | Op::Call
            | Op::Create
            | Op::StackCheck
            | Op::Fail
            | Op::SkipIf
            | Op::SkipUnless
            | Op::Leave => return,
            Op::Move => return origins.copy(at.place(to), at.place(a), |it| note(world, it, None)),
            Op::MoveTwo => {
                origins.copy(at.place(to), at.place(a), |it| note(world, it, None));
                return origins.copy(at.place(b), at.place(c), |it| note(world, it, None));
            }
            _ => instruction.operands(),
        };
        let value = |register| *read(at.window, at.constants, register);
        let uses = Uses {
            op,
            to: at.place(to),
            from: operands.map(|register| at.place(register)),
            values: operands.map(value),
            arguments: Vec::new(),
        };
        origins.step(&uses, |finding| note(world, finding, Some(&uses)));
    }

    /// The frame is about to call or create, with the arguments on top of its stack.
    #[inline]
    pub(super) fn follow_call(
        &mut self,
        additions: &mut Additions,
        height: usize,
        op: Op,
        opcode: u8,
    ) {
        if additions.is_empty() {
            return;
        }
        let count = opcode::OPCODE_INFO[opcode as usize].map_or(0, |info| info.inputs() as usize);
        let uses = Uses {
            op,
            to: Some((height - count) as u32),
            from: [None; 4],
            values: [U256::ZERO; 4],
            arguments: (1..=count).map(|n| Some((height - n) as u32)).collect(),
        };
        let world = &mut *self.world;
        additions.origins.step(&uses, |finding| note(world, finding, None));
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
}

/// Notes what was found out by this instruction.
fn note<S: StateView>(world: &mut World<S>, finding: Finding<SlotId>, step: Option<&Uses>) {
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
