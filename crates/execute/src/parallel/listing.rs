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
use alloy_eips::eip7928::{AccountChanges, BlockAccessIndex, SlotChanges, StorageChange};
use revm::{
    DatabaseRef,
    primitives::{
        Address, AddressMap, B256, HashMap, KECCAK_EMPTY, StorageKey, StorageValue, U256,
    },
    state::{
        Account, Bytecode, EvmState,
        bal::{AccountBal, AccountInfoBal, BalWrites, StorageBal},
    },
};
use std::sync::{Arc, Mutex, PoisonError};

/// Slots for which there is room in a piece of the notes: large enough for most
/// transactions, and no copying as the notes grow.
const PIECE: usize = 1 << 10;

/// Accounts of a transaction for which there is room beforehand.
const ACCOUNTS_PER_TRANSACTION: usize = 12;

/// Notes for the list of a block.
pub(super) struct Notes {
    accounts: Vec<AccountNote>,
    /// The slots of these accounts, in their order; those of a commit are in one piece.
    slots: Vec<Vec<SlotNote>>,
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
    /// Begins with what is committed before so many transactions.
    pub(super) fn new(before: &mut [EvmState], transactions: usize) -> Self {
        let accounts = Vec::with_capacity(ACCOUNTS_PER_TRANSACTION * transactions);
        let mut notes = Self { accounts, slots: Vec::new() };
        for changes in before {
            notes.add(BlockAccessIndex::PRE_EXECUTION, changes);
        }
        notes
    }

    /// Notes what is about to be committed. It is not changed; revm lends what an account
    /// was before only for that.
    pub(super) fn add(&mut self, index: BlockAccessIndex, changes: &mut EvmState) {
        let count = changes.values().map(|account| account.storage.len()).sum();
        if self.slots.last().is_none_or(|piece| piece.capacity() - piece.len() < count) {
            self.slots.push(Vec::with_capacity(count.max(PIECE)));
        }
        let Some(slots) = self.slots.last_mut() else { return };
        for (address, account) in changes {
            let is_destroyed = account.is_selfdestructed_locally();
            let before = account.original_info_mut();
            let (balance, nonce, code_hash) = (before.balance, before.nonce, before.code_hash);
            let Account { info, storage, .. } = &*account;
            let after = Some(info).filter(|_| !is_destroyed);
            let code_after = after.map_or(KECCAK_EMPTY, |info| info.code_hash);
            let code = (code_hash != code_after).then(|| {
                let code = after.and_then(|info| info.code.clone()).unwrap_or_default();
                Box::new(CodeNote { before: code_hash, after: (code_after, code) })
            });
            self.accounts.push(AccountNote {
                index,
                address: *address,
                balance: [balance, after.map_or(U256::ZERO, |info| info.balance)],
                nonce: [nonce, after.map_or(0, |info| info.nonce)],
                code,
                slots: storage.len(),
            });
            slots.extend(storage.iter().map(|(slot, value)| SlotNote {
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
        let mut list = Gathered::for_slots(self.slots.iter().map(Vec::len).sum());
        let mut slots = self.slots.into_iter().flatten();
        for note in self.accounts {
            let AccountNote { index, address, balance, nonce, code, slots: count } = note;
            let account = list.account(address);
            let info = &mut list.accounts[account].info;
            info.balance_update(index, &balance[0], balance[1]);
            info.nonce_update(index, &nonce[0], nonce[1]);
            if let Some(CodeNote { before, after: (hash, code) }) = code.map(|code| *code) {
                info.code_update(index, &before, hash, code);
            }
            for SlotNote { slot, before, after } in slots.by_ref().take(count) {
                list.writes(account, slot).update(index, &before, after);
            }
        }
        AccessList::new(list.into_sorted())
    }
}

/// What a block does, by account and slot. revm's own type keeps the slots of an account
/// in order all the time, which takes several times as long.
struct Gathered {
    /// Where each account is.
    places: AddressMap<usize>,
    accounts: Vec<Gatherer>,
    /// Where each slot of an account is.
    slot_places: HashMap<(usize, StorageKey), usize>,
    slots: Vec<(StorageKey, BalWrites<StorageValue>)>,
}

/// What a block does with an account.
struct Gatherer {
    address: Address,
    info: AccountInfoBal,
    /// The places of its slots.
    slots: Vec<usize>,
}

impl Gathered {
    /// With room for so many slots.
    fn for_slots(count: usize) -> Self {
        Self {
            places: AddressMap::default(),
            accounts: Vec::new(),
            slot_places: HashMap::with_capacity_and_hasher(count, Default::default()),
            slots: Vec::with_capacity(count),
        }
    }

    /// The place of an account.
    fn account(&mut self, address: Address) -> usize {
        *self.places.entry(address).or_insert_with(|| {
            let info = AccountInfoBal::default();
            self.accounts.push(Gatherer { address, info, slots: Vec::new() });
            self.accounts.len() - 1
        })
    }

    /// The writes of a slot so far.
    fn writes(&mut self, account: usize, slot: StorageKey) -> &mut BalWrites<StorageValue> {
        let place = *self.slot_places.entry((account, slot)).or_insert_with(|| {
            self.slots.push((slot, BalWrites::default()));
            self.accounts[account].slots.push(self.slots.len() - 1);
            self.slots.len() - 1
        });
        &mut self.slots[place].1
    }

    /// Everything in the order of the list.
    fn into_sorted(mut self) -> Vec<AccountChanges> {
        self.accounts.sort_unstable_by_key(|account| account.address);
        let slots = &mut self.slots;
        let accounts = self.accounts.into_iter().map(|account| {
            let Gatherer { address, info, slots: mut places } = account;
            places.sort_unstable_by(|a, b| slots[*a].0.cmp(&slots[*b].0));
            let mut storage_reads = Vec::with_capacity(places.len());
            let mut storage_changes = Vec::new();
            for place in places {
                let (slot, BalWrites { writes }) = core::mem::take(&mut slots[place]);
                if writes.is_empty() {
                    storage_reads.push(slot);
                    continue;
                }
                let changes = writes.into_iter().map(|(index, it)| StorageChange::new(index, it));
                storage_changes.push(SlotChanges::new(slot, changes.collect()));
            }
            let fields = AccountBal { account_info: info, storage: StorageBal::default() };
            let fields = fields.into_alloy_account(address);
            AccountChanges { storage_reads, storage_changes, ..fields }
        });
        accounts.collect()
    }
}
