//! Hands on what slices grow from, and lets them grow when that was earned.

use super::{Machine, Surroundings};
use crate::{
    cache::ProgramCache, predictor::Learning, slice::Allowance, state::StateView, world::AccountId,
};

/// The most steps that are followed for one block where everything is learnt at once.
const LEARNT_MAX: usize = 1 << 20;

/// How many steps of predicting there are between two turns of learning.
const WORK_BETWEEN: u64 = 1 << 12;

/// The deepest frame that is logged: logs live as long as their frames.
pub(super) const LOGGED_DEPTH_MAX: usize = 32;

impl Machine {
    /// Whether the last frame may be logged.
    pub(super) fn may_log(&self) -> bool {
        self.learning != Learning::Nothing
            && self.learnt <= LEARNT_MAX
            && self.frames.len() <= LOGGED_DEPTH_MAX
    }

    /// Hands the log of the last frame, which has ended by an instruction, to the
    /// slices of its program.
    pub(super) fn learn<S: StateView>(&mut self, around: &mut Surroundings<'_, S>) {
        let Some(frame) = self.frames.last_mut() else { return };
        let (Some(log), Some(code)) = (frame.log.take(), frame.code) else { return };
        let key = frame.slice_key(&self.memory);
        let slices = &frame.program.slices;
        let listed = slices.note(key, *log);
        if self.learning == Learning::Everything {
            self.learnt += slices.grow(key, &frame.program);
            around.world.refresh_slices(code);
        } else if listed {
            self.candidates.add(&frame.program, key, code);
        }
    }

    /// The last frame has failed: nothing is to be learnt of it but that.
    pub(super) fn learn_failure(&mut self) {
        if let Some(frame) = self.frames.last()
            && frame.log.is_some()
        {
            frame.program.slices.note_failure(frame.slice_key(&self.memory));
        }
    }

    /// Whether enough was earned to learn from it before the next transaction.
    pub(crate) fn may_grow(&self) -> bool {
        self.worked >= WORK_BETWEEN && self.learning == Learning::Bounded
    }

    /// Lets slices grow as far as predicting has earned it. Yields the accounts whose
    /// programs have grown.
    pub(crate) fn grow_slices(&mut self, allowance: &Allowance) -> Vec<AccountId> {
        let steps = core::mem::take(&mut self.worked) + core::mem::take(&mut self.steps);
        match self.learning {
            Learning::Bounded => self.candidates.learn(allowance, steps),
            _ => Vec::new(),
        }
    }

    /// Takes over what earlier blocks had no time to learn, if this one learns as they did.
    pub(crate) fn begin_learning(&mut self, cache: &ProgramCache) {
        if self.learning == Learning::Bounded {
            self.candidates.append(cache.take_unlearnt());
        }
    }

    /// Lets slices grow for the last time in the block, and leaves what it has no time for.
    pub(crate) fn end_learning(&mut self, cache: &ProgramCache) {
        self.grow_slices(cache.allowance());
        cache.leave_unlearnt(&mut self.candidates);
    }
}
