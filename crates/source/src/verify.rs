//! Whether an execution came out as the header says.

use alloy_consensus::{Header, TxReceipt, proofs::calculate_receipt_root};
use alloy_primitives::Bloom;
use foresee_execute::BlockOutput;
use revm::primitives::hardfork::SpecId;

/// Which results of an execution equal the header's; `None` where the header
/// carries nothing to compare with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HeaderMatch {
    /// Gas used.
    pub gas_used: Option<bool>,
    /// Receipts root. Receipts before Byzantium hold the state root after each
    /// transaction, which a part of the state cannot yield.
    pub receipts_root: Option<bool>,
    /// Bloom filter of the logs.
    pub logs_bloom: Option<bool>,
}

impl HeaderMatch {
    /// Compares an execution with a header that carries results.
    pub fn new(output: &BlockOutput, expected: Option<&Header>, spec: SpecId) -> Self {
        let Some(header) = expected else { return Self::default() };
        let receipts: Vec<_> =
            output.receipts.iter().map(|receipt| receipt.with_bloom_ref()).collect();
        let bloom = receipts.iter().fold(Bloom::ZERO, |bloom, receipt| bloom | receipt.logs_bloom);
        let has_status = spec.is_enabled_in(SpecId::BYZANTIUM);
        Self {
            gas_used: Some(output.gas_used == header.gas_used),
            receipts_root: has_status
                .then(|| calculate_receipt_root(&receipts) == header.receipts_root),
            logs_bloom: Some(bloom == header.logs_bloom),
        }
    }

    /// Whether nothing differs.
    pub fn holds(&self) -> bool {
        [self.gas_used, self.receipts_root, self.logs_bloom]
            .iter()
            .all(|field| *field != Some(false))
    }
}
