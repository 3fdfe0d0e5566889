//! The state root after a block. A generated block comes with the whole state
//! before it, so the root can be computed.

use alloy_primitives::{Address, B256, KECCAK256_EMPTY, U256, keccak256};
use alloy_trie::{
    TrieAccount,
    root::{state_root_unhashed, storage_root_unhashed},
};
use foresee_source::SnapshotAccount;
use revm::database::BundleState;
use std::collections::BTreeMap;

/// The root of a whole state with the changes of a block.
pub(crate) fn state_root(
    before: &BTreeMap<Address, SnapshotAccount>,
    changes: &BundleState,
) -> B256 {
    let unchanged = before
        .iter()
        .filter(|(address, _)| !changes.state.contains_key(*address))
        .map(|(&address, account)| (address, trie_account(account)));
    let changed = changes.state.iter().filter_map(|(&address, change)| {
        let info = change.info.as_ref()?;
        let kept = before.get(&address).filter(|_| !change.was_destroyed());
        let mut storage = kept.map(|account| account.storage.clone()).unwrap_or_default();
        storage.extend(change.storage.iter().map(|(&slot, value)| (slot, value.present_value)));
        let account = TrieAccount {
            nonce: info.nonce,
            balance: info.balance,
            storage_root: storage_root(&storage),
            code_hash: info.code_hash,
        };
        Some((address, account))
    });
    state_root_unhashed(unchanged.chain(changed))
}

fn trie_account(account: &SnapshotAccount) -> TrieAccount {
    let code_hash = match account.code.is_empty() {
        true => KECCAK256_EMPTY,
        false => keccak256(&account.code),
    };
    TrieAccount {
        nonce: account.nonce,
        balance: account.balance,
        storage_root: storage_root(&account.storage),
        code_hash,
    }
}

/// Slots that are zero are not part of the trie.
fn storage_root(storage: &BTreeMap<U256, U256>) -> B256 {
    let nonzero = storage.iter().filter(|(_, value)| !value.is_zero());
    storage_root_unhashed(nonzero.map(|(&slot, &value)| (slot.into(), value)))
}
