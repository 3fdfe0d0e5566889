//! Whether a block may include a transaction at all, whatever the state.

use crate::unknown::Unknown;
use revm::{
    context::{BlockEnv, CfgEnv, TxEnv},
    context_interface::{
        Block, Cfg,
        result::InvalidTransaction,
        transaction::{Transaction, TransactionType},
    },
    handler::validation::{
        validate_eip4844_tx, validate_legacy_gas_price, validate_priority_fee_tx,
    },
    primitives::hardfork::SpecId,
};

/// What a block and its rules ask of a transaction.
#[derive(Clone, Debug)]
pub(super) struct Entrance {
    pub(super) cfg: CfgEnv,
    pub(super) block: BlockEnv,
}

impl Entrance {
    /// Why a transaction is refused, if it is: for its type, its fees, its gas or its size.
    pub(super) fn refuses(&self, tx: &TxEnv) -> Option<Unknown> {
        self.validate(tx).err().map(Unknown::Invalid)
    }

    /// What revm's `validate_tx_env` does, which asks for a context that stays on one thread.
    fn validate(&self, tx: &TxEnv) -> Result<(), InvalidTransaction> {
        let Self { cfg, block } = self;
        let at_least = |fork| cfg.spec.is_enabled_in(fork);
        let tx_type = TransactionType::from(tx.tx_type);
        let is_old = tx_type == TransactionType::Legacy;
        match tx.chain_id {
            _ if !cfg.tx_chain_id_check() => {}
            Some(id) if id != cfg.chain_id => return Err(InvalidTransaction::InvalidChainId),
            None if !is_old && tx_type != TransactionType::Custom => {
                return Err(InvalidTransaction::MissingChainId);
            }
            _ => {}
        }
        let (gas_limit, cap) = (tx.gas_limit, cfg.tx_gas_limit_cap());
        if gas_limit > cap && !cfg.is_amsterdam_eip8037_enabled() {
            return Err(InvalidTransaction::TxGasLimitGreaterThanCap { gas_limit, cap });
        }
        let since = match tx_type {
            TransactionType::Legacy | TransactionType::Custom => None,
            TransactionType::Eip2930 => {
                Some((SpecId::BERLIN, InvalidTransaction::Eip2930NotSupported))
            }
            TransactionType::Eip1559 => {
                Some((SpecId::LONDON, InvalidTransaction::Eip1559NotSupported))
            }
            TransactionType::Eip4844 => {
                Some((SpecId::CANCUN, InvalidTransaction::Eip4844NotSupported))
            }
            TransactionType::Eip7702 => {
                Some((SpecId::PRAGUE, InvalidTransaction::Eip7702NotSupported))
            }
        };
        if let Some((fork, reason)) = since
            && !at_least(fork)
        {
            return Err(reason);
        }
        let base_fee = (!cfg.is_base_fee_check_disabled()).then(|| block.basefee.into());
        match tx_type {
            TransactionType::Custom => {}
            TransactionType::Legacy | TransactionType::Eip2930 => {
                validate_legacy_gas_price(tx.gas_price, base_fee)?;
            }
            _ => validate_priority_fee_tx(
                tx.max_fee_per_gas(),
                tx.max_priority_fee_per_gas().unwrap_or_default(),
                base_fee,
                cfg.is_priority_fee_check_disabled(),
            )?,
        }
        match tx_type {
            TransactionType::Eip4844 => validate_eip4844_tx(
                &tx.blob_hashes,
                tx.max_fee_per_blob_gas,
                block.blob_gasprice().unwrap_or_default(),
                cfg.max_blobs_per_tx(),
            )?,
            TransactionType::Eip7702 if tx.authorization_list.is_empty() => {
                return Err(InvalidTransaction::EmptyAuthorizationList);
            }
            _ => {}
        }
        if gas_limit > block.gas_limit && !cfg.is_block_gas_limit_disabled() {
            return Err(InvalidTransaction::CallerGasLimitMoreThanBlock);
        }
        let is_large = tx.data.len() > cfg.max_initcode_size();
        if tx.kind.is_create() && is_large && at_least(SpecId::SHANGHAI) {
            return Err(InvalidTransaction::CreateInitCodeSizeLimit);
        }
        match tx.nonce {
            u64::MAX => Err(InvalidTransaction::NonceOverflowInTransaction),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::{Address, B256, Bytes, TxKind, U256};
    use proptest::{option, prelude::*, sample::select};
    use revm::{
        Context, MainContext,
        context::either::Either,
        context_interface::{
            block::BlobExcessGasAndPrice,
            transaction::{Authorization, RecoveredAuthority, RecoveredAuthorization},
        },
        handler::validation::validate_tx_env,
    };

    proptest! {
        #![proptest_config(ProptestConfig { cases: 4000, ..ProptestConfig::default() })]

        #[test]
        fn revm_refuses_the_same_for_the_same_reason(
            spec in select(vec![
                SpecId::FRONTIER,
                SpecId::BERLIN,
                SpecId::LONDON,
                SpecId::SHANGHAI,
                SpecId::CANCUN,
                SpecId::PRAGUE,
                SpecId::OSAKA,
            ]),
            (tx_type, chain_id) in (0..6u8, option::of(1..3u64)),
            (price, priority, base_fee) in (0..3u128, option::of(0..3u128), 0..3u64),
            (gas_limit, block_gas_limit) in
                (select(vec![0, 16_777_216, 16_777_217, 30_000_001]), select(vec![1, 30_000_000])),
            (blobs, blob_fee) in (0..9usize, 0..2u128),
            (code, is_create) in (select(vec![0, 49_152, 49_153]), any::<bool>()),
            (authorizations, nonce) in (0..2usize, select(vec![0, u64::MAX])),
            (checks_chain, has_known_blobs) in (any::<bool>(), any::<bool>()),
        ) {
            let mut cfg = CfgEnv::new_with_spec(spec);
            cfg.tx_chain_id_check = checks_chain;
            let mut block = BlockEnv { basefee: base_fee, ..BlockEnv::default() };
            block.gas_limit = block_gas_limit;
            block.blob_excess_gas_and_price = Some(BlobExcessGasAndPrice::new(0, 3_338_477));
            let mut hash = B256::ZERO;
            hash[0] = u8::from(has_known_blobs);
            let authorization =
                Authorization { chain_id: U256::ZERO, address: Address::ZERO, nonce: 0 };
            let nobody = RecoveredAuthority::Invalid;
            let authorization =
                Either::Right(RecoveredAuthorization::new_unchecked(authorization, nobody));
            let tx = TxEnv {
                tx_type,
                chain_id,
                gas_price: price,
                gas_priority_fee: priority,
                gas_limit,
                blob_hashes: vec![hash; blobs],
                max_fee_per_blob_gas: blob_fee,
                data: Bytes::from(vec![0; code]),
                kind: if is_create { TxKind::Create } else { TxKind::Call(Default::default()) },
                authorization_list: vec![authorization; authorizations],
                nonce,
                ..TxEnv::default()
            };
            let context = Context::mainnet().with_block(&block).with_cfg(&cfg).with_tx(&tx);
            let expected = validate_tx_env(context, spec);
            prop_assert_eq!(Entrance { cfg, block }.validate(&tx), expected);
        }
    }
}
