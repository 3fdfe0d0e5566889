//! What a parallel execution yields, and how it went.

use super::Activity;
use crate::{AccessList, BlockOutput, Observed};
use core::time::Duration;
use foresee_access::{Location, TxIndex};

/// What a parallel execution yields.
#[derive(Clone, Debug)]
pub struct ParallelOutcome {
    /// The same as in-order execution yields, whatever the schedule.
    pub output: BlockOutput,
    /// How it went; this depends on schedule, threads and chance.
    pub stats: ParallelStats,
    /// What each transaction read and wrote, in block order and empty if it was not
    /// included: what [`observe`](crate::observe) sees. Nothing unless [asked for](crate::Reports).
    pub observed: Vec<Observed>,
    /// The block access list, if [asked for](crate::Reports).
    pub access_list: Option<AccessList>,
    /// By thread, in the order in which they began, what it did when. Nothing unless
    /// [asked for](crate::Reports).
    pub timeline: Vec<Vec<Activity>>,
}

/// How a parallel execution went.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ParallelStats {
    /// Transactions whose result was ready at their turn and right. The others
    /// were executed at their turn.
    pub ahead: usize,
    /// Gas that these used.
    pub ahead_gas: u64,
    /// Transactions that were executed a second time, in block order.
    pub reexecuted: Vec<Reexecution>,
    /// Transactions that were started early: while those that they wait for were still being
    /// executed.
    pub early: usize,
    /// Time that these waited for that, in the middle of their execution.
    pub waited: Duration,
    /// Time that all threads together spent executing transactions that run code.
    pub executing: Duration,
}

impl ParallelStats {
    /// Gas used by the second executions: what mispredictions cost.
    pub fn reexecuted_gas(&self) -> u64 {
        self.reexecuted.iter().map(|reexecution| reexecution.gas).sum()
    }
}

/// A transaction that was executed a second time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reexecution {
    /// Its position in the block.
    pub index: TxIndex,
    /// Why its first result was of no use.
    pub reason: Reason,
    /// Gas that it used.
    pub gas: u64,
}

/// Why a transaction had to be executed a second time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// It looked at this location (the first of them, in order) and saw another
    /// value than it would have seen in order.
    Conflict(Location),
    /// On the state it saw it was invalid, or the state could not be read.
    Undecided,
}
