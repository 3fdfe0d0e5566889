//! What the transactions of the block have written so far, by transaction: the
//! source of speculative reads.
//!
//! Versions are best effort. Whoever reads one too old, or one that is later
//! replaced, is found out when its turn comes and its inputs are compared with
//! the authoritative state; nothing else depends on what is in here. That is why
//! a write may be missing (the beneficiary's fees, storage that was wiped without
//! having been loaded) and why no lock is held across two locations.
//!
//! Most locations are never written in a block. A bit set of the locations that
//! may have been written lets their reads pass without a lock. The bits are
//! relaxed: a reader that must see a write has been released by its writer
//! through the scheduler's lock, which orders the two.
//!
//! A transaction that is known to have added to a slot, whatever that held, leaves a
//! difference instead of a value: whoever reads the slot sees the last value and what
//! was added since, whichever value those saw that added.

mod fields;
mod seed;

use crate::sync::{AtomicBool, AtomicU64, Mutex, MutexGuard, Ordering, PoisonError};
use core::hash::BuildHasher;
use fields::{AccountChange, FieldsVersion, FieldsVersions};
use revm::{
    primitives::{Address, AddressMap, StorageKeyMap, U256, map::DefaultHashBuilder},
    state::{Account, EvmState},
};

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
    /// By account.
    shards: Box<[Mutex<AddressMap<Written>>]>,
    /// Whether nothing reads versions any more.
    is_closed: AtomicBool,
}

/// What was written to one account.
#[derive(Default)]
struct Written {
    fields: FieldsVersions,
    slots: StorageKeyMap<SlotVersions>,
}

/// What was written to a slot: usually one value.
#[derive(Default)]
struct SlotVersions {
    last: Option<(u32, U256)>,
    /// Values of lower versions, ascending.
    earlier: Vec<(u32, U256)>,
    /// What was added, by ascending version.
    added: Vec<(u32, U256)>,
}

/// What versions make of a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SlotChange {
    /// It has this value.
    To(U256),
    /// This is added, modulo 2^256, to what it was before the block.
    By(U256),
}

impl Versions {
    pub(super) fn new() -> Self {
        Self {
            hasher: DefaultHashBuilder::default(),
            written: (0..WORDS).map(|_| AtomicU64::new(0)).collect(),
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            is_closed: AtomicBool::new(false),
        }
    }

    /// From now on nothing is kept: what is left of the block is executed in order. Who
    /// still runs ahead sees what is there.
    pub(super) fn close(&self) {
        self.is_closed.store(true, Ordering::Relaxed);
    }

    /// The changes that versions below this one make to an account's fields, if any.
    pub(super) fn account(&self, address: &Address, below: u32) -> Option<AccountChange> {
        let hash = self.hasher.hash_one(address);
        if !self.may_be_written(hash) {
            return None;
        }
        let shard = self.shard(hash);
        shard.get(address)?.fields.below(below)
    }

    /// What versions below this one make of a slot, if anything.
    pub(super) fn slot(&self, address: &Address, slot: U256, below: u32) -> Option<SlotChange> {
        self.slot_versions(address, slot, |versions| versions.below(below))
    }

    /// The value that versions below this one have given a slot last, if any has;
    /// what was added is left out.
    pub(super) fn value(&self, address: &Address, slot: U256, below: u32) -> Option<U256> {
        let value = |versions: &SlotVersions| versions.value_below(below).map(|(_, value)| value);
        self.slot_versions(address, slot, value)
    }

    fn slot_versions<T>(
        &self,
        address: &Address,
        slot: U256,
        read: impl FnOnce(&SlotVersions) -> Option<T>,
    ) -> Option<T> {
        let hash = self.hasher.hash_one(address);
        if !self.may_be_written(self.slot_hash(hash, slot)) {
            return None;
        }
        let shard = self.shard(hash);
        read(shard.get(address)?.slots.get(&slot)?)
    }

    /// Makes the changes of a version known. The fees of `beneficiary` are left
    /// out: nearly every transaction pays them and hardly any looks at them. So are
    /// mere changes of balance and nonce, for the same reason, unless somebody is
    /// `expected` to look at what this version changes. Slots that are `added` to leave a
    /// difference.
    pub(super) fn publish(
        &self,
        version: u32,
        beneficiary: Address,
        expected: bool,
        changes: &mut EvmState,
        added: impl Fn(Address, U256) -> bool,
    ) {
        if self.is_closed.load(Ordering::Relaxed) {
            return;
        }
        for (address, account) in changes {
            if !account.is_touched() {
                continue;
            }
            let is_new = account.is_loaded_as_not_existing() || account.is_created();
            let destroyed = account.is_selfdestructed();
            let before = account.original_info_mut();
            let (balance, nonce, code_hash) = (before.balance, before.nonce, before.code_hash);
            let after = &account.info;
            let fields = FieldsVersion {
                version,
                balance: match *address == beneficiary {
                    true => U256::ZERO,
                    false => after.balance.wrapping_sub(balance),
                },
                nonce: after.nonce.wrapping_sub(nonce),
                code: (after.code_hash != code_hash)
                    .then(|| (after.code_hash, after.code.clone().unwrap_or_default())),
                destroyed,
            };
            let pays = !fields.balance.is_zero() || fields.nonce != 0;
            let fields = (is_new || destroyed || fields.code.is_some() || (expected && pays))
                .then_some(fields);
            let keeps = !account.is_created() && !destroyed;
            let mut slots = written_slots(account).peekable();
            if fields.is_none() && slots.peek().is_none() {
                continue;
            }
            let hash = self.hasher.hash_one(address);
            let mut shard = self.shard(hash);
            let written = shard.entry(*address).or_default();
            if let Some(fields) = fields {
                written.fields.set(fields);
                self.mark_written(hash);
            }
            for (slot, before, value) in slots {
                match keeps && added(*address, slot) {
                    true => written.add_to_slot(slot, version, value.wrapping_sub(before)),
                    false => written.set_slot(slot, version, value),
                }
                self.mark_written(self.slot_hash(hash, slot));
            }
        }
    }

    /// Forgets the changes of a version whose result is not used.
    pub(super) fn retract(&self, version: u32, changes: &EvmState) {
        for (address, account) in changes.iter().filter(|(_, account)| account.is_touched()) {
            let mut shard = self.shard(self.hasher.hash_one(address));
            let Some(written) = shard.get_mut(address) else { continue };
            written.fields.remove(version);
            for (slot, ..) in written_slots(account) {
                if written.slots.get_mut(&slot).is_some_and(|versions| versions.remove(version)) {
                    written.slots.remove(&slot);
                }
            }
        }
    }

    fn slot_hash(&self, address_hash: u64, slot: U256) -> u64 {
        address_hash.rotate_left(1) ^ self.hasher.hash_one(slot)
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
    fn shard(&self, hash: u64) -> MutexGuard<'_, AddressMap<Written>> {
        let shard = &self.shards[(hash >> 32) as usize % SHARDS];
        shard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The slots that a transaction leaves with another value, with that and the one before.
/// Of a destroyed account these are the ones it had loaded; the others are wiped unseen.
fn written_slots(account: &Account) -> impl Iterator<Item = (U256, U256, U256)> {
    let destroyed = account.is_selfdestructed();
    account.storage.iter().filter_map(move |(slot, value)| {
        let present = if destroyed { U256::ZERO } else { value.present_value() };
        let before = value.original_value();
        (present != before).then_some((*slot, before, present))
    })
}

const fn bit(hash: u64) -> u64 {
    1 << (hash & 63)
}

impl Written {
    fn set_slot(&mut self, slot: U256, version: u32, value: U256) {
        self.slots.entry(slot).or_default().set(version, value);
    }

    fn add_to_slot(&mut self, slot: U256, version: u32, difference: U256) {
        insert(&mut self.slots.entry(slot).or_default().added, version, difference);
    }
}

impl SlotVersions {
    fn below(&self, below: u32) -> Option<SlotChange> {
        let value = self.value_below(below);
        let from = value.map_or(0, |(version, _)| version + 1);
        let added = self.added.iter().rev();
        let added = added.skip_while(|(version, _)| *version >= below);
        let added = added.take_while(|(version, _)| *version >= from);
        let sum = |sum: U256, (_, difference): &(u32, U256)| sum.wrapping_add(*difference);
        match value {
            Some((_, value)) => Some(SlotChange::To(added.fold(value, sum))),
            None => {
                let mut added = added.peekable();
                added.peek()?;
                Some(SlotChange::By(added.fold(U256::ZERO, sum)))
            }
        }
    }

    fn value_below(&self, below: u32) -> Option<(u32, U256)> {
        if let Some(last) = self.last
            && last.0 < below
        {
            return Some(last);
        }
        let end = self.earlier.partition_point(|(version, _)| *version < below);
        end.checked_sub(1).map(|at| self.earlier[at])
    }

    fn set(&mut self, version: u32, value: U256) {
        match &mut self.last {
            Some(last) if version < last.0 => insert(&mut self.earlier, version, value),
            Some(last) if version == last.0 => last.1 = value,
            last => self.earlier.extend(last.replace((version, value))),
        }
    }

    /// Forgets a version; whether none is left.
    fn remove(&mut self, version: u32) -> bool {
        for versions in [&mut self.earlier, &mut self.added] {
            versions.retain(|(entry, _)| *entry != version);
        }
        if self.last.is_some_and(|last| last.0 == version) {
            self.last = self.earlier.pop();
        }
        self.last.is_none() && self.added.is_empty()
    }
}

/// Sets the entry of a version in a list of ascending versions.
fn insert(versions: &mut Vec<(u32, U256)>, version: u32, value: U256) {
    let at = versions.partition_point(|(entry, _)| *entry < version);
    match versions.get_mut(at).filter(|entry| entry.0 == version) {
        Some(entry) => entry.1 = value,
        None => versions.insert(at, (version, value)),
    }
}
