//! Lanes behind the first: what is expected to be there when one begins, and what it does on top.

use super::{Attempt, Common, LastLane, attempt};
use crate::parallel::{
    ledger::Ledger,
    looks::{Look, Looks},
    phases,
};
use revm::{
    DatabaseRef,
    context::TxEnv,
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
    let db = CacheDB { cache, db };
    let mut later = on_top(common, &db, lane)?;
    later.left.expected = db.cache.accounts;
    Some(later)
}

/// Executes a lane on a state that is as expected at its beginning; all but what that is.
fn on_top<DB: DatabaseRef>(common: Common<'_>, db: &DB, lane: &LastLane) -> Option<Later> {
    let Common { block, .. } = common;
    let txs = block.transactions.get(lane.start()..).unwrap_or_default();
    let mut state = phases::state_over(db);
    phases::make_room(&mut state, txs.len());
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
    let State { cache, transition_state, .. } = evm.ctx.journaled_state.database;
    let (expected, changes) = (AddressMap::default(), transition_state.unwrap_or_default());
    let left = Left { expected, cache, changes, looks_at_fees };
    Some(Later { start: lane.start(), attempts, left })
}

/// Whether a transaction does more to an account than pay it.
fn looks_at(looks: &Looks, tx: &TxEnv, account: Address) -> bool {
    // That it owns too little would be told with what it owns.
    tx.caller == account || looks.at(&account) != Look::default()
}
