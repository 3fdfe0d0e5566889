//! What the execution of a block yields to a builder.

use crate::Score;
use foresee_access::AccessSet;
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
    /// What each transaction accessed, empty for those not included. Nothing unless
    /// [asked for](crate::Config::score).
    pub observed: Vec<AccessSet>,
    /// How right the predictions were, if that is [asked for](crate::Config::score)
    /// and the state could be read to predict.
    pub score: Option<Score>,
}

impl ExecutedBlock {
    /// A block of which nothing was foreseen.
    pub(crate) fn unpredicted(output: BlockOutput, decision: Decision) -> Self {
        let (predictions, observed) = (Vec::new(), Vec::new());
        let stats = ParallelStats::default();
        Self { output, decision, predictions, stats, observed, score: None }
    }

    /// The same with its predictions and what they come to.
    pub(crate) fn scored(self, predictions: Vec<Prediction>, observed: Vec<AccessSet>) -> Self {
        let is_predicted = predictions.len() == observed.len();
        let score = is_predicted.then(|| Score::new(&predictions, &observed, &self.output));
        Self { predictions, observed, score, ..self }
    }
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
