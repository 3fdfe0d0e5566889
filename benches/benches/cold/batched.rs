//! A device that takes many reads at once: whoever asks submits them and goes on, each
//! takes the latency that was asked for from then on, and one thread hands in all that are
//! due. This is how io_uring behaves, or a service behind a network.
//!
//! The thread sleeps as reads one by one do ([`Slow`]), so that what is asked for becomes
//! as much longer here as there. In-order execution on the same device reads one by one.

use crate::slow::{Slow, sleep_for};
use alloy_primitives::{Address, B256, U256};
use foresee_execute::{Desk, Request, StateKey, StateSource, StateValue};
use revm::{
    DatabaseRef,
    state::{AccountInfo, Bytecode},
};
use std::{
    collections::VecDeque,
    convert::Infallible,
    sync::{Arc, Condvar, Mutex},
    thread,
    time::{Duration, Instant},
};

/// How many reads the device works at. What is asked for beyond waits at the desk.
const DEPTH: usize = 256;

pub(crate) struct Batched<'a> {
    pub(crate) device: Slow<'a>,
}

/// Reads on their way.
struct Flight {
    latency: Duration,
    state: Mutex<InFlight>,
    wake: Condvar,
}

#[derive(Default)]
struct InFlight {
    /// When they were submitted, the oldest first.
    reads: VecDeque<(Instant, Request)>,
    is_closed: bool,
}

impl Flight {
    /// Takes over what is posted.
    fn submit(&self, desk: &Arc<Desk>) {
        let mut flight = self.state.lock().expect("no panic under the lock");
        let was_empty = flight.reads.is_empty();
        let now = Instant::now();
        let room = DEPTH.saturating_sub(flight.reads.len());
        flight.reads.extend(desk.batch(room).into_iter().map(|request| (now, request)));
        let is_first = was_empty && !flight.reads.is_empty();
        drop(flight);
        if is_first {
            self.wake.notify_one();
        }
    }

    /// Hands in what is due, until the flight is closed.
    fn complete(&self, desk: &Arc<Desk>, device: &Slow<'_>) {
        loop {
            let flight = self.state.lock().expect("no panic under the lock");
            let nothing = |flight: &mut InFlight| flight.reads.is_empty() && !flight.is_closed;
            let mut flight =
                self.wake.wait_while(flight, nothing).expect("no panic under the lock");
            if flight.is_closed {
                flight.reads.clear();
                return;
            }
            let age = flight.reads.front().map_or(Duration::ZERO, |(start, _)| start.elapsed());
            if age < self.latency {
                drop(flight);
                sleep_for(self.latency - age);
                continue;
            }
            let now = Instant::now();
            let due = flight.reads.partition_point(|(start, _)| now - *start >= self.latency);
            let due: Vec<_> = flight.reads.drain(..due).collect();
            drop(flight);
            for (start, request) in due {
                device.meter().add(start.elapsed());
                let value = value(device, request.key());
                request.fulfil(value);
            }
            self.submit(desk);
        }
    }
}

fn value(device: &Slow<'_>, key: StateKey) -> StateValue {
    let state = device.without_delay();
    let value = match key {
        StateKey::Account(address) => state
            .basic_ref(address)
            .map(|info| StateValue::Account(info.map(|info| AccountInfo { code: None, ..info }))),
        StateKey::Slot(address, slot) => state.storage_ref(address, slot).map(StateValue::Slot),
        StateKey::Code(hash) => state.code_by_hash_ref(hash).map(StateValue::Code),
        StateKey::BlockHash(number) => state.block_hash_ref(number).map(StateValue::BlockHash),
    };
    value.unwrap_or_else(|never| match never {})
}

impl StateSource for Batched<'_> {
    fn serve<R>(&self, desk: &Arc<Desk>, work: impl FnOnce() -> R) -> R {
        let flight = Arc::new(Flight {
            latency: self.device.latency(),
            state: Mutex::default(),
            wake: Condvar::new(),
        });
        desk.on_post({
            let flight = flight.clone();
            move |desk| flight.submit(desk)
        });
        thread::scope(|scope| {
            let _land = Landing(desk, &flight);
            scope.spawn(|| flight.complete(desk, &self.device));
            work()
        })
    }
}

/// Ends the flight, also if the work panics.
struct Landing<'a>(&'a Arc<Desk>, &'a Flight);

impl Drop for Landing<'_> {
    fn drop(&mut self) {
        self.0.close();
        self.1.state.lock().expect("no panic under the lock").is_closed = true;
        self.1.wake.notify_one();
    }
}

impl DatabaseRef for Batched<'_> {
    type Error = Infallible;

    fn basic_ref(&self, address: Address) -> Result<Option<AccountInfo>, Infallible> {
        self.device.basic_ref(address)
    }

    fn code_by_hash_ref(&self, hash: B256) -> Result<Bytecode, Infallible> {
        self.device.code_by_hash_ref(hash)
    }

    fn storage_ref(&self, address: Address, slot: U256) -> Result<U256, Infallible> {
        self.device.storage_ref(address, slot)
    }

    fn block_hash_ref(&self, number: u64) -> Result<B256, Infallible> {
        self.device.block_hash_ref(number)
    }
}
