//! The DAG as a text that graph tools draw.
//!
//! Equal DAGs and labels give equal text. Transactions of one layer stand in one
//! row; an edge says how many locations are behind it and names the first.

mod dot;
mod mermaid;

pub use dot::dot;
pub use mermaid::mermaid;

use crate::{DependencyDag, Edge};
use foresee_access::{Location, TxIndex};

/// What to call transactions and locations in an export.
#[derive(Clone, Copy)]
pub struct Labels<'a> {
    /// A few words on a transaction, below its index and gas.
    pub transaction: &'a dyn Fn(TxIndex) -> Option<String>,
    /// A name for a location; without one it is written out.
    pub location: &'a dyn Fn(&Location) -> Option<String>,
}

impl Labels<'static> {
    /// No labels.
    pub const NONE: Self = Self { transaction: &|_| None, location: &|_| None };
}

impl core::fmt::Debug for Labels<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Labels").finish_non_exhaustive()
    }
}

impl Labels<'_> {
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
