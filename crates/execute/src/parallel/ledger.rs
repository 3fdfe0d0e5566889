//! What the block has included so far: receipts, gas, and the transactions that
//! found no place.
//!
//! Only whoever settles turns writes here, in block order, so the sums are those
//! of in-order execution whatever ran ahead.

use super::{ParallelOutcome, ParallelStats};
use crate::{Block, BlockOutput, InvalidReason, InvalidTransaction};
use alloy_consensus::{EthereumReceipt, TxType};
use alloy_eips::eip7685::Requests;
use foresee_access::TxIndex;
use revm::{
    context::{
        Transaction, TxEnv,
        result::{ExecutionResult, InvalidTransaction as RevmInvalid},
    },
    database::BundleState,
};

/// The block's books.
pub(super) struct Ledger {
    pub(super) receipts: Vec<EthereumReceipt>,
    pub(super) invalid: Vec<InvalidTransaction>,
    pub(super) gas_used: u64,
    pub(super) blob_gas_used: u64,
    gas_limit: u64,
    blob_gas_limit: u64,
}

impl Ledger {
    pub(super) fn new(block: &Block) -> Self {
        Self {
            receipts: Vec::with_capacity(block.transactions.len()),
            invalid: Vec::new(),
            gas_used: 0,
            blob_gas_used: 0,
            gas_limit: block.env.gas_limit,
            blob_gas_limit: block.protocol.max_blob_gas.unwrap_or(u64::MAX),
        }
    }

    /// The same sums, without what they are made of.
    pub(super) fn sums_of(
        &Self { gas_used, blob_gas_used, gas_limit, blob_gas_limit, .. }: &Self,
    ) -> Self {
        let (receipts, invalid) = (Vec::new(), Vec::new());
        Self { receipts, invalid, gas_used, blob_gas_used, gas_limit, blob_gas_limit }
    }

    /// Whether the block has a place for the transaction, in the order of checks
    /// that [`InvalidReason`] documents; revm's own checks come after these.
    pub(super) fn check(&self, tx: &TxEnv) -> Result<(), InvalidReason> {
        let refused = |reason| Err(InvalidReason::Transaction(reason));
        let creates = tx.kind.is_create();
        match TxType::try_from(tx.tx_type) {
            Err(_) => return refused(RevmInvalid::Str("unknown transaction type".into())),
            Ok(TxType::Eip4844) if creates => return refused(RevmInvalid::BlobCreateTransaction),
            Ok(TxType::Eip7702) if creates => {
                return refused(RevmInvalid::AuthorizationListInvalidFields);
            }
            Ok(_) => {}
        }
        let available = self.gas_limit.saturating_sub(self.gas_used);
        if tx.gas_limit > available {
            return Err(InvalidReason::BlockGas { gas_limit: tx.gas_limit, available });
        }
        let blob_gas = tx.total_blob_gas();
        let available = self.blob_gas_limit.saturating_sub(self.blob_gas_used);
        if blob_gas > available {
            return Err(InvalidReason::BlobGas { blob_gas, available });
        }
        Ok(())
    }

    pub(super) fn include(&mut self, tx: &TxEnv, result: ExecutionResult) {
        self.count(tx, &result);
        self.receipts.push(EthereumReceipt {
            // Unknown types do not pass `check`.
            tx_type: TxType::try_from(tx.tx_type).unwrap_or_default(),
            success: result.is_success(),
            cumulative_gas_used: self.gas_used,
            logs: result.into_logs(),
        });
    }

    /// Adds to the sums what a transaction has used.
    pub(super) fn count(&mut self, tx: &TxEnv, result: &ExecutionResult) {
        self.gas_used += result.tx_gas_used();
        self.blob_gas_used += tx.total_blob_gas();
    }

    /// What is yielded of a block, with the changes and requests of all of it.
    pub(super) fn outcome(
        self,
        requests: Requests,
        state: BundleState,
        stats: ParallelStats,
    ) -> ParallelOutcome {
        let Self { receipts, invalid, gas_used, blob_gas_used, .. } = self;
        let output = BlockOutput { receipts, invalid, requests, gas_used, blob_gas_used, state };
        let (observed, access_list, timeline) = (Vec::new(), None, Vec::new());
        ParallelOutcome { output, stats, observed, access_list, timeline }
    }

    pub(super) fn refuse(&mut self, index: TxIndex, reason: InvalidReason) {
        self.invalid.push(InvalidTransaction { index, reason });
    }
}
