//! `foresee replay`: a block executed in parallel and in order, compared and timed.

mod compare;
mod report;

use crate::{
    Verdict,
    args::{self, Mode},
    blocks,
    engine::{self, State, median},
    failure::Failure,
    input::Input,
};
use foresee_execute::{
    BlockOutput, ParallelConfig, ParallelExecutor, ParallelStats, Policy, execute_in_order,
};
use foresee_predict::{PredictOptions, ProgramCache};
use foresee_schedule::Schedule;
use foresee_source::HeaderMatch;
use report::Report;
use std::time::{Duration, Instant};

pub(crate) fn run(args: &args::Replay) -> Result<Verdict, Failure> {
    let replay = Replay::new(args)?;
    let reports =
        blocks::run(&args.snapshots, args.format, |input| replay.block(input), report::text)?;
    match reports.iter().all(Report::is_right) {
        true => Ok(Verdict::Verified),
        false => Ok(Verdict::Differs),
    }
}

/// What is replayed how: the same for all blocks of a run.
struct Replay {
    executor: ParallelExecutor,
    cache: ProgramCache,
    mode: Mode,
    runs: u32,
}

/// A parallel execution with its times.
struct Parallel {
    output: BlockOutput,
    stats: ParallelStats,
    predict: Duration,
    whole: Duration,
}

impl Replay {
    fn new(args: &args::Replay) -> Result<Self, Failure> {
        let policy = match args.policy {
            args::Policy::Dataflow => Policy::Dataflow,
            args::Policy::Layers => Policy::Layers,
        };
        let threads = args.threads.map_or(ParallelConfig::default().threads, usize::from);
        let executor = ParallelExecutor::new(ParallelConfig { threads, policy })
            .map_err(|error| Failure::Usage(format!("--threads {threads}: {error}")))?;
        Ok(Self { executor, cache: ProgramCache::new(), mode: args.mode, runs: args.runs.get() })
    }

    /// Replays a block so many times, in order and in parallel by turns, so that
    /// what else the machine does meets both.
    fn block(&self, input: &Input) -> Result<Report, Failure> {
        let mut sequential = Vec::new();
        let mut parallel = Vec::new();
        let mut predict = Vec::new();
        let mut last = None;
        let mut difference = None;
        let reference = self.in_order(input)?.0;
        for _ in 0..self.runs {
            if self.mode != Mode::Parallel {
                sequential.push(self.in_order(input)?.1);
            }
            if self.mode != Mode::Sequential {
                let run = self.parallel(input)?;
                difference = difference.or_else(|| compare::difference(&run.output, &reference));
                parallel.push(run.whole);
                predict.push(run.predict);
                last = Some(run.stats);
            }
        }
        let [sequential, parallel, predict] = [sequential, parallel, predict].map(median);
        let ratio = |(sequential, parallel): (Duration, Duration)| {
            sequential.as_secs_f64() / parallel.as_secs_f64()
        };
        let ParallelConfig { threads, policy, .. } = self.executor.config();
        let block = &input.loaded.block;
        Ok(Report {
            block: input.loaded.number,
            transactions: block.transactions.len(),
            gas_used: reference.gas_used,
            threads,
            policy: match policy {
                Policy::Dataflow => "dataflow",
                Policy::Layers => "layers",
            },
            sequential,
            predict,
            parallel,
            speedup: sequential.zip(parallel).map(ratio),
            reexecuted: last.as_ref().map(|stats| stats.reexecuted.len()),
            reexecuted_gas: last.as_ref().map(ParallelStats::reexecuted_gas),
            difference,
            header: HeaderMatch::new(&reference, input.loaded.expected.as_ref(), *block.cfg.spec()),
            predicted_ahead: false,
        })
    }

    fn in_order(&self, input: &Input) -> Result<(BlockOutput, Duration), Failure> {
        let start = Instant::now();
        let output = execute_in_order(&input.loaded.block, &input.loaded.state)
            .map_err(|error| input.failure("executing in order", error))?;
        Ok((output, start.elapsed()))
    }

    fn parallel(&self, input: &Input) -> Result<Parallel, Failure> {
        let start = Instant::now();
        let predictions =
            engine::predict(input, &self.cache, PredictOptions::default(), State::PreBlock)?
                .predictions;
        let schedule = Schedule::from_dag(&engine::dag(input, &predictions));
        let predict = start.elapsed();
        let outcome = self
            .executor
            .execute(&input.loaded.block, &input.loaded.state, &schedule)
            .map_err(|error| input.failure("executing in parallel", error))?;
        Ok(Parallel {
            output: outcome.output,
            stats: outcome.stats,
            predict,
            whole: start.elapsed(),
        })
    }
}
