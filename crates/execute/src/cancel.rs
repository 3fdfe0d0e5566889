//! Giving a block up from outside.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

/// Tells executions to give up; clones tell the same ones. It is looked at whenever a
/// transaction's turn comes, so that one that has begun goes on to its end.
#[derive(Clone, Debug, Default)]
pub struct CancelToken(Arc<AtomicBool>);

impl CancelToken {
    /// A token that has not been used.
    pub fn new() -> Self {
        Self::default()
    }

    /// Tells all executions with this token to give up, those that begin later too.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether they are to give up.
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
