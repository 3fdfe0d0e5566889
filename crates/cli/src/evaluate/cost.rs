//! What predictions of a block cost, against executing it in order.

use super::split::{Split, Splitting};
use crate::{
    engine::{self, Predicted, State, median, timed},
    failure::Failure,
    input::Input,
};
use foresee_execute::{ExecutionTime, execute_in_order, time_in_order, time_transactions};
use foresee_predict::{Frames, Learning, PredictOptions, ProgramCache};
use serde::Serialize;
use std::time::Duration;

/// How often a block is predicted at most until its programs no longer grow.
const WARM_UP_MAX: usize = 6;

/// The shortest time that a run is taken for.
const CLOCK_TICK: Duration = Duration::from_nanos(1);

/// Times, each the median over the runs. The precompiles' time is part of the
/// others.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(super) struct Cost {
    /// With an empty cache.
    #[serde(rename = "predict_cold_us", serialize_with = "us")]
    pub(super) cold: Duration,
    /// With copies of the programs that earlier blocks of the run have left.
    #[serde(rename = "predict_generalised_us", serialize_with = "us")]
    pub(super) generalised: Duration,
    /// With programs that this block itself has made.
    #[serde(rename = "predict_warm_us", serialize_with = "us")]
    pub(super) warm: Duration,
    #[serde(rename = "sequential_us", serialize_with = "us")]
    pub(super) sequential: Duration,
    /// What compiling takes of a cold prediction: what a first prediction takes longer than a
    /// second, when nothing is learnt from either.
    #[serde(rename = "compile_us", serialize_with = "us")]
    pub(super) compiling: Duration,
    #[serde(rename = "precompile_us")]
    pub(super) precompiles: Precompiles,
    /// Bytes of the codes that a cold prediction compiles something of.
    #[serde(rename = "cold_code_bytes")]
    pub(super) code_bytes: u64,
    #[serde(rename = "warm_split")]
    pub(super) split: Split,
}

/// Time spent in precompiles.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(super) struct Precompiles {
    #[serde(serialize_with = "us")]
    pub(super) predict: Duration,
    #[serde(serialize_with = "us")]
    pub(super) sequential: Duration,
}

pub(super) fn us<S: serde::Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(time.as_micros().try_into().unwrap_or(u64::MAX))
}

impl Cost {
    /// Adds another block's.
    pub(super) fn add(&mut self, other: &Self) {
        self.cold += other.cold;
        self.generalised += other.generalised;
        self.warm += other.warm;
        self.sequential += other.sequential;
        self.compiling += other.compiling;
        self.precompiles.predict += other.precompiles.predict;
        self.precompiles.sequential += other.precompiles.sequential;
        self.code_bytes += other.code_bytes;
        self.split.add(&other.split);
    }

    /// Nanoseconds that compiling takes for each byte of the codes that run.
    pub(super) fn compile_ns_per_byte(&self) -> f64 {
        self.ns_per_byte(self.compiling)
    }

    /// The same for all that a cold prediction takes longer than a warm one: compiling, running
    /// in blocks and learning.
    pub(super) fn cold_ns_per_byte(&self) -> f64 {
        self.ns_per_byte(self.cold.saturating_sub(self.warm))
    }

    fn ns_per_byte(&self, time: Duration) -> f64 {
        time.as_nanos() as f64 / self.code_bytes.max(1) as f64
    }

    /// Warm prediction relative to execution in order.
    pub(super) fn ratio(&self) -> f64 {
        self.warm.as_secs_f64() / self.sequential.as_secs_f64()
    }

    /// As [`Self::ratio`], with the precompiles taken out of both.
    pub(super) fn ratio_without_precompiles(&self) -> f64 {
        let warm = self.warm.saturating_sub(self.precompiles.predict);
        let sequential = self.sequential.saturating_sub(self.precompiles.sequential);
        warm.as_secs_f64() / sequential.as_secs_f64()
    }
}

/// Predicts a block.
pub(super) fn predict(
    input: &Input,
    cache: &ProgramCache,
    options: PredictOptions,
) -> Result<Predicted, Failure> {
    engine::predict(input, cache, options, State::PreBlock)
}

/// Predicts a block until its programs are all there is to be made of it.
fn warm_up(input: &Input, cache: &ProgramCache) -> Result<(), Failure> {
    let options = PredictOptions { learning: Learning::Everything, ..PredictOptions::default() };
    let mut size = cache.size();
    for _ in 0..WARM_UP_MAX {
        predict(input, cache, options)?;
        if cache.size() == size {
            break;
        }
        size = cache.size();
    }
    Ok(())
}

/// What single transactions of a block take, in its order.
#[derive(Debug)]
pub(super) struct Each {
    /// To predict, with programs at hand.
    pub(super) predicted: Vec<ExecutionTime>,
    /// To execute.
    pub(super) executed: Vec<ExecutionTime>,
}

/// Measures by turns: in order, warm. The machine's speed changes, so what is spent in
/// precompiles is told by the same runs, and in order, which has no clock, as a share of other
/// runs. What needs a clock for each transaction or an empty cache is run apart, so that it does
/// not disturb. Yields the times of single transactions too, and what served the frames when
/// warm. Says which of twice as many runs begins.
pub(super) fn measure(
    input: &Input,
    cache: &ProgramCache,
    earlier: &ProgramCache,
    runs: u32,
    begin: impl Fn(u32),
) -> Result<(Cost, Each, Frames), Failure> {
    let (block, state) = (&input.loaded.block, &input.loaded.state);
    let failed = |error| input.failure("executing in order", error);
    let plain = PredictOptions::default();
    let clocked = PredictOptions { time_precompiles: true, ..plain };
    let [mut sequential, mut cold, mut generalised, mut warm] = [const { Vec::new() }; 4];
    let median = |times| median(times).unwrap_or_default();
    let (mut bare_warm, mut in_precompiles) = (Vec::new(), Vec::new());
    let mut frames = Frames::default();
    warm_up(input, cache)?;
    for run in 0..runs {
        begin(run);
        timed(&mut sequential, || execute_in_order(block, state)).map_err(failed)?;
        let predicted = predict(input, cache, clocked)?;
        warm.push(predicted.elapsed);
        bare_warm.push(predicted.elapsed.saturating_sub(predicted.precompiles));
        frames = predicted.frames;
    }
    let (sequential, warm) = (median(sequential), median(warm));
    let unlearning = PredictOptions { learning: Learning::Nothing, ..plain };
    let [mut predicted, mut executed] = [const { Vec::new() }; 2];
    let (mut splitting, mut compiling, mut code_bytes) = (Splitting::default(), Vec::new(), 0);
    for run in 0..runs {
        begin(runs + run);
        cold.push(predict(input, &ProgramCache::new(), plain)?.elapsed);
        let empty = ProgramCache::new();
        let first = predict(input, &empty, unlearning)?.elapsed;
        let again = predict(input, &empty, unlearning)?.elapsed;
        compiling.push(first.saturating_sub(again));
        code_bytes = empty.code_size() as u64;
        generalised.push(predict(input, &earlier.fork(), plain)?.elapsed);
        let time = time_in_order(block, state).map_err(failed)?;
        let share = time.precompiles.as_secs_f64() / time.total.max(CLOCK_TICK).as_secs_f64();
        in_precompiles.push(sequential.mul_f64(share));
        executed.push(time_transactions(block, state).map_err(failed)?);
        predicted.push(engine::predict_timed(input, cache)?);
        splitting.measure(input, cache)?;
    }
    let precompiles = Precompiles {
        predict: warm.saturating_sub(median(bare_warm)),
        sequential: median(in_precompiles),
    };
    let cost = Cost {
        cold: median(cold),
        generalised: median(generalised),
        warm,
        sequential,
        compiling: median(compiling),
        precompiles,
        code_bytes,
        split: splitting.finish(),
    };
    let each = Each { predicted: medians(&predicted), executed: medians(&executed) };
    Ok((cost, each, frames))
}

/// The median of each transaction over several runs.
fn medians(runs: &[Vec<ExecutionTime>]) -> Vec<ExecutionTime> {
    let transactions = runs.first().map_or(0, Vec::len);
    let of = |index: usize| {
        let part = |part: fn(&ExecutionTime) -> Duration| {
            median(runs.iter().map(|run| part(&run[index])).collect()).unwrap_or_default()
        };
        ExecutionTime { total: part(|time| time.total), precompiles: part(|time| time.precompiles) }
    };
    (0..transactions).map(of).collect()
}
