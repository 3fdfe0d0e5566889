//! Branches, switches, calls, and the end of a path.

use super::{Condition, Flow, Grower, Item, Next, Op, Refusal, Step, Value, ValueId, Values, item};
use crate::instruction::Compare;
use alloy_primitives::U256;
use revm_bytecode::opcode;

impl Grower<'_> {
    /// A conditional branch, taken or not.
    pub(super) fn branch(&mut self, step: &Step) -> Result<Flow, Refusal> {
        let (a, b) = (self.operand(step, 0), self.operand(step, 1));
        let (compare, taken_if) = step.op.branch().ok_or(Refusal::Foreign)?;
        let condition = match compare {
            Compare::Zero => Condition { op: Op::IsZero, a, b: Values::ZERO },
            Compare::Equal => Condition { op: Op::Eq, a, b },
            Compare::Less => Condition { op: Op::Lt, a, b },
            Compare::Greater => Condition { op: Op::Gt, a, b },
        };
        let taken = self.guard(condition, step.holds)? == taken_if;
        if step.op == Op::BranchDynamic && taken {
            return self.pin(b, step.values[1]).map(Flow::To);
        }
        Ok(Flow::Branch(taken))
    }

    /// Makes sure that a condition holds, or does not, as it did, and yields which.
    fn guard(&mut self, Condition { op, a, b }: Condition, seen: bool) -> Result<bool, Refusal> {
        let inputs = if op == Op::IsZero { 1 } else { 2 };
        let mut value = self.tree.values.pure(op, inputs, [a, b, Values::ZERO]);
        let agreed = |agree: bool, holds| if agree { Ok(holds) } else { Err(Refusal::Foreign) };
        if let Some(constant) = self.tree.values.as_constant(value) {
            let holds = !constant.is_zero();
            return agreed(self.decisions.agree(&holds, &seen), holds);
        }
        // Down to what is really compared.
        let mut opposite = false;
        while let Value::Pure(Op::IsZero, [inner, ..]) = self.tree.values.get(value) {
            value = inner;
            opposite = !opposite;
        }
        let condition = match self.tree.values.get(value) {
            Value::Pure(op @ (Op::Eq | Op::Lt | Op::Gt), [a, b, _]) => Condition { op, a, b },
            _ => {
                opposite = !opposite;
                Condition { op: Op::IsZero, a: value, b: Values::ZERO }
            }
        };
        if let Some(known) = self.conditions.get(&condition) {
            return agreed(self.decisions.agree(known, &(seen != opposite)), *known != opposite);
        }
        let holds = self.decisions.guard(seen != opposite).ok_or(Refusal::Foreign)?;
        self.conditions.insert(condition, holds);
        self.tell_condition(value, holds != (condition.op == Op::IsZero));
        self.leave_node()?;
        let node = &mut self.tree.nodes[self.node];
        if node.next == Next::Open {
            node.next = Next::Condition(condition, [None, None]);
        }
        let Next::Condition(there, children) = &node.next else { return Err(Refusal::Foreign) };
        if *there != condition {
            return Err(Refusal::Foreign);
        }
        let side = usize::from(holds);
        let child = children[side];
        let child = child.unwrap_or_else(|| self.tree.open());
        if let Next::Condition(_, children) = &mut self.tree.nodes[self.node].next {
            children[side] = Some(child);
        }
        self.enter_node(child);
        Ok(holds != opposite)
    }

    /// Goes on where a value is a constant.
    pub(super) fn enter_switch(
        &mut self,
        value: ValueId,
        constant: ValueId,
    ) -> Result<(), Refusal> {
        self.leave_node()?;
        let node = &mut self.tree.nodes[self.node];
        if node.next == Next::Open {
            node.next = Next::Switch(value, Vec::new());
        }
        let Next::Switch(there, children) = &node.next else { return Err(Refusal::Foreign) };
        if *there != value {
            return Err(Refusal::Foreign);
        }
        let child = children.iter().find(|(case, _)| *case == constant).map(|(_, child)| *child);
        let child = child.unwrap_or_else(|| {
            let child = self.tree.open();
            if let Next::Switch(_, children) = &mut self.tree.nodes[self.node].next {
                children.push((constant, child));
            }
            child
        });
        self.enter_node(child);
        Ok(())
    }

    /// Makes sure that the node at hand holds nothing more.
    fn leave_node(&self) -> Result<(), Refusal> {
        let there = self.tree.nodes[self.node].items.len();
        if self.item == there { Ok(()) } else { Err(Refusal::Foreign) }
    }

    const fn enter_node(&mut self, node: usize) {
        self.node = node;
        self.item = 0;
    }

    /// A call or creation.
    pub(super) fn call(&mut self, step: &Step) -> Result<(), Refusal> {
        let mut operands = Vec::with_capacity(step.arguments.len());
        for (place, constant) in &step.arguments {
            let value = self.place(*place);
            operands.push(value.unwrap_or_else(|| self.tree.values.constant(*constant)));
        }
        let is_call = step.op == Op::Call;
        let with_value = matches!(step.number, opcode::CALL | opcode::CALLCODE);
        let (first, ranges) = match (is_call, with_value) {
            (true, true) => (3, 2),
            (true, false) => (2, 2),
            (false, _) => (1, 1),
        };
        let mut pinned = [(0, 0); 2];
        for (n, range) in pinned.iter_mut().enumerate().take(ranges) {
            let mut bounds = [0; 2];
            for (m, bound) in bounds.iter_mut().enumerate() {
                let at = first + 2 * n + m;
                let value = *operands.get(at).ok_or(Refusal::Foreign)?;
                let (_, seen) = *step.arguments.get(at).ok_or(Refusal::Foreign)?;
                let constant = self.pin(value, seen)?;
                operands[at] = self.tree.values.constant(constant);
                *bound = match u32::try_from(constant) {
                    Ok(bound) => bound,
                    // The offset of nothing may be anything.
                    Err(_) if m == 0 => u32::MAX,
                    Err(_) => return Err(Refusal::TooLarge),
                };
            }
            *range = (bounds[0], bounds[1]);
        }
        let [input, output] = pinned;
        let reads = self.range(input.0, input.1)?;
        let writes = self.range(output.0, output.1)?;
        let due = self.due(0)?;
        let made = Item {
            number: step.number,
            value: Some(Values::ZERO),
            due,
            reads,
            writes,
            covers: false,
            ..item(step.op, &operands)
        };
        let (value, _) = self.push(made)?;
        if let Some((at, len)) = writes {
            self.memory.overwrite(at, len);
        }
        if step.number != opcode::STATICCALL {
            for known in self.storage.values_mut() {
                known.value = None;
            }
        }
        if let Some(value) = value {
            self.set(step.to, value);
        }
        Ok(())
    }

    /// The end of the frame.
    pub(super) fn end(&mut self, step: &Step) -> Result<(), Refusal> {
        let (operands, reads) = match step.op {
            Op::Return | Op::Revert => {
                let len = self.pin_operand(step, 1)?;
                let at = if len == 0 { 0 } else { self.pin_operand(step, 0)? };
                let reads = self.range(at, len)?;
                let operands = [at, len].map(|n| self.tree.values.constant(U256::from(n)));
                (operands.to_vec(), reads)
            }
            Op::SelfDestruct => (vec![self.operand(step, 0)], None),
            _ => (Vec::new(), None),
        };
        let due = self.due(step.gas)?;
        self.push(Item { due, reads, ..item(step.op, &operands) })?;
        self.close()
    }

    /// The frame fails by an instruction: whatever gas is due does not matter any more.
    pub(super) fn fail(&mut self) -> Result<(), Refusal> {
        self.push(item(Op::Fail, &[]))?;
        self.close()
    }

    /// Ends the path.
    fn close(&mut self) -> Result<(), Refusal> {
        let node = &mut self.tree.nodes[self.node];
        match node.next {
            Next::Open => node.next = Next::End,
            Next::End => {}
            _ => return Err(Refusal::Foreign),
        }
        Ok(())
    }
}
