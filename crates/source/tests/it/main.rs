//! All tests of this crate from outside, in one program: what several of them instantiate is
//! compiled once.

mod bad_input;
mod mainnet;
#[path = "../../../../testdata/mainnet.rs"]
mod mainnet_blocks;
