//! What the execution of a block yields to a builder.

use crate::{ColdReads, Decision, Score, outlook::unseen};
use foresee_access::TxIndex;
use foresee_execute::{
    AccessList, Activity, Basis, BlockOutput, InOrderOutcome, Observed, ParallelOutcome,
    ParallelStats,
};
use foresee_predict::{Ahead, Prediction};

/// An executed block: its results, and how well it was foreseen.
#[derive(Clone, Debug)]
pub struct ExecutedBlock {
    /// Receipts, refused transactions, requests, gas, state changes: the same as
    /// in-order execution yields.
    pub output: BlockOutput,
    /// How the block was executed, and why.
    pub decision: Decision,
    /// What was predicted of each transaction, in block order. Empty unless that was
    /// [asked for](crate::Config::score), or given: for a schedule alone not every transaction
    /// is predicted, and none over the writes of those before it.
    pub predictions: Vec<Prediction>,
    /// What these predictions were made on.
    pub basis: Basis,
    /// How the parallel execution went; nothing in it if there was none.
    pub stats: ParallelStats,
    /// Transactions that could not be predicted because code that they run was
    /// [not compiled](foresee_predict::Unknown::NotCompiled): executed in parallel, they wait
    /// for no other and no other waits for them, on the chance that they do not meet.
    pub not_compiled: Vec<TxIndex>,
    /// What each transaction accessed, empty for those not included. Nothing unless asked
    /// for, [alone](crate::Config::observe) or for a [score](crate::Config::score).
    pub observed: Vec<Observed>,
    /// The block access list, if it is [asked for](crate::Config::access_list).
    pub access_list: Option<AccessList>,
    /// By thread, what it did when. Nothing unless [asked for](crate::Config::timeline), or if
    /// there was no parallel execution.
    pub timeline: Vec<Vec<Activity>>,
    /// How the state was read, if it was [cold](crate::Foresee::execute_cold).
    pub cold: Option<ColdReads>,
}

impl ExecutedBlock {
    /// The same with the predictions that it was executed [by](crate::Foresee::execute_ahead):
    /// for whoever has them to give away, and wants them scored or recorded.
    #[must_use]
    pub fn foreseen(self, ahead: Vec<Ahead>) -> Self {
        let predictions = ahead.into_iter().map(|ahead| ahead.prediction).collect();
        Self { predictions, basis: Basis::Alone, ..self }
    }

    /// How right the predictions were, if accesses were asked for, there are predictions,
    /// and the state could be read to make them.
    pub fn score(&self) -> Option<Score> {
        let Self { output, predictions, observed, .. } = self;
        let is_scored = !observed.is_empty() && predictions.len() == observed.len();
        is_scored.then(|| Score::new(predictions, observed, output))
    }

    /// A block that was executed in order.
    pub(crate) fn in_order(
        outcome: InOrderOutcome,
        decision: Decision,
        predictions: Vec<Prediction>,
    ) -> Self {
        let InOrderOutcome { output, observed, access_list } = outcome;
        let stats = ParallelStats::default();
        Self {
            output,
            decision,
            predictions,
            basis: Basis::BlockOrder,
            stats,
            not_compiled: Vec::new(),
            observed,
            access_list,
            timeline: Vec::new(),
            cold: None,
        }
    }

    /// A block that was executed in parallel.
    pub(crate) fn in_parallel(
        outcome: ParallelOutcome,
        decision: Decision,
        predictions: Vec<Prediction>,
    ) -> Self {
        let ParallelOutcome { output, stats, observed, access_list, timeline } = outcome;
        let outcome = InOrderOutcome { output, observed, access_list };
        let not_compiled = unseen(predictions.iter().map(Some));
        let executed = Self::in_order(outcome, decision, predictions);
        Self { stats, not_compiled, timeline, ..executed }
    }
}
