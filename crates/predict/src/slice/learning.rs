//! When slices grow: how much work on them a block's predictions have earned, and on
//! which it is spent.
//!
//! Nothing grows while a transaction is predicted. From time to time between two, and
//! when the predictor is done, the keys that have waiting logs grow, those first that
//! have lost the most in blocks for what they cost, until a share of what predicting has
//! cost is spent. What is left is saved up to a limit, so that what costs more than one
//! block earns has its turn.
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

/// What has logs waiting, in the order in which it was met.
#[derive(Debug, Default)]
pub(crate) struct Candidates {
    list: Vec<Candidate>,
}

#[derive(Debug)]
struct Candidate {
    program: Arc<Program>,
    key: SliceKey,
    /// An account with this program.
    account: AccountId,
}

impl Candidates {
    /// Adds one, which is not yet among anybody's.
    pub(crate) fn add(&mut self, program: &Arc<Program>, key: SliceKey, account: AccountId) {
        self.list.push(Candidate { program: program.clone(), key, account });
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
                grown.push(*account);
            } else {
                self.list.push(candidate);
            }
        }
        allowance.save(left);
        grown
    }

    /// Forgets those that are left; they are added when they are met again.
    pub(crate) fn clear(&mut self) {
        for Candidate { program, key, .. } in self.list.drain(..) {
            program.slices.unlist(key);
        }
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
