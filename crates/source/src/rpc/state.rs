//! The state before a block, read from a node as it is asked for.
//!
//! Every value is asked for by the *hash* of the parent block
//! ([EIP-1898](https://eips.ethereum.org/EIPS/eip-1898)), so all of them belong to
//! one state. What was read is kept and shared by all threads; nothing is read
//! twice, but for two threads that miss the same value at the same time.

use super::{Node, RpcError, RpcFault, node::Request};
use crate::SnapshotAccount;
use alloy_primitives::{Address, B256, Bytes, U64, U256, map::B256Map};
use revm::{
    DatabaseRef,
    state::{AccountInfo, Bytecode},
};
use serde::Deserialize;
use serde_json::{json, value::RawValue};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

/// A value that a state holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum StateRead {
    /// Balance, nonce and code of an account.
    Account(Address),
    /// A storage slot.
    Slot(Address, U256),
    /// The hash of an earlier block.
    BlockHash(u64),
}

/// The state before a block, read from a node as it is asked for.
#[derive(Debug)]
pub struct RpcState {
    node: Node,
    /// The block whose pre-state this is: number, and hash if it has one.
    number: u64,
    hash: Option<B256>,
    parent: B256,
    held: RwLock<Held>,
}

/// What has been read.
#[derive(Debug, Default)]
struct Held {
    /// None for an account that does not exist.
    accounts: BTreeMap<Address, Option<AccountInfo>>,
    codes: B256Map<Bytecode>,
    slots: BTreeMap<(Address, U256), U256>,
    block_hashes: BTreeMap<u64, B256>,
}

impl RpcState {
    pub(super) fn new(node: Node, number: u64, hash: Option<B256>, parent: B256) -> Self {
        let mut held = Held::default();
        number.checked_sub(1).map(|number| held.block_hashes.insert(number, parent));
        Self { node, number, hash, parent, held: RwLock::new(held) }
    }

    pub(super) const fn node(&self) -> &Node {
        &self.node
    }

    /// How many values have been read so far.
    pub fn len(&self) -> usize {
        let held = self.held();
        held.accounts.len() + held.slots.len() + held.block_hashes.len()
    }

    /// Whether nothing has been read so far.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// An account that has been read: none, or whether it exists and what it holds.
    pub fn held_account(&self, address: Address) -> Option<Option<AccountInfo>> {
        self.held().accounts.get(&address).cloned()
    }

    /// A slot that has been read.
    pub fn held_slot(&self, address: Address, slot: U256) -> Option<U256> {
        self.held().slots.get(&(address, slot)).copied()
    }

    /// Code of an account that has been read.
    pub fn held_code(&self, hash: B256) -> Option<Bytecode> {
        self.held().codes.get(&hash).cloned()
    }

    /// A block hash that has been read.
    pub fn held_block_hash(&self, number: u64) -> Option<B256> {
        self.held().block_hashes.get(&number).copied()
    }

    /// Reads values that have not been read yet, in batches.
    ///
    /// # Errors
    ///
    /// If the node does not answer, no longer has this state, or has moved the block
    /// off its chain. What was read before stays.
    pub fn fetch(&self, reads: &BTreeSet<StateRead>) -> Result<(), RpcError> {
        let missing: Vec<_> = reads.iter().filter(|read| !self.holds(read)).copied().collect();
        let requests: Vec<_> = missing.iter().flat_map(|read| self.requests(read)).collect();
        if requests.is_empty() {
            return Ok(());
        }
        let answers = self.node.call_all(&requests).map_err(|error| self.explain(error))?;
        let mut answers = requests.iter().zip(answers.iter().map(AsRef::as_ref));
        let mut next = || answers.next();
        for read in &missing {
            match *read {
                StateRead::Account(address) => {
                    let balance: U256 = self.take(next())?;
                    let nonce: U64 = self.take(next())?;
                    let code: Bytes = self.take(next())?;
                    self.hold_account(address, balance, nonce.to(), code);
                }
                StateRead::Slot(address, slot) => {
                    let value: U256 = self.take(next())?;
                    self.hold().slots.insert((address, slot), value);
                }
                StateRead::BlockHash(number) => {
                    let header: Option<HashOnly> = self.take(next())?;
                    let none = || self.node.error(RpcFault::NoBlock(number.to_string()));
                    let hash = header.ok_or_else(none)?.hash;
                    self.hold().block_hashes.insert(number, hash);
                }
            }
        }
        Ok(())
    }

    /// What has been read, as a snapshot holds it.
    pub(super) fn prestate(&self) -> (BTreeMap<Address, SnapshotAccount>, BTreeMap<u64, B256>) {
        let held = self.held();
        let mut accounts: BTreeMap<_, _> = held
            .accounts
            .iter()
            .filter_map(|(address, info)| Some((*address, snapshot_account(info.as_ref()?))))
            .collect();
        for ((address, slot), value) in held.slots.iter().filter(|(_, value)| !value.is_zero()) {
            accounts.entry(*address).or_default().storage.insert(*slot, *value);
        }
        (accounts, held.block_hashes.clone())
    }

    fn held(&self) -> RwLockReadGuard<'_, Held> {
        self.held.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn hold(&self) -> RwLockWriteGuard<'_, Held> {
        self.held.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn holds(&self, read: &StateRead) -> bool {
        let held = self.held();
        match read {
            StateRead::Account(address) => held.accounts.contains_key(address),
            StateRead::Slot(address, slot) => held.slots.contains_key(&(*address, *slot)),
            StateRead::BlockHash(number) => held.block_hashes.contains_key(number),
        }
    }

    fn requests(&self, read: &StateRead) -> Vec<Request> {
        let at = json!({ "blockHash": self.parent });
        match read {
            StateRead::Account(address) => {
                ["eth_getBalance", "eth_getTransactionCount", "eth_getCode"]
                    .map(|method| Request { method, params: json!([address, at]) })
                    .into()
            }
            StateRead::Slot(address, slot) => {
                let params = json!([address, B256::from(*slot), at]);
                vec![Request { method: "eth_getStorageAt", params }]
            }
            StateRead::BlockHash(number) => {
                let params = json!([format!("{number:#x}"), false]);
                vec![Request { method: "eth_getBlockByNumber", params }]
            }
        }
    }

    /// The next answer.
    fn take<T: serde::de::DeserializeOwned>(
        &self,
        answer: Option<(&Request, &RawValue)>,
    ) -> Result<T, RpcError> {
        match answer {
            Some((request, answer)) => self.node.understand(request.method, answer),
            None => Err(self.node.error(RpcFault::Answer {
                method: "batch".to_owned(),
                reason: "it is too short".to_owned(),
            })),
        }
    }

    fn hold_account(&self, address: Address, balance: U256, nonce: u64, code: Bytes) {
        // What begins like a delegation without being one is code like any other.
        let code =
            Bytecode::new_raw_checked(code.clone()).unwrap_or_else(|_| Bytecode::new_legacy(code));
        let hash = code.hash_slow();
        let info = AccountInfo::new(balance, nonce, hash, code.clone());
        let mut held = self.hold();
        held.codes.insert(hash, code);
        // A node does not tell an account that is empty from one that does not exist;
        // since EIP-161 there is no difference.
        let info = (!info.is_empty()).then_some(info);
        held.accounts.insert(address, info);
    }

    /// Tells a state that is gone, and a block that is no longer on the chain, from
    /// other refusals.
    fn explain(&self, error: RpcError) -> RpcError {
        let RpcFault::Refused { message, .. } = &*error.fault else { return error };
        let expected = self.hash.unwrap_or(self.parent);
        let number = match self.hash {
            Some(_) => self.number,
            None => self.number.saturating_sub(1),
        };
        let canonical: Result<Option<HashOnly>, _> =
            self.node.call("eth_getBlockByNumber", json!([format!("{number:#x}"), false]));
        match canonical {
            Ok(Some(HashOnly { hash: found })) if found != expected => {
                self.node.error(RpcFault::Reorganised { number, expected, found })
            }
            _ => {
                let reason = message.clone();
                self.node.error(RpcFault::NoState { number: self.number, reason })
            }
        }
    }
}

/// The part of a block that names it.
#[derive(Debug, Deserialize)]
struct HashOnly {
    hash: B256,
}

fn snapshot_account(info: &AccountInfo) -> SnapshotAccount {
    SnapshotAccount {
        balance: info.balance,
        nonce: info.nonce,
        code: info.code.as_ref().map(Bytecode::original_bytes).unwrap_or_default(),
        storage: BTreeMap::new(),
    }
}

impl DatabaseRef for RpcState {
    type Error = RpcError;

    fn basic_ref(&self, address: Address) -> Result<Option<AccountInfo>, RpcError> {
        if let Some(held) = self.held_account(address) {
            return Ok(held);
        }
        self.fetch(&BTreeSet::from([StateRead::Account(address)]))?;
        Ok(self.held_account(address).flatten())
    }

    fn code_by_hash_ref(&self, hash: B256) -> Result<Bytecode, RpcError> {
        // Code comes with its account, and only accounts that were read have hashes.
        Ok(self.held_code(hash).unwrap_or_default())
    }

    fn storage_ref(&self, address: Address, slot: U256) -> Result<U256, RpcError> {
        if let Some(held) = self.held_slot(address, slot) {
            return Ok(held);
        }
        self.fetch(&BTreeSet::from([StateRead::Slot(address, slot)]))?;
        Ok(self.held_slot(address, slot).unwrap_or_default())
    }

    fn block_hash_ref(&self, number: u64) -> Result<B256, RpcError> {
        if let Some(held) = self.held_block_hash(number) {
            return Ok(held);
        }
        self.fetch(&BTreeSet::from([StateRead::BlockHash(number)]))?;
        Ok(self.held_block_hash(number).unwrap_or_default())
    }
}
