//! Numbers for the locations in a record.

use alloy_primitives::map::HashMap;
use foresee_access::Location;

/// Every location in a record, and its number, which is its place in their order.
pub(super) struct Numbers {
    /// In order.
    pub(super) locations: Vec<Location>,
    numbers: HashMap<Location, u64>,
}

impl Numbers {
    /// Numbers these locations, repeated or not.
    pub(super) fn new<'a>(locations: impl Iterator<Item = &'a Location>) -> Self {
        let mut numbers = HashMap::<Location, u64>::default();
        for location in locations {
            if !numbers.contains_key(location) {
                numbers.insert(*location, 0);
            }
        }
        let mut locations: Vec<_> = numbers.keys().copied().collect();
        locations.sort_unstable();
        for (location, number) in locations.iter().zip(0..) {
            numbers.insert(*location, number);
        }
        Self { locations, numbers }
    }

    /// The number of a location.
    ///
    /// # Panics
    ///
    /// If it is none of those that were numbered.
    pub(super) fn of(&self, location: &Location) -> u64 {
        self.numbers[location]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::{Address, U256};

    #[test]
    fn numbers_are_places_in_order() {
        let [a, b] = [1, 2].map(Address::with_last_byte);
        let sorted = [Location::nonce(a), Location::slot(a, U256::ONE), Location::balance(b)];
        let numbers = Numbers::new([2, 0, 1, 2, 0].map(|at| &sorted[at]).into_iter());
        assert_eq!(numbers.locations, sorted);
        assert_eq!(sorted.map(|location| numbers.of(&location)), [0, 1, 2]);
    }
}
