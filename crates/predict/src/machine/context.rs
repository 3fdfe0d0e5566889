//! What the environment opcodes of a transaction yield.

use alloy_primitives::{Address, B256, U256};

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

/// An address as a word.
pub(crate) fn address_word(address: Address) -> U256 {
    U256::from_be_bytes(address.into_word().0)
}
