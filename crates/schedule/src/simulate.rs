//! How long a block would take on so many cores, from the time that each of its
//! transactions took once.
//!
//! A simulation has two DAGs: the predicted one, which says when a transaction may
//! start, and the true one, which says whether what it saw was right. A transaction is
//! right if all that it truly depends on was right and done when it started; any other
//! is executed once more. Under [`Scheduling::Dataflow`] and [`Scheduling::Layers`] that is
//! at its turn, when all earlier ones are right, as the executor does it. Under
//! [`Scheduling::Optimistic`], the way of
//! [Block-STM](https://arxiv.org/abs/2203.06871), it is as soon as those that it missed
//! are right.
//!
//! What is left out is kind to everybody: cores are equally fast and share nothing,
//! validation is free, a transaction is aborted once at most and never in the middle, and
//! the only machinery is a fixed cost for each execution
//! ([`Measured::machinery`]). It is kindest to the optimistic scheduling, which needs the
//! most machinery, and unkind to all in one point: what a transaction depends on counts
//! as read at its start.

use crate::{DependencyDag, Schedule};
use core::cmp::Reverse;
use foresee_access::TxIndex;
use std::{
    collections::{BTreeSet, BinaryHeap},
    vec,
};

/// How transactions are released to cores.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheduling {
    /// When all predicted predecessors are executed, longest remaining path first.
    Dataflow,
    /// When all earlier layers of the predicted DAG are executed.
    Layers,
    /// At once, in block order; nothing is predicted.
    Optimistic,
}

/// A block with the time that each of its transactions takes, in any one unit.
#[derive(Clone, Debug)]
pub struct Measured {
    predicted: Schedule,
    /// The true DAG; its priorities are the longest remaining paths in measured time.
    truth: Schedule,
    times: Vec<u64>,
    machinery: u64,
    independent: Schedule,
}

/// How a simulation ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Simulated {
    /// When the last transaction is done.
    pub makespan: u64,
    /// How many transactions were executed twice.
    pub reexecuted: usize,
}

impl Measured {
    /// Takes the predicted and the true DAG of a block, and the time of each of its
    /// transactions; one beyond the end of `times` takes none.
    ///
    /// # Panics
    ///
    /// If the DAGs are of different numbers of transactions.
    pub fn new(predicted: &DependencyDag, truth: &DependencyDag, times: &[u64]) -> Self {
        let n = truth.len();
        assert_eq!(predicted.len(), n, "two DAGs of one block");
        let times: Vec<_> = (0..n).map(|tx| times.get(tx).copied().unwrap_or(0)).collect();
        Self {
            predicted: Schedule::from_dag(predicted),
            truth: Schedule::from_edges(n, truth.pairs(), &times),
            times,
            machinery: 0,
            independent: Schedule::independent(n),
        }
    }

    /// The same block where each execution costs so much time beside its own, under every
    /// scheduling. None unless it is set.
    #[must_use]
    pub fn machinery(self, cost: u64) -> Self {
        Self { machinery: cost, ..self }
    }

    /// The time of all transactions one after the other.
    pub fn total(&self) -> u64 {
        self.times.iter().fold(0, |sum, time| sum.saturating_add(*time))
    }

    /// The time of the longest path through the true DAG, which no number of cores can
    /// shorten.
    pub fn critical_path(&self) -> u64 {
        (0..self.times.len()).map(|tx| self.truth.priority(TxIndex::new(tx))).max().unwrap_or(0)
    }

    /// What no schedule can beat on this many cores (at least one): the longer of the
    /// critical path and the total shared evenly.
    pub fn bound(&self, cores: usize) -> u64 {
        self.critical_path().max(self.total().div_ceil(cores.max(1) as u64))
    }

    /// The limit on this many cores (at least one): list scheduling of the true DAG, with
    /// the measured times known beforehand and without machinery.
    pub fn limit(&self, cores: usize) -> u64 {
        let known = Self { machinery: 0, ..self.clone() };
        Simulation::new(&known, Scheduling::Dataflow, &self.truth, cores).run().makespan
    }

    /// A scheduling on this many cores (at least one).
    pub fn simulate(&self, scheduling: Scheduling, cores: usize) -> Simulated {
        let schedule = match scheduling {
            Scheduling::Dataflow | Scheduling::Layers => &self.predicted,
            Scheduling::Optimistic => &self.independent,
        };
        Simulation::new(self, scheduling, schedule, cores).run()
    }
}

/// Where a transaction stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Never executed.
    New,
    /// Executed on something wrong.
    Wrong,
    /// Done.
    Right,
}

struct Simulation<'a> {
    measured: &'a Measured,
    scheduling: Scheduling,
    schedule: &'a Schedule,
    stages: Vec<Stage>,
    /// By transaction, how many true predecessors are not right yet.
    missing: Vec<u32>,
    /// By transaction, how many predecessors in the schedule are not executed yet.
    waits_for: Vec<u32>,
    /// Transactions to be executed, the greatest first.
    ready: BinaryHeap<(u64, Reverse<TxIndex>)>,
    free: usize,
    /// When which transaction ends, and whether it is right.
    running: BinaryHeap<Reverse<(u64, TxIndex, bool)>>,
    /// All transactions before this one are right.
    turn: usize,
    /// Transactions that wait for their turn to be executed again.
    at_turn: BTreeSet<TxIndex>,
    /// For [`Scheduling::Layers`], those that are not begun yet.
    layers: vec::IntoIter<Vec<TxIndex>>,
    left_in_layer: usize,
    reexecuted: usize,
}

impl<'a> Simulation<'a> {
    fn new(
        measured: &'a Measured,
        scheduling: Scheduling,
        schedule: &'a Schedule,
        cores: usize,
    ) -> Self {
        let txs = (0..measured.times.len()).map(TxIndex::new);
        let layers = match scheduling {
            Scheduling::Layers => schedule.layers(),
            Scheduling::Dataflow | Scheduling::Optimistic => Vec::new(),
        };
        Self {
            measured,
            scheduling,
            schedule,
            stages: vec![Stage::New; measured.times.len()],
            missing: txs.clone().map(|tx| measured.truth.predecessor_count(tx)).collect(),
            waits_for: txs.map(|tx| schedule.predecessor_count(tx)).collect(),
            ready: BinaryHeap::new(),
            free: cores.max(1),
            running: BinaryHeap::new(),
            turn: 0,
            at_turn: BTreeSet::new(),
            layers: layers.into_iter(),
            left_in_layer: 0,
            reexecuted: 0,
        }
    }

    fn run(mut self) -> Simulated {
        match self.scheduling {
            Scheduling::Layers => self.release_layer(),
            Scheduling::Dataflow | Scheduling::Optimistic => {
                for tx in (0..self.stages.len()).map(TxIndex::new) {
                    if self.waits_for[tx.position()] == 0 {
                        self.release(tx);
                    }
                }
            }
        }
        let mut now = 0;
        loop {
            self.start(now);
            let Some(Reverse((end, tx, is_right))) = self.running.pop() else {
                return Simulated { makespan: now, reexecuted: self.reexecuted };
            };
            now = end;
            self.free += 1;
            self.end(tx, is_right);
        }
    }

    /// Starts as many transactions as there are free cores.
    fn start(&mut self, now: u64) {
        while self.free > 0
            && let Some((_, Reverse(tx))) = self.ready.pop()
        {
            self.free -= 1;
            let cost = self.measured.times[tx.position()].saturating_add(self.measured.machinery);
            let is_right = self.missing[tx.position()] == 0;
            self.running.push(Reverse((now.saturating_add(cost), tx, is_right)));
        }
    }

    /// Takes note of the end of an execution.
    fn end(&mut self, tx: TxIndex, is_right: bool) {
        let is_first = self.stages[tx.position()] == Stage::New;
        if is_right {
            self.settle(tx);
        } else {
            self.fail(tx);
        }
        if is_first {
            self.executed(tx);
        }
    }

    /// A transaction is right: whatever missed only it may be executed again.
    fn settle(&mut self, tx: TxIndex) {
        self.stages[tx.position()] = Stage::Right;
        let measured = self.measured;
        for &successor in measured.truth.successors(tx) {
            self.missing[successor.position()] -= 1;
            if self.scheduling == Scheduling::Optimistic
                && self.missing[successor.position()] == 0
                && self.stages[successor.position()] == Stage::Wrong
            {
                self.release(successor);
            }
        }
        while self.stages.get(self.turn) == Some(&Stage::Right) {
            self.turn += 1;
        }
        if self.at_turn.remove(&TxIndex::new(self.turn)) {
            self.release(TxIndex::new(self.turn));
        }
    }

    /// A transaction is wrong. Those it missed may be right by now.
    fn fail(&mut self, tx: TxIndex) {
        self.reexecuted += 1;
        self.stages[tx.position()] = Stage::Wrong;
        match self.scheduling {
            Scheduling::Optimistic if self.missing[tx.position()] == 0 => self.release(tx),
            Scheduling::Optimistic => {}
            _ if tx.position() == self.turn => self.release(tx),
            _ => {
                self.at_turn.insert(tx);
            }
        }
    }

    /// Releases what the schedule holds back until this transaction is executed.
    fn executed(&mut self, tx: TxIndex) {
        if self.scheduling == Scheduling::Layers {
            self.left_in_layer -= 1;
            if self.left_in_layer == 0 {
                self.release_layer();
            }
            return;
        }
        let schedule = self.schedule;
        for &successor in schedule.successors(tx) {
            self.waits_for[successor.position()] -= 1;
            if self.waits_for[successor.position()] == 0 {
                self.release(successor);
            }
        }
    }

    fn release_layer(&mut self) {
        let layer = self.layers.next().unwrap_or_default();
        self.left_in_layer = layer.len();
        layer.iter().for_each(|tx| self.release(*tx));
    }

    /// A transaction that is executed again holds up others, so it goes first.
    fn release(&mut self, tx: TxIndex) {
        let priority = match (self.scheduling, self.stages[tx.position()]) {
            (Scheduling::Optimistic, _) => 0,
            (_, Stage::New) => self.schedule.priority(tx),
            _ => u64::MAX,
        };
        self.ready.push((priority, Reverse(tx)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::{Address, U256};
    use foresee_access::{AccessSet, Location};
    use proptest::{collection::vec, prelude::*};

    /// The slots that a transaction adds to.
    type Adds = Vec<u64>;

    fn dag(block: &[Adds], gas: &[u64]) -> DependencyDag {
        let slot = |n: &u64| Location::slot(Address::ZERO, U256::from(*n));
        let set = |adds: &Adds| -> AccessSet {
            let slots: Vec<_> = adds.iter().map(slot).collect();
            AccessSet::new(slots.clone(), slots, [])
        };
        let sets: Vec<_> = block.iter().map(set).collect();
        let nodes: Vec<_> = sets
            .iter()
            .zip(gas)
            .map(|(access, gas)| crate::Node { access, gas: *gas, in_order: false })
            .collect();
        DependencyDag::build(&nodes)
    }

    fn measured(predicted: &[Adds], truth: &[Adds], times: &[u64]) -> Measured {
        Measured::new(&dag(predicted, times), &dag(truth, times), times)
    }

    fn all(measured: &Measured, cores: usize) -> [(u64, usize); 3] {
        [Scheduling::Dataflow, Scheduling::Layers, Scheduling::Optimistic].map(|scheduling| {
            let Simulated { makespan, reexecuted } = measured.simulate(scheduling, cores);
            (makespan, reexecuted)
        })
    }

    #[test]
    fn an_empty_block_takes_no_time() {
        let nothing = measured(&[], &[], &[]);
        assert_eq!(all(&nothing, 2), [(0, 0); 3]);
        assert_eq!((nothing.limit(2), nothing.bound(2)), (0, 0));
    }

    #[test]
    fn optimism_executes_a_chain_twice() {
        // 0 (4) <- 1 (3) <- 2 (2), all started at once on three cores: 1 and 2 are wrong.
        // 1 is right from 4 to 7, 2 from 7 to 9.
        let chain = vec![vec![1]; 3];
        let measured = measured(&chain, &chain, &[4, 3, 2]);
        assert_eq!(all(&measured, 3), [(9, 0), (9, 0), (9, 2)]);
        // On two cores 2 starts at 3 when 1 is done, and is wrong at 5; 1 starts again at 4.
        assert_eq!(all(&measured, 2), [(9, 0), (9, 0), (9, 2)]);
        assert_eq!(all(&measured, 1), [(9, 0), (9, 0), (9, 0)]);
        assert_eq!((measured.critical_path(), measured.bound(2), measured.limit(2)), (9, 9, 9));
    }

    #[test]
    fn what_optimism_wastes_others_could_use() {
        // The second of a pair is wrong while two independent ones wait for a core.
        let block = [vec![1], vec![1], vec![2], vec![3]];
        let measured = measured(&block, &block, &[2, 2, 2, 2]);
        assert_eq!(all(&measured, 2), [(4, 0), (6, 0), (6, 1)]);
    }

    #[test]
    fn a_layer_waits_for_the_one_before() {
        // 0 <- 1 and the long 2: layers start 1 only after 2.
        let block = [vec![1], vec![1], vec![2]];
        let measured = measured(&block, &block, &[1, 4, 5]);
        assert_eq!(all(&measured, 2)[..2], [(5, 0), (9, 0)]);
    }

    #[test]
    fn what_was_not_predicted_is_executed_again_at_its_turn() {
        // 2 depends on 0, which nobody foresaw; it is wrong at 1 and right from 5 to 6.
        let (predicted, truth) = ([vec![1], vec![2], vec![3]], [vec![1], vec![2], vec![1]]);
        let measured = measured(&predicted, &truth, &[4, 5, 1]);
        assert_eq!(all(&measured, 3)[..2], [(6, 1), (6, 1)]);
        assert_eq!(measured.limit(3), 5);
    }

    #[test]
    fn machinery_is_paid_for_each_execution_and_not_by_the_limit() {
        let chain = vec![vec![1]; 2];
        let measured = measured(&chain, &chain, &[4, 4]).machinery(1);
        assert_eq!(all(&measured, 2), [(10, 0), (10, 0), (10, 1)]);
        assert_eq!((measured.limit(2), measured.bound(2)), (8, 8));
    }

    fn block() -> impl Strategy<Value = Vec<Adds>> {
        vec(vec(0..6u64, 0..3), 0..30)
    }

    proptest! {
        #[test]
        fn nothing_beats_the_bound_and_one_core_does_all_in_turn(
            truth in block(),
            predicted in block(),
            times in vec(0..50u64, 30),
            cores in 1..9usize,
        ) {
            let n = truth.len().min(predicted.len());
            let measured = measured(&predicted[..n], &truth[..n], &times[..n]);
            let total = measured.total();
            prop_assert!(measured.limit(cores) >= measured.bound(cores));
            for scheduling in [Scheduling::Dataflow, Scheduling::Layers, Scheduling::Optimistic] {
                let Simulated { makespan, reexecuted } = measured.simulate(scheduling, cores);
                prop_assert!(makespan >= measured.bound(cores));
                prop_assert!(makespan <= 2 * total && reexecuted < n.max(1));
            }
            let alone = measured.simulate(Scheduling::Optimistic, 1);
            prop_assert_eq!(alone, Simulated { makespan: total, reexecuted: 0 });
        }

        #[test]
        fn with_all_foreseen_dataflow_is_list_scheduling(
            truth in block(),
            times in vec(0..50u64, 30),
            cores in 1..9usize,
        ) {
            let times = &times[..truth.len()];
            let measured = measured(&truth, &truth, times);
            let makespan = dag(&truth, times).makespan(cores);
            let simulated = measured.simulate(Scheduling::Dataflow, cores);
            prop_assert_eq!(simulated, Simulated { makespan, reexecuted: 0 });
            prop_assert_eq!(measured.limit(cores), makespan);
            prop_assert_eq!(measured.simulate(Scheduling::Layers, cores).reexecuted, 0);
        }
    }
}
