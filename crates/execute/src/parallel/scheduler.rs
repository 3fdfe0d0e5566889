//! Who does what next: the only mutable state that workers share beside the
//! versions. See the protocol in the documentation of [`parallel`](super).

mod inner;
mod layers;
mod precaution;
mod ready;
#[cfg(test)]
mod tests;

use super::{Pace, Policy, early::Signals};
use crate::sync::{AtomicU64, Condvar, Mutex, MutexGuard, Ordering, PoisonError};
use foresee_access::TxIndex;
use foresee_schedule::Schedule;
use inner::{Inner, Stage};
use layers::Layers;
use precaution::Precaution;
use ready::Ready;
use std::{borrow::Cow, sync::OnceLock};

/// How often a worker looks for news before it falls asleep: some microseconds, less than
/// falling asleep and being woken takes.
const SPINS: u32 = if cfg!(feature = "shuttle") { 0 } else { 200 };

/// Hands transactions to workers, and the authority `A` to whoever settles the
/// next turn. `R` is what a speculation results in.
pub(super) struct Scheduler<'s, R, A> {
    plan: &'s Plan<'s>,
    signals: &'s Signals,
    policy: Policy,
    inner: Mutex<Inner<R, A>>,
    /// Counts what may be news to a worker that waits.
    news: AtomicU64,
    wake: Condvar,
}

/// The schedule, once there is one. It may come while the block is under way: until
/// then there may be a precaution; without either nothing is released, and transactions are
/// executed at their turn.
#[derive(Debug, Default)]
pub(super) struct Plan<'s> {
    precaution: OnceLock<Cow<'s, Schedule>>,
    schedule: OnceLock<Cow<'s, Schedule>>,
}

impl Plan<'_> {
    /// A schedule that is there.
    #[cfg(test)]
    pub(super) fn of(schedule: Schedule) -> Self {
        Self { schedule: OnceLock::from(Cow::Owned(schedule)), ..Self::default() }
    }

    /// What counts now.
    pub(super) fn get(&self) -> Option<&Schedule> {
        self.schedule.get().or_else(|| self.precaution.get()).map(|schedule| &**schedule)
    }
}

/// What a worker is to do.
pub(super) enum Job<R, A> {
    /// Settle this turn, then ask for the next with [`Scheduler::next_turn`].
    Settle(A, Turn<R>),
    /// Execute this transaction ahead of its turn, then report its result to
    /// [`Scheduler::next`].
    Speculate(TxIndex),
    /// The same, but those that it waits for are still being executed by others.
    StartEarly(TxIndex),
    /// Nothing before something is released, and it asked not to wait for that.
    Idle,
    /// Nothing: the block is done, or given up.
    Stop,
}

/// What a worker does that finds nothing to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WhenIdle {
    /// Waits until there is something, or the block is done.
    Wait,
    /// Goes away, to make the schedule.
    Leave,
}

/// The next transaction to be settled, with the result of its speculation if it
/// was executed ahead.
pub(super) struct Turn<R> {
    pub(super) tx: TxIndex,
    pub(super) speculation: Option<R>,
}

impl<'s, R, A> Scheduler<'s, R, A> {
    /// A transaction for which it does not pay to run ahead is executed at its turn only.
    pub(super) fn new(
        plan: &'s Plan<'s>,
        signals: &'s Signals,
        policy: Policy,
        threads: usize,
        pays_ahead: impl Iterator<Item = bool>,
        authority: A,
    ) -> Self {
        let pays_ahead: Vec<_> = pays_ahead.collect();
        let n = pays_ahead.len();
        let inner = Inner {
            stages: (0..n).map(|_| Stage::Held).collect(),
            runs_ahead: pays_ahead.clone(),
            pays_ahead,
            predecessors_left: Vec::new(),
            ready: Ready::new(threads),
            next: 0,
            authority: Some(authority),
            idle: 0,
            stopped: n == 0,
            is_distrusted: false,
            layers: Layers::default(),
            precaution: None,
        };
        Self {
            plan,
            signals,
            policy,
            inner: Mutex::new(inner),
            news: AtomicU64::new(0),
            wake: Condvar::new(),
        }
    }

    /// Takes the schedule, which counts from now on, or a precaution before it. What has
    /// been executed by now is done with; what is being executed releases its successors
    /// when it ends.
    ///
    /// # Panics
    ///
    /// If the schedule is for another number of transactions.
    pub(super) fn install(&self, schedule: Cow<'s, Schedule>) {
        let mut inner = self.lock();
        let n = inner.stages.len();
        assert_eq!(schedule.len(), n, "the schedule is for another number of transactions");
        let slot = match schedule.is_precaution() {
            true => &self.plan.precaution,
            false => &self.plan.schedule,
        };
        let schedule = slot.get_or_init(|| schedule);
        let txs = || (0..n).map(TxIndex::new);
        inner.hold_all();
        inner.reset(schedule);
        if !inner.is_distrusted {
            let may = txs().map(|tx| inner.pays_ahead[tx.position()] && !schedule.in_order(tx));
            inner.runs_ahead = may.collect();
        }
        inner.precaution = schedule.is_precaution().then(|| Precaution::new(n));
        match self.policy {
            Policy::Dataflow => {
                let mut left = vec![0; n];
                for tx in txs().filter(|tx| !self.signals.is_executed(*tx)) {
                    for successor in schedule.successors(tx) {
                        left[successor.position()] += 1;
                    }
                }
                for tx in txs().filter(|tx| left[tx.position()] == 0) {
                    inner.release(schedule, tx);
                }
                inner.predecessors_left = left;
            }
            Policy::Layers => {
                inner.layers = Layers::new(schedule);
                for tx in txs() {
                    if self.signals.is_executed(tx) {
                        inner.layers.executed(tx);
                    }
                }
                inner.release_layer(schedule);
            }
        }
        self.wake_for_ready(inner);
    }

    /// Reports a finished speculation, if there is one, and waits for the next
    /// job. Settling comes first: it is the only work that cannot be shared.
    pub(super) fn next(&self, finished: Option<(TxIndex, R)>, idle: WhenIdle) -> Job<R, A> {
        let mut inner = self.lock();
        if let Some((tx, result)) = finished {
            inner.stages[tx.position()] = Stage::Speculated(result);
            self.executed(&mut inner, tx);
        }
        let mut patience = SPINS;
        loop {
            if inner.stopped {
                return Job::Stop;
            }
            if let Some(authority) = inner.authority.take() {
                if let Some(turn) = inner.take_turn() {
                    self.wake_for_ready(inner);
                    return Job::Settle(authority, turn);
                }
                inner.authority = Some(authority);
            }
            if let Some(tx) = inner.take_ahead() {
                self.wake_for_ready(inner);
                return Job::Speculate(tx);
            }
            if patience > 0 {
                let seen = self.news.load(Ordering::Relaxed);
                drop(inner);
                while patience > 0 && self.news.load(Ordering::Relaxed) == seen {
                    core::hint::spin_loop();
                    patience -= 1;
                }
                inner = self.lock();
                continue;
            }
            if let Some(tx) = self.start_early(&mut inner) {
                return Job::StartEarly(tx);
            }
            if idle == WhenIdle::Leave {
                return Job::Idle;
            }
            inner.idle += 1;
            inner = self.wake.wait(inner).unwrap_or_else(PoisonError::into_inner);
            inner.idle -= 1;
        }
    }

    /// Takes the next turn after `settled`. `None` if there is none to take now:
    /// the authority has been handed back, and the worker executing the next
    /// transaction settles it as soon as it is done.
    pub(super) fn next_turn(&self, authority: A, settled: Settled) -> Option<(A, Turn<R>)> {
        let mut inner = self.lock();
        inner.next += 1;
        if let Settled::AtItsTurn(tx) = settled {
            inner.stages[tx.position()] = Stage::Taken;
            self.executed(&mut inner, tx);
        }
        if inner.stopped {
            inner.authority = Some(authority);
            return None;
        }
        if inner.next == inner.stages.len() {
            inner.authority = Some(authority);
            self.stop_locked(inner);
            return None;
        }
        match inner.take_turn() {
            Some(turn) => {
                self.wake_for_ready(inner);
                Some((authority, turn))
            }
            None => {
                inner.authority = Some(authority);
                self.wake_for_ready(inner);
                None
            }
        }
    }

    /// Tells that what this transaction yielded ahead of its turn was wrong.
    pub(super) fn was_wrong(&self, tx: TxIndex) {
        if let Some(precaution) = &mut self.lock().precaution {
            precaution.was_wrong(tx);
        }
    }

    /// From now on nothing is executed ahead of its turn.
    pub(super) fn distrust(&self) {
        let inner = &mut *self.lock();
        inner.is_distrusted = true;
        inner.runs_ahead.fill(false);
        inner.hold_all();
    }

    /// Gives the block up. Workers finish what they are at and stop.
    pub(super) fn stop(&self, authority: Option<A>) {
        let mut inner = self.lock();
        if authority.is_some() {
            inner.authority = authority;
        }
        self.stop_locked(inner);
    }

    /// The authority, when a worker has been told to stop: nobody settles turns any more.
    /// None if there was a panic.
    pub(super) fn take_authority(&self) -> Option<A> {
        self.lock().authority.take()
    }

    fn stop_locked(&self, mut inner: MutexGuard<'_, Inner<R, A>>) {
        self.news.fetch_add(1, Ordering::Relaxed);
        inner.stopped = true;
        drop(inner);
        self.signals.give_up();
        self.wake.notify_all();
    }

    /// Releases what waited for this transaction.
    fn executed(&self, inner: &mut Inner<R, A>, tx: TxIndex) {
        self.signals.executed(tx);
        let Some(schedule) = self.plan.get() else { return };
        match self.policy {
            Policy::Dataflow => {
                for &successor in schedule.successors(tx) {
                    let left = &mut inner.predecessors_left[successor.position()];
                    *left -= 1;
                    if *left == 0 {
                        inner.release(schedule, successor);
                    }
                }
            }
            Policy::Layers => {
                if inner.layers.executed(tx) {
                    inner.release_layer(schedule);
                }
            }
        }
    }

    /// Begins a transaction that waits for nothing but what is being executed just now.
    fn start_early(&self, inner: &mut Inner<R, A>) -> Option<TxIndex> {
        let tx = self.startable(inner)?;
        inner.begin(tx);
        Some(tx)
    }

    /// The transaction to be started early next. Among layers nobody is early, and what a
    /// precaution holds is tried without waiting, since nobody knows for what.
    fn startable(&self, inner: &Inner<R, A>) -> Option<TxIndex> {
        let schedule = self.plan.get().filter(|schedule| !schedule.is_precaution())?;
        (self.policy == Policy::Dataflow).then(|| inner.startable(schedule))?
    }

    /// Wakes as many waiting workers as there are transactions for them.
    fn wake_for_ready(&self, inner: MutexGuard<'_, Inner<R, A>>) {
        self.news.fetch_add(1, Ordering::Relaxed);
        let ready = inner.ready.len();
        let wanted = match ready < inner.idle {
            true => ready + usize::from(self.startable(&inner).is_some()),
            false => inner.idle,
        };
        drop(inner);
        for _ in 0..wanted {
            self.wake.notify_one();
        }
    }

    /// No panic can happen while the lock is held, except for want of memory.
    fn lock(&self) -> MutexGuard<'_, Inner<R, A>> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<R, A> Pace for Scheduler<'_, R, A> {
    fn turn(&self) -> usize {
        self.lock().next
    }

    fn is_open(&self, position: usize) -> bool {
        self.lock().is_open(position)
    }

    fn is_begun(&self, position: usize) -> bool {
        self.lock().is_begun(position)
    }
}

/// How a turn was settled.
#[derive(Clone, Copy, Debug)]
pub(super) enum Settled {
    /// With the result of a speculation, or by executing once more after one:
    /// whatever waited for the transaction has been released before.
    Ahead,
    /// By executing the transaction for the first time, or refusing it.
    AtItsTurn(TxIndex),
}
