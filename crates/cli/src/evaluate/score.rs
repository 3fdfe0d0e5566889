//! How right the predictions of a block are.

use foresee_access::{AccessSet, Difference, Location, Touch, TxIndex};
use foresee_schedule::DependencyDag;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// The score of a block's predictions, or of several blocks together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Score {
    pub(super) slots: Slots,
    /// Transactions whose predicted reads and writes both equal the truth.
    pub(super) exact_transactions: u64,
    /// True dependencies that no path of the predicted DAG covers.
    pub(super) missed_dependencies: u64,
    pub(super) edges: Edges,
    /// Predictions that name something as unknown.
    pub(super) incomplete: u64,
}

/// Counts over (transaction, slot, read or write).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Slots {
    #[serde(rename = "true")]
    pub(super) truth: u64,
    pub(super) predicted: u64,
    pub(super) correct: u64,
}

/// Counts over pairs of transactions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Edges {
    #[serde(rename = "true")]
    pub(super) truth: u64,
    pub(super) predicted: u64,
    /// Predicted edges that are true dependencies.
    pub(super) correct: u64,
    /// True dependencies that the predicted DAG orders, by an edge or a path.
    pub(super) covered: u64,
}

/// What is scored of a transaction.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scored<'a> {
    pub(super) predicted: &'a AccessSet,
    pub(super) complete: bool,
    pub(super) observed: &'a AccessSet,
}

impl Score {
    /// Scores a block; `dag` is the predicted one.
    pub(super) fn new(transactions: &[Scored<'_>], dag: &DependencyDag) -> Self {
        let declared = transactions.iter().map(|tx| tx.observed.declaring(tx.predicted));
        let declared: Vec<_> = declared.collect();
        let mut score = Self { edges: Edges::new(declared.iter(), dag), ..Self::default() };
        score.missed_dependencies = score.edges.truth - score.edges.covered;
        for Scored { predicted, complete, observed } in transactions {
            score.slots.add(predicted, observed);
            score.exact_transactions +=
                u64::from(Difference::between(predicted, observed).is_empty());
            score.incomplete += u64::from(!complete);
        }
        score
    }

    /// Adds another block's score.
    pub(super) const fn add(&mut self, other: &Self) {
        self.slots.truth += other.slots.truth;
        self.slots.predicted += other.slots.predicted;
        self.slots.correct += other.slots.correct;
        self.exact_transactions += other.exact_transactions;
        self.missed_dependencies += other.missed_dependencies;
        self.edges.truth += other.edges.truth;
        self.edges.predicted += other.edges.predicted;
        self.edges.correct += other.edges.correct;
        self.edges.covered += other.edges.covered;
        self.incomplete += other.incomplete;
    }
}

impl Slots {
    fn add(&mut self, predicted: &AccessSet, observed: &AccessSet) {
        for how in [Touch::READ, Touch::WRITE] {
            let is_slot = |touch: Touch| touch.has(how.and(Touch::SLOT));
            let slots = |set: &AccessSet| set.touches().filter(|(_, it)| is_slot(*it)).count();
            let correct = predicted
                .touches()
                .filter(|(location, touch)| is_slot(*touch) && observed.touch(location).has(how));
            self.truth += slots(observed) as u64;
            self.predicted += slots(predicted) as u64;
            self.correct += correct.count() as u64;
        }
    }
}

impl Edges {
    fn new<'a>(observed: impl Iterator<Item = &'a AccessSet>, dag: &DependencyDag) -> Self {
        let truth = dependencies(observed);
        let count = |number: usize| number as u64;
        Self {
            truth: count(truth.len()),
            predicted: count(dag.pairs().count()),
            correct: count(dag.pairs().filter(|pair| truth.contains(pair)).count()),
            covered: count(truth.iter().filter(|(from, to)| dag.reaches(*from, *to)).count()),
        }
    }
}

/// The true dependencies: each transaction on the last before it that changed a
/// location whose value it read, apart from what is settled at commit. One that merely adds
/// to a slot depends on the last that did more than that.
fn dependencies<'a>(observed: impl Iterator<Item = &'a AccessSet>) -> BTreeSet<(TxIndex, TxIndex)> {
    let mut last_writer = BTreeMap::<Location, TxIndex>::new();
    let mut last_overwriter = BTreeMap::<Location, TxIndex>::new();
    let mut dependencies = BTreeSet::new();
    for (position, access) in observed.enumerate() {
        let tx = TxIndex::new(position);
        let writers = access.ordering_reads().filter_map(|read| last_writer.get(&read));
        let added_to = access.commutative().filter(Location::is_slot);
        let writers = writers.chain(added_to.filter_map(|slot| last_overwriter.get(&slot)));
        dependencies.extend(writers.map(|writer| (*writer, tx)));
        last_writer.extend(access.writes().map(|write| (write, tx)));
        let overwrites = access.writes().filter(|write| !access.is_commutative(write));
        last_overwriter.extend(overwrites.map(|write| (write, tx)));
    }
    dependencies
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::{Address, U256};
    use foresee_schedule::Node;

    fn set(reads: &[u64], writes: &[u64]) -> AccessSet {
        let slot = |n: &u64| Location::slot(Address::ZERO, U256::from(*n));
        AccessSet::new(reads.iter().map(slot), writes.iter().map(slot), [])
    }

    fn score(predicted: &[AccessSet], observed: &[AccessSet]) -> Score {
        let nodes: Vec<_> =
            predicted.iter().map(|access| Node { access, gas: 1, in_order: false }).collect();
        let scored: Vec<_> = predicted
            .iter()
            .zip(observed)
            .map(|(predicted, observed)| Scored { predicted, complete: true, observed })
            .collect();
        Score::new(&scored, &DependencyDag::build(&nodes))
    }

    #[test]
    fn the_truth_scores_full_marks() {
        let block = [set(&[1], &[1]), set(&[1, 2], &[2]), set(&[2], &[])];
        let score = score(&block, &block);
        assert_eq!(score.slots, Slots { truth: 6, predicted: 6, correct: 6 });
        assert_eq!(score.edges, Edges { truth: 2, predicted: 2, correct: 2, covered: 2 });
        assert_eq!((score.exact_transactions, score.missed_dependencies), (3, 0));
    }

    #[test]
    fn a_missed_read_misses_its_dependency() {
        let observed = [set(&[1], &[1]), set(&[1], &[])];
        let score = score(&[set(&[1], &[1]), set(&[], &[])], &observed);
        assert_eq!(score.slots, Slots { truth: 3, predicted: 2, correct: 2 });
        assert_eq!((score.exact_transactions, score.missed_dependencies), (1, 1));
    }

    #[test]
    fn a_path_covers_what_no_edge_does() {
        // 2 depends on 0 through slot 1, but is predicted to read slot 2 of 1 only.
        let observed = [set(&[1], &[1]), set(&[1, 2], &[2]), set(&[1], &[])];
        let predicted = [observed[0].clone(), observed[1].clone(), set(&[2], &[])];
        let score = score(&predicted, &observed);
        assert_eq!(score.edges, Edges { truth: 2, predicted: 2, correct: 1, covered: 2 });
        assert_eq!(score.missed_dependencies, 0);
    }

    #[test]
    fn what_is_declared_to_be_added_to_is_no_dependency() {
        let observed = [set(&[1], &[1]), set(&[1], &[1]), set(&[1], &[1]), set(&[1], &[])];
        let adds = |set: &AccessSet| AccessSet::new(set.reads(), set.writes(), set.writes());
        // The first overwrites, two add, the last looks.
        let predicted =
            [observed[0].clone(), adds(&observed[1]), adds(&observed[2]), observed[3].clone()];
        let score = score(&predicted, &observed);
        // 0 to 1 and 2, and 2 to 3, which is predicted to wait for 0 and 1 too.
        assert_eq!(score.edges, Edges { truth: 3, predicted: 5, correct: 3, covered: 3 });
        assert_eq!((score.exact_transactions, score.missed_dependencies), (4, 0));
    }

    #[test]
    fn only_the_last_writer_is_a_true_dependency() {
        let block = [set(&[1], &[1]), set(&[1], &[1]), set(&[1], &[])];
        let pairs = [(0, 1), (1, 2)].map(|(i, j)| (TxIndex(i), TxIndex(j)));
        assert_eq!(dependencies(block.iter()), BTreeSet::from(pairs));
    }
}
