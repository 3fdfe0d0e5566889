//! Interleavings of workers, chosen by a model checker instead of the system.
//!
//! These are the scheduler, the versions and the workers that ship, with real revm in
//! them; only their locks and atomics are the model checker's. A deadlock, a panic or a
//! lost wake-up fails the test, which prints the schedule that leads there. Needs the
//! feature `shuttle`.

use super::{
    super::{
        Policy,
        authority::Authority,
        closing::{Made, close},
        early::Signals,
        lanes::LastLane,
        scheduler::{Plan, Scheduler, WhenIdle},
        versions::Versions,
        worker::{Duty, Worker},
    },
    lab::{Lab, contract, user},
};
use crate::{
    BlockOutput, CancelToken, ExecuteError, ParallelOutcome, PreBlock, Reports, execute_in_order,
    sync::{AtomicBool, Ordering},
};
use core::convert::Infallible;
use foresee_access::{Location, TxIndex};
use foresee_schedule::Schedule;
use revm::{
    bytecode::opcode::*,
    context::TxEnv,
    primitives::{U256, hardfork::SpecId},
};
use shuttle::{
    Config, Runner,
    scheduler::{PctScheduler, RandomScheduler},
    thread,
};
use std::{
    borrow::Cow,
    sync::{Arc, atomic::AtomicUsize},
};

/// Interleavings of each case, by each of the two ways to choose them.
const ITERATIONS: usize = 3_000;

/// How often the checker that looks for rare orders changes priorities.
const PREEMPTIONS: usize = 4;

/// revm needs more than a coroutine's usual stack.
const STACK_BYTES: usize = 4 << 20;

/// What the thread that makes the schedule does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Planner {
    /// It is there before anybody starts.
    Early,
    /// It comes while others execute in order.
    Late,
    /// It never comes.
    Never,
    /// It replaces a precaution when somebody finds nothing to do.
    Precaution,
}

/// One case: a block, how it is scheduled, and who works on it.
#[derive(Clone)]
struct Case {
    block: fn() -> Lab,
    edges: &'static [(u32, u32)],
    threads: usize,
    policy: Policy,
    planner: Planner,
    /// Whether those that count in one contract are started early.
    early: bool,
    end: End,
}

/// How a block comes to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// All is executed.
    Whole,
    /// One thread tells to cancel it.
    Cancelled,
    /// One thread takes something to execute and ends without a result, as it would in a
    /// panic.
    Abandoned,
}

/// Four transactions: three count in the same contract, one in another.
fn counters() -> Lab {
    let mut lab = Lab::new(SpecId::PRAGUE);
    let count = vec![PUSH0, SLOAD, PUSH1, 1, ADD, PUSH0, SSTORE];
    lab.deploy(contract(1), 0, count.clone()).deploy(contract(2), 0, count);
    for (sender, to) in [(1, 1), (2, 1), (3, 2), (1, 1)] {
        lab.send(user(sender), contract(to), 0);
    }
    lab
}

/// A payment to somebody who could not pay else, and a transaction that is refused.
fn payments() -> Lab {
    let mut lab = Lab::new(SpecId::PRAGUE);
    lab.owns(user(2), 0u64);
    lab.send(user(1), user(2), 10_000_000);
    lab.send(user(2), user(3), 5);
    lab.send(user(4), user(5), 1).nonce = 7;
    lab
}

/// The outcome, if there is one, of executing a block. Who is started early is counted.
fn execute(
    case: &Case,
    lab: &Lab,
    early: &AtomicUsize,
) -> Option<Result<ParallelOutcome, ExecuteError<Infallible>>> {
    let Lab { block, db, .. } = lab;
    let n = block.transactions.len();
    let edges = case.edges.iter().map(|(from, to)| (TxIndex(*from), TxIndex(*to)));
    let slot = Location::slot(contract(1), U256::ZERO);
    let reasons = edges.clone().filter(|_| case.early).map(|(from, to)| (from, to, slot));
    let schedule = Schedule::from_edges(n, edges, &vec![1; n]).starting_early(reasons);
    let mut pre = PreBlock::run(block, db).expect("the state is in memory");
    let versions = Versions::new();
    for changes in pre.changes_mut() {
        versions.publish(0, block.env.beneficiary, true, changes, |_, _| false);
    }
    let any_tx = TxEnv::default();
    let authority = Box::new(Authority::new(block, pre, Reports::default()));
    let plan = Plan::default();
    let signals = Signals::new(n);
    let pays_ahead = (0..n).map(|_| true);
    let scheduler = Scheduler::new(&plan, &signals, case.policy, 2, pays_ahead, authority);
    let token = CancelToken::new();
    let cancel = (case.end == End::Cancelled).then_some(&token);
    let duty = Duty { shares: true, cancel, ..Duty::default() };
    let worker = || Worker::new(block, db, &versions, &any_tx, &plan, &signals, duty);
    let install = || scheduler.install(Cow::Borrowed(&schedule));
    let is_made = AtomicBool::new(false);
    let work = || {
        let mut worker = worker();
        if case.planner == Planner::Precaution
            && worker.run_until_idle(&scheduler)
            && !is_made.swap(true, Ordering::Relaxed)
        {
            install();
        }
        let worked = worker.run(&scheduler);
        early.fetch_add(worked.early, Ordering::Relaxed);
    };
    match case.planner {
        Planner::Early => install(),
        Planner::Precaution => {
            let edges = (1..n).map(|later| (TxIndex::new(later - 1), TxIndex::new(later)));
            scheduler.install(Cow::Owned(Schedule::precaution(edges, vec![false; n])));
        }
        Planner::Late | Planner::Never => {}
    }
    thread::scope(|scope| {
        for _ in 1..case.threads {
            scope.spawn(work);
        }
        if case.planner == Planner::Late {
            install();
        }
        match case.end {
            End::Whole => work(),
            End::Cancelled => token.cancel(),
            End::Abandoned => {
                drop(scheduler.next(None, WhenIdle::Leave));
                scheduler.stop(None);
            }
        }
    });
    let authority = scheduler.take_authority();
    authority.map(|authority| close(block, *authority, &Made::new(), None))
}

/// Whatever the order, the output is that of in-order execution, and no transaction is
/// executed more than twice. How many were started early in all interleavings.
fn check(case: Case) -> usize {
    let expected = in_order(&case);
    let early = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&early);
    let explore = move || {
        let lab = (case.block)();
        let outcome = match execute(&case, &lab, &counted) {
            Some(Ok(outcome)) => outcome,
            Some(Err(ExecuteError::Cancelled)) if case.end == End::Cancelled => return,
            None if case.end == End::Abandoned => return,
            Some(Err(error)) => panic!("{error}"),
            None => panic!("nobody handed the authority back"),
        };
        if case.end != End::Abandoned {
            assert_eq!(outcome.output, expected);
        }
        let again = &outcome.stats.reexecuted;
        assert!(again.is_sorted_by(|a, b| a.index < b.index), "{again:?}");
    };
    run(explore);
    early.load(Ordering::Relaxed)
}

/// Tries interleavings chosen in each of the two ways.
fn run(explore: impl Fn() + Clone + Send + Sync + 'static) {
    let mut config = Config::new();
    config.stack_size = STACK_BYTES;
    Runner::new(RandomScheduler::new(ITERATIONS), config.clone()).run(explore.clone());
    Runner::new(PctScheduler::new(PREEMPTIONS, ITERATIONS), config).run(explore);
}

#[test]
fn a_lane_ends_where_the_next_begins_and_nowhere_else() {
    const TRANSACTIONS: usize = 6;
    run(|| {
        let first = Arc::new(LastLane::first(usize::MAX));
        let executing = {
            let first = Arc::clone(&first);
            thread::spawn(move || (0..TRANSACTIONS).take_while(|at| first.goes_on(*at)).count())
        };
        // Where it was passed already, another is tried behind.
        let next =
            [1, 2, 4].into_iter().find_map(|start| Some((start, first.followed_from(start)?)));
        let executed = executing.join().expect("it does not panic");
        assert_eq!(executed, next.map_or(TRANSACTIONS, |(start, _)| start));
    });
}

fn in_order(case: &Case) -> BlockOutput {
    let lab = (case.block)();
    execute_in_order(&lab.block, &lab.db).expect("the state is in memory")
}

/// The true dependencies of [`counters`].
const TRUE: &[(u32, u32)] = &[(0, 1), (1, 3)];

fn case(edges: &'static [(u32, u32)], planner: Planner) -> Case {
    let policy = Policy::Dataflow;
    let (early, end) = (false, End::Whole);
    Case { block: counters, edges, threads: 3, policy, planner, early, end }
}

#[test]
fn the_right_schedule_early_and_late() {
    check(case(TRUE, Planner::Early));
    check(case(TRUE, Planner::Late));
}

#[test]
fn no_dependency_is_foreseen() {
    check(case(&[], Planner::Early));
    check(case(&[], Planner::Late));
}

#[test]
fn dependencies_that_there_are_not() {
    check(case(&[(0, 2), (2, 3)], Planner::Early));
}

#[test]
fn no_schedule_comes() {
    check(case(&[], Planner::Never));
}

#[test]
fn a_schedule_replaces_a_precaution() {
    check(case(TRUE, Planner::Precaution));
    check(case(&[], Planner::Precaution));
    check(Case { policy: Policy::Layers, ..case(TRUE, Planner::Precaution) });
    check(Case { block: payments, ..case(&[(0, 1)], Planner::Precaution) });
}

#[test]
fn by_layers() {
    check(Case { policy: Policy::Layers, ..case(TRUE, Planner::Early) });
    check(Case { policy: Policy::Layers, ..case(&[], Planner::Late) });
}

#[test]
fn settled_balances_and_refused_transactions() {
    check(Case { block: payments, ..case(&[], Planner::Early) });
    check(Case { block: payments, threads: 2, ..case(&[(0, 1)], Planner::Late) });
}

/// Cases in which somebody is started early now and then.
fn check_early(case: Case) {
    assert!(check(Case { early: true, ..case }) > 0, "nobody was early");
}

/// Four transactions that count in the same contract.
fn one_counter() -> Lab {
    let mut lab = counters();
    lab.block.transactions[2].kind = contract(1).into();
    lab
}

/// The true dependencies of [`one_counter`].
const CHAIN: &[(u32, u32)] = &[(0, 1), (1, 2), (2, 3)];

#[test]
fn a_chain_is_started_early() {
    check_early(Case { block: one_counter, ..case(CHAIN, Planner::Early) });
    check_early(Case { block: one_counter, threads: 2, ..case(CHAIN, Planner::Early) });
    check_early(Case { block: one_counter, ..case(CHAIN, Planner::Late) });
    check_early(Case { block: one_counter, ..case(CHAIN, Planner::Precaution) });
}

#[test]
fn early_for_one_at_its_turn_or_ahead_of_it() {
    check_early(case(TRUE, Planner::Early));
    // One that is not executed at its turn when it can be ahead: two are free.
    check_early(Case { block: one_counter, ..case(&[(1, 3)], Planner::Early) });
}

#[test]
fn early_for_no_reason_or_for_somebody_refused() {
    check_early(case(&[(0, 2), (2, 3)], Planner::Early));
    check_early(Case { block: payments, ..case(&[(0, 2), (1, 2)], Planner::Early) });
    check_early(Case { block: refused, ..case(&[(0, 1), (1, 2)], Planner::Early) });
}

/// Of three that count the one in the middle is refused.
fn refused() -> Lab {
    let mut lab = one_counter();
    lab.block.transactions.truncate(3);
    lab.block.transactions[1].nonce = 7;
    lab
}

#[test]
fn early_in_a_block_that_is_given_up() {
    for end in [End::Cancelled, End::Abandoned] {
        check_early(Case { block: one_counter, end, ..case(CHAIN, Planner::Early) });
        check_early(Case { block: one_counter, threads: 4, end, ..case(CHAIN, Planner::Early) });
    }
}
