//! The calls that the commands have in common: from a loaded block to predictions,
//! from predictions to a DAG.

use crate::{failure::Failure, input::Input};
use core::convert::Infallible;
use foresee_access::Location;
use foresee_execute::{Block, ExecuteError, PreBlock};
use foresee_predict::{
    BlockPredictor, Complete, PredictOptions, Prediction, ProgramCache, StateView, WithoutStorage,
};
use foresee_schedule::{DependencyDag, Node};
use std::time::{Duration, Instant};

/// What predictions may look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// The state before the block.
    PreBlock,
    /// Accounts and code, but no storage.
    CodeOnly,
}

/// The predictions of a block and what they cost.
#[derive(Debug)]
pub(crate) struct Predicted {
    pub(crate) predictions: Vec<Prediction>,
    /// From the block at hand to the last prediction.
    pub(crate) elapsed: Duration,
    /// The part of it spent in precompiles; zero unless asked for.
    pub(crate) precompiles: Duration,
}

/// Predicts a block in order.
pub(crate) fn predict(
    input: &Input,
    cache: &ProgramCache,
    options: PredictOptions,
    state: State,
) -> Result<Predicted, Failure> {
    let db = &input.loaded.state;
    let predicted = match state {
        State::PreBlock => predict_over(input, cache, options, Complete(db)),
        State::CodeOnly => predict_over(input, cache, options, WithoutStorage(db)),
    };
    predicted.map_err(|error| input.failure("predicting", error))
}

fn predict_over<S: StateView<Error = Infallible>>(
    input: &Input,
    cache: &ProgramCache,
    options: PredictOptions,
    view: S,
) -> Result<Predicted, ExecuteError<Infallible>> {
    let Block { cfg, env, transactions, .. } = &input.loaded.block;
    let start = Instant::now();
    let pre = PreBlock::run(&input.loaded.block, &input.loaded.state)?;
    let mut predictor = BlockPredictor::new(cache, cfg, env, view, options);
    pre.changes().iter().for_each(|changes| predictor.apply(changes));
    let predictions = transactions.iter().map(|tx| predictor.predict(tx)).collect::<Result<_, _>>();
    Ok(Predicted {
        predictions: predictions.map_err(ExecuteError::Database)?,
        elapsed: start.elapsed(),
        precompiles: predictor.precompile_time(),
    })
}

/// The DAG of a block's predictions.
pub(crate) fn dag(input: &Input, predictions: &[Prediction]) -> DependencyDag {
    let beneficiary = Location::balance(input.loaded.block.env.beneficiary);
    let nodes: Vec<_> = predictions
        .iter()
        .map(|prediction| Node {
            access: &prediction.access,
            gas: prediction.gas_used,
            in_order: !prediction.is_complete()
                || prediction.access.ordering_reads().any(|read| *read == beneficiary),
        })
        .collect();
    DependencyDag::build(&nodes)
}

/// The middle one of several times; of an even number the later of the two middle
/// ones. None of none.
pub(crate) fn median(mut times: Vec<Duration>) -> Option<Duration> {
    times.sort_unstable();
    times.get(times.len() / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_one() {
        let us = |list: &[u64]| median(list.iter().copied().map(Duration::from_micros).collect());
        assert_eq!(us(&[]), None);
        assert_eq!(us(&[9, 1, 5]), Some(Duration::from_micros(5)));
        assert_eq!(us(&[9, 1]), Some(Duration::from_micros(9)));
    }
}
