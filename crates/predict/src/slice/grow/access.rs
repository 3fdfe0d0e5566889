//! Instructions that look at the environment, at memory, and at the state.

use super::{Grower, Item, Known, Op, Refusal, Step, Value, ValueId, Values, item};
use alloy_primitives::U256;

impl Grower<'_> {
    /// Follows an instruction that is neither control nor a computation.
    pub(super) fn access(&mut self, step: &Step) -> Result<(), Refusal> {
        let value = match step.op {
            // All that share a tree have calldata of one length.
            Op::CallDataSize => self.tree.values.constant(U256::from(self.subject.calldata)),
            op if op.is_environment() => self.tree.values.intern(Value::Environment(op)),
            Op::MSize => self.tree.values.constant(U256::from(self.memory.size)),
            Op::CallDataLoad => {
                let offset = self.operand(step, 0);
                match self.tree.values.as_constant(offset) {
                    Some(offset) => self.calldata(u32::try_from(offset).unwrap_or(u32::MAX)),
                    None => self.tree.values.intern(Value::Lookup(step.op, offset)),
                }
            }
            Op::BlobHash => {
                let index = self.operand(step, 0);
                self.tree.values.intern(Value::Lookup(step.op, index))
            }
            Op::ReturnDataSize => self.yielding(Item { keep: false, ..item(step.op, &[]) })?,
            Op::MLoad => self.load(step)?,
            Op::Keccak256 => self.hash(step)?,
            Op::MStore | Op::MStore8 => return self.store(step),
            Op::MCopy | Op::CallDataCopy | Op::CodeCopy | Op::ReturnDataCopy | Op::ExtCodeCopy => {
                return self.copy(step);
            }
            Op::SLoad => self.sload(step)?,
            Op::SStore => return self.sstore(step),
            Op::TStore => {
                let operands = [self.operand(step, 0), self.operand(step, 1)];
                self.push(item(step.op, &operands))?;
                return Ok(());
            }
            Op::TLoad | Op::BlockHash => {
                let operand = self.operand(step, 0);
                self.yielding(Item { keep: false, ..item(step.op, &[operand]) })?
            }
            Op::Balance | Op::ExtCodeSize | Op::ExtCodeHash => {
                let operand = self.operand(step, 0);
                let due = self.due(step.gas)?;
                self.yielding(Item { due, ..item(step.op, &[operand]) })?
            }
            Op::SelfBalance => {
                let due = self.due(step.gas)?;
                self.yielding(Item { due, ..item(step.op, &[]) })?
            }
            Op::Gas => {
                let due = self.due(step.gas)?;
                self.yielding(Item { due, ..item(step.op, &[]) })?
            }
            Op::Exp => self.power(step)?,
            _ => return Err(Refusal::Foreign),
        };
        self.set(step.to, value);
        Ok(())
    }

    /// Adds an item that yields a value.
    fn yielding(&mut self, item: Item) -> Result<ValueId, Refusal> {
        let (value, _) = self.push(Item { value: Some(Values::ZERO), ..item })?;
        value.ok_or(Refusal::Foreign)
    }

    /// EXP, whose gas depends on the power.
    fn power(&mut self, step: &Step) -> Result<ValueId, Refusal> {
        let (base, power) = (self.operand(step, 0), self.operand(step, 1));
        let values = &mut self.tree.values;
        if let Some(constant) = values.as_constant(power) {
            self.determined += self.subject.rules.gas.exp_cost(constant);
            if let Some(base) = values.as_constant(base) {
                return Ok(values.constant(base.pow(constant)));
            }
            return Ok(values.intern(Value::Pure(Op::Exp, [base, power, Values::ZERO])));
        }
        let due = self.due(step.gas)?;
        self.yielding(Item { due, ..item(Op::Exp, &[base, power]) })
    }

    fn load(&mut self, step: &Step) -> Result<ValueId, Refusal> {
        let at = self.pin_operand(step, 0)?;
        let reads = self.range(at, 32)?;
        if let Some(value) = self.word(at) {
            return Ok(value);
        }
        self.yielding(Item { reads, keep: false, ..item(Op::Peek, &[]) })
    }

    fn store(&mut self, step: &Step) -> Result<(), Refusal> {
        let at = self.pin_operand(step, 0)?;
        let value = self.operand(step, 1);
        let (op, len) = if step.op == Op::MStore { (Op::Put, 32) } else { (Op::PutByte, 1) };
        let writes = self.range(at, len)?;
        self.push(Item { writes, keep: false, ..item(op, &[value]) })?;
        if op == Op::Put {
            self.memory.write_word(at, value);
        } else {
            self.memory.overwrite(at, len);
        }
        Ok(())
    }

    fn hash(&mut self, step: &Step) -> Result<ValueId, Refusal> {
        let len = self.pin_operand(step, 1)?;
        let at = if len == 0 { 0 } else { self.pin_operand(step, 0)? };
        self.determined += self.subject.rules.gas.keccak256_cost(len as usize);
        let reads = self.range(at, len)?;
        let words = match len {
            32 => [self.word(at), Some(Values::ZERO)],
            64 => [self.word(at), self.word(at + 32)],
            _ => [None, None],
        };
        if let [Some(first), Some(second)] = words {
            let hash =
                if len == 32 { Value::HashOne(first) } else { Value::HashTwo(first, second) };
            return Ok(self.tree.values.intern(hash));
        }
        self.yielding(Item { reads, keep: false, ..item(Op::HashRange, &[]) })
    }

    fn copy(&mut self, step: &Step) -> Result<(), Refusal> {
        let gas = &self.subject.rules.gas;
        let len = self.pin_operand(step, 2)?;
        match step.op {
            Op::MCopy => self.determined += gas.mcopy_cost(len as usize),
            // Charges for its length when it runs.
            Op::ExtCodeCopy => {}
            _ => self.determined += gas.copy_cost(len as usize),
        }
        let to = if len == 0 { 0 } else { self.pin_operand(step, 0)? };
        let mut reads = None;
        if step.op == Op::MCopy && len != 0 {
            let from = self.pin_operand(step, 1)?;
            self.range(to.max(from), len)?;
            reads = Some((from, len));
        }
        let writes = self.range(to, len)?;
        let [at, length] = [to, len].map(|n| self.tree.values.constant(U256::from(n)));
        let from = self.operand(step, 1);
        let made = match step.op {
            Op::ExtCodeCopy => {
                let account = self.operand(step, 3);
                let due = self.due(step.gas)?;
                Item { due, writes, ..item(step.op, &[at, from, length, account]) }
            }
            // Fails when it reads behind the end.
            Op::ReturnDataCopy => Item { writes, ..item(step.op, &[at, from, length]) },
            _ if len == 0 => return Ok(()),
            _ => Item { reads, writes, keep: false, ..item(step.op, &[at, from, length]) },
        };
        self.push(made)?;
        let Some((at, len)) = writes else { return Ok(()) };
        match (step.op, self.tree.values.as_constant(from).map(u32::try_from)) {
            (Op::CallDataCopy, Some(Ok(from))) if from < 1 << 30 => {
                self.memory.write_calldata(at, from, len);
            }
            _ => self.memory.overwrite(at, len),
        }
        Ok(())
    }

    fn sload(&mut self, step: &Step) -> Result<ValueId, Refusal> {
        let key = self.operand(step, 0);
        let known = self.storage.get(&key).copied();
        // A slot that the frame has touched is warm; before Berlin all cost the same.
        match known {
            Some(Known { value: Some(value), .. }) => Ok(value),
            Some(Known { handle, value: None }) => {
                let value =
                    self.yielding(Item { keep: false, ..item(Op::SLoadKnown, &[handle]) })?;
                self.storage.insert(key, Known { handle, value: Some(value) });
                Ok(value)
            }
            None => {
                let due = self.due(step.gas)?;
                let made = Item {
                    value: Some(Values::ZERO),
                    handle: Some(Values::ZERO),
                    due,
                    ..item(Op::SLoad, &[key])
                };
                let (Some(value), Some(handle)) = self.push(made)? else {
                    return Err(Refusal::Foreign);
                };
                self.storage.insert(key, Known { handle, value: Some(value) });
                Ok(value)
            }
        }
    }

    fn sstore(&mut self, step: &Step) -> Result<(), Refusal> {
        let (key, value) = (self.operand(step, 0), self.operand(step, 1));
        let due = self.due(step.gas)?;
        let handle = match self.storage.get(&key).copied() {
            Some(Known { handle, .. }) => {
                self.push(Item { due, ..item(Op::SStoreKnown, &[handle, value]) })?;
                handle
            }
            None => {
                let made =
                    Item { handle: Some(Values::ZERO), due, ..item(Op::SStore, &[key, value]) };
                let (_, handle) = self.push(made)?;
                handle.ok_or(Refusal::Foreign)?
            }
        };
        let values = &self.tree.values;
        for (other, known) in &mut self.storage {
            if !values.are_distinct(*other, key) {
                known.value = None;
            }
        }
        self.storage.insert(key, Known { handle, value: Some(value) });
        Ok(())
    }
}
