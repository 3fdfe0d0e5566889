//! What is done when no block is being executed: code is compiled that predictions had to
//! leave alone, and paths are learnt that they had no time for.
//!
//! An idle thread of the executor does that, and ends when the next block begins or nobody
//! uses the library any more: between two blocks of a code, or blocks along a path, but not
//! while it makes a slice of paths. No block waits for it. A panic reaches whoever executes the
//! next block.

use crate::{Foresee, telemetry};
use core::{
    any::Any,
    sync::atomic::{AtomicUsize, Ordering},
};
use foresee_predict::ProgramCache;
use std::{
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak},
};

/// What is known of the blocks that are being executed, and of what is done aside.
#[derive(Debug, Default)]
pub(crate) struct Aside {
    /// How many blocks are being executed.
    blocks: AtomicUsize,
    work: Mutex<Work>,
    /// Told when it ends.
    ended: Condvar,
}

#[derive(Debug, Default)]
enum Work {
    /// Nobody is at it.
    #[default]
    Idle,
    /// A thread is.
    UnderWay,
    /// One has panicked, with this if nobody has been told yet. Nobody tries it again.
    Panicked(Option<Box<dyn Any + Send>>),
}

/// A block that is being executed, until it is dropped.
pub(crate) struct Busy<'f> {
    foresee: &'f Foresee,
}

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        if self.foresee.aside.blocks.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.foresee.work_aside();
        }
    }
}

impl Foresee {
    /// Begins to execute a block: nothing is done aside any more.
    pub(crate) fn busy(&self) -> Busy<'_> {
        let mut work = self.aside.lock();
        if let Work::Panicked(panic) = &mut *work
            && let Some(panic) = panic.take()
        {
            drop(work);
            resume_unwind(panic);
        }
        drop(work);
        self.aside.blocks.fetch_add(1, Ordering::SeqCst);
        Busy { foresee: self }
    }

    /// Waits until nothing is done aside: for whoever measures what is done next.
    pub fn settle(&self) {
        let is_under_way = |work: &mut Work| matches!(work, Work::UnderWay);
        drop(self.aside.ended.wait_while(self.aside.lock(), is_under_way));
    }

    /// Has an idle thread do what there is to do, if there is one and none is at it.
    fn work_aside(&self) {
        if !has_work(self.cache()) || !self.aside.begin() {
            return;
        }
        let (cache, aside) = (self.cache().clone(), Arc::downgrade(&self.aside));
        if !self.executor().spawn(move || work(&cache, &aside)) {
            self.aside.end(Work::Idle);
        }
    }
}

impl Aside {
    /// Whether nobody else is at it.
    fn begin(&self) -> bool {
        let mut work = self.lock();
        let is_idle = matches!(*work, Work::Idle);
        if is_idle {
            *work = Work::UnderWay;
        }
        is_idle
    }

    fn end(&self, work: Work) {
        *self.lock() = work;
        self.ended.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, Work> {
        self.work.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn has_work(cache: &ProgramCache) -> bool {
    cache.wanted() > 0 || cache.unlearnt() > 0
}

/// Compiles and learns until nothing is left, or a block is executed, or nobody is there to use
/// it.
fn work(cache: &ProgramCache, aside: &Weak<Aside>) {
    let is_free = || aside.upgrade().is_some_and(|aside| aside.blocks.load(Ordering::SeqCst) == 0);
    loop {
        let done = || (cache.compile_wanted(is_free), cache.learn(is_free));
        let done = catch_unwind(AssertUnwindSafe(done));
        let Some(aside) = aside.upgrade() else { return };
        match done {
            Ok((codes, calls)) => telemetry::done_aside(codes, calls),
            Err(panic) => {
                aside.end(Work::Panicked(Some(panic)));
                return;
            }
        }
        aside.end(Work::Idle);
        // A block may have come and gone just now.
        if !has_work(cache) || !is_free() || !aside.begin() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Work;
    use crate::{Config, Foresee, Mode};
    use foresee_workload::{Scenario, generate};
    use std::panic::{AssertUnwindSafe, catch_unwind};

    /// Compiles nothing while a block is executed.
    fn foresee(threads: usize) -> Foresee {
        let mut config = Config { threads, mode: Mode::Parallel, ..Config::default() };
        config.predict.compile_max = 0;
        Foresee::new(config).unwrap()
    }

    #[test]
    fn nothing_is_compiled_aside_while_a_block_is_executed() {
        let loaded = generate(Scenario::Mix, 20, 1).unwrap().into_block().unwrap();
        let foresee = foresee(3);
        let busy = foresee.busy();
        // Where the threads that predict are late, there is nothing left to be predicted.
        let is_wanted = |_| {
            foresee.execute_block(&loaded.block, &loaded.state).unwrap();
            foresee.cache().wanted() > 0
        };
        assert!((0..1_000).any(is_wanted));
        let wanted = foresee.cache().wanted();
        assert!(matches!(*foresee.aside.lock(), Work::Idle));
        assert_eq!((foresee.cache().wanted(), foresee.cache().len()), (wanted, 0));
        drop(busy);
        foresee.settle();
        assert_eq!(foresee.cache().len(), wanted);
    }

    #[test]
    fn what_a_block_had_no_time_to_learn_is_learnt_after_it() {
        let loaded = generate(Scenario::AmmWide, 60, 1).unwrap().into_block().unwrap();
        let config = Config { threads: 2, mode: Mode::Parallel, ..Config::default() };
        let foresee = Foresee::new(config).unwrap();
        let busy = foresee.busy();
        for _ in 0..2 {
            foresee.predict_block(&loaded.block, &loaded.state).unwrap();
        }
        assert!(foresee.cache().unlearnt() > 0);
        drop(busy);
        foresee.settle();
        assert_eq!((foresee.cache().unlearnt(), foresee.cache().wanted()), (0, 0));
    }

    #[test]
    fn a_panic_aside_reaches_whoever_executes_the_next_block() {
        let foresee = foresee(2);
        drop(foresee.busy());
        foresee.aside.end(Work::Panicked(Some(Box::new("aside"))));
        let met = catch_unwind(AssertUnwindSafe(|| drop(foresee.busy()))).unwrap_err();
        assert_eq!(met.downcast_ref::<&str>(), Some(&"aside"));
        drop(foresee.busy());
        foresee.settle();
    }
}
