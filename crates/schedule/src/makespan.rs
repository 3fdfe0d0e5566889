//! How long a block would take on so many cores, in gas.
//!
//! List scheduling: whenever a core is free, it takes the transaction with the
//! longest remaining path among those whose predecessors are done. With `T` the
//! gas of the block and `C` that of its critical path, the makespan `M` on `p`
//! cores satisfies `max(C, T / p) <= M <= T / p + C * (1 - 1 / p)` (R. L. Graham,
//! *Bounds on multiprocessing timing anomalies*, 1969), `M = T` on one core and
//! `M = C` on as many cores as there are transactions. More cores can, rarely,
//! make a list schedule longer; a schedule for fewer cores runs on more as well, so
//! [`DependencyDag::speedup`] counts the best up to that number.

use crate::{DependencyDag, Schedule};
use core::cmp::Reverse;
use foresee_access::TxIndex;
use serde::Serialize;
use std::collections::BinaryHeap;

/// The numbers of cores for which speedups are reported.
pub const CORES: [usize; 7] = [1, 2, 4, 8, 16, 32, 64];

/// When and where the transactions of a block run on so many cores.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Timeline {
    /// The number of cores.
    pub cores: usize,
    /// The gas after which the last transaction is done.
    pub makespan: u64,
    /// For each transaction, in block order, when and where it starts.
    pub slots: Vec<Slot>,
}

/// When and where a transaction starts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Slot {
    /// The core, from 0.
    pub core: usize,
    /// The gas that a core has executed by then.
    pub start: u64,
}

impl DependencyDag {
    /// The gas after which the last transaction is done under list scheduling on
    /// this many cores (at least one), each core executing at the same speed.
    pub fn makespan(&self, cores: usize) -> u64 {
        makespan(&Schedule::from_dag(self), &self.gas(), cores)
    }

    /// When and where each transaction runs under list scheduling on this many cores
    /// (at least one).
    pub fn timeline(&self, cores: usize) -> Timeline {
        let gas = self.gas();
        let mut slots = vec![Slot::default(); gas.len()];
        let start = |tx: TxIndex, slot| slots[tx.position()] = slot;
        let makespan = simulate(&Schedule::from_dag(self), &gas, cores, start);
        Timeline { cores, makespan, slots }
    }

    /// The gas of the block over the shortest makespan on this many cores or on
    /// any smaller number in [`CORES`]; 1 for a block without gas.
    pub fn speedup(&self, cores: usize) -> f64 {
        let (schedule, gas) = (Schedule::from_dag(self), self.gas());
        let fewer = CORES.into_iter().filter(|fewer| *fewer < cores);
        let best = fewer.chain([cores]).map(|cores| makespan(&schedule, &gas, cores)).min();
        ratio(self.total_gas(), best.unwrap_or(0))
    }

    /// [`DependencyDag::speedup`] for each number in [`CORES`].
    pub fn speedups(&self) -> [(usize, f64); CORES.len()] {
        let (schedule, gas) = (Schedule::from_dag(self), self.gas());
        let mut best = u64::MAX;
        CORES.map(|cores| {
            best = best.min(makespan(&schedule, &gas, cores));
            (cores, ratio(self.total_gas(), best))
        })
    }
}

fn ratio(total: u64, makespan: u64) -> f64 {
    if makespan == 0 { 1.0 } else { total as f64 / makespan as f64 }
}

fn makespan(schedule: &Schedule, gas: &[u64], cores: usize) -> u64 {
    simulate(schedule, gas, cores, |_, _| {})
}

/// Runs the schedule, telling where and when each transaction starts. Of several free
/// cores the first is taken.
fn simulate(
    schedule: &Schedule,
    gas: &[u64],
    cores: usize,
    mut start: impl FnMut(TxIndex, Slot),
) -> u64 {
    let mut waits_for: Vec<u32> =
        (0..gas.len()).map(|tx| schedule.predecessor_count(TxIndex::new(tx))).collect();
    let ready = |tx| (schedule.priority(tx), Reverse(tx));
    let mut queue: BinaryHeap<_> = (0..gas.len())
        .map(TxIndex::new)
        .filter(|tx| schedule.predecessor_count(*tx) == 0)
        .map(ready)
        .collect();
    let mut free: BinaryHeap<_> = (0..cores.max(1)).map(Reverse).collect();
    let mut running = BinaryHeap::new();
    let mut now = 0u64;
    loop {
        while !queue.is_empty()
            && let Some(Reverse(core)) = free.pop()
            && let Some((_, Reverse(tx))) = queue.pop()
        {
            start(tx, Slot { core, start: now });
            running.push(Reverse((now.saturating_add(gas[tx.position()]), tx, core)));
        }
        let Some(Reverse((end, done, core))) = running.pop() else { return now };
        free.push(Reverse(core));
        now = end;
        for successor in schedule.successors(done) {
            let waits_for = &mut waits_for[successor.position()];
            *waits_for -= 1;
            if *waits_for == 0 {
                queue.push(ready(*successor));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn makespans<const N: usize>(edges: &[(u32, u32)], gas: &[u64], cores: [usize; N]) -> [u64; N] {
        let edges = edges.iter().map(|(from, to)| (TxIndex(*from), TxIndex(*to)));
        let schedule = Schedule::from_edges(gas.len(), edges, gas);
        cores.map(|cores| makespan(&schedule, gas, cores))
    }

    #[test]
    fn an_empty_block_takes_no_time() {
        assert_eq!(makespans(&[], &[], [1, 2]), [0, 0]);
    }

    #[test]
    fn the_longest_remaining_path_goes_first() {
        // Taking the chain 2 -> 3 late would cost 13 on two cores.
        assert_eq!(makespans(&[(2, 3)], &[4, 4, 5, 5], [1, 2, 3]), [18, 10, 10]);
    }

    #[test]
    fn transactions_that_end_together_release_before_the_next_start() {
        // 0 and 1 end at the same time; 3 (after 1) is heavier than 2.
        assert_eq!(makespans(&[(1, 3)], &[2, 2, 1, 5], [1, 2]), [10, 7]);
    }

    #[test]
    fn a_timeline_says_where_and_when() {
        let edges = [(TxIndex(0), TxIndex(2))];
        let gas = [4, 6, 5];
        let schedule = Schedule::from_edges(3, edges, &gas);
        let mut started = Vec::new();
        let makespan = simulate(&schedule, &gas, 2, |tx, Slot { core, start }| {
            started.push((tx.0, core, start));
        });
        assert_eq!((started, makespan), (vec![(0, 0, 0), (1, 1, 0), (2, 0, 4)], 9));
    }
}
