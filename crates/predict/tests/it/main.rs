//! All tests of this crate from outside, in one program: what several of them instantiate is
//! compiled once.

mod cache_file;
mod check;
mod delegations;
mod dependencies;
mod deterministic;
mod differential;
mod effects;
mod hostile;
mod learning;
#[path = "../../../../testdata/mainnet.rs"]
mod mainnet;
mod outline;
mod payments;
mod programs;
mod restarts;
mod slices;
mod strategy;
mod suspension;
mod syntax;
