//! Decoding a block, and whether its body is the one that its header names.
//!
//! A block with a transaction that cannot be included often has the roots of
//! the block without it, so the body is only checked after the transactions:
//! otherwise the wrong root would hide whether execution rejects them.

use super::rejection::Rejected;
use alloy_consensus::{
    Block, EthereumTxEnvelope, Transaction, TxEip4844,
    proofs::{calculate_ommers_root, calculate_transaction_root, calculate_withdrawals_root},
};
use alloy_rlp::Decodable;

/// A block as the network sends it.
pub(crate) type NetworkBlock = Block<EthereumTxEnvelope<TxEip4844>>;

/// Decodes a block and nothing but a block.
pub(crate) fn decode(rlp: &[u8]) -> Result<NetworkBlock, Rejected> {
    let mut rest = rlp;
    let block = NetworkBlock::decode(&mut rest).map_err(|e| Rejected::Decoding(e.to_string()))?;
    match rest.is_empty() {
        true => Ok(block),
        false => Err(Rejected::Decoding(format!("{} bytes left over", rest.len()))),
    }
}

/// Checks the body against the roots and sums in the header.
pub(crate) fn check(block: &NetworkBlock) -> Result<(), String> {
    let (header, body) = (&block.header, &block.body);
    if calculate_transaction_root(&body.transactions) != header.transactions_root {
        return Err("wrong transactions root".to_owned());
    }
    if calculate_ommers_root(&body.ommers) != header.ommers_hash {
        return Err("wrong ommers hash".to_owned());
    }
    let withdrawals = body.withdrawals.as_ref();
    if withdrawals.map(|list| calculate_withdrawals_root(list)) != header.withdrawals_root {
        return Err("wrong withdrawals root".to_owned());
    }
    let blob_gas: u64 = body.transactions.iter().filter_map(Transaction::blob_gas_used).sum();
    if header.blob_gas_used.is_some_and(|used| used != blob_gas) {
        return Err("wrong blob gas used".to_owned());
    }
    Ok(())
}
