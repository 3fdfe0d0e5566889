//! Dependencies that there are if everything happens that may: without storage, what
//! transactions do for some values in it only.

use foresee_access::{AccessSet, TxIndex};
use foresee_predict::{Outline, Prediction};
use foresee_schedule::{DependencyDag, Edge, Node};
use std::{borrow::Cow, collections::BTreeSet};

/// The edges that come in addition to those of the DAG with locations behind them, if all
/// that is possible happens.
pub(super) fn edges(
    predictions: &[Prediction],
    outlines: &[Option<Outline>],
    dag: &DependencyDag,
) -> Vec<Edge> {
    if outlines.iter().all(Option::is_none) {
        return Vec::new();
    }
    let all: Vec<Cow<'_, AccessSet>> = predictions
        .iter()
        .zip(outlines)
        .map(|(prediction, outline)| match outline {
            Some(outline) => Cow::Owned(outline.all()),
            None => Cow::Borrowed(&prediction.access),
        })
        .collect();
    let nodes: Vec<_> = all.iter().map(|access| Node { access, gas: 0, in_order: false }).collect();
    let is_certain = |edge: &Edge| !edge.locations.is_empty();
    let pair = |edge: Edge| (edge.from, edge.to);
    let certain: BTreeSet<(TxIndex, TxIndex)> = dag.edges().filter(is_certain).map(pair).collect();
    let possible = DependencyDag::build(&nodes);
    possible.edges().filter(|edge| !certain.contains(&(edge.from, edge.to))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::{Address, U256};
    use foresee_access::Location;

    #[test]
    fn only_what_the_dag_lacks_is_possible() {
        let slot = |n: u64| Location::slot(Address::repeat_byte(0xaa), U256::from(n));
        let set = |n| AccessSet::new([slot(n)], [slot(n)], []);
        let outline = |possible| {
            let certain = set(0);
            Some(Outline { certain, possible, ..Outline::default() })
        };
        let predictions = [0, 1, 2].map(|_| Prediction { access: set(0), ..Prediction::default() });
        // The last may meet the first, and meets the second anyway.
        let outlines = [outline(set(1)), None, outline(set(1))];
        let nodes = predictions.each_ref().map(|prediction| Node {
            access: &prediction.access,
            gas: 1,
            in_order: false,
        });
        let dag = DependencyDag::build(&nodes);
        let edges = edges(&predictions, &outlines, &dag);
        let expected = Edge { from: TxIndex(0), to: TxIndex(2), locations: vec![slot(1)] };
        assert_eq!(edges, [expected]);
        assert_eq!(super::edges(&predictions, &[None, None, None], &dag), []);
    }
}
