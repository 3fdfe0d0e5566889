//! Work that is left when nothing is left to execute, for threads that have nothing to do.

use crate::{
    parallel::awake::pause,
    sync::{Mutex, MutexGuard, PoisonError},
};
use core::time::Duration;
use std::{collections::VecDeque, time::Instant};

/// How long a thread stays awake for work that may come, or for others to end theirs:
/// about twice what waking it takes.
const PATIENCE: Duration = Duration::from_micros(100);

/// Work for threads that have nothing left to execute.
pub(in crate::parallel) struct Aside<'e>(Mutex<Desk<'e>>);

pub(super) type Job<'e> = Box<dyn FnOnce() + Send + 'e>;

struct Desk<'e> {
    jobs: VecDeque<Job<'e>>,
    /// How many there may be later.
    expected: usize,
    /// Threads that wait for them, no more than that.
    waiting: usize,
    /// How many are begun and not done.
    begun: usize,
}

impl<'e> Aside<'e> {
    /// For so many pieces of work at most.
    pub(in crate::parallel) fn new(expected: usize) -> Self {
        Self(Mutex::new(Desk { jobs: VecDeque::new(), expected, waiting: 0, begun: 0 }))
    }

    /// Waits for a while for something to do, unless enough others do, and does it.
    pub(in crate::parallel) fn help(&self) {
        if self.waits() {
            let start = Instant::now();
            while self.lock().expected > 0 && start.elapsed() < PATIENCE {
                pause();
            }
            self.lock().waiting -= 1;
        }
        self.work_off();
    }

    /// Whether one more thread waits: all others would only be in the way.
    fn waits(&self) -> bool {
        let mut desk = self.lock();
        let waits = desk.waiting < desk.expected;
        desk.waiting += usize::from(waits);
        waits
    }

    /// Tells all that there is to do. How many of it no thread waits for.
    pub(super) fn post(&self, jobs: impl IntoIterator<Item = Job<'e>>) -> usize {
        let mut desk = self.lock();
        desk.expected = 0;
        desk.jobs.extend(jobs);
        desk.jobs.len().saturating_sub(desk.waiting)
    }

    /// Does what nobody else has begun.
    pub(super) fn work_off(&self) {
        loop {
            let mut desk = self.lock();
            let Some(job) = desk.jobs.pop_front() else { return };
            desk.begun += 1;
            drop(desk);
            job();
            self.lock().begun -= 1;
        }
    }

    /// Waits for a while until what was begun is done. The scope waits for it in any case, but
    /// asleep.
    pub(super) fn wait(&self) {
        let start = Instant::now();
        while self.lock().begun > 0 && start.elapsed() < PATIENCE {
            pause();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Desk<'e>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_wait_than_there_may_be_work_for() {
        let aside = Aside::new(2);
        assert_eq!([(); 3].map(|()| aside.waits()), [true, true, false]);
        // Those two would be told.
        assert_eq!(aside.post([]), 0);
        assert!(!aside.waits());
        // Nobody waits in vain for ever.
        Aside::new(1).help();
    }
}
