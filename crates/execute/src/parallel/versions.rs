//! What the transactions of the block have written so far, by transaction: the
//! source of speculative reads.
//!
//! Versions are best effort. Whoever reads one too old, or one that is later
//! replaced, is found out when its turn comes and its inputs are compared with
//! the authoritative state; nothing else depends on what is in here. That is why
//! a write may be missing (the beneficiary's fees, wiped storage) and why no lock
//! is held across two locations.
//!
//! Most locations are never written in a block. A bit set of the locations that
//! may have been written lets their reads pass without a lock. The bits are
//! relaxed: a reader that must see a write has been released by its writer
//! through the scheduler's lock, which orders the two.

use core::{
    hash::BuildHasher,
    sync::atomic::{AtomicU64, Ordering},
};
use revm::{
    primitives::{Address, AddressMap, B256, HashMap, U256, map::DefaultHashBuilder},
    state::{AccountInfo, Bytecode, EvmState},
};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Words of the set of locations that may have been written: 2^17 bits in 16 KiB,
/// so that a block of 4,000 written locations sends 3 % of its other reads to a
/// lock in vain.
const WORDS: usize = 1 << 11;

/// Independently locked parts of the versions.
const SHARDS: usize = 1 << 6;

/// Versions of every location written so far. The version of the changes before
/// the transactions is 0, that of a transaction its position plus one.
pub(super) struct Versions {
    hasher: DefaultHashBuilder,
    written: Box<[AtomicU64]>,
    shards: Box<[Mutex<Shard>]>,
}

#[derive(Default)]
struct Shard {
    accounts: AddressMap<Vec<AccountVersion>>,
    slots: HashMap<(Address, U256), Vec<(u32, U256)>>,
}

/// What one version changed in an account. Balance and nonce are differences
/// (modulo 2^256 and 2^64), because they add up in any order.
struct AccountVersion {
    version: u32,
    balance: U256,
    nonce: u64,
    code: Option<(B256, Bytecode)>,
    destroyed: bool,
}

impl Versions {
    pub(super) fn new() -> Self {
        Self {
            hasher: DefaultHashBuilder::default(),
            written: (0..WORDS).map(|_| AtomicU64::new(0)).collect(),
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
        }
    }

    /// The changes that versions below this one make to an account, if any.
    pub(super) fn account(&self, address: &Address, below: u32) -> Option<AccountChange> {
        let hash = self.hasher.hash_one(address);
        if !self.may_be_written(hash) {
            return None;
        }
        let shard = self.shard(hash);
        let versions = shard.accounts.get(address)?;
        let mut change = None;
        for version in versions.iter().take_while(|version| version.version < below) {
            change.get_or_insert_with(AccountChange::default).add(version);
        }
        change
    }

    /// The value of a slot in the highest version below this one, if there is any.
    pub(super) fn slot(&self, address: Address, slot: U256, below: u32) -> Option<U256> {
        let key = (address, slot);
        let hash = self.hasher.hash_one(key);
        if !self.may_be_written(hash) {
            return None;
        }
        let shard = self.shard(hash);
        let versions = shard.slots.get(&key)?;
        let end = versions.partition_point(|(version, _)| *version < below);
        end.checked_sub(1).map(|last| versions[last].1)
    }

    /// Makes the changes of a version known. The fees of `beneficiary` are left
    /// out: nearly every transaction pays them and hardly any looks at them.
    pub(super) fn publish(&self, version: u32, beneficiary: Address, changes: &mut EvmState) {
        for (address, account) in changes {
            if !account.is_touched() {
                continue;
            }
            let is_new = account.is_loaded_as_not_existing() || account.is_created();
            let destroyed = account.is_selfdestructed();
            let original = account.original_info_mut();
            let mut balance = original.balance;
            let (nonce, code_hash) = (original.nonce, original.code_hash);
            balance = account.info.balance.wrapping_sub(balance);
            if *address == beneficiary {
                balance = U256::ZERO;
            }
            let nonce = account.info.nonce.wrapping_sub(nonce);
            let code = (account.info.code_hash != code_hash)
                .then(|| (account.info.code_hash, account.info.code.clone().unwrap_or_default()));
            if is_new || destroyed || !balance.is_zero() || nonce != 0 || code.is_some() {
                let change = AccountVersion { version, balance, nonce, code, destroyed };
                self.insert_account(*address, change);
            }
            if destroyed {
                continue;
            }
            for (slot, value) in account.changed_storage_slots() {
                self.insert_slot(*address, *slot, version, value.present_value());
            }
        }
    }

    /// Forgets the changes of a version whose result is not used.
    pub(super) fn retract(&self, version: u32, changes: &EvmState) {
        for (address, account) in changes.iter().filter(|(_, account)| account.is_touched()) {
            let mut shard = self.shard(self.hasher.hash_one(address));
            if let Some(versions) = shard.accounts.get_mut(address) {
                versions.retain(|entry| entry.version != version);
            }
            drop(shard);
            for (slot, _) in account.changed_storage_slots() {
                let key = (*address, *slot);
                let mut shard = self.shard(self.hasher.hash_one(key));
                if let Some(versions) = shard.slots.get_mut(&key) {
                    versions.retain(|(entry, _)| *entry != version);
                }
            }
        }
    }

    fn insert_account(&self, address: Address, change: AccountVersion) {
        let hash = self.hasher.hash_one(address);
        let mut shard = self.shard(hash);
        let versions = shard.accounts.entry(address).or_default();
        let at = versions.partition_point(|entry| entry.version < change.version);
        match versions.get_mut(at) {
            Some(entry) if entry.version == change.version => *entry = change,
            _ => versions.insert(at, change),
        }
        drop(shard);
        self.mark_written(hash);
    }

    fn insert_slot(&self, address: Address, slot: U256, version: u32, value: U256) {
        let key = (address, slot);
        let hash = self.hasher.hash_one(key);
        let mut shard = self.shard(hash);
        let versions = shard.slots.entry(key).or_default();
        let at = versions.partition_point(|(entry, _)| *entry < version);
        match versions.get_mut(at) {
            Some((entry, old)) if *entry == version => *old = value,
            _ => versions.insert(at, (version, value)),
        }
        drop(shard);
        self.mark_written(hash);
    }

    fn may_be_written(&self, hash: u64) -> bool {
        self.word(hash).load(Ordering::Relaxed) & bit(hash) != 0
    }

    fn mark_written(&self, hash: u64) {
        let word = self.word(hash);
        if word.load(Ordering::Relaxed) & bit(hash) == 0 {
            word.fetch_or(bit(hash), Ordering::Relaxed);
        }
    }

    fn word(&self, hash: u64) -> &AtomicU64 {
        &self.written[(hash >> 6) as usize % WORDS]
    }

    /// A panic elsewhere cannot leave a shard half changed: nothing in here calls
    /// out while it holds the lock.
    fn shard(&self, hash: u64) -> MutexGuard<'_, Shard> {
        let shard = &self.shards[(hash >> 32) as usize % SHARDS];
        shard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

const fn bit(hash: u64) -> u64 {
    1 << (hash & 63)
}

/// The sum of the changes that several versions make to an account.
#[derive(Default)]
pub(super) struct AccountChange {
    balance: U256,
    nonce: u64,
    code: Option<(B256, Bytecode)>,
    /// Whether the account as it was before the block is gone.
    destroyed: bool,
    /// Whether the last version leaves an account behind.
    exists: bool,
}

impl AccountChange {
    fn add(&mut self, version: &AccountVersion) {
        if version.destroyed {
            *self = Self { destroyed: true, ..Self::default() };
            return;
        }
        self.exists = true;
        self.balance = self.balance.wrapping_add(version.balance);
        self.nonce = self.nonce.wrapping_add(version.nonce);
        if let Some(code) = &version.code {
            self.code = Some(code.clone());
        }
    }

    /// The account as changed from what it was before the block.
    pub(super) fn apply(self, base: Option<AccountInfo>) -> Option<AccountInfo> {
        if !self.exists {
            return None;
        }
        let mut info = base.filter(|_| !self.destroyed).unwrap_or_default();
        info.balance = info.balance.wrapping_add(self.balance);
        info.nonce = info.nonce.wrapping_add(self.nonce);
        if let Some((hash, code)) = self.code {
            info.code_hash = hash;
            info.code = Some(code);
        }
        Some(info)
    }
}
