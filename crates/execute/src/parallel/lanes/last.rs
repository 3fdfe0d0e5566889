//! Where a lane is and where it ends, which another thread may have told it meanwhile.

use crate::sync::{Mutex, MutexGuard, PoisonError};
use core::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;

/// The last lane of a block so far, part of which another may take over.
#[derive(Debug)]
pub struct LastLane {
    /// How many there are before it.
    number: usize,
    start: usize,
    reach: Mutex<Reach>,
    /// Shared by all lanes of a block.
    is_over: Arc<AtomicBool>,
}

/// How far a lane has come, and where it ends.
#[derive(Debug)]
struct Reach {
    position: usize,
    end: usize,
}

impl LastLane {
    /// The first lane of a block, which ends here at the latest.
    pub(in crate::parallel) fn first(end: usize) -> Self {
        let reach = Mutex::new(Reach { position: 0, end });
        Self { number: 0, start: 0, reach, is_over: Arc::default() }
    }

    /// The next lane, if this one has not come so far yet; it ends there then.
    pub(in crate::parallel) fn followed_from(&self, start: usize) -> Option<Self> {
        let mut reach = self.reach();
        // What is at the position is being executed, unless the lane has ended there.
        if start <= reach.position && start != reach.end {
            return None;
        }
        reach.end = start;
        let reach = Mutex::new(Reach { position: start, end: usize::MAX });
        Some(Self { number: self.number + 1, start, reach, is_over: self.is_over.clone() })
    }

    /// Whether the lane goes on with the transaction at this position.
    pub(in crate::parallel) fn goes_on(&self, position: usize) -> bool {
        let mut reach = self.reach();
        reach.position = position;
        position < reach.end
    }

    /// The position in the block of the transaction that it executes.
    pub fn position(&self) -> usize {
        self.reach().position
    }

    /// Whether another lane would be of no use any more.
    pub fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Relaxed)
    }

    pub(super) const fn number(&self) -> usize {
        self.number
    }

    pub(super) const fn start(&self) -> usize {
        self.start
    }

    /// What tells all lanes of the block that they are of no use any more.
    pub(super) fn over(&self) -> Arc<AtomicBool> {
        self.is_over.clone()
    }

    fn reach(&self) -> MutexGuard<'_, Reach> {
        self.reach.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
