//! What one transaction reads and writes.

use crate::Location;
use alloy_primitives::Address;
use serde::{Deserialize, Serialize};

/// The locations that one transaction reads and writes, predicted or observed.
///
/// * A **read** is a storage slot that was accessed (by SLOAD or by SSTORE, which
///   reads its slot for gas; in reverted frames too), or an account field that
///   was looked at. Every account that
///   [EIP-7928](https://eips.ethereum.org/EIPS/eip-7928) counts as accessed
///   appears in at least one read or write.
/// * A **write** is a location whose value at the end of the transaction differs
///   from its value at the start.
/// * A **commutative** location is one whose use in this transaction need not
///   order it after earlier writers, because it is settled at commit: the plain
///   credit of a balance, the sender's nonce, that whoever pays has enough; and a slot
///   that is added to, whose old value is used for nothing but sums and comparisons. The
///   latter is taken for what it is worth: who executes finds out whether it is so.
///
/// The fee that the beneficiary earns is in none of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessSet {
    /// Locations read, sorted.
    pub reads: Vec<Location>,
    /// Locations written, sorted.
    pub writes: Vec<Location>,
    /// Locations of either that are settled at commit, sorted.
    pub commutative: Vec<Location>,
}

impl AccessSet {
    /// Builds a set from locations in any order, repeated or not.
    pub fn new(reads: Vec<Location>, writes: Vec<Location>, commutative: Vec<Location>) -> Self {
        let [reads, writes, commutative] = [reads, writes, commutative].map(|mut locations| {
            locations.sort_unstable();
            locations.dedup();
            locations
        });
        Self { reads, writes, commutative }
    }

    /// Builds a set from locations that are sorted and distinct already.
    pub fn from_sorted(
        reads: Vec<Location>,
        writes: Vec<Location>,
        commutative: Vec<Location>,
    ) -> Self {
        let sorted = |locations: &[Location]| locations.is_sorted_by(|a, b| a < b);
        debug_assert!(sorted(&reads) && sorted(&writes) && sorted(&commutative));
        Self { reads, writes, commutative }
    }

    /// Gives back what memory it does not need.
    pub fn shrink_to_fit(&mut self) {
        let Self { reads, writes, commutative } = self;
        [reads, writes, commutative].into_iter().for_each(Vec::shrink_to_fit);
    }

    /// The reads that an earlier write of the same location must precede.
    pub fn ordering_reads(&self) -> impl Iterator<Item = &Location> {
        self.reads.iter().filter(|read| !self.is_commutative(read))
    }

    /// Whether the location is one of the [ordering reads](Self::ordering_reads).
    pub fn orders_by(&self, location: &Location) -> bool {
        self.reads.binary_search(location).is_ok() && !self.is_commutative(location)
    }

    /// Whether the location is settled at commit.
    pub fn is_commutative(&self, location: &Location) -> bool {
        self.commutative.binary_search(location).is_ok()
    }

    /// This set as observed, with the slots settled at commit that a prediction declares
    /// to be: what a transaction merely adds to cannot be observed.
    #[must_use]
    pub fn declaring(&self, predicted: &Self) -> Self {
        let mut set = self.clone();
        let is_read = |slot: &&Location| slot.is_slot() && set.reads.binary_search(slot).is_ok();
        let declared: Vec<_> = predicted.commutative.iter().filter(is_read).copied().collect();
        set.commutative.extend(declared);
        set.commutative.sort_unstable();
        set.commutative.dedup();
        set
    }

    /// Every account in the set, sorted.
    pub fn accounts(&self) -> Vec<Address> {
        let mut accounts: Vec<_> =
            self.reads.iter().chain(&self.writes).map(|location| location.address).collect();
        accounts.sort_unstable();
        accounts.dedup();
        accounts
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::U256;

    #[test]
    fn slots_that_are_read_can_be_declared_commutative() {
        let address = Address::with_last_byte(1);
        let [a, b] = [1, 2].map(|n| Location::slot(address, U256::from(n)));
        let (balance, nonce) = (Location::balance(address), Location::nonce(address));
        let observed = AccessSet::new(vec![a, balance], vec![a], vec![nonce]);
        let predicted = AccessSet::new(vec![], vec![], vec![a, b, balance]);
        assert_eq!(observed.declaring(&predicted).commutative, [nonce, a]);
        assert_eq!(observed.declaring(&AccessSet::default()), observed);
    }

    #[test]
    fn a_set_is_sorted_whatever_the_order_of_discovery() {
        let [a, b] = [1, 2].map(Address::with_last_byte);
        let slot = Location::slot(a, U256::ONE);
        let set = AccessSet::new(
            vec![slot, Location::nonce(b), slot],
            vec![Location::balance(b)],
            vec![Location::nonce(b)],
        );
        assert_eq!(set.reads, [slot, Location::nonce(b)]);
        assert_eq!(set.ordering_reads().collect::<Vec<_>>(), [&slot]);
        assert!(set.orders_by(&slot) && !set.orders_by(&Location::nonce(b)));
        assert!(!set.orders_by(&Location::balance(b)));
        assert_eq!(set.accounts(), [a, b]);
    }
}
