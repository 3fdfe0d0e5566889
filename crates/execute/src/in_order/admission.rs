//! Which transactions fit into the block, and what has been included so far.
//!
//! revm validates a transaction against its sender and the environment; what a
//! block has left for it (gas, blob gas) only the block knows.

use crate::{Block, InvalidReason, InvalidTransaction as Rejected};
use alloy_consensus::{EthereumReceipt, TxType};
use alloy_eips::eip4844::DATA_GAS_PER_BLOB;
use foresee_access::TxIndex;
use revm::context::{
    TxEnv,
    result::{ExecutionResult, InvalidTransaction},
};

/// The transactions included so far and what they used.
pub(crate) struct Included {
    pub(crate) receipts: Vec<EthereumReceipt>,
    pub(crate) invalid: Vec<Rejected>,
    pub(crate) gas_used: u64,
    pub(crate) blob_gas_used: u64,
    gas_limit: u64,
    max_blob_gas: u64,
}

impl Included {
    /// Nothing included yet.
    pub(crate) fn new(block: &Block) -> Self {
        Self {
            receipts: Vec::with_capacity(block.transactions.len()),
            invalid: Vec::new(),
            gas_used: 0,
            blob_gas_used: 0,
            gas_limit: block.env.gas_limit,
            max_blob_gas: block.protocol.max_blob_gas.unwrap_or(u64::MAX),
        }
    }

    /// Checks what revm cannot: that the type exists and may create, and that
    /// the block has gas and blob gas left (Yellow Paper, equation 65;
    /// [EIP-4844](https://eips.ethereum.org/EIPS/eip-4844)).
    pub(crate) fn admit(&self, tx: &TxEnv) -> Result<(), InvalidReason> {
        match TxType::try_from(tx.tx_type) {
            Ok(TxType::Eip4844) if tx.kind.is_create() => {
                return Err(InvalidReason::Transaction(InvalidTransaction::BlobCreateTransaction));
            }
            Ok(TxType::Eip7702) if tx.kind.is_create() => {
                return Err(InvalidReason::Transaction(
                    InvalidTransaction::AuthorizationListInvalidFields,
                ));
            }
            Ok(_) => {}
            Err(_) => {
                return Err(InvalidReason::Transaction(InvalidTransaction::Str(
                    "unknown transaction type".into(),
                )));
            }
        }
        let available = self.gas_limit.saturating_sub(self.gas_used);
        if tx.gas_limit > available {
            return Err(InvalidReason::BlockGas { gas_limit: tx.gas_limit, available });
        }
        let blob_gas = blob_gas(tx);
        let available = self.max_blob_gas.saturating_sub(self.blob_gas_used);
        if blob_gas > available {
            return Err(InvalidReason::BlobGas { blob_gas, available });
        }
        Ok(())
    }

    /// Adds an executed transaction.
    pub(crate) fn accept(&mut self, tx: &TxEnv, result: ExecutionResult) {
        self.gas_used += result.tx_gas_used();
        self.blob_gas_used += blob_gas(tx);
        self.receipts.push(EthereumReceipt {
            // `admit` has refused every type that does not exist.
            tx_type: TxType::try_from(tx.tx_type).unwrap_or_default(),
            success: result.is_success(),
            cumulative_gas_used: self.gas_used,
            logs: result.into_logs(),
        });
    }

    /// Notes a transaction that cannot be included.
    pub(crate) fn reject(&mut self, position: usize, reason: InvalidReason) {
        self.invalid.push(Rejected { index: TxIndex::new(position), reason });
    }
}

/// Blob gas that a transaction uses.
fn blob_gas(tx: &TxEnv) -> u64 {
    tx.blob_hashes.len() as u64 * DATA_GAS_PER_BLOB
}
