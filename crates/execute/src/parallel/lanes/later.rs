//! Lanes behind the first: what is expected to be there when one begins, and what it does on top.

use super::{ACCOUNTS_PER_TRANSACTION, Attempt, Common, LaneEvm, LastLane};
use crate::parallel::{
    ledger::Ledger,
    looks::{Look, Looks},
};
use revm::{
    DatabaseCommit, DatabaseRef, ExecuteEvm,
    context::{
        TxEnv,
        result::{EVMError, ResultAndState},
    },
    database::{Cache, CacheDB, CacheState, DbAccount, State, TransitionState},
    primitives::{Address, AddressMap},
};

/// What a lane has done.
pub(super) struct Later {
    /// The position of its first transaction.
    pub(super) start: usize,
    /// One for each of its transactions.
    pub(super) attempts: Vec<Attempt>,
    pub(super) left: Left,
}

/// What a lane has met and changed.
pub(super) struct Left {
    /// What it was told to expect.
    pub(super) expected: AddressMap<DbAccount>,
    /// Whatever it has loaded, as it is now.
    pub(super) cache: CacheState,
    pub(super) changes: TransitionState,
    /// Whether what the beneficiary owns was of importance.
    pub(super) looks_at_fees: bool,
}

/// Executes a lane on top of what is expected. Nothing if the state fails, or if it is of no
/// use any more.
pub(super) fn execute<DB: DatabaseRef>(
    common: Common<'_>,
    db: &DB,
    lane: &LastLane,
    expected: AddressMap<DbAccount>,
) -> Option<Later> {
    let cache = Cache { accounts: expected, ..Cache::default() };
    let mut db = CacheDB { cache, db };
    let (attempts, state, looks_at_fees) = on_top(common, &db, lane)?;
    let (cache, changes) = state;
    let expected = core::mem::take(&mut db.cache.accounts);
    let left = Left { expected, cache, changes, looks_at_fees };
    Some(Later { start: lane.start(), attempts, left })
}

/// Executes a lane on a state that is as expected at its beginning. What it did, has met and
/// changed, and whether it looked at the fees.
fn on_top<DB: DatabaseRef>(
    common: Common<'_>,
    db: &DB,
    lane: &LastLane,
) -> Option<(Vec<Attempt>, (CacheState, TransitionState), bool)> {
    let Common { block, .. } = common;
    let mut state = State::builder().with_database_ref(db).with_bundle_update().build();
    let txs = block.transactions.get(lane.start()..).unwrap_or_default();
    let accounts = txs.len().saturating_mul(ACCOUNTS_PER_TRANSACTION);
    state.cache.accounts.reserve(accounts);
    if let Some(transitions) = &mut state.transition_state {
        transitions.transitions.reserve(accounts);
    }
    let blank = Ledger::new(block);
    let mut evm = common.evm(state);
    let mut attempts = Vec::with_capacity(txs.len());
    let mut looks_at_fees = false;
    for (tx, position) in txs.iter().zip(lane.start()..) {
        if !lane.goes_on(position) {
            break;
        }
        if lane.is_over() || common.is_cancelled() {
            return None;
        }
        evm.ctx.chain.recall = common.hashes_of(position);
        attempts.push(match blank.check(tx) {
            Ok(()) => attempt(&mut evm, tx)?,
            Err(_) => Attempt::Refused,
        });
        let looks = core::mem::take(&mut evm.ctx.chain.looks);
        looks_at_fees |= looks_at(&looks, tx, block.env.beneficiary);
    }
    let mut state = evm.ctx.journaled_state.database;
    let changes = state.transition_state.take().unwrap_or_default();
    Some((attempts, (core::mem::take(&mut state.cache), changes), looks_at_fees))
}

/// Executes a transaction and commits what it changes. Nothing if the state fails.
fn attempt<'a, DB: DatabaseRef>(evm: &mut LaneEvm<'a, '_, DB>, tx: &'a TxEnv) -> Option<Attempt> {
    match evm.transact(tx) {
        Ok(ResultAndState { result, state }) => {
            evm.ctx.journaled_state.database.commit(state);
            Some(Attempt::Executed(result))
        }
        Err(EVMError::Transaction(reason)) => Some(Attempt::Invalid(reason)),
        Err(_) => None,
    }
}

/// Whether a transaction does more to an account than pay it.
fn looks_at(looks: &Looks, tx: &TxEnv, account: Address) -> bool {
    // That it owns too little would be told with what it owns.
    tx.caller == account || looks.at(&account) != Look::default()
}
