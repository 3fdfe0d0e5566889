//! Where a prediction and an observation part.

use crate::{AccessSet, Location};
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
        Self {
            missed_reads: without(&observed.reads, &predicted.reads),
            extra_reads: without(&predicted.reads, &observed.reads),
            missed_writes: without(&observed.writes, &predicted.writes),
            extra_writes: without(&predicted.writes, &observed.writes),
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

/// The locations of one sorted list that the other sorted list lacks.
fn without(list: &[Location], other: &[Location]) -> Vec<Location> {
    list.iter().filter(|location| other.binary_search(location).is_err()).copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::Address;

    #[test]
    fn a_difference_names_what_is_missed_and_what_is_too_much() {
        let [a, b] = [1, 2].map(|n| Location::balance(Address::with_last_byte(n)));
        let predicted = AccessSet::new(vec![a], vec![], vec![]);
        let observed = AccessSet::new(vec![b], vec![b], vec![]);
        let difference = Difference::between(&predicted, &observed);
        assert_eq!(difference.missed_reads, [b]);
        assert_eq!(difference.extra_reads, [a]);
        assert_eq!(difference.missed_writes, [b]);
        assert!(difference.extra_writes.is_empty());
        assert!(!difference.is_empty());
        assert!(Difference::between(&observed, &observed).is_empty());
    }
}
