//! What the transactions predicted so far leave behind.

use super::{World, slot::Slot};
use alloy_primitives::map::AddressMap;
use revm::{
    database::{AccountState, DbAccount},
    state::AccountInfo,
};

impl<S> World<S> {
    /// Every account that was changed since the state before the block, with its fields and the
    /// slots that were changed, as they are now. One that was changed and changed back may be
    /// there.
    pub(crate) fn left(&self) -> AddressMap<DbAccount> {
        let (accounts, slots) = (self.contents.accounts.all(), self.contents.slots.all());
        let mut changed: Vec<_> = slots.iter().filter(|slot| slot.changed && slot.loaded).collect();
        changed.sort_by_key(|slot| slot.account.number());
        let mut rest = &*changed;
        let mut left = AddressMap::default();
        left.reserve(accounts.iter().filter(|account| account.changed).count());
        for (number, account) in (0..).zip(accounts) {
            let is_other = |slot: &&Slot| slot.account.number() != number;
            let (own, others) = rest.split_at(rest.iter().position(is_other).unwrap_or(rest.len()));
            rest = others;
            // Fields that were never read cannot have been changed.
            if !account.loaded || !account.changed && own.is_empty() {
                continue;
            }
            let info = AccountInfo {
                balance: account.balance,
                nonce: account.nonce,
                code_hash: account.code_hash(),
                code: account.code.clone(),
                ..AccountInfo::default()
            };
            // Of who had no code before, `State` takes all slots to be known.
            let is_cleared = account.storage_empty || account.changed && account.was_blank;
            let account_state = match (account.exists, is_cleared) {
                (false, _) => AccountState::NotExisting,
                (true, true) => AccountState::StorageCleared,
                (true, false) => AccountState::None,
            };
            let storage = own.iter().map(|slot| (slot.key, slot.value)).collect();
            left.insert(account.address, DbAccount { info, account_state, storage });
        }
        left
    }
}
