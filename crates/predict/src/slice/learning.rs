//! When slices grow: how much work on them a block's predictions have earned, and on
//! which it is spent.
//!
//! Nothing grows while a transaction is predicted. From time to time between two, and
//! when the predictor is done, the keys that have waiting logs grow, those first that
//! have lost the most in blocks for what they cost, until a share of what predicting has
//! cost is spent. What is left is saved up to a limit, so that what costs more than one
//! block earns has its turn. Keys that were not paid for are left to whoever has a thread
//! when nobody waits, or else to the next predictor.
//!
//! Counted in steps, never by a clock.

use super::table::{Offer, SliceKey};
use crate::{program::Program, world::AccountId};
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

/// How many steps of predicting earn one of learning. Following an instruction takes
/// about as long as running half a block, so that learning takes a tenth of the time.
const STEPS_PER_STEP: u64 = 5;

/// The most that is saved: no more is ever spent at once. A key that costs more takes no
/// more paths.
const SAVED_MAX: usize = 1 << 15;

/// The most keys that are left to others; what they would cost and bring is looked at whenever
/// something is spent.
const LEFT_MAX: usize = 256;

/// The steps that may be spent on learning, for all who share a cache.
#[derive(Debug, Default)]
pub(crate) struct Allowance(AtomicUsize);

impl Allowance {
    /// A copy that goes its own way.
    pub(crate) fn fork(&self) -> Self {
        Self(AtomicUsize::new(self.0.load(Ordering::Relaxed)))
    }

    /// Adds what so many steps of predicting earn, and takes all there is.
    fn take(&self, steps: u64) -> usize {
        let earned = usize::try_from(steps / STEPS_PER_STEP).unwrap_or(SAVED_MAX);
        self.0.swap(0, Ordering::Relaxed).saturating_add(earned).min(SAVED_MAX)
    }

    /// Puts back what was not spent.
    fn save(&self, steps: usize) {
        self.0.fetch_add(steps, Ordering::Relaxed);
    }
}

/// What has logs waiting: those that were looked at by what they are worth, then others in the
/// order in which they were met.
#[derive(Debug, Default)]
pub(crate) struct Candidates {
    list: Vec<Candidate>,
}

#[derive(Debug)]
pub(crate) struct Candidate {
    program: Arc<Program>,
    key: SliceKey,
    /// An account with this program, in the world that met it.
    account: Option<AccountId>,
}

impl Candidate {
    /// Lets it grow as long as it `goes_on`; whether it does to the end.
    pub(crate) fn grow_while(&self, goes_on: &dyn Fn() -> bool) -> bool {
        let Self { program, key, .. } = self;
        match program.slices.offer(*key) {
            Some(Offer { cost, .. }) if cost > SAVED_MAX => program.slices.seal(*key),
            Some(_) => return program.slices.grow_while(*key, program, goes_on).is_some(),
            None => {}
        }
        true
    }
}

impl Candidates {
    /// Adds one, which is not yet among anybody's.
    pub(crate) fn add(&mut self, program: &Arc<Program>, key: SliceKey, account: AccountId) {
        self.list.push(Candidate { program: program.clone(), key, account: Some(account) });
    }

    /// Adds what another world has left.
    pub(crate) fn append(&mut self, left: impl IntoIterator<Item = Candidate>) {
        self.list.extend(left);
    }

    /// Leaves all to others, but those for which there is no room beside so many: they are
    /// candidates again when they are met again.
    pub(crate) fn leave(&mut self, others: usize) -> Vec<Candidate> {
        let kept = self.list.len().min(LEFT_MAX.saturating_sub(others));
        for Candidate { program, key, .. } in self.list.drain(kept..) {
            program.slices.unlist(key);
        }
        self.list.drain(..).map(|left| Candidate { account: None, ..left }).collect()
    }

    /// Lets grow what so many steps of predicting, and what was saved before, pay for.
    /// Yields the accounts whose programs have grown.
    pub(crate) fn learn(&mut self, allowance: &Allowance, steps: u64) -> Vec<AccountId> {
        let mut left = allowance.take(steps);
        let offers = self.list.drain(..).filter_map(|candidate| {
            let offer = candidate.program.slices.offer(candidate.key)?;
            Some((offer, candidate))
        });
        let mut offers: Vec<_> = offers.collect();
        offers.sort_by(|(a, _), (b, _)| b.worth(a).cmp(&a.worth(b)));
        let mut grown = Vec::new();
        for (Offer { cost, .. }, candidate) in offers {
            let Candidate { program, key, account } = &candidate;
            if cost > SAVED_MAX {
                program.slices.seal(*key);
            } else if cost <= left {
                left = left.saturating_sub(program.slices.grow(*key, program));
                grown.extend(*account);
            } else {
                self.list.push(candidate);
            }
        }
        allowance.save(left);
        grown
    }
}

impl Offer {
    /// What it brings for what it costs, to be compared with the other's.
    const fn worth(&self, other: &Self) -> u128 {
        self.gain as u128 * other.cost as u128
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_earned_is_a_share_and_what_is_saved_is_bounded() {
        let allowance = Allowance::default();
        assert_eq!(allowance.take(STEPS_PER_STEP * 7), 7);
        assert_eq!(allowance.take(STEPS_PER_STEP - 1), 0, "taken is taken");
        allowance.save(3);
        assert_eq!(allowance.fork().take(STEPS_PER_STEP), 4);
        assert_eq!(allowance.take(u64::MAX), SAVED_MAX);
    }

    #[test]
    fn worth_is_gain_for_cost() {
        let [dear, cheap] = [(10, 100), (5, 20)].map(|(cost, gain)| Offer { cost, gain });
        assert!(dear.worth(&cheap) > cheap.worth(&dear));
        let twice = Offer { cost: 20, gain: 200 };
        assert_eq!(dear.worth(&twice), twice.worth(&dear));
    }
}
