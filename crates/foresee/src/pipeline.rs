//! The pipeline: predict, schedule, execute.

use crate::{
    Config, Decision, DecisionReason, ExecutedBlock, MachineCosts, Mode,
    aside::Aside,
    choice::{
        self, Shape, Work,
        conflicts::{Conflicts, Remembered},
        costs::Learned,
    },
    crew::Crew,
    lanes::{self, Foreknowledge, LanesMet},
    outlook::{self, Outlook, known, knows_results, node},
    precaution,
    telemetry::{self, predicting, scheduling},
};
use foresee_execute::{
    Block, CancelToken, ExecuteError, Known, Pace, ParallelConfig, ParallelExecutor, PreBlock,
    execute_in_order_reporting,
};
use foresee_predict::{
    Ahead, BlockPredictor, Complete, Learning, PredictOptions, Prediction, ProgramCache,
};
use foresee_schedule::{Additions, DependencyDag, Schedule};
use rayon::ThreadPoolBuildError;
use revm::{DatabaseRef, primitives::hardfork::SpecId};
use std::{sync::Arc, time::Instant};

/// A predictor over a complete state.
pub(crate) type Predictor<'a, DB> = BlockPredictor<'a, Complete<&'a DB>>;

/// When one in so many transactions with code is predicted, and at least so many, it is
/// seen whether the block is a chain.
const SAMPLE_DIVISOR: usize = 16;
const SAMPLE_MIN: usize = 8;

/// The most bytes of code that one thread takes in and compiles while a block is executed.
/// Code beyond that waits for the next block that calls it: what a block costs to execute
/// bounds what its execution takes, but not what compiling all it touches for the first
/// time would.
pub(crate) const COMPILE_INSIDE_MAX: usize = 1 << 20;

/// What is done before a transaction is executed.
pub(crate) type Ready<'a> = dyn Fn(&dyn Pace) + Sync + 'a;

/// What is foreseen of a block before it is executed.
enum Foresight<'p> {
    /// Nothing: it is predicted meanwhile.
    Nothing,
    /// What its transactions say of themselves.
    Precaution(Box<Schedule>),
    /// A prediction for each transaction, made alone; and what is done before one is
    /// executed, if there is anything.
    Ahead(&'p [Ahead], Option<&'p Ready<'p>>),
}

/// Executes blocks in parallel by foresight. Made once, used for every block; cheap
/// to clone, clones share threads and compiled programs.
#[derive(Clone, Debug)]
pub struct Foresee {
    config: Config,
    cache: ProgramCache,
    executor: ParallelExecutor,
    pub(crate) learned: Arc<Learned>,
    conflicts: Arc<Conflicts>,
    pub(crate) aside: Arc<Aside>,
    pub(crate) lanes_met: Arc<LanesMet>,
}

impl Foresee {
    /// Starts the threads.
    ///
    /// # Errors
    ///
    /// If the system refuses them.
    pub fn new(config: Config) -> Result<Self, ThreadPoolBuildError> {
        let Config { threads, policy, .. } = config;
        let parallel = ParallelConfig { threads, policy };
        let executor = ParallelExecutor::new(parallel)?.reporting(config.reports());
        let learned = match (config.costs, config.mode) {
            (Some(costs), _) => Learned::fixed(costs),
            (None, Mode::Auto) if threads > 1 => Learned::from(MachineCosts::measure(&executor)),
            (None, _) => Learned::fixed(MachineCosts::default()),
        };
        Ok(Self {
            config,
            cache: ProgramCache::new(),
            executor,
            learned: Arc::new(learned),
            conflicts: Arc::default(),
            aside: Arc::default(),
            lanes_met: Arc::default(),
        })
    }

    /// The configuration.
    pub const fn config(&self) -> &Config {
        &self.config
    }

    /// The same, but whatever it executes gives up with [`ExecuteError::Cancelled`] when it
    /// is told to: at the next transaction's turn.
    #[must_use]
    pub fn cancelled_by(&self, token: CancelToken) -> Self {
        Self { executor: self.executor.cancelled_by(token), ..self.clone() }
    }

    /// What things take on this machine, as far as it is known by now.
    pub fn costs(&self) -> MachineCosts {
        self.learned.costs()
    }

    pub(crate) const fn executor(&self) -> &ParallelExecutor {
        &self.executor
    }

    /// The compiled programs.
    pub const fn cache(&self) -> &ProgramCache {
        &self.cache
    }

    /// Predicts, schedules, executes and validates a block. The result equals in-order
    /// execution, whatever was predicted. Two threads go by senders and recipients as long
    /// as these leave them something free to execute, and predict only then. Where these leave
    /// next to nothing, or most transactions are payments but not nearly all, one foresees what
    /// half of the block leaves, and executes the rest on top of it.
    ///
    /// # Errors
    ///
    /// Those of [`execute_in_order`](foresee_execute::execute_in_order): the state cannot be read, a system call that must
    /// succeed fails, a deposit log is malformed, a header field is missing. Nothing of
    /// the block is returned then.
    pub fn execute_block<DB: DatabaseRef + Sync>(
        &self,
        block: &Block,
        db: &DB,
    ) -> Result<ExecutedBlock, ExecuteError<DB::Error>> {
        let _busy = self.busy();
        let known = || Known::new(block.transactions.len());
        if self.config.score {
            return self
                .predict_and_execute(block, db, known(), |predictor, _, tx| predictor.predict(tx));
        }
        if let Some(before) = self.dividing(block)
            && let Some(executed) = self.execute_divided(block, db, before)?
        {
            return Ok(executed);
        }
        let mut work = Work::default();
        let mut decision = self.decide(block, |costs| {
            work = Work::by_limits(block, costs);
            work
        });
        let by_precaution = (2..choice::PREDICTING_THREADS_MIN).contains(&decision.threads);
        let remembered = by_precaution.then(|| self.conflicts.of(block));
        if let Some(Remembered { with_code, kept, in_vain, .. }) = &remembered {
            let shape = Shape::of_precaution(*with_code, *kept, *in_vain);
            decision = self.decide(block, |_| work.shaped(shape));
        }
        if self.is_plainly_in_order(&decision) {
            if decision.reason == DecisionReason::Dependent {
                self.conflicts.waited(block);
            }
            return self.execute_in_order(block, db, decision);
        }
        let foresight = remembered.map_or(Foresight::Nothing, |remembered| {
            Foresight::Precaution(Box::new(precaution::schedule(block, remembered.held_back)))
        });
        self.execute_foreseen(block, db, known(), decision, foresight)
    }

    /// Predicts every transaction alone, on the state before the block: what a builder
    /// does when a transaction enters its pool. Programs learn from it all they can. What
    /// each has seen is of use where the block is divided or scored, or where its
    /// [state takes long to read](Self::execute_cold_ahead); elsewhere
    /// [not keeping it](PredictOptions::keep_inputs) saves memory.
    ///
    /// # Errors
    ///
    /// If the state cannot be read.
    pub fn predict_ahead<DB: DatabaseRef>(
        &self,
        block: &Block,
        db: &DB,
    ) -> Result<Vec<Ahead>, ExecuteError<DB::Error>> {
        let Block { cfg, env, .. } = block;
        let options = PredictOptions { keep_results: true, ..self.config.predict };
        // Nobody waits for it, so that it may take its time to learn.
        let learning = match options.learning {
            Learning::Bounded => Learning::Everything,
            other => other,
        };
        let options = PredictOptions { learning, ..options };
        let mut predictor = BlockPredictor::new(&self.cache, cfg, env, Complete(db), options);
        let mut ahead = Vec::with_capacity(block.transactions.len());
        for tx in &block.transactions {
            ahead.push(predictor.predict_ahead(tx).map_err(ExecuteError::Database)?);
        }
        Ok(ahead)
    }

    /// Executes a block whose transactions were predicted ahead, each alone on the state
    /// before the block. The schedule follows from these predictions as they are: what
    /// earlier transactions of the block change shows in values, hardly ever in the
    /// locations, and a transaction for which it does is executed once more. Only a block
    /// that is to be [scored](Config::score) is predicted in block order, and of it only
    /// the transactions that meet a predicted write of an earlier one. Where transactions are
    /// small or depend on each other, two threads divide the block instead: one executes from
    /// the beginning, the other on top of what the predictions say that half of it leaves.
    ///
    /// # Errors
    ///
    /// As [`execute_block`](Self::execute_block).
    ///
    /// # Panics
    ///
    /// If `ahead` is not one prediction for each transaction.
    pub fn execute_ahead<DB: DatabaseRef + Sync>(
        &self,
        block: &Block,
        db: &DB,
        ahead: &[Ahead],
    ) -> Result<ExecutedBlock, ExecuteError<DB::Error>> {
        self.execute_ahead_ready(block, db, ahead, None)
    }

    /// Executes a block whose transactions were predicted ahead. Whoever is about to execute
    /// one of them calls `ready` first.
    pub(crate) fn execute_ahead_ready<DB: DatabaseRef + Sync>(
        &self,
        block: &Block,
        db: &DB,
        ahead: &[Ahead],
        ready: Option<&Ready<'_>>,
    ) -> Result<ExecutedBlock, ExecuteError<DB::Error>> {
        assert_eq!(ahead.len(), block.transactions.len(), "one prediction for each transaction");
        let _busy = self.busy();
        if self.config.score {
            let known = known(block, ahead);
            return self.predict_and_execute(block, db, known, |predictor, position, tx| {
                predictor.predict_again(tx, &ahead[position])
            });
        }
        let may_divide = ready.is_none() && self.may_divide(ahead);
        let are_apart = may_divide && lanes::are_apart(block, ahead);
        if are_apart
            && let Some(executed) = self.execute_divided(block, db, Foreknowledge::Apart(ahead))?
        {
            return Ok(executed);
        }
        let gas = |position: usize| ahead[position].prediction.gas_used;
        let mut decision = self.decide(block, |_| Work::by_gas(block, gas));
        if decision.parallel && self.config.mode == Mode::Auto {
            let shape = outlook::sampled_shape(block, |sample| {
                let sample = sample.iter().map(|at| Some((&ahead[*at]).into()));
                Outlook::new(sample).ordered(block)
            });
            decision = self.decide(block, |_| Work::by_gas(block, gas).shaped(shape));
        }
        let follows = may_divide && !are_apart && self.config.predict.keep_inputs;
        let divides = follows && lanes::is_better(&decision, ahead.len());
        if divides
            && let Some(executed) = self.execute_divided(block, db, Foreknowledge::Ahead(ahead))?
        {
            return Ok(executed);
        }
        let is_plain = !knows_results(ahead) || self.config.mode == Mode::InOrder;
        if self.is_plainly_in_order(&decision) && is_plain {
            return self.execute_in_order(block, db, decision);
        }
        let foresight = Foresight::Ahead(ahead, ready);
        self.execute_foreseen(block, db, known(block, ahead), decision, foresight)
    }

    /// Predicts every transaction of a block, in block order.
    ///
    /// # Errors
    ///
    /// If the state cannot be read, or the system calls before the transactions fail.
    pub fn predict_block<DB: DatabaseRef>(
        &self,
        block: &Block,
        db: &DB,
    ) -> Result<Vec<Prediction>, ExecuteError<DB::Error>> {
        let pre = PreBlock::run(block, db)?;
        let mut predictor = self.predictor(block, db, self.config.predict);
        pre.changes().iter().for_each(|changes| predictor.apply(changes));
        let predicted = block.transactions.iter().map(|tx| predictor.predict(tx));
        predicted.collect::<Result<_, _>>().map_err(ExecuteError::Database)
    }

    /// The dependency DAG that predictions imply. A transaction whose prediction is
    /// incomplete, or that looks at the balance that every transaction pays its fee
    /// into, comes after all earlier ones.
    pub fn schedule(&self, block: &Block, predictions: &[Prediction]) -> DependencyDag {
        let nodes: Vec<_> = predictions.iter().map(|prediction| node(block, prediction)).collect();
        DependencyDag::build(&nodes)
    }

    /// The schedule of that DAG.
    pub(crate) fn scheduled(&self, block: &Block, predictions: &[Prediction]) -> Schedule {
        scheduling(|| {
            let nodes: Vec<_> =
                predictions.iter().map(|prediction| node(block, prediction)).collect();
            Schedule::of(&nodes, Additions::Free)
        })
    }

    /// Executes a block over the schedule that given predictions imply.
    ///
    /// # Errors
    ///
    /// As [`execute_block`](Self::execute_block).
    ///
    /// # Panics
    ///
    /// If `predictions` is not one for each transaction.
    pub fn execute_predicted<DB: DatabaseRef + Sync>(
        &self,
        block: &Block,
        db: &DB,
        predictions: Vec<Prediction>,
    ) -> Result<ExecutedBlock, ExecuteError<DB::Error>> {
        assert_eq!(
            predictions.len(),
            block.transactions.len(),
            "one prediction for each transaction"
        );
        let _busy = self.busy();
        let start = Instant::now();
        let schedule = self.scheduled(block, &predictions);
        let outcome = self.executor.execute(block, db, &schedule)?;
        let decision = Decision::parallel(self.executor.config().threads);
        let executed = ExecutedBlock::in_parallel(outcome, decision, predictions);
        telemetry::block(&executed, start.elapsed());
        Ok(executed)
    }

    /// A predictor for a block whose results of precompiles will be executed with.
    pub(crate) fn predictor<'a, DB: DatabaseRef>(
        &self,
        block: &Block,
        db: &'a DB,
        options: PredictOptions,
    ) -> Predictor<'a, DB> {
        let Block { cfg, env, .. } = block;
        let options = PredictOptions { keep_results: true, ..options };
        BlockPredictor::new(&self.cache, cfg, env, Complete(db), options)
    }

    /// Decides how to execute a block that holds so much work.
    pub(crate) fn decide(
        &self,
        block: &Block,
        work: impl FnOnce(&MachineCosts) -> Work,
    ) -> Decision {
        Decision::configured(&self.config).unwrap_or_else(|| {
            if !block.cfg.spec.is_enabled_in(SpecId::TANGERINE) {
                return Decision::in_order(DecisionReason::GasSaysNothing);
            }
            let costs = self.learned.costs();
            choice::choose(&self.config, &costs, work(&costs))
        })
    }

    /// Whether a block is executed by the leanest in-order run. Accesses are observed at
    /// less cost by the parallel executor on one thread, which can be cancelled, too.
    fn is_plainly_in_order(&self, decision: &Decision) -> bool {
        let is_plain = !self.config.observe && self.executor.cancel_token().is_none();
        !decision.parallel && (is_plain || self.config.mode == Mode::InOrder)
    }

    /// Executes in order, and learns from it.
    pub(crate) fn execute_in_order<DB: DatabaseRef>(
        &self,
        block: &Block,
        db: &DB,
        decision: Decision,
    ) -> Result<ExecutedBlock, ExecuteError<DB::Error>> {
        if self.executor.cancel_token().is_some_and(CancelToken::is_cancelled) {
            return Err(ExecuteError::Cancelled);
        }
        let start = Instant::now();
        let outcome = execute_in_order_reporting(block, db, self.config.reports())?;
        let elapsed = start.elapsed();
        if !self.config.reports().observed {
            self.learned.in_order(block, &outcome.output, elapsed);
        }
        let executed = ExecutedBlock::in_order(outcome, decision, Vec::new());
        telemetry::block(&executed, elapsed);
        Ok(executed)
    }

    /// Executes a block by the schedule that predictions made alone imply: those made
    /// ahead, or if there are none, those that all threads but one make while that one
    /// executes already, in order until there is a schedule; by precautions first if
    /// there are any. Where nothing is gained by it nothing is predicted.
    fn execute_foreseen<'a, DB: DatabaseRef + Sync>(
        &self,
        block: &'a Block,
        db: &'a DB,
        known: Known,
        mut decision: Decision,
        foresight: Foresight<'_>,
    ) -> Result<ExecutedBlock, ExecuteError<DB::Error>> {
        let start = Instant::now();
        let pre = PreBlock::run(block, db)?;
        let known = Arc::new(known);
        let executor = self.executor.on(decision.threads).knowing(known.clone());
        if decision.threads <= 1 {
            // One thread settles turn after turn: no schedule could help it. In order as
            // well if results of precompiles are known, which only this executor can use,
            // or accesses are observed, which costs this executor less.
            let schedule = Schedule::independent(block.transactions.len());
            let outcome = executor.execute_after(pre, block, db, &schedule)?;
            self.learned.parallel(block, &outcome.output, outcome.stats.executing);
            let executed = ExecutedBlock::in_parallel(outcome, decision, Vec::new());
            telemetry::block(&executed, start.elapsed());
            return Ok(executed);
        }
        let sample = match self.config.mode {
            Mode::Auto => decision.estimate.map_or(0, |it| it.transactions_with_code),
            Mode::Parallel | Mode::InOrder => usize::MAX,
        };
        let sample = (sample / SAMPLE_DIVISOR).max(SAMPLE_MIN);
        let compile_max = self.config.predict.compile_max.min(COMPILE_INSIDE_MAX);
        let options = PredictOptions { compile_max, ..self.config.predict };
        let (ahead, precaution, ready) = match foresight {
            Foresight::Nothing => (None, None, None),
            Foresight::Precaution(precaution) => (None, Some(precaution), None),
            Foresight::Ahead(ahead, ready) => (Some(ahead), None, ready),
        };
        // Nobody is called where everything is predicted already.
        let crew = || Crew::new(block, db, &known, pre.changes(), &self.cache, options);
        let crew = ahead.is_none().then(crew);
        let make = |pace: &dyn Pace| {
            let outlook = predicting(|| match ahead {
                Some(ahead) => Some(Outlook::of(ahead)),
                None => crew.as_ref()?.outlook(pace, sample),
            })?;
            let schedule = scheduling(|| outlook.schedule(block, executor.config().threads));
            if self.config.mode == Mode::Auto {
                let (span, gas) = outlook.shape(&schedule);
                if let Some(estimate) = &mut decision.estimate {
                    let percent = choice::parallelism_percent(span, gas);
                    estimate.parallelism_percent = (gas > 0).then_some(percent);
                }
                if choice::is_serial(span, gas) {
                    let estimate = decision.estimate;
                    let reason = DecisionReason::Dependent;
                    decision = Decision { estimate, ..Decision::in_order(reason) };
                    return None;
                }
            }
            Some(schedule)
        };
        let help = |pace: &dyn Pace| {
            if let Some(crew) = &crew {
                crew.help(pace);
            }
        };
        let outcome = if let Some(precaution) = precaution {
            let outcome = executor.execute_with_precaution(pre, block, db, *precaution, make)?;
            let saved = self.learned.has_saved(block, outcome.stats.executing, start.elapsed());
            self.conflicts.learn(block, outcome.output.gas_used, &outcome.stats, saved);
            outcome
        } else {
            executor.execute_while(pre, block, db, make, help, ready)?
        };
        let not_compiled = match ahead {
            Some(ahead) => outlook::unseen(ahead.iter().map(|ahead| Some(&ahead.prediction))),
            None => crew.map(Crew::unseen).unwrap_or_default(),
        };
        self.learned.parallel(block, &outcome.output, outcome.stats.executing);
        let executed = ExecutedBlock::in_parallel(outcome, decision, Vec::new());
        let executed = ExecutedBlock { not_compiled, ..executed };
        telemetry::block(&executed, start.elapsed());
        Ok(executed)
    }
}
