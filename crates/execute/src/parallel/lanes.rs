//! Two lanes: two threads execute the halves of a block, each in block order on a state of its
//! own, the second as if the first were not there.
//!
//! That is right if they keep apart: nothing that the second has loaded is left by the first
//! with another value. Whether that is so is found out when both are done ([`merge`]), by what
//! they really loaded and changed; nobody who expected it is trusted. What the first changes
//! and changes back is no matter, since all of it comes before all of the second. Only the
//! fees of the beneficiary add up, as long as nobody looks at that account. Nothing is handed
//! over or validated by transaction, which costs more than a small one takes to execute.
//!
//! If they met, or if the second is not done for long, or if the block has no room for a
//! transaction that it executed, the first goes on in order from the middle: what it has done
//! by then is right in any case. There is no result if the state failed, which whoever executes
//! the block otherwise meets again.

mod merge;

use super::{
    Known, ParallelExecutor, ParallelOutcome, ParallelStats, PreBlock, Reason, Reexecution,
    authority::BlockState,
    awake::{AWAKE, receive},
    known::Recall,
    ledger::Ledger,
    looks::{Look, Looks},
    phases,
    worker::{WorkerEvm, worker_evm},
};
use crate::{Block, BlockOutput, CancelToken, ExecuteError, InvalidReason, Reports};
use alloy_eips::eip7685::Requests;
use core::{
    ops::Range,
    sync::atomic::{AtomicBool, Ordering},
};
use foresee_access::{Location, TxIndex};
use rayon::ThreadPool;
use revm::{
    DatabaseCommit, DatabaseRef, ExecuteEvm,
    context::{
        TxEnv,
        result::{EVMError, ExecutionResult, InvalidTransaction, ResultAndState},
    },
    database::{BundleState, CacheState, State, states::bundle_state::BundleRetention},
    primitives::{Address, hardfork::SpecId},
};
use std::{
    sync::mpsc::{self, Receiver, Sender},
    time::{Duration, Instant},
};

/// The second lane may take so much longer than the first, in percent of what that took,
/// before it is not waited for any more; and this in any case.
const PATIENCE_PERCENT: u32 = 50;
const PATIENCE_MIN: Duration = match cfg!(test) {
    // However busy the machine is, tests see what becomes of it.
    true => Duration::from_secs(60),
    false => AWAKE,
};

/// Room for so many accounts is made in advance for each transaction.
const ACCOUNTS_PER_TRANSACTION: usize = 2;

/// What became of a transaction in its lane.
enum Attempt {
    Executed(ExecutionResult),
    /// It cannot be executed on the state that it met.
    Invalid(InvalidTransaction),
    /// No block would have a place for it.
    Refused,
}

/// What the second lane has done, but for its changes.
struct Second {
    attempts: Vec<Attempt>,
    /// Whatever it has loaded.
    cache: CacheState,
}

/// A lane's revm.
type LaneEvm<'a, 'db, DB> = WorkerEvm<'a, BlockState<'db, DB>>;

/// What both lanes need.
#[derive(Clone, Copy)]
struct Common<'a> {
    block: &'a Block,
    known: Option<&'a Known>,
    cancel: Option<&'a CancelToken>,
    any_tx: &'a TxEnv,
    /// Whether what the second lane does is of no use.
    given_up: &'a AtomicBool,
}

impl<'a> Common<'a> {
    fn give_up(&self) {
        self.given_up.store(true, Ordering::Relaxed);
    }

    fn is_cancelled(&self) -> bool {
        self.cancel.is_some_and(CancelToken::is_cancelled)
    }

    fn evm<'db, DB: DatabaseRef>(&self, state: BlockState<'db, DB>) -> LaneEvm<'a, 'db, DB> {
        worker_evm(self.block, self.any_tx, state, self.known, false)
    }

    fn hashes_of(&self, position: usize) -> Recall<'a> {
        let known = self.known.and_then(|known| known.hashes_of(TxIndex::new(position)));
        Recall::new(known)
    }
}

/// Lets the other lane give up when this one is done, however that comes.
struct GiveUp<'a>(Common<'a>);

impl Drop for GiveUp<'_> {
    fn drop(&mut self) {
        self.0.give_up();
    }
}

impl ParallelExecutor {
    /// Executes a block on two threads: one executes the transactions before this position, the
    /// other the rest as if those were not there, which are executed once more if it turns out
    /// that they were. Nothing if there are no two threads, or more is asked for than the
    /// output. `pre` must come from the same block and state.
    ///
    /// # Errors
    ///
    /// If it is cancelled. A state that cannot be read yields nothing.
    ///
    /// # Panics
    ///
    /// If the state panics.
    pub fn execute_in_lanes<DB>(
        &self,
        pre: PreBlock<'_, DB>,
        block: &Block,
        db: &DB,
        middle: usize,
    ) -> Result<Option<ParallelOutcome>, ExecuteError<DB::Error>>
    where
        DB: DatabaseRef + Sync,
    {
        let has_reports = self.reports != Reports::default();
        match &self.helpers {
            // A thread of the pool would wait for itself.
            Some(pool) if !has_reports && pool.current_thread_index().is_none() => {
                let known = self.known.as_deref();
                execute(pool, (known, self.cancel.as_ref()), pre, (block, db), middle)
            }
            _ => Ok(None),
        }
    }
}

/// Executes a block in two lanes, the second from this position on.
///
/// # Errors
///
/// If it is cancelled. Whatever else goes wrong is for the other execution to find.
pub(super) fn execute<'a, DB: DatabaseRef + Sync>(
    pool: &ThreadPool,
    (known, cancel): (Option<&Known>, Option<&CancelToken>),
    pre: PreBlock<'a, DB>,
    (block, db): (&Block, &'a DB),
    middle: usize,
) -> Result<Option<ParallelOutcome>, ExecuteError<DB::Error>> {
    // Before EIP-161 what calls cost depends on who exists, which nobody notes.
    if !block.cfg.spec.is_enabled_in(SpecId::SPURIOUS_DRAGON) {
        return Ok(None);
    }
    let mut ledger = Ledger::new(block);
    let any_tx = TxEnv::default();
    let given_up = AtomicBool::new(false);
    let common = Common { block, known, cancel, any_tx: &any_tx, given_up: &given_up };
    let (done_sent, done) = mpsc::channel();
    let (changes_sent, changes) = mpsc::channel();
    let outcome = pool.in_place_scope(|scope| {
        scope.spawn(move |_| {
            second(common, db, middle, &done_sent, &changes_sent);
        });
        first(common, pre.state, middle, &mut ledger, &done, &changes)
    });
    if cancel.is_some_and(CancelToken::is_cancelled) {
        return Err(ExecuteError::Cancelled);
    }
    let Some((mut state, requests, stats)) = outcome else { return Ok(None) };
    let Ledger { receipts, invalid, gas_used, blob_gas_used, .. } = ledger;
    let state = state.take_bundle();
    let output = BlockOutput { receipts, invalid, requests, gas_used, blob_gas_used, state };
    let (observed, access_list, timeline) = (Vec::new(), None, Vec::new());
    Ok(Some(ParallelOutcome { output, stats, observed, access_list, timeline }))
}

/// The second lane, on a state that knows nothing of the block.
fn second<DB: DatabaseRef + Sync>(
    common: Common<'_>,
    db: &DB,
    middle: usize,
    done: &Sender<Second>,
    changes: &Sender<BundleState>,
) {
    let Common { block, .. } = common;
    let mut state = State::builder().with_database_ref(db).with_bundle_update().build();
    let txs = block.transactions.get(middle..).unwrap_or_default();
    let accounts = txs.len().saturating_mul(ACCOUNTS_PER_TRANSACTION);
    state.cache.accounts.reserve(accounts);
    if let Some(transitions) = &mut state.transition_state {
        transitions.transitions.reserve(accounts);
    }
    let blank = Ledger::new(block);
    let mut evm = common.evm(state);
    let mut attempts = Vec::with_capacity(txs.len());
    for (tx, position) in txs.iter().zip(middle..) {
        evm.ctx.chain.recall = common.hashes_of(position);
        let attempt = match blank.check(tx) {
            Ok(()) => attempt_aside(&mut evm, tx, block.env.beneficiary),
            Err(_) => Some(Attempt::Refused),
        };
        match attempt.filter(|_| !common.given_up.load(Ordering::Relaxed)) {
            Some(attempt) => attempts.push(attempt),
            None => return,
        }
    }
    let mut state = evm.ctx.journaled_state.database;
    let cache = core::mem::take(&mut state.cache);
    // Whoever does not wait for it any more has given up.
    if done.send(Second { attempts, cache }).is_ok() {
        state.merge_transitions(BundleRetention::Reverts);
        let _ = changes.send(state.take_bundle());
    }
}

/// Executes a transaction of the second lane and commits what it changes. Nothing if it fails,
/// or if it does more to the beneficiary than pay it.
fn attempt_aside<'a, DB: DatabaseRef>(
    evm: &mut LaneEvm<'a, '_, DB>,
    tx: &'a TxEnv,
    beneficiary: Address,
) -> Option<Attempt> {
    // That it owns too little would be told with what it owns.
    if tx.caller == beneficiary {
        return None;
    }
    let executed = evm.transact(tx);
    let looks = core::mem::take(&mut evm.ctx.chain.looks);
    match executed {
        Ok(_) if looks.at(&beneficiary) != Look::default() => None,
        Ok(ResultAndState { result, state }) => {
            evm.ctx.journaled_state.database.commit(state);
            Some(Attempt::Executed(result))
        }
        Err(EVMError::Transaction(reason)) => Some(Attempt::Invalid(reason)),
        Err(_) => None,
    }
}

/// The first lane, on the state of the block, and all that comes after both.
fn first<'db, DB: DatabaseRef>(
    common: Common<'_>,
    state: BlockState<'db, DB>,
    middle: usize,
    ledger: &mut Ledger,
    done: &Receiver<Second>,
    changes: &Receiver<BundleState>,
) -> Option<(BlockState<'db, DB>, Requests, ParallelStats)> {
    let Common { block, .. } = common;
    // Whatever becomes of this lane, the other does not go on for nothing.
    let _give_up = GiveUp(common);
    let mut evm = common.evm(state);
    let n = block.transactions.len();
    let middle = middle.min(n);
    let mut stats = ParallelStats::default();
    let start = Instant::now();
    in_order(common, &mut evm, 0..middle, ledger, |_, _| {})?;
    let patience = (start.elapsed() * PATIENCE_PERCENT / 100).max(PATIENCE_MIN);
    let attempts = match receive(done, patience) {
        Some(second) => {
            usable(block, &evm.ctx.journaled_state.database, ledger, second).map_err(Some)
        }
        None => Err(None),
    };
    let is_apart = attempts.is_ok();
    match attempts {
        Ok(attempts) => {
            stats.ahead = attempts.len();
            for (position, attempt) in (middle..).zip(attempts) {
                let tx = &block.transactions[position];
                attempt.settle(ledger, TxIndex::new(position), tx);
            }
        }
        Err(reason) => {
            common.give_up();
            in_order(common, &mut evm, middle..n, ledger, |index, gas| {
                // A lane that was not done has no results that were in vain.
                let again = reason.map(|reason| Reexecution { index, reason, gas });
                stats.reexecuted.extend(again);
            })?;
        }
    }
    let mut state = evm.ctx.journaled_state.database;
    let requests = phases::after_transactions(&mut state, block, &ledger.receipts).ok()?;
    let transitions = state.transition_state.as_ref().map_or(0, |it| it.transitions.len());
    state.bundle_state.state.reserve(transitions.saturating_mul(2));
    state.merge_transitions(BundleRetention::Reverts);
    if is_apart {
        let changes = receive(changes, Duration::MAX)?;
        merge::into(&mut state.bundle_state, changes, block.env.beneficiary).then_some(())?;
    }
    Some((state, requests, stats))
}

/// Executes transactions in order, as they are right by definition; `included` is called with
/// the gas of each that is. Nothing if it is cancelled or the state fails.
fn in_order<'a, DB: DatabaseRef>(
    common: Common<'a>,
    evm: &mut LaneEvm<'a, '_, DB>,
    positions: Range<usize>,
    ledger: &mut Ledger,
    mut included: impl FnMut(TxIndex, u64),
) -> Option<()> {
    for position in positions {
        if common.is_cancelled() {
            return None;
        }
        let (index, tx) = (TxIndex::new(position), &common.block.transactions[position]);
        if let Err(reason) = ledger.check(tx) {
            ledger.refuse(index, reason);
            continue;
        }
        evm.ctx.chain.recall = common.hashes_of(position);
        let executed = evm.transact(tx);
        evm.ctx.chain.looks = Looks::default();
        let attempt = match executed {
            Ok(ResultAndState { result, state }) => {
                evm.ctx.journaled_state.database.commit(state);
                included(index, result.tx_gas_used());
                Attempt::Executed(result)
            }
            Err(EVMError::Transaction(reason)) => Attempt::Invalid(reason),
            Err(_) => return None,
        };
        attempt.settle(ledger, index, tx);
    }
    Some(())
}

/// What the second lane has done, if it did not meet what the first has done, and the block has
/// room for it; else the reason why not.
fn usable<DB: DatabaseRef>(
    block: &Block,
    state: &BlockState<'_, DB>,
    ledger: &Ledger,
    second: Second,
) -> Result<Vec<Attempt>, Reason> {
    let Second { attempts, cache } = second;
    let beneficiary = block.env.beneficiary;
    let conflict = state.transition_state.as_ref().and_then(|transitions| {
        let mut after = phases::accounts_after(block).map(|accounts| accounts.into_iter()).ok()?;
        merge::conflict(transitions, &cache, beneficiary).or_else(|| {
            let met = after.find(|it| *it != beneficiary && cache.accounts.contains_key(it));
            met.map(Location::balance)
        })
    });
    if let Some(location) = conflict {
        return Err(Reason::Conflict(location));
    }
    let mut books = Ledger::sums_of(ledger);
    let txs = block.transactions.iter().rev().take(attempts.len()).rev();
    for (tx, attempt) in txs.zip(&attempts) {
        match (books.check(tx), attempt) {
            (Ok(()), Attempt::Executed(result)) => books.count(tx, result),
            (Ok(()), Attempt::Invalid(_)) | (Err(_), Attempt::Refused) => {}
            _ => return Err(Reason::Undecided),
        }
    }
    Ok(attempts)
}

impl Attempt {
    /// Enters what became of a transaction.
    fn settle(self, ledger: &mut Ledger, index: TxIndex, tx: &TxEnv) {
        match (ledger.check(tx), self) {
            (Err(reason), _) => ledger.refuse(index, reason),
            (Ok(()), Self::Executed(result)) => ledger.include(tx, result),
            (Ok(()), Self::Invalid(reason)) => {
                ledger.refuse(index, InvalidReason::Transaction(reason));
            }
            (Ok(()), Self::Refused) => {}
        }
    }
}
