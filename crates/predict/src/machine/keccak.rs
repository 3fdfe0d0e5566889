//! Keccak-256 with a memo of two-word inputs, the shape of mapping keys, and a
//! record of what was hashed.

use alloy_primitives::{B256, U256, keccak256, map::HashMap};
use std::sync::Arc;

/// Entries of the memo; a power of two.
const MEMO: usize = 4096;

/// The longest input that is recorded for labels.
const RECORDED_MAX: usize = 96;

/// Hash → input, for inputs short enough to be a storage key's.
pub(crate) type Preimages = HashMap<U256, Arc<[u8]>>;

/// Recent two-word inputs with their hashes, found by their position alone.
#[derive(Debug, Default)]
pub(crate) struct KeccakMemo {
    entries: Vec<([u8; 64], B256)>,
    preimages: Option<Preimages>,
}

impl KeccakMemo {
    /// Sets whether inputs are recorded, and forgets those that were.
    pub(crate) fn record(&mut self, record: bool) {
        self.preimages = record.then(Preimages::default);
    }

    /// What was hashed so far, if it is recorded.
    pub(crate) const fn preimages(&self) -> Option<&Preimages> {
        self.preimages.as_ref()
    }

    /// The hash of the input.
    pub(crate) fn hash(&mut self, input: &[u8]) -> U256 {
        let hash = match <&[u8; 64]>::try_from(input) {
            Ok(words) => {
                if self.entries.is_empty() {
                    // From the start each entry's input is zero.
                    self.entries = vec![([0; 64], keccak256([0; 64])); MEMO];
                }
                let entry = &mut self.entries[position(words)];
                if entry.0 != *words {
                    *entry = (*words, keccak256(words));
                }
                entry.1
            }
            Err(_) => keccak256(input),
        };
        let hash = hash.into();
        if let Some(preimages) = &mut self.preimages
            && input.len() <= RECORDED_MAX
        {
            preimages.entry(hash).or_insert_with(|| input.into());
        }
        hash
    }
}

/// A cheap mix of all eight limbs.
fn position(words: &[u8; 64]) -> usize {
    let mut mixed = 0u64;
    for limb in words.chunks_exact(8) {
        let limb = limb.try_into().map_or(0, u64::from_le_bytes);
        mixed = (mixed.rotate_left(5) ^ limb).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
    (mixed >> 52) as usize % MEMO
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_memo_agrees_with_keccak_when_entries_are_replaced() {
        let mut memo = KeccakMemo::default();
        memo.record(true);
        for round in 0..3 {
            for n in 0..3 * MEMO as u64 {
                let mut input = [0; 64];
                input[24..32].copy_from_slice(&n.to_be_bytes());
                assert_eq!(
                    memo.hash(&input),
                    U256::from_be_bytes(keccak256(input).0),
                    "{round} {n}"
                );
            }
        }
        assert_eq!(memo.hash(b"x"), U256::from_be_bytes(keccak256(b"x").0));
        assert_eq!(memo.preimages().unwrap().len(), 3 * MEMO + 1);
    }
}
