//! What a path finds out of the slots that its words derive from, as items: `Looks` with
//! the number of a slot, and two values that are the same if it was not looked at.

use super::Place;
use super::{Grower, Op, Refusal, Step, ValueId, Values, item};
use crate::origins::{Finding, Uses};
use alloy_primitives::U256;

impl Grower<'_> {
    /// Follows an instruction that has been followed otherwise; of one that ends a stretch
    /// this comes first.
    pub(super) fn find(&mut self, step: &Step, operands: [ValueId; 2]) -> Result<(), Refusal> {
        let mut found = core::mem::take(&mut self.spilt);
        if !self.origins.is_empty() {
            let uses = Uses {
                op: step.op,
                to: step.to,
                from: step.from,
                values: step.values,
                arguments: step.arguments.iter().map(|(place, _)| *place).collect(),
            };
            self.origins.step(&uses, |finding| found.push(finding));
        }
        let slot = match step.op {
            Op::SLoad | Op::SStore => self.storage.get(&operands[0]).map(|known| known.handle),
            _ => None,
        };
        match (step.op, slot) {
            (Op::SLoad, Some(slot)) => {
                self.origins.load(step.to, slot, |finding| found.push(finding));
            }
            (Op::SStore, Some(slot)) => {
                self.origins.store(step.from[1], slot, |finding| found.push(finding));
            }
            _ => {}
        }
        for finding in found {
            self.note(step, operands, finding)?;
        }
        Ok(())
    }

    /// Follows a move. It finds nothing out unless too many words are followed.
    pub(super) fn find_move(&mut self, to: Place, from: Place) {
        let spilt = &mut self.spilt;
        self.origins.copy(to, from, |finding| spilt.push(finding));
    }

    fn note(
        &mut self,
        step: &Step,
        operands: [ValueId; 2],
        finding: Finding<ValueId>,
    ) -> Result<(), Refusal> {
        let result = self.place(step.to).unwrap_or(Values::ZERO);
        match finding {
            Finding::Looked(slot) => {
                let one = self.tree.values.constant(U256::ONE);
                self.look(slot, Values::ZERO, one)
            }
            Finding::Met(one, other) => {
                self.look(one, one, other)?;
                self.look(other, one, other)
            }
            Finding::LookedUnlessZero(slot) => self.look(slot, result, Values::ZERO),
            Finding::LookedUnlessKept(slot, operand) => self.look(slot, result, operands[operand]),
        }
    }

    /// The slot was looked at if these two differ.
    fn look(&mut self, slot: ValueId, one: ValueId, other: ValueId) -> Result<(), Refusal> {
        let always = self.tree.values.are_distinct(one, other);
        if one != other && !self.looked.contains(&slot) {
            self.push(item(Op::Looks, &[slot, one, other]))?;
            if always {
                self.looked.insert(slot);
            }
        }
        Ok(())
    }
}
