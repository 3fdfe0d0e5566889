//! The block access list of a block that is executed in parallel.
//!
//! Settling is the one thing that only one thread does at a time, so it does no more for the
//! list than to note, one after the other, what each commit loads and leaves behind. Notes
//! are gathered in batches by a thread that has nothing to execute, what is left of them by
//! one that would else wait for the bundle. What is noted is what is committed, after balances and nonces
//! were settled, and revm decides of each of them in block order what is a change; so the
//! list is that of revm's own builder in in-order execution, whatever ran ahead.

mod gathered;

use super::authority::BlockState;
use crate::{
    AccessList,
    access_list::index_after,
    sync::{Mutex, MutexGuard, PoisonError},
};
use alloy_eips::eip7928::BlockAccessIndex;
use gathered::Gathered;
use revm::{
    DatabaseRef,
    primitives::{Address, B256, KECCAK_EMPTY, StorageKey, StorageValue, U256},
    state::{Account, Bytecode, EvmState},
};
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex as StdMutex},
};

/// Accounts in a batch of notes: little enough to be gathered between two transactions.
const BATCH: usize = 1 << 7;

/// The list of a block in the making: batches of notes, and what was gathered of them.
#[derive(Default)]
pub(super) struct Listing {
    /// Batches that wait to be gathered, in block order.
    batches: Mutex<VecDeque<Batch>>,
    /// Whoever holds this gathers; batches are taken under it, so they keep their order.
    gathered: Mutex<Gathered>,
}

/// Notes for the list of a block.
pub(super) struct Notes {
    listing: Arc<Listing>,
    batch: Batch,
    /// Whether an account was destroyed. Whatever it had in storage was wiped unseen, so
    /// from then on what a slot holds may be news though nobody writes it.
    wiped: bool,
}

/// Notes of a few commits.
#[derive(Default)]
struct Batch {
    accounts: Vec<AccountNote>,
    /// Of these accounts, in their order, the fields that change,
    fields: Vec<FieldNote>,
    /// the slots that are read and no more,
    reads: Vec<StorageKey>,
    /// and those that change.
    writes: Vec<SlotNote>,
}

/// What a commit makes of an account.
struct AccountNote {
    index: BlockAccessIndex,
    address: Address,
    fields: u32,
    reads: u32,
    writes: u32,
}

/// A field, before and after.
enum FieldNote {
    Balance([U256; 2]),
    Nonce([u64; 2]),
    Code(Box<CodeNote>),
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
pub(super) type Commits = Arc<StdMutex<Vec<EvmState>>>;

/// Keeps what is committed to the state from now on.
pub(super) fn keep_commits<DB: DatabaseRef>(state: &mut BlockState<'_, DB>) -> Commits {
    let commits = Commits::default();
    let kept = Arc::clone(&commits);
    state.set_state_hook(Some(Box::new(move |changes| {
        kept.lock().unwrap_or_else(PoisonError::into_inner).push(changes);
    })));
    commits
}

impl Listing {
    /// Gathers the next batch of notes, if any is left.
    pub(super) fn gather(&self) {
        let mut gathered = self.gathered();
        if let Some(batch) = self.next_batch() {
            gathered.add(batch);
        }
    }

    /// The list, when everything was noted.
    fn list(&self) -> AccessList {
        let mut gathered = self.gathered();
        while let Some(batch) = self.next_batch() {
            gathered.add(batch);
        }
        AccessList::new(core::mem::take(&mut *gathered).into_sorted())
    }

    fn gathered(&self) -> MutexGuard<'_, Gathered> {
        self.gathered.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn batches(&self) -> MutexGuard<'_, VecDeque<Batch>> {
        self.batches.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn next_batch(&self) -> Option<Batch> {
        self.batches().pop_front()
    }
}

impl Notes {
    /// Begins with what is committed before the transactions.
    pub(super) fn new(before: &mut [EvmState]) -> Self {
        let mut notes = Self { listing: Arc::default(), batch: Batch::new(), wiped: false };
        for changes in before {
            notes.add_by_protocol(BlockAccessIndex::PRE_EXECUTION, changes);
        }
        notes
    }

    /// The list that these are notes for.
    pub(super) fn listing(&self) -> Arc<Listing> {
        Arc::clone(&self.listing)
    }

    /// Notes what is about to be committed of a transaction. It is not changed; revm lends
    /// what an account was before only for that.
    pub(super) fn add(&mut self, index: BlockAccessIndex, changes: &mut EvmState) {
        for (address, account) in changes {
            let is_destroyed = account.is_selfdestructed_locally();
            self.wiped |= is_destroyed;
            self.batch.add(index, *address, account, is_destroyed, self.wiped);
        }
    }

    /// Hands what was noted over to be gathered; not before it is worth it.
    pub(super) fn hand_over(&mut self) -> bool {
        let is_full = self.batch.accounts.len() >= BATCH;
        if is_full {
            let batch = core::mem::replace(&mut self.batch, Batch::new());
            self.listing.batches().push_back(batch);
        }
        is_full
    }

    /// Notes what the protocol commits. It does so several times at one index, where revm
    /// has to see what does not change as well.
    fn add_by_protocol(&mut self, index: BlockAccessIndex, changes: &mut EvmState) {
        for (address, account) in changes {
            let is_destroyed = account.is_selfdestructed_locally();
            self.batch.add(index, *address, account, is_destroyed, true);
        }
    }

    /// The list. What the protocol commits after the transactions, of which so many were
    /// included, is still to be noted.
    pub(super) fn into_list(mut self, after: &Commits, included: usize) -> AccessList {
        for changes in after.lock().unwrap_or_else(PoisonError::into_inner).iter_mut() {
            self.add_by_protocol(index_after(included), changes);
        }
        self.listing.batches().push_back(self.batch);
        self.listing.list()
    }
}

impl Batch {
    /// With room for the accounts of most batches.
    fn new() -> Self {
        Self { accounts: Vec::with_capacity(BATCH + BATCH / 4), ..Self::default() }
    }

    /// Notes what a commit makes of an account; if `all`, what does not change as well.
    fn add(
        &mut self,
        index: BlockAccessIndex,
        address: Address,
        account: &mut Account,
        is_destroyed: bool,
        all: bool,
    ) {
        let Self { accounts, fields, reads, writes } = self;
        let [fields_before, reads_before, writes_before] =
            [fields.len(), reads.len(), writes.len()];
        let original = account.original_info_mut();
        let (balance, nonce, code) = (original.balance, original.nonce, original.code_hash);
        let after = Some(&account.info).filter(|_| !is_destroyed);
        let balance = [balance, after.map_or(U256::ZERO, |info| info.balance)];
        if all || balance[0] != balance[1] {
            fields.push(FieldNote::Balance(balance));
        }
        let nonce = [nonce, after.map_or(0, |info| info.nonce)];
        if all || nonce[0] != nonce[1] {
            fields.push(FieldNote::Nonce(nonce));
        }
        let code_after = after.map_or(KECCAK_EMPTY, |info| info.code_hash);
        if code != code_after {
            let bytes = after.and_then(|info| info.code.clone()).unwrap_or_default();
            let note = CodeNote { before: code, after: (code_after, bytes) };
            fields.push(FieldNote::Code(Box::new(note)));
        }
        for (slot, value) in &account.storage {
            let before = value.original_value();
            let after = if is_destroyed { StorageValue::ZERO } else { value.present_value() };
            match all || before != after {
                true => writes.push(SlotNote { slot: *slot, before, after }),
                false => reads.push(*slot),
            }
        }
        accounts.push(AccountNote {
            index,
            address,
            fields: (fields.len() - fields_before) as u32,
            reads: (reads.len() - reads_before) as u32,
            writes: (writes.len() - writes_before) as u32,
        });
    }
}
