//! The parallel path against in-order execution, on contrived blocks.
//!
//! Every block runs under chosen interleavings on one thread, where what each
//! transaction sees is known, and on several threads, where chance decides, or a model
//! checker does.

#[cfg(not(feature = "shuttle"))]
mod accounts;
#[cfg(not(feature = "shuttle"))]
mod beneficiary;
#[cfg(not(feature = "shuttle"))]
mod claims;
#[cfg(not(feature = "shuttle"))]
mod contracts;
#[cfg(not(feature = "shuttle"))]
mod delegation;
#[cfg(not(feature = "shuttle"))]
mod early;
#[cfg(not(feature = "shuttle"))]
mod faults;
#[cfg(feature = "shuttle")]
mod interleavings;
#[cfg(not(feature = "shuttle"))]
mod invalid;
#[cfg(not(feature = "shuttle"))]
mod known;
#[cfg_attr(feature = "shuttle", allow(dead_code, reason = "the model checker needs little of it"))]
mod lab;
#[cfg(not(feature = "shuttle"))]
mod lanes;
#[cfg(not(feature = "shuttle"))]
mod random;
#[cfg(not(feature = "shuttle"))]
mod random_claims;
#[cfg(not(feature = "shuttle"))]
mod senders;
