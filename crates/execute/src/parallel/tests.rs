//! The parallel path against in-order execution, on contrived blocks.
//!
//! Every block runs under chosen interleavings on one thread, where what each
//! transaction sees is known, and on several threads, where chance decides.

mod accounts;
mod beneficiary;
mod contracts;
mod delegation;
mod faults;
mod invalid;
mod known;
mod lab;
mod random;
mod senders;
