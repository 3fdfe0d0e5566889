//! What the environment opcodes of a transaction yield.

use super::run::Cpu;
use crate::{instruction::Op, rules::Rules, state::StateView};
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

impl<S: StateView> Cpu<'_, S> {
    /// What an environment opcode yields.
    pub(super) fn environment(&self, op: Op, a: U256) -> U256 {
        let context = self.context;
        match op {
            Op::Address => address_word(self.world.account(self.address).address),
            Op::Origin => context.origin,
            Op::Caller => address_word(self.caller),
            Op::CallValue => self.value,
            Op::CallDataSize => U256::from(self.input.1),
            Op::GasPrice => context.gas_price,
            Op::ReturnDataSize => U256::from(self.return_data.len()),
            Op::Coinbase => context.coinbase,
            Op::Timestamp => context.timestamp,
            Op::Number => context.number,
            Op::Difficulty => context.difficulty,
            Op::GasLimit => context.gas_limit,
            Op::ChainId => context.chain_id,
            Op::BaseFee => context.base_fee,
            Op::BlobBaseFee => context.blob_base_fee,
            Op::BlobHash => usize::try_from(a)
                .ok()
                .and_then(|index| context.blob_hashes.get(index))
                .map_or(U256::ZERO, |hash| (*hash).into()),
            Op::MSize => U256::from(self.memory_size()),
            _ => unreachable!("{op:?} has an arm of its own"),
        }
    }
}
