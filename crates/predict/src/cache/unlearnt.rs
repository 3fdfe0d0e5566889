//! Paths that predictions had no time to learn: what that costs is more than they had earned.
//! They are learnt when nobody waits, or by the predictions to come.

use super::ProgramCache;
use crate::slice::{Candidate, Candidates};
use std::{
    collections::VecDeque,
    sync::{MutexGuard, PoisonError},
};

impl ProgramCache {
    /// For how many kinds of calls there are paths that are still to be learnt.
    pub fn unlearnt(&self) -> usize {
        self.lock_unlearnt().len()
    }

    /// Learns the paths that predictions had no time to learn, one kind of call after the
    /// other, as long as it `goes_on`, which is asked every few microseconds while paths are
    /// followed; what is left then is still to be learnt. For how many kinds of calls it was
    /// done.
    ///
    /// For whoever knows of a moment in which nobody waits for a thread. Several may do it at a
    /// time.
    pub fn learn(&self, goes_on: impl Fn() -> bool) -> usize {
        let mut learnt = 0;
        while goes_on() {
            let Some(first) = self.lock_unlearnt().pop_front() else { break };
            if !first.grow_while(&goes_on) {
                self.lock_unlearnt().push_front(first);
                break;
            }
            learnt += 1;
        }
        learnt
    }

    /// What earlier predictions have left.
    pub(crate) fn take_unlearnt(&self) -> VecDeque<Candidate> {
        core::mem::take(&mut *self.lock_unlearnt())
    }

    /// Leaves what there was no time for.
    pub(crate) fn leave_unlearnt(&self, candidates: &mut Candidates) {
        let mut unlearnt = self.lock_unlearnt();
        let left = candidates.leave(unlearnt.len());
        unlearnt.extend(left);
    }

    /// Nothing of what is done under the lock can panic, except for want of memory.
    fn lock_unlearnt(&self) -> MutexGuard<'_, VecDeque<Candidate>> {
        self.unlearnt.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
