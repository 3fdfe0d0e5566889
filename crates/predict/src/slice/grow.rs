//! The decisions along a path, logged or written down → one more path of the tree.
//!
//! It is followed once. Registers hold values, expressions over what the frame
//! started with; moves, jumps to constants, stack checks and logs leave nothing
//! behind. Where the path needs a constant, for a memory offset, a length or a jump,
//! and the value is none, the tree switches on the value, or on what it follows from.
//!
//! What keeps it right: nothing that was seen while the log was written, the
//! outcomes of conditions and the constants of switches apart, finds its way into an
//! item; those two are guarded. So whoever passes all guards of a path would have
//! written the same log.
//!
//! Because no more than those two is taken from a log, they are all that is kept of it
//! ([`Path`]): `follow` finds the path through the blocks either way.

mod access;
mod additions;
mod control;
mod follow;
mod told;

pub(super) use follow::{Pace, Route, follow};

use super::{
    memory::{Memory, Word},
    path::{Decisions, Path},
    tree::{Condition, Item, Next, Range, Tree},
    value::{Value, ValueId, Values},
};
use crate::{
    instruction::Op,
    machine::REGISTERS_PER_FRAME,
    origins::{Finding, Origins},
    rules::Rules,
};
use alloy_primitives::{
    U256,
    map::{HashMap, HashSet},
};

/// The most memory that a path may need, in bytes.
const MEMORY_MAX: u32 = 1 << 15;

/// A register as seen from the bottom of the frame's stack; none for a constant.
type Place = Option<u32>;

/// One instruction on a path.
#[derive(Clone, Debug)]
struct Step {
    op: Op,
    /// The opcode of a call or creation, the topics of a log.
    number: u8,
    /// Where the result goes.
    to: Place,
    /// Where the operands come from, and what they are: constants, and what a log tells.
    from: [Place; 4],
    values: [U256; 4],
    /// The arguments of a call or creation, the first first.
    arguments: Vec<(Place, U256)>,
    /// Whether a branch's condition held, if a log tells.
    holds: bool,
    /// As in the instruction.
    gas: u32,
}

/// Why a log does not become a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// It needs too much memory or gas.
    TooLarge,
    /// It does not fit the paths that are there.
    Foreign,
    /// It must not be followed any further now.
    Interrupted,
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
    decisions: Decisions<'a>,
    /// Where in the tree the path has got to.
    node: usize,
    item: usize,
    registers: Vec<ValueId>,
    memory: Memory,
    storage: HashMap<ValueId, Known>,
    /// Which registers derive from which slots.
    origins: Origins<ValueId>,
    /// What moves have found out of them.
    spilt: Vec<Finding<ValueId>>,
    /// Slots that were looked at on the way.
    looked: HashSet<ValueId>,
    /// What guards have told: conditions, and values that are constants.
    conditions: HashMap<Condition, bool>,
    constants: HashMap<ValueId, ValueId>,
    /// Static gas charged so far, dynamic gas that the path determines, and how much
    /// of the two the items have been told of.
    charged: u64,
    determined: u64,
    told: u64,
}

/// Where the frame goes after an instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flow {
    /// To the next one.
    Next,
    /// Along a branch or past it.
    Branch(bool),
    /// To this destination.
    To(U256),
    /// It has ended.
    Ended,
}

impl<'a> Grower<'a> {
    fn new(tree: &'a mut Tree, subject: &'a Subject<'a>, decisions: Decisions<'a>) -> Self {
        Self {
            tree,
            subject,
            decisions,
            node: 0,
            item: 0,
            registers: Vec::new(),
            memory: Memory::default(),
            storage: HashMap::default(),
            origins: Origins::default(),
            spilt: Vec::new(),
            looked: HashSet::default(),
            conditions: HashMap::default(),
            constants: HashMap::default(),
            charged: 0,
            determined: 0,
            told: 0,
        }
    }

    /// Ends the path in a tree that had so many nodes before. None if it was there.
    fn finish(self, nodes: usize) -> Result<Option<Path>, Refusal> {
        let Self { tree, decisions, node, .. } = self;
        let path = decisions.into_path().ok_or(Refusal::Foreign)?;
        if tree.nodes[node].next == Next::Open {
            return Err(Refusal::Foreign);
        }
        let grown = tree.paths == 0 || tree.nodes.len() > nodes;
        tree.paths += usize::from(grown);
        Ok(grown.then_some(path))
    }

    /// Enters a block with so much static gas.
    fn enter(&mut self, gas: u32) {
        self.charged += u64::from(gas);
    }

    /// A move.
    fn shift(&mut self, to: Place, from: Place, constant: U256) {
        let value = self.place(from).unwrap_or_else(|| self.tree.values.constant(constant));
        self.set(to, value);
        self.find_move(to, from);
    }

    /// Follows one instruction.
    fn step(&mut self, step: &Step) -> Result<Flow, Refusal> {
        let operands = [0, 1].map(|n| self.operand(step, n));
        // What comes after these belongs to another stretch, or to none.
        let ends = step.op.ends_frame() || step.op.is_branch();
        if ends {
            self.find(step, operands)?;
        }
        let flow = self.execute(step)?;
        if !ends {
            self.find(step, operands)?;
        }
        Ok(flow)
    }

    fn execute(&mut self, step: &Step) -> Result<Flow, Refusal> {
        if let Some(inputs) = step.op.pure_inputs() {
            let operands = [0, 1, 2].map(|n| self.operand(step, n));
            let value = self.tree.values.pure(step.op, inputs, operands);
            self.set(step.to, value);
            return Ok(Flow::Next);
        }
        match step.op {
            Op::Move => self.shift(step.to, step.from[0], step.values[0]),
            Op::GotoDynamic => {
                let target = self.operand(step, 0);
                return self.pin(target, step.values[0]).map(Flow::To);
            }
            Op::Call | Op::Create => self.call(step)?,
            Op::Log => {
                let (at, len) = (self.pin_operand(step, 0)?, self.pin_operand(step, 1)?);
                self.determined += self.subject.rules.gas.log_cost(step.number, len.into());
                self.range(at, len)?;
            }
            op if op.is_branch() => return self.branch(step),
            op if op.ends_frame() => {
                self.end(step)?;
                return Ok(Flow::Ended);
            }
            _ => self.access(step)?,
        }
        Ok(Flow::Next)
    }

    /// The value of an operand.
    fn operand(&mut self, step: &Step, n: usize) -> ValueId {
        let value = self.place(step.from[n]);
        value.unwrap_or_else(|| self.tree.values.constant(step.values[n]))
    }

    fn place(&self, place: Place) -> Option<ValueId> {
        // Nobody sets what stands for an operand that the instruction does not have.
        place.map(|register| self.registers.get(register as usize).copied().unwrap_or(Values::ZERO))
    }

    fn set(&mut self, place: Place, value: ValueId) {
        if let Some(register) = place.map(|register| register as usize)
            && register < REGISTERS_PER_FRAME
        {
            if register >= self.registers.len() {
                self.registers.resize(register + 1, Values::ZERO);
            }
            self.registers[register] = self.constants.get(&value).copied().unwrap_or(value);
        }
    }

    /// An operand that must be a small constant.
    fn pin_operand(&mut self, step: &Step, n: usize) -> Result<u32, Refusal> {
        let value = self.operand(step, n);
        let constant = self.pin(value, step.values[n])?;
        u32::try_from(constant).map_err(|_| Refusal::TooLarge)
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
            self.tree.items += 1;
            self.item += 1;
            let yielded = (item.value, item.handle);
            node.items.push(item);
            return Ok(yielded);
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
