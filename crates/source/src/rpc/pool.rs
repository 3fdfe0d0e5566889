//! Transactions that are in no block yet.
//!
//! They are put into a block that could come next: the newest block's successor,
//! with its fields carried on and the base fee that follows
//! ([EIP-1559](https://eips.ethereum.org/EIPS/eip-1559)), the transactions in the
//! order in which a builder would take them one by one: of the senders' next ones
//! always the one that pays most.

use super::{BlockChoice, Node, RpcBlock, RpcError, RpcFault};
use crate::{SnapshotBlock, SnapshotTransaction};
use alloy_eips::eip1559::BaseFeeParams;
use alloy_primitives::{Address, B256, U64};
use core::cmp::Reverse;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BinaryHeap};

/// The most transactions taken from a pool.
const POOL_MAX: usize = 10_000;

/// Seconds from one block to the next.
const SLOT_SECONDS: u64 = 12;

/// Where a transaction is.
#[derive(Debug)]
pub enum Whereabouts {
    /// In a block.
    Block {
        /// Hash of the block.
        block: B256,
        /// Its position there.
        index: u32,
    },
    /// In the pool.
    Pool(Box<SnapshotTransaction>),
}

/// What `txpool_content` calls pending: by sender and nonce.
#[derive(Debug, Deserialize)]
struct Content {
    pending: BTreeMap<Address, BTreeMap<String, SnapshotTransaction>>,
}

impl Node {
    /// Where a transaction is.
    ///
    /// # Errors
    ///
    /// If the node does not answer or does not know it.
    pub fn transaction(&self, hash: B256) -> Result<Whereabouts, RpcError> {
        let method = "eth_getTransactionByHash";
        let found: Option<Value> = self.call(method, json!([hash]))?;
        let found = found.ok_or_else(|| self.error(RpcFault::NoTransaction(hash)))?;
        let strange = |error: serde_json::Error| {
            self.error(RpcFault::Answer { method: method.to_owned(), reason: error.to_string() })
        };
        if found["blockHash"].is_null() {
            let tx = serde_json::from_value(found).map_err(strange)?;
            return Ok(Whereabouts::Pool(Box::new(tx)));
        }
        let block = B256::deserialize(&found["blockHash"]).map_err(strange)?;
        let index = U64::deserialize(&found["transactionIndex"]).map_err(strange)?;
        Ok(Whereabouts::Block {
            block,
            index: u32::try_from(index.to::<u64>()).unwrap_or(u32::MAX),
        })
    }

    /// A block that could come next, of what can be included from the pool. A node
    /// that does not show its pool shows at least the block it would build.
    ///
    /// # Errors
    ///
    /// If the node does not answer.
    pub fn pool(&self, fork: Option<&str>) -> Result<RpcBlock, RpcError> {
        match self.call::<Content>("txpool_content", json!([])) {
            Ok(Content { pending }) => {
                let next = self.next_block()?;
                let base_fee = next.base_fee_per_gas.unwrap_or_default();
                let mut by_sender: Vec<Vec<_>> =
                    pending.into_values().map(|nonces| nonces.into_values().collect()).collect();
                by_sender.iter_mut().for_each(|list| list.sort_by_key(|tx| Reverse(tx.nonce)));
                let transactions = in_order_of_pay(by_sender, base_fee.into());
                self.with_state(SnapshotBlock { transactions, ..next }, fork)
            }
            Err(error) if matches!(*error.fault, RpcFault::NoMethod { .. }) => {
                self.block(BlockChoice::Pending, fork)
            }
            Err(error) => Err(error),
        }
    }

    /// A block that could come next, with only this transaction.
    ///
    /// # Errors
    ///
    /// If the node does not answer.
    pub fn alone(&self, tx: SnapshotTransaction, fork: Option<&str>) -> Result<RpcBlock, RpcError> {
        let next = self.next_block()?;
        self.with_state(SnapshotBlock { transactions: vec![tx], ..next }, fork)
    }

    /// The newest block's successor, as far as it can be known, without transactions.
    fn next_block(&self) -> Result<SnapshotBlock, RpcError> {
        let latest = self.mined(BlockChoice::Latest)?;
        let header = latest.header();
        let base_fee = latest.base_fee_per_gas.map(|now| {
            alloy_eips::calc_next_block_base_fee(
                header.gas_used,
                header.gas_limit,
                now,
                BaseFeeParams::ethereum(),
            )
        });
        Ok(SnapshotBlock {
            hash: None,
            parent_hash: latest.hash.unwrap_or_default(),
            number: latest.number + 1,
            timestamp: latest.timestamp + SLOT_SECONDS,
            base_fee_per_gas: base_fee,
            receipts_root: B256::ZERO,
            gas_used: 0,
            uncles: Vec::new(),
            transactions: Vec::new(),
            withdrawals: latest.withdrawals.as_ref().map(|_| Vec::new()),
            ..latest
        })
    }
}

/// Takes transactions one by one: of the senders' next ones always the one that
/// pays most per gas, of several the one with the lowest hash. Each sender's list is
/// in descending order of nonces.
fn in_order_of_pay(
    mut by_sender: Vec<Vec<SnapshotTransaction>>,
    base_fee: u128,
) -> Vec<SnapshotTransaction> {
    let rank = |sender: usize, list: &[SnapshotTransaction]| {
        let tx = list.last()?;
        Some((tip(tx, base_fee), Reverse(tx.hash), sender))
    };
    let mut next: BinaryHeap<_> =
        by_sender.iter().enumerate().filter_map(|(sender, list)| rank(sender, list)).collect();
    let mut taken = Vec::new();
    while taken.len() < POOL_MAX
        && let Some((.., sender)) = next.pop()
    {
        taken.extend(by_sender[sender].pop());
        next.extend(rank(sender, &by_sender[sender]));
    }
    taken
}

/// What a transaction pays the beneficiary per gas, negative if it does not even pay
/// the base fee.
fn tip(tx: &SnapshotTransaction, base_fee: u128) -> i128 {
    let most = tx.max_fee_per_gas.or(tx.gas_price).unwrap_or_default();
    let priority = tx.max_priority_fee_per_gas.unwrap_or(most);
    let left = most as i128 - base_fee as i128;
    left.min(priority as i128)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nonces_of_a_sender_stay_in_order_and_pay_decides_between_senders() {
        let tx = |nonce, tip| SnapshotTransaction {
            nonce,
            max_fee_per_gas: Some(tip + 7),
            max_priority_fee_per_gas: Some(tip),
            ..SnapshotTransaction::default()
        };
        // The second of the first sender pays best, but cannot come before the first.
        let senders = vec![vec![tx(1, 9), tx(0, 1)], vec![tx(5, 3)]];
        let order: Vec<_> = in_order_of_pay(senders, 7).iter().map(|tx| tx.nonce).collect();
        assert_eq!(order, [5, 0, 1]);
    }

    #[test]
    fn what_does_not_pay_the_base_fee_comes_last() {
        let tx = SnapshotTransaction { gas_price: Some(5), ..SnapshotTransaction::default() };
        assert_eq!(tip(&tx, 7), -2);
        assert_eq!(tip(&tx, 2), 3);
    }
}
