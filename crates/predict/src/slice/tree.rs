//! The paths that frames took through a code, as a tree: what they have in common
//! stands once, and where they part a guard tells them apart.

use super::value::{ValueId, Values};
use crate::instruction::Op;

/// A range of memory: offset and length in bytes.
pub(super) type Range = (u32, u32);

/// Something that happens in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Item {
    pub(super) op: Op,
    /// The opcode of a call or creation.
    pub(super) number: u8,
    pub(super) operands: Vec<ValueId>,
    /// What it yields.
    pub(super) value: Option<ValueId>,
    /// A second thing that it yields: the number of the slot it touched.
    pub(super) handle: Option<ValueId>,
    /// Gas that is due since the last item that looked at gas.
    pub(super) due: u32,
    /// The memory it reads, and the memory it writes.
    pub(super) reads: Option<Range>,
    pub(super) writes: Option<Range>,
    /// Whether all of what it writes is sure to be overwritten.
    pub(super) covers: bool,
    /// Whether it happens even if nobody needs what it yields.
    pub(super) keep: bool,
}

/// A condition: a comparison of two values, or, for `IsZero`, of one with zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Condition {
    pub(super) op: Op,
    pub(super) a: ValueId,
    pub(super) b: ValueId,
}

/// Where a stretch of a path leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Nowhere yet.
    Open,
    /// The frame ends with the last item.
    End,
    /// It depends on a condition: where to if it does not and if it does hold.
    Condition(Condition, [Option<usize>; 2]),
    /// It depends on which constant a value is.
    Switch(ValueId, Vec<(ValueId, usize)>),
}

/// A stretch without a guard inside.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) items: Vec<Item>,
    pub(super) next: Next,
}

/// All paths seen of one code with one selector.
#[derive(Debug)]
pub(super) struct Tree {
    pub(super) values: Values,
    /// The nodes; children come after their parents.
    pub(super) nodes: Vec<Node>,
    /// The most memory that a path needs, in bytes.
    pub(super) memory: u32,
    pub(super) paths: usize,
    pub(super) items: usize,
}

impl Tree {
    /// No path yet.
    pub(super) fn new(selector: Option<[u8; 4]>) -> Self {
        Self {
            values: Values::new(selector),
            nodes: vec![Node { items: Vec::new(), next: Next::Open }],
            memory: 0,
            paths: 0,
            items: 0,
        }
    }

    /// A new stretch.
    pub(super) fn open(&mut self) -> usize {
        self.nodes.push(Node { items: Vec::new(), next: Next::Open });
        self.nodes.len() - 1
    }
}
