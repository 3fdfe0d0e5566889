//! The block access list of a block that is executed in parallel.
//!
//! Settling is the one thing that only one thread does at a time, so it does no more for the
//! list than to note, one after the other, what each commit loads and leaves behind. The
//! list is put together by one thread while another makes the bundle. What is noted is what
//! is committed, after balances and nonces were settled, and revm decides of each of them in
//! block order what is a change; so the list is that of revm's own builder in in-order
//! execution, whatever ran ahead.

mod assembled;

use super::authority::BlockState;
use crate::{AccessList, access_list::index_after};
use alloy_eips::eip7928::BlockAccessIndex;
use core::ops::Range;
use revm::{
    DatabaseRef,
    primitives::{Address, B256, KECCAK_EMPTY, StorageKey, StorageValue, U256},
    state::{Account, Bytecode, EvmState},
};
use std::sync::{Arc, Mutex, PoisonError};

/// So many accounts, fields, reads and writes are noted of most transactions. Room for them is
/// reserved, since moving notes takes longer than making them; more than for so many
/// transactions, about a megabyte, is not.
const ROOM_PER_TRANSACTION: [usize; 4] = [8, 4, 16, 8];
const TRANSACTIONS_RESERVED_MAX: usize = 512;

/// Notes for the list of a block.
pub(super) struct Notes {
    accounts: Vec<AccountNote>,
    /// Of these accounts, in their order, the fields that change,
    fields: Vec<FieldNote>,
    /// the slots that are read and no more,
    reads: Vec<StorageKey>,
    /// and those that change.
    writes: Vec<SlotNote>,
    /// Whether an account was destroyed. Whatever it had in storage was wiped unseen, so
    /// from then on what a slot holds may be news though nobody writes it.
    wiped: bool,
}

/// What a commit makes of an account.
struct AccountNote {
    index: BlockAccessIndex,
    address: Address,
    begins: Positions,
}

/// How many fields, reads and writes there are before something.
#[derive(Clone, Copy)]
struct Positions([u32; 3]);

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
    index: BlockAccessIndex,
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

impl Positions {
    /// The ranges from here to there.
    fn until(self, Self(end): Self) -> [Range<usize>; 3] {
        core::array::from_fn(|list| self.0[list] as usize..end[list] as usize)
    }
}

impl Notes {
    /// Begins with what is committed before so many transactions.
    pub(super) fn new(before: &mut [EvmState], transactions: usize) -> Self {
        let room = |each| each * transactions.min(TRANSACTIONS_RESERVED_MAX);
        let [accounts, fields, reads, writes] = ROOM_PER_TRANSACTION.map(room);
        let mut notes = Self {
            accounts: Vec::with_capacity(accounts),
            fields: Vec::with_capacity(fields),
            reads: Vec::with_capacity(reads),
            writes: Vec::with_capacity(writes),
            wiped: false,
        };
        for changes in before {
            notes.add_by_protocol(BlockAccessIndex::PRE_EXECUTION, changes);
        }
        notes
    }

    /// Notes what is about to be committed of a transaction. It is not changed; revm lends
    /// what an account was before only for that.
    pub(super) fn add(&mut self, index: BlockAccessIndex, changes: &mut EvmState) {
        for (address, account) in changes {
            let is_destroyed = account.is_selfdestructed_locally();
            self.wiped |= is_destroyed;
            self.add_account(index, *address, account, is_destroyed, self.wiped);
        }
    }

    /// Notes what the protocol commits. It does so several times at one index, where revm
    /// has to see what does not change as well.
    fn add_by_protocol(&mut self, index: BlockAccessIndex, changes: &mut EvmState) {
        for (address, account) in changes {
            let is_destroyed = account.is_selfdestructed_locally();
            self.add_account(index, *address, account, is_destroyed, true);
        }
    }

    /// The list. What the protocol commits after the transactions, of which so many were
    /// included, is still to be noted.
    pub(super) fn into_list(mut self, after: &Commits, included: usize) -> AccessList {
        for changes in after.lock().unwrap_or_else(PoisonError::into_inner).iter_mut() {
            self.add_by_protocol(index_after(included), changes);
        }
        AccessList::new(assembled::assemble(&self))
    }

    /// How many fields, reads and writes there are.
    fn ends(&self) -> Positions {
        let Self { fields, reads, writes, .. } = self;
        Positions([fields.len(), reads.len(), writes.len()].map(|length| length as u32))
    }

    /// Notes what a commit makes of an account; if `all`, what does not change as well.
    fn add_account(
        &mut self,
        index: BlockAccessIndex,
        address: Address,
        account: &mut Account,
        is_destroyed: bool,
        all: bool,
    ) {
        self.accounts.push(AccountNote { index, address, begins: self.ends() });
        let Self { fields, reads, writes, .. } = self;
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
                true => writes.push(SlotNote { index, slot: *slot, before, after }),
                false => reads.push(*slot),
            }
        }
    }
}
