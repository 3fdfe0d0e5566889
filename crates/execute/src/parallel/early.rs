//! Transactions that are started before those they wait for have ended.
//!
//! A thread that would sleep otherwise may execute a transaction that waits for nothing but
//! what other threads are executing just then. It runs as any other ahead of its turn, up to
//! the first read of a location that one of those is expected to write: there it waits until
//! that one has ended. So what comes before such a read takes no time of its own.
//!
//! It cannot wait in vain. Whoever it waits for is earlier in the block and had been begun by
//! another thread before it was started itself, so the earliest of those that are being
//! executed waits for nobody; and if the block is given up, everybody is woken. What it sees
//! is as good as what anybody sees who runs ahead: versions, which are compared with the
//! authoritative state at its turn. Where a location is read that nobody expected, or where
//! the other one does not write after all, nothing but time is lost.

use crate::sync::{AtomicBool, AtomicU64, Condvar, Mutex, Ordering, PoisonError};
use core::time::Duration;
use foresee_access::{Fingerprint, Location, TxIndex};
use revm::primitives::{Address, StorageKey};
use std::time::Instant;

/// How often is looked for an end before falling asleep: up to a tenth of a millisecond. Being
/// woken may take as long, and the transaction is late by that.
const SPINS: u32 = if cfg!(feature = "shuttle") { 0 } else { 4_000 };

/// Which transactions have been executed, for those who wait for that while they execute
/// another one.
pub(super) struct Signals {
    /// By transaction.
    executed: Box<[AtomicBool]>,
    /// Whether the block is done or given up.
    is_over: AtomicBool,
    /// How many sleep, or are about to.
    asleep: AtomicU64,
    lock: Mutex<()>,
    wake: Condvar,
}

impl Signals {
    /// Of a block of so many transactions, none of them executed.
    pub(super) fn new(transactions: usize) -> Self {
        Self {
            executed: (0..transactions).map(|_| AtomicBool::new(false)).collect(),
            is_over: AtomicBool::new(false),
            asleep: AtomicU64::new(0),
            lock: Mutex::new(()),
            wake: Condvar::new(),
        }
    }

    /// Tells that a transaction has been executed, after its changes were published.
    pub(super) fn executed(&self, tx: TxIndex) {
        self.executed[tx.position()].store(true, Ordering::SeqCst);
        self.wake_all();
    }

    /// Tells that nobody has to be waited for any more.
    pub(super) fn give_up(&self) {
        self.is_over.store(true, Ordering::SeqCst);
        self.wake_all();
    }

    /// Whether a transaction has been executed, ahead or at its turn.
    pub(super) fn is_executed(&self, tx: TxIndex) -> bool {
        self.executed[tx.position()].load(Ordering::SeqCst)
    }

    /// Either whoever falls asleep sees what was stored before this, or this sees the sleeper;
    /// then the lock is free only once that one can be woken.
    fn wake_all(&self) {
        if self.asleep.load(Ordering::SeqCst) > 0 {
            drop(self.lock.lock().unwrap_or_else(PoisonError::into_inner));
            self.wake.notify_all();
        }
    }

    fn has_ended(&self, tx: TxIndex) -> bool {
        self.is_executed(tx) || self.is_over.load(Ordering::SeqCst)
    }

    /// Waits until a transaction that another thread has begun is executed, or the block is
    /// given up.
    fn wait_for(&self, tx: TxIndex) {
        let mut patience = SPINS;
        while patience > 0 {
            if self.has_ended(tx) {
                return;
            }
            core::hint::spin_loop();
            patience -= 1;
        }
        let mut lock = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
        self.asleep.fetch_add(1, Ordering::SeqCst);
        while !self.has_ended(tx) {
            lock = self.wake.wait(lock).unwrap_or_else(PoisonError::into_inner);
        }
        self.asleep.fetch_sub(1, Ordering::SeqCst);
    }
}

/// How a transaction that was started early gets on.
pub(super) struct Early<'a> {
    signals: &'a Signals,
    /// What it must not read before, sorted. What shares a fingerprint is waited for, too.
    awaited: &'a [(Fingerprint, TxIndex)],
    /// When it waited, from and to.
    pub(super) waits: Vec<(Instant, Instant)>,
}

impl<'a> Early<'a> {
    pub(super) const fn new(signals: &'a Signals, awaited: &'a [(Fingerprint, TxIndex)]) -> Self {
        Self { signals, awaited, waits: Vec::new() }
    }

    /// Comes back when the fields of an account may be read. revm reads all of them at once.
    pub(super) fn meet_fields(&mut self, address: Address) {
        self.meet(&Location::balance(address));
    }

    /// Comes back when a slot may be read.
    pub(super) fn meet_slot(&mut self, address: Address, slot: StorageKey) {
        self.meet(&Location::slot(address, slot));
    }

    /// Waits for all that write the location, or another field of its account.
    fn meet(&mut self, location: &Location) {
        let place = Fingerprint::of(location).place();
        let from = self.awaited.partition_point(|(awaited, _)| awaited.place() < place);
        let all = self.awaited[from..].iter();
        for (_, tx) in all.take_while(|(awaited, _)| awaited.place() == place) {
            if !self.signals.has_ended(*tx) {
                let start = Instant::now();
                self.signals.wait_for(*tx);
                self.waits.push((start, Instant::now()));
            }
        }
    }

    /// How long it has waited altogether.
    pub(super) fn waited(&self) -> Duration {
        self.waits.iter().map(|(start, end)| end.duration_since(*start)).sum()
    }
}

#[cfg(all(test, not(feature = "shuttle")))]
impl Signals {
    /// How many sleep, or are about to.
    pub(super) fn asleep(&self) -> u64 {
        self.asleep.load(Ordering::SeqCst)
    }
}

#[cfg(all(test, not(feature = "shuttle")))]
mod tests {
    use super::*;
    use revm::primitives::U256;

    const A: Address = Address::repeat_byte(1);
    const B: Address = Address::repeat_byte(2);

    fn sorted(awaited: &[(Location, TxIndex)]) -> Vec<(Fingerprint, TxIndex)> {
        let of = |(location, tx): &(Location, TxIndex)| (Fingerprint::of(location), *tx);
        let mut awaited: Vec<_> = awaited.iter().map(of).collect();
        awaited.sort_unstable();
        awaited
    }

    /// What has to be waited for so that a read comes back: `tell` is called once somebody
    /// sleeps.
    fn waits(
        awaited: &[(Location, TxIndex)],
        read: impl Fn(&mut Early<'_>) + Send,
        tell: impl FnOnce(&Signals),
    ) -> usize {
        let (signals, awaited) = (&Signals::new(4), &sorted(awaited)[..]);
        std::thread::scope(|scope| {
            let reader = scope.spawn(move || {
                let mut early = Early::new(signals, awaited);
                read(&mut early);
                assert!(early.waited() > Duration::ZERO);
                early.waits.len()
            });
            while signals.asleep() == 0 {
                std::thread::yield_now();
            }
            tell(signals);
            reader.join().unwrap()
        })
    }

    #[test]
    fn a_read_waits_for_all_that_write_its_location() {
        let slot = |n: u64| Location::slot(A, U256::from(n));
        let awaited = [(slot(1), TxIndex(3)), (slot(2), TxIndex(0)), (slot(2), TxIndex(1))];
        let read = |early: &mut Early<'_>| early.meet_slot(A, U256::from(2));
        let both =
            |signals: &Signals| [1, 0].into_iter().for_each(|tx| signals.executed(TxIndex(tx)));
        // By the time it has waited for the first, the second may be done.
        assert!((1..=2).contains(&waits(&awaited, read, both)));
    }

    #[test]
    fn fields_are_met_when_any_of_them_is_read() {
        for location in [Location::balance(A), Location::nonce(A), Location::code(A)] {
            let awaited = [(location, TxIndex(2))];
            let read = |early: &mut Early<'_>| early.meet_fields(A);
            assert_eq!(waits(&awaited, read, |signals| signals.executed(TxIndex(2))), 1);
        }
    }

    #[test]
    fn who_waits_is_woken_when_the_block_is_given_up() {
        let awaited = [(Location::code(A), TxIndex(2))];
        let read = |early: &mut Early<'_>| early.meet_fields(A);
        assert_eq!(waits(&awaited, read, Signals::give_up), 1);
    }

    #[test]
    fn other_reads_and_those_of_what_is_executed_do_not_wait() {
        let signals = Signals::new(4);
        signals.executed(TxIndex(1));
        let slot = Location::slot(A, U256::from(1));
        let awaited = [(Location::code(B), TxIndex(0)), (slot, TxIndex(1)), (slot, TxIndex(1))];
        let awaited = sorted(&awaited);
        let mut early = Early::new(&signals, &awaited);
        early.meet_fields(A);
        early.meet_slot(A, U256::from(1));
        early.meet_slot(A, U256::from(2));
        early.meet_slot(B, U256::from(1));
        assert!(early.waits.is_empty());
    }
}
