//! What the environment opcodes of a transaction yield.

use crate::rules::Rules;
use alloy_primitives::{Address, B256, U256};
use revm::{
    context::{BlockEnv, TxEnv},
    context_interface::{Block, transaction::Transaction},
    primitives::hardfork::SpecId,
};

/// The values of block and transaction that code can ask for.
#[derive(Clone, Debug, Default)]
pub(crate) struct TxContext {
    pub(crate) origin: U256,
    pub(crate) gas_price: U256,
    pub(crate) blob_hashes: Vec<B256>,
    pub(crate) coinbase: U256,
    pub(crate) timestamp: U256,
    pub(crate) number: U256,
    /// PREVRANDAO from the merge on, DIFFICULTY before.
    pub(crate) difficulty: U256,
    pub(crate) gas_limit: U256,
    pub(crate) chain_id: U256,
    pub(crate) base_fee: U256,
    pub(crate) blob_base_fee: U256,
}

impl TxContext {
    /// What a block says, for no transaction yet.
    pub(crate) fn of_block(block: &BlockEnv, rules: &Rules) -> Self {
        let difficulty = match block.prevrandao {
            Some(randao) if rules.at_least(SpecId::MERGE) => randao.into(),
            _ => block.difficulty,
        };
        Self {
            coinbase: block.beneficiary.into_word().into(),
            timestamp: block.timestamp,
            number: block.number,
            difficulty,
            gas_limit: U256::from(block.gas_limit),
            chain_id: U256::from(rules.chain_id),
            base_fee: U256::from(block.basefee),
            blob_base_fee: U256::from(block.blob_gasprice().unwrap_or_default()),
            ..Self::default()
        }
    }

    /// Takes over what a transaction says.
    pub(crate) fn set_transaction(&mut self, tx: &TxEnv, block: &BlockEnv) {
        self.origin = tx.caller.into_word().into();
        self.gas_price = U256::from(tx.effective_gas_price(block.basefee.into()));
        self.blob_hashes.clone_from(&tx.blob_hashes);
    }
}

/// An address as a word.
pub(crate) fn address_word(address: Address) -> U256 {
    U256::from_be_bytes(address.into_word().0)
}
