//! Numbers for the locations in a record: the place of each in their order.
//!
//! Finding a location takes longer than all else that is done with it, so each use is looked
//! up once: while locations come in they have [`Ids`], and these are exchanged for numbers
//! when all are there.

use alloy_primitives::map::HashMap;
use foresee_access::Location;

/// Locations as they come in.
#[derive(Default)]
pub(super) struct Ids {
    ids: HashMap<Location, u32>,
}

/// Every location in a record, in order.
pub(super) struct Numbers {
    /// In order.
    pub(super) locations: Vec<Location>,
    /// By id.
    numbers: Vec<u32>,
}

impl Ids {
    /// The id of a location.
    pub(super) fn of(&mut self, location: Location) -> u32 {
        let next = self.ids.len() as u32;
        *self.ids.entry(location).or_insert(next)
    }

    /// Numbers all that have come in.
    pub(super) fn into_numbers(self) -> Numbers {
        let mut sorted: Vec<_> = self.ids.into_iter().collect();
        sorted.sort_unstable();
        let mut numbers = vec![0; sorted.len()];
        for ((_, id), number) in sorted.iter().zip(0..) {
            numbers[*id as usize] = number;
        }
        let locations = sorted.into_iter().map(|(location, _)| location).collect();
        Numbers { locations, numbers }
    }
}

impl Numbers {
    /// The number of the location that has this id.
    pub(super) fn of(&self, id: u32) -> u32 {
        self.numbers[id as usize]
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
        let mut ids = Ids::default();
        let given = [2, 0, 1, 2, 0].map(|at| ids.of(sorted[at]));
        assert_eq!(given, [0, 1, 2, 0, 1]);
        let numbers = ids.into_numbers();
        assert_eq!(numbers.locations, sorted);
        assert_eq!(given.map(|id| numbers.of(id)), [2, 0, 1, 2, 0]);
    }
}
