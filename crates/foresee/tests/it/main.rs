//! The tests of this crate from outside, but for that of metrics, in one program: what several
//! of them instantiate is compiled once.

mod asking;
mod cold;
#[path = "../../../../testdata/mainnet.rs"]
mod mainnet;
mod pipeline;
mod records;
mod snapshots;
mod unseen;
