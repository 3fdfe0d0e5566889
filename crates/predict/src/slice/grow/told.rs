//! What guards tell of values: behind a guard that a value is a constant, it and what follows
//! from it are constants, so that nothing computes them and no other guard asks for them.

use super::{Grower, Op, Refusal, Value, ValueId};
use crate::compile::{fold, truth};
use alloy_primitives::U256;

/// How far is looked for what a value follows from.
const DEPTH_MAX: usize = 4;

impl Grower<'_> {
    /// Makes sure that a value is the constant it was, and yields that.
    pub(super) fn pin(&mut self, value: ValueId, seen: U256) -> Result<U256, Refusal> {
        if let Some(known) = self.constant(value, DEPTH_MAX) {
            return if self.decisions.agree(&known, &seen) {
                Ok(known)
            } else {
                Err(Refusal::Foreign)
            };
        }
        let (mut inner, mut seen) = (value, seen);
        for _ in 0..DEPTH_MAX {
            let Some(next) = self.invert(inner, seen) else { break };
            (inner, seen) = next;
        }
        let constant = self.decisions.constant(seen).ok_or(Refusal::Foreign)?;
        self.tell(inner, constant);
        let case = self.tree.values.constant(constant);
        self.enter_switch(inner, case)?;
        let constant = self.constant(value, DEPTH_MAX).ok_or(Refusal::Foreign)?;
        self.tell(value, constant);
        Ok(constant)
    }

    /// A condition holds, or does not: what that tells of the values in it.
    pub(super) fn tell_condition(&mut self, value: ValueId, holds: bool) {
        match self.tree.values.get(value) {
            Value::Pure(op @ (Op::Eq | Op::Lt | Op::Gt), [a, b, _]) => {
                self.tell(value, truth(holds));
                // A constant comes first.
                if let Some(constant) = self.tree.values.as_constant(a)
                    && op == Op::Eq
                    && holds
                {
                    self.tell(b, constant);
                }
            }
            // Any value but zero holds.
            _ if !holds => self.tell(value, U256::ZERO),
            _ => {}
        }
    }

    /// The constant that a value is on this path, if that is known.
    fn constant(&mut self, value: ValueId, depth: usize) -> Option<U256> {
        let told = self.constants.get(&value).copied().unwrap_or(value);
        match self.tree.values.get(told) {
            Value::Constant(constant) => Some(constant),
            Value::Pure(op, operands) => {
                let (inputs, depth) = (op.pure_inputs()?, depth.checked_sub(1)?);
                let mut constants = [U256::ZERO; 3];
                for (constant, operand) in constants.iter_mut().zip(operands).take(inputs) {
                    *constant = self.constant(operand, depth)?;
                }
                Some(fold(op, constants))
            }
            _ => None,
        }
    }

    /// What a value follows from that can be told from it, and which constant that is if
    /// the value is this one. Where several constants lead to it, the smallest.
    fn invert(&self, value: ValueId, constant: U256) -> Option<(ValueId, U256)> {
        let Value::Pure(op, [a, b, _]) = self.tree.values.get(value) else { return None };
        let values = &self.tree.values;
        Some(match (op, values.as_constant(a), values.as_constant(b)) {
            (Op::Add, Some(a), None) => (b, constant.wrapping_sub(a)),
            (Op::Sub, Some(a), None) => (b, a.wrapping_sub(constant)),
            (Op::Sub, None, Some(b)) => (a, constant.wrapping_add(b)),
            (Op::Mul, Some(a), None) if a.is_power_of_two() => (b, constant >> a.trailing_zeros()),
            (Op::Shl, Some(a), None) if a < U256::from(256) => (b, constant >> a),
            _ => return None,
        })
    }

    /// Notes that a value is a constant on this path.
    fn tell(&mut self, value: ValueId, constant: U256) {
        let constant = self.tree.values.constant(constant);
        if value == constant {
            return;
        }
        self.constants.insert(value, constant);
        for register in &mut self.registers {
            if *register == value {
                *register = constant;
            }
        }
    }
}
