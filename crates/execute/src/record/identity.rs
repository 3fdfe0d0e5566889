//! Which block a record is of.

use crate::Block;
use alloy_primitives::{Address, B256, TxKind};
use serde::{Deserialize, Serialize};

/// Bytes of a transaction's data that its block's digest covers. Sender and nonce tell
/// transactions apart already.
const DATA_BYTES: usize = 68;

/// The checksum is taken of so many bytes at a time: it is many times faster over long pieces
/// than over what is taken of one transaction.
const PIECE_BYTES: usize = 4096;

/// What tells a block from others. Equal blocks have equal identities; blocks with the
/// same identity differ at most in details that execution validates anyway.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BlockIdentity {
    /// Chain id.
    pub chain_id: u64,
    /// Number.
    pub number: u64,
    /// Seconds since 1970.
    pub timestamp: u64,
    /// The fork whose rules hold, as revm names it.
    pub fork: String,
    /// Hash of the parent.
    pub parent_hash: B256,
    /// The account that earns the fees.
    pub beneficiary: Address,
    /// Gas that the transactions may use.
    pub gas_limit: u64,
    /// CRC-32 of what identifies each transaction: sender, nonce, recipient, value, gas
    /// limit and price, and length and beginning of its data. It tells a record that was
    /// mistaken for another; whoever forges one is found out by execution.
    pub transactions: u32,
}

impl BlockIdentity {
    /// The identity of a block.
    pub fn of(block: &Block) -> Self {
        Self { transactions: Self::transactions_of(block), ..Self::without_transactions(block) }
    }

    /// What tells the transactions of a block from others.
    pub fn transactions_of(block: &Block) -> u32 {
        let mut digest = crc32fast::Hasher::new();
        let mut bytes = Vec::with_capacity(2 * PIECE_BYTES);
        for tx in &block.transactions {
            bytes.extend_from_slice(tx.caller.as_slice());
            bytes.extend_from_slice(&tx.nonce.to_be_bytes());
            match tx.kind {
                TxKind::Call(to) => bytes.extend_from_slice(to.as_slice()),
                TxKind::Create => bytes.push(0),
            }
            bytes.extend_from_slice(&tx.value.to_be_bytes::<32>());
            bytes.extend_from_slice(&tx.gas_limit.to_be_bytes());
            bytes.extend_from_slice(&tx.gas_price.to_be_bytes());
            bytes.extend_from_slice(&(tx.data.len() as u64).to_be_bytes());
            bytes.extend_from_slice(&tx.data[..tx.data.len().min(DATA_BYTES)]);
            if bytes.len() >= PIECE_BYTES {
                digest.update(&bytes);
                bytes.clear();
            }
        }
        digest.update(&bytes);
        digest.finalize()
    }

    /// The identity of a block, as if it had none of its transactions: all that is found out
    /// at once.
    pub fn without_transactions(block: &Block) -> Self {
        let Block { cfg, env, protocol, .. } = block;
        Self {
            chain_id: cfg.chain_id,
            number: env.number.saturating_to(),
            timestamp: env.timestamp.saturating_to(),
            fork: <&str>::from(cfg.spec).to_owned(),
            parent_hash: protocol.parent_hash,
            beneficiary: env.beneficiary,
            gas_limit: env.gas_limit,
            transactions: 0,
        }
    }
}
