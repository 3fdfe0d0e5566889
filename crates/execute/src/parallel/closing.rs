//! What is left of a block when its last turn is settled: what the protocol changes after
//! the transactions, the bundle of all changes, and the access list.
//!
//! The calling thread makes the bundle, which takes longest. The list is for a thread that has
//! nothing left to execute, and so are the reverts of the bundle, if there is another. Such a
//! thread stays awake for them for a while, since waking one takes as long as a good part of
//! what there is to do. Nothing depends on it: what nobody has begun when the rest is there is
//! made by the calling thread.

mod aside;

pub(super) use aside::Aside;

use super::{ParallelOutcome, authority::Authority, awake::receive, listing, phases};
use crate::{AccessList, Block, ExecuteError};
use aside::Job;
use core::time::Duration;
use rayon::Scope;
use revm::{
    DatabaseRef,
    database::{
        BundleAccount, BundleState, TransitionAccount, TransitionState,
        states::bundle_state::BundleRetention,
    },
    primitives::{Address, AddressMap},
    state::AccountInfo,
};
use std::{
    sync::{Arc, OnceLock, mpsc},
    time::Instant,
};

/// The changes of fewer accounts are put together by one thread.
const SHARED_MIN: usize = 64;

/// The list, once it is made.
pub(super) type Made = OnceLock<AccessList>;

/// The threads beside the calling one.
pub(super) struct Helpers<'h, 'scope, 'e> {
    pub(super) scope: &'h Scope<'scope>,
    pub(super) aside: &'scope Aside<'e>,
    pub(super) count: usize,
}

/// Makes the changes after the transactions and takes the output, but for the list, which is
/// in `made` when all threads are done.
pub(super) fn close<'e: 'scope, 'scope, DB: DatabaseRef>(
    block: &Block,
    authority: Authority<'_, DB>,
    made: &'e Made,
    helpers: Option<Helpers<'_, 'scope, 'e>>,
) -> Result<ParallelOutcome, ExecuteError<DB::Error>> {
    let _entered = tracing::debug_span!("commit").entered();
    let start = Instant::now();
    let Authority { mut state, ledger, stats, observed, notes, failure, .. } = authority;
    if let Some(failure) = failure {
        return Err(failure);
    }
    let notes = notes.map(|notes| (notes, listing::keep_commits(&mut state)));
    let requests = phases::after_transactions(&mut state, block, &ledger.receipts)?;
    let included = ledger.receipts.len();
    let list: Option<Job<'e>> = notes.map(|(notes, after)| -> Job<'e> {
        Box::new(move || {
            made.get_or_init(|| notes.into_list(&after, included));
        })
    });
    let changes = state.transition_state.take().unwrap_or_default();
    drop(state);
    let state = match helpers {
        Some(helpers) => bundle_beside([changes, TransitionState::default()], list, &helpers),
        None => {
            list.into_iter().for_each(|list| list());
            bundle(changes)
        }
    };
    metrics::histogram!("foresee_commit_seconds").record(start.elapsed());
    let outcome = ledger.outcome(requests, state, stats);
    Ok(ParallelOutcome { observed: observed.unwrap_or_default(), ..outcome })
}

/// The bundle of these changes, which are of different accounts, while another thread makes the
/// list; and another what reverts them, if they are many.
pub(super) fn bundle_beside<'e>(
    changes: [TransitionState; 2],
    list: Option<Job<'e>>,
    &Helpers { scope, aside, count }: &Helpers<'_, '_, 'e>,
) -> BundleState {
    let post = |jobs| (0..aside.post(jobs)).for_each(|_| scope.spawn(|_| aside.work_off()));
    let mut jobs = Vec::from_iter(list);
    let count_changed: usize = changes.iter().map(|it| it.transitions.len()).sum();
    let has_reverter = count > jobs.len() && count_changed >= SHARED_MIN;
    if !has_reverter {
        post(jobs);
        let [mut changes, others] = changes;
        changes.transitions.extend(others.transitions);
        let bundle = bundle(changes);
        aside.work_off();
        aside.wait();
        return bundle;
    }
    let changes = Arc::new(changes);
    let (sender, receiver) = mpsc::channel();
    let shared = Arc::clone(&changes);
    // What is waited for comes first. Nobody has gone away.
    jobs.insert(0, Box::new(move || drop(sender.send(reverts(&*shared)))));
    post(jobs);
    let accounts = accounts(&*changes);
    drop(changes);
    aside.work_off();
    // Nothing if a thread has panicked, which goes on from the scope.
    let reverts = receive(&receiver, Duration::MAX).unwrap_or_default();
    let bundle = with_accounts(reverts, accounts);
    aside.wait();
    bundle
}

/// What the changed accounts become, and some that do not change after all.
fn accounts(changes: &[TransitionState]) -> AddressMap<BundleAccount> {
    let mut accounts = AddressMap::default();
    accounts.reserve(changes.iter().map(|it| it.transitions.len()).sum());
    let changes = changes.iter().flat_map(|it| &it.transitions);
    accounts.extend(changes.map(|(address, change)| {
        let account = BundleAccount {
            info: change.info.as_ref().map(fields),
            original_info: change.previous_info.as_ref().map(fields),
            storage: change.storage.clone(),
            status: change.status,
        };
        (*address, account)
    }));
    accounts
}

/// The fields of an account. All accounts without code share one that is empty, and threads
/// that count its owners at the same time wait for each other: it is left out, as a database
/// would.
fn fields(info: &AccountInfo) -> AccountInfo {
    match info.is_empty_code_hash() {
        true => info.copy_without_code(),
        false => info.clone(),
    }
}

/// The bundle but for its accounts, and those that do not change after all.
fn reverts(changes: &[TransitionState]) -> (BundleState, Vec<Address>) {
    let (mut bundle, mut unchanged) = (BundleState::default(), Vec::new());
    let mut reverts = Vec::with_capacity(changes.iter().map(|it| it.transitions.len()).sum());
    for (address, change) in changes.iter().flat_map(|it| &it.transitions) {
        if let Some((hash, code)) = change.has_new_contract() {
            bundle.contracts.insert(hash, code.clone());
        }
        let change = TransitionAccount {
            info: change.info.as_ref().map(fields),
            previous_info: change.previous_info.as_ref().map(fields),
            storage: change.storage.clone(),
            ..*change
        };
        match change.create_revert() {
            Some(revert) => {
                bundle.reverts_size += revert.size_hint();
                reverts.push((*address, revert));
            }
            None => unchanged.push(*address),
        }
    }
    bundle.reverts.push(reverts);
    (bundle, unchanged)
}

/// Both parts of a bundle in one.
fn with_accounts(
    (mut bundle, unchanged): (BundleState, Vec<Address>),
    accounts: AddressMap<BundleAccount>,
) -> BundleState {
    bundle.state = accounts;
    for address in unchanged {
        bundle.state.remove(&address);
    }
    bundle.state_size = bundle.state.values().map(BundleAccount::size_hint).sum();
    bundle
}

/// The bundle of these changes, as revm's `State` makes it.
fn bundle(changes: TransitionState) -> BundleState {
    let mut bundle = BundleState::default();
    bundle.apply_transitions_and_create_reverts(changes, BundleRetention::Reverts);
    bundle
}

#[cfg(test)]
mod tests {
    use super::*;
    use rayon::ThreadPoolBuilder;
    use revm::{
        database::{AccountStatus, states::StorageSlot},
        primitives::U256,
        state::Bytecode,
    };

    /// So many accounts, paid, written to, deployed, destroyed, or merely looked at.
    fn changes(accounts: u64) -> TransitionState {
        let account = |number: u64| {
            let mut address = Address::ZERO;
            address[..8].copy_from_slice(&number.to_be_bytes());
            let before = AccountInfo::from_balance(U256::from(number));
            let after = AccountInfo { nonce: 1, ..before.clone() };
            let slot = |slot| (U256::from(slot), StorageSlot::new_changed(U256::ZERO, U256::ONE));
            let (mut info, mut storage) = (Some(after.clone()), Vec::new());
            let status = match number % 5 {
                0 => AccountStatus::Changed,
                1 => {
                    storage.extend((0..number % 7).map(slot));
                    AccountStatus::Changed
                }
                2 => {
                    let code = Bytecode::new_raw(number.to_be_bytes().to_vec().into());
                    info = Some(after.with_code(code));
                    AccountStatus::InMemoryChange
                }
                3 => {
                    info = None;
                    AccountStatus::Destroyed
                }
                _ => AccountStatus::Loaded,
            };
            let change = TransitionAccount {
                info,
                status,
                previous_info: Some(before),
                previous_status: AccountStatus::Loaded,
                storage: storage.into_iter().collect(),
                storage_was_destroyed: status == AccountStatus::Destroyed,
            };
            (address, change)
        };
        TransitionState { transitions: (0..accounts).map(account).collect() }
    }

    /// The same, by two executions.
    fn halves(accounts: u64) -> [TransitionState; 2] {
        let mut all: Vec<_> = changes(accounts).transitions.into_iter().collect();
        let others = all.split_off(all.len() / 3);
        [all, others].map(|it| TransitionState { transitions: it.into_iter().collect() })
    }

    #[test]
    fn a_bundle_made_beside_others_is_that_of_one_thread() {
        let pool = ThreadPoolBuilder::new().num_threads(2).build().unwrap();
        for accounts in [0, 1, SHARED_MIN as u64 - 1, SHARED_MIN as u64, 1_000] {
            let expected = bundle(changes(accounts));
            for (count, is_awake, lists) in
                [(1, false, false), (1, true, false), (1, true, true), (2, true, true)]
            {
                let listed = OnceLock::new();
                let aside = Aside::new(2);
                let made = pool.in_place_scope(|scope| {
                    (0..count).filter(|_| is_awake).for_each(|_| scope.spawn(|_| aside.help()));
                    let list: Job<'_> = Box::new(|| listed.set(()).unwrap());
                    let helpers = Helpers { scope, aside: &aside, count };
                    bundle_beside(halves(accounts), lists.then_some(list), &helpers)
                });
                assert_eq!(made, expected, "{accounts} accounts, {count} beside, {is_awake}");
                assert_eq!(listed.get().is_some(), lists);
            }
        }
    }

    #[test]
    #[should_panic = "a thread of its own"]
    fn a_thread_that_panics_is_not_taken_for_one_that_is_done() {
        let pool = ThreadPoolBuilder::new().num_threads(1).build().unwrap();
        let aside = Aside::new(2);
        pool.in_place_scope(|scope| {
            let list: Job<'_> = Box::new(|| panic!("a thread of its own"));
            let helpers = Helpers { scope, aside: &aside, count: 1 };
            bundle_beside(halves(1), Some(list), &helpers)
        });
    }
}
