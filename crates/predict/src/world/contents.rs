//! What a world has met, in buffers that serve one block after another.

use super::{AccountId, account::Accounts, slot::Slots, undo::Undo};
use alloy_primitives::{U256, map::HashMap};

/// The parts of a world that may serve another after it.
#[derive(Debug, Default)]
pub(crate) struct Contents {
    pub(super) accounts: Accounts,
    pub(super) slots: Slots,
    pub(super) transient: HashMap<(AccountId, U256), U256>,
    pub(super) undo: Vec<Undo>,
}

impl Contents {
    /// Forgets everything; the memory is kept.
    pub(crate) fn clear(&mut self) {
        self.accounts.clear();
        self.slots.clear();
        self.transient.clear();
        self.undo.clear();
    }

    /// Puts what the transaction at hand has touched in the order of access sets.
    pub(super) fn sort_touched(&mut self) {
        let Self { accounts, slots, .. } = self;
        let mut touched = core::mem::take(&mut accounts.touched);
        touched.sort_unstable_by_key(|id| accounts.get(*id).address);
        accounts.touched = touched;
        let mut touched = core::mem::take(&mut slots.touched);
        touched.sort_unstable_by(|a, b| {
            let (a, b) = (slots.get(*a), slots.get(*b));
            if a.account == b.account {
                return a.key.cmp(&b.key);
            }
            accounts.get(a.account).address.cmp(&accounts.get(b.account).address)
        });
        slots.touched = touched;
    }
}
