//! The snapshot file: everything that the execution of one block needs, as one
//! JSON object, plain or gzipped.
//!
//! Reading streams: the file is decompressed and parsed in pieces, up to
//! [`Snapshot::BYTES_MAX`]. What the fields mean for execution is decided in
//! [`crate::load`]; here they only have to be well formed.

mod block;
mod input;
mod transaction;
mod unique;

pub use block::SnapshotBlock;
pub(crate) use transaction::Senders;
pub use transaction::SnapshotTransaction;

use crate::{Fault, LoadedBlock, SourceError, load};
use alloy_primitives::{Address, B256, Bytes, U256};
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    fs::File,
    io::{Read, Write},
    path::Path,
};

/// One block and the part of the state that its execution reads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Snapshot {
    /// Rules, if they are not those of mainnet at the block's number and time.
    #[serde(default, skip_serializing_if = "ChainRules::is_mainnet")]
    pub chain: ChainRules,
    /// The block, as `eth_getBlockByNumber(n, true)` returns it.
    pub block: SnapshotBlock,
    /// Accounts before the block. A listed account exists even if all its
    /// fields are zero; one that is not listed does not exist.
    #[serde(deserialize_with = "unique::map")]
    pub prestate: BTreeMap<Address, SnapshotAccount>,
    /// Hashes of earlier blocks by number, for BLOCKHASH.
    #[serde(default, deserialize_with = "unique::map", skip_serializing_if = "BTreeMap::is_empty")]
    pub block_hashes: BTreeMap<u64, B256>,
}

/// An account before the block.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SnapshotAccount {
    /// Balance in wei.
    #[serde(default)]
    pub balance: U256,
    /// Nonce.
    #[serde(default, with = "alloy_serde::quantity")]
    pub nonce: u64,
    /// Code.
    #[serde(default, skip_serializing_if = "no_code")]
    pub code: Bytes,
    /// Slots that are read; one that is not listed is zero.
    #[serde(default, deserialize_with = "unique::map", skip_serializing_if = "BTreeMap::is_empty")]
    pub storage: BTreeMap<U256, U256>,
}

fn no_code(code: &Bytes) -> bool {
    code.0.is_empty()
}

/// The rules that a snapshot's block follows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged, expecting = "a chain's name, or an object with id and fork")]
pub enum ChainRules {
    /// Those of a known chain at the block's number and time. Known is `mainnet`.
    Named(String),
    /// Those of a fork, whatever the block's number and time.
    Fork(ForkRules),
}

/// The rules of one fork.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ForkRules {
    /// Chain id.
    #[serde(deserialize_with = "alloy_serde::quantity::deserialize")]
    pub id: u64,
    /// Name of the fork as revm's `SpecId` parses it, case ignored.
    pub fork: String,
    /// Blob parameters, if they are not those that the fork began with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blob_schedule: Option<BlobSchedule>,
    /// Whether [EIP-7928](https://eips.ethereum.org/EIPS/eip-7928) holds on top.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub access_list: bool,
}

/// Blob parameters ([EIP-7840](https://eips.ethereum.org/EIPS/eip-7840)).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BlobSchedule {
    /// Blobs per block at which the blob base fee stays as it is.
    pub target: u64,
    /// Blobs that a block may hold.
    pub max: u64,
    /// How slowly the blob base fee moves.
    pub base_fee_update_fraction: u64,
}

impl Default for ChainRules {
    fn default() -> Self {
        Self::Named(Self::MAINNET.into())
    }
}

impl ChainRules {
    /// Name of the Ethereum mainnet.
    pub const MAINNET: &str = "mainnet";

    fn is_mainnet(&self) -> bool {
        matches!(self, Self::Named(name) if name == Self::MAINNET)
    }
}

impl Snapshot {
    /// Decompressed length at which reading gives up: several times the code
    /// and storage that a block of 60 million gas can read.
    pub const BYTES_MAX: u64 = 256 << 20;

    /// Reads a snapshot file, plain or gzipped whatever its name says.
    ///
    /// # Errors
    ///
    /// If it cannot be read or is not a snapshot.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, SourceError> {
        let path = path.as_ref();
        let at = |fault| SourceError::at(path, fault);
        let file = File::open(path).map_err(|error| at(Fault::Open(error)))?;
        input::parse(file).map_err(at)
    }

    /// Reads a snapshot, plain or gzipped, from a stream named `origin` in errors.
    ///
    /// # Errors
    ///
    /// If it cannot be read or is not a snapshot.
    pub fn read(reader: impl Read, origin: &str) -> Result<Self, SourceError> {
        input::parse(reader).map_err(|fault| SourceError { origin: origin.to_owned(), fault })
    }

    /// Writes the snapshot as one line of JSON.
    ///
    /// # Errors
    ///
    /// If the writer fails.
    pub fn write(&self, mut writer: impl Write) -> Result<(), Fault> {
        serde_json::to_writer(&mut writer, self).map_err(|error| Fault::Write(error.into()))?;
        writer.write_all(b"\n").map_err(Fault::Write)
    }

    /// Makes the block ready for execution: rules, environment, transactions
    /// with their senders, state.
    ///
    /// # Errors
    ///
    /// If chain or fork are unknown, a field that the fork demands is missing,
    /// or a transaction is of a type that the fork does not know.
    pub fn into_block(self) -> Result<LoadedBlock, Fault> {
        load::load(self)
    }
}
