//! Execution on a state whose reads take long.
//!
//! What a block reads for certain is asked for at once. Then every transaction is predicted
//! alone, as far as the values at hand allow; what it lacks goes to the source, and the
//! transaction goes on when it is there, whatever the others do. All threads do that. One
//! of them executes in order meanwhile, each transaction as soon as it is predicted. When
//! the last is predicted, schedule and parallel execution follow as always.
//!
//! The result is right as always, too: what was not foreseen is read when it is needed.

mod chase;
mod pool;
mod review;
mod scout;
mod view;

use crate::{
    Decision, DecisionReason, ExecutedBlock, Foresee, Mode, outlook::Outlook,
    pipeline::COMPILE_INSIDE_MAX, telemetry,
};
use chase::Hunt;
use foresee_access::AccountAccess;
use foresee_execute::{
    Block, Desk, ExecuteError, Fetched, Known, Pace, PreBlock, ReadStats, StateKey, StateSource,
    reads_after, reads_before, reads_of,
};
use foresee_predict::{Ahead, PredictOptions, Prediction};
use review::Review;
use std::{
    sync::{Arc, OnceLock},
    time::Instant,
};

/// How the state of a block was read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ColdReads {
    /// How the reads went.
    pub reads: ReadStats,
    /// How often the transaction that waited most often had to wait for a value before its
    /// prediction alone was complete: the longest chain of reads.
    pub waits_max: usize,
    /// How often a transaction was run ahead on guessed values, to find out keys that do
    /// not depend on them.
    pub scouted: usize,
}

impl Foresee {
    /// Executes a block on a state whose reads take long, and of which nothing is known
    /// beforehand. [`ExecutedBlock::cold`] tells how the reads went.
    ///
    /// # Errors
    ///
    /// As [`execute_block`](Self::execute_block). A read that fails and is not needed is no
    /// error.
    pub fn execute_cold<S: StateSource>(
        &self,
        block: &Block,
        source: &S,
    ) -> Result<ExecutedBlock, ExecuteError<S::Error>> {
        let _busy = self.busy();
        let config = self.config();
        if config.mode == Mode::InOrder && !config.score {
            let decision = Decision::in_order(DecisionReason::Configured);
            return self.execute_in_order(block, source, decision);
        }
        let desk = Arc::new(Desk::new());
        desk.post(reads_before(block));
        for tx in &block.transactions {
            desk.post(reads_of(tx));
        }
        desk.post(reads_after(block));
        source.serve(&desk, || self.execute_at(block, &desk, &Fetched::new(source, &desk)))
    }

    /// Executes a block on a state whose reads take long, and whose transactions were
    /// predicted ahead, each alone: all that the predictions name is asked for at once, in
    /// block order, and what is on its way is waited for where it is needed. As
    /// [`execute_ahead`](Self::execute_ahead) otherwise.
    ///
    /// # Errors
    ///
    /// As [`execute_cold`](Self::execute_cold).
    ///
    /// # Panics
    ///
    /// If `ahead` is not one prediction for each transaction.
    pub fn execute_cold_ahead<S: StateSource>(
        &self,
        block: &Block,
        source: &S,
        ahead: &[Ahead],
    ) -> Result<ExecutedBlock, ExecuteError<S::Error>> {
        assert_eq!(ahead.len(), block.transactions.len(), "one prediction for each transaction");
        let desk = Arc::new(Desk::new());
        desk.post(reads_before(block));
        for (tx, ahead) in block.transactions.iter().zip(ahead) {
            desk.post(reads_of(tx).into_iter().chain(named(&ahead.prediction)));
        }
        desk.post(reads_after(block));
        let compile_max = self.config().predict.compile_max.min(COMPILE_INSIDE_MAX);
        let options = PredictOptions { compile_max, ..self.config().predict };
        source.serve(&desk, || {
            let fetched = Fetched::new(source, &desk);
            let review = OnceLock::new();
            let ready = |pace: &dyn Pace| {
                let Some(mut tray) = desk.tray(0) else { return };
                let review =
                    review.get_or_init(|| Review::new(block, &desk, self.cache(), options, &[]));
                review.get_ready(&mut tray, |position| ahead.get(position), pace.turn());
            };
            let mut executed = self.execute_ahead_ready(block, &fetched, ahead, Some(&ready))?;
            let reads = fetched.stats();
            executed.cold = Some(ColdReads { reads, ..ColdReads::default() });
            Ok(executed)
        })
    }

    /// Executes a block while a desk is being served.
    fn execute_at<'a, S: StateSource>(
        &self,
        block: &'a Block,
        desk: &'a Arc<Desk>,
        fetched: &'a Fetched<'_, S>,
    ) -> Result<ExecutedBlock, ExecuteError<S::Error>> {
        let config = self.config();
        let known = Arc::new(Known::new(block.transactions.len()));
        // What is scored is predicted before the block is executed, and whole.
        let compile_max = match config.score {
            true => config.predict.compile_max,
            false => config.predict.compile_max.min(COMPILE_INSIDE_MAX),
        };
        let options =
            PredictOptions { keep_results: true, keep_inputs: true, compile_max, ..config.predict };
        if config.score {
            let hunt = Hunt::new(block, desk, &known, None);
            hunt.join(self.cache(), options, None, None);
            let ahead = hunt.predictions().map(|ahead| ahead.cloned().unwrap_or_default());
            let ahead = ahead.collect::<Vec<_>>();
            let mut executed = self.execute_ahead(block, fetched, &ahead)?;
            executed.cold = Some(ColdReads { reads: fetched.stats(), ..hunt.reads() });
            return Ok(executed);
        }
        let start = Instant::now();
        let executor = self.executor().knowing(known.clone());
        let pre = PreBlock::run(block, fetched)?;
        let review = Review::new(block, desk, self.cache(), options, pre.changes());
        let hunt = Hunt::new(block, desk, &known, Some(review));
        let join = |pace: &dyn Pace| hunt.join(self.cache(), options, Some(pace), None);
        let ready = |pace: &dyn Pace| hunt.get_ready(self.cache(), options, pace);
        let make = |pace: &dyn Pace| {
            join(pace);
            hunt.end();
            // What is not compiled yet runs on the chance that it meets no other.
            let predictions = hunt
                .predictions()
                .map(|ahead| ahead.filter(|ahead| !ahead.prediction.awaits_code()).map(Into::into));
            Some(Outlook::new(predictions).schedule(block, executor.config().threads))
        };
        let outcome = executor.execute_while(pre, block, fetched, make, join, Some(&ready))?;
        let decision = Decision::parallel(executor.config().threads);
        let mut executed = ExecutedBlock::in_parallel(outcome, decision, Vec::new());
        executed.not_compiled = hunt.unseen();
        executed.cold = Some(ColdReads { reads: fetched.stats(), ..hunt.reads() });
        telemetry::block(&executed, start.elapsed());
        Ok(executed)
    }
}

/// What has to be read for the locations that a prediction names.
fn named(prediction: &Prediction) -> impl Iterator<Item = StateKey> {
    prediction.access.accounts().flat_map(|AccountAccess { address, fields, slots }| {
        let is_touched = fields.iter().any(|touch| !touch.is_none());
        let account = is_touched.then_some(StateKey::Account(address));
        account.into_iter().chain(slots.iter().map(move |(key, _)| StateKey::Slot(address, *key)))
    })
}
