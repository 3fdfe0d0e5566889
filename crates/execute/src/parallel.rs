//! Parallel execution over a schedule, bit-identical to in-order execution.
//!
#![doc = include_str!("parallel/PROTOCOL.md")]

mod authority;
mod awake;
mod clock;
mod closing;
mod early;
mod hashing;
mod known;
mod lanes;
mod ledger;
mod listing;
mod looks;
mod outcome;
mod phases;
mod precompiles;
mod provenance;
mod scheduler;
mod validate;
mod versions;
mod view;
mod witnessing;
mod worker;

#[cfg(test)]
mod tests;

pub use clock::{Activity, Task};
pub use known::Known;
pub use lanes::{LaneStart, LastLane};
pub use outcome::{ParallelOutcome, ParallelStats, Reason, Reexecution};
pub use phases::PreBlock;
pub use precompiles::PrecompileResults;

use crate::{AccessList, Block, CancelToken, ExecuteError, Reports};
use authority::Authority;
use closing::{Aside, Helpers, Made};
use early::Signals;
use foresee_schedule::Schedule;
use rayon::{ThreadPool, ThreadPoolBuildError, ThreadPoolBuilder};
use revm::{DatabaseRef, context::TxEnv};
use scheduler::{Plan, Scheduler};
use std::{
    borrow::Cow,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};
use versions::Versions;
use worker::{CancelOnPanic, Duty, Worker};

/// With this gas and no data little code can run; wallets often set more than a payment takes.
const PAYMENT_GAS_MAX: u64 = 100_000;

/// How often a transaction is executed at most: ahead of its turn, and once more at its
/// turn if that was wrong. There the result is right by definition.
pub const INCARNATIONS_MAX: usize = 2;

/// How a parallel execution goes about a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParallelConfig {
    /// Threads that execute, the calling one included; 0 counts as 1.
    pub threads: usize,
    /// When transactions are released.
    pub policy: Policy,
}

impl Default for ParallelConfig {
    /// As many threads as the machine has, and the faster policy.
    fn default() -> Self {
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        Self { threads, policy: Policy::Dataflow }
    }
}

/// When a transaction may be executed ahead of its turn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Policy {
    /// When all it depends on is executed; of those, the nearest to its turn first, unless
    /// one starts a path that is much of what each thread has left to do. A thread that has
    /// nothing else to do starts one before that, and has it wait at the read.
    #[default]
    Dataflow,
    /// When all earlier layers of the schedule are executed.
    Layers,
}

/// Where the schedule comes from.
enum Plans<'s, F> {
    /// It is there.
    Ready(Cow<'s, Schedule>),
    /// The calling thread makes it while another executes in order; the rest help before
    /// they execute. All get ready for each transaction first if they are told how.
    Late(F, &'s Together<'s>, Option<&'s Together<'s>>),
    /// All go by this one until somebody finds nothing to do; then that thread makes
    /// another, if it is the first.
    Precaution(Schedule, &'s MakeOnce<'s>),
}

/// What several threads may do together while a block is executed.
type Together<'s> = dyn Fn(&dyn Pace) + Sync + 's;

/// Makes a schedule, or finds that none is worth it; nothing if it has been called before.
type MakeOnce<'s> = dyn Fn(&dyn Pace) -> Option<Option<Schedule>> + Sync + 's;

/// No schedule is made by the calling thread.
type NotLate = fn(&dyn Pace) -> Option<Schedule>;

/// A schedule that is there.
const fn ready(schedule: Cow<'_, Schedule>) -> Plans<'_, NotLate> {
    Plans::Ready(schedule)
}

/// How far a block is while its schedule is still being made.
pub trait Pace {
    /// The transaction whose turn it is, as its position in the block.
    fn turn(&self) -> usize;

    /// Whether something could still be made of knowing what this transaction accesses. Not
    /// if it is executed, ahead of its turn or at it; and of what is just being executed
    /// only if there are several that may have to wait for it.
    fn is_open(&self, position: usize) -> bool {
        position >= self.turn()
    }

    /// Whether this transaction is being executed or has been, ahead of its turn or at it.
    fn is_begun(&self, position: usize) -> bool {
        position < self.turn()
    }
}

/// Executes blocks on several threads. Threads are started once, when the
/// executor is made.
#[derive(Clone, Debug)]
pub struct ParallelExecutor {
    /// The threads beside the calling one; none if it works alone.
    helpers: Option<Arc<ThreadPool>>,
    config: ParallelConfig,
    reports: Reports,
    known: Option<Arc<Known>>,
    cancel: Option<CancelToken>,
}

impl ParallelExecutor {
    /// Starts the threads.
    ///
    /// # Errors
    ///
    /// If the system refuses them.
    pub fn new(config: ParallelConfig) -> Result<Self, ThreadPoolBuildError> {
        let helpers = match config.threads {
            0 | 1 => None,
            threads => {
                let pool = ThreadPoolBuilder::new()
                    .num_threads(threads - 1)
                    .thread_name(|index| format!("foresee-{index}"))
                    .build()?;
                Some(Arc::new(pool))
            }
        };
        Ok(Self { helpers, config, reports: Reports::default(), known: None, cancel: None })
    }

    /// Uses threads that exist already. The calling thread works too, so at most
    /// `config.threads - 1` of them are used.
    pub fn with_pool(pool: Arc<ThreadPool>, config: ParallelConfig) -> Self {
        let helpers = Some(pool).filter(|_| config.threads > 1);
        Self { helpers, config, reports: Reports::default(), known: None, cancel: None }
    }

    /// The same executor, reporting more than the output.
    pub const fn reporting(mut self, reports: Reports) -> Self {
        self.reports = reports;
        self
    }

    /// The same executor, taking results of precompiles and hashes from here instead of
    /// computing them. They are those of one block; more may be added at any time.
    #[must_use]
    pub fn knowing(&self, known: Arc<Known>) -> Self {
        Self { known: Some(known), ..self.clone() }
    }

    /// The same executor, which gives up with [`ExecuteError::Cancelled`] when it is told to.
    #[must_use]
    pub fn cancelled_by(&self, token: CancelToken) -> Self {
        Self { cancel: Some(token), ..self.clone() }
    }

    /// What it is told by to give up.
    pub const fn cancel_token(&self) -> Option<&CancelToken> {
        self.cancel.as_ref()
    }

    /// The same executor on so many threads, no more than it has; 0 counts as 1.
    #[must_use]
    pub fn on(&self, threads: usize) -> Self {
        let threads = threads.clamp(1, self.config.threads.max(1));
        let helpers = self.helpers.clone().filter(|_| threads > 1);
        Self { helpers, config: ParallelConfig { threads, ..self.config }, ..self.clone() }
    }

    /// How long it takes to call so many threads, the calling one included, to do nothing,
    /// and have them back.
    pub fn call(&self, threads: usize) -> Duration {
        let start = Instant::now();
        if let Some(pool) = &self.helpers {
            pool.in_place_scope(|scope| (1..threads).for_each(|_| scope.spawn(|_| {})));
        }
        start.elapsed()
    }

    /// Has an idle thread do something aside; whether there is a thread beside the calling
    /// one. It keeps that thread from blocks, and must not panic.
    pub fn spawn(&self, work: impl FnOnce() + Send + 'static) -> bool {
        self.helpers.as_ref().is_some_and(|pool| {
            pool.spawn(work);
            true
        })
    }

    /// The configuration.
    pub const fn config(&self) -> ParallelConfig {
        self.config
    }

    /// The threads beside the calling one.
    pub(crate) fn helpers(&self) -> Option<&ThreadPool> {
        self.helpers.as_deref()
    }

    /// Executes a block.
    ///
    /// # Errors
    ///
    /// Those of [`execute_in_order`](crate::execute_in_order): a state that cannot
    /// be read, a failed system call, a malformed deposit, a missing field.
    /// Nothing of the block is returned then.
    ///
    /// # Panics
    ///
    /// If the schedule is for another number of transactions, or the state
    /// panics.
    pub fn execute<DB>(
        &self,
        block: &Block,
        db: &DB,
        schedule: &Schedule,
    ) -> Result<ParallelOutcome, ExecuteError<DB::Error>>
    where
        DB: DatabaseRef + Sync,
    {
        self.execute_after(PreBlock::run(block, db)?, block, db, schedule)
    }

    /// Executes a block whose changes before the transactions are made already.
    /// `pre` must come from the same block and state.
    ///
    /// # Errors
    ///
    /// As [`execute`](Self::execute).
    ///
    /// # Panics
    ///
    /// As [`execute`](Self::execute).
    pub fn execute_after<DB>(
        &self,
        pre: PreBlock<'_, DB>,
        block: &Block,
        db: &DB,
        schedule: &Schedule,
    ) -> Result<ParallelOutcome, ExecuteError<DB::Error>>
    where
        DB: DatabaseRef + Sync,
    {
        self.run(pre, block, db, None, ready(Cow::Borrowed(schedule)))
    }

    /// Executes a block whose access list is said to be this one: no transaction waits
    /// for another, each starts from what the list says that earlier ones leave behind.
    /// A list that is wrong makes transactions execute twice and nothing else; the list
    /// that the block really has is to be [asked for](Reports) and compared.
    ///
    /// # Errors
    ///
    /// As [`execute`](Self::execute).
    ///
    /// # Panics
    ///
    /// If the state panics.
    pub fn execute_listed<DB>(
        &self,
        block: &Block,
        db: &DB,
        list: &AccessList,
    ) -> Result<ParallelOutcome, ExecuteError<DB::Error>>
    where
        DB: DatabaseRef + Sync,
    {
        let pre = PreBlock::run(block, db)?;
        // Whoever settles finds results there as it goes, and none is left alone with them.
        let nearest_first = Schedule::precaution([], vec![false; block.transactions.len()]);
        let schedule = |_: &dyn Pace| Some(nearest_first);
        self.run(pre, block, db, Some(list), Plans::Late(schedule, &|_| {}, None))
    }

    /// Executes a block while its schedule is still being made: the calling thread
    /// makes it, another executes in order until it is there, and all the rest may `help`
    /// before they execute. Both can ask whose turn it is meanwhile (a position in the
    /// block): of the transactions before that one the schedule need not know anything.
    /// Whoever is about to execute a transaction, at its turn or ahead of it, calls `ready`
    /// first, if that is given; it should come back when the transaction is better executed.
    ///
    /// # Errors
    ///
    /// As [`execute`](Self::execute).
    ///
    /// # Panics
    ///
    /// As [`execute`](Self::execute), or if `schedule`, `help` or `ready` does.
    pub fn execute_while<DB>(
        &self,
        pre: PreBlock<'_, DB>,
        block: &Block,
        db: &DB,
        schedule: impl FnOnce(&dyn Pace) -> Option<Schedule>,
        help: impl Fn(&dyn Pace) + Sync,
        ready: Option<&Together<'_>>,
    ) -> Result<ParallelOutcome, ExecuteError<DB::Error>>
    where
        DB: DatabaseRef + Sync,
    {
        self.run(pre, block, db, None, Plans::Late(schedule, &help, ready))
    }

    /// As [`execute_while`](Self::execute_while), but all threads go by a
    /// [precaution](Schedule::precaution) at first. The schedule is made by the first thread
    /// that finds nothing to do that the precaution allows; often it is not.
    ///
    /// # Errors
    ///
    /// As [`execute`](Self::execute).
    ///
    /// # Panics
    ///
    /// As [`execute`](Self::execute), or if `schedule` does.
    pub fn execute_with_precaution<DB>(
        &self,
        pre: PreBlock<'_, DB>,
        block: &Block,
        db: &DB,
        precaution: Schedule,
        schedule: impl FnOnce(&dyn Pace) -> Option<Schedule> + Send,
    ) -> Result<ParallelOutcome, ExecuteError<DB::Error>>
    where
        DB: DatabaseRef + Sync,
    {
        let schedule = Mutex::new(Some(schedule));
        let make_once = |pace: &dyn Pace| {
            let make = schedule.lock().unwrap_or_else(PoisonError::into_inner).take()?;
            Some(make(pace))
        };
        let plans: Plans<'_, NotLate> = Plans::Precaution(precaution, &make_once);
        self.run(pre, block, db, None, plans)
    }

    /// Executes a block, with what a list says of it if there is one, and a schedule that
    /// is there or one that is made meanwhile.
    fn run<'a, DB>(
        &self,
        mut pre: PreBlock<'a, DB>,
        block: &Block,
        db: &'a DB,
        list: Option<&AccessList>,
        plans: Plans<'_, impl FnOnce(&dyn Pace) -> Option<Schedule>>,
    ) -> Result<ParallelOutcome, ExecuteError<DB::Error>>
    where
        DB: DatabaseRef + Sync,
    {
        let versions = Versions::new();
        let any_tx = TxEnv::default();
        for changes in pre.changes_mut() {
            versions.publish(0, block.env.beneficiary, true, changes, |_, _| false);
        }
        let authority = Box::new(Authority::new(block, pre, self.reports));
        let plan = Plan::default();
        let signals = Signals::new(block.transactions.len());
        let pays_ahead = block.transactions.iter().map(pays_ahead);
        let ParallelConfig { threads, policy } = self.config;
        let scheduler = Scheduler::new(&plan, &signals, policy, threads, pays_ahead, authority);
        let (mut help, mut ready, mut make_once) = (None, None, None);
        let late = match plans {
            Plans::Ready(schedule) => {
                scheduler.install(schedule);
                None
            }
            Plans::Late(late, helping, readying) => {
                (help, ready) = (Some(helping), readying);
                Some(late)
            }
            Plans::Precaution(precaution, make) => {
                scheduler.install(Cow::Owned(precaution));
                make_once = Some(make);
                None
            }
        };
        let span =
            tracing::debug_span!("execute", transactions = block.transactions.len(), threads);
        let _entered = span.enter();
        let origin = self.reports.timeline.then(Instant::now);
        let worked = Mutex::new(Vec::new());
        let worker = |shares| {
            let known = self.known.as_deref();
            let cancel = self.cancel.as_ref();
            let witnesses = self.reports.observed;
            let duty = Duty { shares, witnesses, known, cancel, ready, origin };
            Worker::new(block, db, &versions, &any_tx, &plan, &signals, duty)
        };
        let keep = |mine| worked.lock().unwrap_or_else(PoisonError::into_inner).push(mine);
        let install = |schedule| match schedule {
            Some(schedule) => scheduler.install(Cow::Owned(schedule)),
            None => {
                scheduler.distrust();
                versions.close();
            }
        };
        let work = |shares| {
            let mut worker = worker(shares);
            if let Some(make) = make_once
                && worker.run_until_idle(&scheduler)
            {
                let _cancel = CancelOnPanic { scheduler: &scheduler };
                make(&scheduler).into_iter().for_each(install);
            }
            keep(worker.run(&scheduler));
        };
        let plan_and_work = |shares| {
            if let Some(late) = late {
                let _cancel = CancelOnPanic { scheduler: &scheduler };
                // Nobody reads versions where one thread settles turn after turn.
                if let Some(list) = list.filter(|_| shares) {
                    versions.seed(list, block.env.beneficiary, db);
                }
                install(late(&scheduler));
            }
            work(shares);
        };
        let made = Made::new();
        // The reverts, and the list.
        let aside = Aside::new(1 + usize::from(self.reports.access_list));
        let outcome = match &self.helpers {
            None => {
                plan_and_work(false);
                let authority = scheduler.take_authority();
                authority.map(|authority| closing::close(block, *authority, &made, None))
            }
            Some(pool) => pool.in_place_scope(|scope| {
                for helper in 1..self.config.threads {
                    let help = help.filter(|_| helper > 1);
                    let (scheduler, work, aside) = (&scheduler, &work, &aside);
                    scope.spawn(move |_| {
                        if let Some(help) = help {
                            let _cancel = CancelOnPanic { scheduler };
                            help(scheduler);
                        }
                        work(true);
                        aside.help();
                    });
                }
                plan_and_work(true);
                let count = self.config.threads - 1;
                let helpers = Some(Helpers { scope, aside: &aside, count });
                let authority = scheduler.take_authority();
                authority.map(|authority| closing::close(block, *authority, &made, helpers))
            }),
        };
        drop(aside);
        // Without a panic, which has gone on by now.
        let outcome = outcome.expect("whoever settles turns hands the authority back");
        let mut outcome = outcome?;
        outcome.access_list = made.into_inner();
        let worked = worked.into_inner().unwrap_or_else(PoisonError::into_inner);
        outcome.stats.early = worked.iter().map(|worked| worked.early).sum();
        outcome.stats.waited = worked.iter().map(|worked| worked.waited).sum();
        outcome.stats.executing = worked.iter().map(|worked| worked.executing).sum();
        let timeline = &mut outcome.timeline;
        timeline.extend(worked.into_iter().map(|worked| worked.activities));
        timeline.retain(|activities| !activities.is_empty());
        timeline.sort_by_key(|activities| activities.first().map(|first| first.start));
        Ok(outcome)
    }
}

/// Whether executing a transaction ahead can save time. A payment takes no longer
/// to execute at its turn than a result of it takes to validate.
pub fn pays_ahead(tx: &TxEnv) -> bool {
    let runs_code = tx.gas_limit > PAYMENT_GAS_MAX || !tx.data.is_empty();
    runs_code || tx.kind.is_create() || !tx.authorization_list.is_empty()
}
