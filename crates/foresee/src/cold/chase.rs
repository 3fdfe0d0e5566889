//! Predictions that go on as their values come in.
//!
//! Every transaction is predicted alone, by one of several threads, which take them in
//! block order and leave out what is executed already. Up to [`RUNNING_MAX`] are on their
//! way in a thread at a time; each either goes on or waits for a value. While all wait, the
//! thread scouts for the transaction that has waited most often, whose chain of reads may
//! be the longest.
//!
//! A precompile that takes long is left until nothing else can be done, and then the last
//! transaction goes first: the thread that executes comes from the other end, and neither
//! computes what the other does.
//!
//! Nothing waits for a value that will not come: a key that the source gave up, or is
//! silent about, ends the prediction that wants it as an incomplete one.

use super::{
    ColdReads, scout,
    view::{AtHand, key_of},
};
use crate::outlook::{know, know_hashes};
use alloy_primitives::map::HashMap;
use core::sync::atomic::{AtomicUsize, Ordering};
use foresee_access::TxIndex;
use foresee_execute::{Block, Desk, Known, Pace, Standing, StateKey, Tray};
use foresee_predict::{Ahead, BlockPredictor, PredictOptions, ProgramCache, Progress, Want};
use std::{
    collections::BinaryHeap,
    sync::{Arc, OnceLock},
    time::Instant,
};

/// How many transactions a thread predicts at a time; each takes some 100 KiB.
const RUNNING_MAX: usize = 64;

/// Before a transaction is scouted for again it waits once more for each so many
/// microseconds that scouting took: that is to cost little of the time it may save.
const SCOUT_MICROSECONDS: u128 = 20;

/// When every guess has found nothing, the wait doubles with each scout that does not
/// either, so many times at most.
const IN_VAIN_MAX: usize = 10;

type Predictor<'a> = BlockPredictor<'a, AtHand<'a>>;

/// What the threads that predict a block share.
pub(super) struct Hunt<'a> {
    block: &'a Block,
    desk: &'a Arc<Desk>,
    /// Where results go that execution can use.
    known: &'a Known,
    /// The next transaction that nobody has taken.
    next: AtomicUsize,
    /// The next thread's number.
    thread: AtomicUsize,
    predictions: Vec<OnceLock<Ahead>>,
    waits_max: AtomicUsize,
    scouted: AtomicUsize,
}

/// One thread's part in it. See the module documentation.
pub(super) struct Chase<'h, 'a> {
    hunt: &'h Hunt<'a>,
    tray: Tray<'a>,
    options: PredictOptions,
    /// Has no transaction, and lends its memo of hashes to those that have one.
    first: Predictor<'a>,
    /// Predictors that have no transaction any more.
    spare: Vec<Predictor<'a>>,
    /// Transactions on their way, by position.
    runs: HashMap<usize, Run<'a>>,
    /// Who waits for which key.
    waiting: HashMap<StateKey, Vec<usize>>,
    /// Transactions that may be scouted for: how often they have waited, and who they are.
    to_scout: BinaryHeap<(usize, usize)>,
    /// Transactions that have come to a precompile which takes long. The last one goes
    /// first: it is the farthest from the thread that executes, which would compute the
    /// same.
    to_compute: BinaryHeap<usize>,
}

/// A transaction on its way.
struct Run<'a> {
    position: usize,
    predictor: Predictor<'a>,
    /// How often it had to wait.
    waits: usize,
    /// How often it was scouted for.
    scouts: usize,
    /// How often in a row that found nothing.
    in_vain: usize,
    /// After how many waits that may be done again.
    scout_at: usize,
}

impl<'a> Hunt<'a> {
    pub(super) fn new(block: &'a Block, desk: &'a Arc<Desk>, known: &'a Known) -> Self {
        let [next, thread, waits_max, scouted] = [const { AtomicUsize::new(0) }; 4];
        let predictions = block.transactions.iter().map(|_| OnceLock::new()).collect();
        Self { block, desk, known, next, thread, predictions, waits_max, scouted }
    }

    /// Predicts with others until no transaction is left but those that others are at.
    /// Where there is a pace the block is being executed meanwhile.
    pub(super) fn join(
        &self,
        cache: &ProgramCache,
        options: PredictOptions,
        pace: Option<&dyn Pace>,
    ) {
        let Some(tray) = self.desk.tray(self.thread.fetch_add(1, Ordering::Relaxed)) else {
            return;
        };
        let Block { cfg, env, .. } = self.block;
        let view = AtHand::new(self.desk, None);
        let mut chase = Chase {
            hunt: self,
            tray,
            options,
            first: BlockPredictor::new(cache, cfg, env, view, options),
            spare: Vec::new(),
            runs: HashMap::default(),
            waiting: HashMap::default(),
            to_scout: BinaryHeap::new(),
            to_compute: BinaryHeap::new(),
        };
        chase.run(pace);
    }

    /// By transaction its prediction, as far as they are made.
    pub(super) fn predictions(&self) -> impl Iterator<Item = Option<&Ahead>> {
        self.predictions.iter().map(OnceLock::get)
    }

    /// How far the reads were foreseen; what became of them is not told here.
    pub(super) fn reads(&self) -> ColdReads {
        let (waits_max, scouted) = (&self.waits_max, &self.scouted);
        let read = |counter: &AtomicUsize| counter.load(Ordering::Relaxed);
        ColdReads { waits_max: read(waits_max), scouted: read(scouted), ..ColdReads::default() }
    }
}

impl<'a> Chase<'_, 'a> {
    fn run(&mut self, pace: Option<&dyn Pace>) {
        loop {
            let mut keys = self.tray.arrivals();
            if keys.is_empty() {
                if self.runs.len() < RUNNING_MAX && self.begin_next(pace) {
                    continue;
                }
                if self.runs.is_empty() {
                    return;
                }
                self.tray.post();
                if self.scout_next() || self.compute_next(pace) {
                    continue;
                }
                if self.runs.is_empty() {
                    return;
                }
                keys = self.tray.wait_for_arrivals();
                if keys.is_empty() {
                    self.waiting.keys().for_each(|key| self.hunt.desk.give_up(key));
                }
            }
            let turn = turn(pace);
            let executed = self.runs.extract_if(|position, _| *position < turn);
            self.spare.extend(executed.map(|(_, run)| run.predictor));
            for key in keys {
                for position in self.waiting.remove(&key).unwrap_or_default() {
                    if let Some(run) = self.runs.remove(&position) {
                        self.resume(run);
                    }
                }
            }
        }
    }

    fn resume(&mut self, mut run: Run<'a>) {
        // One memo serves all; each of their own would not fit into the processor's cache.
        self.first.swap_memo(&mut run.predictor);
        let Ok(progress) = run.predictor.resume();
        self.go_on(run, progress);
    }

    /// Lets a transaction that has come to a precompile go on. False if there is none
    /// whose turn is still to come: what is being executed computes for itself.
    fn compute_next(&mut self, pace: Option<&dyn Pace>) -> bool {
        while let Some(position) = self.to_compute.pop() {
            let Some(mut run) = self.runs.remove(&position) else { continue };
            if pace.is_none_or(|pace| position > pace.turn()) {
                run.predictor.view_mut().compute_one();
                self.resume(run);
                return true;
            }
            self.spare.push(run.predictor);
        }
        false
    }

    /// Scouts for the transaction that has waited most often. False if there is none.
    fn scout_next(&mut self) -> bool {
        while let Some((waits, position)) = self.to_scout.pop() {
            let run = self.runs.get_mut(&position).filter(|run| run.waits == waits);
            let Some(run) = run else { continue };
            let start = Instant::now();
            let tx = &self.hunt.block.transactions[position];
            let (found, computed) = scout::scout(&mut self.first, self.hunt.desk, tx, run.scouts);
            know(self.hunt.known, &computed);
            let waits = 1 + start.elapsed().as_micros() / SCOUT_MICROSECONDS;
            run.scouts += 1;
            run.in_vain = if found == 0 { run.in_vain + 1 } else { 0 };
            let vain = run.in_vain.saturating_sub(scout::GUESSES.len() - 1).min(IN_VAIN_MAX);
            run.scout_at = run.waits + ((waits as usize) << vain);
            self.hunt.scouted.fetch_add(1, Ordering::Relaxed);
            return true;
        }
        false
    }

    /// Begins to predict one more transaction. False if there is none.
    fn begin_next(&mut self, pace: Option<&dyn Pace>) -> bool {
        self.hunt.next.fetch_max(turn(pace), Ordering::Relaxed);
        let position = self.hunt.next.fetch_add(1, Ordering::Relaxed);
        let Some(tx) = self.hunt.block.transactions.get(position) else { return false };
        let view = || AtHand::new(self.hunt.desk, None);
        let fresh = || self.first.beside(view(), self.options);
        let mut predictor = self.spare.pop().unwrap_or_else(fresh);
        self.first.swap_memo(&mut predictor);
        let Ok(progress) = predictor.begin_ahead(tx);
        self.go_on(
            Run { position, predictor, waits: 0, scouts: 0, in_vain: 0, scout_at: 0 },
            progress,
        );
        true
    }

    /// Takes a prediction to its end, or to a value that is on its way.
    fn go_on(&mut self, mut run: Run<'a>, mut progress: Progress) {
        let known = self.hunt.known;
        let predictor = &mut run.predictor;
        loop {
            let want = match progress {
                Progress::Suspended(want) => want,
                Progress::Done(prediction) => {
                    let ahead = predictor.finish_ahead(prediction);
                    know(known, &ahead.precompiled);
                    know_hashes(known, TxIndex::new(run.position), &ahead.hashes);
                    self.first.swap_memo(predictor);
                    self.hunt.waits_max.fetch_max(run.waits, Ordering::Relaxed);
                    // Each position is taken once.
                    let _ = self.hunt.predictions[run.position].set(ahead);
                    self.spare.push(run.predictor);
                    return;
                }
            };
            let Some(key) = key_of(want) else {
                self.to_compute.push(run.position);
                return self.suspend(run);
            };
            progress = match self.tray.await_key(key) {
                Standing::Ready => {
                    let Ok(progress) = predictor.resume();
                    progress
                }
                Standing::Failed => Progress::Done(predictor.give_up(want)),
                Standing::Posted => {
                    run.waits += 1;
                    if matches!(want, Want::Slot(..)) && run.waits >= run.scout_at {
                        self.to_scout.push((run.waits, run.position));
                    }
                    self.waiting.entry(key).or_default().push(run.position);
                    return self.suspend(run);
                }
            };
        }
    }

    /// Lays a transaction aside that cannot go on now. What it has computed serves the
    /// thread that executes already.
    fn suspend(&mut self, mut run: Run<'a>) {
        self.first.swap_memo(&mut run.predictor);
        self.hunt.desk.post(run.predictor.view_mut().take_missing());
        know(self.hunt.known, &run.predictor.take_precompiled());
        self.runs.insert(run.position, run);
    }
}

/// The transaction that is being executed, the first one if none is.
fn turn(pace: Option<&dyn Pace>) -> usize {
    pace.map_or(0, Pace::turn)
}
