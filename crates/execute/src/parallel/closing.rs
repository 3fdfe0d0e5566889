//! What is left of a block when its last turn is settled: what the protocol changes after
//! the transactions, the bundle of all changes, and the access list.
//!
//! The calling thread makes the bundle, which takes longest. The list is for a thread that has
//! nothing left to execute: it stays awake for it for a while, since waking one takes as long
//! as a good part of what there is to do. Nothing depends on it: a list that nobody has begun
//! when the bundle is there is made by the calling thread.

use super::{ParallelOutcome, authority::Authority, ledger::Ledger, listing, phases};
use crate::{
    AccessList, Block, BlockOutput, ExecuteError, Reports,
    sync::{Mutex, MutexGuard, PoisonError},
};
use core::time::Duration;
use rayon::Scope;
use revm::{DatabaseRef, database::states::bundle_state::BundleRetention};
use std::{sync::OnceLock, time::Instant};

/// How long a thread stays awake for work that may come, or for others to end theirs:
/// about twice what waking it takes.
const PATIENCE: Duration = Duration::from_micros(100);

/// How often it does nothing before it looks again.
const SPINS: u32 = 16;

/// The list, once it is made.
pub(super) type Made = OnceLock<AccessList>;

/// Work for a thread that has nothing left to execute.
pub(super) struct Aside<'e>(Mutex<Desk<'e>>);

type Job<'e> = Box<dyn FnOnce() + Send + 'e>;

struct Desk<'e> {
    job: Option<Job<'e>>,
    /// Whether there will be one.
    is_expecting: bool,
    /// Threads that wait for it.
    waiting: usize,
    /// Whether it is begun and not done.
    is_begun: bool,
}

impl<'e> Aside<'e> {
    /// Whether there will be something to do follows from what is asked for.
    pub(super) fn new(reports: Reports) -> Self {
        let is_expecting = reports.access_list;
        Self(Mutex::new(Desk { job: None, is_expecting, waiting: 0, is_begun: false }))
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

    /// Tells what there is to do, and whether somebody is waiting for it.
    fn post(&self, job: Job<'e>) -> bool {
        let mut desk = self.lock();
        desk.is_expecting = false;
        desk.job = Some(job);
        desk.waiting > 0
    }

    /// Does it, if nobody else has begun.
    fn work_off(&self) {
        let mut desk = self.lock();
        if let Some(job) = desk.job.take() {
            desk.is_begun = true;
            drop(desk);
            job();
            self.lock().is_begun = false;
        }
    }

    /// Waits for a while until what was begun is done. The scope waits for it in any case, but
    /// asleep.
    fn wait(&self) {
        let start = Instant::now();
        while self.lock().is_begun && start.elapsed() < PATIENCE {
            (0..SPINS).for_each(|_| core::hint::spin_loop());
        }
    }

    fn lock(&self) -> MutexGuard<'_, Desk<'e>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The threads beside the calling one.
pub(super) type Helpers<'h, 'scope, 'e> = (&'h Scope<'scope>, &'scope Aside<'e>);

/// Makes the changes after the transactions and takes the output, but for the list, which is
/// in `made` when all threads are done.
pub(super) fn close<'e: 'scope, 'scope, DB: DatabaseRef>(
    block: &Block,
    authority: Authority<'_, DB>,
    made: &'e Made,
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
    let list: Option<Job<'e>> = notes.map(|(notes, after)| -> Job<'e> {
        Box::new(move || {
            made.get_or_init(|| notes.into_list(&after, included));
        })
    });
    let mut bundle = || {
        state.merge_transitions(BundleRetention::Reverts);
        state.take_bundle()
    };
    let state = match (list, helpers) {
        (Some(list), Some((scope, aside))) => {
            if !aside.post(list) {
                scope.spawn(|_| aside.work_off());
            }
            let bundle = bundle();
            aside.work_off();
            aside.wait();
            bundle
        }
        (list, _) => {
            if let Some(list) = list {
                list();
            }
            bundle()
        }
    };
    let Ledger { receipts, invalid, gas_used, blob_gas_used, .. } = ledger;
    let output = BlockOutput { receipts, invalid, requests, gas_used, blob_gas_used, state };
    metrics::histogram!("foresee_commit_seconds").record(start.elapsed());
    let (observed, access_list, timeline) = (observed.unwrap_or_default(), None, Vec::new());
    Ok(ParallelOutcome { output, stats, observed, access_list, timeline })
}
