//! Transactions on their way, shared by all threads that predict.
//!
//! A transaction that waits for a value lies here. Whoever is free takes it up again when
//! that has come: the first one of the block first, since it is executed next.

use super::{scout, view::AtHand};
use alloy_primitives::map::HashMap;
use core::{cmp::Reverse, time::Duration};
use foresee_execute::{Standing, StateKey, Tray};
use foresee_predict::BlockPredictor;
use std::collections::{BTreeSet, BinaryHeap};

/// Before a transaction is scouted for again it waits once more for each so many
/// microseconds that scouting took, less the keys that were found, each of which may save
/// it a wait: that is to cost little of the time it may save.
const SCOUT_MICROSECONDS: u128 = 20;

/// When every guess has found nothing, the wait doubles with each scout that does not
/// either, so many times at most.
const IN_VAIN_MAX: usize = 10;

pub(super) type Predictor<'a> = BlockPredictor<'a, AtHand<'a>>;

/// A transaction on its way; a large thing, which is boxed where it is handed around.
pub(super) struct Run<'a> {
    pub(super) position: usize,
    pub(super) predictor: Predictor<'a>,
    /// How often it had to wait.
    pub(super) waits: usize,
    /// How often it was scouted for.
    scouts: usize,
    /// How often in a row that found nothing.
    in_vain: usize,
    /// After how many waits that may be done again.
    scout_at: usize,
}

/// See the module documentation.
#[derive(Default)]
pub(super) struct Pool<'a> {
    /// The next transaction that nobody has begun.
    next: usize,
    /// The transactions before this one are executed.
    turn: usize,
    /// Transactions that no thread is at, by position.
    runs: HashMap<usize, Box<Run<'a>>>,
    /// How many transactions some thread is at.
    taken: usize,
    /// Who waits for which key.
    waiting: HashMap<StateKey, Vec<usize>>,
    /// Those whose value has come.
    ready: BinaryHeap<Reverse<usize>>,
    /// Transactions that may be scouted for: how often they have waited, and who they are.
    to_scout: BinaryHeap<(usize, usize)>,
    /// Those of them that have come to a precompile which takes long. The last one goes
    /// first: it is the farthest from the thread that executes, which would compute the
    /// same.
    deferred: BTreeSet<usize>,
    /// Predictors that have no transaction any more.
    spare: Vec<Predictor<'a>>,
    /// Predictors that threads lend memos from.
    first: Vec<Predictor<'a>>,
    /// Whose prediction whoever executes waits for.
    pub(super) awaited: Option<usize>,
}

impl<'a> Pool<'a> {
    /// Begins with the next transaction of so many, unless enough are on their way: its
    /// position, and a predictor that is free if there is one.
    pub(super) fn begin(
        &mut self,
        n: usize,
        most: usize,
    ) -> Option<(usize, Option<Predictor<'a>>)> {
        let position = self.next.max(self.turn);
        if position >= n || self.runs.len() + self.taken >= most {
            return None;
        }
        self.next = position + 1;
        self.taken += 1;
        Some((position, self.spare.pop()))
    }

    /// Whether nothing of so many transactions is left to be predicted, but for what is
    /// being executed and computes for itself.
    pub(super) fn is_over(&self, n: usize) -> bool {
        let computing = self.deferred.range(..=self.turn).count();
        self.next.max(self.turn) >= n && self.taken == 0 && self.runs.len() == computing
    }

    /// Leaves out the transactions before this one, which are executed.
    pub(super) fn executed_up_to(&mut self, turn: usize) {
        if turn > self.turn {
            self.turn = turn;
            let executed = self.runs.extract_if(|position, _| *position < turn);
            self.spare.extend(executed.map(|(_, run)| run.predictor));
            self.deferred = self.deferred.split_off(&turn);
        }
    }

    /// Has whoever waits for these keys go on.
    pub(super) fn arrived(&mut self, keys: Vec<StateKey>) {
        for key in keys {
            self.ready.extend(self.waiting.remove(&key).into_iter().flatten().map(Reverse));
        }
    }

    /// Whether a transaction can be taken up, or perhaps could before it was executed.
    pub(super) fn has_ready(&self) -> bool {
        !self.ready.is_empty()
    }

    /// What is waited for.
    pub(super) fn awaited_keys(&self) -> impl Iterator<Item = &StateKey> {
        self.waiting.keys()
    }

    /// Takes up a transaction whose value has come.
    pub(super) fn take_ready(&mut self) -> Option<Box<Run<'a>>> {
        while let Some(Reverse(position)) = self.ready.pop() {
            if let Some(run) = self.take(position) {
                return Some(run);
            }
        }
        None
    }

    /// Takes the last transaction that has come to a precompile, unless it is being
    /// executed: what is computes for itself.
    pub(super) fn take_last_deferred(&mut self) -> Option<Box<Run<'a>>> {
        let last = self.deferred.last().copied().filter(|last| *last > self.turn)?;
        self.deferred.remove(&last);
        self.take(last)
    }

    /// Whether this transaction has come to a precompile, and lies here.
    pub(super) fn is_deferred(&self, position: usize) -> bool {
        self.deferred.contains(&position)
    }

    fn take(&mut self, position: usize) -> Option<Box<Run<'a>>> {
        let run = self.runs.remove(&position)?;
        self.taken += 1;
        Some(run)
    }

    /// Lays a transaction aside until this key has come, or gives it back if it is not on
    /// its way, with whether its value is there.
    pub(super) fn suspend(
        &mut self,
        mut run: Box<Run<'a>>,
        key: StateKey,
        tray: &mut Tray<'_>,
    ) -> Result<(), (Box<Run<'a>>, bool)> {
        match tray.await_key(key) {
            Standing::Posted => {}
            Standing::Ready => return Err((run, true)),
            Standing::Failed => return Err((run, false)),
        }
        run.waits += 1;
        if matches!(key, StateKey::Slot(..)) && run.waits >= run.scout_at {
            self.to_scout.push((run.waits, run.position));
        }
        self.waiting.entry(key).or_default().push(run.position);
        self.lay_aside(run);
        Ok(())
    }

    /// Lays a transaction aside that has come to a precompile which takes long.
    pub(super) fn defer(&mut self, run: Box<Run<'a>>) {
        if run.waits >= run.scout_at {
            self.to_scout.push((run.waits, run.position));
        }
        self.deferred.insert(run.position);
        self.lay_aside(run);
    }

    fn lay_aside(&mut self, run: Box<Run<'a>>) {
        self.taken -= 1;
        self.runs.insert(run.position, run);
    }

    /// A transaction is predicted.
    pub(super) fn finish(&mut self, run: Box<Run<'a>>) {
        self.taken -= 1;
        self.spare.push(run.predictor);
    }

    /// The transaction to scout for next: that which has waited most often; and how often
    /// it was scouted for before.
    pub(super) fn take_to_scout(&mut self) -> Option<(usize, usize)> {
        while let Some((waits, position)) = self.to_scout.pop() {
            if let Some(run) = self.runs.get_mut(&position).filter(|run| run.waits == waits) {
                run.scouts += 1;
                return Some((position, run.scouts - 1));
            }
        }
        None
    }

    /// A transaction was scouted for: how many keys were found, and how long it took.
    pub(super) fn scouted(&mut self, position: usize, found: usize, time: Duration) {
        let Some(run) = self.runs.get_mut(&position) else { return };
        let waits = (time.as_micros() / SCOUT_MICROSECONDS) as usize;
        let waits = 1 + waits.saturating_sub(found);
        run.in_vain = if found == 0 { run.in_vain + 1 } else { 0 };
        let vain = run.in_vain.saturating_sub(scout::GUESSES.len() - 1).min(IN_VAIN_MAX);
        run.scout_at = run.waits + (waits << vain);
    }

    /// A predictor to lend memos from, if one is free.
    pub(super) fn take_first(&mut self) -> Option<Predictor<'a>> {
        self.first.pop()
    }

    pub(super) fn keep_first(&mut self, predictor: Predictor<'a>) {
        self.first.push(predictor);
    }
}

impl<'a> Run<'a> {
    pub(super) const fn new(position: usize, predictor: Predictor<'a>) -> Self {
        Self { position, predictor, waits: 0, scouts: 0, in_vain: 0, scout_at: 0 }
    }
}
