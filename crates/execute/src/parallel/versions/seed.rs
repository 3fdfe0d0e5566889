//! Versions from an access list, before anything was executed: a transaction that runs
//! ahead then sees what the list says that earlier ones leave behind, and waits for
//! none of them.
//!
//! The list may be anybody's. What it says is seen by transactions that run ahead and
//! by nothing else, and these are validated at their turn as always.

use super::{Versions, fields::FieldsVersion};
use crate::AccessList;
use alloy_eips::eip7928::{AccountChanges, BlockAccessIndex};
use core::hash::BuildHasher;
use revm::{
    DatabaseRef,
    primitives::{Address, U256},
    state::Bytecode,
};

impl Versions {
    /// Takes over the changes that a list tells of. An account that cannot be read, and
    /// code that is none, are left out: whoever executes meets the failure itself. So
    /// are the balances of `beneficiary`, as in [`Versions::publish`].
    pub(in crate::parallel) fn seed<DB: DatabaseRef>(
        &self,
        list: &AccessList,
        beneficiary: Address,
        db: &DB,
    ) {
        for account in list {
            let address = account.address;
            let fields = fields(account, address == beneficiary, db).unwrap_or_default();
            if fields.is_empty() && account.storage_changes.is_empty() {
                continue;
            }
            let hash = self.hasher.hash_one(address);
            let mut shard = self.shard(hash);
            let written = shard.entry(address).or_default();
            for fields in fields {
                written.fields.set(fields);
                self.mark_written(hash);
            }
            for slot in &account.storage_changes {
                for change in &slot.changes {
                    let Some(version) = version(change.block_access_index) else { continue };
                    written.set_slot(slot.slot, version, change.new_value);
                }
                self.mark_written(self.slot_hash(hash, slot.slot));
            }
        }
    }
}

/// Block access indexes are versions: 0 before the transactions, then theirs.
fn version(index: BlockAccessIndex) -> Option<u32> {
    u32::try_from(index.get()).ok()
}

/// The changes to an account's fields, as differences from version to version.
fn fields<DB: DatabaseRef>(
    account: &AccountChanges,
    is_beneficiary: bool,
    db: &DB,
) -> Option<Vec<FieldsVersion>> {
    let AccountChanges { balance_changes, nonce_changes, code_changes, .. } = account;
    let balances = if is_beneficiary { &[][..] } else { balance_changes };
    if balances.is_empty() && nonce_changes.is_empty() && code_changes.is_empty() {
        return Some(Vec::new());
    }
    let base = db.basic_ref(account.address).ok()?.unwrap_or_default();
    // One for each change of a balance is nearly always enough.
    let mut versions = Vec::with_capacity(balances.len().max(nonce_changes.len()));
    let (mut balance, mut nonce) = (base.balance, base.nonce);
    for change in balances {
        let entry = at(&mut versions, change.block_access_index)?;
        entry.balance = change.post_balance.wrapping_sub(balance);
        balance = change.post_balance;
    }
    for change in nonce_changes {
        let entry = at(&mut versions, change.block_access_index)?;
        entry.nonce = change.new_nonce.wrapping_sub(nonce);
        nonce = change.new_nonce;
    }
    for change in code_changes {
        let code = Bytecode::new_raw_checked(change.new_code.clone()).ok()?;
        at(&mut versions, change.block_access_index)?.code = Some((code.hash_slow(), code));
    }
    Some(versions)
}

/// The changes of one version, among those in ascending order.
fn at(versions: &mut Vec<FieldsVersion>, index: BlockAccessIndex) -> Option<&mut FieldsVersion> {
    let version = version(index)?;
    let at = versions.partition_point(|entry| entry.version < version);
    if versions.get(at).is_none_or(|entry| entry.version != version) {
        let (balance, nonce, code, destroyed) = (U256::ZERO, 0, None, false);
        versions.insert(at, FieldsVersion { version, balance, nonce, code, destroyed });
    }
    versions.get_mut(at)
}
