//! Progress by layers.

use foresee_access::TxIndex;
use foresee_schedule::Schedule;

/// Progress by layers, for [`Policy::Layers`](super::Policy::Layers) only.
#[derive(Default)]
pub(super) struct Layers {
    layers: Vec<Vec<TxIndex>>,
    /// The layer being executed.
    current: usize,
    /// By transaction, its layer.
    layer_of: Vec<u32>,
    /// By layer, how many of its transactions are not executed yet.
    left: Vec<usize>,
}

impl Layers {
    pub(super) fn new(schedule: &Schedule) -> Self {
        let layers = schedule.layers();
        let mut layer_of = vec![0; schedule.len()];
        for (layer, txs) in layers.iter().enumerate() {
            for tx in txs {
                layer_of[tx.position()] = layer as u32;
            }
        }
        let left = layers.iter().map(Vec::len).collect();
        Self { layers, current: 0, layer_of, left }
    }

    /// The transactions of the layer being executed.
    pub(super) fn current(&self) -> &[TxIndex] {
        self.layers.get(self.current).map_or(&[], Vec::as_slice)
    }

    /// Counts a transaction as executed. Whether another layer has become the
    /// current one: the first with a transaction that is not executed.
    pub(super) fn executed(&mut self, tx: TxIndex) -> bool {
        self.left[self.layer_of[tx.position()] as usize] -= 1;
        let before = self.current;
        while self.left.get(self.current) == Some(&0) {
            self.current += 1;
        }
        self.current != before
    }
}
