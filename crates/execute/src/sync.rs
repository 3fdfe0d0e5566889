//! Locks and atomics of what workers share, in one place, so that a model checker's can
//! take their place: under the feature `shuttle` every use of them is a point at which
//! another thread may go on, and only tests run under it.

#[cfg(not(feature = "shuttle"))]
pub(crate) use std::sync::{
    Condvar, Mutex, MutexGuard,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

#[cfg(feature = "shuttle")]
pub(crate) use shuttle::sync::{
    Condvar, Mutex, MutexGuard,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

pub(crate) use std::sync::PoisonError;
