//! Predictions compared with what execution observed in the same run.

use foresee_access::{Difference, TxIndex};
use foresee_execute::{BlockOutput, Observed};
use foresee_predict::Prediction;

/// How predictions compare with what really happened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Score {
    /// Transactions scored: those that were included.
    pub transactions: usize,
    /// Those whose predicted reads and writes are what was observed.
    pub exact: usize,
    /// Those whose predicted gas is what was used.
    pub gas_exact: usize,
    /// Those that are not exact, with what was wrong.
    pub mispredicted: Vec<Misprediction>,
}

/// A transaction whose sets were not predicted exactly.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misprediction {
    /// Its position in the block.
    pub index: TxIndex,
    /// Where prediction and observation part.
    pub difference: Difference,
}

impl Score {
    /// Scores the predictions of a block against the sets observed while it was
    /// executed. All are in block order, refused transactions included.
    pub fn new(predictions: &[Prediction], observed: &[Observed], output: &BlockOutput) -> Self {
        let mut score = Self::default();
        let pairs = predictions.iter().zip(observed).zip(output.gas_by_transaction());
        for (position, ((predicted, observed), gas)) in pairs.enumerate() {
            let Some(gas_used) = gas else { continue };
            score.transactions += 1;
            score.gas_exact += usize::from(predicted.gas_used == gas_used);
            let difference = Difference::between(&predicted.access, observed);
            if difference.is_empty() {
                score.exact += 1;
            } else {
                let index = TxIndex::new(position);
                score.mispredicted.push(Misprediction { index, difference });
            }
        }
        score
    }
}
