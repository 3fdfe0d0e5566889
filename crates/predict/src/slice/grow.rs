//! A log → one more path of the tree.
//!
//! The log is followed once. Registers hold values, expressions over what the frame
//! started with; moves, jumps to constants, stack checks and logs leave nothing
//! behind. Where the path needs a constant, for a memory offset, a length or a jump,
//! and the value is none, the tree switches on the value.
//!
//! What keeps it right: nothing that was seen while the log was written, the
//! outcomes of conditions and the constants of switches apart, finds its way into an
//! item; those two are guarded. So whoever passes all guards of a path would have
//! written the same log.

mod access;
mod control;

use super::{
    log::{Log, Place, Step},
    memory::{Memory, Word},
    tree::{Condition, Item, Next, Range, Tree},
    value::{Value, ValueId, Values},
};
use crate::{instruction::Op, rules::Rules};
use alloy_primitives::{U256, map::HashMap};

/// The most memory that a path may need, in bytes.
const MEMORY_MAX: u32 = 1 << 14;

/// Why a log does not become a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// It needs too much memory or gas.
    TooLarge,
    /// It does not fit the paths that are there.
    Foreign,
}

/// What a storage key of the frame's own account is known to hold.
#[derive(Clone, Copy, Debug)]
struct Known {
    /// The number of the slot.
    handle: ValueId,
    /// Its value, unless something may have changed it since.
    value: Option<ValueId>,
}

/// What a piece of code is to its slices.
pub(super) struct Subject<'a> {
    pub(super) rules: &'a Rules,
    /// The length of the calldata.
    pub(super) calldata: u32,
}

/// The pass over a log.
struct Grower<'a> {
    tree: &'a mut Tree,
    subject: &'a Subject<'a>,
    /// Where in the tree the path has got to.
    node: usize,
    item: usize,
    registers: HashMap<u32, ValueId>,
    memory: Memory,
    storage: HashMap<ValueId, Known>,
    /// What guards have told.
    conditions: HashMap<Condition, bool>,
    constants: HashMap<ValueId, U256>,
    /// Static gas charged so far, dynamic gas that the path determines, and how much
    /// of the two the items have been told of.
    charged: u64,
    determined: u64,
    told: u64,
}

/// Adds the path that a log shows to a tree. False if it was there before.
pub(super) fn grow(tree: &mut Tree, log: &Log, subject: &Subject<'_>) -> Result<bool, Refusal> {
    let before = tree.nodes.len();
    let fresh = tree.paths == 0;
    let mut grower = Grower {
        tree,
        subject,
        node: 0,
        item: 0,
        registers: HashMap::default(),
        memory: Memory::default(),
        storage: HashMap::default(),
        conditions: HashMap::default(),
        constants: HashMap::default(),
        charged: 0,
        determined: 0,
        told: 0,
    };
    for step in &log.steps {
        grower.step(step)?;
    }
    let node = &grower.tree.nodes[grower.node];
    if node.next == Next::Open {
        return Err(Refusal::Foreign);
    }
    let grown = fresh || tree.nodes.len() > before;
    tree.paths += usize::from(grown);
    Ok(grown)
}

impl Grower<'_> {
    /// Follows one instruction.
    fn step(&mut self, step: &Step) -> Result<(), Refusal> {
        match step.op {
            Op::Goto => self.charged += u64::from(step.gas),
            Op::StackCheck => {}
            Op::Move => {
                let value = self.operand(step, 0);
                self.set(step.to, value);
            }
            Op::GotoDynamic => {
                let target = self.operand(step, 0);
                self.pin(target, step.values[0])?;
            }
            Op::BranchIf
            | Op::BranchUnless
            | Op::BranchEq
            | Op::BranchNe
            | Op::BranchLt
            | Op::BranchGe
            | Op::BranchGt
            | Op::BranchLe
            | Op::BranchDynamic => self.branch(step)?,
            Op::Call | Op::Create => self.call(step)?,
            Op::Stop | Op::Return | Op::Revert | Op::SelfDestruct => self.end(step)?,
            Op::Log => {
                let (at, len) = (self.pin_operand(step, 0)?, self.pin_operand(step, 1)?);
                self.determined += self.subject.rules.gas.log_cost(step.number, len.into());
                self.range(at, len)?;
            }
            op => match inputs_of_pure(op) {
                Some(inputs) => {
                    let operands = [0, 1, 2].map(|n| self.operand(step, n));
                    let value = self.tree.values.pure(op, inputs, operands);
                    self.set(step.to, value);
                }
                None => self.access(step)?,
            },
        }
        Ok(())
    }

    /// The value of an operand.
    fn operand(&mut self, step: &Step, n: usize) -> ValueId {
        let value = self.place(step.from[n]);
        value.unwrap_or_else(|| self.tree.values.constant(step.values[n]))
    }

    fn place(&self, place: Place) -> Option<ValueId> {
        // Nobody sets what stands for an operand that the instruction does not have.
        place.map(|register| self.registers.get(&register).copied().unwrap_or(Values::ZERO))
    }

    fn set(&mut self, place: Place, value: ValueId) {
        if let Some(register) = place {
            self.registers.insert(register, value);
        }
    }

    /// An operand that must be a small constant.
    fn pin_operand(&mut self, step: &Step, n: usize) -> Result<u32, Refusal> {
        let value = self.operand(step, n);
        self.pin(value, step.values[n])?;
        u32::try_from(step.values[n]).map_err(|_| Refusal::TooLarge)
    }

    /// Makes sure that a value is the constant it was.
    fn pin(&mut self, value: ValueId, constant: U256) -> Result<(), Refusal> {
        if let Some(known) = self.tree.values.as_constant(value) {
            return if known == constant { Ok(()) } else { Err(Refusal::Foreign) };
        }
        if self.constants.get(&value) == Some(&constant) {
            return Ok(());
        }
        self.constants.insert(value, constant);
        let constant = self.tree.values.constant(constant);
        self.enter_switch(value, constant)
    }

    /// Makes sure that memory reaches over a range, which must be a constant one.
    fn range(&mut self, at: u32, len: u32) -> Result<Option<Range>, Refusal> {
        if len == 0 {
            return Ok(None);
        }
        let end = at.checked_add(len).filter(|end| *end <= MEMORY_MAX).ok_or(Refusal::TooLarge)?;
        let size = end.next_multiple_of(32);
        if size > self.memory.size {
            let gas = &self.subject.rules.gas;
            let cost = |size: u32| gas.memory_cost(size as usize / 32);
            self.determined += cost(size) - cost(self.memory.size);
            self.memory.grow(size);
            self.tree.memory = self.tree.memory.max(size);
        }
        Ok(Some((at, len)))
    }

    /// The gas that is due at an instruction that looks at gas.
    fn due(&mut self, rest: u32) -> Result<u32, Refusal> {
        let total = (self.charged + self.determined).saturating_sub(rest.into());
        let due = total.checked_sub(self.told).ok_or(Refusal::Foreign)?;
        self.told = total;
        u32::try_from(due).map_err(|_| Refusal::TooLarge)
    }

    /// Adds an item, or finds it where another path has left it. Its values are
    /// made here: asked for with any value, they are replaced.
    fn push(&mut self, mut item: Item) -> Result<(Option<ValueId>, Option<ValueId>), Refusal> {
        let node = &mut self.tree.nodes[self.node];
        if let Some(there) = node.items.get(self.item) {
            item.value = item.value.and(there.value);
            item.handle = item.handle.and(there.handle);
            if *there != item {
                return Err(Refusal::Foreign);
            }
        } else {
            if node.next != Next::Open {
                return Err(Refusal::Foreign);
            }
            let values = &mut self.tree.values;
            item.value = item.value.map(|_| values.result());
            item.handle = item.handle.map(|_| values.result());
            node.items.push(item.clone());
            self.tree.items += 1;
        }
        self.item += 1;
        Ok((item.value, item.handle))
    }

    /// What a word of memory is, as a value, if that is known.
    fn word(&mut self, at: u32) -> Option<ValueId> {
        Some(match self.memory.read_word(at)? {
            Word::Zero => Values::ZERO,
            Word::Value(value) => value,
            Word::CallData(offset) => self.calldata(offset),
        })
    }

    /// The calldata word at an offset.
    fn calldata(&mut self, offset: u32) -> ValueId {
        if offset >= self.subject.calldata {
            return Values::ZERO;
        }
        self.tree.values.intern(Value::CallData(offset))
    }
}

/// An item that yields nothing, touches no memory and must happen.
fn item(op: Op, operands: &[ValueId]) -> Item {
    Item {
        op,
        number: 0,
        operands: operands.to_vec(),
        value: None,
        handle: None,
        due: 0,
        reads: None,
        writes: None,
        covers: true,
        keep: true,
    }
}

/// The number of operands of a computation; none for other operations.
const fn inputs_of_pure(op: Op) -> Option<usize> {
    Some(match op {
        Op::IsZero | Op::Not | Op::Clz => 1,
        Op::Add
        | Op::Mul
        | Op::Sub
        | Op::Div
        | Op::SDiv
        | Op::Mod
        | Op::SMod
        | Op::SignExtend
        | Op::Lt
        | Op::Gt
        | Op::SLt
        | Op::SGt
        | Op::Eq
        | Op::And
        | Op::Or
        | Op::Xor
        | Op::Byte
        | Op::Shl
        | Op::Shr
        | Op::Sar => 2,
        Op::AddMod | Op::MulMod => 3,
        _ => return None,
    })
}
