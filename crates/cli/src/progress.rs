//! How far a run over several blocks has come: on standard error, and only if that
//! is a terminal.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::path::Path;

/// A bar that counts blocks, or nothing at all.
pub(crate) struct Progress(ProgressBar);

impl Progress {
    /// A bar over so many blocks; one block needs none.
    pub(crate) fn new(blocks: usize) -> Self {
        // indicatif draws nothing where standard error is no terminal.
        let target = match blocks {
            0 | 1 => ProgressDrawTarget::hidden(),
            _ => ProgressDrawTarget::stderr(),
        };
        let bar = ProgressBar::with_draw_target(Some(blocks as u64), target);
        let style = ProgressStyle::with_template("{bar:30} {pos}/{len} {wide_msg}");
        Self(bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar())))
    }

    /// Names the file that is being worked on.
    pub(crate) fn on(&self, file: &Path) {
        self.0.set_message(file.display().to_string());
    }

    /// Counts a block as done. The bar is taken away for what is written meanwhile.
    pub(crate) fn done<T>(&self, write: impl FnOnce() -> T) -> T {
        let written = self.0.suspend(write);
        self.0.inc(1);
        written
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
