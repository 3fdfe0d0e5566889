//! A quick answer for the many locations that no transaction of the block writes.
//!
//! One bit per location. A bit that is not set proves that the location was never added; a
//! bit that is set proves nothing, the table decides. Locations made to share a bit only
//! lose the shortcut.

/// Bits, as a power of two: few enough for the fastest cache, and many enough for the several
/// thousand locations that a block writes.
const BITS: u32 = 16;

/// The locations that may have been added.
#[derive(Debug)]
pub(crate) struct Filter {
    words: Box<[u64; 1 << (BITS - 6)]>,
}

impl Default for Filter {
    fn default() -> Self {
        Self { words: Box::new([0; 1 << (BITS - 6)]) }
    }
}

impl Filter {
    /// Adds a location, given as 64 bits of which the upper ones are spread.
    #[inline]
    pub(crate) fn add(&mut self, spread: u64) {
        let (word, bit) = place(spread);
        self.words[word] |= bit;
    }

    /// Whether the location may have been added; never false if it was.
    #[inline]
    pub(crate) fn may_hold(&self, spread: u64) -> bool {
        let (word, bit) = place(spread);
        self.words[word] & bit != 0
    }
}

const fn place(spread: u64) -> (usize, u64) {
    let bit = spread >> (u64::BITS - BITS);
    ((bit >> 6) as usize, 1 << (bit & 63))
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::keccak256;

    #[test]
    fn what_was_added_is_found_and_most_else_is_not() {
        let locations = |from: u64| {
            (from..from + 2_000).map(|n| {
                let hash = keccak256(n.to_be_bytes());
                hash.first_chunk().map_or(0, |head| u64::from_be_bytes(*head))
            })
        };
        let mut filter = Filter::default();
        locations(0).for_each(|location| filter.add(location));
        assert!(locations(0).all(|location| filter.may_hold(location)));
        let mistaken = locations(2_000).filter(|location| filter.may_hold(*location)).count();
        assert!(mistaken < 200, "{mistaken} of 2000");
    }
}
