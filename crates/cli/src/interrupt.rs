//! Ctrl-C: what is drawn on the terminal is taken away, a file that is being put in its
//! place is put there, and the command ends with the status that shells expect.
//!
//! A signal meets the process wherever it is, so there is no way to hand what it needs
//! down as an argument: this is the one place with state of its own.

use indicatif::ProgressBar;
use signal_hook::{consts::SIGINT, iterator::Signals};
use std::{
    process,
    sync::{Mutex, MutexGuard, PoisonError, mpsc},
    thread,
    time::Duration,
};

/// 128 and the number of the signal.
const STATUS: i32 = 130;

/// Whoever writes to a pipe that nobody reads, or to a slow disk, is not waited for
/// longer.
const PATIENCE: Duration = Duration::from_secs(2);

/// The bar that is drawn now.
static BAR: Mutex<Option<ProgressBar>> = Mutex::new(None);

/// Held while a file is being written that would otherwise be left half-written.
static WRITING: Mutex<()> = Mutex::new(());

/// From now on Ctrl-C ends the command cleanly. Where the system does not let it be
/// caught, it ends the command all the same.
#[expect(clippy::disallowed_methods, reason = "what must not be skipped is waited for")]
pub(crate) fn catch() {
    let Ok(mut signals) = Signals::new([SIGINT]) else { return };
    thread::spawn(move || {
        if signals.forever().next().is_none() {
            return;
        }
        let (done, is_done) = mpsc::channel();
        thread::spawn(move || {
            let _writing = lock(&WRITING);
            if let Some(bar) = lock(&BAR).take() {
                bar.finish_and_clear();
            }
            let _ = done.send(());
        });
        let _ = is_done.recv_timeout(PATIENCE);
        process::exit(STATUS);
    });
}

/// Says which bar is drawn now, if any is.
pub(crate) fn draws(bar: Option<ProgressBar>) {
    *lock(&BAR) = bar;
}

/// Does something that Ctrl-C waits for.
pub(crate) fn whole<T>(work: impl FnOnce() -> T) -> T {
    let _writing = lock(&WRITING);
    work()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
