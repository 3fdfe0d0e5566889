//! The official Ethereum tests: chains of blocks with what every client must
//! make of them.
//!
//! An [`archive`](unpack) holds folders of JSON files, each file several
//! [`Case`]s. A case is a genesis state and blocks as RLP, valid and invalid;
//! [`Chain`] imports them as a client would: it checks header and body as far
//! as consensus demands, executes in order *and* in parallel, and compares
//! gas, receipts, requests and state root with the header.
//!
//! This crate is for tests only; nothing depends on it.

mod archive;
mod case;
mod chain;
mod expected;
mod import;
mod network;

pub use archive::{for_each_case, unpack};
pub use case::{Case, CaseAccount, CaseBlock, Config, Counts, DecodedBlock, Failure, run};
pub use chain::Chain;
pub use expected::expected_failures;
pub use import::{
    execution::{SpecBlock, ready},
    rejection::{Rejected, Stage, stages},
};
pub use network::Network;
