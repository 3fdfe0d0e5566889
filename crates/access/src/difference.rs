//! Where a prediction and an observation part.

use crate::{AccessSet, Location, Touch};
use serde::{Deserialize, Serialize};

/// The locations in which a predicted set differs from the observed one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// Read, but not predicted as read.
    pub missed_reads: Vec<Location>,
    /// Predicted as read, but not read.
    pub extra_reads: Vec<Location>,
    /// Written, but not predicted as written.
    pub missed_writes: Vec<Location>,
    /// Predicted as written, but not written.
    pub extra_writes: Vec<Location>,
}

impl Difference {
    /// Compares a predicted with an observed set.
    pub fn between(predicted: &AccessSet, observed: &AccessSet) -> Self {
        let without = |set: &AccessSet, other: &AccessSet, how| {
            let touched = set.touches().filter(|(_, touch)| touch.has(how));
            let lacks = |location: &Location| !other.touch(location).has(how);
            touched.map(|(location, _)| location).filter(lacks).collect()
        };
        Self {
            missed_reads: without(observed, predicted, Touch::READ),
            extra_reads: without(predicted, observed, Touch::READ),
            missed_writes: without(observed, predicted, Touch::WRITE),
            extra_writes: without(predicted, observed, Touch::WRITE),
        }
    }

    /// Whether the two sets agree on every location.
    pub const fn is_empty(&self) -> bool {
        self.missed_reads.is_empty()
            && self.extra_reads.is_empty()
            && self.missed_writes.is_empty()
            && self.extra_writes.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::Address;

    #[test]
    fn a_difference_names_what_is_missed_and_what_is_too_much() {
        let [a, b] = [1, 2].map(|n| Location::balance(Address::with_last_byte(n)));
        let predicted = AccessSet::new([a], [], []);
        let observed = AccessSet::new([b], [b], []);
        let difference = Difference::between(&predicted, &observed);
        assert_eq!(difference.missed_reads, [b]);
        assert_eq!(difference.extra_reads, [a]);
        assert_eq!(difference.missed_writes, [b]);
        assert!(difference.extra_writes.is_empty());
        assert!(!difference.is_empty());
        assert!(Difference::between(&observed, &observed).is_empty());
    }
}
