//! Where reads are asked for and handed in.
//!
//! Requests wait in two queues, each in the order in which they were posted: those that
//! somebody waits for go first. A value is asked of the source once. What was handed in
//! lies in shards, each behind a lock that is held for one look-up; whoever needs a value
//! that is on its way sleeps on its shard.
//!
//! Nobody waits for ever: a request that is dropped unfulfilled is marked as failed, and
//! patience with a source that settles nothing ends after [`PATIENCE`], for all who wait.

use super::{StateKey, StateValue};
use alloy_primitives::map::{DefaultHashBuilder, HashMap, hash_map::Entry};
use core::{
    hash::BuildHasher,
    sync::atomic::{AtomicBool, Ordering},
};
use std::{
    collections::VecDeque,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// Independently locked parts of what was handed in.
const SHARDS: usize = 1 << 5;

/// How long a value that is on its way is waited for before it is read once more. It
/// decides nothing but who reads.
const PATIENCE: Duration = Duration::from_secs(2);

/// Where reads are asked for and handed in, for one block.
#[derive(Default)]
pub struct Desk {
    posted: Mutex<Posted>,
    /// Something was posted, or the desk was closed.
    work: Condvar,
    hasher: DefaultHashBuilder,
    shards: [Shard; SHARDS],
    /// Keys that [were to be told of](Desk::await_key), and are settled now.
    arrivals: Mutex<Vec<StateKey>>,
    arrived: Condvar,
    /// Whether patience has ended and nothing was settled since.
    is_silent: AtomicBool,
}

#[derive(Debug, Default)]
struct Posted {
    urgent: VecDeque<StateKey>,
    eager: VecDeque<StateKey>,
    /// How many sources' threads wait for something to do.
    idle: usize,
    total: usize,
    is_closed: bool,
}

#[derive(Debug, Default)]
struct Shard {
    cells: Mutex<HashMap<StateKey, Cell>>,
    /// A cell of this shard that somebody waits for is settled.
    settled: Condvar,
}

/// What is known of a key that was posted, or read on demand.
#[derive(Debug)]
struct Cell {
    state: State,
    /// Whether an arrival is to be announced.
    is_awaited: bool,
    /// Whether a thread sleeps until it is settled.
    has_sleepers: bool,
    /// Whether execution has looked at it.
    is_used: bool,
}

#[derive(Debug)]
enum State {
    /// It lies in a queue, perhaps in both.
    Posted,
    /// The source is at it.
    Taken,
    Ready(StateValue),
    Failed,
}

/// How a key stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It is on its way.
    Posted,
    /// Its value is there.
    Ready,
    /// The source gave it up.
    Failed,
}

/// What a look at a key met, the first time that execution looks at it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FirstLook {
    /// The value was there.
    Ready,
    /// It was on its way.
    Posted,
}

/// A key that a source has taken over. Dropped unfulfilled it counts as failed.
#[derive(Debug)]
pub struct Request<'a> {
    desk: &'a Desk,
    key: StateKey,
    is_fulfilled: bool,
}

impl core::fmt::Debug for Desk {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Desk").field("posted", &self.posted).finish_non_exhaustive()
    }
}

impl Desk {
    /// An empty desk.
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks for values that nobody waits for yet, in this order.
    pub fn post(&self, keys: impl IntoIterator<Item = StateKey>) {
        let fresh: Vec<_> = keys.into_iter().filter(|key| self.open(*key)).collect();
        self.enqueue(|posted| posted.eager.extend(&fresh), fresh.len());
    }

    /// Asks for a value that somebody waits for, unless that has been done, and tells how
    /// it stands. If it is on its way, [`arrivals`](Self::arrivals) will tell when it is
    /// there.
    pub fn await_key(&self, key: StateKey) -> Standing {
        let standing = {
            let mut cells = self.shard(&key).lock();
            match cells.entry(key) {
                Entry::Vacant(entry) => {
                    entry.insert(Cell { is_awaited: true, ..Cell::new(State::Posted) });
                    None
                }
                Entry::Occupied(mut entry) => {
                    let cell = entry.get_mut();
                    let standing = cell.standing();
                    let is_first = standing == Standing::Posted && !cell.is_awaited;
                    cell.is_awaited |= is_first;
                    // It may lie behind many that nobody waits for.
                    let is_queued = is_first && matches!(cell.state, State::Posted);
                    (!is_queued).then_some(standing)
                }
            }
        };
        standing.unwrap_or_else(|| {
            self.enqueue(|posted| posted.urgent.push_back(key), 1);
            Standing::Posted
        })
    }

    /// What was handed in for a key.
    pub fn get(&self, key: &StateKey) -> Option<StateValue> {
        match self.shard(key).lock().get(key) {
            Some(Cell { state: State::Ready(value), .. }) => Some(value.clone()),
            _ => None,
        }
    }

    /// The awaited keys that have been settled since the last call. Waits for one, but not
    /// for ever: nothing comes back if the source is silent for two seconds.
    pub fn wait_for_arrivals(&self) -> Vec<StateKey> {
        let arrivals = self.arrivals.lock().unwrap_or_else(PoisonError::into_inner);
        let patience = match self.is_silent.load(Ordering::Relaxed) {
            true => Duration::ZERO,
            false => PATIENCE,
        };
        let waited = self.arrived.wait_timeout_while(arrivals, patience, |keys| keys.is_empty());
        core::mem::take(&mut *waited.unwrap_or_else(PoisonError::into_inner).0)
    }

    /// The awaited keys that have been settled since the last call.
    pub fn arrivals(&self) -> Vec<StateKey> {
        core::mem::take(&mut *self.arrivals.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Gives up a key that is on its way, because the source has been silent for long. A
    /// value that comes later is of no use any more.
    pub fn give_up(&self, key: &StateKey) {
        self.settle(*key, State::Failed);
        self.is_silent.store(true, Ordering::Relaxed);
    }

    /// Takes over the next request, waiting for one if need be. None when the desk is
    /// closed.
    pub fn next(&self) -> Option<Request<'_>> {
        let mut posted = self.posted();
        loop {
            if posted.is_closed {
                return None;
            }
            if let Some(request) = self.take(&mut posted) {
                return Some(request);
            }
            posted.idle += 1;
            posted = self.work.wait(posted).unwrap_or_else(PoisonError::into_inner);
            posted.idle -= 1;
        }
    }

    /// Takes over as many requests as there are, up to a limit, waiting for the first if
    /// need be: what a source reads in one go. Nothing when the desk is closed.
    pub fn next_batch(&self, max: usize) -> Vec<Request<'_>> {
        let mut batch: Vec<_> = self.next().into_iter().collect();
        if !batch.is_empty() {
            let mut posted = self.posted();
            while batch.len() < max {
                let Some(request) = self.take(&mut posted) else { break };
                batch.push(request);
            }
        }
        batch
    }

    /// Takes the first key in the queues that nobody has taken or settled. The lock of a
    /// shard is taken under that of the queues here, and never the other way round.
    fn take(&self, posted: &mut Posted) -> Option<Request<'_>> {
        loop {
            let key = posted.urgent.pop_front().or_else(|| posted.eager.pop_front())?;
            if let Some(cell) = self.shard(&key).lock().get_mut(&key)
                && matches!(cell.state, State::Posted)
            {
                cell.state = State::Taken;
                posted.total += 1;
                return Some(Request { desk: self, key, is_fulfilled: false });
            }
        }
    }

    /// Ends the service: nobody takes over requests any more.
    pub fn close(&self) {
        self.posted().is_closed = true;
        self.work.notify_all();
    }

    /// How many requests the source has taken over.
    pub fn taken_total(&self) -> usize {
        self.posted().total
    }

    /// What was handed in for a key, waiting for it if it is on its way, and what there was
    /// to be met if execution has not looked at it before. None if it has to be read.
    pub(super) fn wait(&self, key: &StateKey) -> Option<(StateValue, Option<FirstLook>)> {
        let shard = self.shard(key);
        let mut cells = shard.lock();
        let cell = cells.get_mut(key)?;
        let first = match (core::mem::replace(&mut cell.is_used, true), &cell.state) {
            (true, _) | (_, State::Failed) => None,
            (false, State::Ready(_)) => Some(FirstLook::Ready),
            (false, State::Posted | State::Taken) => Some(FirstLook::Posted),
        };
        if cell.is_on_its_way() && !self.is_silent.load(Ordering::Relaxed) {
            cell.has_sleepers = true;
            let on_its_way = |cells: &mut HashMap<StateKey, Cell>| {
                cells.get(key).is_some_and(Cell::is_on_its_way)
            };
            let waited = shard.settled.wait_timeout_while(cells, PATIENCE, on_its_way);
            let (after, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
            cells = after;
            if timeout.timed_out() {
                self.is_silent.store(true, Ordering::Relaxed);
            }
        }
        match cells.get(key) {
            Some(Cell { state: State::Ready(value), .. }) => Some((value.clone(), first)),
            _ => None,
        }
    }

    /// Takes in a value that was read without being posted, or after all. Whether it is the
    /// first.
    pub(super) fn take_in(&self, key: StateKey, value: StateValue) -> bool {
        let mut cells = self.shard(&key).lock();
        let cell = cells.entry(key).or_insert_with(|| Cell::new(State::Failed));
        let is_first = !matches!(cell.state, State::Ready(_));
        cell.state = State::Ready(value);
        cell.is_used = true;
        is_first
    }

    /// Opens a cell for a key; false if there is one.
    fn open(&self, key: StateKey) -> bool {
        match self.shard(&key).lock().entry(key) {
            Entry::Occupied(_) => false,
            Entry::Vacant(entry) => {
                entry.insert(Cell::new(State::Posted));
                true
            }
        }
    }

    fn enqueue(&self, push: impl FnOnce(&mut Posted), count: usize) {
        let mut posted = self.posted();
        push(&mut posted);
        let woken = count.min(posted.idle);
        drop(posted);
        (0..woken).for_each(|_| self.work.notify_one());
    }

    /// Ends a key's way.
    fn settle(&self, key: StateKey, state: State) {
        self.is_silent.store(false, Ordering::Relaxed);
        let shard = self.shard(&key);
        let mut cells = shard.lock();
        let Some(cell) = cells.get_mut(&key) else { return };
        // Somebody who lost patience may have read it meanwhile.
        if cell.is_on_its_way() {
            cell.state = state;
        }
        let sleepers = core::mem::take(&mut cell.has_sleepers);
        let awaited = core::mem::take(&mut cell.is_awaited);
        drop(cells);
        if sleepers {
            shard.settled.notify_all();
        }
        if awaited {
            self.arrivals.lock().unwrap_or_else(PoisonError::into_inner).push(key);
            self.arrived.notify_one();
        }
    }

    fn shard(&self, key: &StateKey) -> &Shard {
        &self.shards[self.hasher.hash_one(key) as usize % SHARDS]
    }

    fn posted(&self) -> MutexGuard<'_, Posted> {
        self.posted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Request<'_> {
    /// What is to be read.
    pub const fn key(&self) -> StateKey {
        self.key
    }

    /// Hands the value in. With an account its code is asked for: accounts with code are
    /// read to run it. A value of another kind than the key's counts as a failure.
    pub fn fulfil(mut self, value: StateValue) {
        if !self.key.is_of_kind(&value) {
            return;
        }
        self.is_fulfilled = true;
        if let StateValue::Account(Some(info)) = &value
            && info.code.is_none()
            && !info.is_empty_code_hash()
            && self.desk.open(StateKey::Code(info.code_hash))
        {
            let code = StateKey::Code(info.code_hash);
            self.desk.enqueue(|posted| posted.urgent.push_back(code), 1);
        }
        self.desk.settle(self.key, State::Ready(value));
    }
}

impl Drop for Request<'_> {
    fn drop(&mut self) {
        if !self.is_fulfilled {
            self.desk.settle(self.key, State::Failed);
        }
    }
}

impl StateKey {
    const fn is_of_kind(&self, value: &StateValue) -> bool {
        matches!(
            (self, value),
            (Self::Account(_), StateValue::Account(_))
                | (Self::Slot(..), StateValue::Slot(_))
                | (Self::Code(_), StateValue::Code(_))
                | (Self::BlockHash(_), StateValue::BlockHash(_))
        )
    }
}

impl Cell {
    const fn new(state: State) -> Self {
        Self { state, is_awaited: false, has_sleepers: false, is_used: false }
    }

    const fn is_on_its_way(&self) -> bool {
        matches!(self.state, State::Posted | State::Taken)
    }

    const fn standing(&self) -> Standing {
        match self.state {
            State::Posted | State::Taken => Standing::Posted,
            State::Ready(_) => Standing::Ready,
            State::Failed => Standing::Failed,
        }
    }
}

impl Shard {
    fn lock(&self) -> MutexGuard<'_, HashMap<StateKey, Cell>> {
        self.cells.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
