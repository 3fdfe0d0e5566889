//! Longest paths over edges that lead from earlier to later transactions.
//!
//! Edges come sorted by the transaction they lead to, or for layers by the one they come
//! from. Because every edge leads forward in the block, one scan over them in that order
//! sees each transaction only after all that lead to it, and one scan against that order
//! sees it only after all that it leads to; no traversal is needed.

use foresee_access::TxIndex;

/// An edge: the second transaction reads what the first writes.
pub(crate) type Pair = (TxIndex, TxIndex);

/// The transactions by layer: the layer of a transaction is the number of edges
/// on the longest path to it.
pub(crate) fn layers(n: usize, edges: impl Iterator<Item = Pair>) -> Vec<Vec<TxIndex>> {
    let mut depth = vec![0usize; n];
    for (from, to) in edges {
        depth[to.position()] = depth[to.position()].max(depth[from.position()] + 1);
    }
    let count = depth.iter().max().map_or(0, |deepest| deepest + 1);
    let mut layers = vec![Vec::new(); count];
    for (position, depth) in depth.into_iter().enumerate() {
        layers[depth].push(TxIndex::new(position));
    }
    layers
}

/// For each transaction the gas of the heaviest path that starts with it, its own
/// gas included.
pub(crate) fn remaining(gas: &[u64], edges: impl DoubleEndedIterator<Item = Pair>) -> Vec<u64> {
    // What follows each transaction, its own gas apart.
    let mut after = vec![0u64; gas.len()];
    for (from, to) in edges.rev() {
        let path = after[to.position()].saturating_add(gas[to.position()]);
        after[from.position()] = after[from.position()].max(path);
    }
    for (after, gas) in after.iter_mut().zip(gas) {
        *after = after.saturating_add(*gas);
    }
    after
}
