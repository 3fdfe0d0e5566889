//! Predictions that go on as their values come in.
//!
//! Every transaction is predicted alone, by whichever of several threads is free. They are
//! begun in block order, but for what is executed already. Up to [`RUNNING_MAX`] are on
//! their way at a time; each either goes on or waits for a value. While all wait, a thread
//! scouts for the transaction that has waited most often, whose chain of reads may be the
//! longest.
//!
//! The thread that executes in order predicts as well, as long as the transaction whose
//! turn it is is not predicted yet: what it would read itself, one value after the other,
//! is better asked for together with what others lack.
//!
//! A precompile that takes long is left until nothing else can be done, and then the last
//! transaction goes first: the thread that executes comes from the other end, and neither
//! computes what the other does.
//!
//! Nothing waits for a value that will not come: a key that the source gave up, or is
//! silent about, ends the prediction that wants it as an incomplete one.

use super::{
    ColdReads,
    pool::{Pool, Predictor, Run},
    review::Review,
    scout,
    view::{AtHand, key_of},
};
use crate::outlook::{self, know, know_hashes};
use core::{
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    time::Duration,
};
use foresee_access::TxIndex;
use foresee_execute::{Block, Desk, Known, Pace, StateKey, Tray, Waited};
use foresee_predict::{Ahead, BlockPredictor, PredictOptions, Prediction, ProgramCache, Progress};
use std::{
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
    time::Instant,
};

/// How many transactions are predicted at a time; each takes some 100 KiB.
const RUNNING_MAX: usize = 64;

/// How long whoever executes waits, with nothing left to predict, for values that the
/// transaction lacks whose turn it is. A chain of reads that takes longer it runs through
/// itself.
pub(super) const COURTESY: Duration = Duration::from_millis(5);

/// What the threads that predict a block share.
pub(super) struct Hunt<'a> {
    block: &'a Block,
    desk: &'a Arc<Desk>,
    /// Where results go that execution can use.
    known: &'a Known,
    pool: Mutex<Pool<'a>>,
    predictions: Vec<OnceLock<Ahead>>,
    /// Second looks at them, if they are taken.
    review: Option<Review<'a>>,
    /// Whether all is predicted that will be.
    is_over: AtomicBool,
    waits_max: AtomicUsize,
    scouted: AtomicUsize,
}

/// One thread's part in it. See the module documentation.
struct Chase<'h, 'a> {
    hunt: &'h Hunt<'a>,
    tray: Tray<'a>,
    options: PredictOptions,
    /// Has no transaction, and lends its memo of hashes to those that have one.
    first: Predictor<'a>,
}

impl<'a> Hunt<'a> {
    pub(super) fn new(
        block: &'a Block,
        desk: &'a Arc<Desk>,
        known: &'a Known,
        review: Option<Review<'a>>,
    ) -> Self {
        let [waits_max, scouted] = [const { AtomicUsize::new(0) }; 2];
        let predictions = block.transactions.iter().map(|_| OnceLock::new()).collect();
        let (pool, is_over) = (Mutex::default(), AtomicBool::new(false));
        Self { block, desk, known, pool, predictions, review, is_over, waits_max, scouted }
    }

    /// Nobody waits for predictions any more.
    pub(super) fn end(&self) {
        self.is_over.store(true, Ordering::Relaxed);
    }

    /// Gets ready for the transaction whose turn it is: predicts with others, or reviews
    /// what is predicted once nothing else is left to do.
    pub(super) fn get_ready(&self, cache: &ProgramCache, options: PredictOptions, pace: &dyn Pace) {
        if !self.is_over.load(Ordering::Relaxed) {
            self.join(cache, options, Some(pace), Some(pace.turn()));
        } else if let (Some(review), Some(mut tray)) = (&self.review, self.desk.tray(0)) {
            review.get_ready(&mut tray, |position| self.predictions[position].get(), pace.turn());
        }
    }

    fn go_on_reviewing(&self, tray: &mut Tray<'_>, turn: usize, waits: bool) -> bool {
        let prediction = |position: usize| self.predictions[position].get();
        let review = self.review.as_ref();
        review.is_some_and(|review| review.go_on(tray, prediction, turn, waits))
    }

    /// Predicts with others until all is predicted, or this transaction is that is to be
    /// executed next. Where there is a pace the block is being executed meanwhile.
    pub(super) fn join(
        &self,
        cache: &ProgramCache,
        options: PredictOptions,
        pace: Option<&dyn Pace>,
        goal: Option<usize>,
    ) {
        if goal.is_some_and(|goal| !self.gains_by_waiting(goal)) {
            return;
        }
        let Some(tray) = self.desk.tray(0) else { return };
        let Block { cfg, env, .. } = self.block;
        let first = self.pool().take_first();
        let first = first.unwrap_or_else(|| {
            BlockPredictor::new(cache, cfg, env, AtHand::new(self.desk, None), options)
        });
        let mut chase = Chase { hunt: self, tray, options, first };
        chase.run(pace, goal);
        let Chase { first, .. } = chase;
        self.pool().keep_first(first);
    }

    /// By transaction its prediction, as far as they are made.
    pub(super) fn predictions(&self) -> impl Iterator<Item = Option<&Ahead>> {
        self.predictions.iter().map(OnceLock::get)
    }

    /// The transactions that were left alone because their code is not compiled yet.
    pub(super) fn unseen(&self) -> Vec<TxIndex> {
        outlook::unseen(self.predictions().map(|ahead| Some(&ahead?.prediction)))
    }

    /// How far the reads were foreseen; what became of them is not told here.
    pub(super) fn reads(&self) -> ColdReads {
        let (waits_max, scouted) = (&self.waits_max, &self.scouted);
        let read = |counter: &AtomicUsize| counter.load(Ordering::Relaxed);
        ColdReads { waits_max: read(waits_max), scouted: read(scouted), ..ColdReads::default() }
    }

    fn is_predicted(&self, position: usize) -> bool {
        self.predictions.get(position).is_none_or(|it| it.get().is_some())
    }

    /// Whether a transaction that is to be executed next had better wait: it is not
    /// predicted and reviewed, and has not come to a precompile, which execution computes
    /// as fast.
    fn gains_by_waiting(&self, position: usize) -> bool {
        match self.is_predicted(position) {
            true => self.gains_by_review(position),
            false => !self.pool().is_deferred(position),
        }
    }

    fn gains_by_review(&self, position: usize) -> bool {
        self.review.as_ref().is_some_and(|review| !review.is_past(position))
    }

    /// No panic can happen while the lock is held, except for want of memory.
    fn pool(&self) -> MutexGuard<'_, Pool<'a>> {
        self.pool.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<'a> Chase<'_, 'a> {
    fn run(&mut self, pace: Option<&dyn Pace>, goal: Option<usize>) {
        let n = self.hunt.block.transactions.len();
        let mut late = None;
        while goal.is_none_or(|goal| self.hunt.gains_by_waiting(goal)) {
            let keys = self.tray.arrivals();
            let waits = goal.is_some_and(|goal| self.hunt.is_predicted(goal));
            let turn = pace.map_or(0, Pace::turn);
            if self.review(turn, waits) | self.go_on_with_one(keys, turn) || self.begin_next() {
                continue;
            }
            self.tray.post();
            if self.scout_next() || goal.is_none() && self.compute_next() {
                continue;
            }
            let most = goal.map(|_| {
                let late = late.get_or_insert_with(|| Instant::now() + COURTESY);
                late.saturating_duration_since(Instant::now())
            });
            let mut pool = self.hunt.pool();
            if goal.is_none() && pool.is_over(n) {
                break;
            }
            if let Some(goal) = goal {
                pool.awaited = Some(goal);
                if pool.is_deferred(goal) || self.hunt.is_predicted(goal) != waits {
                    continue;
                }
            }
            drop(pool);
            match self.tray.wait(most) {
                Waited::Arrived(keys) => self.hunt.pool().arrived(keys),
                Waited::Nudged => {}
                Waited::Late if goal.is_some() => break,
                Waited::Late => {
                    let pool = self.hunt.pool();
                    if pool.awaited_keys().next().is_none() {
                        // Others are at what is left, and may be for long.
                        break;
                    }
                    pool.awaited_keys().for_each(|key| self.hunt.desk.give_up(key));
                }
            }
        }
        self.tray.post();
        if self.hunt.pool().has_ready() {
            self.tray.nudge();
        }
    }

    /// Reviews what is predicted, and tells whoever waits for that. False if there was
    /// nothing to review.
    fn review(&mut self, turn: usize, waits: bool) -> bool {
        if !self.hunt.go_on_reviewing(&mut self.tray, turn, waits) {
            return false;
        }
        let mut pool = self.hunt.pool();
        if pool.awaited.is_some_and(|awaited| !self.hunt.gains_by_review(awaited)) {
            pool.awaited = None;
            drop(pool);
            self.tray.nudge();
        }
        true
    }

    /// Takes up the first transaction whose value has come. False if there is none.
    fn go_on_with_one(&mut self, keys: Vec<StateKey>, turn: usize) -> bool {
        let mut pool = self.hunt.pool();
        pool.arrived(keys);
        pool.executed_up_to(turn);
        let Some(run) = pool.take_ready() else { return false };
        let others = pool.has_ready();
        drop(pool);
        if others {
            self.tray.nudge();
        }
        self.resume(run);
        true
    }

    fn resume(&mut self, mut run: Box<Run<'a>>) {
        // One memo serves all; each of their own would not fit into the processor's cache.
        self.first.swap_memo(&mut run.predictor);
        let Ok(progress) = run.predictor.resume();
        self.go_on(run, progress);
    }

    /// Lets the last transaction that has come to a precompile go on. False if there is none
    /// whose turn is still to come: what is being executed computes for itself.
    fn compute_next(&mut self) -> bool {
        let last = self.hunt.pool().take_last_deferred();
        let Some(mut run) = last else { return false };
        run.predictor.view_mut().compute_one();
        self.resume(run);
        true
    }

    /// Scouts for the transaction that has waited most often. False if there is none.
    fn scout_next(&mut self) -> bool {
        let next = self.hunt.pool().take_to_scout();
        let Some((position, scouts)) = next else { return false };
        let start = Instant::now();
        let tx = &self.hunt.block.transactions[position];
        let (found, computed) = scout::scout(&mut self.first, self.hunt.desk, tx, scouts);
        know(self.hunt.known, &computed);
        self.hunt.pool().scouted(position, found, start.elapsed());
        self.hunt.scouted.fetch_add(1, Ordering::Relaxed);
        true
    }

    /// Begins to predict one more transaction. False if there is none.
    fn begin_next(&mut self) -> bool {
        let txs = &self.hunt.block.transactions;
        let next = self.hunt.pool().begin(txs.len(), RUNNING_MAX);
        let Some((position, spare)) = next else { return false };
        let fresh = || self.first.beside(AtHand::new(self.hunt.desk, None), self.options);
        let mut predictor = spare.unwrap_or_else(fresh);
        self.first.swap_memo(&mut predictor);
        let Ok(progress) = predictor.begin_ahead(&txs[position]);
        self.go_on(Box::new(Run::new(position, predictor)), progress);
        true
    }

    /// Takes a prediction to its end, or to a value that is on its way.
    fn go_on(&mut self, mut run: Box<Run<'a>>, mut progress: Progress) {
        loop {
            let want = match progress {
                Progress::Suspended(want) => want,
                Progress::Done(prediction) => return self.finish(run, prediction),
            };
            // What the transaction has computed serves the thread that executes already.
            know(self.hunt.known, &run.predictor.take_precompiled());
            self.hunt.desk.post(run.predictor.view_mut().take_missing());
            self.first.swap_memo(&mut run.predictor);
            let mut pool = self.hunt.pool();
            let Some(key) = key_of(want) else {
                pool.defer(run);
                drop(pool);
                // Others may compute it, wait for it, or have waited for nothing else.
                return self.tray.nudge();
            };
            let suspended = pool.suspend(run, key, &mut self.tray);
            drop(pool);
            let Err((back, is_ready)) = suspended else { return self.tray.post_many() };
            run = back;
            self.first.swap_memo(&mut run.predictor);
            progress = if is_ready {
                let Ok(progress) = run.predictor.resume();
                progress
            } else {
                Progress::Done(run.predictor.give_up(want))
            };
        }
    }

    fn finish(&mut self, mut run: Box<Run<'a>>, prediction: Prediction) {
        let hunt = self.hunt;
        let ahead = run.predictor.finish_ahead(prediction);
        know(hunt.known, &ahead.precompiled);
        know_hashes(hunt.known, TxIndex::new(run.position), &ahead.hashes);
        self.first.swap_memo(&mut run.predictor);
        hunt.waits_max.fetch_max(run.waits, Ordering::Relaxed);
        // Each position is taken once.
        let _ = hunt.predictions[run.position].set(ahead);
        let mut pool = hunt.pool();
        let is_awaited = pool.awaited == Some(run.position);
        pool.finish(run);
        if is_awaited || pool.is_over(hunt.predictions.len()) {
            drop(pool);
            self.tray.nudge();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::{Address, hex};
    use foresee_execute::{Readers, StateSource};
    use foresee_source::LoadedBlock;
    use foresee_workload::{Scenario, generate};
    use revm::state::{AccountInfo, Bytecode};
    use std::{sync::mpsc, thread};

    /// A block whose only transaction calls the pairing check.
    fn pairing() -> LoadedBlock {
        let mut loaded = generate(Scenario::Erc20Cold, 1, 5).unwrap().into_block().unwrap();
        let contract = Address::repeat_byte(0x77);
        // STATICCALL of the pairing check with no input.
        let code = Bytecode::new_legacy(hex!("5f 5f 5f 5f 6008 5a fa 00").into());
        let (code_hash, code) = (code.hash_slow(), Some(code));
        let info = AccountInfo { code_hash, code, ..Default::default() };
        loaded.state.insert_account_info(contract, info);
        loaded.block.transactions[0].kind = contract.into();
        loaded
    }

    /// The symptom: whoever waited while another came to a precompile slept on, though
    /// computing it was all that was left to do. Only one that waited for this very
    /// transaction was told.
    #[test]
    fn all_who_wait_are_told_of_a_precompile_that_is_to_be_computed() {
        let LoadedBlock { block, state, .. } = pairing();
        let (desk, known, cache) = (Arc::new(Desk::new()), Known::new(1), ProgramCache::new());
        let hunt = Hunt::new(&block, &desk, &known, None);
        let view = AtHand::new(&desk, None);
        let options = PredictOptions::default();
        let first = BlockPredictor::new(&cache, &block.cfg, &block.env, view, options);
        let tray = desk.tray(0).unwrap();
        let mut chase = Chase { hunt: &hunt, tray, options, first };
        let readers = Readers::new(2).unwrap();
        readers.over(&state).serve(&desk, || {
            while !hunt.pool().is_deferred(0) {
                let keys = chase.tray.arrivals();
                let _ = chase.go_on_with_one(keys, 0) || chase.begin_next();
                chase.tray.post();
            }
        });
        // What one thread was told of, another one would have been.
        assert_eq!(chase.tray.wait(Some(Duration::from_secs(10))), Waited::Nudged);
    }

    /// The symptom: with nothing on its way and nothing left to begin, a thread waited for
    /// ever for one that was at the last transaction and did not come back.
    #[test]
    fn a_thread_that_does_not_come_back_is_not_waited_for() {
        let LoadedBlock { block, .. } = pairing();
        let (done, is_done) = mpsc::channel();
        // Not scoped: a thread that hangs must not hang the test.
        thread::spawn(move || {
            let (desk, known) = (Arc::new(Desk::new()), Known::new(1));
            let hunt = Hunt::new(&block, &desk, &known, None);
            assert!(hunt.pool().begin(1, RUNNING_MAX).is_some());
            hunt.join(&ProgramCache::new(), PredictOptions::default(), None, None);
            done.send(()).unwrap();
        });
        assert_eq!(is_done.recv_timeout(Duration::from_secs(30)), Ok(()));
    }
}
