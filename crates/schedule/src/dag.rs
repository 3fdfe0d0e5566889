//! The dependency DAG of a block.
//!
//! There is an edge from `i` to `j` when `j` reads a location that `i` wrote last
//! before it. Only reads order: a later write of the same location does not wait
//! for an earlier one, because every transaction's writes are a version of their
//! own. If the last writes before `j` are commutative additions, `j` depends on every
//! one of them since the last overwrite, and on that.
//!
//! Locations that `j` holds as commutative draw no edge into it from additions, because
//! they add up in any order. A field of an account draws none from an overwrite either:
//! what a transaction needs of it is checked at commit. A slot does: it is checked too,
//! but most overwrites change more than a number that is added to, what the addition may
//! do with the slot (whether it is zero, whether it suffices) follows from the value, and
//! whoever waits for the overwrite sees it. Of the additions that `j` does not wait for it
//! is noted that there are some: an executor must not expect `j` to see the right value,
//! and has to find out by itself that it does not matter.
//!
//! A transaction marked `in_order` also comes after every earlier one. An edge from
//! each earlier transaction that nothing else follows yet says so (these edges may
//! have no locations); all others reach it through those.
//!
//! So many transactions may read what so many have added to that the edges between them
//! are more than can be kept. From [`REASONS_MAX`] on a transaction is taken to be
//! `in_order` instead, which orders it as well and takes one edge or a few.

use crate::{
    paths::{self, Pair},
    walk::Walk,
};
use core::ops::Range;
use foresee_access::{AccessSet, Location, TxIndex};
use petgraph::{
    algo::has_path_connecting,
    graph::{DiGraph, EdgeReference, NodeIndex},
    unionfind::UnionFind,
    visit::EdgeRef,
};
use rustc_hash::FxHashMap;
use serde::Serialize;

/// The most reasons for edges, one location behind an edge each, that a DAG holds: some 40
/// MB with the edges. Mainnet blocks have a few thousand.
pub const REASONS_MAX: usize = 1 << 20;

/// What the DAG has to know of a transaction.
#[derive(Clone, Copy, Debug)]
pub struct Node<'a> {
    /// What it reads and writes.
    pub access: &'a AccessSet,
    /// The gas it is predicted to use.
    pub gas: u64,
    /// Whether it must run after all earlier ones are committed, because what it
    /// reads is not known.
    pub in_order: bool,
}

/// Whether slots that are merely added to draw edges between additions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Additions {
    /// No: whoever executes has to find out that the order does not matter.
    #[default]
    Free,
    /// Yes, as any other read after a write.
    Ordered,
}

/// A transaction in the DAG; its node index is its position in the block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TransactionNode {
    /// The gas it is predicted to use.
    pub gas: u64,
    /// Whether it must run after all earlier ones are committed.
    pub in_order: bool,
}

/// What is behind an edge; [`DependencyDag::locations`] resolves it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dependency {
    locations: Range<usize>,
}

/// An edge and the locations behind it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Edge {
    /// The transaction that writes.
    pub from: TxIndex,
    /// The later transaction that reads.
    pub to: TxIndex,
    /// The locations written by the one and read by the other, sorted. Empty if
    /// only the order of the block is behind the edge.
    pub locations: Vec<Location>,
}

/// The read-after-write dependencies between the transactions of a block.
#[derive(Clone, Debug, Default)]
pub struct DependencyDag {
    graph: DiGraph<TransactionNode, Dependency>,
    /// For each edge its locations, sorted, as positions in `locations`; the edges hold ranges
    /// into this.
    edge_locations: Vec<u32>,
    /// Every location behind an edge, once.
    locations: Vec<Location>,
    /// Slots that draw no edge from earlier additions, by transaction.
    unordered: Vec<(TxIndex, Location)>,
}

impl DependencyDag {
    /// Builds the DAG of a block from its transactions in block order. Equal
    /// transactions give an equal DAG, edges in the same order.
    pub fn build(transactions: &[Node<'_>]) -> Self {
        Self::build_with(transactions, Additions::Free)
    }

    /// The same, but for how slots that are merely added to are taken.
    pub fn build_with(transactions: &[Node<'_>], additions: Additions) -> Self {
        let writes = transactions.iter().map(|node| node.access.writes().count()).sum();
        let mut walk = Walk::new(writes, additions);
        let mut names = Names::default();
        let mut dag =
            Self { graph: DiGraph::with_capacity(transactions.len(), writes), ..Self::default() };
        let mut numbered = Vec::new();
        for (position, node) in transactions.iter().enumerate() {
            let tx = TxIndex::new(position);
            let touches = node.access.touches();
            numbered.extend(touches.map(|(location, touch)| (names.number(location), touch)));
            let unordered = |number| dag.unordered.push((tx, names.location(number)));
            let (in_order, found) = walk.next(node.in_order, numbered.drain(..), unordered);
            dag.graph.add_node(TransactionNode { gas: node.gas, in_order });
            for reasons in found.chunk_by(|a, b| a.tx == b.tx) {
                let start = dag.edge_locations.len();
                let named = reasons.iter().filter(|reason| reason.location != 0);
                dag.edge_locations.extend(named.map(|reason| names.id(reason.location)));
                let locations = start..dag.edge_locations.len();
                let [from, to] = [reasons[0].tx, tx].map(node_index);
                dag.graph.add_edge(from, to, Dependency { locations });
            }
        }
        dag.locations = names.behind_edges;
        dag
    }

    /// The number of transactions.
    pub fn len(&self) -> usize {
        self.graph.node_count()
    }

    /// Whether the block has no transactions.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The graph itself. Node indexes are positions in the block; edges are sorted
    /// by the transaction they lead to, then by the one they come from.
    pub const fn graph(&self) -> &DiGraph<TransactionNode, Dependency> {
        &self.graph
    }

    /// A transaction of the block.
    ///
    /// # Panics
    ///
    /// If the block has no such transaction.
    pub fn transaction(&self, tx: TxIndex) -> TransactionNode {
        self.graph[node_index(tx)]
    }

    /// The locations behind an edge of [`DependencyDag::graph`], sorted.
    pub fn locations(&self, dependency: &Dependency) -> impl ExactSizeIterator<Item = &Location> {
        let ids = &self.edge_locations[dependency.locations.clone()];
        ids.iter().map(|id| &self.locations[*id as usize])
    }

    /// All edges, sorted by the transaction they lead to, then by the one they come
    /// from.
    pub fn edges(&self) -> impl Iterator<Item = Edge> {
        self.graph.edge_references().map(|edge| {
            let (from, to) = pair(edge);
            Edge { from, to, locations: self.locations(edge.weight()).copied().collect() }
        })
    }

    /// What is behind the edges that lead to some transactions: both ends and a location.
    pub(crate) fn reasons(
        &self,
        to: impl Fn(TxIndex) -> bool,
    ) -> impl Iterator<Item = (TxIndex, TxIndex, Location)> {
        let edges = self.graph.edge_references().filter(move |edge| to(pair(*edge).1));
        edges.flat_map(|edge| {
            let (from, to) = pair(edge);
            self.locations(edge.weight()).map(move |location| (from, to, *location))
        })
    }

    /// The ends of all edges, in the order of [`DependencyDag::edges`].
    pub fn pairs(&self) -> impl DoubleEndedIterator<Item = (TxIndex, TxIndex)> {
        self.graph.edge_references().map(pair)
    }

    /// Transactions and slots that they add to without waiting for earlier ones that do.
    pub fn unordered(&self) -> &[(TxIndex, Location)] {
        &self.unordered
    }

    /// The transactions that an edge from this one leads to, in no set order.
    pub fn successors(&self, tx: TxIndex) -> impl Iterator<Item = TxIndex> {
        self.graph.neighbors(node_index(tx)).map(|index| TxIndex::new(index.index()))
    }

    /// The predicted gas of each transaction.
    pub fn gas(&self) -> Vec<u64> {
        self.graph.node_weights().map(|node| node.gas).collect()
    }

    /// The predicted gas of the block.
    pub fn total_gas(&self) -> u64 {
        self.graph.node_weights().fold(0, |sum, node| sum.saturating_add(node.gas))
    }

    /// The transactions by the number of edges on the longest path to them: those in
    /// one layer do not depend on each other, only on layers before.
    pub fn layers(&self) -> Vec<Vec<TxIndex>> {
        paths::layers(self.len(), self.pairs())
    }

    /// The weakly connected components, each sorted, ordered by their first
    /// transaction: no edge joins two groups.
    pub fn groups(&self) -> Vec<Vec<TxIndex>> {
        let mut components = UnionFind::<usize>::new(self.len());
        for (from, to) in self.pairs() {
            components.union(from.position(), to.position());
        }
        let mut group_of = vec![None; self.len()];
        let mut groups: Vec<Vec<TxIndex>> = Vec::new();
        for (position, component) in components.into_labeling().into_iter().enumerate() {
            let group = *group_of[component].get_or_insert_with(|| {
                groups.push(Vec::new());
                groups.len() - 1
            });
            groups[group].push(TxIndex::new(position));
        }
        groups
    }

    /// Whether one transaction is ordered before another by a path of edges.
    pub fn reaches(&self, from: TxIndex, to: TxIndex) -> bool {
        from < to
            && to.position() < self.len()
            && has_path_connecting(&self.graph, node_index(from), node_index(to), None)
    }
}

/// The locations of a block by number, from 1 on.
#[derive(Default)]
struct Names {
    numbers: FxHashMap<Location, u64>,
    /// By number, and the place of each in `behind_edges`, if it has one.
    locations: Vec<(Location, Option<u32>)>,
    /// Every location behind an edge, once.
    behind_edges: Vec<Location>,
}

impl Names {
    fn number(&mut self, location: Location) -> u64 {
        *self.numbers.entry(location).or_insert_with(|| {
            self.locations.push((location, None));
            self.locations.len() as u64
        })
    }

    fn location(&self, number: u64) -> Location {
        self.locations[number as usize - 1].0
    }

    /// The place of a location behind an edge.
    fn id(&mut self, number: u64) -> u32 {
        let (location, id) = &mut self.locations[number as usize - 1];
        *id.get_or_insert_with(|| {
            self.behind_edges.push(*location);
            self.behind_edges.len() as u32 - 1
        })
    }
}

fn node_index(tx: TxIndex) -> NodeIndex {
    NodeIndex::new(tx.position())
}

fn pair<W>(edge: EdgeReference<'_, W>) -> Pair {
    (TxIndex::new(edge.source().index()), TxIndex::new(edge.target().index()))
}
