//! What an executor has to know of a DAG: who follows whom, and who goes first.

use crate::{
    DependencyDag,
    early::{EARLY_GAS_MIN, Early},
    paths::{self, Pair},
};
use foresee_access::{Fingerprint, Location, TxIndex};

/// An order in which to try the transactions of a block.
///
/// Every edge leads from an earlier to a later transaction, so an executor that
/// releases a transaction when its predecessors are done always has one to run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Schedule {
    /// Where the successors of each transaction start in `successors`; one more
    /// entry than there are transactions.
    starts: Vec<u32>,
    successors: Vec<TxIndex>,
    predecessor_counts: Vec<u32>,
    gas: Vec<u64>,
    priorities: Vec<u64>,
    in_order: Vec<bool>,
    is_precaution: bool,
    /// Where the claims of each transaction start in `claims`; empty if there are none.
    claim_starts: Vec<u32>,
    claims: Vec<Location>,
    pub(crate) early: Early,
}

impl Schedule {
    /// A schedule in which no transaction waits for another.
    pub fn independent(n: usize) -> Self {
        Self::from_edges(n, [], &[])
    }

    /// A schedule in which every transaction waits for the one before it.
    pub fn sequential(n: usize) -> Self {
        let edges = (1..n).map(|later| (TxIndex::new(later - 1), TxIndex::new(later)));
        Self::from_edges(n, edges, &vec![1; n])
    }

    /// A schedule with these edges, in any order, repeated or not; a transaction
    /// beyond the end of `gas` counts as using none.
    ///
    /// Edges may come from an untrusted hint, so those that do not lead from an
    /// earlier to a later of the `n` transactions are left out: block order rules
    /// them out anyway, and a hint is free to be wrong.
    pub fn from_edges(
        n: usize,
        edges: impl IntoIterator<Item = (TxIndex, TxIndex)>,
        gas: &[u64],
    ) -> Self {
        let forward = |(from, to): &Pair| from < to && to.position() < n;
        let mut edges: Vec<_> = edges.into_iter().filter(forward).collect();
        edges.sort_unstable_by_key(|(from, to)| (*to, *from));
        edges.dedup();
        let gas: Vec<_> = (0..n).map(|tx| gas.get(tx).copied().unwrap_or(0)).collect();
        Self::from_sorted(&edges, gas, vec![false; n])
    }

    /// A schedule of a block of which nothing is known for certain: its edges are
    /// precautions, and `in_order` tells of each transaction whether it is to wait for
    /// all before it. Edges are taken as [`from_edges`](Self::from_edges) takes them.
    pub fn precaution(
        edges: impl IntoIterator<Item = (TxIndex, TxIndex)>,
        in_order: Vec<bool>,
    ) -> Self {
        let schedule = Self::from_edges(in_order.len(), edges, &[]);
        Self { in_order, is_precaution: true, ..schedule }
    }

    /// The schedule of a DAG.
    pub fn from_dag(dag: &DependencyDag) -> Self {
        let edges: Vec<_> = dag.pairs().collect();
        let in_order = dag.graph().node_weights().map(|node| node.in_order).collect();
        let schedule = Self::from_sorted(&edges, dag.gas(), in_order);
        let is_heavy = |tx: TxIndex| dag.transaction(tx).gas >= EARLY_GAS_MIN;
        let reasons = dag.reasons(is_heavy);
        schedule.starting_early(reasons).claiming(dag.unordered().iter().copied())
    }

    /// Takes edges that lead forward, sorted by the transaction they lead to.
    pub(crate) fn from_sorted(edges: &[Pair], gas: Vec<u64>, in_order: Vec<bool>) -> Self {
        let n = gas.len();
        let mut predecessor_counts = vec![0u32; n];
        let mut starts = vec![0u32; n + 1];
        for (from, to) in edges {
            predecessor_counts[to.position()] += 1;
            starts[from.position() + 1] += 1;
        }
        for tx in 0..n {
            starts[tx + 1] += starts[tx];
        }
        let mut next = starts.clone();
        let mut successors = vec![TxIndex::default(); edges.len()];
        for (from, to) in edges {
            let next = &mut next[from.position()];
            successors[*next as usize] = *to;
            *next += 1;
        }
        let priorities = paths::remaining(&gas, edges.iter().copied());
        Self {
            starts,
            successors,
            predecessor_counts,
            gas,
            priorities,
            in_order,
            ..Self::default()
        }
    }

    /// The same schedule, with these slots of its transactions taken to be
    /// [commutative](Self::commutative), whatever was before. Other locations are left out.
    #[must_use]
    pub fn claiming(mut self, claims: impl IntoIterator<Item = (TxIndex, Location)>) -> Self {
        let n = self.len();
        let counts = |(tx, location): &(TxIndex, Location)| tx.position() < n && location.is_slot();
        let mut claims: Vec<_> = claims.into_iter().filter(counts).collect();
        if claims.is_empty() {
            (self.claim_starts, self.claims) = (Vec::new(), Vec::new());
            return self;
        }
        claims.sort_unstable();
        claims.dedup();
        self.claim_starts = vec![0; n + 1];
        for (tx, _) in &claims {
            self.claim_starts[tx.position() + 1] += 1;
        }
        for tx in 0..n {
            self.claim_starts[tx + 1] += self.claim_starts[tx];
        }
        self.claims = claims.into_iter().map(|(_, location)| location).collect();
        self
    }

    /// The same schedule, with transactions that can be [started early](Self::early), whatever
    /// was before: who waits (second) for whom (first) because of which location. Reasons are
    /// taken as [`from_edges`](Self::from_edges) takes edges; a transaction with more than
    /// [`EARLY_REASONS_MAX`](crate::EARLY_REASONS_MAX) is left out, and so is one that comes
    /// after all earlier ones.
    #[must_use]
    pub fn starting_early(
        mut self,
        reasons: impl IntoIterator<Item = (TxIndex, TxIndex, Location)>,
    ) -> Self {
        let n = self.len();
        let forward = |(from, to, _): &(TxIndex, TxIndex, _)| from < to && to.position() < n;
        let reasons = reasons.into_iter().filter(forward);
        let named = reasons.map(|(from, to, location)| (to, Fingerprint::of(&location), from));
        let mut reasons: Vec<_> = named.collect();
        reasons.sort_unstable();
        reasons.dedup();
        self.early = Early::default();
        for of_one in reasons.chunk_by(|a, b| a.0 == b.0) {
            if !self.in_order(of_one[0].0) {
                self.early.add(of_one[0].0, of_one.iter().map(|(_, at, from)| (*at, *from)));
            }
        }
        self
    }

    /// The number of transactions.
    pub const fn len(&self) -> usize {
        self.in_order.len()
    }

    /// Whether there are no transactions.
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The transactions that wait for this one, all of them later, in block order.
    ///
    /// # Panics
    ///
    /// Like all accessors here, if the block has no such transaction.
    pub fn successors(&self, tx: TxIndex) -> &[TxIndex] {
        let start = self.starts[tx.position()] as usize;
        let end = self.starts[tx.position() + 1] as usize;
        &self.successors[start..end]
    }

    /// How many transactions this one waits for.
    pub fn predecessor_count(&self, tx: TxIndex) -> u32 {
        self.predecessor_counts[tx.position()]
    }

    /// The gas of the heaviest path that starts with this transaction: the higher it is, the
    /// sooner the transaction should be begun.
    pub fn priority(&self, tx: TxIndex) -> u64 {
        self.priorities[tx.position()]
    }

    /// The gas of the transaction alone.
    pub fn gas(&self, tx: TxIndex) -> u64 {
        self.gas[tx.position()]
    }

    /// The slots, sorted, that the transaction is said to add to without looking, though
    /// transactions that it does not wait for write them.
    pub fn commutative(&self, tx: TxIndex) -> &[Location] {
        let at = |position: usize| self.claim_starts.get(position).map(|start| *start as usize);
        match (at(tx.position()), at(tx.position() + 1)) {
            (Some(start), Some(end)) => &self.claims[start..end],
            _ => &[],
        }
    }

    /// The transactions that can be started before those they wait for have ended, in block
    /// order, because it is known which locations they wait for, and worthwhile.
    pub fn early(&self) -> &[TxIndex] {
        &self.early.transactions
    }

    /// The locations that one of these must not read before the transaction beside each is
    /// done, sorted. Nothing of others.
    pub fn awaited(&self, tx: TxIndex) -> &[(Fingerprint, TxIndex)] {
        self.early.awaited(tx)
    }

    /// The transactions by the number of edges on the longest path to them.
    pub fn layers(&self) -> Vec<Vec<TxIndex>> {
        let txs = (0..self.len()).map(TxIndex::new);
        let edges = txs.flat_map(|tx| self.successors(tx).iter().map(move |to| (tx, *to)));
        paths::layers(self.len(), edges)
    }

    /// Whether edges are precautions only. The nearer a transaction is to its turn then,
    /// the fewer of those before it can prove it wrong; and who has nothing else to do may
    /// try one that waits for another.
    pub const fn is_precaution(&self) -> bool {
        self.is_precaution
    }

    /// Whether the transaction must run only when all earlier ones are committed,
    /// whatever its edges say.
    pub fn in_order(&self, tx: TxIndex) -> bool {
        self.in_order[tx.position()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::early::EARLY_REASONS_MAX;
    use alloy_primitives::{Address, U256};

    fn fingerprints<const N: usize>(
        awaited: [(Location, TxIndex); N],
    ) -> [(Fingerprint, TxIndex); N] {
        let mut awaited = awaited.map(|(location, tx)| (Fingerprint::of(&location), tx));
        awaited.sort_unstable();
        awaited
    }

    #[test]
    fn edges_come_in_any_order_and_wrong_ones_are_left_out() {
        let edges = [(1, 3), (0, 3), (1, 3), (0, 1), (3, 0), (2, 2), (1, 4)];
        let edges = edges.map(|(from, to)| (TxIndex(from), TxIndex(to)));
        let schedule = Schedule::from_edges(4, edges, &[1, 2, 4]);
        let txs = || (0..4).map(TxIndex);
        let successors: Vec<_> = txs().map(|tx| schedule.successors(tx)).collect();
        assert_eq!(successors, [&[TxIndex(1), TxIndex(3)][..], &[TxIndex(3)], &[], &[]]);
        assert!(txs().map(|tx| schedule.predecessor_count(tx)).eq([0, 1, 0, 2]));
        assert!(txs().map(|tx| schedule.priority(tx)).eq([3, 2, 4, 0]));
        assert!(txs().map(|tx| schedule.gas(tx)).eq([1, 2, 4, 0]));
        assert_eq!(
            schedule.layers(),
            [vec![TxIndex(0), TxIndex(2)], vec![TxIndex(1)], vec![TxIndex(3)]]
        );
        assert!(txs().all(|tx| !schedule.in_order(tx)));
    }

    #[test]
    fn claims_are_sorted_slots_of_transactions_that_there_are() {
        let slot = |n: u64| Location::slot(Address::ZERO, U256::from(n));
        let claims = [(2, slot(5)), (0, slot(1)), (2, slot(3)), (2, slot(5)), (9, slot(1))];
        let claims = claims.map(|(tx, slot)| (TxIndex(tx), slot));
        let field = (TxIndex(0), Location::balance(Address::ZERO));
        let schedule = Schedule::independent(3).claiming(claims.into_iter().chain([field]));
        assert_eq!(schedule.commutative(TxIndex(0)), [slot(1)]);
        assert_eq!(schedule.commutative(TxIndex(1)), []);
        assert_eq!(schedule.commutative(TxIndex(2)), [slot(3), slot(5)]);
        assert_eq!(schedule.claiming([]).commutative(TxIndex(2)), []);
    }

    #[test]
    fn who_can_be_started_early_knows_what_it_waits_for() {
        let slot = |n: u64| Location::slot(Address::ZERO, U256::from(n));
        let reason = |(from, to, n)| (TxIndex(from), TxIndex(to), slot(n));
        let reasons = [(1, 3, 4), (0, 3, 5), (1, 3, 4), (0, 1, 2), (3, 0, 1), (2, 2, 1), (1, 9, 1)];
        let schedule = Schedule::sequential(4);
        assert_eq!(schedule.early(), []);
        let schedule = schedule.starting_early(reasons.map(reason));
        assert_eq!(schedule.early(), [TxIndex(1), TxIndex(3)]);
        assert_eq!(schedule.awaited(TxIndex(1)), fingerprints([(slot(2), TxIndex(0))]));
        let expected = fingerprints([(slot(4), TxIndex(1)), (slot(5), TxIndex(0))]);
        assert_eq!(schedule.awaited(TxIndex(3)), expected);
        assert_eq!(schedule.awaited(TxIndex(2)), []);
        // Who waits for too much, or for all before it, is not among them.
        let many = (0..=EARLY_REASONS_MAX as u64).map(|n| reason((0, 1, n)));
        let schedule = schedule.starting_early(many.chain([reason((0, 2, 1))]));
        assert_eq!(schedule.early(), [TxIndex(2)]);
        assert_eq!(
            (schedule.awaited(TxIndex(1)), schedule.awaited(TxIndex(2)).len()),
            (&[][..], 1)
        );
        let schedule = Schedule::precaution([], vec![false, true, false]);
        assert_eq!(schedule.starting_early([reason((0, 1, 1))]).early(), []);
    }

    #[test]
    fn only_what_is_heavy_and_known_can_be_started_early() {
        let slot = Location::slot(Address::ZERO, U256::from(7));
        let access = foresee_access::AccessSet::new([slot], [slot], []);
        let node = |gas, in_order| crate::Node { access: &access, gas, in_order };
        let light = EARLY_GAS_MIN - 1;
        let nodes = [(light, false), (EARLY_GAS_MIN, false), (light, false), (u64::MAX, true)];
        let nodes = nodes.map(|(gas, in_order)| node(gas, in_order));
        let schedule = Schedule::from_dag(&DependencyDag::build(&nodes));
        assert_eq!(schedule.early(), [TxIndex(1)]);
        assert_eq!(schedule.awaited(TxIndex(1)), fingerprints([(slot, TxIndex(0))]));
    }

    #[test]
    fn a_precaution_has_edges_and_says_what_it_is() {
        let edges = [(0, 2), (2, 0)].map(|(from, to)| (TxIndex(from), TxIndex(to)));
        let schedule = Schedule::precaution(edges, vec![false, true, false]);
        assert!(schedule.is_precaution() && !Schedule::independent(3).is_precaution());
        assert_eq!((schedule.len(), schedule.successors(TxIndex(0))), (3, &[TxIndex(2)][..]));
        assert!((0..3).map(|tx| schedule.in_order(TxIndex(tx))).eq([false, true, false]));
    }

    #[test]
    fn the_two_extremes() {
        assert!(Schedule::independent(0).is_empty() && Schedule::sequential(0).is_empty());
        assert_eq!(Schedule::independent(3).layers().len(), 1);
        let chain = Schedule::sequential(3);
        assert_eq!(chain.layers().len(), 3);
        assert_eq!(chain.successors(TxIndex(0)), [TxIndex(1)]);
        assert_eq!(chain.priority(TxIndex(0)), 3);
    }
}
