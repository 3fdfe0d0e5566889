//! A second look at predictions made alone, in block order.
//!
//! What a transaction reads hardly ever depends on the transactions before it; where it
//! does, its prediction alone misses reads, which execution would make one by one. So each
//! prediction is held against the predicted writes of those before. One that has seen
//! something else is made anew, over these writes, and what it lacks is asked for.
//!
//! One thread at a time goes on with it, as far as the values at hand allow: whoever
//! predicts or is about to execute. Nothing waits for it that could be done meanwhile. Its
//! predictions are not kept: they serve to find keys.

use super::{
    chase::COURTESY,
    pool::Predictor,
    scout::{GUESSES, STEPS_MAX},
    view::{AtHand, key_of},
};
use core::sync::atomic::{AtomicUsize, Ordering};
use foresee_execute::{Block, Desk, Standing, StateKey, Tray, Waited};
use foresee_predict::{
    Ahead, BlockPredictor, Meeting, PredictOptions, ProgramCache, Progress, TakenOver, Want,
};
use revm::{context::TxEnv, state::EvmState};
use std::{
    sync::{Arc, Mutex, PoisonError, TryLockError},
    time::Instant,
};

/// How often a transaction is run ahead on guesses at most.
const SCOUTS_MAX: usize = 4;

/// See the module documentation.
pub(super) struct Review<'a> {
    txs: &'a [TxEnv],
    /// The transactions before this one are reviewed.
    next: AtomicUsize,
    /// One more than the transaction that is being predicted anew, if one is.
    anew: AtomicUsize,
    reviewer: Mutex<Reviewer<'a>>,
}

/// What one thread at a time works with.
struct Reviewer<'a> {
    desk: &'a Arc<Desk>,
    /// Holds the predicted writes of the transactions that are reviewed.
    predictor: Predictor<'a>,
    /// The transaction at hand.
    position: usize,
    /// Whether it is predicted anew, and whether that is suspended.
    is_anew: bool,
    is_begun: bool,
    /// How often it was run ahead.
    scouts: usize,
    /// What it waits for.
    awaited: Option<StateKey>,
}

impl<'a> Review<'a> {
    /// Nothing is reviewed yet. `changes` are the protocol's before the transactions.
    pub(super) fn new(
        block: &'a Block,
        desk: &'a Arc<Desk>,
        cache: &ProgramCache,
        options: PredictOptions,
        changes: &[EvmState],
    ) -> Self {
        // What is predicted anew takes another path than it did alone.
        let learning = options.learning.aside();
        let options = PredictOptions { keep_results: false, learning, ..options };
        let Block { cfg, env, .. } = block;
        let mut predictor = BlockPredictor::new(cache, cfg, env, AtHand::new(desk, None), options);
        changes.iter().for_each(|changes| predictor.apply(changes));
        let reviewer = Reviewer {
            desk,
            predictor,
            position: 0,
            is_anew: false,
            is_begun: false,
            scouts: 0,
            awaited: None,
        };
        Self {
            txs: &block.transactions,
            next: AtomicUsize::new(0),
            anew: AtomicUsize::new(0),
            reviewer: Mutex::new(reviewer),
        }
    }

    /// Whether this transaction is reviewed.
    pub(super) fn is_past(&self, position: usize) -> bool {
        self.next.load(Ordering::Acquire) > position
    }

    /// Whether a transaction is being predicted anew.
    fn is_at(&self, position: usize) -> bool {
        self.anew.load(Ordering::Acquire) == position + 1
    }

    /// Goes on as [`go_on`](Self::go_on) does. If the transaction whose turn it is is being
    /// predicted anew, it waits a while for its values: execution would read them one by one.
    pub(super) fn get_ready<'p>(
        &self,
        tray: &mut Tray<'_>,
        predictions: impl Fn(usize) -> Option<&'p Ahead>,
        turn: usize,
    ) {
        self.go_on(tray, &predictions, turn, false);
        let mut end = None;
        while self.is_at(turn) {
            let end = *end.get_or_insert_with(|| Instant::now() + COURTESY);
            if tray.wait(Some(end.saturating_duration_since(Instant::now()))) == Waited::Late {
                return;
            }
            self.go_on(tray, &predictions, turn, true);
        }
    }

    /// Goes on as far as values and predictions are at hand, unless another thread does:
    /// that is waited for only if `waits`. What is executed without a prediction is left
    /// out. Tells whether anything was reviewed.
    pub(super) fn go_on<'p>(
        &self,
        tray: &mut Tray<'_>,
        predictions: impl Fn(usize) -> Option<&'p Ahead>,
        turn: usize,
        waits: bool,
    ) -> bool {
        if self.is_past(self.txs.len().saturating_sub(1)) {
            return false;
        }
        let mut reviewer = match (waits, self.reviewer.try_lock()) {
            (_, Ok(reviewer)) => reviewer,
            (_, Err(TryLockError::Poisoned(poisoned))) => poisoned.into_inner(),
            (true, _) => self.reviewer.lock().unwrap_or_else(PoisonError::into_inner),
            (false, _) => return false,
        };
        let first = reviewer.position;
        while let Some(tx) = self.txs.get(reviewer.position) {
            let is_reviewed = match predictions(reviewer.position) {
                Some(ahead) => reviewer.review(tx, ahead, tray),
                None => reviewer.position < turn,
            };
            if !is_reviewed {
                let anew = reviewer.awaited.is_some() && reviewer.is_anew;
                let anew = if anew { reviewer.position + 1 } else { 0 };
                self.anew.store(anew, Ordering::Release);
                break;
            }
            reviewer.position += 1;
            reviewer.scouts = 0;
            reviewer.is_anew = false;
            self.next.store(reviewer.position, Ordering::Release);
            self.anew.store(0, Ordering::Release);
        }
        reviewer.position > first
    }
}

impl<'a> Reviewer<'a> {
    /// Reviews the transaction at hand. False if it waits for a value.
    fn review(&mut self, tx: &'a TxEnv, ahead: &Ahead, tray: &mut Tray<'_>) -> bool {
        if let Some(key) = self.awaited
            && tray.await_key(key) == Standing::Posted
        {
            return false;
        }
        self.awaited = None;
        while let Some(want) = self.go_on(tx, ahead) {
            self.desk.post(self.predictor.view_mut().take_missing());
            let standing = key_of(want).map(|key| (key, tray.await_key(key)));
            match standing {
                Some((_, Standing::Ready)) => {}
                Some((key, Standing::Posted)) => {
                    if matches!(key, StateKey::Slot(..)) && self.scouts < SCOUTS_MAX {
                        self.scout(tx);
                    }
                    tray.post();
                    self.awaited = Some(key);
                    return false;
                }
                // It cannot be had, or is a result that execution computes.
                Some((_, Standing::Failed)) | None => {
                    self.is_begun = false;
                    return true;
                }
            }
        }
        true
    }

    /// Runs the transaction at hand ahead on a guess, to ask for what it will lack as well.
    /// It begins anew when its value is there.
    fn scout(&mut self, tx: &'a TxEnv) {
        let guess = GUESSES[self.scouts % GUESSES.len()];
        self.scouts += 1;
        self.predictor.view_mut().set_guess(Some(guess));
        let steps_max = self.predictor.limit_steps(STEPS_MAX);
        let Ok(_) = self.predictor.predict_alone(tx);
        self.predictor.limit_steps(steps_max);
        self.predictor.view_mut().set_guess(None);
        self.desk.post(self.predictor.view_mut().take_missing());
        self.is_begun = false;
    }

    /// Goes on with the transaction at hand up to its end, or to a value that it wants.
    fn go_on(&mut self, tx: &'a TxEnv, ahead: &Ahead) -> Option<Want> {
        let Ok(progress) = if self.is_begun {
            self.predictor.resume()
        } else {
            let Ok(taken_over) = self.predictor.take_over(tx, ahead, Meeting::Anywhere);
            match taken_over {
                TakenOver::Yes => return None,
                TakenOver::Waits(want) => return Some(want),
                TakenOver::No if ahead.prediction.awaits_code() => return None,
                TakenOver::No => {
                    (self.is_anew, self.is_begun) = (true, true);
                    self.predictor.begin_anew(tx, ahead)
                }
            }
        };
        match progress {
            Progress::Suspended(want) => Some(want),
            Progress::Done(_) => {
                self.is_begun = false;
                None
            }
        }
    }
}
