//! What follows from the sets in a record: why predictions were wrong, and what waited
//! for what.

use super::{Basis, Record, TransactionRecord};
use foresee_access::{AccessSet, Difference, Location, TxIndex};
use foresee_schedule::{CORES, CriticalPath, DependencyDag, Edge, Speedups};
use serde::{Serialize, Serializer};
use std::collections::BTreeMap;

/// Why a transaction's prediction differs from what was observed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// The prediction names something as unknown.
    Incomplete,
    /// It looked at something whose write by this earlier transaction was mispredicted.
    Inherited(TxIndex),
    /// It was predicted alone, and looked at something that this earlier transaction wrote.
    Unseen(TxIndex),
    /// It was taken for complete and is wrong by itself.
    Mispredicted,
}

/// A dependency DAG as it is shown.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Dependencies {
    /// All edges with the locations behind them, sorted by the transaction they lead to.
    pub edges: Vec<Edge>,
    /// The transactions by the number of edges on the longest path to them.
    pub layers: Vec<Vec<TxIndex>>,
    /// The heaviest path, which no number of cores can shorten.
    pub critical_path: CriticalPath,
    /// Gas after which the last transaction is done, by number of cores.
    #[serde(serialize_with = "by_cores")]
    pub makespan_gas: [(usize, u64); CORES.len()],
    /// Gas of the block over the shortest makespan on so many cores or fewer, to three
    /// decimal places.
    pub speedup: Speedups,
}

fn by_cores<S: Serializer>(
    makespans: &[(usize, u64); CORES.len()],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_map(makespans.iter().copied())
}

fn rounded(speedup: f64) -> f64 {
    (speedup * 1000.0).round() / 1000.0
}

impl Dependencies {
    /// What there is to show of a DAG.
    pub fn of(dag: &DependencyDag) -> Self {
        Self {
            edges: dag.edges().collect(),
            layers: dag.layers(),
            critical_path: dag.critical_path(),
            makespan_gas: CORES.map(|cores| (cores, dag.makespan(cores))),
            // So few digits are the same number when they are read again.
            speedup: Speedups(dag.speedups().map(|(cores, it)| (cores, rounded(it)))),
        }
    }
}

impl Record {
    /// By transaction, where its prediction differs from what was observed, and why.
    /// None where it does not, or nothing was predicted.
    pub fn differences(&self) -> Vec<Option<(Difference, Cause)>> {
        // Writes that a prediction could not have seen, or not right.
        let mut missed = BTreeMap::<Location, TxIndex>::new();
        let each = self.transactions.iter().enumerate().map(|(position, transaction)| {
            let TransactionRecord { observed, predicted, .. } = transaction;
            let index = TxIndex::new(position);
            let mut found = None;
            if let Some(predicted) = predicted {
                let difference = Difference::between(&predicted.access, observed);
                let earlier = looked_at(observed, &predicted.access)
                    .filter_map(|read| missed.get(&read).copied())
                    .min();
                let cause = match (earlier, self.basis) {
                    _ if !predicted.unknown.is_empty() => Cause::Incomplete,
                    (Some(earlier), Basis::BlockOrder) => Cause::Inherited(earlier),
                    (Some(earlier), Basis::Alone) => Cause::Unseen(earlier),
                    (None, _) => Cause::Mispredicted,
                };
                found = (!difference.is_empty()).then_some((difference, cause));
            }
            match (self.basis, &found) {
                (Basis::Alone, _) => missed.extend(observed.writes().map(|it| (it, index))),
                (Basis::BlockOrder, Some((difference, _))) => {
                    let writes = difference.missed_writes.iter().chain(&difference.extra_writes);
                    for write in writes {
                        missed.entry(*write).or_insert(index);
                    }
                }
                (Basis::BlockOrder, None) => {}
            }
            found
        });
        each.collect()
    }
}

/// What a transaction looked at, or was predicted to.
fn looked_at<'a>(
    observed: &'a AccessSet,
    predicted: &'a AccessSet,
) -> impl Iterator<Item = Location> {
    observed.reads().chain(predicted.reads())
}
