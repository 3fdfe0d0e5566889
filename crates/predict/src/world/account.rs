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

/// An account. The fields behind `stamp` belong to the transaction of that number.
#[derive(Clone, Debug, Default)]
pub(crate) struct Account {
    pub(crate) address: Address,
    /// Whether the fields up to `code` are valid.
    pub(crate) loaded: bool,
    pub(crate) exists: bool,
    pub(crate) balance: U256,
    pub(crate) nonce: u64,
    pub(crate) code_hash: B256,
    pub(crate) code: Option<Bytecode>,
    pub(crate) program: Option<Arc<Program>>,
    /// The slices of the program, if there are any.
    pub(crate) slices: Option<Arc<SliceTable>>,
    pub(crate) precompile: bool,
    /// Slots that are not loaded are zero.
    pub(crate) storage_empty: bool,
    /// The transaction that touched the account last.
    pub(crate) stamp: u32,
    pub(crate) start_balance: U256,
    pub(crate) start_nonce: u64,
    pub(crate) start_code_hash: B256,
    pub(crate) looks: Look,
    /// Its place among the accounts that the transaction touched, once it has ended.
    pub(super) rank: u32,
    /// Whether the transaction at hand changed or paid the account, be it nothing.
    pub(crate) modified: bool,
    /// Whether a transaction has changed it, be it for a while; and whether it had neither
    /// nonce nor code before.
    pub(crate) changed: bool,
    pub(crate) was_blank: bool,
    /// The transaction in which the account is warm, on the access list, created,
    /// destroyed.
    pub(crate) warm: u32,
    pub(crate) listed: u32,
    pub(crate) created: u32,
    pub(crate) destroyed: u32,
}

impl Account {
    /// Takes over the fields read from the state.
    pub(crate) fn fill(&mut self, info: Option<AccountInfo>) {
        self.loaded = true;
        self.exists = info.is_some();
        let info = info.unwrap_or_default();
        self.balance = info.balance;
        self.nonce = info.nonce;
        self.code_hash = info.code_hash();
        self.code = match info.code {
            Some(code) => Some(code),
            None if self.code_hash == KECCAK256_EMPTY => Some(Bytecode::default()),
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
        self.balance.is_zero() && self.nonce == 0 && self.code_hash == KECCAK256_EMPTY
    }

    /// Whether at the start of the transaction the balance alone decided if the
    /// account was empty.
    pub(crate) fn existed_by_balance(&self) -> bool {
        self.start_nonce == 0 && self.start_code_hash == KECCAK256_EMPTY
    }

    /// Notes that it is about to be changed.
    pub(super) fn change(&mut self) {
        if !self.changed {
            self.changed = true;
            self.was_blank = self.nonce == 0 && self.code_hash == KECCAK256_EMPTY;
        }
    }

    /// Opens a transaction's part.
    pub(crate) fn begin(&mut self, stamp: u32) {
        self.stamp = stamp;
        self.start_balance = self.balance;
        self.start_nonce = self.nonce;
        self.start_code_hash = self.code_hash;
        self.looks = Look::empty();
    }

    /// Empties a destroyed account.
    pub(crate) fn clear(&mut self) {
        self.change();
        self.exists = false;
        self.balance = U256::ZERO;
        self.nonce = 0;
        self.code_hash = KECCAK256_EMPTY;
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
