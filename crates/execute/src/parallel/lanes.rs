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
//! If they met, if the state failed, or if the block has no room for a transaction that was
//! executed, there is no result, and the block is executed otherwise.

mod merge;

use super::{
    Known, ParallelExecutor, ParallelOutcome, ParallelStats, PreBlock,
    authority::{BlockState, EvmError},
    known::Recall,
    ledger::Ledger,
    looks::Look,
    phases,
    worker::{WorkerEvm, worker_evm},
};
use crate::{Block, BlockOutput, CancelToken, ExecuteError, InvalidReason, Reports};
use core::{
    ops::Range,
    sync::atomic::{AtomicBool, Ordering},
};
use foresee_access::TxIndex;
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
    sync::mpsc::{self, Receiver, Sender, TryRecvError},
    time::{Duration, Instant},
};

/// How long a thread stays awake for what the other lane still has to do.
const PATIENCE: Duration = Duration::from_micros(300);

/// How often it does nothing before it looks again.
const SPINS: u32 = 16;

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

/// What a lane leaves behind.
pub(super) struct Changes {
    cache: CacheState,
    bundle: BundleState,
}

/// What both lanes need.
#[derive(Clone, Copy)]
struct Common<'a> {
    block: &'a Block,
    /// Nothing is included yet.
    ledger: &'a Ledger,
    known: Option<&'a Known>,
    cancel: Option<&'a CancelToken>,
    any_tx: &'a TxEnv,
    /// Whether the block has to be executed otherwise.
    given_up: &'a AtomicBool,
}

impl Common<'_> {
    fn give_up(&self) {
        self.given_up.store(true, Ordering::Relaxed);
    }

    fn goes_on(&self) -> bool {
        !self.given_up.load(Ordering::Relaxed)
            && !self.cancel.is_some_and(CancelToken::is_cancelled)
    }
}

/// Lets the other lane give up if this one panics.
struct GiveUpOnPanic<'a>(Common<'a>);

impl Drop for GiveUpOnPanic<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.give_up();
        }
    }
}

impl ParallelExecutor {
    /// Executes a block on two threads: one executes the transactions before this position, the
    /// other the rest as if those were not there. Nothing if one half changes what the other
    /// loads, or if there are no two threads, or more is asked for than the output. `pre` must
    /// come from the same block and state.
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

/// Executes a block in two lanes, the second from this position on. Nothing if they meet.
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
    let start = Instant::now();
    let mut ledger = Ledger::new(block);
    let any_tx = TxEnv::default();
    let given_up = AtomicBool::new(false);
    let blank = Ledger::new(block);
    let (any_tx, given_up) = (&any_tx, &given_up);
    let common = Common { block, ledger: &blank, known, cancel, any_tx, given_up };
    let (attempts_sent, attempts) = mpsc::channel();
    let (changes_sent, changes) = mpsc::channel();
    let outcome = pool.in_place_scope(|scope| {
        scope.spawn(move |_| {
            second(common, db, middle, &attempts_sent, &changes_sent);
        });
        first(common, pre.state, middle, &mut ledger, &attempts, &changes)
    });
    if cancel.is_some_and(CancelToken::is_cancelled) {
        return Err(ExecuteError::Cancelled);
    }
    let Some((mut state, requests)) = outcome else { return Ok(None) };
    let Ledger { receipts, invalid, gas_used, blob_gas_used, .. } = ledger;
    let state = state.take_bundle();
    let output = BlockOutput { receipts, invalid, requests, gas_used, blob_gas_used, state };
    // Both threads were busy all the time, or nearly.
    let stats = ParallelStats {
        ahead: block.transactions.len().saturating_sub(middle),
        executing: 2 * start.elapsed(),
        ..ParallelStats::default()
    };
    let (observed, access_list, timeline) = (Vec::new(), None, Vec::new());
    Ok(Some(ParallelOutcome { output, stats, observed, access_list, timeline }))
}

/// The second lane, on a state that knows nothing of the block.
fn second<DB: DatabaseRef + Sync>(
    common: Common<'_>,
    db: &DB,
    middle: usize,
    attempts: &Sender<Vec<Attempt>>,
    changes: &Sender<Changes>,
) {
    let mut state = State::builder().with_database_ref(db).with_bundle_update().build();
    let txs = middle..common.block.transactions.len();
    let accounts = txs.len().saturating_mul(ACCOUNTS_PER_TRANSACTION);
    state.cache.accounts.reserve(accounts);
    if let Some(transitions) = &mut state.transition_state {
        transitions.transitions.reserve(accounts);
    }
    let Some((executed, mut state)) = run(common, state, txs) else { return };
    // Whoever does not wait for it any more has given up.
    if attempts.send(executed).is_ok() {
        state.merge_transitions(BundleRetention::Reverts);
        let bundle = state.take_bundle();
        let _ = changes.send(Changes { cache: state.cache, bundle });
    }
}

/// The first lane, on the state of the block, and all that comes after both.
fn first<'a, DB: DatabaseRef>(
    common: Common<'_>,
    state: BlockState<'a, DB>,
    middle: usize,
    ledger: &mut Ledger,
    attempts: &Receiver<Vec<Attempt>>,
    changes: &Receiver<Changes>,
) -> Option<(BlockState<'a, DB>, alloy_eips::eip7685::Requests)> {
    let (executed, mut state) = run(common, state, 0..middle)?;
    let mut executed = executed.into_iter().chain(receive(attempts)?);
    for (position, tx) in common.block.transactions.iter().enumerate() {
        let index = TxIndex::new(position);
        match (ledger.check(tx), executed.next()?) {
            (Ok(()), Attempt::Executed(result)) => ledger.include(tx, result),
            (Ok(()), Attempt::Invalid(reason)) => {
                ledger.refuse(index, InvalidReason::Transaction(reason));
            }
            (Err(reason), Attempt::Refused) => ledger.refuse(index, reason),
            _ => return None,
        }
    }
    let requests = phases::after_transactions(&mut state, common.block, &ledger.receipts).ok()?;
    let transitions = state.transition_state.as_ref().map_or(0, |it| it.transitions.len());
    state.bundle_state.state.reserve(transitions.saturating_mul(2));
    state.merge_transitions(BundleRetention::Reverts);
    let changes = receive(changes)?;
    let beneficiary = common.block.env.beneficiary;
    merge::into(&mut state.bundle_state, &state.cache, changes, beneficiary).then_some(())?;
    Some((state, requests))
}

/// Executes the transactions of a lane; nothing if that is of no use.
fn run<'a, DB: DatabaseRef>(
    common: Common<'_>,
    state: BlockState<'a, DB>,
    positions: Range<usize>,
) -> Option<(Vec<Attempt>, BlockState<'a, DB>)> {
    let Common { block, ledger, known, any_tx, .. } = common;
    let _give_up = GiveUpOnPanic(common);
    let mut evm = worker_evm(block, any_tx, state, known, false);
    let mut attempts = Vec::with_capacity(positions.len());
    for position in positions {
        let tx = block.transactions.get(position)?;
        if ledger.check(tx).is_err() {
            attempts.push(Attempt::Refused);
            continue;
        }
        let hashes = known.and_then(|known| known.hashes_of(TxIndex::new(position)));
        evm.ctx.chain.recall = Recall::new(hashes);
        match attempt(&mut evm, tx, block.env.beneficiary).filter(|_| common.goes_on()) {
            Some(attempt) => attempts.push(attempt),
            None => {
                common.give_up();
                return None;
            }
        }
    }
    Some((attempts, evm.ctx.journaled_state.database))
}

/// Executes one transaction of a lane and commits what it changes.
fn attempt<'a, DB: DatabaseRef>(
    evm: &mut WorkerEvm<'a, BlockState<'_, DB>>,
    tx: &'a TxEnv,
    beneficiary: Address,
) -> Option<Attempt> {
    // That it owns too little would be told with what it owns.
    if tx.caller == beneficiary {
        return None;
    }
    let executed: Result<_, EvmError<DB>> = evm.transact(tx);
    let looks = core::mem::take(&mut evm.ctx.chain.looks);
    match executed {
        Ok(ResultAndState { result, state }) => {
            // It does more to the beneficiary than pay it.
            if looks.at(&beneficiary) != Look::default() {
                return None;
            }
            evm.ctx.journaled_state.database.commit(state);
            Some(Attempt::Executed(result))
        }
        Err(EVMError::Transaction(reason)) => Some(Attempt::Invalid(reason)),
        Err(_) => None,
    }
}

/// What the other lane sends; nothing if it has given up.
fn receive<T>(from: &Receiver<T>) -> Option<T> {
    let start = Instant::now();
    loop {
        match from.try_recv() {
            Ok(it) => return Some(it),
            Err(TryRecvError::Disconnected) => return None,
            Err(TryRecvError::Empty) if start.elapsed() >= PATIENCE => return from.recv().ok(),
            Err(TryRecvError::Empty) => (0..SPINS).for_each(|_| core::hint::spin_loop()),
        }
    }
}
