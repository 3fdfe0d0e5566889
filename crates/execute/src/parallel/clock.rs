//! What a thread did when: the part of a timeline that a worker writes.
//!
//! Clocks are read for a timeline if one is [asked for](crate::Reports::timeline), and
//! around transactions that run code always, so that what executing takes is known.

use core::time::Duration;
use foresee_access::TxIndex;
use std::time::Instant;

/// Waits shorter than this are left out of a timeline.
const WAIT_MIN: Duration = Duration::from_micros(1);

/// Something that a thread did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Activity {
    /// What it was.
    pub task: Task,
    /// When it began, since the execution did.
    pub start: Duration,
    /// When it ended.
    pub end: Duration,
}

/// What a thread can be at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Task {
    /// Executing this transaction ahead of its turn. Where it waited in between, because it
    /// was started early, it is told before and after.
    Ahead(TxIndex),
    /// Settling this transaction's turn: taking its result over, or executing it.
    Turn(TxIndex),
    /// Waiting for something to do, or in the middle of a transaction for another one.
    Wait,
}

/// What came of one thread's work on a block.
#[derive(Debug, Default)]
pub(super) struct Worked {
    /// Time spent executing transactions that run code; what others take is less than
    /// what a clock does.
    pub(super) executing: Duration,
    /// How many transactions were started early, and how long these waited.
    pub(super) early: usize,
    pub(super) waited: Duration,
    /// What the thread did, in order, if that is asked for.
    pub(super) activities: Vec<Activity>,
}

/// A worker's clock.
#[derive(Debug)]
pub(super) struct Clock {
    /// When the execution began, if a timeline is asked for.
    origin: Option<Instant>,
    pub(super) worked: Worked,
}

impl Clock {
    pub(super) fn new(origin: Option<Instant>) -> Self {
        Self { origin, worked: Worked::default() }
    }

    /// When something begins.
    pub(super) fn start(&self) -> Option<Duration> {
        self.origin.map(|origin| origin.elapsed())
    }

    /// Notes what has been done since then, and when the thread waited in between; when it
    /// went on.
    pub(super) fn interrupted(
        &mut self,
        task: Task,
        start: Option<Duration>,
        waits: &[(Instant, Instant)],
    ) -> Option<Duration> {
        let (mut start, origin) = start.zip(self.origin)?;
        for (from, to) in waits {
            let [from, to] = [from, to].map(|time| time.duration_since(origin));
            let before = Activity { task, start, end: from };
            let wait = Activity { task: Task::Wait, start: from, end: to };
            self.worked.activities.extend([before, wait]);
            start = to;
        }
        Some(start)
    }

    /// Notes what ends now.
    pub(super) fn end(&mut self, task: Task, start: Option<Duration>) {
        let Some((start, end)) = start.zip(self.start()) else { return };
        if task != Task::Wait || end.saturating_sub(start) >= WAIT_MIN {
            self.worked.activities.push(Activity { task, start, end });
        }
    }
}
