//! Where blocks come from.
//!
//! A [`Snapshot`] is a file that holds one block and the part of the state that
//! it reads; [`Snapshot::into_block`] finds the rules of the block's chain and
//! fork ([`Rules`]) and makes a [`LoadedBlock`] that `foresee-execute` takes.
//! A [`Node`] yields blocks over JSON-RPC ([`rpc`]).
//! [`HeaderMatch`] tells whether an execution came out as the header says.
//! Whatever is wrong with a source is a [`SourceError`] of one line.

mod chain;
mod error;
mod load;
pub mod rpc;
mod snapshot;
mod verify;

pub use chain::Rules;
pub use error::{Fault, SourceError};
pub use load::{LoadedBlock, environment};
pub use rpc::{BlockChoice, Node, RpcBlock, RpcConfig, RpcError};
pub use snapshot::{
    BlobSchedule, ChainRules, ForkRules, Snapshot, SnapshotAccount, SnapshotBlock,
    SnapshotTransaction,
};
pub use verify::HeaderMatch;
