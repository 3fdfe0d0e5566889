//! On a state whose reads take long, fail, come in any order or not at all, the result is
//! that of in-order execution.

#![expect(clippy::disallowed_methods, reason = "the sources are slow on purpose")]

use crate::{
    asking::{Asking, Gone},
    mainnet,
};
use alloy_primitives::{Address, B256, U256, hex};
use core::{
    convert::Infallible,
    sync::atomic::{AtomicI64, Ordering},
};
use foresee::{Config, Foresee, Mode, execute::Policy};
use foresee_execute::{
    Desk, ExecuteError, Readers, Request, StateKey, StateSource, StateValue, execute_in_order,
};
use foresee_source::LoadedBlock;
use foresee_workload::{Scenario, generate};
use revm::{
    DatabaseRef,
    database::{CacheDB, EmptyDB},
    state::{AccountInfo, Bytecode},
};
use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, mpsc},
    thread,
    time::Duration,
};

type Memory = CacheDB<EmptyDB>;

fn foresee(threads: usize, policy: Policy) -> Foresee {
    let mode = Mode::Parallel;
    Foresee::new(Config { threads, policy, mode, ..Config::default() }).unwrap()
}

/// How the source and the state behind it behave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Temper {
    /// Every read takes some time, which varies from key to key.
    Slow,
    /// Answers come in batches, the last request first.
    Backwards,
    /// What is posted is submitted at once; one thread hands in what is read.
    Submitting,
    /// Every third key is never answered.
    Forgetful,
    /// Every third key makes a reader panic; the state itself has it.
    Panicking,
    /// Nothing is served at all.
    Idle,
}

/// A source over a state in memory; code is a read of its own.
struct Source<'a> {
    state: &'a Memory,
    temper: Temper,
    readers: &'a Readers,
}

/// The state as readers see it.
struct Behind<'a>(&'a Source<'a>);

fn number(address: Address, slot: U256) -> u64 {
    u64::from(address.0[19]) + slot.as_limbs()[0]
}

impl DatabaseRef for Source<'_> {
    type Error = Infallible;

    fn basic_ref(&self, address: Address) -> Result<Option<AccountInfo>, Infallible> {
        let info = self.state.basic_ref(address)?;
        Ok(info.map(|info| AccountInfo { code: None, ..info }))
    }

    fn code_by_hash_ref(&self, hash: B256) -> Result<Bytecode, Infallible> {
        self.state.code_by_hash_ref(hash)
    }

    fn storage_ref(&self, address: Address, slot: U256) -> Result<U256, Infallible> {
        self.state.storage_ref(address, slot)
    }

    fn block_hash_ref(&self, number: u64) -> Result<B256, Infallible> {
        self.state.block_hash_ref(number)
    }
}

impl Behind<'_> {
    fn meet(&self, number: u64) {
        match self.0.temper {
            Temper::Panicking if number.is_multiple_of(3) => panic!("a reader panics"),
            _ => thread::sleep(Duration::from_micros(number % 7 * 20)),
        }
    }
}

impl DatabaseRef for Behind<'_> {
    type Error = Infallible;

    fn basic_ref(&self, address: Address) -> Result<Option<AccountInfo>, Infallible> {
        self.meet(number(address, U256::ZERO));
        self.0.basic_ref(address)
    }

    fn code_by_hash_ref(&self, hash: B256) -> Result<Bytecode, Infallible> {
        self.meet(u64::from(hash.0[0]));
        self.0.code_by_hash_ref(hash)
    }

    fn storage_ref(&self, address: Address, slot: U256) -> Result<U256, Infallible> {
        self.meet(number(address, slot));
        self.0.storage_ref(address, slot)
    }

    fn block_hash_ref(&self, number: u64) -> Result<B256, Infallible> {
        self.meet(number);
        self.0.block_hash_ref(number)
    }
}

impl Source<'_> {
    fn value(&self, key: StateKey) -> StateValue {
        let value = match key {
            StateKey::Account(address) => self.basic_ref(address).map(StateValue::Account),
            StateKey::Slot(address, slot) => self.storage_ref(address, slot).map(StateValue::Slot),
            StateKey::Code(hash) => self.code_by_hash_ref(hash).map(StateValue::Code),
            StateKey::BlockHash(number) => self.block_hash_ref(number).map(StateValue::BlockHash),
        };
        value.unwrap_or_else(|never| match never {})
    }

    /// One thread that takes and answers in its own way.
    fn answer(&self, desk: &Arc<Desk>) {
        loop {
            let mut batch = desk.next_batch(50);
            if batch.is_empty() {
                return;
            }
            thread::sleep(Duration::from_micros(200));
            batch.reverse();
            for (position, request) in batch.into_iter().enumerate() {
                if self.temper != Temper::Forgetful || position % 3 != 0 {
                    let value = self.value(request.key());
                    request.fulfil(value);
                }
            }
        }
    }
}

impl Source<'_> {
    /// Answers what was submitted, and submits what had no room.
    fn hand_in(&self, desk: &Arc<Desk>, submitted: &mpsc::Receiver<Request>) {
        while !desk.is_closed() {
            let some = submitted.recv_timeout(Duration::from_micros(200)).into_iter();
            for request in some.chain(submitted.try_iter()).chain(desk.batch(100)) {
                let value = self.value(request.key());
                request.fulfil(value);
            }
        }
    }
}

impl StateSource for Source<'_> {
    fn serve<R>(&self, desk: &Arc<Desk>, work: impl FnOnce() -> R) -> R {
        match self.temper {
            Temper::Slow | Temper::Panicking => self.readers.over(&Behind(self)).serve(desk, work),
            Temper::Backwards | Temper::Forgetful => thread::scope(|scope| {
                scope.spawn(|| self.answer(desk));
                let result = work();
                desk.close();
                result
            }),
            Temper::Submitting => {
                let (submit, submitted) = mpsc::channel();
                // Nobody listens any more when the block is done.
                desk.on_post(move |desk| {
                    desk.batch(100).into_iter().for_each(|request| drop(submit.send(request)));
                });
                thread::scope(|scope| {
                    scope.spawn(move || self.hand_in(desk, &submitted));
                    let result = work();
                    desk.close();
                    result
                })
            }
            Temper::Idle => work(),
        }
    }
}

fn check(foresee: &Foresee, loaded: &LoadedBlock, source: &Source<'_>, name: &str) {
    let block = &loaded.block;
    let in_order = execute_in_order(block, &loaded.state).unwrap();
    let threads = foresee.config().threads;
    let name = format!("{name}, {:?}, {threads} threads", source.temper);
    let cold = foresee.execute_cold(block, source).unwrap();
    assert!(cold.output == in_order, "{name}");
    let ahead = foresee.predict_ahead(block, &loaded.state).unwrap();
    let from_ahead = foresee.execute_cold_ahead(block, source, &ahead).unwrap();
    assert!(from_ahead.output == in_order, "{name}, ahead");
    for executed in [cold, from_ahead] {
        assert!(executed.cold.unwrap().reads.used() > 0, "{name}");
    }
}

#[test]
fn whatever_the_source_does_the_result_is_that_of_in_order_execution() {
    let readers = Readers::new(8).unwrap();
    let foresees = [1, 2, 4].map(|threads| foresee(threads, Policy::Dataflow));
    let layers = foresee(3, Policy::Layers);
    for scenario in Scenario::ALL {
        let loaded = generate(scenario, 24, 3).unwrap().into_block().unwrap();
        for temper in [
            Temper::Slow,
            Temper::Backwards,
            Temper::Submitting,
            Temper::Forgetful,
            Temper::Panicking,
        ] {
            let source = Source { state: &loaded.state, temper, readers: &readers };
            for foresee in foresees.iter().chain([&layers]) {
                check(foresee, &loaded, &source, scenario.name());
            }
        }
    }
}

/// The source takes the requests nowhere; patience ends, once for all that wait.
#[test]
fn a_source_that_serves_nobody_costs_time_and_nothing_else() {
    let readers = Readers::new(1).unwrap();
    let loaded = generate(Scenario::Erc20Cold, 3, 3).unwrap().into_block().unwrap();
    let source = Source { state: &loaded.state, temper: Temper::Idle, readers: &readers };
    let executed = foresee(2, Policy::Dataflow).execute_cold(&loaded.block, &source).unwrap();
    assert!(executed.output == execute_in_order(&loaded.block, &loaded.state).unwrap());
}

#[test]
fn scores_and_lists_come_with_cold_blocks() {
    let readers = Readers::new(4).unwrap();
    let loaded = generate(Scenario::Mix, 20, 5).unwrap().into_block().unwrap();
    let (block, state) = (&loaded.block, &loaded.state);
    let source = Source { state, temper: Temper::Backwards, readers: &readers };
    for mode in [Mode::Parallel, Mode::Auto, Mode::InOrder] {
        let config =
            Config { threads: 2, mode, score: true, access_list: true, ..Config::default() };
        let foresee = Foresee::new(config).unwrap();
        let (cold, hot) =
            (foresee.execute_cold(block, &source), foresee.execute_block(block, state));
        let (cold, hot) = (cold.unwrap(), hot.unwrap());
        assert!(cold.output == hot.output);
        // Where everything is predicted before it is executed, little is read on demand.
        let reads = cold.cold.unwrap().reads;
        assert!(reads.foreseen() >= 0.9, "{mode:?}: {reads:?}");
        assert_eq!(cold.score(), hot.score(), "{mode:?}");
        assert_eq!(cold.access_list, hot.access_list, "{mode:?}");
    }
}

/// Each transaction counts up and looks at the slot of that number, which alone would be
/// the first for all: the others are found over the predicted writes of those before.
#[test]
fn what_earlier_transactions_lead_to_is_fetched_as_well() {
    const TXS: usize = 24;
    let mut loaded = generate(Scenario::Erc20Cold, TXS, 3).unwrap().into_block().unwrap();
    let counter = Address::repeat_byte(0x77);
    // SLOAD(0), DUP1, SLOAD, POP, 1, ADD, 0, SSTORE.
    let code = Bytecode::new_legacy(hex!("5f 54 80 54 50 6001 01 5f 55").into());
    let (code_hash, code) = (code.hash_slow(), Some(code));
    let info = AccountInfo { nonce: 1, code_hash, code, ..AccountInfo::default() };
    loaded.state.insert_account_info(counter, info);
    loaded.state.insert_account_storage(counter, U256::ZERO, U256::from(100)).unwrap();
    loaded.block.transactions.iter_mut().for_each(|tx| tx.kind = counter.into());
    let readers = Readers::new(8).unwrap();
    let (block, state) = (&loaded.block, &loaded.state);
    let in_order = execute_in_order(block, state).unwrap();
    let source = Source { state, temper: Temper::Slow, readers: &readers };
    for threads in [1, 2] {
        let foresee = foresee(threads, Policy::Dataflow);
        let ahead = foresee.predict_ahead(block, state).unwrap();
        let inside = foresee.execute_cold(block, &source).unwrap();
        let ahead = foresee.execute_cold_ahead(block, &source, &ahead).unwrap();
        for (name, executed) in [("inside", inside), ("ahead", ahead)] {
            assert!(executed.output == in_order, "{name}");
            let reads = executed.cold.unwrap().reads;
            // On one thread, what is known ahead is executed in order.
            if threads > 1 || name == "inside" {
                assert!(reads.on_demand < TXS / 2, "{name}, {threads} threads: {reads:?}");
            }
        }
    }
}

#[test]
fn a_failing_read_is_an_error_or_was_not_needed() {
    let readers = Readers::new(4).unwrap();
    let loaded = generate(Scenario::Mix, 12, 9).unwrap().into_block().unwrap();
    let (block, state) = (&loaded.block, &loaded.state);
    let in_order = execute_in_order(block, state).unwrap();
    let foresee = foresee(2, Policy::Dataflow);
    for one in [false, true] {
        let mut succeeded = 0;
        for reads in 0..400 {
            let reads_left = AtomicI64::new(reads);
            // One read fails, for good; or from it on all do.
            let gone = Mutex::<BTreeSet<StateKey>>::default();
            let failing = Asking::new(state, |key| {
                let left = reads_left.fetch_sub(1, Ordering::Relaxed);
                let mut gone = gone.lock().unwrap();
                if left == 0 {
                    gone.insert(key);
                }
                let fails = if one { gone.contains(&key) } else { left <= 0 };
                if fails { Err(Gone) } else { Ok(()) }
            });
            match foresee.execute_cold(block, &readers.over(&failing)) {
                Ok(executed) => {
                    succeeded += 1;
                    assert!(executed.output == in_order, "after {reads} reads");
                }
                Err(error) => assert!(matches!(error, ExecuteError::Database(Gone)), "{error}"),
            }
        }
        assert!(succeeded > 0, "with enough reads the block is executed");
        assert!(succeeded < 400, "without, it is not");
    }
}

#[test]
#[ignore = "needs FORESEE_DATA"]
fn mainnet_blocks_equal_in_order_execution() {
    let readers = Readers::new(16).unwrap();
    let foresees = [1, 2, 8].map(|threads| foresee(threads, Policy::Dataflow));
    for (name, loaded) in mainnet::blocks() {
        let temper = Temper::Backwards;
        let source = Source { state: &loaded.state, temper, readers: &readers };
        for foresee in &foresees {
            check(foresee, &loaded, &source, &name);
        }
    }
}
