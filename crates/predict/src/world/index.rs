//! Numbers of what stands in a list, found by hash.
//!
//! Who predicts a block after something else has run finds nothing of the world in the
//! processor's caches. So a table beside the list has as few bytes as it can, and is cleared
//! just before it is used again, from its beginning to its end, which brings it there; what is
//! found stands in the order in which it was met.

use core::{
    fmt,
    hash::{BuildHasher, Hash},
};

/// Entries of the first table; a power of two.
const FIRST: usize = 64;

/// An entry: a hash, and one more than a number. Empty if that is 0.
type Entry = (u32, u32);

/// A table of numbers by hash.
#[derive(Default)]
pub(super) struct Index<H> {
    /// As many as a power of two, at least half of them empty.
    table: Vec<Entry>,
    len: usize,
    hasher: H,
}

impl<H: BuildHasher> Index<H> {
    /// The hash of what a number is found by.
    pub(super) fn hash(&self, key: &impl Hash) -> u64 {
        self.hasher.hash_one(key)
    }

    /// The number with a hash of which this holds.
    pub(super) fn find(&self, hash: u64, is: impl Fn(u32) -> bool) -> Option<u32> {
        let (hash, mask) = (fold(hash), self.table.len().checked_sub(1)?);
        let mut at = hash as usize & mask;
        loop {
            let (there, behind) = self.table[at];
            let number = behind.checked_sub(1)?;
            if there == hash && is(number) {
                return Some(number);
            }
            at = (at + 1) & mask;
        }
    }

    /// Adds a number that is not there yet.
    pub(super) fn add(&mut self, hash: u64, number: u32) {
        self.len += 1;
        if 2 * self.len > self.table.len() {
            let larger = FIRST.max(2 * self.table.len());
            for entry in core::mem::replace(&mut self.table, vec![(0, 0); larger]) {
                if entry.1 != 0 {
                    self.put(entry);
                }
            }
        }
        self.put((fold(hash), number + 1));
    }

    fn put(&mut self, entry: Entry) {
        let mask = self.table.len() - 1;
        let mut at = entry.0 as usize & mask;
        while self.table[at].1 != 0 {
            at = (at + 1) & mask;
        }
        self.table[at] = entry;
    }

    /// Forgets all numbers; their memory is kept. Meets all of it, be there no number.
    pub(super) fn clear(&mut self) {
        self.table.fill((0, 0));
        self.len = 0;
    }
}

impl<H> fmt::Debug for Index<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Index").field("len", &self.len).finish_non_exhaustive()
    }
}

/// Half of a hash, of all of its bits.
const fn fold(hash: u64) -> u32 {
    (hash ^ hash >> 32) as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::map::DefaultHashBuilder;

    #[test]
    fn numbers_are_found_among_others_of_their_hash_and_forgotten() {
        let mut index = Index::<DefaultHashBuilder>::default();
        for _ in 0..2 {
            assert_eq!(index.find(0, |_| true), None, "empty");
            for number in 0..1000u32 {
                index.add(u64::from(number % 10) << 7, number);
            }
            for number in 0..1000 {
                assert_eq!(index.find(u64::from(number % 10) << 7, |n| n == number), Some(number));
            }
            assert_eq!(index.find(10 << 7, |_| true), None);
            assert_eq!(index.find(7 << 7, |number| number == 1000), None);
            index.clear();
        }
    }
}
