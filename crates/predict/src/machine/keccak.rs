//! Keccak-256 with a memo, and a record of what was hashed and who asked for which slot.

use crate::label::Names;
use alloy_primitives::{Address, U256, map::HashMap};
use foresee_access::{Hashes, Words};
use std::sync::Arc;

/// The longest input that is recorded for labels.
const RECORDED_MAX: usize = 96;

/// Hash → input, for inputs short enough to be a storage key's.
pub(crate) type Preimages = HashMap<U256, Arc<[u8]>>;

/// What labels are made of.
#[derive(Debug, Default)]
pub(crate) struct Recorded {
    /// What was hashed in the block so far.
    pub(crate) preimages: Preimages,
    /// How the frame that came first to each slot of the transaction at hand names words.
    /// Told when the slot is accessed, because that happens in both tiers, in this order.
    pub(crate) names: HashMap<(Address, U256), Names>,
}

/// What hashes.
#[derive(Debug, Default)]
pub(crate) struct KeccakMemo {
    memo: foresee_access::KeccakMemo,
    pub(super) recorded: Option<Box<Recorded>>,
}

impl KeccakMemo {
    /// Exchanges what is remembered, not what is recorded or kept.
    pub(crate) const fn swap(&mut self, other: &mut Self) {
        self.memo.swap(&mut other.memo);
    }

    /// Forgets everything. Sets whether inputs are recorded for labels, and whether
    /// hashes are kept for whoever executes.
    pub(crate) fn begin(&mut self, record: bool, keep: bool) {
        self.memo.begin(keep);
        self.recorded = record.then(Box::default);
    }

    /// Forgets who came to which slot.
    pub(crate) fn forget_names(&mut self) {
        if let Some(recorded) = &mut self.recorded {
            recorded.names.clear();
        }
    }

    /// What labels are made of, if it is recorded.
    pub(crate) fn recorded(&self) -> Option<&Recorded> {
        self.recorded.as_deref()
    }

    /// The hashes that nobody has taken yet, if they are kept.
    pub(crate) fn take(&mut self) -> Hashes {
        self.memo.take()
    }

    /// How often Keccak's permutation was computed.
    pub(crate) const fn permutations(&self) -> u64 {
        self.memo.permutations()
    }

    /// The hash of the input.
    pub(crate) fn hash(&mut self, input: &[u8]) -> U256 {
        let hash = self.memo.hash(input).into();
        self.record(hash, input);
        hash
    }

    /// The hash of two words.
    pub(crate) fn hash_two(&mut self, input: &Words) -> U256 {
        let hash = self.memo.hash_two(input).into();
        self.record(hash, input);
        hash
    }

    /// The hash of two words that may be asked for later.
    pub(crate) fn hash_beforehand(&mut self, input: &Words) -> U256 {
        self.memo.hash_beforehand(input).into()
    }

    fn record(&mut self, hash: U256, input: &[u8]) {
        if let Some(recorded) = &mut self.recorded
            && input.len() <= RECORDED_MAX
        {
            recorded.preimages.entry(hash).or_insert_with(|| input.into());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::keccak256;

    #[test]
    fn short_inputs_are_recorded_and_two_words_are_kept() {
        let mut memo = KeccakMemo::default();
        memo.begin(true, true);
        for input in [&[1; 64][..], &[2; 32], &[3; 97]] {
            assert_eq!(memo.hash(input), U256::from_be_bytes(keccak256(input).0));
        }
        assert_eq!(memo.recorded().unwrap().preimages.len(), 2);
        assert_eq!(memo.take().find(&[1; 64], &mut 0), Some(keccak256([1; 64])));
    }
}
