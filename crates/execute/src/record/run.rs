//! How a block was executed when it was recorded: the part of a record that depends on
//! threads, clocks and chance.

use foresee_access::{Location, TxIndex};
use serde::{Deserialize, Serialize};

/// How a block was executed when it was recorded. All of it depends on threads and
/// chance; nothing else in a record does.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Run {
    /// In parallel or in order, and why.
    pub decision: String,
    /// Threads that executed.
    pub threads: u64,
    /// When transactions were released.
    pub policy: String,
    /// Transactions whose result was ready at their turn and right.
    pub ahead: u64,
    /// Transactions that were executed twice, in block order.
    pub reexecuted: Vec<Incarnation>,
    /// Transactions that were executed on the chance that they meet no other, because code
    /// that they run was not compiled, so that they could not be predicted; in block order.
    pub not_compiled: Vec<TxIndex>,
    /// The schedule as it was run: by thread, in the order in which they began, what it
    /// executed when. Nothing unless that was noted.
    pub timeline: Vec<Vec<Stint>>,
    /// From the block at hand to receipts and state, in microseconds.
    pub elapsed_us: Option<u64>,
}

/// The second execution of a transaction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Incarnation {
    /// Its position in the block.
    pub index: TxIndex,
    /// Gas that the second execution used.
    pub gas: u64,
    /// The location whose value the first execution had wrong. None if it came to no
    /// result at all.
    pub conflict: Option<Location>,
}

/// What a thread did with one transaction. Between its stints it waited.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stint {
    /// Its position in the block.
    pub index: TxIndex,
    /// Whether it was executed ahead of its turn. At its turn a result is taken over, or
    /// the transaction executed.
    pub ahead: bool,
    /// When that began, in nanoseconds since the execution did.
    pub start_ns: u64,
    /// When it ended.
    pub end_ns: u64,
}
