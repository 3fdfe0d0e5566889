//! The position of a transaction in its block.

use core::fmt;
use serde::{Deserialize, Serialize};

/// Position of a transaction in its block, from 0.
///
/// EIP-7928 counts transactions from 1, because its index 0 is taken by the
/// system calls before them: see [`TxIndex::block_access_index`].
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct TxIndex(pub u32);

impl TxIndex {
    /// The index for a position in a slice of transactions.
    ///
    /// # Panics
    ///
    /// If the position exceeds `u32::MAX`; no block holds that many transactions.
    pub fn new(position: usize) -> Self {
        Self(u32::try_from(position).expect("a block holds fewer than 2^32 transactions"))
    }

    /// The position in a slice of transactions.
    pub const fn position(self) -> usize {
        self.0 as usize
    }

    /// The index under which [EIP-7928](https://eips.ethereum.org/EIPS/eip-7928)
    /// files the changes of this transaction.
    pub const fn block_access_index(self) -> u64 {
        self.0 as u64 + 1
    }
}

impl fmt::Display for TxIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn block_access_lists_count_from_one() {
        assert_eq!(TxIndex::new(0).block_access_index(), 1);
        assert_eq!(TxIndex::new(7).position(), 7);
        assert_eq!(TxIndex::new(7).to_string(), "7");
    }
}
