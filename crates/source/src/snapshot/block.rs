//! A block as JSON-RPC writes it.
//!
//! alloy's own block type tries alternatives for header and transactions, which
//! leaves neither the place nor the name of a bad field in the error; this one
//! is plain, and takes alloy's types for everything below it.

use super::SnapshotTransaction;
use alloy_consensus::{Header, constants::EMPTY_OMMER_ROOT_HASH};
use alloy_eips::eip4895::Withdrawal;
use alloy_primitives::{Address, B64, B256, Bloom, Bytes, U256};
use alloy_serde::quantity;
use serde::{Deserialize, Serialize};

/// The result of `eth_getBlockByNumber(n, true)`.
///
/// What execution does not need is optional, and results that a header without
/// them would leave out are zero: see [`SnapshotBlock::has_results`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SnapshotBlock {
    /// Hash of this block.
    #[serde(default)]
    pub hash: Option<B256>,
    /// Hash of the parent.
    pub parent_hash: B256,
    /// Hash of the list of ommers.
    #[serde(default = "no_ommers", rename = "sha3Uncles")]
    pub ommers_hash: B256,
    /// The account that earns fees and rewards.
    #[serde(rename = "miner")]
    pub beneficiary: Address,
    /// Root of the state after the block.
    #[serde(default)]
    pub state_root: B256,
    /// Root of the transactions.
    #[serde(default)]
    pub transactions_root: B256,
    /// Root of the receipts.
    #[serde(default)]
    pub receipts_root: B256,
    /// Bloom filter of the logs.
    #[serde(default)]
    pub logs_bloom: Bloom,
    /// Difficulty, zero from the merge on.
    #[serde(default)]
    pub difficulty: U256,
    /// Number.
    #[serde(with = "quantity")]
    pub number: u64,
    /// Gas that the transactions may use.
    #[serde(with = "quantity")]
    pub gas_limit: u64,
    /// Gas that the transactions used.
    #[serde(default, with = "quantity")]
    pub gas_used: u64,
    /// Seconds since 1970.
    #[serde(with = "quantity")]
    pub timestamp: u64,
    /// The miner's remark.
    #[serde(default)]
    pub extra_data: Bytes,
    /// Part of the proof of work; from the merge on the beacon chain's randomness.
    #[serde(default)]
    pub mix_hash: Option<B256>,
    /// Part of the proof of work.
    #[serde(default)]
    pub nonce: Option<B64>,
    /// Base fee in wei, from London on.
    #[serde(default, with = "quantity::opt", skip_serializing_if = "Option::is_none")]
    pub base_fee_per_gas: Option<u64>,
    /// Root of the withdrawals, from Shanghai on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub withdrawals_root: Option<B256>,
    /// Blob gas used, from Cancun on.
    #[serde(default, with = "quantity::opt", skip_serializing_if = "Option::is_none")]
    pub blob_gas_used: Option<u64>,
    /// Blob gas used above the target so far, from Cancun on.
    #[serde(default, with = "quantity::opt", skip_serializing_if = "Option::is_none")]
    pub excess_blob_gas: Option<u64>,
    /// Root of the parent beacon block, from Cancun on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent_beacon_block_root: Option<B256>,
    /// Hash of the requests, from Prague on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requests_hash: Option<B256>,
    /// Hash of the block access list
    /// ([EIP-7928](https://eips.ethereum.org/EIPS/eip-7928)).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub block_access_list_hash: Option<B256>,
    /// Hashes of the ommers. JSON-RPC does not give their headers here.
    #[serde(default)]
    pub uncles: Vec<B256>,
    /// Transactions in block order.
    pub transactions: Vec<SnapshotTransaction>,
    /// Withdrawals in block order, from Shanghai on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub withdrawals: Option<Vec<Withdrawal>>,
}

const fn no_ommers() -> B256 {
    EMPTY_OMMER_ROOT_HASH
}

impl SnapshotBlock {
    /// Whether the header carries results to compare with. One whose receipts
    /// root is zero carries none.
    pub fn has_results(&self) -> bool {
        !self.receipts_root.is_zero()
    }

    /// The consensus header. What the JSON leaves out is zero in it.
    pub fn header(&self) -> Header {
        Header {
            parent_hash: self.parent_hash,
            ommers_hash: self.ommers_hash,
            beneficiary: self.beneficiary,
            state_root: self.state_root,
            transactions_root: self.transactions_root,
            receipts_root: self.receipts_root,
            logs_bloom: self.logs_bloom,
            difficulty: self.difficulty,
            number: self.number,
            gas_limit: self.gas_limit,
            gas_used: self.gas_used,
            timestamp: self.timestamp,
            extra_data: self.extra_data.clone(),
            mix_hash: self.mix_hash.unwrap_or_default(),
            nonce: self.nonce.unwrap_or_default(),
            base_fee_per_gas: self.base_fee_per_gas,
            withdrawals_root: self.withdrawals_root,
            blob_gas_used: self.blob_gas_used,
            excess_blob_gas: self.excess_blob_gas,
            parent_beacon_block_root: self.parent_beacon_block_root,
            requests_hash: self.requests_hash,
            block_access_list_hash: self.block_access_list_hash,
            ..Header::default()
        }
    }
}

impl From<Header> for SnapshotBlock {
    /// A block of this header without transactions, ommers and withdrawals.
    fn from(header: Header) -> Self {
        Self {
            hash: Some(header.hash_slow()),
            parent_hash: header.parent_hash,
            ommers_hash: header.ommers_hash,
            beneficiary: header.beneficiary,
            state_root: header.state_root,
            transactions_root: header.transactions_root,
            receipts_root: header.receipts_root,
            logs_bloom: header.logs_bloom,
            difficulty: header.difficulty,
            number: header.number,
            gas_limit: header.gas_limit,
            gas_used: header.gas_used,
            timestamp: header.timestamp,
            extra_data: header.extra_data,
            mix_hash: Some(header.mix_hash),
            nonce: Some(header.nonce),
            base_fee_per_gas: header.base_fee_per_gas,
            withdrawals_root: header.withdrawals_root,
            blob_gas_used: header.blob_gas_used,
            excess_blob_gas: header.excess_blob_gas,
            parent_beacon_block_root: header.parent_beacon_block_root,
            requests_hash: header.requests_hash,
            block_access_list_hash: header.block_access_list_hash,
            uncles: Vec::new(),
            transactions: Vec::new(),
            withdrawals: None,
        }
    }
}
