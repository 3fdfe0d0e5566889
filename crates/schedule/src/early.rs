//! Which transactions can be started before those they wait for have ended, and what they wait
//! for.

use foresee_access::{Fingerprint, TxIndex};

/// What uses less gas than this is not worth being started early: it hardly takes longer than
/// waking whoever has to wait in it.
pub(crate) const EARLY_GAS_MIN: u64 = 100_000;

/// A transaction that waits for more than this, one location of one transaction each, is not
/// started early.
pub const EARLY_REASONS_MAX: usize = 64;

/// The transactions that can be started early.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Early {
    /// In block order, and for each where what it waits for starts in `reasons`.
    pub(crate) transactions: Vec<TxIndex>,
    starts: Vec<u32>,
    reasons: Vec<(Fingerprint, TxIndex)>,
}

impl Early {
    /// Adds a transaction that waits for these locations and transactions, unless they are too
    /// many or none.
    pub(crate) fn add(
        &mut self,
        tx: TxIndex,
        reasons: impl Iterator<Item = (Fingerprint, TxIndex)>,
    ) {
        let start = self.reasons.len();
        self.reasons.extend(reasons);
        let added = &mut self.reasons[start..];
        added.sort_unstable();
        if (1..=EARLY_REASONS_MAX).contains(&added.len()) {
            self.transactions.push(tx);
            self.starts.push(start as u32);
        } else {
            self.reasons.truncate(start);
        }
    }

    pub(crate) fn awaited(&self, tx: TxIndex) -> &[(Fingerprint, TxIndex)] {
        let Ok(at) = self.transactions.binary_search(&tx) else { return &[] };
        let start = |at: usize| self.starts.get(at).map(|start| *start as usize);
        &self.reasons[start(at).unwrap_or(0)..start(at + 1).unwrap_or(self.reasons.len())]
    }
}
