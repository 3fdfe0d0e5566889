//! What is left of a block when its last turn is settled: what the protocol changes after
//! the transactions, the bundle of all changes, the access list, and the sets of what was
//! accessed.
//!
//! The calling thread makes the bundle, which takes longest. Everything else is for threads
//! that have nothing left to execute: they stay awake for it for a while, since waking one
//! takes as long as a good part of what there is to do. Nothing depends on them. A list that
//! none of them has begun when the bundle is there is made by the calling thread; sets
//! are [sorted](Observed::sort) only as long as the bundle takes, because what is not can be
//! when somebody looks at it.

use super::{
    ParallelOutcome,
    authority::Authority,
    ledger::Ledger,
    listing::{self, Notes},
    phases,
};
use crate::{
    AccessList, Block, BlockOutput, ExecuteError, Observed, Reports,
    sync::{AtomicBool, Mutex, MutexGuard, Ordering, PoisonError},
};
use core::time::Duration;
use rayon::Scope;
use revm::{DatabaseRef, database::states::bundle_state::BundleRetention};
use std::{collections::VecDeque, sync::OnceLock, time::Instant};

/// How long a thread stays awake for work that may come, or for others to end theirs:
/// about twice what waking it takes.
const PATIENCE: Duration = Duration::from_micros(100);

/// How often it does nothing before it looks again.
const SPINS: u32 = 16;

/// What is made beside the bundle.
#[derive(Default)]
pub(super) struct Extras {
    list: OnceLock<AccessList>,
    observed: OnceLock<Vec<Observed>>,
    /// Whether the bundle is there, so that nobody should take up anything else.
    is_over: AtomicBool,
}

/// Work for threads that have nothing left to execute.
pub(super) struct Aside<'e>(Mutex<Desk<'e>>);

type Job<'e> = Box<dyn FnOnce() + Send + 'e>;

struct Desk<'e> {
    jobs: VecDeque<Job<'e>>,
    /// Whether there will be some.
    is_expecting: bool,
    /// Threads that wait for them.
    waiting: usize,
    /// Jobs that are begun and not done.
    begun: usize,
}

impl<'e> Aside<'e> {
    /// Whether there will be something to do follows from what is asked for.
    pub(super) fn new(reports: Reports) -> Self {
        let is_expecting = reports.access_list || reports.observed;
        Self(Mutex::new(Desk { jobs: VecDeque::new(), is_expecting, waiting: 0, begun: 0 }))
    }

    /// Waits for a while for something to do, and does it.
    pub(super) fn help(&self) {
        let start = Instant::now();
        self.lock().waiting += 1;
        loop {
            let mut desk = self.lock();
            if !desk.is_expecting || start.elapsed() >= PATIENCE {
                desk.waiting -= 1;
                break;
            }
            drop(desk);
            (0..SPINS).for_each(|_| core::hint::spin_loop());
        }
        self.work_off();
    }

    /// Tells all that there is to do, and whether somebody is waiting for it.
    fn post(&self, jobs: VecDeque<Job<'e>>) -> bool {
        let mut desk = self.lock();
        desk.is_expecting = false;
        desk.jobs = jobs;
        desk.waiting > 0
    }

    /// Does what nobody else has begun.
    fn work_off(&self) {
        while let Some(job) = self.take() {
            job();
            self.lock().begun -= 1;
        }
    }

    fn take(&self) -> Option<Job<'e>> {
        let mut desk = self.lock();
        let job = desk.jobs.pop_front()?;
        desk.begun += 1;
        Some(job)
    }

    /// Waits for a while until everything that was begun is done. The scope waits for it in
    /// any case, but asleep.
    fn wait(&self) {
        let start = Instant::now();
        while self.lock().begun > 0 && start.elapsed() < PATIENCE {
            (0..SPINS).for_each(|_| core::hint::spin_loop());
        }
    }

    fn lock(&self) -> MutexGuard<'_, Desk<'e>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The threads beside the calling one.
pub(super) type Helpers<'h, 'scope, 'e> = (&'h Scope<'scope>, &'scope Aside<'e>);

/// Makes the changes after the transactions and takes the output.
pub(super) fn close<'e: 'scope, 'scope, DB: DatabaseRef>(
    block: &Block,
    authority: Authority<'_, DB>,
    extras: &'e Extras,
    helpers: Option<Helpers<'_, 'scope, 'e>>,
) -> Result<ParallelOutcome, ExecuteError<DB::Error>> {
    let _entered = tracing::debug_span!("commit").entered();
    let start = Instant::now();
    let Authority { mut state, ledger, stats, observed, notes, failure, .. } = authority;
    if let Some(failure) = failure {
        return Err(failure);
    }
    let notes = notes.map(|notes| (notes, listing::keep_commits(&mut state)));
    let requests = phases::after_transactions(&mut state, block, &ledger.receipts)?;
    let included = ledger.receipts.len();
    let list = notes.map(|(notes, after)| extras.list_job(notes, after, included));
    let sets = observed.map(|observed| extras.sets_job(observed));
    let jobs: VecDeque<_> = list.into_iter().chain(sets).collect();
    let mut bundle = || {
        state.merge_transitions(BundleRetention::Reverts);
        state.take_bundle()
    };
    let state = match helpers {
        _ if jobs.is_empty() => bundle(),
        Some((scope, aside)) => {
            if !aside.post(jobs) {
                scope.spawn(|_| aside.work_off());
            }
            let bundle = bundle();
            extras.is_over.store(true, Ordering::Relaxed);
            aside.work_off();
            aside.wait();
            bundle
        }
        None => {
            let bundle = bundle();
            extras.is_over.store(true, Ordering::Relaxed);
            jobs.into_iter().for_each(|job| job());
            bundle
        }
    };
    let Ledger { receipts, invalid, gas_used, blob_gas_used, .. } = ledger;
    let output = BlockOutput { receipts, invalid, requests, gas_used, blob_gas_used, state };
    metrics::histogram!("foresee_commit_seconds").record(start.elapsed());
    let (observed, access_list, timeline) = (Vec::new(), None, Vec::new());
    Ok(ParallelOutcome { output, stats, observed, access_list, timeline })
}

impl Extras {
    /// Puts the list together.
    fn list_job(&self, notes: Notes, after: listing::Commits, included: usize) -> Job<'_> {
        Box::new(move || {
            self.list.get_or_init(|| notes.into_list(&after, included));
        })
    }

    /// Sorts sets until there is the bundle.
    fn sets_job(&self, observed: Vec<Observed>) -> Job<'_> {
        let observed = self.observed.get_or_init(|| observed);
        Box::new(move || {
            let is_over = || self.is_over.load(Ordering::Relaxed);
            observed.iter().take_while(|_| !is_over()).for_each(Observed::sort);
        })
    }

    /// Adds them to an outcome.
    pub(super) fn complete(self, outcome: ParallelOutcome) -> ParallelOutcome {
        let Self { list, observed, .. } = self;
        let observed = observed.into_inner().unwrap_or_default();
        ParallelOutcome { access_list: list.into_inner(), observed, ..outcome }
    }
}
