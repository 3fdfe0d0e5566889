//! What predictions of a block cost, against executing it in order.

use crate::{
    engine::{self, Predicted, State, median, timed},
    failure::Failure,
    input::Input,
};
use foresee_execute::{execute_in_order, execute_in_order_timing_precompiles};
use foresee_predict::{Frames, Learning, PredictOptions, ProgramCache};
use serde::Serialize;
use std::time::Duration;

/// How often a block is predicted at most until its programs no longer grow.
const WARM_UP_MAX: usize = 6;

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
    #[serde(rename = "precompile_us")]
    pub(super) precompiles: Precompiles,
}

/// Time spent in precompiles.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(super) struct Precompiles {
    #[serde(serialize_with = "us")]
    pub(super) predict: Duration,
    #[serde(serialize_with = "us")]
    pub(super) sequential: Duration,
}

fn us<S: serde::Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(time.as_micros().try_into().unwrap_or(u64::MAX))
}

impl Cost {
    /// Adds another block's.
    pub(super) fn add(&mut self, other: &Self) {
        self.cold += other.cold;
        self.generalised += other.generalised;
        self.warm += other.warm;
        self.sequential += other.sequential;
        self.precompiles.predict += other.precompiles.predict;
        self.precompiles.sequential += other.precompiles.sequential;
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

/// Measures by turns: in order, warm. What needs a clock or an empty cache is run
/// apart, so that it does not disturb. Yields the times of each prediction too, and
/// what served the frames when warm. Says which of twice as many runs begins.
pub(super) fn measure(
    input: &Input,
    cache: &ProgramCache,
    earlier: &ProgramCache,
    runs: u32,
    begin: impl Fn(u32),
) -> Result<(Cost, Vec<Duration>, Frames), Failure> {
    let (block, state) = (&input.loaded.block, &input.loaded.state);
    let failed = |error| input.failure("executing in order", error);
    let plain = PredictOptions::default();
    let with_clock = PredictOptions { time_precompiles: true, ..plain };
    let [mut sequential, mut cold, mut generalised] = [const { Vec::new() }; 3];
    let [mut warm, mut predict_precompiles, mut precompiles] = [const { Vec::new() }; 3];
    let mut frames = Frames::default();
    warm_up(input, cache)?;
    for run in 0..runs {
        begin(run);
        timed(&mut sequential, || execute_in_order(block, state)).map_err(failed)?;
        let predicted = predict(input, cache, plain)?;
        warm.push(predicted.elapsed);
        frames = predicted.frames;
    }
    let mut each = vec![Vec::new(); block.transactions.len()];
    for run in 0..runs {
        begin(runs + run);
        cold.push(predict(input, &ProgramCache::new(), plain)?.elapsed);
        generalised.push(predict(input, &earlier.fork(), plain)?.elapsed);
        predict_precompiles.push(predict(input, cache, with_clock)?.precompiles);
        precompiles.push(execute_in_order_timing_precompiles(block, state).map_err(failed)?.1);
        for (times, time) in each.iter_mut().zip(engine::predict_timed(input, cache)?) {
            times.push(time);
        }
    }
    let median = |times| median(times).unwrap_or_default();
    let cost = Cost {
        cold: median(cold),
        generalised: median(generalised),
        warm: median(warm),
        sequential: median(sequential),
        precompiles: Precompiles {
            predict: median(predict_precompiles),
            sequential: median(precompiles),
        },
    };
    Ok((cost, each.into_iter().map(median).collect(), frames))
}
