//! What a desk promises, to whoever asks and to whoever serves.

use super::{Desk, Fetched, Readers, Standing, StateKey, StateSource, StateValue, Waited};
use alloy_primitives::{Address, B256, U256};
use revm::{
    DatabaseRef,
    database::{CacheDB, EmptyDB},
    state::AccountInfo,
};
use std::{
    sync::{Arc, mpsc},
    thread,
    time::Duration,
};

fn slot(number: u64) -> StateKey {
    StateKey::Slot(Address::ZERO, U256::from(number))
}

fn value(number: u64) -> StateValue {
    StateValue::Slot(U256::from(number))
}

#[test]
fn what_somebody_waits_for_goes_first_and_nothing_is_read_twice() {
    let desk = Arc::new(Desk::new());
    let mut tray = desk.tray(0).unwrap();
    desk.post([slot(1), slot(2), slot(1)]);
    assert_eq!(tray.await_key(slot(3)), Standing::Posted);
    assert_eq!(tray.await_key(slot(2)), Standing::Posted);
    tray.post();
    let batch = desk.next_batch(10);
    let keys: Vec<_> = batch.iter().map(|request| request.key()).collect();
    assert_eq!(keys, [slot(3), slot(2), slot(1)]);
    assert_eq!(desk.taken_total(), 3);
}

#[test]
fn only_awaited_keys_are_announced_and_dropped_requests_fail() {
    let desk = Arc::new(Desk::new());
    let mut trays = [0, 63].map(|number| desk.tray(number).unwrap());
    desk.post([slot(1)]);
    for tray in &mut trays {
        tray.await_key(slot(2));
        tray.await_key(slot(3));
        tray.post();
    }
    for request in desk.next_batch(10) {
        match request.key() {
            key if key == slot(3) => drop(request),
            key if key == slot(2) => request.fulfil(StateValue::Account(None)),
            _ => request.fulfil(value(7)),
        }
    }
    for tray in &mut trays {
        assert_eq!(tray.arrivals(), [slot(2), slot(3)]);
    }
    let [mut tray, _] = trays;
    assert_eq!(desk.get(&slot(1)), Some(value(7)));
    let failed = "a value of the wrong kind, and none at all";
    assert_eq!(tray.await_key(slot(2)), Standing::Failed, "{failed}");
    assert_eq!(tray.await_key(slot(3)), Standing::Failed, "{failed}");
}

/// Whoever posts submits, so that nobody has to be woken; with an account its code is
/// submitted by whoever hands the account in.
#[test]
fn whoever_posts_submits_until_the_desk_is_closed() {
    let desk = Arc::new(Desk::new());
    desk.post([slot(1)]);
    let (submit, submitted) = mpsc::channel();
    desk.on_post(move |desk| {
        desk.batch(2).into_iter().for_each(|request| submit.send(request).unwrap());
    });
    let keys = || -> Vec<_> { submitted.try_iter().map(|request| request.key()).collect() };
    assert_eq!(keys(), [slot(1)], "posted before");
    assert_eq!(desk.post([slot(1), slot(2)]), 1);
    assert_eq!(keys(), [slot(2)]);
    desk.post([slot(3), slot(4), slot(5)]);
    assert_eq!(keys(), [slot(3), slot(4)], "no more than are taken");
    let mut tray = desk.tray(0).unwrap();
    let account = StateKey::Account(Address::ZERO);
    tray.await_key(account);
    assert_eq!(keys(), [], "not in the queue yet");
    tray.post();
    let requests: Vec<_> = submitted.try_iter().collect();
    let [account, five] = requests.try_into().unwrap();
    assert_eq!(five.key(), slot(5));
    let code_hash = B256::repeat_byte(7);
    account.fulfil(StateValue::Account(Some(AccountInfo {
        code_hash,
        code: None,
        ..AccountInfo::default()
    })));
    assert_eq!(keys(), [StateKey::Code(code_hash)]);
    // What was dropped has failed.
    assert_eq!(tray.await_key(slot(2)), Standing::Failed);
    desk.close();
    desk.post([slot(6)]);
    assert_eq!(keys(), [], "closed");
}

#[test]
fn a_closed_desk_sends_readers_home_whatever_is_posted() {
    let desk = Arc::new(Desk::new());
    thread::scope(|scope| {
        let idle = scope.spawn(|| desk.next().is_none());
        desk.close();
        assert!(idle.join().unwrap());
    });
    desk.post([slot(1)]);
    assert!(desk.next().is_none());
}

#[test]
fn readers_serve_block_after_block_and_survive_a_panic_of_the_work() {
    let readers = Readers::new(3).unwrap();
    let db = CacheDB::new(EmptyDB::default());
    for _ in 0..3 {
        let desk = Arc::new(Desk::new());
        readers.over(&db).serve(&desk, || {
            let mut tray = desk.tray(0).unwrap();
            tray.await_key(slot(1));
            assert_eq!(tray.wait(None), Waited::Arrived(vec![slot(1)]));
        });
        assert_eq!(desk.get(&slot(1)), Some(value(0)));
        let desk = Arc::new(Desk::new());
        let panics = std::panic::AssertUnwindSafe(|| {
            readers.over(&db).serve(&desk, || -> () { panic!("as it should") });
        });
        assert!(std::panic::catch_unwind(panics).is_err());
    }
}

/// Threads that share a tray sleep side by side. One of them takes what arrives; a nudge is
/// for all of them, and counts also if it comes before they sleep.
#[test]
fn whoever_sleeps_at_a_tray_is_woken_by_an_arrival_or_a_nudge() {
    let desk = Arc::new(Desk::new());
    let mut tray = desk.tray(0).unwrap();
    tray.await_key(slot(1));
    tray.await_key(slot(2));
    tray.post();
    assert_eq!(tray.wait(Some(Duration::from_millis(1))), Waited::Late);
    let arrived = thread::scope(|scope| {
        let waiters = [0; 3].map(|_| scope.spawn(|| desk.tray(0).unwrap().wait(None)));
        // Some of them sleep by then, others do not yet; it has to make no difference.
        thread::yield_now();
        desk.next_batch(10).into_iter().for_each(|request| request.fulfil(value(1)));
        tray.nudge();
        waiters.map(|waiter| match waiter.join().unwrap() {
            Waited::Arrived(keys) => keys.len(),
            Waited::Nudged => 0,
            Waited::Late => panic!("nobody sleeps for two seconds"),
        })
    });
    assert_eq!(arrived.iter().sum::<usize>(), 2);
    assert_eq!(desk.tray(0).unwrap().wait(None), Waited::Nudged);
}

/// Who reads a value because nobody asked for it tells all who await it meanwhile.
#[test]
fn a_value_that_is_read_on_demand_arrives() {
    let readers = Readers::new(1).unwrap();
    let db = CacheDB::new(EmptyDB::default());
    let desk = Arc::new(Desk::new());
    let mut tray = desk.tray(0).unwrap();
    let Err(request) = desk.wait(slot(1)) else { panic!("nobody has asked for it") };
    assert_eq!(tray.await_key(slot(1)), Standing::Posted);
    request.fulfil(value(7));
    assert_eq!(tray.wait(None), Waited::Arrived(vec![slot(1)]));
    assert_eq!(desk.get(&slot(1)), Some(value(7)));
    // One that fails is read by whoever asks next.
    drop(desk.wait(slot(2)));
    assert_eq!(tray.await_key(slot(2)), Standing::Failed);
    assert_eq!(
        Fetched::new(&readers.over(&db), &desk).storage_ref(Address::ZERO, U256::from(2)),
        Ok(U256::ZERO)
    );
    assert_eq!(desk.get(&slot(2)), Some(value(0)));
}
