//! Transactions that are started early: those that they wait for are held up by the state
//! until somebody waits in the middle of an execution, or has not.

use super::{
    super::{
        ParallelOutcome, ParallelStats, Policy, PreBlock, Reason,
        authority::Authority,
        closing::{Made, close},
        early::Signals,
        scheduler::{Plan, Scheduler},
        versions::Versions,
        worker::{Duty, Worker},
    },
    faults::{ReadFailed, sure, within_a_minute},
    lab::{Lab, contract, user},
};
use crate::{CancelToken, ExecuteError, Reports, execute_in_order};
use core::sync::atomic::{AtomicU64, Ordering};
use foresee_access::{Location, TxIndex};
use foresee_schedule::Schedule;
use revm::{
    DatabaseRef,
    bytecode::opcode::*,
    context::TxEnv,
    database::{CacheDB, EmptyDB},
    primitives::{Address, B256, StorageKey, StorageValue, U256, hardfork::SpecId},
    state::{AccountInfo, Bytecode},
};
use std::{
    borrow::Cow,
    sync::{Mutex, PoisonError},
};

/// A slot that is not read before the other one is.
const AFTER: u64 = 90;

/// What becomes of whoever reads one of the slots that are held up.
#[derive(Clone, Debug)]
enum Then {
    /// It goes on.
    Goes,
    /// The read fails.
    Fails,
    /// The thread panics.
    Panics,
    /// It goes on, and the block is cancelled meanwhile.
    Cancels(CancelToken),
}

/// A state in which slots from 100 on are not read before so many sleep in the middle of
/// their execution as the slot has above that, and one not before another one is.
struct Slow<'a> {
    db: &'a CacheDB<EmptyDB>,
    signals: &'a Signals,
    /// What becomes of the first who reads this slot.
    slot: u64,
    then: Then,
    reads: AtomicU64,
    /// How many have been seen asleep at once. They may be awake again before everybody
    /// who is held up has looked.
    asleep: AtomicU64,
}

impl DatabaseRef for Slow<'_> {
    type Error = ReadFailed;

    fn basic_ref(&self, address: Address) -> Result<Option<AccountInfo>, ReadFailed> {
        Ok(sure(self.db.basic_ref(address)))
    }

    fn code_by_hash_ref(&self, code_hash: B256) -> Result<Bytecode, ReadFailed> {
        Ok(sure(self.db.code_by_hash_ref(code_hash)))
    }

    fn storage_ref(&self, address: Address, slot: StorageKey) -> Result<StorageValue, ReadFailed> {
        let wanted = slot.saturating_sub(U256::from(100)).to::<u64>();
        let is_held_up = || match slot == AFTER {
            true => self.reads.load(Ordering::Relaxed) == 0,
            false => {
                let asleep = self.signals.asleep();
                asleep.max(self.asleep.fetch_max(asleep, Ordering::Relaxed)) < wanted
            }
        };
        while is_held_up() {
            std::thread::yield_now();
        }
        if slot == self.slot && self.reads.fetch_add(1, Ordering::Relaxed) == 0 {
            match &self.then {
                Then::Goes => {}
                Then::Fails => return Err(ReadFailed(self.slot)),
                Then::Panics => panic!("a read panicked"),
                Then::Cancels(token) => token.cancel(),
            }
        }
        Ok(sure(self.db.storage_ref(address, slot)))
    }

    fn block_hash_ref(&self, number: u64) -> Result<B256, ReadFailed> {
        Ok(sure(self.db.block_hash_ref(number)))
    }
}

/// Who calls it with a number reads the slot of that number; then, as anybody, it counts in
/// slot 0.
fn counter() -> Vec<u8> {
    let read = [PUSH0, CALLDATALOAD, SLOAD, POP];
    let count = [PUSH0, SLOAD, PUSH1, 1, ADD, PUSH0, SSTORE];
    read.into_iter().chain(count).collect()
}

/// Transactions that count in the same contract, and what they read before.
fn counting(reads: &[u64]) -> Lab {
    let mut lab = Lab::new(SpecId::PRAGUE);
    lab.deploy(contract(1), 0, counter());
    for (number, read) in (1..).zip(reads) {
        lab.call(user(number), contract(1), 0, [U256::from(*read)]);
    }
    lab
}

/// Each waits for the one before, because of this slot.
fn early(n: usize, slot: u64) -> Schedule {
    let slot = Location::slot(contract(1), U256::from(slot));
    let edges = (1..n).map(|to| (TxIndex::new(to - 1), TxIndex::new(to)));
    let reasons = edges.clone().map(|(from, to)| (from, to, slot));
    Schedule::from_edges(n, edges, &vec![1; n]).starting_early(reasons)
}

/// Of three the last waits for the one before.
fn last_two() -> Schedule {
    let slot = Location::slot(contract(1), U256::ZERO);
    let (from, to) = (TxIndex(1), TxIndex(2));
    Schedule::from_edges(3, [(from, to)], &[1; 3]).starting_early([(from, to, slot)])
}

/// Executes a block by workers of these threads, as the executor does.
fn execute(
    lab: &Lab,
    schedule: &Schedule,
    threads: usize,
    slot: u64,
    then: Then,
) -> Result<ParallelOutcome, ExecuteError<ReadFailed>> {
    let block = &lab.block;
    let n = block.transactions.len();
    let signals = Signals::new(n);
    let (reads, asleep) = (AtomicU64::new(0), AtomicU64::new(0));
    let cancel = match &then {
        Then::Cancels(token) => Some(token.clone()),
        _ => None,
    };
    let db = &Slow { db: &lab.db, signals: &signals, slot, then, reads, asleep };
    let pre = PreBlock::run(block, db)?;
    let versions = Versions::new();
    let any_tx = TxEnv::default();
    let authority = Box::new(Authority::new(block, pre, Reports::default()));
    let plan = Plan::default();
    let pays_ahead = core::iter::repeat_n(true, n);
    let scheduler =
        Scheduler::new(&plan, &signals, Policy::Dataflow, threads, pays_ahead, authority);
    scheduler.install(Cow::Borrowed(schedule));
    let cancel = cancel.as_ref();
    let duty = Duty { shares: true, cancel, ..Duty::default() };
    let worked = Mutex::new(Vec::new());
    let work = || {
        let worker = Worker::new(block, db, &versions, &any_tx, &plan, &signals, duty);
        let mine = worker.run(&scheduler);
        worked.lock().unwrap_or_else(PoisonError::into_inner).push(mine);
    };
    std::thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(work)).collect();
        work();
        for other in others {
            other.join().unwrap_or_else(|payload| std::panic::resume_unwind(payload));
        }
    });
    let authority = scheduler.take_authority().expect("it was handed back");
    let mut outcome = close(block, *authority, &Made::new(), None)?;
    let worked = worked.into_inner().unwrap_or_else(PoisonError::into_inner);
    outcome.stats.early = worked.iter().map(|worked| worked.early).sum();
    outcome.stats.waited = worked.iter().map(|worked| worked.waited).sum();
    Ok(outcome)
}

/// The same, equal to in-order execution, and how it went.
fn check(lab: &Lab, schedule: &Schedule, threads: usize) -> ParallelStats {
    let expected = execute_in_order(&lab.block, &lab.db).unwrap();
    let run = || execute(lab, schedule, threads, 0, Then::Goes);
    let outcome = within_a_minute(run).unwrap().unwrap();
    assert_eq!(outcome.output, expected);
    outcome.stats
}

#[test]
fn what_is_read_late_is_met_at_the_read() {
    // The first, at its turn, goes on only once the second waits for it.
    let stats = check(&counting(&[101, 1]), &early(2, 0), 2);
    assert_eq!((stats.early, stats.ahead, &stats.reexecuted[..]), (1, 1, &[][..]));
    assert!(!stats.waited.is_zero());
}

#[test]
fn a_chain_is_started_by_as_many_threads() {
    // The first goes on once two others wait, the one for it, the other for the one.
    let stats = check(&counting(&[102, 1, 1]), &early(3, 0), 3);
    assert_eq!((stats.early, stats.ahead, &stats.reexecuted[..]), (2, 2, &[][..]));
}

#[test]
fn who_runs_ahead_is_waited_for_as_well() {
    // Two that nobody waits for in front, of which the first holds up all turns until the
    // last waits for the one before it.
    let mut lab = Lab::new(SpecId::PRAGUE);
    lab.deploy(contract(1), 0, counter()).deploy(contract(2), 0, counter());
    for (number, read, to) in [(1, 101, 2), (2, 101, 1), (3, 1, 1)] {
        lab.call(user(number), contract(to), 0, [U256::from(read)]);
    }
    let stats = check(&lab, &last_two(), 3);
    assert_eq!((stats.early, stats.ahead, &stats.reexecuted[..]), (1, 2, &[][..]));
}

#[test]
fn what_nobody_expected_is_read_before_and_found_out() {
    // The second waits for slot 5, which it reads last, and has counted by then.
    let mut lab = counting(&[101]);
    let [read, count] = [counter()[..4].to_vec(), counter()[4..].to_vec()];
    let code = [count, vec![PUSH1, 5, SLOAD, POP], read].concat();
    lab.deploy(contract(1), 0, [&code[..7], &code[11..], &code[7..11]].concat());
    lab.call(user(2), contract(1), 0, [U256::from(1)]);
    let stats = check(&lab, &early(2, 5), 2);
    assert_eq!((stats.early, stats.ahead, stats.reexecuted.len()), (1, 0, 1));
}

#[test]
fn who_is_waited_for_may_fail() {
    // At its turn, which ends the block.
    let run = || execute(&counting(&[101, 1]), &early(2, 0), 2, 101, Then::Fails);
    let outcome = within_a_minute(run).expect("nobody panics");
    assert!(matches!(outcome, Err(ExecuteError::Database(ReadFailed(101)))));
    // Ahead of it, which is found out at its turn; the first goes on only after that.
    let mut lab = Lab::new(SpecId::PRAGUE);
    lab.deploy(contract(1), 0, counter()).deploy(contract(2), 0, counter());
    for (number, read, to) in [(1, AFTER, 2), (2, 101, 1), (3, 1, 1)] {
        lab.call(user(number), contract(to), 0, [U256::from(read)]);
    }
    let expected = execute_in_order(&lab.block, &lab.db).unwrap();
    let run = || execute(&lab, &last_two(), 3, 101, Then::Fails);
    let outcome = within_a_minute(run).unwrap().unwrap();
    assert_eq!(outcome.output, expected);
    assert_eq!(outcome.stats.early, 1);
    let first = outcome.stats.reexecuted[0];
    assert_eq!((first.index, first.reason), (TxIndex(1), Reason::Undecided));
}

#[test]
fn who_is_waited_for_may_panic() {
    let run = || execute(&counting(&[101, 1]), &early(2, 0), 2, 101, Then::Panics).is_ok();
    let payload = within_a_minute(run).expect_err("it panics");
    assert_eq!(payload.downcast_ref::<&str>(), Some(&"a read panicked"));
}

#[test]
fn a_block_is_cancelled_while_somebody_waits() {
    let lab = counting(&[101, 1, 1]);
    let then = Then::Cancels(CancelToken::new());
    let run = || execute(&lab, &early(3, 0), 2, 101, then);
    assert!(matches!(within_a_minute(run).unwrap(), Err(ExecuteError::Cancelled)));
}
