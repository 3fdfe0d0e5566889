//! What a desk promises, to whoever asks and to whoever serves.

use super::{Desk, Readers, Standing, StateKey, StateSource, StateValue};
use alloy_primitives::{Address, U256};
use revm::database::{CacheDB, EmptyDB};
use std::thread;

fn slot(number: u64) -> StateKey {
    StateKey::Slot(Address::ZERO, U256::from(number))
}

fn value(number: u64) -> StateValue {
    StateValue::Slot(U256::from(number))
}

#[test]
fn what_somebody_waits_for_goes_first_and_nothing_is_read_twice() {
    let desk = Desk::new();
    desk.post([slot(1), slot(2), slot(1)]);
    assert_eq!(desk.await_key(slot(3)), Standing::Posted);
    assert_eq!(desk.await_key(slot(2)), Standing::Posted);
    let batch = desk.next_batch(10);
    let keys: Vec<_> = batch.iter().map(|request| request.key()).collect();
    assert_eq!(keys, [slot(3), slot(2), slot(1)]);
    assert_eq!(desk.taken_total(), 3);
}

#[test]
fn only_awaited_keys_are_announced_and_dropped_requests_fail() {
    let desk = Desk::new();
    desk.post([slot(1)]);
    desk.await_key(slot(2));
    desk.await_key(slot(3));
    for request in desk.next_batch(10) {
        match request.key() {
            key if key == slot(3) => drop(request),
            key if key == slot(2) => request.fulfil(StateValue::Account(None)),
            _ => request.fulfil(value(7)),
        }
    }
    assert_eq!(desk.arrivals(), [slot(2), slot(3)]);
    assert_eq!(desk.get(&slot(1)), Some(value(7)));
    let failed = "a value of the wrong kind, and none at all";
    assert_eq!(desk.await_key(slot(2)), Standing::Failed, "{failed}");
    assert_eq!(desk.await_key(slot(3)), Standing::Failed, "{failed}");
}

#[test]
fn a_closed_desk_sends_readers_home_whatever_is_posted() {
    let desk = Desk::new();
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
        let desk = Desk::new();
        readers.over(&db).serve(&desk, || {
            desk.await_key(slot(1));
            assert_eq!(desk.wait_for_arrivals(), [slot(1)]);
        });
        assert_eq!(desk.get(&slot(1)), Some(value(0)));
        let desk = Desk::new();
        let panics = std::panic::AssertUnwindSafe(|| {
            readers.over(&db).serve(&desk, || -> () { panic!("as it should") });
        });
        assert!(std::panic::catch_unwind(panics).is_err());
    }
}
