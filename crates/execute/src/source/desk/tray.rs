//! Where a thread awaits keys, and hears of their arrival.

use super::{BATCH, CELLS, Cell, Desk, PATIENCE, Standing, State};
use crate::source::StateKey;
use core::{sync::atomic::Ordering, time::Duration};
use std::{
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::Instant,
};

/// How long arrivals are looked out for before the thread sleeps. To be woken takes about
/// as long as a read from a fast disk does.
const WAKEFUL: Duration = Duration::from_micros(300);

/// Keys that [were to be told of](Tray::await_key), and are settled now.
#[derive(Debug, Default)]
pub(super) struct Arrivals {
    arrived: Mutex<Arrived>,
    pub(super) wake: Condvar,
}

#[derive(Debug, Default)]
struct Arrived {
    keys: Vec<StateKey>,
    /// Whether somebody sleeps until there are any.
    is_wanted: bool,
}

/// Where one thread awaits keys. No two threads may have the same.
#[derive(Debug)]
pub struct Tray<'a> {
    pub(super) desk: &'a Arc<Desk>,
    pub(super) number: usize,
    /// Keys that are not in the queue yet.
    pub(super) wanted: Vec<StateKey>,
}

impl Arrivals {
    pub(super) fn announce(&self, key: StateKey) {
        let mut arrived = self.lock();
        arrived.keys.push(key);
        let is_wanted = core::mem::take(&mut arrived.is_wanted);
        drop(arrived);
        if is_wanted {
            self.wake.notify_one();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Arrived> {
        self.arrived.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Arrived {
    /// Takes the keys, and leaves room for some more.
    fn take(&mut self) -> Vec<StateKey> {
        match self.keys.is_empty() {
            true => Vec::new(),
            false => core::mem::replace(&mut self.keys, Vec::with_capacity(CELLS)),
        }
    }
}

impl Tray<'_> {
    /// Asks for a value that somebody waits for, unless that has been done, and tells how
    /// it stands. If it is on its way, [`arrivals`](Self::arrivals) will tell when it is
    /// there. It may be asked for no sooner than these are looked for.
    pub fn await_key(&mut self, key: StateKey) -> Standing {
        let bit = 1 << self.number;
        let mut cells = self.desk.shard(&key).lock();
        let mut is_new = false;
        let cell = cells.entry(key).or_insert_with(|| {
            is_new = true;
            Cell::new(State::Posted)
        });
        let standing = cell.standing();
        if standing == Standing::Posted {
            // It may lie behind many that nobody waits for.
            let is_first = cell.trays == 0;
            cell.trays |= bit;
            let is_posted = matches!(cell.state, State::Posted);
            drop(cells);
            if is_new || is_first && is_posted {
                self.wanted.push(key);
                if self.wanted.len() >= BATCH {
                    self.post();
                }
            }
        }
        standing
    }

    /// The awaited keys that have been settled since the last call.
    pub fn arrivals(&mut self) -> Vec<StateKey> {
        self.own().lock().take()
    }

    /// The awaited keys that have been settled since the last call. Waits for one, but not
    /// for ever: nothing comes back if the source is silent for two seconds.
    pub fn wait_for_arrivals(&mut self) -> Vec<StateKey> {
        self.post();
        let start = Instant::now();
        while start.elapsed() < WAKEFUL {
            let keys = self.arrivals();
            if !keys.is_empty() {
                return keys;
            }
            thread::yield_now();
        }
        let patience = match self.desk.is_silent.load(Ordering::Relaxed) {
            true => Duration::ZERO,
            false => PATIENCE,
        };
        let mut arrived = self.own().lock();
        arrived.is_wanted = true;
        let nothing = |arrived: &mut Arrived| arrived.keys.is_empty();
        let waited = self.own().wake.wait_timeout_while(arrived, patience, nothing);
        let mut arrived = waited.unwrap_or_else(PoisonError::into_inner).0;
        arrived.is_wanted = false;
        arrived.take()
    }

    /// Puts what is wanted into the queue.
    pub fn post(&mut self) {
        if !self.wanted.is_empty() {
            let wanted = self.wanted.drain(..);
            self.desk.enqueue(|posted| posted.urgent.extend(wanted));
        }
    }

    fn own(&self) -> &Arrivals {
        &self.desk.trays[self.number]
    }
}
