//! What a world has met, in buffers that serve one block after another.

use super::{AccountId, SlotId, account::Accounts, slot::Slots, undo::Undo};
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
    /// Prepares for a block: what everything is found by is cleared now, so that it is in the
    /// processor's caches.
    pub(super) fn begin(&mut self) {
        self.accounts.begin();
        self.slots.begin();
    }

    /// Gives back what a block has met; the memory is kept.
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
        for (rank, id) in (0..).zip(&touched) {
            accounts.get_mut(*id).rank = rank;
        }
        accounts.touched = touched;
        let mut touched = core::mem::take(&mut slots.touched);
        let order = |id: SlotId| {
            let slot = slots.get(id);
            (accounts.get(slot.account).rank, slot.key)
        };
        touched.sort_unstable_by_key(|id| order(*id));
        slots.touched = touched;
    }
}
