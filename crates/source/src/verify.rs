//! Whether an execution came out as the header says.

use alloy_consensus::{Header, TxReceipt, proofs::calculate_receipt_root};
use alloy_primitives::Bloom;
use foresee_execute::{AccessList, BlockOutput};
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
    /// Hash of the block access list
    /// ([EIP-7928](https://eips.ethereum.org/EIPS/eip-7928)), if a list was
    /// [compared](Self::with_access_list).
    pub block_access_list_hash: Option<bool>,
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
            block_access_list_hash: None,
        }
    }

    /// Compares the access list that the execution yields too.
    pub fn with_access_list(self, list: &AccessList, expected: Option<&Header>) -> Self {
        let named = expected.and_then(|header| header.block_access_list_hash);
        let block_access_list_hash = named.map(|hash| hash == list.compute_hash());
        Self { block_access_list_hash, ..self }
    }

    /// Whether nothing differs.
    pub fn holds(&self) -> bool {
        self.fields().iter().all(|(_, field)| *field != Some(false))
    }

    /// All of them, with their names.
    pub const fn fields(&self) -> [(&'static str, Option<bool>); 4] {
        let Self { gas_used, receipts_root, logs_bloom, block_access_list_hash } = *self;
        [
            ("gas used", gas_used),
            ("receipts root", receipts_root),
            ("logs bloom", logs_bloom),
            ("block access list hash", block_access_list_hash),
        ]
    }
}
