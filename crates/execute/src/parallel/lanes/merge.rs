//! Whether the second half of a block met what the first has changed; and what both leave
//! behind, put together as one execution would have left it.
//!
//! The second half has in its cache whatever it loaded. Of an account that the first half left
//! changed, it must not have loaded the account, if its fields changed, nor a slot that did.
//! What the second half changes is its own business: the first came before it. Code is found
//! by its hash, so that it need not be looked at.

use alloy_primitives::{
    Address, U256,
    map::{AddressMap, AddressSet, Entry},
};
use foresee_access::Location;
use revm::{
    database::{
        AccountRevert, BundleAccount, BundleState, CacheState, TransitionAccount, TransitionState,
        states::reverts::AccountInfoRevert,
    },
    state::AccountInfo,
};

/// No sensible balance has bits above these, and no sum of two others overflows.
const HUGE_BALANCE_SHIFT: usize = 192;

/// Where the second half, with this cache, met what the first has changed: the first such
/// location. That both halves pay the beneficiary is no matter, since nobody looks at it.
pub(super) fn conflict(
    first: &TransitionState,
    second: &CacheState,
    beneficiary: Address,
) -> Option<Location> {
    let met = first.transitions.iter().filter_map(|(address, change)| {
        let loaded = second.accounts.get(address)?;
        if changes_fields(change, *address == beneficiary) {
            return Some(Location::balance(*address));
        }
        let loaded = &loaded.account.as_ref()?.storage;
        let changed = change.storage.iter().filter(|(_, value)| value.is_changed());
        let met = changed.map(|(slot, _)| *slot).filter(|slot| loaded.contains_key(slot)).min();
        Some(Location::slot(*address, met?))
    });
    met.min()
}

/// Whether an account is left with other fields, but for what it earned as beneficiary.
fn changes_fields(change: &TransitionAccount, is_beneficiary: bool) -> bool {
    let TransitionAccount { info, previous_info, .. } = change;
    let is_same = info == previous_info
        || is_beneficiary && is_merely_paid(previous_info.as_ref(), info.as_ref());
    change.storage_was_destroyed || change.status.was_destroyed() || !is_same
}

/// Puts the second half's changes into the bundle of the first, which it did not meet. False
/// if they do not fit together; the bundle is of no use any more then.
pub(super) fn into(bundle: &mut BundleState, second: BundleState, beneficiary: Address) -> bool {
    let BundleState { state, contracts, mut reverts, state_size, reverts_size } = second;
    let mut shared = AddressSet::default();
    bundle.state.reserve(state.len());
    for (address, account) in state {
        match bundle.state.entry(address) {
            Entry::Vacant(entry) => drop(entry.insert(account)),
            Entry::Occupied(entry) => {
                if !add(entry.into_mut(), account, address == beneficiary) {
                    return false;
                }
                shared.insert(address);
            }
        }
    }
    bundle.contracts.extend(contracts);
    bundle.state_size += state_size;
    bundle.reverts_size += reverts_size;
    // What both have changed is counted twice: once too often, beside its slots.
    bundle.state_size -= shared.len();
    bundle.reverts_size -= shared.len();
    let (Some(first), Some(second)) = (bundle.reverts.last_mut(), reverts.pop()) else {
        return false;
    };
    let mut twice = AddressMap::<AccountRevert>::default();
    first.reserve(second.len());
    for (address, revert) in second {
        match shared.contains(&address) {
            true => drop(twice.insert(address, revert)),
            false => first.push((address, revert)),
        }
    }
    if !twice.is_empty() {
        for (address, revert) in first {
            let Some(other) = twice.remove(address) else { continue };
            revert.storage.extend(other.storage);
            if revert.account == AccountInfoRevert::DoNothing {
                revert.account = other.account;
            }
        }
    }
    true
}

/// Adds what the second half has changed of an account that the first has changed too: slots
/// that the first has not, and fields, or what was paid to the beneficiary. Whether they fit
/// together.
fn add(first: &mut BundleAccount, second: BundleAccount, is_beneficiary: bool) -> bool {
    let is_same = first.status == second.status && first.original_info == second.original_info;
    if !is_same || first.was_destroyed() {
        return false;
    }
    if is_beneficiary {
        let original = first.original_info.as_ref();
        let is_paid = |account: &BundleAccount| is_merely_paid(original, account.info.as_ref());
        if !is_paid(first) || !is_paid(&second) {
            return false;
        }
        let original = original.map_or(U256::ZERO, |info| info.balance);
        if let (Some(info), Some(other)) = (&mut first.info, second.info) {
            info.balance += other.balance - original;
        }
    } else if first.is_info_changed() {
        return false;
    } else {
        first.info = second.info;
    }
    first.storage.extend(second.storage);
    true
}

/// Whether nothing of an account has changed but its balance, by sums that make sense.
fn is_merely_paid(before: Option<&AccountInfo>, after: Option<&AccountInfo>) -> bool {
    let nothing = AccountInfo::default();
    let (before, Some(after)) = (before.unwrap_or(&nothing), after) else { return false };
    let is_huge = |balance: U256| !(balance >> HUGE_BALANCE_SHIFT).is_zero();
    after.nonce == before.nonce
        && after.code_hash == before.code_hash
        && after.balance >= before.balance
        && !is_huge(after.balance)
}
