//! A quick answer for the many locations that no transaction of the block writes.
//!
//! One bit per location, chosen by a few of its own bits, which for hashed slots are
//! random already. A bit that is not set proves that the location was never added; a
//! bit that is set proves nothing, the table decides. Locations made to share a bit
//! only lose the shortcut.

use foresee_access::{Field, Location};

/// Words of 64 bits: small enough for the fastest cache, and large enough for the
/// several thousand locations that a block writes.
const WORDS: usize = 1 << 10;

/// The locations that may have been added.
#[derive(Debug)]
pub(crate) struct Filter {
    words: Box<[u64; WORDS]>,
}

impl Default for Filter {
    fn default() -> Self {
        Self { words: Box::new([0; WORDS]) }
    }
}

impl Filter {
    #[inline]
    pub(crate) fn add(&mut self, location: &Location) {
        let (word, bit) = place(location);
        self.words[word] |= bit;
    }

    /// Whether the location may have been added; never false if it was.
    #[inline]
    pub(crate) fn may_hold(&self, location: &Location) -> bool {
        let (word, bit) = place(location);
        self.words[word] & bit != 0
    }
}

/// The bit of a location: the low bits of its slot, or a constant for its field,
/// over the low bits of its address.
fn place(location: &Location) -> (usize, u64) {
    let [.., high, low] = location.address.into_array();
    let part = match location.field {
        Field::Slot(slot) => slot.as_limbs()[0],
        Field::Balance => 1 << 12,
        Field::Nonce => 2 << 12,
        Field::Code => 3 << 12,
    };
    let bit = part ^ u64::from(u16::from_be_bytes([high, low]));
    ((bit / 64) as usize % WORDS, 1 << (bit % 64))
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::{Address, keccak256};

    #[test]
    fn what_was_added_is_found_and_most_else_is_not() {
        let locations = |from: u64| {
            (from..from + 2_000).map(|n| {
                let slot = keccak256(n.to_be_bytes());
                Location::slot(Address::from_word(keccak256(slot)), slot.into())
            })
        };
        let mut filter = Filter::default();
        locations(0).for_each(|location| filter.add(&location));
        assert!(locations(0).all(|location| filter.may_hold(&location)));
        let mistaken = locations(2_000).filter(|location| filter.may_hold(location)).count();
        assert!(mistaken < 200, "{mistaken} of 2000");
    }

    #[test]
    fn the_fields_of_an_account_have_bits_of_their_own() {
        let account = Address::repeat_byte(7);
        let mut filter = Filter::default();
        filter.add(&Location::balance(account));
        assert!(filter.may_hold(&Location::balance(account)));
        assert!(!filter.may_hold(&Location::nonce(account)));
        assert!(!filter.may_hold(&Location::code(account)));
    }
}
