//! A state held completely in memory: carrying the changes of a block over to
//! it, and its root.
//!
//! Only a state that is complete has a meaningful root; that of a snapshot is
//! not.

use alloy_primitives::{B256, U256};
use alloy_trie::{
    TrieAccount,
    root::{state_root_unhashed, storage_root_unhashed},
};
use revm::database::{BundleState, CacheDB, DbAccount, in_memory_db::AccountState};

/// Carries the changes of a block over to the state before it.
pub fn apply_changes<DB>(state: &mut CacheDB<DB>, changes: &BundleState) {
    for (&address, change) in &changes.state {
        let Some(info) = &change.info else {
            state.cache.accounts.remove(&address);
            continue;
        };
        let account = state.cache.accounts.entry(address).or_default();
        if change.was_destroyed() {
            account.storage.clear();
        }
        account.update_info(info.copy_without_code());
        account.account_state = AccountState::Touched;
        for (&slot, value) in &change.storage {
            account.storage.insert(slot, value.present_value);
        }
    }
    let contracts = changes.contracts.iter().map(|(&hash, code)| (hash, code.clone()));
    state.cache.contracts.extend(contracts);
}

/// Root of a complete state (Yellow Paper, section 4.1).
pub fn state_root<DB>(state: &CacheDB<DB>) -> B256 {
    let exists = |account: &DbAccount| account.account_state != AccountState::NotExisting;
    let accounts = state.cache.accounts.iter().filter(|(_, account)| exists(account));
    state_root_unhashed(accounts.map(|(&address, account)| (address, trie_account(account))))
}

fn trie_account(account: &DbAccount) -> TrieAccount {
    // A slot that is zero is not part of the trie.
    let storage = account.storage.iter().filter(|(_, value)| **value != U256::ZERO);
    TrieAccount {
        nonce: account.info.nonce,
        balance: account.info.balance,
        storage_root: storage_root_unhashed(storage.map(|(&slot, &value)| (slot.into(), value))),
        code_hash: account.info.code_hash,
    }
}
