//! What is done when no block is being executed: code is compiled that predictions had to
//! leave alone.
//!
//! An idle thread of the executor does that, and ends within microseconds when the next
//! block begins or nobody uses the library any more; it is waited for by no one. A panic
//! reaches whoever executes the next block.

use crate::{Foresee, telemetry};
use core::{
    any::Any,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
};
use foresee_predict::ProgramCache;
use std::{
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    sync::{Arc, Mutex, PoisonError, Weak},
};

/// What is known of the blocks that are being executed, and of what is done aside.
#[derive(Debug, Default)]
pub(crate) struct Aside {
    /// How many blocks are being executed.
    blocks: AtomicUsize,
    /// Whether a thread is at it.
    is_working: AtomicBool,
    /// What it panicked with.
    panic: Mutex<Option<Box<dyn Any + Send>>>,
}

/// A block that is being executed, until it is dropped.
pub(crate) struct Busy<'f> {
    foresee: &'f Foresee,
}

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        if self.foresee.aside.blocks.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.foresee.compile_aside();
        }
    }
}

impl Foresee {
    /// Begins to execute a block: nothing is done aside any more.
    pub(crate) fn busy(&self) -> Busy<'_> {
        let panic = self.aside.panic.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(panic) = panic {
            resume_unwind(panic);
        }
        self.aside.blocks.fetch_add(1, Ordering::SeqCst);
        Busy { foresee: self }
    }

    /// Has an idle thread compile what is wanted, if there is one and none is at it.
    fn compile_aside(&self) {
        if self.cache().wanted() == 0 || !self.aside.begin() {
            return;
        }
        let (cache, aside) = (self.cache().clone(), Arc::downgrade(&self.aside));
        if !self.executor().spawn(move || compile(&cache, &aside)) {
            self.aside.is_working.store(false, Ordering::SeqCst);
        }
    }
}

impl Aside {
    /// Whether nobody else is at it.
    fn begin(&self) -> bool {
        !self.is_working.swap(true, Ordering::SeqCst)
    }
}

/// Compiles until nothing is left, or a block is executed, or nobody is there to use it.
fn compile(cache: &ProgramCache, aside: &Weak<Aside>) {
    let is_free = || aside.upgrade().is_some_and(|aside| aside.blocks.load(Ordering::SeqCst) == 0);
    loop {
        let compiled = catch_unwind(AssertUnwindSafe(|| cache.compile_wanted(is_free)));
        let Some(aside) = aside.upgrade() else { return };
        match compiled {
            Ok(codes) => telemetry::compiled_aside(codes),
            Err(panic) => {
                *aside.panic.lock().unwrap_or_else(PoisonError::into_inner) = Some(panic);
                // What it panicked on is still wanted, but nobody tries it again.
                return;
            }
        }
        aside.is_working.store(false, Ordering::SeqCst);
        // A block may have come and gone just now.
        if cache.wanted() == 0 || !is_free() || !aside.begin() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::{Config, Foresee, Mode};
    use core::sync::atomic::Ordering;
    use foresee_workload::{Scenario, generate};
    use std::{
        panic::{AssertUnwindSafe, catch_unwind},
        thread,
        time::{Duration, Instant},
    };

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
        foresee.execute_block(&loaded.block, &loaded.state).unwrap();
        let wanted = foresee.cache().wanted();
        assert!(wanted > 0);
        assert!(!foresee.aside.is_working.load(Ordering::SeqCst));
        assert_eq!((foresee.cache().wanted(), foresee.cache().len()), (wanted, 0));
        drop(busy);
        let start = Instant::now();
        while foresee.cache().wanted() > 0 {
            assert!(start.elapsed() < Duration::from_secs(60), "somebody is idle");
            thread::yield_now();
        }
        assert_eq!(foresee.cache().len(), wanted);
    }

    #[test]
    fn a_panic_aside_reaches_whoever_executes_the_next_block() {
        let foresee = foresee(2);
        drop(foresee.busy());
        *foresee.aside.panic.lock().unwrap() = Some(Box::new("aside"));
        let met = catch_unwind(AssertUnwindSafe(|| drop(foresee.busy()))).unwrap_err();
        assert_eq!(met.downcast_ref::<&str>(), Some(&"aside"));
        drop(foresee.busy());
    }
}
