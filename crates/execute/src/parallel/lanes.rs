//! Lanes: one thread executes a block from its beginning, in order, while another foresees what
//! that leaves behind at some place, and executes the rest on top of it. Whoever is done with
//! its lane takes over part of what is left of the last one, in the same way.
//!
//! That is right if everything that a lane has loaded is what those before it have really left.
//! Whether that is so is found out when they are done ([`merge`]), by what they loaded and
//! changed; nobody who expected it is trusted. What comes about within a lane and is gone at its
//! end is no matter. Only the fees of the beneficiary add up, as long as a lane does not look
//! at that account. Nothing is handed over or validated by transaction, and transactions of
//! different lanes may depend on each other as they like, if only the values between them were
//! foreseen.
//!
//! If something else was left, or if a lane is not done for long, or if the block has no room
//! for a transaction that it executed, the first goes on in order from there: what was found
//! right by then is right in any case. There is no result if the state failed, which whoever
//! executes the block otherwise meets again.

mod last;
mod later;
mod merge;

use super::{
    Known, ParallelExecutor, ParallelOutcome, ParallelStats, PreBlock, Reason, Reexecution,
    authority::BlockState,
    awake::{AWAKE, receive},
    closing::{Aside, Helpers, bundle_beside},
    known::Recall,
    ledger::Ledger,
    looks::Looks,
    phases,
    worker::{WorkerEvm, worker_evm},
};
use crate::{Block, CancelToken, ExecuteError, InvalidReason, Reports};
use core::sync::atomic::{AtomicBool, Ordering};
use foresee_access::TxIndex;
pub use last::LastLane;
use later::{Later, Left};
use rayon::ThreadPool;
use revm::{
    DatabaseCommit, DatabaseRef, ExecuteEvm,
    context::{
        TxEnv,
        result::{EVMError, ExecutionResult, InvalidTransaction, ResultAndState},
    },
    database::DbAccount,
    primitives::{AddressMap, hardfork::SpecId},
};
use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{self, Receiver},
    },
    time::{Duration, Instant},
};

/// Most blocks end with so many.
const LANES: usize = 2;

/// A lane may take so much longer than all before it took, in percent of that, before it is not
/// waited for any more; and this in any case. It began earlier than whoever executes the same
/// again, so that something else must keep it.
const PATIENCE_PERCENT: u32 = 300;
const PATIENCE_MIN: Duration = match cfg!(test) {
    // However busy the machine is, tests see what becomes of it.
    true => Duration::from_secs(60),
    false => AWAKE,
};

/// Where a lane begins, and with what.
#[derive(Debug, Default)]
pub struct LaneStart {
    /// The position in the block of its first transaction.
    pub position: usize,
    /// What all transactions before it, and the system calls before these, are expected to
    /// leave: accounts that they change, with the slots that they change.
    pub expected: AddressMap<DbAccount>,
}

/// What foresees where lanes begin, and the last one of them. There are no more when there is
/// no foresight.
struct Lanes<F> {
    foresight: Option<F>,
    last: Arc<LastLane>,
}

/// What became of a transaction in its lane.
enum Attempt {
    Executed(ExecutionResult),
    /// It cannot be executed on the state that it met.
    Invalid(InvalidTransaction),
    /// No block would have a place for it.
    Refused,
}

/// A lane's revm.
type LaneEvm<'a, 'db, DB> = WorkerEvm<'a, BlockState<'db, DB>>;

/// What all lanes need.
#[derive(Clone, Copy)]
struct Common<'a> {
    block: &'a Block,
    known: Option<&'a Known>,
    cancel: Option<&'a CancelToken>,
    any_tx: &'a TxEnv,
}

impl<'a> Common<'a> {
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

/// Lets all lanes give up when the first thread is done, however that comes.
struct GiveUp(Arc<AtomicBool>);

impl Drop for GiveUp {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl ParallelExecutor {
    /// Executes a block on two threads: one executes in order, the other calls `foresee`, which
    /// says where the lane of the first had better end and what that leaves, and executes the
    /// rest as if that were so; it is executed once more if it turns out that it was not.
    /// Whoever is done with its lane calls `foresee` for the next, until that yields nothing.
    /// Nothing if there are no two threads, or more is asked for than the output.
    ///
    /// # Errors
    ///
    /// If it is cancelled. A state that cannot be read yields nothing.
    ///
    /// # Panics
    ///
    /// If the state or `foresee` panics.
    pub fn execute_in_lanes<DB, F>(
        &self,
        block: &Block,
        db: &DB,
        foresee: F,
    ) -> Result<Option<ParallelOutcome>, ExecuteError<DB::Error>>
    where
        DB: DatabaseRef + Sync,
        F: FnMut(&LastLane) -> Option<LaneStart> + Send,
    {
        let has_reports = self.reports != Reports::default();
        match &self.helpers {
            // A thread of the pool would wait for itself.
            Some(pool) if !has_reports && pool.current_thread_index().is_none() => {
                let (known, cancel) = (self.known.as_deref(), self.cancel.as_ref());
                execute(pool, (known, cancel), (block, db), usize::MAX, foresee)
            }
            _ => Ok(None),
        }
    }
}

/// Executes a block in lanes, the first of which ends here or earlier.
///
/// # Errors
///
/// If it is cancelled. Whatever else goes wrong is for the other execution to find.
pub(super) fn execute<DB: DatabaseRef + Sync>(
    pool: &ThreadPool,
    (known, cancel): (Option<&Known>, Option<&CancelToken>),
    (block, db): (&Block, &DB),
    end: usize,
    foresee: impl FnMut(&LastLane) -> Option<LaneStart> + Send,
) -> Result<Option<ParallelOutcome>, ExecuteError<DB::Error>> {
    // Before EIP-161 what calls cost depends on who exists, which nobody notes.
    if !block.cfg.spec.is_enabled_in(SpecId::SPURIOUS_DRAGON) {
        return Ok(None);
    }
    let any_tx = TxEnv::default();
    let common = Common { block, known, cancel, any_tx: &any_tx };
    let first = Arc::new(LastLane::first(end));
    let lanes = Mutex::new(Lanes { foresight: Some(foresee), last: first.clone() });
    let next = || next(&lanes);
    let aside = Aside::new(1);
    let (sender, done) = mpsc::channel();
    let outcome = pool.in_place_scope(|scope| {
        scope.spawn(|_| {
            let sender = sender;
            while let Some((lane, expected)) = next() {
                let later = later::execute(common, db, &lane, expected);
                // Whoever does not wait for it any more has given up.
                if sender.send((lane.number(), later)).is_err() {
                    return;
                }
            }
            aside.help();
        });
        let helpers = Helpers { scope, aside: &aside, count: 1 };
        all(common, db, &first, next, &done, helpers)
    });
    if cancel.is_some_and(CancelToken::is_cancelled) {
        return Err(ExecuteError::Cancelled);
    }
    Ok(outcome)
}

/// The next lane, and what is expected where it begins.
fn next(
    lanes: &Mutex<Lanes<impl FnMut(&LastLane) -> Option<LaneStart>>>,
) -> Option<(Arc<LastLane>, AddressMap<DbAccount>)> {
    let mut lanes = lanes.lock().unwrap_or_else(PoisonError::into_inner);
    // Whoever panics here leaves none.
    let mut foresee = lanes.foresight.take()?;
    while let Some(LaneStart { position, expected }) = foresee(&lanes.last) {
        if let Some(lane) = lanes.last.followed_from(position) {
            lanes.last = Arc::new(lane);
            lanes.foresight = Some(foresee);
            return Some((lanes.last.clone(), expected));
        }
        if lanes.last.is_over() {
            break;
        }
    }
    None
}

/// The first lane, and those that the calling thread executes beside it; and all that comes
/// after them.
fn all<'e: 'scope, 'scope, DB: DatabaseRef>(
    common: Common<'_>,
    db: &DB,
    first: &LastLane,
    mut next: impl FnMut() -> Option<(Arc<LastLane>, AddressMap<DbAccount>)>,
    done: &Receiver<(usize, Option<Later>)>,
    helpers: Helpers<'_, 'scope, 'e>,
) -> Option<ParallelOutcome> {
    let Common { block, .. } = common;
    // Whatever becomes of this one, others do not go on for nothing.
    let give_up = GiveUp(first.over());
    let mut ledger = Ledger::new(block);
    let PreBlock { mut state, .. } = PreBlock::run(block, db).ok()?;
    let n = block.transactions.len();
    phases::make_room(&mut state, n.div_ceil(LANES));
    let mut evm = common.evm(state);
    let mut stats = ParallelStats::default();
    let start = Instant::now();
    let mut position = 0;
    while position < n && first.goes_on(position) {
        execute_one(common, &mut evm, position, &mut ledger)?;
        position += 1;
    }
    let mut later = BTreeMap::new();
    while let Some((lane, expected)) = next() {
        later.insert(lane.number(), later::execute(common, db, &lane, expected));
    }
    let mut reason = None;
    let mut last = None::<Left>;
    for number in 1.. {
        if position == n {
            break;
        }
        let patience = (start.elapsed() * PATIENCE_PERCENT / 100).max(PATIENCE_MIN);
        while !later.contains_key(&number) {
            let Some((number, lane)) = receive(done, patience) else { break };
            later.insert(number, lane);
        }
        let lane = later.remove(&number).flatten();
        // Lanes follow each other without a gap.
        let Some(lane) = lane.filter(|lane| lane.start == position) else { break };
        let state = &mut evm.ctx.journaled_state.database;
        last.take().into_iter().for_each(|last| merge::take_in(state, last));
        match usable((block, &block.transactions[position..]), state, &ledger, lane) {
            Ok((attempts, left)) => {
                let before = ledger.gas_used;
                stats.ahead += attempts.len();
                for attempt in attempts {
                    let (index, tx) = (TxIndex::new(position), &block.transactions[position]);
                    attempt.settle(&mut ledger, index, tx);
                    position += 1;
                }
                stats.ahead_gas += ledger.gas_used - before;
                last = Some(left);
            }
            Err(why) => {
                reason = Some(why);
                break;
            }
        }
    }
    if position < n {
        drop(give_up);
        let state = &mut evm.ctx.journaled_state.database;
        last.take().into_iter().for_each(|last| merge::take_in(state, last));
    }
    for position in position..n {
        let (index, before) = (TxIndex::new(position), ledger.gas_used);
        execute_one(common, &mut evm, position, &mut ledger)?;
        let gas = ledger.gas_used - before;
        // A lane that was not done has no results that were in vain.
        let again = reason.filter(|_| gas > 0);
        stats.reexecuted.extend(again.map(|reason| Reexecution { index, reason, gas }));
    }
    let mut state = evm.ctx.journaled_state.database;
    let requests = phases::after_transactions(&mut state, block, &ledger.receipts).ok()?;
    let own = state.transition_state.take().unwrap_or_default();
    let changes = last.map(|last| last.changes).unwrap_or_default();
    let state = bundle_beside([own, changes], None, &helpers);
    Some(ledger.outcome(requests, state, stats))
}

/// Executes the next transaction. Nothing if it is cancelled or the state fails.
fn execute_one<'a, DB: DatabaseRef>(
    common: Common<'a>,
    evm: &mut LaneEvm<'a, '_, DB>,
    position: usize,
    ledger: &mut Ledger,
) -> Option<()> {
    if common.is_cancelled() {
        return None;
    }
    let (index, tx) = (TxIndex::new(position), &common.block.transactions[position]);
    if let Err(reason) = ledger.check(tx) {
        ledger.refuse(index, reason);
        return Some(());
    }
    evm.ctx.chain.recall = common.hashes_of(position);
    let attempt = attempt(evm, tx)?;
    evm.ctx.chain.looks = Looks::default();
    attempt.settle(ledger, index, tx);
    Some(())
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

/// What a lane has done and left, if all that it loaded is what those before it have left, and
/// the block has room for it, from these transactions on; else the reason why not. What is
/// changed more than once is put together.
fn usable<DB: DatabaseRef>(
    (block, txs): (&Block, &[TxEnv]),
    state: &mut BlockState<'_, DB>,
    ledger: &Ledger,
    lane: Later,
) -> Result<(Vec<Attempt>, Left), Reason> {
    let Later { attempts, mut left, .. } = lane;
    let conflict = merge::conflict(state, &left, block.env.beneficiary);
    // A state that cannot be read is found so by whoever goes on.
    if let Some(location) = conflict.map_err(|_| Reason::Undecided)? {
        return Err(Reason::Conflict(location));
    }
    let mut books = Ledger::sums_of(ledger);
    for (tx, attempt) in txs.iter().zip(&attempts) {
        match (books.check(tx), attempt) {
            (Ok(()), Attempt::Executed(result)) => books.count(tx, result),
            (Ok(()), Attempt::Invalid(_)) | (Err(_), Attempt::Refused) => {}
            _ => return Err(Reason::Undecided),
        }
    }
    let after = phases::accounts_after(block).map_err(|_| Reason::Undecided)?;
    merge::join(state, &mut left, block.env.beneficiary, &after);
    Ok((attempts, left))
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
