//! `foresee evaluate`: predictions scored against what execution shows.

mod report;
mod score;

use crate::{
    Verdict, args, blocks,
    engine::{self, Predicted, State, median, timed},
    failure::Failure,
    input::Input,
};
use foresee::{Config, Foresee};
use foresee_execute::{execute_in_order, execute_in_order_timing_precompiles, observe};
use foresee_predict::{PredictOptions, ProgramCache};
use report::{Cost, Precompiles, Report};
use score::{Score, Scored};

pub(crate) fn run(args: &args::Evaluate) -> Result<Verdict, Failure> {
    let foresee = engine::start(Config { threads: 1, ..Config::default() })?;
    let runs = args.runs.get();
    let evaluate = |input: &Input| evaluate(input, &foresee, runs);
    blocks::run(&args.blocks, args.format, evaluate, report::text)?;
    Ok(Verdict::Verified)
}

/// Scores the predictions of a block, then measures what they cost.
fn evaluate(input: &Input, foresee: &Foresee, runs: u32) -> Result<Report, Failure> {
    let cache = foresee.cache();
    let predictions = predict(input, cache, PredictOptions::default())?.predictions;
    let dag = foresee.schedule(&input.loaded.block, &predictions);
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
    let (block, state) = (&input.loaded.block, &input.loaded.state);
    let failed = |error| input.failure("executing in order", error);
    let plain = PredictOptions::default();
    let with_clock = PredictOptions { time_precompiles: true, ..plain };
    let [mut sequential, mut cold, mut hot, mut predict_precompiles, mut precompiles] =
        [const { Vec::new() }; 5];
    for _ in 0..runs {
        timed(&mut sequential, || execute_in_order(block, state)).map_err(failed)?;
        cold.push(predict(input, &ProgramCache::new(), plain)?.elapsed);
        hot.push(predict(input, warm, plain)?.elapsed);
        predict_precompiles.push(predict(input, warm, with_clock)?.precompiles);
        precompiles.push(execute_in_order_timing_precompiles(block, state).map_err(failed)?.1);
    }
    let median = |times| median(times).unwrap_or_default();
    Ok(Cost {
        cold: median(cold),
        warm: median(hot),
        sequential: median(sequential),
        precompiles: Precompiles {
            predict: median(predict_precompiles),
            sequential: median(precompiles),
        },
    })
}
