//! `foresee replay`: a block executed in parallel and in order, compared and timed.

pub(crate) mod compare;
mod guide;
mod report;
mod simulate;

use crate::{
    Verdict,
    args::{self, Mode},
    blocks,
    engine::{self, median, timed},
    failure::Failure,
    input::Input,
    progress::Progress,
};
use foresee::{Config, Decision, ExecutedBlock, Foresee};
use foresee_execute::{AccessList, BlockOutput, ParallelStats, Policy, execute_in_order};
use foresee_predict::Ahead;
use foresee_source::HeaderMatch;
use guide::{Followed, Known};
use report::{Decided, Report};
use simulate::Simulation;
use std::time::Duration;

pub(crate) fn run(args: &args::Replay) -> Result<Verdict, Failure> {
    let replay = Replay::new(args)?;
    let cache = replay.foresee.cache();
    args.kept.load(cache)?;
    let reports = blocks::run(
        &args.blocks,
        args.format,
        |input, progress| replay.block(input, progress),
        report::text,
    )?;
    args.kept.save(cache)?;
    match reports.iter().all(Report::is_right) {
        true => Ok(Verdict::Verified),
        false => Ok(Verdict::Differs),
    }
}

/// What is replayed how: the same for all blocks of a run.
struct Replay {
    foresee: Foresee,
    mode: Mode,
    ahead: bool,
    known: Option<Known>,
    runs: u32,
    /// What each simulated execution costs beside its transaction, in nanoseconds, if
    /// there is to be a simulation.
    machinery: Option<u32>,
}

/// The times that one block took, run by run, and what went wrong in any.
#[derive(Default)]
struct Runs {
    sequential: Vec<Duration>,
    predict: Vec<Duration>,
    parallel: Vec<Duration>,
    stats: Option<ParallelStats>,
    not_compiled: usize,
    decision: Option<Decision>,
    difference: Option<String>,
}

impl Replay {
    fn new(args: &args::Replay) -> Result<Self, Failure> {
        let default = Config::default();
        let foresee = engine::start(Config {
            threads: args.threads.map_or(default.threads, usize::from),
            policy: match args.policy {
                args::Policy::Dataflow => Policy::Dataflow,
                args::Policy::Layers => Policy::Layers,
            },
            mode: match args.mode {
                // What it takes is to be seen, whether it pays or not.
                Mode::Parallel => foresee::Mode::Parallel,
                Mode::Sequential | Mode::Both => foresee::Mode::Auto,
            },
            ..default
        })?;
        let known = Known::open(args)?;
        let (mode, ahead, runs) = (args.mode, args.ahead, args.runs.get());
        let machinery = args.simulate.then_some(args.machinery);
        Ok(Self { foresee, mode, ahead, known, runs, machinery })
    }

    /// Replays a block so many times, in order and in parallel by turns, so that what else
    /// the machine does meets both. Who comes first changes from run to run: predicting never
    /// lies between them, so that the second finds in the processor's caches what the first
    /// had to bring there.
    fn block(&self, input: &Input, progress: &Progress) -> Result<Report, Failure> {
        let mut runs = Runs::default();
        let begin = |part: u32, what: &str| {
            let what = format!("block {}: {what}", input.loaded.number);
            progress.part(part, self.runs.saturating_add(2), what);
        };
        begin(0, "verifying");
        let reference = in_order(input, &mut Vec::new())?;
        let verify = |known: &Known| known.verify(*self.foresee.config(), input);
        let followed = self.known.as_ref().map(verify).transpose()?;
        let list = self.access_list(input, &reference, &mut runs)?;
        for run in 0..self.runs {
            begin(run + 1, &format!("run {} of {}", run + 1, self.runs));
            let ahead = self.predict_ahead(input, &mut runs)?;
            let in_order = |runs: &mut Runs| match self.mode {
                Mode::Parallel => Ok(()),
                _ => in_order(input, &mut runs.sequential).map(drop),
            };
            if run % 2 == 0 {
                in_order(&mut runs)?;
            }
            if self.mode != Mode::Sequential {
                self.parallel(input, &reference, ahead.as_deref(), &mut runs)?;
                // What is done after a block must not disturb what is measured next.
                self.foresee.settle();
            }
            if run % 2 == 1 {
                in_order(&mut runs)?;
            }
            self.predict_inside(input, &mut runs)?;
        }
        begin(self.runs.saturating_add(1), "simulating");
        let simulate = |machinery| simulate::simulate(input, &self.foresee, machinery, self.runs);
        let simulation = self.machinery.map(simulate).transpose()?;
        Ok(self.report(input, &reference, &list, runs, followed, simulation))
    }

    /// The access list that the block has when it is executed as it will be timed, if its
    /// header names one. Building it is in none of the times.
    fn access_list(
        &self,
        input: &Input,
        reference: &BlockOutput,
        runs: &mut Runs,
    ) -> Result<AccessList, Failure> {
        let expected = input.loaded.expected.as_ref();
        if expected.and_then(|header| header.block_access_list_hash).is_none() {
            return Ok(AccessList::default());
        }
        let mode = match self.mode {
            Mode::Sequential => foresee::Mode::InOrder,
            _ => foresee::Mode::Parallel,
        };
        let config = Config { mode, access_list: true, ..*self.foresee.config() };
        let executed = engine::start(config)?
            .execute_block(&input.loaded.block, &input.loaded.state)
            .map_err(|error| input.failure("listing accesses", error))?;
        runs.difference = compare::difference(&executed.output, reference);
        Ok(executed.access_list.unwrap_or_default())
    }

    /// What was predicted ahead is outside the clock of the execution.
    fn predict_ahead(&self, input: &Input, runs: &mut Runs) -> Result<Option<Vec<Ahead>>, Failure> {
        let (block, state) = (&input.loaded.block, &input.loaded.state);
        (self.ahead && self.mode != Mode::Sequential)
            .then(|| timed(&mut runs.predict, || self.foresee.predict_ahead(block, state)))
            .transpose()
            .map_err(|error| input.failure("predicting", error))
    }

    /// What is predicted inside the clock is timed once more apart, to tell its share.
    fn predict_inside(&self, input: &Input, runs: &mut Runs) -> Result<(), Failure> {
        let (block, state) = (&input.loaded.block, &input.loaded.state);
        if !self.ahead && self.mode != Mode::Sequential && self.known.is_none() {
            timed(&mut runs.predict, || self.foresee.predict_block(block, state))
                .map_err(|error| input.failure("predicting", error))?;
        }
        Ok(())
    }

    /// Executes in parallel once.
    fn parallel(
        &self,
        input: &Input,
        reference: &BlockOutput,
        ahead: Option<&[Ahead]>,
        runs: &mut Runs,
    ) -> Result<(), Failure> {
        let (block, state) = (&input.loaded.block, &input.loaded.state);
        let executed = timed(&mut runs.parallel, || match (&self.known, ahead) {
            (Some(known), ahead) => self
                .foresee
                .execute_guided(block, state, known.guide(), ahead)
                .map(|(block, _)| block),
            (None, Some(ahead)) => self.foresee.execute_ahead(block, state, ahead),
            (None, None) => self.foresee.execute_block(block, state),
        });
        let ExecutedBlock { output, stats, not_compiled, decision, .. } =
            executed.map_err(|error| input.failure("executing in parallel", error))?;
        runs.difference =
            runs.difference.take().or_else(|| compare::difference(&output, reference));
        runs.stats = Some(stats);
        runs.not_compiled = not_compiled.len();
        runs.decision = Some(decision);
        Ok(())
    }

    fn report(
        &self,
        input: &Input,
        reference: &BlockOutput,
        list: &AccessList,
        runs: Runs,
        followed: Option<Followed>,
        simulation: Option<Simulation>,
    ) -> Report {
        let Runs { sequential, predict, parallel, stats, not_compiled, decision, difference } =
            runs;
        let [sequential, predict, parallel] = [sequential, predict, parallel].map(median);
        let ratio = |(sequential, parallel): (Duration, Duration)| {
            sequential.as_secs_f64() / parallel.as_secs_f64()
        };
        let (block, expected) = (&input.loaded.block, input.loaded.expected.as_ref());
        Report {
            block: input.loaded.number,
            transactions: block.transactions.len(),
            gas_used: reference.gas_used,
            threads: self.foresee.config().threads,
            policy: match self.foresee.config().policy {
                Policy::Dataflow => "dataflow",
                Policy::Layers => "layers",
            },
            sequential,
            predict,
            parallel,
            speedup: sequential.zip(parallel).map(ratio),
            reexecuted: stats.as_ref().map(|stats| stats.reexecuted.len()),
            reexecuted_gas: stats.as_ref().map(ParallelStats::reexecuted_gas),
            not_compiled: Some(not_compiled).filter(|number| *number > 0),
            difference,
            header: HeaderMatch::new(reference, expected, *block.cfg.spec())
                .with_access_list(list, expected),
            predicted_ahead: self.ahead,
            followed,
            decision: decision.map(Decided::from),
            limit: simulation.as_ref().map(|simulation| simulation.limit),
            parallel_over_limit: simulation
                .as_ref()
                .zip(parallel)
                .and_then(|(simulation, parallel)| simulation.over_limit(parallel)),
            simulation,
        }
    }
}

/// Executes in order once.
fn in_order(input: &Input, times: &mut Vec<Duration>) -> Result<BlockOutput, Failure> {
    timed(times, || execute_in_order(&input.loaded.block, &input.loaded.state))
        .map_err(|error| input.failure("executing in order", error))
}
