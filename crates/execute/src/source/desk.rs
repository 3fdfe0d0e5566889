//! Where reads are asked for and handed in.
//!
//! Requests wait in two queues, each in the order in which they were posted: those that
//! somebody waits for go first. A value is asked of the source once. What was handed in
//! lies in shards, each behind a lock that is held for one look-up; whoever needs a value
//! that is on its way sleeps on its shard. Whoever has other work has a [`Tray`], in which it
//! is told of what it awaits.
//!
//! Nobody waits for ever: a request that is dropped unfulfilled is marked as failed, and
//! patience with a source that settles nothing ends after [`PATIENCE`], for all who wait.

mod tray;

pub use tray::{Tray, Waited};

use super::{StateKey, StateValue};
use alloy_primitives::map::{DefaultHashBuilder, HashMap, hash_map::Entry};
use core::{
    hash::BuildHasher,
    sync::atomic::{AtomicBool, Ordering},
};
use std::{
    collections::VecDeque,
    sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError},
    time::Duration,
};
use tray::Arrivals;

/// Independently locked parts of what was handed in.
const SHARDS: usize = 1 << 5;

/// How long a value that is on its way is waited for before it is read once more. It
/// decides nothing but who reads.
const PATIENCE: Duration = Duration::from_secs(2);

/// Room for so many keys per shard from the start: whoever hands values in, on threads of
/// its own, should not have to make it.
const CELLS: usize = 1 << 6;

/// So many of the source's threads are being woken at a time. Each wakes others when it
/// has got up, so that waking, which is dear, is not left to whoever posts.
const WAKING_MAX: usize = 2;

/// How many threads may await keys.
const TRAYS: usize = 64;

/// So many keys are put into the queue at once, if there are so many.
const BATCH: usize = 8;

/// Where reads are asked for and handed in, for one block.
pub struct Desk {
    posted: Mutex<Posted>,
    /// Something was posted, or the desk was closed.
    work: Condvar,
    hasher: DefaultHashBuilder,
    shards: [Shard; SHARDS],
    trays: [Arrivals; TRAYS],
    /// Whether patience has ended and nothing was settled since.
    is_silent: AtomicBool,
    bell: OnceLock<Bell>,
}

/// Told of what was posted.
type Bell = Box<dyn Fn(&Arc<Desk>) + Send + Sync>;

#[derive(Debug, Default)]
struct Posted {
    urgent: VecDeque<StateKey>,
    eager: VecDeque<StateKey>,
    /// How many sources' threads sleep and are not being woken.
    idle: usize,
    /// How many are being woken, and have not got up yet.
    waking: usize,
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
    /// In which trays an arrival is to be announced, by bit.
    trays: u64,
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

/// A key that a source has taken over, to be answered from wherever it likes. Dropped
/// unfulfilled it counts as failed.
#[derive(Debug)]
pub struct Request {
    desk: Arc<Desk>,
    key: StateKey,
    is_fulfilled: bool,
    /// Whether it was taken over by whoever needs the value, not by the source.
    is_on_demand: bool,
}

impl Default for Desk {
    fn default() -> Self {
        Self::new()
    }
}

impl core::fmt::Debug for Desk {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Desk").field("posted", &self.posted).finish_non_exhaustive()
    }
}

impl Desk {
    /// An empty desk.
    pub fn new() -> Self {
        let room = CELLS * SHARDS;
        let (urgent, eager) = (VecDeque::with_capacity(room), VecDeque::with_capacity(room));
        let shard = || Shard {
            cells: Mutex::new(HashMap::with_capacity_and_hasher(
                CELLS,
                DefaultHashBuilder::default(),
            )),
            settled: Condvar::new(),
        };
        Self {
            posted: Mutex::new(Posted { urgent, eager, ..Posted::default() }),
            work: Condvar::new(),
            hasher: DefaultHashBuilder::default(),
            shards: core::array::from_fn(|_| shard()),
            trays: core::array::from_fn(|_| Arrivals::default()),
            is_silent: AtomicBool::new(false),
            bell: OnceLock::new(),
        }
    }

    /// Asks for values that nobody waits for yet, in this order. How many of them nobody
    /// had asked for before.
    pub fn post(self: &Arc<Self>, keys: impl IntoIterator<Item = StateKey>) -> usize {
        let fresh: Vec<_> = keys.into_iter().filter(|key| self.open(*key)).collect();
        if !fresh.is_empty() {
            self.enqueue(|posted| posted.eager.extend(&fresh));
        }
        fresh.len()
    }

    /// One of the trays, of which there are 64.
    pub fn tray(self: &Arc<Self>, number: usize) -> Option<Tray<'_>> {
        (number < TRAYS).then(|| Tray { desk: self, number, wanted: Vec::new(), nudges: 0 })
    }

    /// What was handed in for a key.
    pub fn get(&self, key: &StateKey) -> Option<StateValue> {
        match self.shard(key).lock().get(key) {
            Some(Cell { state: State::Ready(value), .. }) => Some(value.clone()),
            _ => None,
        }
    }

    /// Gives up a key that is on its way, because the source has been silent for long. A
    /// value that comes later is of no use any more.
    pub fn give_up(&self, key: &StateKey) {
        self.settle(*key, State::Failed);
        self.is_silent.store(true, Ordering::Relaxed);
    }

    /// Takes over the next request, waiting for one if need be. None when the desk is
    /// closed.
    pub fn next(self: &Arc<Self>) -> Option<Request> {
        let mut posted = self.posted();
        loop {
            if posted.is_closed {
                return None;
            }
            if let Some(request) = self.take(&mut posted) {
                self.wake(posted);
                return Some(request);
            }
            posted.idle += 1;
            let stays = |posted: &mut Posted| posted.waking == 0 && !posted.is_closed;
            let woken = self.work.wait_while(posted, stays);
            posted = woken.unwrap_or_else(PoisonError::into_inner);
            posted.waking = posted.waking.saturating_sub(1);
        }
    }

    /// Takes over as many requests as there are, up to a limit, waiting for the first if
    /// need be: what a source reads in one go. Nothing when the desk is closed.
    pub fn next_batch(self: &Arc<Self>, max: usize) -> Vec<Request> {
        let mut batch: Vec<_> = self.next().into_iter().collect();
        if !batch.is_empty() {
            batch.append(&mut self.batch(max - 1));
        }
        batch
    }

    /// Takes over as many requests as there are, up to a limit, and waits for none.
    pub fn batch(self: &Arc<Self>, max: usize) -> Vec<Request> {
        let mut posted = self.posted();
        if posted.is_closed {
            return Vec::new();
        }
        core::iter::from_fn(|| self.take(&mut posted)).take(max).collect()
    }

    /// Has whoever posts something call this at once, on the thread that posts, when
    /// nothing is locked: a source that can submit reads without waiting for them takes
    /// [what there is](Self::batch) then, and nobody has to be woken for it. Once for a
    /// desk; what was posted before is told of now. What `submit` owns lives as long as the
    /// desk, so a queue that it fills is to be emptied in the end.
    ///
    /// ```
    /// use alloy_primitives::{Address, U256};
    /// use foresee_execute::{Desk, StateKey, StateValue};
    /// use std::sync::{Arc, mpsc};
    ///
    /// let desk = Arc::new(Desk::new());
    /// let (submit, submitted) = mpsc::channel();
    /// desk.on_post(move |desk| {
    ///     for request in desk.batch(usize::MAX) {
    ///         // Here a read would be handed to the device.
    ///         submit.send(request).expect("the other end is there");
    ///     }
    /// });
    ///
    /// let key = StateKey::Slot(Address::ZERO, U256::from(7));
    /// desk.post([key]);
    ///
    /// // And here, on whatever thread, what the device has read is handed in.
    /// for request in submitted.try_iter() {
    ///     request.fulfil(StateValue::Slot(U256::ONE));
    /// }
    /// assert_eq!(desk.get(&key), Some(StateValue::Slot(U256::ONE)));
    /// ```
    pub fn on_post(self: &Arc<Self>, submit: impl Fn(&Arc<Self>) + Send + Sync + 'static) {
        if self.bell.set(Box::new(submit)).is_ok() {
            self.ring();
        }
    }

    fn ring(self: &Arc<Self>) {
        self.bell.get().into_iter().for_each(|bell| bell(self));
    }

    /// Takes the first key in the queues that nobody has taken or settled. The lock of a
    /// shard is taken under that of the queues here, and never the other way round.
    fn take(self: &Arc<Self>, posted: &mut Posted) -> Option<Request> {
        loop {
            let key = posted.urgent.pop_front().or_else(|| posted.eager.pop_front())?;
            if let Some(cell) = self.shard(&key).lock().get_mut(&key)
                && matches!(cell.state, State::Posted)
            {
                cell.state = State::Taken;
                posted.total += 1;
                let desk = self.clone();
                return Some(Request { desk, key, is_fulfilled: false, is_on_demand: false });
            }
        }
    }

    /// Ends the service: nobody takes over requests any more.
    pub fn close(&self) {
        self.posted().is_closed = true;
        self.work.notify_all();
    }

    /// Whether the service has ended.
    pub fn is_closed(&self) -> bool {
        self.posted().is_closed
    }

    /// How many requests the source has taken over.
    pub fn taken_total(&self) -> usize {
        self.posted().total
    }

    /// What was handed in for a key, waiting for it if it is on its way, and what there was
    /// to be met if execution has not looked at it before. If there is nothing, whoever
    /// asks has to read it, and all others wait for that.
    pub(super) fn wait(
        self: &Arc<Self>,
        key: StateKey,
    ) -> Result<(StateValue, Option<FirstLook>), Request> {
        let shard = self.shard(&key);
        let mut cells = shard.lock();
        let cell = cells.entry(key).or_insert_with(|| Cell::new(State::Failed));
        let first = match (core::mem::replace(&mut cell.is_used, true), &cell.state) {
            (true, _) | (_, State::Failed) => None,
            (false, State::Ready(_)) => Some(FirstLook::Ready),
            (false, State::Posted | State::Taken) => Some(FirstLook::Posted),
        };
        if cell.is_on_its_way() && !self.is_silent.load(Ordering::Relaxed) {
            cell.has_sleepers = true;
            let on_its_way = |cells: &mut HashMap<StateKey, Cell>| {
                cells.get(&key).is_some_and(Cell::is_on_its_way)
            };
            let waited = shard.settled.wait_timeout_while(cells, PATIENCE, on_its_way);
            let (after, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
            cells = after;
            if timeout.timed_out() {
                self.is_silent.store(true, Ordering::Relaxed);
            }
        }
        match cells.get_mut(&key) {
            Some(Cell { state: State::Ready(value), .. }) => Ok((value.clone(), first)),
            cell => {
                cell.into_iter().for_each(|cell| cell.state = State::Taken);
                let desk = self.clone();
                Err(Request { desk, key, is_fulfilled: false, is_on_demand: true })
            }
        }
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

    fn enqueue(self: &Arc<Self>, push: impl FnOnce(&mut Posted)) {
        let mut posted = self.posted();
        push(&mut posted);
        self.wake(posted);
        self.ring();
    }

    /// Wakes threads of the source if there is something for them to do.
    fn wake(&self, mut posted: MutexGuard<'_, Posted>) {
        let queued = posted.urgent.len() + posted.eager.len();
        let more = WAKING_MAX.min(queued).saturating_sub(posted.waking).min(posted.idle);
        posted.idle -= more;
        posted.waking += more;
        drop(posted);
        (0..more).for_each(|_| self.work.notify_one());
    }

    /// Ends a key's way.
    fn settle(&self, key: StateKey, state: State) {
        let shard = self.shard(&key);
        let mut cells = shard.lock();
        let Some(cell) = cells.get_mut(&key) else { return };
        // Somebody who lost patience may have read it meanwhile.
        if !matches!(cell.state, State::Ready(_)) {
            cell.state = state;
        }
        let sleepers = core::mem::take(&mut cell.has_sleepers);
        let trays = core::mem::take(&mut cell.trays);
        drop(cells);
        if sleepers {
            shard.settled.notify_all();
        }
        let awaiting = self.trays.iter().enumerate().filter(|(number, _)| trays >> number & 1 == 1);
        awaiting.for_each(|(_, tray)| tray.announce(key));
    }

    fn shard(&self, key: &StateKey) -> &Shard {
        &self.shards[self.hasher.hash_one(key) as usize % SHARDS]
    }

    fn posted(&self) -> MutexGuard<'_, Posted> {
        self.posted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Request {
    /// What is to be read.
    pub const fn key(&self) -> StateKey {
        self.key
    }

    fn settle(&self, state: State) {
        if !self.is_on_demand {
            self.desk.is_silent.store(false, Ordering::Relaxed);
        }
        self.desk.settle(self.key, state);
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
            self.desk.enqueue(|posted| posted.urgent.push_back(code));
        }
        self.settle(State::Ready(value));
    }
}

impl Drop for Request {
    fn drop(&mut self) {
        if !self.is_fulfilled {
            self.settle(State::Failed);
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
        Self { state, trays: 0, has_sleepers: false, is_used: false }
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
