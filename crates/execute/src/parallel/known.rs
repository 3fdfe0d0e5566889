//! What is known of a block's execution before it is executed: results of functions
//! that follow from their inputs alone.
//!
//! They may be filled in while workers look into them. Nothing is trusted that could
//! be wrong: [`Hashes`] can only be made by hashing, and a result of a precompile
//! must be what the block's own precompile yields.

use super::PrecompileResults;
use core::sync::atomic::{AtomicUsize, Ordering};
use foresee_access::{Hashes, TxIndex};
use std::sync::{Arc, OnceLock};

/// Hashes kept for a block at most: 96 MB of them.
const HASHES_MAX: usize = 1 << 20;

/// Results known beforehand for one block, under its rules.
#[derive(Debug, Default)]
pub struct Known {
    /// Results of precompiled contracts.
    pub precompiles: PrecompileResults,
    /// By transaction, what it will hash.
    hashes: Box<[OnceLock<Arc<Hashes>>]>,
    count: AtomicUsize,
}

impl Known {
    /// Nothing is known yet of a block of so many transactions.
    pub fn new(transactions: usize) -> Self {
        let hashes = (0..transactions).map(|_| OnceLock::new()).collect();
        Self { hashes, ..Self::default() }
    }

    /// Takes in what a transaction will hash; the first time counts. The rest of a block
    /// that hashes too much is left out.
    pub fn hashes(&self, tx: TxIndex, hashes: Arc<Hashes>) {
        let count = self.count.fetch_add(hashes.len(), Ordering::Relaxed);
        if let Some(known) = self.hashes.get(tx.position())
            && count < HASHES_MAX
        {
            let _ = known.set(hashes);
        }
    }

    /// What a transaction will hash, as far as it is known.
    pub(super) fn hashes_of(&self, tx: TxIndex) -> Option<&Hashes> {
        self.hashes.get(tx.position())?.get().map(|hashes| &**hashes)
    }
}

/// The hashes of one transaction, looked up while it is executed.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Recall<'a> {
    hashes: Option<&'a Hashes>,
    next: usize,
}

impl<'a> Recall<'a> {
    pub(super) const fn new(hashes: Option<&'a Hashes>) -> Self {
        Self { hashes, next: 0 }
    }

    /// The hash of an input, if it is known.
    #[inline]
    pub(super) fn find(&mut self, input: &[u8]) -> Option<revm::primitives::B256> {
        self.hashes?.find(input, &mut self.next)
    }

    /// Whether nothing is known.
    pub(super) const fn is_empty(&self) -> bool {
        self.hashes.is_none()
    }
}
