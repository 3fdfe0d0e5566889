//! Where threads await keys, and hear of their arrival.

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
    /// How many threads sleep until there are any.
    sleepers: usize,
    /// How often somebody was to look up for another reason.
    nudges: u64,
}

/// Where threads await keys, each with a handle of its own. Of those that share a tray,
/// the first one that looks takes what has arrived.
#[derive(Debug)]
pub struct Tray<'a> {
    pub(super) desk: &'a Arc<Desk>,
    pub(super) number: usize,
    /// Keys that are not in the queue yet.
    pub(super) wanted: Vec<StateKey>,
    /// How often this thread has looked up for another reason.
    pub(super) nudges: u64,
}

/// What ended a wait.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Waited {
    /// Awaited keys are settled.
    Arrived(Vec<StateKey>),
    /// Another thread [wanted it](Tray::nudge).
    Nudged,
    /// It took too long.
    Late,
}

impl Arrivals {
    pub(super) fn announce(&self, key: StateKey) {
        let mut arrived = self.lock();
        arrived.keys.push(key);
        // Whoever wakes takes all there are.
        let wakes = arrived.keys.len() == 1 && arrived.sleepers > 0;
        drop(arrived);
        if wakes {
            self.wake.notify_one();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Arrived> {
        self.arrived.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Arrived {
    /// Whether a thread that has looked up so often has nothing to look up for.
    const fn is_quiet(&self, nudges: u64) -> bool {
        self.keys.is_empty() && self.nudges == nudges
    }

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
    /// there. It is asked for when [`post`](Self::post) is called.
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
            }
        }
        standing
    }

    /// The awaited keys that have been settled since anybody looked.
    pub fn arrivals(&mut self) -> Vec<StateKey> {
        self.own().lock().take()
    }

    /// Waits for awaited keys to be settled, so long at most; two seconds if nothing else
    /// is said, and not at all if the source has been silent for as long.
    pub fn wait(&mut self, most: Option<Duration>) -> Waited {
        self.post();
        let start = Instant::now();
        while start.elapsed() < most.map_or(WAKEFUL, |most| most.min(WAKEFUL)) {
            if let Some(waited) = self.look() {
                return waited;
            }
            thread::yield_now();
        }
        let patience = match self.desk.is_silent.load(Ordering::Relaxed) {
            true => Duration::ZERO,
            false => most.map_or(PATIENCE, |most| most.saturating_sub(start.elapsed())),
        };
        let nudges = self.nudges;
        let mut arrived = self.own().lock();
        arrived.sleepers += 1;
        let quiet = |arrived: &mut Arrived| arrived.is_quiet(nudges);
        let waited = self.own().wake.wait_timeout_while(arrived, patience, quiet);
        waited.unwrap_or_else(PoisonError::into_inner).0.sleepers -= 1;
        self.look().unwrap_or(Waited::Late)
    }

    /// Has all who wait at this tray look up.
    pub fn nudge(&self) {
        let mut arrived = self.own().lock();
        arrived.nudges += 1;
        let sleeps = arrived.sleepers > 0;
        drop(arrived);
        if sleeps {
            self.own().wake.notify_all();
        }
    }

    /// Takes what there is to look up for.
    fn look(&mut self) -> Option<Waited> {
        let mut arrived = self.own().lock();
        if arrived.is_quiet(self.nudges) {
            return None;
        }
        let (keys, nudges) = (arrived.take(), arrived.nudges);
        drop(arrived);
        self.nudges = nudges;
        Some(if keys.is_empty() { Waited::Nudged } else { Waited::Arrived(keys) })
    }

    /// Puts what is wanted into the queue once there is much of it.
    pub fn post_many(&mut self) {
        if self.wanted.len() >= BATCH {
            self.post();
        }
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
