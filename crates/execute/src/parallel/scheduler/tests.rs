//! What is handed out when.

use super::*;
use foresee_access::Location;
use revm::primitives::Address;

#[test]
fn a_schedule_that_is_distrusted_releases_nothing() {
    for policy in [Policy::Dataflow, Policy::Layers] {
        let (plan, signals) = (Plan::default(), Signals::new(8));
        let scheduler: Scheduler<'_, (), ()> =
            Scheduler::new(&plan, &signals, policy, 2, [true; 4].into_iter(), ());
        let edge = (TxIndex(0), TxIndex(3));
        scheduler.install(Cow::Owned(Schedule::from_edges(4, [edge], &[1; 4])));
        let Job::Settle((), Turn { tx: first, .. }) = scheduler.next(None, WhenIdle::Wait) else {
            panic!("there is a turn")
        };
        assert!(matches!(scheduler.next(None, WhenIdle::Wait), Job::Speculate(_)));
        scheduler.distrust();
        assert!(scheduler.lock().take_ahead().is_none());
        let next = scheduler.next_turn((), Settled::AtItsTurn(first));
        assert!(next.is_some_and(|((), turn)| turn.tx == TxIndex(1)));
        assert!(scheduler.lock().take_ahead().is_none());
    }
}

/// A scheduler whose first turn is taken, by a precaution against everything.
fn cautious<'s>(plan: &'s Plan<'s>, signals: &'s Signals, n: usize) -> Scheduler<'s, (), ()> {
    let scheduler = Scheduler::new(plan, signals, Policy::Dataflow, 2, (0..n).map(|_| true), ());
    let edges = (1..n).map(|later| (TxIndex::new(later - 1), TxIndex::new(later)));
    scheduler.install(Cow::Owned(Schedule::precaution(edges, vec![false; n])));
    assert!(matches!(scheduler.next(None, WhenIdle::Leave), Job::Settle((), _)));
    scheduler
}

#[test]
fn what_is_held_as_a_precaution_is_tried_until_that_goes_wrong() {
    let (plan, signals) = (Plan::default(), Signals::new(8));
    let scheduler = cautious(&plan, &signals, 8);
    for expected in [2, 3] {
        let Job::Speculate(tx) = scheduler.next(None, WhenIdle::Leave) else {
            panic!("something is held")
        };
        assert_eq!(tx, TxIndex(expected));
        scheduler.was_wrong(tx);
    }
    assert!(matches!(scheduler.next(None, WhenIdle::Leave), Job::Idle));
    // A transaction that was not tried says nothing about trying.
    let (plan, signals) = (Plan::default(), Signals::new(8));
    let scheduler = cautious(&plan, &signals, 8);
    (0..8).for_each(|_| scheduler.was_wrong(TxIndex(7)));
    assert!(matches!(scheduler.next(None, WhenIdle::Leave), Job::Speculate(TxIndex(2))));
}

#[test]
fn what_is_executed_is_not_open_and_what_runs_is_if_several_may_wait_for_it() {
    let (plan, signals) = (Plan::default(), Signals::new(8));
    let scheduler = cautious(&plan, &signals, 4);
    let open = || (0..4).map(|position| scheduler.is_open(position)).collect::<Vec<_>>();
    // The first is at its turn.
    assert_eq!(open(), [true; 4]);
    let Job::Speculate(tx) = scheduler.next(None, WhenIdle::Leave) else {
        panic!("something is held")
    };
    assert_eq!((tx, open()), (TxIndex(2), vec![true; 4]));
    let Job::Speculate(tx) = scheduler.next(Some((tx, ())), WhenIdle::Leave) else {
        panic!("something is held")
    };
    // One is left that nobody has begun.
    assert_eq!((tx, open()), (TxIndex(3), vec![false, true, false, false]));
    assert!(matches!(scheduler.next(Some((tx, ())), WhenIdle::Leave), Job::Idle));
    assert_eq!(open(), [false, true, false, false]);
    let begun = (0..4).map(|position| scheduler.is_begun(position));
    assert!(begun.eq([true, false, true, true]));
}

#[test]
fn nothing_waits_for_what_runs_but_transactions_that_could_run_ahead() {
    let (plan, signals) = (Plan::default(), Signals::new(8));
    let pays_ahead = [true, false, true, false].into_iter();
    let scheduler: Scheduler<'_, (), ()> =
        Scheduler::new(&plan, &signals, Policy::Dataflow, 2, pays_ahead, ());
    assert!(matches!(scheduler.next(None, WhenIdle::Leave), Job::Settle((), _)));
    let open = (0..4).map(|position| scheduler.is_open(position));
    assert!(open.eq([false, false, true, false]));
}

#[test]
fn the_nearest_free_transaction_goes_first_and_a_schedule_replaces_the_precaution() {
    let (plan, signals) = (Plan::default(), Signals::new(8));
    let scheduler: Scheduler<'_, (), ()> =
        Scheduler::new(&plan, &signals, Policy::Dataflow, 2, (0..6).map(|_| true), ());
    let in_order = [false, false, true, false, false, false];
    scheduler.install(Cow::Owned(Schedule::precaution([], in_order.to_vec())));
    assert!(matches!(scheduler.next(None, WhenIdle::Leave), Job::Settle((), _)));
    assert!(matches!(scheduler.next(None, WhenIdle::Leave), Job::Speculate(TxIndex(3))));
    // By the schedule the heaviest goes first, wherever it stands.
    let schedule = Schedule::from_edges(6, [], &[0, 0, 9, 0, 0, 5]);
    scheduler.install(Cow::Owned(schedule));
    assert!(!plan.get().is_some_and(Schedule::is_precaution));
    for expected in [2, 5, 4, 1] {
        let Job::Speculate(tx) = scheduler.next(None, WhenIdle::Leave) else {
            panic!("{expected} is ready")
        };
        assert_eq!(tx, TxIndex(expected));
    }
    assert!(matches!(scheduler.next(None, WhenIdle::Leave), Job::Idle));
}

fn heavy_chain(n: usize) -> Schedule {
    let edges = (1..n).map(|later| (TxIndex::new(later - 1), TxIndex::new(later)));
    let reasons = edges.clone().map(|(from, to)| (from, to, Location::code(Address::ZERO)));
    Schedule::from_edges(n, edges, &vec![1; n]).starting_early(reasons)
}

#[test]
fn what_waits_for_nothing_but_what_runs_is_started_early() {
    let (plan, signals) = (Plan::default(), Signals::new(4));
    let scheduler: Scheduler<'_, (), ()> =
        Scheduler::new(&plan, &signals, Policy::Dataflow, 2, [true; 4].into_iter(), ());
    let next = || scheduler.next(None, WhenIdle::Leave);
    scheduler.install(Cow::Owned(heavy_chain(4)));
    // Nothing runs yet.
    assert!(scheduler.startable(&scheduler.lock()).is_none());
    let Job::Settle((), Turn { tx: first, speculation: None }) = next() else {
        panic!("there is a turn")
    };
    for expected in [1, 2] {
        let Job::StartEarly(tx) = next() else { panic!("{expected} could be started") };
        assert_eq!(tx, TxIndex(expected));
    }
    // Its turn comes while it is executed: it is left to who executes it, and released to
    // nobody else.
    assert!(scheduler.next_turn((), Settled::AtItsTurn(first)).is_none());
    assert!(signals.is_executed(first) && !signals.is_executed(TxIndex(1)));
    let finished = Some((TxIndex(1), ()));
    let Job::Settle((), Turn { tx, speculation: Some(()) }) =
        scheduler.next(finished, WhenIdle::Leave)
    else {
        panic!("it is its turn")
    };
    assert_eq!(tx, TxIndex(1));
    assert!(matches!(next(), Job::StartEarly(TxIndex(3))));
    assert!(matches!(next(), Job::Idle));
}

#[test]
fn what_is_ready_goes_first_then_the_longest_path_is_started() {
    let (plan, signals) = (Plan::default(), Signals::new(5));
    let scheduler: Scheduler<'_, (), ()> =
        Scheduler::new(&plan, &signals, Policy::Dataflow, 2, [true; 5].into_iter(), ());
    let edges = [(0, 1), (0, 2), (2, 4)].map(|(from, to)| (TxIndex(from), TxIndex(to)));
    let reasons = edges.map(|(from, to)| (from, to, Location::code(Address::ZERO)));
    let schedule = Schedule::from_edges(5, edges, &[1; 5]).starting_early(reasons);
    scheduler.install(Cow::Owned(schedule));
    let next = || scheduler.next(None, WhenIdle::Leave);
    assert!(matches!(next(), Job::Settle((), _)));
    assert!(matches!(next(), Job::Speculate(TxIndex(3))));
    for expected in [2, 1, 4] {
        let Job::StartEarly(tx) = next() else { panic!("{expected} could be started") };
        assert_eq!(tx, TxIndex(expected));
    }
}

#[test]
fn nobody_is_early_among_layers_by_a_precaution_or_without_trust() {
    let early = |policy, pays_ahead: bool, schedule: Schedule, is_trusted: bool| {
        let (plan, signals) = (Plan::default(), Signals::new(3));
        let pays_ahead = core::iter::repeat_n(pays_ahead, 3);
        let scheduler: Scheduler<'_, (), ()> =
            Scheduler::new(&plan, &signals, policy, 2, pays_ahead, ());
        scheduler.install(Cow::Owned(schedule));
        assert!(matches!(scheduler.next(None, WhenIdle::Leave), Job::Settle((), _)));
        if !is_trusted {
            scheduler.distrust();
        }
        scheduler.startable(&scheduler.lock())
    };
    let chain = || heavy_chain(3);
    assert_eq!(early(Policy::Dataflow, true, chain(), true), Some(TxIndex(1)));
    assert_eq!(early(Policy::Layers, true, chain(), true), None);
    assert_eq!(early(Policy::Dataflow, false, chain(), true), None);
    assert_eq!(early(Policy::Dataflow, true, chain(), false), None);
    let edges = [(TxIndex(0), TxIndex(1))];
    let reasons = edges.map(|(from, to)| (from, to, Location::code(Address::ZERO)));
    let precaution = Schedule::precaution(edges, vec![false; 3]).starting_early(reasons);
    assert_eq!(early(Policy::Dataflow, true, precaution, true), None);
}
