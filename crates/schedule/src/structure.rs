//! The shape of a DAG, ready to be printed or serialised.

use crate::{DependencyDag, Edge, makespan::CORES, paths};
use foresee_access::TxIndex;
use serde::{Serialize, Serializer};

/// Everything there is to show of a DAG. It serialises to the keys `edges`,
/// `layers`, `groups`, `critical_path` and `speedup`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Structure {
    /// All edges, sorted by the transaction they lead to.
    pub edges: Vec<Edge>,
    /// The topological layers.
    pub layers: Vec<Vec<TxIndex>>,
    /// The weakly connected components.
    pub groups: Vec<Vec<TxIndex>>,
    /// The heaviest path.
    pub critical_path: CriticalPath,
    /// How much faster than in order the block can run.
    pub speedup: Speedups,
}

/// The heaviest path through a DAG, which no number of cores can shorten.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct CriticalPath {
    /// Its transactions, in block order.
    pub transactions: Vec<TxIndex>,
    /// Their predicted gas.
    pub gas: u64,
}

/// Gas of the block over its makespan, for each number of cores in [`CORES`]. It
/// serialises as a map from the number of cores.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Speedups(pub [(usize, f64); CORES.len()]);

impl Speedups {
    /// The speedup on this many cores, if it is one of [`CORES`].
    pub fn on(&self, cores: usize) -> Option<f64> {
        self.0.iter().find(|(count, _)| *count == cores).map(|(_, speedup)| *speedup)
    }
}

impl Serialize for Speedups {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0)
    }
}

impl DependencyDag {
    /// Everything there is to show of this DAG.
    pub fn structure(&self) -> Structure {
        Structure {
            edges: self.edges().collect(),
            layers: self.layers(),
            groups: self.groups(),
            critical_path: self.critical_path(),
            speedup: Speedups(self.speedups()),
        }
    }

    /// The heaviest path by predicted gas; of several the one whose transactions
    /// come first in the block.
    pub fn critical_path(&self) -> CriticalPath {
        let remaining = paths::remaining(&self.gas(), self.pairs());
        let heaviest = |candidates: &mut dyn Iterator<Item = TxIndex>| {
            candidates.min_by_key(|tx| (core::cmp::Reverse(remaining[tx.position()]), *tx))
        };
        let Some(first) = heaviest(&mut (0..self.len()).map(TxIndex::new)) else {
            return CriticalPath::default();
        };
        let next = |tx: &TxIndex| heaviest(&mut self.successors(*tx));
        CriticalPath {
            transactions: core::iter::successors(Some(first), next).collect(),
            gas: remaining[first.position()],
        }
    }
}
