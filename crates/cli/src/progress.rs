//! How far a run has come: on standard error, and only if that is a terminal.

use crate::interrupt;
use core::cell::Cell;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::{borrow::Cow, time::Duration};

/// How finely the work on one block is told.
const PARTS: u64 = 1000;

/// How often something moves even if there is nothing to tell.
const TICK: Duration = Duration::from_millis(250);

/// A bar over blocks and the parts of the work on each, or nothing at all.
pub(crate) struct Progress {
    bar: ProgressBar,
    blocks: u64,
    done: Cell<u64>,
}

impl Progress {
    /// A bar over so many blocks.
    pub(crate) fn new(blocks: usize) -> Self {
        let blocks = blocks as u64;
        // indicatif draws nothing where standard error is no terminal.
        let (length, target) = (blocks.saturating_mul(PARTS), ProgressDrawTarget::stderr());
        let bar = ProgressBar::with_draw_target(Some(length), target);
        let style = ProgressStyle::with_template("{spinner} {bar:30} {prefix} {wide_msg}");
        let bar = bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        if !bar.is_hidden() {
            bar.enable_steady_tick(TICK);
            interrupt::draws(Some(bar.clone()));
        }
        let progress = Self { bar, blocks, done: Cell::new(0) };
        progress.count(0);
        progress
    }

    /// Says what is being worked on.
    pub(crate) fn say(&self, what: impl Into<Cow<'static, str>>) {
        self.bar.set_message(what);
    }

    /// Says which part of the work on a block begins, of how many.
    pub(crate) fn part(&self, begun: u32, of: u32, what: impl Into<Cow<'static, str>>) {
        let part = PARTS * u64::from(begun) / u64::from(of.max(1));
        self.bar.set_position(self.done.get().saturating_mul(PARTS) + part.min(PARTS));
        self.say(what);
    }

    /// Counts a block as done. The bar is taken away for what is written meanwhile.
    pub(crate) fn done<T>(&self, write: impl FnOnce() -> T) -> T {
        let written = self.bar.suspend(write);
        self.count(self.done.get() + 1);
        written
    }

    fn count(&self, done: u64) {
        self.done.set(done);
        self.bar.set_prefix(format!("{done}/{}", self.blocks));
        self.bar.set_position(done.saturating_mul(PARTS));
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        interrupt::draws(None);
        self.bar.finish_and_clear();
    }
}
