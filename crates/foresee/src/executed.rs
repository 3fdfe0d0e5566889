//! What the execution of a block yields to a builder.

use foresee_access::{Difference, TxIndex};
use foresee_execute::{BlockOutput, ParallelStats};
use foresee_predict::Prediction;

/// An executed block: its results, and how well it was foreseen.
#[derive(Clone, Debug)]
pub struct ExecutedBlock {
    /// Receipts, refused transactions, requests, gas, state changes: the same as
    /// in-order execution yields.
    pub output: BlockOutput,
    /// How the block was executed, and why.
    pub decision: Decision,
    /// What was predicted of each transaction; empty if nothing was, because nothing
    /// was to be gained by it.
    pub predictions: Vec<Prediction>,
    /// How the parallel execution went; nothing in it if there was none.
    pub stats: ParallelStats,
}

/// How a block was executed, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// In parallel.
    Parallel {
        /// On this many threads.
        threads: usize,
    },
    /// In order, because the configuration says so.
    Configured,
    /// In order, because there is one thread only.
    OneThread,
    /// In order, because there are too few transactions to share.
    FewTransactions,
}

/// How predictions compare with what really happened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Score {
    /// Transactions scored: those that were included.
    pub transactions: usize,
    /// Those whose predicted reads and writes are what was observed.
    pub exact: usize,
    /// Those whose predicted gas is what was used.
    pub gas_exact: usize,
    /// The others, with what was wrong.
    pub mispredicted: Vec<Misprediction>,
}

/// A transaction whose sets were not predicted exactly.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misprediction {
    /// Its position in the block.
    pub index: TxIndex,
    /// Where prediction and observation part.
    pub difference: Difference,
}
