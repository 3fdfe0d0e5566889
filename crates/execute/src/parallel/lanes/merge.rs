//! Whether what a lane has loaded is what those before it have left; and what all leave behind,
//! put together as one execution would have left it.
//!
//! A lane has in its cache whatever it loaded. Of what was left otherwise than expected, it must
//! have loaded nothing. Code is found by its hash, so that it need not be looked at.
//!
//! In the following `first` is the state of the block, as all lanes before have left it, and
//! `second` the lane.

use super::{super::authority::BlockState, later::Left};
use foresee_access::Location;
use revm::{
    Database, DatabaseRef,
    database::{
        AccountState, AccountStatus, CacheState, DbAccount, PlainAccount, TransitionAccount,
        states::{CacheAccount, StorageSlot},
    },
    database_interface::bal::EvmDatabaseError,
    primitives::{Address, U256, map::Entry},
    state::AccountInfo,
};

/// No sensible balance has bits above these, and no sum of two others overflows.
const HUGE_BALANCE_SHIFT: usize = 192;

/// What the second lane has loaded otherwise than the first has left it: a location, if there
/// is any. That the beneficiary owns something else is no matter as long as the second lane
/// merely pays it.
///
/// # Errors
///
/// If the state cannot be read.
pub(super) fn conflict<DB: DatabaseRef>(
    first: &mut BlockState<'_, DB>,
    second: &Left,
    beneficiary: Address,
) -> Result<Option<Location>, EvmDatabaseError<DB::Error>> {
    let Some(changes) = &first.transition_state else { return Ok(None) };
    let mut doubtful = Vec::new();
    for (address, change) in &changes.transitions {
        if let Some(loaded) = second.cache.accounts.get(address)
            && !is_as_expected(change, second.expected.get(address))
        {
            doubtful.push((*address, loaded));
        }
    }
    let unchanged = second.expected.keys().filter(|it| !changes.transitions.contains_key(*it));
    doubtful.extend(unchanged.filter_map(|it| Some((*it, second.cache.accounts.get(it)?))));
    for account in doubtful {
        if let Some(location) = meeting(first, second, account, beneficiary)? {
            return Ok(Some(location));
        }
    }
    Ok(None)
}

/// Whether an account was left with the fields and the slots that were expected. What was
/// changed back may be taken for something else.
fn is_as_expected(change: &TransitionAccount, expected: Option<&DbAccount>) -> bool {
    let TransitionAccount { info, previous_info, storage, status, .. } = change;
    let changed = || storage.iter().filter(|(_, value)| value.is_changed());
    let Some(expected) = expected else {
        let is_known = is_replaced(change) || status.is_storage_known();
        return info == previous_info && changed().next().is_none() && !is_known;
    };
    let is_expected =
        |slot: &U256, value: &StorageSlot| expected.storage.get(slot) == Some(&value.present_value);
    changed().all(|(slot, value)| is_expected(slot, value))
        && changed().count() == expected.storage.len()
        && is_cleared(expected) == status.is_storage_known()
        && info.as_ref() == fields(expected)
        && !is_replaced(change)
}

/// Whether the slots that an account had before are gone.
const fn is_replaced(change: &TransitionAccount) -> bool {
    change.storage_was_destroyed || change.status.was_destroyed()
}

/// Looks closely at an account that the second lane has loaded and the first may have left
/// otherwise: what of it the second would have loaded otherwise.
fn meeting<DB: DatabaseRef>(
    first: &mut BlockState<'_, DB>,
    second: &Left,
    (address, loaded): (Address, &CacheAccount),
    beneficiary: Address,
) -> Result<Option<Location>, EvmDatabaseError<DB::Error>> {
    let is_changed =
        first.transition_state.as_ref().is_some_and(|it| it.transitions.contains_key(&address));
    let expected = second.expected.get(&address);
    let told = match expected {
        Some(expected) => fields(expected).cloned(),
        None => first.database.basic(address).map_err(EvmDatabaseError::Database)?,
    };
    let left = first.basic(address)?;
    let adds_up = || {
        let is_paid = address == beneficiary && is_changed && !second.looks_at_fees;
        is_paid && differ_in_balance_only(&told, &left) && is_merely_paid(second, &address)
    };
    if left != told && !adds_up() {
        return Ok(Some(Location::balance(address)));
    }
    let mut slots = slots_of(loaded);
    if loaded.status.was_destroyed() {
        // What it had loaded before is not there any more: it may have been any slot.
        let known = first.cache.accounts.get(&address);
        if expected.is_some_and(is_cleared)
            != known.is_some_and(|known| known.status.is_storage_known())
        {
            return Ok(Some(Location::balance(address)));
        }
        slots.extend(known.into_iter().flat_map(slots_of));
        slots.extend(expected.iter().flat_map(|expected| expected.storage.keys()));
    }
    for slot in slots {
        let told = match expected {
            Some(expected) if let Some(value) = expected.storage.get(&slot) => *value,
            Some(expected) if is_cleared(expected) => U256::ZERO,
            _ => first.database.storage(address, slot).map_err(EvmDatabaseError::Database)?,
        };
        if first.storage(address, slot)? != told {
            return Ok(Some(Location::slot(address, slot)));
        }
    }
    Ok(None)
}

/// The slots of a loaded account.
fn slots_of(account: &CacheAccount) -> Vec<U256> {
    account.account.iter().flat_map(|account| account.storage.keys().copied()).collect()
}

/// An account's fields, if it exists.
fn fields(account: &DbAccount) -> Option<&AccountInfo> {
    (!matches!(account.account_state, AccountState::NotExisting)).then_some(&account.info)
}

/// Whether slots that are not named are zero.
const fn is_cleared(account: &DbAccount) -> bool {
    matches!(account.account_state, AccountState::NotExisting | AccountState::StorageCleared)
}

/// Whether the second lane has changed nothing of an account but its balance, by a sum that
/// makes sense.
fn is_merely_paid(second: &Left, address: &Address) -> bool {
    let Some(change) = second.changes.transitions.get(address) else { return true };
    let TransitionAccount { info, previous_info, .. } = change;
    let balance = |info: &Option<AccountInfo>| info.as_ref().map_or(U256::ZERO, |it| it.balance);
    differ_in_balance_only(previous_info, info) && balance(info) >= balance(previous_info)
}

/// Whether two versions of an account differ in nothing but their balances, which make sense.
fn differ_in_balance_only(one: &Option<AccountInfo>, other: &Option<AccountInfo>) -> bool {
    let nothing = AccountInfo::default();
    let [one, other] = [one, other].map(|info| info.as_ref().unwrap_or(&nothing));
    let is_huge = |info: &AccountInfo| !(info.balance >> HUGE_BALANCE_SHIFT).is_zero();
    one.nonce == other.nonce && one.code_hash == other.code_hash && !is_huge(one) && !is_huge(other)
}

/// Adds what the second lane has changed of accounts that the first has changed too, and of
/// those that may be changed `after` all. They did not meet. What it has changed of others is
/// left to it.
pub(super) fn join<DB: DatabaseRef>(
    first: &mut BlockState<'_, DB>,
    second: &mut Left,
    beneficiary: Address,
    after: &[Address],
) {
    let Some(own) = &mut first.transition_state else { return };
    let others = &mut second.changes.transitions;
    let is_shared =
        |address: &&Address| own.transitions.contains_key(*address) || after.contains(address);
    let shared: Vec<_> = others.keys().filter(is_shared).copied().collect();
    for address in shared {
        let Some(change) = others.remove(&address) else { continue };
        let change = match own.transitions.entry(address) {
            Entry::Vacant(entry) => entry.insert(change),
            Entry::Occupied(entry) => {
                let own = entry.into_mut();
                add(own, change, address == beneficiary && !second.looks_at_fees);
                own
            }
        };
        // Whoever changes it finds it as it is now.
        if after.contains(&address)
            && let Some(cached) = second.cache.accounts.remove(&address)
        {
            show(&mut first.cache, address, change, cached);
        }
    }
}

/// Takes all that a lane has left, and that was [joined](join), into the state of the block,
/// for others to be executed or looked at on top of it.
pub(super) fn take_in<DB: DatabaseRef>(first: &mut BlockState<'_, DB>, second: Left) {
    let Left { cache, changes, .. } = second;
    let Some(own) = &mut first.transition_state else { return };
    own.transitions.extend(changes.transitions);
    first.cache.contracts.extend(cache.contracts);
    for (address, cached) in cache.accounts {
        if let Some(change) = own.transitions.get(&address)
            && !cached.status.is_not_modified()
        {
            show(&mut first.cache, address, change, cached);
        }
    }
}

/// Shows an account in the state of the block as a lane, which has it `cached`, has left it.
fn show(
    first: &mut CacheState,
    address: Address,
    TransitionAccount { info, status, .. }: &TransitionAccount,
    cached: CacheAccount,
) {
    let is_replaced = cached.status.was_destroyed();
    let before = first.accounts.remove(&address).filter(|_| !is_replaced);
    let slots = [before, Some(cached)].into_iter().flatten().filter_map(|it| it.account);
    let storage = slots.flat_map(|account| account.storage).collect();
    let account = info.clone().map(|info| PlainAccount { info, storage });
    first.accounts.insert(address, CacheAccount { account, status: *status });
}

/// Adds what the second lane has changed of an account, as revm's `State` would have.
fn add(first: &mut TransitionAccount, second: TransitionAccount, are_fees: bool) {
    let TransitionAccount { info, previous_info, status, storage, storage_was_destroyed, .. } =
        second;
    let before = first.info.take();
    let balance = |info: &Option<AccountInfo>| info.as_ref().map_or(U256::ZERO, |it| it.balance);
    let expected_too_little = balance(&before).wrapping_sub(balance(&previous_info));
    first.info = info.map(|mut info| {
        if are_fees {
            info.balance = info.balance.wrapping_add(expected_too_little);
        }
        if let Some(before) = before
            && info.code.is_none()
            && info.code_hash == before.code_hash
        {
            info.code = before.code;
        }
        info
    });
    let was_destroyed = first.status.was_destroyed();
    first.status.transition(status);
    if was_destroyed && first.status == AccountStatus::Destroyed {
        first.status = AccountStatus::DestroyedAgain;
    }
    if storage_was_destroyed {
        (first.storage, first.storage_was_destroyed) = (storage, true);
        return;
    }
    for (key, slot) in storage {
        match first.storage.entry(key) {
            Entry::Vacant(entry) => drop(entry.insert(slot)),
            Entry::Occupied(entry) if entry.get().original_value() == slot.present_value => {
                entry.remove();
            }
            Entry::Occupied(mut entry) => entry.get_mut().present_value = slot.present_value,
        }
    }
}
