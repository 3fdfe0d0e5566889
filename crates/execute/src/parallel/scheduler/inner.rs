//! Where each transaction stands: what the scheduler's lock protects.

use super::{
    Turn,
    layers::Layers,
    precaution::Precaution,
    ready::{DISTANCE, Ready},
};
use core::cmp::Reverse;
use foresee_access::TxIndex;
use foresee_schedule::Schedule;

/// So many transactions that are not begun are worth a schedule.
const OPEN_MIN: usize = 2;

/// Among so many transactions one is chosen that is started early; a look at all of them
/// would take too long where the lock is held.
const STARTABLE_MAX: usize = 16;

/// Where a transaction stands. It only ever moves down this list, though it may
/// leave stages out.
pub(super) enum Stage<R> {
    /// Not released by the policy. It is run all the same once it is next in
    /// block order.
    Held,
    /// Among those that are ready.
    Ready,
    /// A worker executes it, ahead or at its turn.
    Running,
    /// Executed ahead.
    Speculated(R),
    /// Taken by whoever settles its turn, or settled.
    Taken,
}

impl<R> Stage<R> {
    /// Whether it is being executed or has been.
    const fn is_begun(&self) -> bool {
        !matches!(self, Self::Held | Self::Ready)
    }
}

/// Where the block stands.
pub(super) struct Inner<R, A> {
    pub(super) stages: Vec<Stage<R>>,
    /// By transaction, whether it pays to execute it ahead of its turn, and whether it may
    /// be.
    pub(super) pays_ahead: Vec<bool>,
    pub(super) runs_ahead: Vec<bool>,
    /// By transaction, how many predecessors are not executed yet.
    pub(super) predecessors_left: Vec<u32>,
    pub(super) ready: Ready,
    /// The next transaction to be settled.
    pub(super) next: usize,
    /// Present while nobody settles.
    pub(super) authority: Option<A>,
    /// How many workers wait for something to do.
    pub(super) idle: usize,
    pub(super) stopped: bool,
    /// Whether nothing may be executed ahead any more.
    pub(super) is_distrusted: bool,
    pub(super) layers: Layers,
    /// None if there is a schedule.
    pub(super) precaution: Option<Precaution>,
}

impl<R, A> Inner<R, A> {
    /// Takes back whatever has been released and not begun.
    pub(super) fn hold_all(&mut self) {
        self.ready.clear();
        for stage in &mut self.stages[self.next..] {
            if matches!(stage, Stage::Ready) {
                *stage = Stage::Held;
            }
        }
    }

    /// Another schedule counts from now on.
    pub(super) fn reset(&mut self, schedule: &Schedule) {
        let stages = &self.stages;
        self.ready.reset(schedule, |position| stages[position].is_begun());
    }

    /// Lets a transaction be executed ahead of its turn, if it may be.
    pub(super) fn release(&mut self, schedule: &Schedule, tx: TxIndex) {
        let stage = &mut self.stages[tx.position()];
        if matches!(stage, Stage::Held) && self.runs_ahead[tx.position()] {
            *stage = Stage::Ready;
            self.ready.insert(tx, schedule.priority(tx));
        }
    }

    /// Releases the current layer.
    pub(super) fn release_layer(&mut self, schedule: &Schedule) {
        let layers = core::mem::take(&mut self.layers);
        layers.current().iter().for_each(|tx| self.release(schedule, *tx));
        self.layers = layers;
    }

    /// Takes the transaction whose turn it is, unless a worker is at it.
    pub(super) fn take_turn(&mut self) -> Option<Turn<R>> {
        let tx = TxIndex::new(self.next);
        let stage = self.stages.get_mut(self.next)?;
        let speculation = match core::mem::replace(stage, Stage::Taken) {
            Stage::Speculated(result) => Some(result),
            Stage::Running => {
                *stage = Stage::Running;
                return None;
            }
            Stage::Held | Stage::Ready | Stage::Taken => {
                self.begin(tx);
                None
            }
        };
        Some(Turn { tx, speculation })
    }

    /// Whether a schedule gains by knowing what this transaction accesses.
    pub(super) fn is_open(&self, position: usize) -> bool {
        match &self.stages[position] {
            Stage::Running => {
                let waiting = (self.next..self.stages.len()).filter(|later| self.waits(*later));
                waiting.take(OPEN_MIN).count() == OPEN_MIN
            }
            _ => self.waits(position),
        }
    }

    /// Whether a transaction is not begun, and could be ahead of its turn.
    fn waits(&self, position: usize) -> bool {
        !self.is_begun(position) && self.pays_ahead[position]
    }

    /// Whether a transaction is being executed or has been.
    pub(super) fn is_begun(&self, position: usize) -> bool {
        self.stages[position].is_begun()
    }

    /// The transaction to be started before those that it waits for have ended: of the
    /// nearest for which all these are begun, the one with the longest path.
    pub(super) fn startable(&self, schedule: &Schedule) -> Option<TxIndex> {
        let early = schedule.early();
        let left = &early[early.partition_point(|tx| tx.position() < self.next)..];
        let is_held = |tx: &&TxIndex| {
            matches!(self.stages[tx.position()], Stage::Held) && self.runs_ahead[tx.position()]
        };
        let runs = |(_, tx): &(_, TxIndex)| self.is_begun(tx.position());
        let nearest = left.iter().filter(is_held).take(STARTABLE_MAX);
        let startable = nearest.filter(|tx| schedule.awaited(**tx).iter().all(runs));
        startable.copied().max_by_key(|tx| (schedule.priority(*tx), Reverse(*tx)))
    }

    /// A transaction is executed from now on.
    pub(super) fn begin(&mut self, tx: TxIndex) {
        self.stages[tx.position()] = Stage::Running;
        self.ready.begin(tx);
    }

    /// The transaction to be executed ahead next: one that is ready, else perhaps one that
    /// is held.
    pub(super) fn take_ahead(&mut self) -> Option<TxIndex> {
        let tx = match self.precaution {
            Some(_) => self.nearest_or_held()?,
            None => self.ready.first(self.next)?,
        };
        self.begin(tx);
        Some(tx)
    }

    /// By a precaution the nearest that is ready, or that is held without need; what is ready
    /// and nearer than that is left to its turn.
    fn nearest_or_held(&mut self) -> Option<TxIndex> {
        let from = self.next + DISTANCE;
        if let Some(tx) = self.ready.nearest(from) {
            return Some(tx);
        }
        if self.ready.len() > 0 {
            self.hold_all();
        }
        let (stages, runs_ahead) = (&self.stages, &self.runs_ahead);
        let is_held =
            |position: usize| matches!(stages[position], Stage::Held) && runs_ahead[position];
        self.precaution.as_mut()?.try_held(from, is_held)
    }
}
