//! The block access list of a block that is executed in parallel.
//!
//! Settling is the one thing that only one thread does at a time, so it does no more for the
//! list than to note, one after the other, what each commit loads and leaves behind. The
//! list is made of these notes once the last one is there, on another thread, while this
//! one makes the bundle. What is noted is what is committed, after balances and nonces
//! were settled, and revm decides of each of them in block order what is a change; so the
//! list is that of revm's own builder in in-order execution, whatever ran ahead.

use super::authority::BlockState;
use crate::{AccessList, access_list::index_after};
use revm::{
    DatabaseRef,
    primitives::{Address, AddressMap, B256, StorageKey, StorageKeyMap, StorageValue, U256},
    state::{
        Account, Bytecode, EvmState,
        bal::{AccountBal, AccountInfoBal, Bal, BalWrites, BlockAccessIndex, StorageBal},
    },
};
use std::sync::{Arc, Mutex, PoisonError};

/// Notes for the list of a block.
#[derive(Default)]
pub(super) struct Notes {
    accounts: Vec<AccountNote>,
    /// The slots of these accounts, in their order.
    slots: Vec<SlotNote>,
}

/// What a commit makes of an account.
struct AccountNote {
    index: BlockAccessIndex,
    address: Address,
    /// Before and after.
    balance: [U256; 2],
    nonce: [u64; 2],
    code: Option<Box<CodeNote>>,
    slots: usize,
}

/// Code that changes.
struct CodeNote {
    before: B256,
    after: (B256, Bytecode),
}

/// What a commit makes of a slot.
struct SlotNote {
    slot: StorageKey,
    before: StorageValue,
    after: StorageValue,
}

/// Commits of the protocol, after the transactions.
pub(super) type Commits = Arc<Mutex<Vec<EvmState>>>;

/// Keeps what is committed to the state from now on.
pub(super) fn keep_commits<DB: DatabaseRef>(state: &mut BlockState<'_, DB>) -> Commits {
    let commits = Commits::default();
    let kept = Arc::clone(&commits);
    state.set_state_hook(Some(Box::new(move |changes| {
        kept.lock().unwrap_or_else(PoisonError::into_inner).push(changes);
    })));
    commits
}

impl Notes {
    /// Begins with what is committed before the transactions.
    pub(super) fn new(before: &mut [EvmState]) -> Self {
        let mut notes = Self::default();
        for changes in before {
            notes.add(BlockAccessIndex::PRE_EXECUTION, changes);
        }
        notes
    }

    /// Notes what is about to be committed. It is not changed; revm lends what an account
    /// was before only for that.
    pub(super) fn add(&mut self, index: BlockAccessIndex, changes: &mut EvmState) {
        for (address, account) in changes {
            let is_destroyed = account.is_selfdestructed_locally();
            let before = account.original_info_mut();
            let (balance, nonce, code_hash) = (before.balance, before.nonce, before.code_hash);
            let Account { info, storage, .. } = &*account;
            let empty = Default::default();
            let after = if is_destroyed { &empty } else { info };
            let code = (code_hash != after.code_hash).then(|| {
                let code = after.code.clone().unwrap_or_default();
                Box::new(CodeNote { before: code_hash, after: (after.code_hash, code) })
            });
            self.accounts.push(AccountNote {
                index,
                address: *address,
                balance: [balance, after.balance],
                nonce: [nonce, after.nonce],
                code,
                slots: storage.len(),
            });
            self.slots.extend(storage.iter().map(|(slot, value)| SlotNote {
                slot: *slot,
                before: value.original_value(),
                after: if is_destroyed { StorageValue::ZERO } else { value.present_value() },
            }));
        }
    }

    /// The list. What the protocol commits after the transactions, of which so many were
    /// included, is still to be noted.
    pub(super) fn into_list(mut self, after: &Commits, included: usize) -> AccessList {
        for changes in after.lock().unwrap_or_else(PoisonError::into_inner).iter_mut() {
            self.add(index_after(included), changes);
        }
        let mut accounts = AddressMap::<Listed>::default();
        let mut slots = self.slots.into_iter();
        for note in self.accounts {
            let AccountNote { index, address, balance, nonce, code, slots: count } = note;
            let listed = accounts.entry(address).or_default();
            listed.info.balance_update(index, &balance[0], balance[1]);
            listed.info.nonce_update(index, &nonce[0], nonce[1]);
            if let Some(CodeNote { before, after: (hash, code) }) = code.map(|code| *code) {
                listed.info.code_update(index, &before, hash, code);
            }
            for SlotNote { slot, before, after } in slots.by_ref().take(count) {
                listed.slots.entry(slot).or_default().update(index, &before, after);
            }
        }
        let accounts = accounts.into_iter().map(|(address, listed)| {
            let storage = StorageBal::from_iter(listed.slots);
            (address, AccountBal { account_info: listed.info, storage })
        });
        AccessList::new(Bal::from_iter(accounts).into_alloy_bal())
    }
}

/// An account while its notes are gathered. revm's own type keeps slots in order all the
/// time, which takes several times as long.
#[derive(Default)]
struct Listed {
    info: AccountInfoBal,
    slots: StorageKeyMap<BalWrites<StorageValue>>,
}
