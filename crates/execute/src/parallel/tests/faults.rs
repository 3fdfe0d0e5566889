//! A state that fails or panics: a typed error, the right result or the panic,
//! and never a hang.

use super::{
    super::lanes,
    lab::{Lab, contract, in_lanes, interleave, user},
};
use crate::{
    CancelToken, ExecuteError, LaneStart, ParallelConfig, ParallelExecutor, Policy,
    execute_in_order,
};
use core::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};
use foresee_access::{Location, TxIndex};
use foresee_schedule::Schedule;
use revm::{
    DatabaseRef,
    bytecode::opcode::*,
    database::{CacheDB, EmptyDB},
    database_interface::DBErrorMarker,
    primitives::{Address, B256, StorageKey, StorageValue, U256, hardfork::SpecId},
    state::{AccountInfo, Bytecode},
};
use std::sync::mpsc;

/// What happens at a read that fails.
#[derive(Clone, Debug)]
enum Fault {
    /// This read fails.
    Once,
    /// This one and all after it.
    FromThenOn,
    /// It panics.
    Panic,
    /// It succeeds, and the block is cancelled meanwhile.
    Cancel(CancelToken),
}

/// A state whose n-th read fails.
struct Faulty<'a> {
    db: &'a CacheDB<EmptyDB>,
    reads: AtomicU64,
    failing: u64,
    fault: Fault,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("read {0} failed")]
pub(super) struct ReadFailed(pub(super) u64);

impl DBErrorMarker for ReadFailed {}

impl Faulty<'_> {
    fn read(&self) -> Result<(), ReadFailed> {
        let read = self.reads.fetch_add(1, Ordering::Relaxed);
        match &self.fault {
            Fault::Once if read == self.failing => Err(ReadFailed(read)),
            Fault::FromThenOn if read >= self.failing => Err(ReadFailed(read)),
            Fault::Panic if read == self.failing => panic!("read {read} panicked"),
            Fault::Cancel(token) if read == self.failing => {
                token.cancel();
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

/// The database below cannot fail.
pub(super) fn sure<T>(result: Result<T, core::convert::Infallible>) -> T {
    match result {
        Ok(value) => value,
        Err(never) => match never {},
    }
}

impl DatabaseRef for Faulty<'_> {
    type Error = ReadFailed;

    fn basic_ref(&self, address: Address) -> Result<Option<AccountInfo>, ReadFailed> {
        self.read()?;
        // Code apart, so that reading it can fail too.
        let info = sure(self.db.basic_ref(address));
        Ok(info.map(|info| AccountInfo { code: None, ..info }))
    }

    fn code_by_hash_ref(&self, code_hash: B256) -> Result<Bytecode, ReadFailed> {
        self.read()?;
        Ok(sure(self.db.code_by_hash_ref(code_hash)))
    }

    fn storage_ref(&self, address: Address, slot: StorageKey) -> Result<StorageValue, ReadFailed> {
        self.read()?;
        Ok(sure(self.db.storage_ref(address, slot)))
    }

    fn block_hash_ref(&self, number: u64) -> Result<B256, ReadFailed> {
        self.read()?;
        Ok(sure(self.db.block_hash_ref(number)))
    }
}

/// A block with reads of every kind.
fn lab() -> Lab {
    let mut lab = Lab::new(SpecId::PRAGUE);
    let count =
        vec![PUSH0, SLOAD, PUSH1, 1, ADD, PUSH0, SSTORE, PUSH1, 19, BLOCKHASH, CALLER, SSTORE];
    lab.deploy(contract(1), 0, count).stores(contract(1), 0, 3);
    for number in 1..5 {
        lab.send(user(number), contract(1), 0);
        lab.send(user(number), user(number + 1), 3);
    }
    lab
}

/// By which who counts may be started while who counts before it is executed.
fn early(n: usize) -> Schedule {
    let slot = Location::slot(contract(1), U256::ZERO);
    let edges = (2..n).step_by(2).map(|to| (TxIndex::new(to - 2), TxIndex::new(to)));
    let reasons = edges.clone().map(|(from, to)| (from, to, slot));
    Schedule::from_edges(n, edges, &vec![1; n]).starting_early(reasons)
}

/// Runs `work` on a thread of its own and fails if it takes too long.
pub(super) fn within_a_minute<T: Send>(work: impl FnOnce() -> T + Send) -> std::thread::Result<T> {
    std::thread::scope(|scope| {
        let (done, wait) = mpsc::channel();
        let worker = scope.spawn(move || {
            let result = std::panic::catch_unwind(core::panic::AssertUnwindSafe(work));
            let _ = done.send(());
            result
        });
        if wait.recv_timeout(Duration::from_secs(60)).is_err() {
            // The scope would wait for the thread that hangs.
            eprintln_and_abort();
        }
        worker.join().and_then(|result| result)
    })
}

/// A test that hangs cannot be failed in any other way.
fn eprintln_and_abort() -> ! {
    std::io::Write::write_all(&mut std::io::stderr(), b"the execution hangs\n").ok();
    std::process::abort()
}

#[test]
fn any_read_may_fail() {
    let lab = lab();
    let expected = execute_in_order(&lab.block, &lab.db).unwrap();
    let n = lab.block.transactions.len();
    let executors = [(1, Policy::Dataflow), (2, Policy::Dataflow), (3, Policy::Layers)]
        .map(|(threads, policy)| ParallelConfig { threads, policy })
        .map(|config| ParallelExecutor::new(config).unwrap());
    let schedules = || [Schedule::independent(n), Schedule::sequential(n), early(n)];
    let reads = |executor: &ParallelExecutor, schedule| {
        let (reads, fault) = (AtomicU64::new(0), Fault::Once);
        let db = Faulty { db: &lab.db, reads, failing: u64::MAX, fault };
        assert_eq!(executor.execute(&lab.block, &db, &schedule).unwrap().output, expected);
        db.reads.into_inner()
    };
    let each = executors.iter().flat_map(|it| schedules().map(|schedule| reads(it, schedule)));
    // Where threads read side by side there may be a few more.
    let most = each.max().unwrap() + 10;
    let mut failed = 0;
    for (fault, failing) in [Fault::Once, Fault::FromThenOn]
        .into_iter()
        .flat_map(|f| (0..most).map(move |n| (f.clone(), n)))
    {
        let faulty =
            || Faulty { db: &lab.db, reads: AtomicU64::new(0), failing, fault: fault.clone() };
        for schedule in schedules() {
            for executor in &executors {
                let run = || executor.execute(&lab.block, &faulty(), &schedule);
                match within_a_minute(run).expect("no panic") {
                    Ok(outcome) => assert_eq!(outcome.output, expected, "{fault:?} {failing}"),
                    Err(ExecuteError::Database(ReadFailed(read))) => {
                        assert!(read >= failing);
                        failed += 1;
                    }
                    Err(error) => panic!("{error}"),
                }
            }
        }
        for seed in 0..10 {
            match interleave(&lab.block, &faulty(), lab.plan(), seed) {
                Ok(outcome) => assert_eq!(outcome.output, expected, "{fault:?} {failing} {seed}"),
                Err(error) => assert!(matches!(error, ExecuteError::Database(_)), "{error}"),
            }
        }
    }
    assert!(failed > 0);
}

/// Payments that keep apart, and their middle.
fn apart() -> (Lab, usize) {
    let mut lab = Lab::new(SpecId::PRAGUE);
    for number in 1..9 {
        lab.send(user(number), user(number + 20), 3);
    }
    (lab, 4)
}

#[test]
fn lanes_whose_state_fails_or_panics_yield_nothing_or_all() {
    let (lab, middle) = apart();
    let expected = execute_in_order(&lab.block, &lab.db).unwrap();
    let (mut nothing, mut panics) = (0, 0);
    for fault in [Fault::Once, Fault::FromThenOn, Fault::Panic] {
        for failing in 0..40 {
            let run = || {
                let reads = AtomicU64::new(0);
                let db = Faulty { db: &lab.db, reads, failing, fault: fault.clone() };
                in_lanes(&lab.block, &db, middle)
            };
            match within_a_minute(run) {
                Ok(Ok(Some((output, _)))) => assert_eq!(output, expected, "{fault:?} {failing}"),
                Ok(Ok(None)) => nothing += 1,
                Ok(Err(error)) => assert!(matches!(error, ExecuteError::Database(_)), "{error}"),
                Err(_) => panics += 1,
            }
        }
    }
    assert!(nothing > 0 && panics > 0);
}

#[test]
fn a_thread_of_the_pool_does_not_wait_for_itself() {
    let (lab, _) = apart();
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    let pool = std::sync::Arc::new(pool);
    let config = ParallelConfig { threads: 2, policy: Policy::Dataflow };
    let executor = ParallelExecutor::with_pool(pool.clone(), config);
    let run = || executor.execute_in_lanes(&lab.block, &lab.db, |_| None).unwrap().is_some();
    assert!(run());
    assert!(!within_a_minute(|| pool.install(run)).unwrap());
}

#[test]
fn lanes_are_cancelled_in_the_middle_or_whole() {
    let (lab, middle) = apart();
    let expected = execute_in_order(&lab.block, &lab.db).unwrap();
    let config = ParallelConfig { threads: 2, policy: Policy::Dataflow };
    let executor = ParallelExecutor::new(config).unwrap();
    let mut cancelled = 0;
    for failing in 0..40 {
        let token = CancelToken::new();
        let fault = Fault::Cancel(token.clone());
        let run = || {
            let db = Faulty { db: &lab.db, reads: AtomicU64::new(0), failing, fault };
            let mut start = Some(LaneStart { position: middle, ..LaneStart::default() });
            let (pool, next) = (executor.helpers.as_ref().unwrap(), |_: &_| start.take());
            lanes::execute(pool, (None, Some(&token)), (&lab.block, &db), middle, next)
        };
        match within_a_minute(run).unwrap() {
            Ok(outcome) => assert_eq!(outcome.unwrap().output, expected, "{failing}"),
            Err(ExecuteError::Cancelled) => cancelled += 1,
            Err(error) => panic!("{error}"),
        }
    }
    assert!(cancelled > 0);
}

#[test]
fn a_block_is_cancelled_in_the_middle_or_whole() {
    let lab = lab();
    let n = lab.block.transactions.len();
    let expected = execute_in_order(&lab.block, &lab.db).unwrap();
    let schedules = || [Schedule::independent(n), early(n)];
    let mut cancelled = 0;
    for threads in [1, 2, 4] {
        let config = ParallelConfig { threads, policy: Policy::Dataflow };
        let executor = ParallelExecutor::new(config).unwrap();
        for (failing, schedule) in (0..40).flat_map(|n| schedules().map(|it| (n, it))) {
            let token = CancelToken::new();
            let fault = Fault::Cancel(token.clone());
            let run = || {
                let reads = AtomicU64::new(0);
                let db = Faulty { db: &lab.db, reads, failing, fault: fault.clone() };
                let executor = executor.cancelled_by(token.clone());
                executor.execute(&lab.block, &db, &schedule)
            };
            match within_a_minute(run).unwrap() {
                Ok(outcome) => assert_eq!(outcome.output, expected, "{threads} {failing}"),
                Err(ExecuteError::Cancelled) => {
                    assert!(token.is_cancelled());
                    cancelled += 1;
                }
                Err(error) => panic!("{error}"),
            }
        }
    }
    assert!(cancelled > 0);
}

#[test]
fn a_panic_reaches_the_caller() {
    let lab = lab();
    let n = lab.block.transactions.len();
    let schedules = || [Schedule::independent(n), early(n)];
    let mut panics = 0;
    for threads in [1, 2, 4] {
        let config = ParallelConfig { threads, policy: Policy::Dataflow };
        let executor = ParallelExecutor::new(config).unwrap();
        for (failing, schedule) in (0..40).flat_map(|n| schedules().map(|it| (n, it))) {
            let run = || {
                let reads = AtomicU64::new(0);
                let db = Faulty { db: &lab.db, reads, failing, fault: Fault::Panic };
                executor.execute(&lab.block, &db, &schedule).is_ok()
            };
            match within_a_minute(run) {
                Ok(is_ok) => assert!(is_ok),
                Err(payload) => {
                    let message = payload.downcast_ref::<String>().expect("a message");
                    assert_eq!(*message, format!("read {failing} panicked"));
                    panics += 1;
                }
            }
        }
        // The threads are still of use.
        let outcome = executor.execute(&lab.block, &lab.db, &Schedule::independent(n)).unwrap();
        assert_eq!(outcome.output.receipts.len(), n);
    }
    assert!(panics > 0);
}
