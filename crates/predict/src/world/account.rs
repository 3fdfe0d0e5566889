//! Accounts, numbered in the order in which they are met.

use super::index::Index;
use crate::{program::Program, slice::SliceTable};
use alloy_primitives::{Address, B256, KECCAK256_EMPTY, U256, map::FbBuildHasher};
use bitflags::bitflags;
use revm::{
    precompile::Precompiles,
    state::{AccountInfo, Bytecode},
};
use std::sync::Arc;

/// The number of an account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct AccountId(u32);

impl AccountId {
    /// The bare number.
    pub(super) const fn number(self) -> u32 {
        self.0
    }
}

/// Stands for the hash of code that was deployed in this block: next to nobody asks for it.
pub(super) const UNHASHED: B256 = B256::ZERO;

/// The hash of a code, of which it may not be known yet.
pub(super) fn hash_of(hash: B256, code: Option<&Bytecode>) -> B256 {
    match code {
        Some(code) if hash == UNHASHED => code.hash_slow(),
        _ => hash,
    }
}

bitflags! {
    /// What a transaction looked at in an account.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub(crate) struct Look: u8 {
        /// The balance.
        const BALANCE = 1;
        /// The nonce.
        const NONCE = 2;
        /// Code, code hash or code size.
        const CODE = 4;
        /// Whether the account is empty.
        const EXISTENCE = 8;
        /// That the balance suffices for what the account pays.
        const FUNDS = 16;
        /// Whether the account is empty, where access sets leave that to its code.
        const VACANCY = 32;
    }
}

/// An account. `rank` to `modified`, and the balance before, belong to the transaction that touched
/// it last.
///
/// What surrounds a small transaction is mostly waiting for memory: what most of them need of an
/// account stands in one line of the processor's caches, its values in the next.
#[derive(Clone, Debug, Default)]
#[repr(C, align(64))]
pub(crate) struct Account {
    pub(crate) address: Address,
    /// The transaction that touched the account last.
    pub(crate) stamp: u32,
    /// The transaction in which the account is warm, created, destroyed.
    pub(crate) warm: u32,
    pub(crate) created: u32,
    pub(crate) destroyed: u32,
    /// Its place among the accounts that the transaction touched, once it has ended.
    pub(super) rank: u32,
    /// One more than the place of the code that it had at the start of the transaction among
    /// the replaced ones; 0 if it has that still.
    pub(super) code_before: u32,
    /// By how much the transaction has raised the nonce.
    pub(super) raised: u32,
    pub(crate) looks: Look,
    /// Whether the transaction at hand changed or paid the account, be it nothing.
    pub(crate) modified: bool,
    /// Whether a transaction has changed it, be it for a while; and whether it had neither
    /// nonce nor code before.
    pub(crate) changed: bool,
    pub(crate) was_blank: bool,
    /// Whether it was read from the state: `exists`, nonce, balance, and the hash of its code.
    pub(crate) loaded: bool,
    pub(crate) exists: bool,
    pub(crate) precompile: bool,
    /// Slots that are not loaded are zero.
    pub(crate) storage_empty: bool,
    pub(crate) nonce: u64,
    pub(crate) balance: U256,
    /// That of the code, or [`UNHASHED`].
    pub(super) hash: B256,
    pub(crate) code: Option<Bytecode>,
    pub(crate) program: Option<Arc<Program>>,
    /// The slices of the program, if there are any.
    pub(crate) slices: Option<Arc<SliceTable>>,
    /// The balance at the start of the transaction, if that has modified the account.
    balance_before: U256,
}

/// Three lines.
const _: () = assert!(size_of::<Account>() == 192);

impl Account {
    /// Takes over the fields read from the state.
    pub(crate) fn fill(&mut self, info: Option<AccountInfo>) {
        self.loaded = true;
        self.exists = info.is_some();
        let info = info.unwrap_or_default();
        self.balance = info.balance;
        self.nonce = info.nonce;
        self.hash = info.code_hash();
        self.code = match info.code {
            Some(code) => Some(code),
            None if self.hash == KECCAK256_EMPTY => Some(Bytecode::default()),
            None => None,
        };
        self.program = None;
    }

    /// Takes over fields that were read from the state before; code is read when it is needed.
    pub(super) fn fill_bare(&mut self, exists: bool, balance: U256, nonce: u64, hash: B256) {
        let code_hash = hash;
        self.fill(exists.then(|| AccountInfo { balance, nonce, code_hash, ..Default::default() }));
        self.code = (hash == KECCAK256_EMPTY).then(Bytecode::default);
    }

    /// Empty as [EIP-161](https://eips.ethereum.org/EIPS/eip-161) has it.
    pub(crate) fn is_empty(&self) -> bool {
        self.balance.is_zero() && self.nonce == 0 && !self.has_code()
    }

    /// The hash of its code.
    pub(crate) fn code_hash(&self) -> B256 {
        hash_of(self.hash, self.code.as_ref())
    }

    /// Whether it has code.
    pub(crate) fn has_code(&self) -> bool {
        self.hash != KECCAK256_EMPTY
    }

    /// The balance at the start of the transaction.
    pub(crate) const fn start_balance(&self) -> U256 {
        if self.modified { self.balance_before } else { self.balance }
    }

    /// The nonce at the start of the transaction.
    pub(crate) const fn start_nonce(&self) -> u64 {
        self.nonce.wrapping_sub(self.raised as u64)
    }

    /// Sets the nonce in the transaction at hand, which raises it, or takes that back.
    pub(super) const fn set_nonce(&mut self, nonce: u64) {
        self.raised = self.raised.wrapping_add(nonce.wrapping_sub(self.nonce) as u32);
        self.nonce = nonce;
    }

    /// Notes that the transaction at hand modifies it. False if that was noted before.
    pub(super) const fn modify(&mut self) -> bool {
        if self.modified {
            return false;
        }
        self.modified = true;
        self.balance_before = self.balance;
        true
    }

    /// Notes that it is about to be changed.
    pub(super) fn change(&mut self) {
        if !self.changed {
            self.changed = true;
            self.was_blank = self.nonce == 0 && !self.has_code();
        }
    }

    /// Opens a transaction's part.
    pub(crate) fn begin(&mut self, stamp: u32) {
        self.stamp = stamp;
        self.looks = Look::empty();
        (self.code_before, self.raised) = (0, 0);
        // It starts with what was granted to it before.
        if self.modified {
            self.balance_before = self.balance;
        }
    }

    /// Empties a destroyed account.
    pub(crate) fn clear(&mut self) {
        self.change();
        self.exists = false;
        self.balance = U256::ZERO;
        self.nonce = 0;
        self.hash = KECCAK256_EMPTY;
        self.code = Some(Bytecode::default());
        self.program = None;
        self.storage_empty = true;
    }
}

/// All accounts met so far.
#[derive(Debug, Default)]
pub(crate) struct Accounts {
    index: Index<FbBuildHasher<20>>,
    list: Vec<Account>,
    /// Those that the transaction at hand touched.
    pub(crate) touched: Vec<AccountId>,
}

impl Accounts {
    pub(crate) fn intern(&mut self, address: Address, precompiles: &Precompiles) -> AccountId {
        let hash = self.index.hash(&address);
        if let Some(id) = self.at(hash, &address) {
            return id;
        }
        let number = self.list.len() as u32;
        let precompile = precompiles.contains(&address);
        self.list.push(Account { address, precompile, ..Account::default() });
        self.index.add(hash, number);
        AccountId(number)
    }

    fn at(&self, hash: u64, address: &Address) -> Option<AccountId> {
        let is = |number: u32| self.list[number as usize].address == *address;
        self.index.find(hash, is).map(AccountId)
    }

    /// Prepares for a block.
    pub(super) fn begin(&mut self) {
        self.index.clear();
    }

    /// Forgets all accounts; their memory is kept.
    pub(super) fn clear(&mut self) {
        self.list.clear();
        self.touched.clear();
    }

    pub(crate) fn find(&self, address: &Address) -> Option<AccountId> {
        self.at(self.index.hash(address), address)
    }

    /// All of them, by number.
    pub(super) fn all(&self) -> &[Account] {
        &self.list
    }

    pub(crate) fn get(&self, id: AccountId) -> &Account {
        &self.list[id.0 as usize]
    }

    pub(crate) fn get_mut(&mut self, id: AccountId) -> &mut Account {
        &mut self.list[id.0 as usize]
    }
}
