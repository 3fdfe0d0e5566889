//! `foresee evaluate`: predictions scored against what execution shows.

mod report;
mod score;

use crate::{
    Verdict, args, blocks,
    engine::{self, Predicted, State, median},
    failure::Failure,
    input::Input,
};
use foresee_execute::{execute_in_order, execute_in_order_timing_precompiles, observe};
use foresee_predict::{PredictOptions, ProgramCache};
use report::{Cost, Precompiles, Report};
use score::{Score, Scored};
use std::time::{Duration, Instant};

pub(crate) fn run(args: &args::Evaluate) -> Result<Verdict, Failure> {
    let cache = ProgramCache::new();
    let runs = args.runs.get();
    let evaluate = |input: &Input| evaluate(input, &cache, runs);
    blocks::run(&args.snapshots, args.format, evaluate, report::text)?;
    Ok(Verdict::Verified)
}

/// Scores the predictions of a block, then measures what they cost.
fn evaluate(input: &Input, cache: &ProgramCache, runs: u32) -> Result<Report, Failure> {
    let predictions = predict(input, cache, PredictOptions::default())?.predictions;
    let dag = engine::dag(input, &predictions);
    let observations = observe(&input.loaded.block, &input.loaded.state)
        .map_err(|error| input.failure("observing", error))?;
    let scored: Vec<_> = predictions
        .iter()
        .zip(&observations)
        .map(|(prediction, observation)| Scored {
            predicted: &prediction.access,
            complete: prediction.is_complete(),
            observed: &observation.access,
        })
        .collect();
    Ok(Report {
        block: input.loaded.number,
        transactions: predictions.len() as u64,
        score: Score::new(&scored, &dag),
        cost: cost(input, cache, runs)?,
    })
}

fn predict(
    input: &Input,
    cache: &ProgramCache,
    options: PredictOptions,
) -> Result<Predicted, Failure> {
    engine::predict(input, cache, options, State::PreBlock)
}

/// Measures by turns: in order, cold, warm. `warm` has been grown on this block.
fn cost(input: &Input, warm: &ProgramCache, runs: u32) -> Result<Cost, Failure> {
    let mut times: [Vec<Duration>; 5] = Default::default();
    let plain = PredictOptions::default();
    let timed = PredictOptions { time_precompiles: true, ..plain };
    for _ in 0..runs {
        let cold = ProgramCache::new();
        let measured = [
            in_order(input)?,
            predict(input, &cold, plain)?.elapsed,
            predict(input, warm, plain)?.elapsed,
            predict(input, warm, timed)?.precompiles,
            in_order_precompiles(input)?,
        ];
        times.iter_mut().zip(measured).for_each(|(times, time)| times.push(time));
    }
    let [sequential, cold, warm, predict, precompiles] =
        times.map(|times| median(times).unwrap_or_default());
    let precompiles = Precompiles { predict, sequential: precompiles };
    Ok(Cost { cold, warm, sequential, precompiles })
}

fn in_order(input: &Input) -> Result<Duration, Failure> {
    let start = Instant::now();
    let output = execute_in_order(&input.loaded.block, &input.loaded.state);
    let elapsed = start.elapsed();
    output.map_err(|error| input.failure("executing in order", error))?;
    Ok(elapsed)
}

fn in_order_precompiles(input: &Input) -> Result<Duration, Failure> {
    let timed = execute_in_order_timing_precompiles(&input.loaded.block, &input.loaded.state);
    let (_, precompiles) = timed.map_err(|error| input.failure("executing in order", error))?;
    Ok(precompiles)
}
