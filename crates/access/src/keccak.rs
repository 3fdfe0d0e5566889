//! Keccak-256 of what storage keys are made of: remembered while a block is predicted,
//! and handed to whoever executes it.
//!
//! The key of a mapping's entry is the hash of two words, and hashing is a tenth of an
//! execution's time. A prediction has to compute these keys; who executes the same
//! transaction later takes them over. [`Hashes`] come from a [`KeccakMemo`] alone, which
//! computes them, so that they cannot be wrong.

use alloy_primitives::{B256, keccak256};

/// Entries of the memo.
const MEMO: usize = 2048;

/// Entries of the memo for other short inputs.
const SHORT: usize = 512;

/// The longest of them, in bytes. The address of a contract at a known salt is the hash
/// of 85, and a router asks for that of a pair at each turn.
const SHORT_MAX: usize = 96;

/// Hashes kept for one transaction at most.
const HASHES_MAX: usize = 1024;

/// How many known hashes are looked through when they are asked for in another order
/// than they were computed in.
const WINDOW: usize = 32;

/// Bytes of input that Keccak-256 takes in at a time.
const RATE: usize = 136;

/// Two words.
pub type Words = [u8; 64];

/// The hashes of short inputs that a block has met lately.
#[derive(Debug, Default)]
pub struct KeccakMemo {
    two_words: Table<{ size_of::<Words>() }, MEMO>,
    short: Table<SHORT_MAX, SHORT>,
    /// What the transaction at hand hashed, if that is kept.
    hashes: Option<Hashes>,
    permutations: u64,
}

impl KeccakMemo {
    /// Forgets everything, and sets whether hashes are kept for [`take`](Self::take).
    pub fn begin(&mut self, keeps: bool) {
        self.two_words.clear();
        self.short.clear();
        self.hashes = keeps.then(Hashes::default);
        self.permutations = 0;
    }

    /// How often Keccak's permutation was computed since [`begin`](Self::begin), which is
    /// what hashing takes its time for.
    pub const fn permutations(&self) -> u64 {
        self.permutations
    }

    /// Exchanges what is remembered with another memo of the same block, so that one table
    /// serves many in turn. What is kept stays.
    pub const fn swap(&mut self, other: &mut Self) {
        core::mem::swap(&mut self.two_words, &mut other.two_words);
        core::mem::swap(&mut self.short, &mut other.short);
    }

    /// The hash of any input.
    pub fn hash(&mut self, input: &[u8]) -> B256 {
        match <&Words>::try_from(input) {
            Ok(words) => self.hash_two(words),
            Err(_) if input.len() <= SHORT_MAX => {
                let mut padded = [0; SHORT_MAX];
                padded[..input.len()].copy_from_slice(input);
                self.short.hash(&padded, input.len(), &mut self.permutations)
            }
            Err(_) => compute(input, &mut self.permutations),
        }
    }

    /// The hash of two words. Asked for twice in a row, it is kept once.
    pub fn hash_two(&mut self, words: &Words) -> B256 {
        let hash = self.hash_beforehand(words);
        if let Some(hashes) = &mut self.hashes
            && hashes.entries.len() < HASHES_MAX
            && hashes.entries.last().is_none_or(|(last, _)| last != words)
        {
            hashes.entries.push((*words, hash));
        }
        hash
    }

    /// The hash of two words that will be asked for once more: it is remembered, not kept.
    pub fn hash_beforehand(&mut self, words: &Words) -> B256 {
        self.two_words.hash(words, words.len(), &mut self.permutations)
    }

    /// The hashes of two-word inputs since this was last called, in the order in which
    /// they were asked for; at most 1,024, and none unless they are kept.
    pub fn take(&mut self) -> Hashes {
        self.hashes.as_mut().map(core::mem::take).unwrap_or_default()
    }
}

/// The last `ENTRIES` hashes of inputs of at most `N` bytes, one after the other, and a
/// small table of where they are, so that little memory is met.
#[derive(Debug, Default)]
struct Table<const N: usize, const ENTRIES: usize> {
    /// By [`position`], one more than where the entry is; 0 if there is none.
    places: Vec<u16>,
    entries: Vec<Entry<N>>,
    /// Which entry is replaced next, once there are all.
    oldest: usize,
}

/// An input with zeroes behind it, and its hash.
#[derive(Clone, Copy, Debug)]
struct Entry<const N: usize> {
    input: [u8; N],
    len: usize,
    hash: B256,
}

impl<const N: usize, const ENTRIES: usize> Table<N, ENTRIES> {
    /// Forgets everything.
    fn clear(&mut self) {
        if !self.entries.is_empty() {
            self.places.fill(0);
            self.entries.clear();
            self.oldest = 0;
        }
    }

    /// The hash of the first `len` bytes of an input, behind which there are zeroes.
    fn hash(&mut self, input: &[u8; N], len: usize, permutations: &mut u64) -> B256 {
        if self.places.is_empty() {
            self.places = vec![0; 2 * ENTRIES];
        }
        let place = &mut self.places[position(input) % (2 * ENTRIES)];
        let entry = usize::from(*place).checked_sub(1).and_then(|at| self.entries.get(at));
        if let Some(entry) = entry
            && entry.len == len
            && entry.input == *input
        {
            return entry.hash;
        }
        let hash = compute(&input[..len], permutations);
        let entry = Entry { input: *input, len, hash };
        // A place may lead to an entry that was replaced; inputs are compared.
        if self.entries.len() < ENTRIES {
            self.entries.push(entry);
            *place = self.entries.len() as u16;
        } else {
            self.entries[self.oldest] = entry;
            self.oldest = (self.oldest + 1) % ENTRIES;
            *place = if self.oldest == 0 { ENTRIES } else { self.oldest } as u16;
        }
        hash
    }
}

/// A hash, computed and counted.
fn compute(input: &[u8], permutations: &mut u64) -> B256 {
    // Padding takes at least a byte.
    *permutations += (input.len() / RATE) as u64 + 1;
    keccak256(input)
}

/// Hashes of two-word inputs.
#[derive(Clone, Debug, Default)]
pub struct Hashes {
    entries: Vec<(Words, B256)>,
}

impl Hashes {
    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// How many there are.
    pub const fn len(&self) -> usize {
        self.entries.len()
    }

    /// Gives back what memory they do not need.
    pub fn shrink_to_fit(&mut self) {
        self.entries.shrink_to_fit();
    }

    /// The hash of an input, if it is near `next`: where it is if inputs come in the
    /// order of the prediction. `next` moves on behind what was found.
    pub fn find(&self, input: &[u8], next: &mut usize) -> Option<B256> {
        let behind = self.entries.get(*next..)?;
        let ahead = behind.iter().take(WINDOW).position(|(words, _)| words == input);
        let found = match ahead {
            Some(offset) => *next + offset,
            None => {
                let start = next.saturating_sub(WINDOW);
                let before = &self.entries[start..*next];
                start + before.iter().rposition(|(words, _)| words == input)?
            }
        };
        *next = (*next).max(found + 1);
        Some(self.entries[found].1)
    }
}

/// A cheap mix of all limbs. What differs is mostly in the highest bits of a limb, which
/// multiplying alone leaves there.
fn position(words: &[u8]) -> usize {
    const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut mixed = 0u64;
    for limb in words.chunks_exact(8) {
        let limb = limb.try_into().map_or(0, u64::from_le_bytes);
        mixed = (mixed.rotate_left(5) ^ limb).wrapping_mul(FACTOR);
    }
    ((mixed ^ mixed >> 32).wrapping_mul(FACTOR) >> 48) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    fn input(n: usize) -> Words {
        let mut input = [0; 64];
        input[24..32].copy_from_slice(&n.to_be_bytes());
        input
    }

    #[test]
    fn the_memo_agrees_with_keccak_when_entries_are_replaced() {
        let mut memo = KeccakMemo::default();
        for block in 0..3 {
            memo.begin(false);
            for n in 0..3 * MEMO {
                assert_eq!(memo.hash(&input(n)), keccak256(input(n)), "{block} {n}");
            }
        }
        assert!(memo.take().is_empty());
    }

    #[test]
    fn inputs_of_any_length_are_told_apart() {
        let mut memo = KeccakMemo::default();
        for _ in 0..2 {
            memo.begin(false);
            for round in 0..2 {
                for len in 0..3 * SHORT_MAX {
                    // Zeroes are told from the padding behind a shorter input.
                    for byte in [0, 7] {
                        let input = vec![byte; len];
                        assert_eq!(memo.hash(&input), keccak256(&input), "{round} {len} {byte}");
                    }
                }
            }
        }
    }

    #[test]
    fn what_is_computed_is_counted_and_what_is_remembered_is_not() {
        let mut memo = KeccakMemo::default();
        for _ in 0..2 {
            memo.begin(false);
            for _ in 0..2 {
                memo.hash_two(&input(1));
                memo.hash(&[0; SHORT_MAX]);
            }
            assert_eq!(memo.permutations(), 2);
            // A full piece is followed by one of padding.
            for len in [RATE - 1, RATE, 2 * RATE - 1] {
                memo.hash(&vec![0; len]);
            }
            assert_eq!(memo.permutations(), 2 + 1 + 2 + 2);
        }
    }

    #[test]
    fn hashes_are_found_in_order_and_near_it() {
        let mut memo = KeccakMemo::default();
        memo.begin(true);
        for n in 0..100 {
            memo.hash_two(&input(n));
        }
        let hashes = memo.take();
        assert!(memo.take().is_empty());
        let mut next = 0;
        for n in (0..100).chain([99, 98, 97]) {
            assert_eq!(hashes.find(&input(n), &mut next), Some(keccak256(input(n))), "{n}");
        }
        assert_eq!(hashes.find(&input(3), &mut next), None);
        assert_eq!(hashes.find(&input(40), &mut 30), Some(keccak256(input(40))));
        assert_eq!(hashes.find(b"x", &mut 0), None);
        assert_eq!(hashes.find(&input(7), &mut 101), None);
    }

    #[test]
    fn what_is_asked_for_twice_in_a_row_is_kept_once_and_found_twice() {
        let mut memo = KeccakMemo::default();
        memo.begin(true);
        for n in [1, 1, 2, 1] {
            memo.hash_two(&input(n));
        }
        let (hashes, mut next) = (memo.take(), 0);
        assert_eq!(hashes.len(), 3);
        for n in [1, 1, 2, 1, 2] {
            assert_eq!(hashes.find(&input(n), &mut next), Some(keccak256(input(n))), "{n}");
        }
    }

    #[test]
    fn no_more_than_so_many_are_kept() {
        let mut memo = KeccakMemo::default();
        memo.begin(true);
        for n in 0..2 * HASHES_MAX {
            memo.hash_two(&input(n));
        }
        assert_eq!(memo.take().entries.len(), HASHES_MAX);
    }
}
