//! Predictions compared with what execution observed in the same run.

use crate::{
    ExecutedBlock, Foresee,
    choice::Work,
    outlook::take_results,
    pipeline::Predictor,
    telemetry::{self, predicting},
};
use foresee_access::{Difference, TxIndex};
use foresee_execute::{
    Block, BlockOutput, ExecuteError, Known, Observed, Pace, PreBlock, execute_in_order_reporting,
};
use foresee_predict::Prediction;
use revm::{DatabaseRef, context::TxEnv};
use std::{sync::Arc, time::Instant};

/// A prediction, unless the state failed.
type Predicted<DB> = Result<Prediction, <DB as DatabaseRef>::Error>;

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

impl Foresee {
    /// Predicts every transaction in block order, executes, and scores. A state that
    /// fails while predicting leaves the block without schedule and predictions;
    /// execution meets the failure itself.
    pub(crate) fn predict_and_execute<'a, DB: DatabaseRef + Sync>(
        &self,
        block: &'a Block,
        db: &'a DB,
        known: Known,
        mut predict: impl FnMut(&mut Predictor<'a, DB>, usize, &'a TxEnv) -> Predicted<DB>,
    ) -> Result<ExecutedBlock, ExecuteError<DB::Error>> {
        let start = Instant::now();
        let pre = PreBlock::run(block, db)?;
        let mut predictor = self.predictor(block, db, self.config().predict);
        pre.changes().iter().for_each(|changes| predictor.apply(changes));
        let known = Arc::new(known);
        let mut predict = || {
            let each = block.transactions.iter().enumerate();
            let all = each.map(|(position, tx)| {
                let predicted = predict(&mut predictor, position, tx);
                take_results(&mut predictor, &known, position);
                predicted
            });
            predicting(|| all.collect::<Result<Vec<_>, _>>().ok())
        };
        let decision = self.decide(block, |costs| Work::by_limits(block, costs));
        if !decision.parallel {
            let predictions = predict().unwrap_or_default();
            let outcome = execute_in_order_reporting(block, db, self.config().reports())?;
            let executed = ExecutedBlock::in_order(outcome, decision, predictions);
            telemetry::block(&executed, start.elapsed());
            return Ok(executed);
        }
        let mut predictions = Vec::new();
        let executor = self.executor().on(decision.threads).knowing(known.clone());
        let make = |_: &dyn Pace| {
            predictions = predict()?;
            Some(self.scheduled(block, &predictions))
        };
        let outcome = executor.execute_while(pre, block, db, make, |_| {}, None)?;
        let executed = ExecutedBlock::in_parallel(outcome, decision, predictions);
        telemetry::block(&executed, start.elapsed());
        Ok(executed)
    }
}
