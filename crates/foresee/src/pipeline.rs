//! The pipeline: predict, schedule, execute.

use crate::{Config, Decision, ExecutedBlock, Mode};
use foresee_access::Location;
use foresee_execute::{
    Block, ExecuteError, InOrderOutcome, ParallelConfig, ParallelExecutor, ParallelOutcome,
    PreBlock, PrecompileResults, execute_in_order_reporting,
};
use foresee_predict::{
    Ahead, BlockPredictor, Complete, PrecompileCall, PredictOptions, Prediction, ProgramCache,
};
use foresee_schedule::{DependencyDag, Node, Schedule};
use rayon::ThreadPoolBuildError;
use revm::{DatabaseRef, context::TxEnv};
use std::sync::Arc;

/// A predictor over a complete state.
type Predictor<'a, DB> = BlockPredictor<'a, Complete<&'a DB>>;

/// A prediction, unless the state failed.
type Predicted<DB> = Result<Prediction, <DB as DatabaseRef>::Error>;

/// Blocks with fewer transactions are executed in order: there is nothing to share.
const TRANSACTIONS_MIN: usize = 2;

/// Executes blocks in parallel by foresight. Made once, used for every block; cheap
/// to clone, clones share threads and compiled programs.
#[derive(Clone, Debug)]
pub struct Foresee {
    config: Config,
    cache: ProgramCache,
    executor: ParallelExecutor,
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
        Ok(Self { config, cache: ProgramCache::new(), executor })
    }

    /// The configuration.
    pub const fn config(&self) -> &Config {
        &self.config
    }

    pub(crate) const fn executor(&self) -> &ParallelExecutor {
        &self.executor
    }

    /// The compiled programs.
    pub const fn cache(&self) -> &ProgramCache {
        &self.cache
    }

    /// Predicts, schedules, executes and validates a block. The result equals in-order
    /// execution, whatever was predicted.
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
        let known = PrecompileResults::default();
        self.predict_and_execute(block, db, known, |predictor, _, tx| predictor.predict(tx))
    }

    /// Predicts every transaction alone, on the state before the block: what a builder
    /// does when a transaction enters its pool.
    ///
    /// # Errors
    ///
    /// If the state cannot be read.
    pub fn predict_ahead<DB: DatabaseRef>(
        &self,
        block: &Block,
        db: &DB,
    ) -> Result<Vec<Ahead>, ExecuteError<DB::Error>> {
        let mut predictor = self.predictor(block, db);
        let ahead = block.transactions.iter().map(|tx| predictor.predict_ahead(tx));
        ahead.collect::<Result<_, _>>().map_err(ExecuteError::Database)
    }

    /// Executes a block whose transactions were predicted ahead, each alone: only those
    /// that meet a predicted write of an earlier one are predicted again.
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
        assert_eq!(ahead.len(), block.transactions.len(), "one prediction for each transaction");
        let known = PrecompileResults::default();
        ahead.iter().for_each(|ahead| know(&known, &ahead.precompiled));
        self.predict_and_execute(block, db, known, |predictor, position, tx| {
            predictor.predict_again(tx, &ahead[position])
        })
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
        let mut predictor = self.predictor(block, db);
        pre.changes().iter().for_each(|changes| predictor.apply(changes));
        let predicted = block.transactions.iter().map(|tx| predictor.predict(tx));
        predicted.collect::<Result<_, _>>().map_err(ExecuteError::Database)
    }

    /// The dependency DAG that predictions imply. A transaction whose prediction is
    /// incomplete, or that looks at the balance that every transaction pays its fee
    /// into, comes after all earlier ones.
    pub fn schedule(&self, block: &Block, predictions: &[Prediction]) -> DependencyDag {
        let fees = Location::balance(block.env.beneficiary);
        let nodes: Vec<_> = predictions
            .iter()
            .map(|prediction| Node {
                access: &prediction.access,
                gas: prediction.gas_used,
                in_order: !prediction.is_complete()
                    || prediction.access.ordering_reads().any(|read| *read == fees),
            })
            .collect();
        DependencyDag::build(&nodes)
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
        let schedule = Schedule::from_dag(&self.schedule(block, &predictions));
        let outcome = self.executor.execute(block, db, &schedule)?;
        Ok(self.executed(outcome, predictions))
    }

    /// A predictor for a block whose results of precompiles will be executed with.
    fn predictor<'a, DB: DatabaseRef>(&self, block: &Block, db: &'a DB) -> Predictor<'a, DB> {
        let Block { cfg, env, .. } = block;
        let options = PredictOptions { keep_precompiled: true, ..self.config.predict };
        BlockPredictor::new(&self.cache, cfg, env, Complete(db), options)
    }

    /// Why a block is not executed in parallel, if it is not.
    pub(crate) const fn reason_for_order(&self, block: &Block) -> Option<Decision> {
        match self.config.mode {
            Mode::InOrder => Some(Decision::Configured),
            Mode::Parallel => None,
            Mode::Auto if self.config.threads <= 1 => Some(Decision::OneThread),
            Mode::Auto if block.transactions.len() < TRANSACTIONS_MIN => {
                Some(Decision::FewTransactions)
            }
            Mode::Auto => None,
        }
    }

    /// Predicts on the calling thread while the others execute already, in order
    /// until there is a schedule. Where nothing is gained by a prediction none is
    /// made, unless it is to be scored. A state that fails while predicting leaves
    /// the block without schedule and predictions; execution meets the failure itself.
    fn predict_and_execute<'a, DB: DatabaseRef + Sync>(
        &self,
        block: &'a Block,
        db: &'a DB,
        known: PrecompileResults,
        mut predict: impl FnMut(&mut Predictor<'a, DB>, usize, &'a TxEnv) -> Predicted<DB>,
    ) -> Result<ExecutedBlock, ExecuteError<DB::Error>> {
        let order = self.reason_for_order(block);
        if let (Some(decision), false) = (order, self.config.score) {
            let outcome = execute_in_order_reporting(block, db, self.config.reports())?;
            return Ok(ExecutedBlock::in_order(&self.config, outcome, decision, Vec::new()));
        }
        let pre = PreBlock::run(block, db)?;
        if self.config.threads <= 1 && !self.config.score {
            // One thread settles turn after turn: no schedule could help it.
            let schedule = Schedule::independent(block.transactions.len());
            let outcome = self.executor.execute_after(pre, block, db, &schedule)?;
            return Ok(self.executed(outcome, Vec::new()));
        }
        let mut predictor = self.predictor(block, db);
        pre.changes().iter().for_each(|changes| predictor.apply(changes));
        let known = Arc::new(known);
        let mut predict = || {
            let each = block.transactions.iter().enumerate();
            let all = each.map(|(position, tx)| {
                let predicted = predict(&mut predictor, position, tx);
                know(&known, &predictor.take_precompiled());
                predicted
            });
            all.collect::<Result<Vec<_>, _>>().ok()
        };
        if let Some(decision) = order {
            let predictions = predict().unwrap_or_default();
            let outcome = execute_in_order_reporting(block, db, self.config.reports())?;
            return Ok(ExecutedBlock::in_order(&self.config, outcome, decision, predictions));
        }
        let mut predictions = Vec::new();
        let executor = self.executor.knowing(known.clone());
        let outcome = executor.execute_while(pre, block, db, || {
            predictions = predict()?;
            Some(Schedule::from_dag(&self.schedule(block, &predictions)))
        })?;
        Ok(self.executed(outcome, predictions))
    }

    pub(crate) fn executed(
        &self,
        outcome: ParallelOutcome,
        predictions: Vec<Prediction>,
    ) -> ExecutedBlock {
        let ParallelOutcome { output, stats, observed, access_list } = outcome;
        let decision = Decision::Parallel { threads: self.config.threads };
        let outcome = InOrderOutcome { output, observed, access_list };
        ExecutedBlock {
            stats,
            ..ExecutedBlock::in_order(&self.config, outcome, decision, predictions)
        }
    }
}

/// Hands results of precompiles to whoever executes.
pub(crate) fn know(known: &PrecompileResults, calls: &[PrecompileCall]) {
    for PrecompileCall { address, input, output } in calls {
        known.insert(*address, input.clone(), output.clone());
    }
}
