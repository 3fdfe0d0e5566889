//! What a world has met, in buffers that serve one block after another.

use super::{
    AccountId, SlotId,
    account::Accounts,
    slot::Slots,
    undo::{OldCode, Undo},
};
use alloy_primitives::{U256, map::HashMap};
use core::cmp::Ordering;

/// The parts of a world that may serve another after it.
#[derive(Debug, Default)]
pub(crate) struct Contents {
    pub(super) accounts: Accounts,
    pub(super) slots: Slots,
    pub(super) transient: HashMap<(AccountId, U256), U256>,
    pub(super) undo: Vec<Undo>,
    /// The codes that changes replaced, in their order.
    pub(super) old_codes: Vec<OldCode>,
    /// Where what was touched is sorted.
    account_heads: Vec<(u64, AccountId)>,
    slot_heads: Vec<(u64, SlotId)>,
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
        self.keep_changes();
    }

    /// Forgets how to undo what was changed so far.
    pub(super) fn keep_changes(&mut self) {
        self.undo.clear();
        self.old_codes.clear();
    }

    /// Puts what the transaction at hand has touched in the order of access sets.
    pub(super) fn sort_touched(&mut self) {
        let Self { accounts, slots, account_heads, slot_heads, .. } = self;
        let mut touched = core::mem::take(&mut accounts.touched);
        let address = |id: AccountId| &accounts.get(id).address;
        let head = |id| address(id).first_chunk().map_or(0, |head| u64::from_be_bytes(*head));
        sort(&mut touched, account_heads, head, |a, b| address(a).cmp(address(b)));
        for (rank, id) in (0..).zip(&touched) {
            accounts.get_mut(*id).rank = rank;
        }
        accounts.touched = touched;
        let mut touched = core::mem::take(&mut slots.touched);
        let head = |id: SlotId| {
            let slot = slots.get(id);
            u64::from(accounts.get(slot.account).rank) << 32 | slot.key.as_limbs()[3] >> 32
        };
        sort(&mut touched, slot_heads, head, |a, b| slots.get(a).key.cmp(&slots.get(b).key));
        slots.touched = touched;
    }
}

/// Sorts by a number each, and by the rest where that is the same. Most often it is not, so
/// that little more is met than the numbers, which stand side by side.
fn sort<I: Copy>(
    ids: &mut [I],
    heads: &mut Vec<(u64, I)>,
    head: impl Fn(I) -> u64,
    rest: impl Fn(I, I) -> Ordering,
) {
    heads.clear();
    heads.extend(ids.iter().map(|&id| (head(id), id)));
    heads.sort_unstable_by(|(a, one), (b, other)| a.cmp(b).then_with(|| rest(*one, *other)));
    for (id, (_, sorted)) in ids.iter_mut().zip(heads) {
        *id = *sorted;
    }
}
