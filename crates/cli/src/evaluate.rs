//! `foresee evaluate`: predictions scored against what execution shows.
//!
//! What is scored is predicted with the programs that earlier blocks of the run have
//! left in the cache. The order of snapshots matters for that one time, and for
//! nothing else.

mod class;
mod cost;
mod detail;
mod report;
mod score;
mod split;
mod text;

use crate::{
    Verdict, args, blocks,
    engine::{self, State},
    failure::Failure,
    input::Input,
    progress::Progress,
};
use alloy_primitives::Log;
use class::{Asked, Class};
use detail::{Detail, Frames, Memory, Told};
use foresee::{Config, Foresee};
use foresee_execute::{Observation, execute_in_order, observe};
use foresee_predict::PredictOptions;
use report::Report;
use score::{Score, Scored};

pub(crate) fn run(args: &args::Evaluate) -> Result<Verdict, Failure> {
    let foresee = engine::start(Config { threads: 1, ..Config::default() })?;
    args.kept.load(foresee.cache())?;
    let runs = args.runs.get();
    let evaluate = |input: &Input, progress: &Progress| evaluate(input, &foresee, runs, progress);
    blocks::run(&args.blocks, args.format, evaluate, text::text)?;
    args.kept.save(foresee.cache())?;
    Ok(Verdict::Verified)
}

/// Scores the predictions of a block, then measures what they cost.
fn evaluate(
    input: &Input,
    foresee: &Foresee,
    runs: u32,
    progress: &Progress,
) -> Result<Report, Failure> {
    let cache = foresee.cache();
    let block = &input.loaded.block;
    let parts = runs.saturating_mul(2).saturating_add(3);
    let begin = |part: u32, what: &str| {
        progress.part(part, parts, format!("block {}: {what}", input.loaded.number));
    };
    begin(0, "predicting");
    let earlier = cache.fork();
    let options = PredictOptions { dependencies: true, ..PredictOptions::default() };
    let generalised = cost::predict(input, cache, options)?;
    let predictions = generalised.predictions;
    let dag = foresee.schedule(block, &predictions);
    begin(1, "observing");
    let observations =
        observe(block, &input.loaded.state).map_err(|error| input.failure("observing", error))?;
    let scored: Vec<_> = predictions
        .iter()
        .zip(&observations)
        .map(|(prediction, observation)| Scored {
            predicted: &prediction.access,
            complete: prediction.is_complete(),
            observed: &observation.access,
        })
        .collect();
    let run = |run: u32| begin(2 + run, &format!("run {} of {}", run + 1, parts - 3));
    let (cost, each, warm) = cost::measure(input, cache, &earlier, runs, run)?;
    let frames = Frames { generalised: generalised.frames.into(), warm: warm.into() };
    begin(parts - 1, "predicting alone");
    let alone = engine::predict_alone(input, cache, State::PreBlock)?;
    let without_state = engine::predict_alone(input, cache, State::CodeOnly)?;
    let logs = logs(input, &observations)?;
    let asked = block.transactions.iter().map(|tx| Asked {
        sender: tx.caller,
        kind: tx.kind,
        authorizes: !tx.authorization_list.is_empty(),
    });
    let told = asked.enumerate().map(|(index, asked)| Told {
        hash: input.loaded.hashes.get(index).copied(),
        class: Class::of(asked, &observations[index], &logs[index]),
        predicted: &predictions[index],
        alone: &alone[index],
        without_state: &without_state[index],
        observed: &observations[index],
        predicting: each.predicted[index],
        executing: each.executed[index],
    });
    Ok(Report {
        block: input.loaded.number,
        transactions: predictions.len() as u64,
        gas: observations.iter().map(|observation| observation.gas_used).sum(),
        score: Score::new(&scored, &dag),
        cost,
        detail: Detail::new(told, Memory::of(cache), frames),
    })
}

/// The logs of each transaction; none of one that was not included.
fn logs(input: &Input, observations: &[Observation]) -> Result<Vec<Vec<Log>>, Failure> {
    let output = execute_in_order(&input.loaded.block, &input.loaded.state)
        .map_err(|error| input.failure("executing in order", error))?;
    let mut receipts = output.receipts.into_iter();
    let of = |observation: &Observation| {
        let receipt = if observation.included { receipts.next() } else { None };
        receipt.map(|receipt| receipt.logs).unwrap_or_default()
    };
    Ok(observations.iter().map(of).collect())
}
