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
    /// Whether there may be some later.
    is_expecting: bool,
    /// Threads that wait for them.
    waiting: usize,
    /// How many are begun and not done.
    begun: usize,
}

impl<'e> Aside<'e> {
    pub(in crate::parallel) fn new() -> Self {
        let desk = Desk { jobs: VecDeque::new(), is_expecting: true, waiting: 0, begun: 0 };
        Self(Mutex::new(desk))
    }

    /// Waits for a while for something to do, and does it.
    pub(in crate::parallel) fn help(&self) {
        let start = Instant::now();
        self.lock().waiting += 1;
        loop {
            let mut desk = self.lock();
            if !desk.is_expecting || start.elapsed() >= PATIENCE {
                desk.waiting -= 1;
                break;
            }
            drop(desk);
            pause();
        }
        self.work_off();
    }

    /// Tells all that there is to do. How many of it no thread waits for.
    pub(super) fn post(&self, jobs: impl IntoIterator<Item = Job<'e>>) -> usize {
        let mut desk = self.lock();
        desk.is_expecting = false;
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
