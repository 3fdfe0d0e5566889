//! Payments take a way of their own, which must lead where that of all transactions does: each
//! block is predicted on both (who notes dependencies takes the latter), and observed.

use crate::{
    check::{Fields, check},
    programs::{FORKS, block_of_calls, contract},
};
use alloy_primitives::{Address, B256, Bytes, U256};
use foresee_predict::{BlockPredictor, Complete, PredictOptions, ProgramCache, Unknown};
use proptest::prelude::*;
use revm::{context::result::InvalidTransaction, primitives::hardfork::SpecId, state::AccountInfo};
use revm_bytecode::opcode;

/// Who pays: one has plenty, the others have next to nothing; the last earns the fees.
const PAYERS: [Address; 3] =
    [Address::repeat_byte(0x51), Address::repeat_byte(0x52), Address::with_last_byte(0xa3)];

/// Who is paid beside them: a precompile, a contract, and an account that nobody knows.
fn receivers() -> Vec<Address> {
    let others = [Address::with_last_byte(4), contract(0), Address::repeat_byte(0x99)];
    PAYERS.into_iter().chain(others).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, ..ProptestConfig::default() })]

    #[test]
    fn payments_are_predicted_exactly(
        fork in prop::sample::select(FORKS),
        payments in prop::collection::vec(
            (
                (0..PAYERS.len(), prop::sample::select(receivers())),
                prop::sample::select(vec![0, 1, 200_000, 400_000, 1u64 << 60]),
                (prop::sample::select(vec![20_999, 21_000, 30_000, 40_000_000]), 0..12u128, 0..3u8),
                // Now and then one that cannot be included.
                (prop::collection::vec(any::<u8>(), 0..3), prop::bool::weighted(0.05)),
            ),
            1..12,
        ),
    ) {
        let calls: Vec<_> = payments
            .iter()
            .map(|((_, to), value, (gas, ..), (data, _))| {
                (*to, Bytes::copy_from_slice(data), *gas, U256::from(*value))
            })
            .collect();
        let (mut block, mut state) = block_of_calls(fork, &[vec![opcode::STOP]], &calls);
        let poor = AccountInfo { balance: U256::from(1_000_000), ..AccountInfo::default() };
        state.insert_account_info(PAYERS[1], poor);
        let mut nonces = [0; PAYERS.len()];
        for (tx, ((payer, _), _, (_, price, kind), (_, is_wrong))) in
            block.transactions.iter_mut().zip(&payments)
        {
            tx.caller = PAYERS[*payer];
            tx.nonce = nonces[*payer] + u64::from(*is_wrong);
            nonces[*payer] += 1;
            // A fork may not know the type, or the price be less than the base fee.
            (tx.gas_price, tx.tx_type) = (*price, *kind);
            tx.gas_priority_fee = (*kind == 2).then_some(1);
            // Of blobs that are no part of the type nobody takes notice.
            tx.blob_hashes = vec![B256::ZERO; tx.data.len()];
        }
        check(&ProgramCache::new(), &block, &state, &format!("{fork:?}"), Fields::Named);
    }
}

/// [EIP-2681](https://eips.ethereum.org/EIPS/eip-2681).
#[test]
fn a_nonce_that_cannot_grow_is_refused() {
    let calls = [(contract(0), Bytes::new(), 30_000, U256::ZERO)];
    let (mut block, mut state) = block_of_calls(SpecId::OSAKA, &[vec![]], &calls);
    let tx = &mut block.transactions[0];
    tx.nonce = u64::MAX;
    let info = AccountInfo { nonce: u64::MAX, balance: U256::MAX, ..AccountInfo::default() };
    state.insert_account_info(tx.caller, info);
    check(&ProgramCache::new(), &block, &state, "nonce", Fields::Exact);
    let (cache, options) = (ProgramCache::new(), PredictOptions::default());
    let mut predictor =
        BlockPredictor::new(&cache, &block.cfg, &block.env, Complete(&state), options);
    let prediction = predictor.predict(&block.transactions[0]).unwrap();
    let refused = Unknown::Invalid(InvalidTransaction::NonceOverflowInTransaction);
    assert_eq!(prediction.unknown, [refused]);
}
