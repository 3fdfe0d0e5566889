//! The DAG as a text that graph tools draw.
//!
//! Equal DAGs and views give equal text. Transactions of one layer stand in one
//! row; an edge says how many locations are behind it and names the first; the critical
//! path is marked. Transactions without edges stand apart, in several rows: in one they
//! would make the drawing of a large block too wide to be read.

mod dot;
mod mermaid;

pub use dot::dot;
pub use mermaid::mermaid;

use crate::{DependencyDag, Edge};
use foresee_access::{Location, TxIndex};
use std::collections::BTreeSet;

/// The colour of the critical path.
const MARK: &str = "#d55e00";

/// How many transactions without edges stand in a row at least.
const ROW_MIN: usize = 10;

/// What to show of a DAG, and what to call it.
#[derive(Clone, Copy)]
pub struct View<'a> {
    /// Whether a transaction is shown. An edge is shown between any two that are.
    pub shown: &'a dyn Fn(TxIndex) -> bool,
    /// A few words on a transaction, below its index and gas.
    pub transaction: &'a dyn Fn(TxIndex) -> Option<String>,
    /// A name for a location; without one it is written out.
    pub location: &'a dyn Fn(&Location) -> Option<String>,
    /// Edges that are no part of the DAG, because nobody knows whether what is behind them
    /// happens; drawn as such.
    pub possible: &'a [Edge],
}

impl View<'static> {
    /// Everything, without labels.
    pub const PLAIN: Self =
        Self { shown: &|_| true, transaction: &|_| None, location: &|_| None, possible: &[] };
}

impl core::fmt::Debug for View<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("View").finish_non_exhaustive()
    }
}

impl View<'_> {
    /// The transactions shown that have an edge which is shown, by layer; a layer without
    /// any is empty.
    fn layers(&self, dag: &DependencyDag, alone: &BTreeSet<TxIndex>) -> Vec<Vec<TxIndex>> {
        let mut layers = dag.layers();
        let stays = |tx: &TxIndex| (self.shown)(*tx) && !alone.contains(tx);
        layers.iter_mut().for_each(|layer| layer.retain(stays));
        layers
    }

    /// The transactions shown that have no edge which is shown.
    fn alone(&self, dag: &DependencyDag) -> BTreeSet<TxIndex> {
        let ends = |edge: &Edge| [edge.from, edge.to];
        let certain = self.edges(dag).flat_map(|edge| ends(&edge));
        let tied: BTreeSet<_> = certain.chain(self.possible_edges().flat_map(ends)).collect();
        let all = dag.layers().into_iter().flatten();
        all.filter(|tx| (self.shown)(*tx) && !tied.contains(tx)).collect()
    }

    /// The steps of the critical path, if it has any.
    fn critical(dag: &DependencyDag) -> BTreeSet<(TxIndex, TxIndex)> {
        let path = dag.critical_path().transactions;
        path.windows(2).map(|pair| (pair[0], pair[1])).collect()
    }

    /// The edges shown.
    fn edges<'a>(&'a self, dag: &'a DependencyDag) -> impl Iterator<Item = Edge> + 'a {
        dag.edges().filter(|edge| self.shows(edge))
    }

    /// The possible edges shown.
    fn possible_edges(&self) -> impl Iterator<Item = &Edge> {
        self.possible.iter().filter(|edge| self.shows(edge))
    }

    fn shows(&self, edge: &Edge) -> bool {
        (self.shown)(edge.from) && (self.shown)(edge.to)
    }

    /// The lines in the box of a transaction: index, gas, label.
    fn node(&self, dag: &DependencyDag, tx: TxIndex) -> Vec<String> {
        let node = dag.transaction(tx);
        let order = if node.in_order { ", in order" } else { "" };
        let mut lines = vec![tx.to_string(), format!("{} gas{order}", node.gas)];
        lines.extend((self.transaction)(tx));
        lines
    }

    /// The lines beside an edge: how many locations, and the first; nothing if only
    /// the order of the block is behind it.
    fn edge(&self, edge: &Edge) -> Vec<String> {
        let Some(first) = edge.locations.first() else { return vec![] };
        let name = (self.location)(first).unwrap_or_else(|| first.to_string());
        match edge.locations.len() {
            1 => vec![name],
            more => vec![format!("{more} locations"), name],
        }
    }
}

/// What stands above the transactions without edges.
fn title(alone: &BTreeSet<TxIndex>) -> String {
    match alone.len() {
        1 => "1 transaction that nothing waits for and that waits for nothing".to_owned(),
        many => format!("{many} transactions that nothing waits for and that wait for nothing"),
    }
}

/// Which of them stand one below the other.
fn below(alone: &BTreeSet<TxIndex>) -> impl Iterator<Item = (TxIndex, TxIndex)> {
    // About twice as many in a row as there are rows.
    let row = (2 * alone.len()).isqrt().max(ROW_MIN);
    alone.iter().copied().zip(alone.iter().copied().skip(row))
}
