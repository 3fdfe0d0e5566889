//! What two lanes leave behind, put together as one execution would have left it; or the
//! finding that they met.
//!
//! A lane has in its cache whatever it loaded, and in its bundle whatever it left changed. An
//! account that is in one cache alone was the other lane's business in no way. Of one that is
//! in both, fields that either has changed and slots that both loaded and either changed are
//! where they met; so is what the protocol changes or loads after the transactions, which is
//! in the first lane's. Code is found by its hash, so that it need not be looked at.

use super::Changes;
use revm::{
    database::{AccountRevert, BundleAccount, BundleState, CacheState, states::CacheAccount},
    primitives::{Address, AddressMap, U256},
    state::AccountInfo,
};

/// No sensible balance has bits above these, and no sum of two others overflows.
const HUGE_BALANCE_SHIFT: usize = 192;

/// Puts the second lane's changes into the bundle of the first, which has this cache. Whether
/// they did not meet; if they did, the bundle is of no use any more.
pub(super) fn into(
    bundle: &mut BundleState,
    cache: &CacheState,
    second: Changes,
    beneficiary: Address,
) -> bool {
    let mut shared = AddressMap::<()>::default();
    for (address, loaded) in &second.cache.accounts {
        let Some(before) = cache.accounts.get(address) else { continue };
        let changes = [bundle.state.get(address), second.bundle.state.get(address)];
        if meet([before, loaded], changes, *address == beneficiary) {
            return false;
        }
        if let [Some(_), Some(_)] = changes {
            shared.insert(*address, ());
        }
    }
    let BundleState { state, contracts, mut reverts, state_size, reverts_size } = second.bundle;
    bundle.state.reserve(state.len());
    for (address, account) in state {
        match bundle.state.get_mut(&address).filter(|_| shared.contains_key(&address)) {
            Some(first) => add(first, account),
            None => {
                bundle.state.insert(address, account);
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
        match shared.contains_key(&address) {
            true => drop(twice.insert(address, revert)),
            false => first.push((address, revert)),
        }
    }
    if !twice.is_empty() {
        for (address, revert) in first {
            if let Some(other) = twice.remove(address) {
                revert.storage.extend(other.storage);
            }
        }
    }
    true
}

/// Whether the lanes met at an account that both have loaded.
fn meet(
    loaded: [&CacheAccount; 2],
    changes: [Option<&BundleAccount>; 2],
    is_beneficiary: bool,
) -> bool {
    if let [None, None] = changes {
        return false;
    }
    if changes.iter().flatten().any(|account| account.was_destroyed()) {
        return true;
    }
    let info_changed = changes.iter().flatten().any(|account| account.is_info_changed());
    if info_changed && !(is_beneficiary && changes.iter().flatten().all(|it| is_merely_paid(it))) {
        return true;
    }
    if let [Some(first), Some(second)] = changes
        && (first.status != second.status || first.original_info != second.original_info)
    {
        return true;
    }
    let [first, second] = loaded.map(|account| account.account.as_ref().map(|it| &it.storage));
    let (Some(first), Some(second)) = (first, second) else { return false };
    let (fewer, more) = if first.len() < second.len() { (first, second) } else { (second, first) };
    let is_changed =
        |slot: &U256| changes.iter().flatten().any(|account| account.storage.contains_key(slot));
    fewer.keys().any(|slot| more.contains_key(slot) && is_changed(slot))
}

/// Whether nothing of an account has changed but its balance, by sums that make sense.
fn is_merely_paid(account: &BundleAccount) -> bool {
    let nothing = AccountInfo::default();
    let Some(info) = &account.info else { return false };
    let original = account.original_info.as_ref().unwrap_or(&nothing);
    let is_huge = |balance: U256| !(balance >> HUGE_BALANCE_SHIFT).is_zero();
    info.nonce == original.nonce
        && info.code_hash == original.code_hash
        && info.balance >= original.balance
        && !is_huge(info.balance)
}

/// Adds what the second lane has changed of an account: slots that the first has not, and
/// what was paid to it.
fn add(first: &mut BundleAccount, second: BundleAccount) {
    first.storage.extend(second.storage);
    let original = second.original_info.map_or(U256::ZERO, |info| info.balance);
    if let (Some(info), Some(other)) = (&mut first.info, second.info) {
        // Only the beneficiary's differs, which `meet` found to be neither huge nor less.
        info.balance += other.balance - original;
    }
}
