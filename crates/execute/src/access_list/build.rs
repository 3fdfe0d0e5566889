//! The access list of a block that is executed in parallel, built as its transactions
//! are committed.
//!
//! What revm's own builder does for the in-order reference is done here for less time
//! between two commits: accounts and slots are found by hash, nothing is copied that did
//! not change, and everything is sorted once, at the end.

use super::AccessList;
use alloy_eips::eip7928::{
    AccountChanges, BalanceChange, BlockAccessIndex, CodeChange, NonceChange, SlotChanges,
    StorageChange,
};
use alloy_primitives::{Address, U256, map::AddressMap};
use revm::{
    primitives::KECCAK_EMPTY,
    state::{Account, Bytecode, EvmState},
};
use rustc_hash::FxHashMap;

/// An access list under construction.
#[derive(Debug, Default)]
pub(crate) struct ListBuilder {
    /// In the order of their first access, without slots.
    accounts: Vec<AccountChanges>,
    positions: AddressMap<u32>,
    /// In the order of their first access; those without changes are read only.
    slots: Vec<(u32, SlotChanges)>,
    slot_positions: FxHashMap<(u32, U256), u32>,
}

impl ListBuilder {
    /// A list that begins with these changes, made before the transactions.
    pub(crate) fn new(before: Vec<AccountChanges>) -> Self {
        let mut list = Self::default();
        list.append(before);
        list
    }

    /// Adds what a transaction accessed, with the index that it has in the list.
    /// Transactions are added in block order. The journal is not changed; revm lends
    /// what an account was before only for that.
    pub(crate) fn add(&mut self, index: BlockAccessIndex, journal: &mut EvmState) {
        for (address, account) in journal {
            let position = self.account(*address);
            self.add_fields(position, index, account);
            let is_destroyed = account.is_selfdestructed_locally();
            for (slot, value) in &account.storage {
                let present = if is_destroyed { U256::ZERO } else { value.present_value };
                let changes = self.slot(position, *slot);
                let last = changes.last().map_or(value.original_value, |last| last.new_value);
                if present != last {
                    changes.push(StorageChange::new(index, present));
                }
            }
        }
    }

    /// The list, behind whose transactions these changes were made.
    pub(crate) fn finish(mut self, after: Vec<AccountChanges>) -> AccessList {
        self.append(after);
        let Self { mut accounts, slots, .. } = self;
        for (position, slot) in slots {
            let account = &mut accounts[position as usize];
            match slot.changes.is_empty() {
                true => account.storage_reads.push(slot.slot),
                false => account.storage_changes.push(slot),
            }
        }
        for account in &mut accounts {
            account.storage_reads.sort_unstable();
            account.storage_changes.sort_unstable_by_key(|slot| slot.slot);
        }
        accounts.sort_unstable_by_key(|account| account.address);
        AccessList::new(accounts)
    }

    /// Adds changes that are listed already, at indices behind all that are here.
    fn append(&mut self, listed: Vec<AccountChanges>) {
        for account in listed {
            let position = self.account(account.address);
            for slot in account.storage_reads {
                self.slot(position, slot);
            }
            for slot in account.storage_changes {
                self.slot(position, slot.slot).extend(slot.changes);
            }
            let all = &mut self.accounts[position as usize];
            all.balance_changes.extend(account.balance_changes);
            all.nonce_changes.extend(account.nonce_changes);
            all.code_changes.extend(account.code_changes);
        }
    }

    fn add_fields(&mut self, position: u32, index: BlockAccessIndex, account: &mut Account) {
        let before = account.original_info_mut();
        let (balance, nonce, code_hash) = (before.balance, before.nonce, before.code_hash);
        let after = Some(&account.info).filter(|_| !account.is_selfdestructed_locally());
        let all = &mut self.accounts[position as usize];
        let post_balance = after.map_or(U256::ZERO, |after| after.balance);
        let last = all.balance_changes.last().map_or(balance, |last| last.post_balance);
        if post_balance != last {
            all.balance_changes.push(BalanceChange::new(index, post_balance));
        }
        let new_nonce = after.map_or(0, |after| after.nonce);
        let last = all.nonce_changes.last().map_or(nonce, |last| last.new_nonce);
        if new_nonce != last {
            all.nonce_changes.push(NonceChange::new(index, new_nonce));
        }
        if after.map_or(KECCAK_EMPTY, |after| after.code_hash) != code_hash {
            let code = after.and_then(|after| after.code.as_ref());
            let new_code = code.map(Bytecode::original_bytes).unwrap_or_default();
            if all.code_changes.last().is_none_or(|last| last.new_code != new_code) {
                all.code_changes.push(CodeChange::new(index, new_code));
            }
        }
    }

    /// The position of an account, which is listed from now on.
    fn account(&mut self, address: Address) -> u32 {
        let next = self.accounts.len() as u32;
        let position = *self.positions.entry(address).or_insert(next);
        if position == next {
            self.accounts.push(AccountChanges::new(address));
        }
        position
    }

    /// The changes of a slot, which is listed from now on.
    fn slot(&mut self, account: u32, slot: U256) -> &mut Vec<StorageChange> {
        let next = self.slots.len() as u32;
        let position = *self.slot_positions.entry((account, slot)).or_insert(next);
        if position == next {
            self.slots.push((account, SlotChanges::new(slot, Vec::new())));
        }
        &mut self.slots[position as usize].1.changes
    }
}
