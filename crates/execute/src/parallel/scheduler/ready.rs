//! The transactions that may be executed ahead of their turn, and which of them goes first.

use bitvec::vec::BitVec;
use foresee_access::TxIndex;
use foresee_schedule::Schedule;
use std::collections::BinaryHeap;

/// So many transactions from the next turn on are left to whoever settles, if there are
/// others: workers that come too close wait for each other.
pub(super) const DISTANCE: usize = 2;

/// A path that is this part of what each thread has left to do, or more, is begun at once.
const URGENT_DIVISOR: u64 = 2;

/// The transactions that may be executed ahead of their turn, each since it was released.
///
/// What runs long before its turn has to be kept until then, and what is left at the end
/// is settled by one thread while the others find nothing to do. So the nearest goes first,
/// unless a path is long enough to be what the block takes: then that does, which is list
/// scheduling by the longest remaining path (Graham, 1969).
#[derive(Default)]
pub(super) struct Ready {
    /// By transaction.
    is_ready: BitVec,
    count: usize,
    /// By the gas of the longest path that begins with it. Those begun since are still in it.
    by_path: BinaryHeap<(u64, TxIndex)>,
    /// The gas of each transaction, and of those that are not begun.
    gas: Vec<u64>,
    gas_left: u64,
    threads: u64,
}

impl Ready {
    pub(super) fn new(threads: usize) -> Self {
        Self { threads: threads as u64, ..Self::default() }
    }

    /// None is ready, by a schedule of which these are begun.
    pub(super) fn reset(&mut self, schedule: &Schedule, is_begun: impl Fn(usize) -> bool) {
        let n = schedule.len();
        self.clear();
        self.is_ready.resize(n, false);
        let gas = |position| schedule.gas(TxIndex::new(position));
        self.gas =
            (0..n).map(|position| if is_begun(position) { 0 } else { gas(position) }).collect();
        self.gas_left = self.gas.iter().fold(0, |sum, gas| sum.saturating_add(*gas));
    }

    /// None is ready any more.
    pub(super) fn clear(&mut self) {
        self.is_ready.fill(false);
        self.by_path.clear();
        self.count = 0;
    }

    /// How many there are.
    pub(super) const fn len(&self) -> usize {
        self.count
    }

    pub(super) fn insert(&mut self, tx: TxIndex, path: u64) {
        if !self.is_ready.replace(tx.position(), true) {
            self.count += 1;
            self.by_path.push((path, tx));
        }
    }

    /// A transaction is begun, ready or not.
    pub(super) fn begin(&mut self, tx: TxIndex) {
        let position = tx.position();
        if self.is_ready.get(position).is_some_and(|is_ready| *is_ready) {
            self.is_ready.set(position, false);
            self.count -= 1;
        }
        let gas = self.gas.get_mut(position).map(core::mem::take);
        self.gas_left = self.gas_left.saturating_sub(gas.unwrap_or(0));
    }

    /// The nearest from this one on.
    pub(super) fn nearest(&self, from: usize) -> Option<TxIndex> {
        let nearest = self.is_ready.get(from..)?.first_one()?;
        Some(TxIndex::new(from + nearest))
    }

    /// The one to go first, when it is this one's turn next.
    pub(super) fn first(&mut self, next: usize) -> Option<TxIndex> {
        while self.by_path.peek().is_some_and(|(_, tx)| !self.is_ready[tx.position()]) {
            self.by_path.pop();
        }
        let (path, tx) = *self.by_path.peek()?;
        let share = self.gas_left / self.threads.max(1);
        match path > share / URGENT_DIVISOR {
            true => Some(tx),
            false => self.nearest(next + DISTANCE).or(Some(tx)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// In which order transactions that are all ready are begun, by so many threads.
    fn order(threads: usize, schedule: &Schedule) -> Vec<usize> {
        let mut ready = Ready::new(threads);
        ready.reset(schedule, |_| false);
        (0..schedule.len()).map(TxIndex::new).for_each(|tx| {
            ready.insert(tx, schedule.priority(tx));
        });
        let begun = core::iter::from_fn(|| {
            let tx = ready.first(0)?;
            ready.begin(tx);
            Some(tx.position())
        });
        begun.collect()
    }

    #[test]
    fn the_nearest_goes_first_unless_a_path_is_long() {
        // Of 24 gas two threads have 12 each; a quarter of all is urgent.
        let schedule = Schedule::from_edges(8, [], &[2, 2, 2, 2, 2, 2, 2, 10]);
        assert_eq!(order(2, &schedule), [7, 2, 3, 4, 5, 6, 1, 0]);
        // The more threads, the less each has left.
        assert_eq!(order(8, &schedule)[..3], [7, 6, 5]);
        // Of nothing known nothing is urgent.
        assert_eq!(order(2, &Schedule::independent(4)), [2, 3, 1, 0]);
    }

    #[test]
    fn what_is_begun_is_neither_ready_nor_left_to_do() {
        let schedule = Schedule::from_edges(3, [], &[8, 1, 1]);
        let mut ready = Ready::new(1);
        ready.reset(&schedule, |position| position == 0);
        ready.insert(TxIndex(2), 1);
        ready.insert(TxIndex(2), 1);
        assert_eq!((ready.len(), ready.gas_left), (1, 2));
        ready.begin(TxIndex(1));
        ready.begin(TxIndex(2));
        ready.begin(TxIndex(2));
        assert_eq!((ready.len(), ready.gas_left, ready.first(0)), (0, 0, None));
        ready.insert(TxIndex(2), 1);
        ready.clear();
        assert_eq!((ready.len(), ready.nearest(0), ready.nearest(9)), (0, None, None));
    }
}
