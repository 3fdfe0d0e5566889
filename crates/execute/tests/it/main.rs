//! All tests of this crate from outside, in one program: what several of them instantiate is
//! compiled once.

mod in_order;
#[path = "../../../../testdata/mainnet.rs"]
mod mainnet;
mod observe;
mod parallel_mainnet;
