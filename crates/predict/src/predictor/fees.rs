//! What a transaction pays for gas, and to whom.

use crate::rules::Rules;
use alloy_primitives::U256;
use revm::{
    context::{BlockEnv, TxEnv},
    context_interface::{
        Block,
        result::InvalidTransaction,
        transaction::{Transaction, TransactionType},
    },
    primitives::hardfork::SpecId,
};

/// The prices that a transaction pays, in wei.
#[derive(Clone, Debug)]
pub(super) struct Fees {
    /// The most that the transaction could cost, with value and blobs.
    max_cost: Option<U256>,
    /// Price per gas that the sender pays.
    gas_price: u128,
    /// Price per gas that the beneficiary earns
    /// ([EIP-1559](https://eips.ethereum.org/EIPS/eip-1559)).
    reward_price: u128,
    gas_limit: u64,
    /// The price of the blobs ([EIP-4844](https://eips.ethereum.org/EIPS/eip-4844)).
    blobs: U256,
}

impl Fees {
    pub(super) fn new(tx: &TxEnv, block: &BlockEnv, rules: &Rules) -> Self {
        let base_fee = u128::from(block.basefee);
        let gas_price = tx.effective_gas_price(base_fee);
        let reward_price = if rules.at_least(SpecId::LONDON) {
            gas_price.saturating_sub(base_fee)
        } else {
            gas_price
        };
        // Whatever others name as blobs, they do not pay for it.
        let blob_gas = match TransactionType::from(tx.tx_type) {
            TransactionType::Eip4844 => tx.total_blob_gas(),
            _ => 0,
        };
        let blob_price = block.blob_gasprice().unwrap_or_default();
        Self {
            max_cost: tx.max_balance_spending().ok(),
            gas_price,
            reward_price,
            gas_limit: tx.gas_limit,
            blobs: U256::from(blob_gas) * U256::from(blob_price),
        }
    }

    /// The most that the transaction could cost, value and blobs included.
    pub(super) fn max_cost(&self) -> U256 {
        self.max_cost.unwrap_or(U256::MAX)
    }

    /// Whether a balance covers the most that the transaction could cost.
    pub(super) fn affordable(&self, balance: U256) -> Result<(), InvalidTransaction> {
        match self.max_cost {
            Some(cost) if cost <= balance => Ok(()),
            Some(cost) => Err(InvalidTransaction::LackOfFundForMaxFee {
                fee: Box::new(cost),
                balance: Box::new(balance),
            }),
            None => Err(InvalidTransaction::OverflowPaymentInTransaction),
        }
    }

    /// What is taken before the transaction runs, value apart.
    pub(super) fn prepaid(&self) -> U256 {
        self.price_of(self.gas_limit) + self.blobs
    }

    /// What is paid back for gas that was not used.
    pub(super) fn price_of(&self, gas: u64) -> U256 {
        U256::from(self.gas_price) * U256::from(gas)
    }

    /// What the beneficiary earns for gas that was used.
    pub(super) fn reward(&self, gas: u64) -> U256 {
        U256::from(self.reward_price) * U256::from(gas)
    }
}
