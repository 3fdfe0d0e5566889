//! How far a run over several blocks has come: on standard error, and only if that
//! is a terminal.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// A bar that counts blocks, or nothing at all.
pub(crate) struct Progress(ProgressBar);

impl Progress {
    /// A bar over so many blocks.
    pub(crate) fn new(blocks: usize) -> Self {
        // indicatif draws nothing where standard error is no terminal.
        let bar = ProgressBar::with_draw_target(Some(blocks as u64), ProgressDrawTarget::stderr());
        let style = ProgressStyle::with_template("{bar:30} {pos}/{len} {wide_msg}");
        Self(bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar())))
    }

    /// Says what is being worked on.
    pub(crate) fn say(&self, what: impl Into<std::borrow::Cow<'static, str>>) {
        self.0.set_message(what);
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
