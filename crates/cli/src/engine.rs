//! What the commands call of the library, and what they need beside its one-call
//! interface: predictions without storage, and the time that predicting takes.

use crate::{failure::Failure, input::Input};
use core::convert::Infallible;
use foresee::{Config, Foresee};
use foresee_execute::{Block, ExecuteError, ExecutionTime, PreBlock};
use foresee_predict::{
    BlockPredictor, Complete, Frames, Instructions, Outline, Outliner, PredictOptions, Prediction,
    ProgramCache, StateView, Unknown, WithoutStorage,
};
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
    /// From the block at hand to the last prediction and what is learnt from it.
    pub(crate) elapsed: Duration,
    /// What of that is spent in precompiles, if that is [timed](PredictOptions::time_precompiles).
    pub(crate) precompiles: Duration,
    /// What served the frames.
    pub(crate) frames: Frames,
    /// How often Keccak's permutation was computed.
    pub(crate) permutations: u64,
    /// What instructions served, if the view asks for it.
    pub(crate) instructions: Instructions,
}

/// Predicts a block in order.
pub(crate) fn predict(
    input: &Input,
    cache: &ProgramCache,
    options: PredictOptions,
    state: State,
) -> Result<Predicted, Failure> {
    let db = &input.loaded.state;
    match state {
        State::PreBlock => predict_over(input, cache, options, Complete(db)),
        State::CodeOnly => predict_over(input, cache, options, WithoutStorage(db)),
    }
}

/// What is known without storage of the transactions whose predictions need it, by
/// position. Their predictions hold what is certain from then on, and every reason why
/// there may be more.
pub(crate) fn outline(
    input: &Input,
    predictions: &mut [Prediction],
) -> Result<Vec<Option<Outline>>, Failure> {
    let Block { cfg, env, transactions, .. } = &input.loaded.block;
    let mut outliner = Outliner::new(cfg, env, WithoutStorage(&input.loaded.state));
    let mut one = |(tx, prediction): (_, &mut Prediction)| {
        if prediction.is_complete() {
            return Ok(None);
        }
        let outline = outliner.outline(tx)?;
        prediction.access = outline.certain.clone();
        prediction.labels.clone_from(&outline.labels);
        prediction.dependencies = None;
        // A nonce looks wrong where an earlier transaction could not be predicted to its end.
        let depends = Unknown::Depends("what it accesses");
        prediction.unknown.iter_mut().for_each(|unknown| {
            if matches!(unknown, Unknown::Invalid(_)) {
                *unknown = depends.clone();
            }
        });
        prediction.unknown.extend(outline.unknown.iter().cloned());
        Ok(Some(outline))
    };
    let outlines = transactions.iter().zip(predictions).map(&mut one);
    outlines.collect::<Result<_, _>>().map_err(|error| database(input, error))
}

/// Predicts a block in order on top of the state that a view shows.
pub(crate) fn predict_over<S: StateView<Error = Infallible>>(
    input: &Input,
    cache: &ProgramCache,
    options: PredictOptions,
    view: S,
) -> Result<Predicted, Failure> {
    let start = Instant::now();
    let mut predictor = predictor(input, cache, options, view)?;
    let transactions = &input.loaded.block.transactions;
    let mut predictions = Vec::with_capacity(transactions.len());
    for tx in transactions {
        predictions.push(predictor.predict(tx).map_err(|error| database(input, error))?);
    }
    let (frames, permutations) = (predictor.frames(), predictor.permutations());
    let (instructions, precompiles) = (predictor.instructions(), predictor.precompile_time());
    // What it learns, it learns now.
    drop(predictor);
    let elapsed = start.elapsed();
    Ok(Predicted { predictions, elapsed, precompiles, frames, permutations, instructions })
}

/// How long each prediction of a block takes, in order.
pub(crate) fn predict_timed(
    input: &Input,
    cache: &ProgramCache,
) -> Result<Vec<ExecutionTime>, Failure> {
    let options = PredictOptions { time_precompiles: true, ..PredictOptions::default() };
    let mut predictor = predictor(input, cache, options, Complete(&input.loaded.state))?;
    let mut before = predictor.precompile_time();
    let mut times = Vec::with_capacity(input.loaded.block.transactions.len());
    for tx in &input.loaded.block.transactions {
        let start = Instant::now();
        predictor.predict(tx).map_err(|error| database(input, error))?;
        let (total, after) = (start.elapsed(), predictor.precompile_time());
        times.push(ExecutionTime { total, precompiles: after - before });
        before = after;
    }
    Ok(times)
}

/// Predicts every transaction of a block alone, on the state before the block.
pub(crate) fn predict_alone(
    input: &Input,
    cache: &ProgramCache,
    state: State,
) -> Result<Vec<Prediction>, Failure> {
    let db = &input.loaded.state;
    match state {
        State::PreBlock => predict_alone_over(input, cache, Complete(db)),
        State::CodeOnly => predict_alone_over(input, cache, WithoutStorage(db)),
    }
}

fn predict_alone_over<S: StateView<Error = Infallible>>(
    input: &Input,
    cache: &ProgramCache,
    view: S,
) -> Result<Vec<Prediction>, Failure> {
    let mut predictor = predictor(input, cache, PredictOptions::default(), view)?;
    let transactions = input.loaded.block.transactions.iter();
    let predictions = transactions.map(|tx| predictor.predict_alone(tx)).collect::<Result<_, _>>();
    predictions.map_err(|error| database(input, error))
}

/// A predictor of a block, behind what the protocol does before the transactions.
fn predictor<'a, S: StateView<Error = Infallible>>(
    input: &'a Input,
    cache: &ProgramCache,
    options: PredictOptions,
    view: S,
) -> Result<BlockPredictor<'a, S>, Failure> {
    let Block { cfg, env, .. } = &input.loaded.block;
    let pre = PreBlock::run(&input.loaded.block, &input.loaded.state)
        .map_err(|error| input.failure("predicting", error))?;
    let mut predictor = BlockPredictor::new(cache, cfg, env, view, options);
    pre.changes().iter().for_each(|changes| predictor.apply(changes));
    Ok(predictor)
}

fn database(input: &Input, error: Infallible) -> Failure {
    input.failure("predicting", ExecuteError::Database(error))
}

/// The library with this configuration.
pub(crate) fn start(config: Config) -> Result<Foresee, Failure> {
    let threads = config.threads;
    Foresee::new(config).map_err(|error| Failure::Usage(format!("{threads} threads: {error}")))
}

/// Does something and notes how long it took.
pub(crate) fn timed<T>(times: &mut Vec<Duration>, work: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let done = work();
    times.push(start.elapsed());
    done
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
