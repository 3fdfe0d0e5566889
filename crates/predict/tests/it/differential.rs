//! Predictions against what in-order execution really does: every location of
//! every set, gas and status of every transaction.

use crate::mainnet;
use crate::{
    check::{Fields, check},
    programs::{FORKS, LONG_LOOP_GAS, block_of_calls, code, contract, long_loop},
};
use alloy_primitives::{Address, Bytes, U256};
use foresee_predict::ProgramCache;
use foresee_source::LoadedBlock;
use foresee_workload::{Scenario, generate};
use proptest::prelude::*;

#[test]
#[ignore = "needs FORESEE_DATA"]
fn mainnet_blocks_are_predicted_exactly() {
    for (name, LoadedBlock { block, state, .. }) in mainnet::blocks() {
        check(&ProgramCache::new(), &block, &state, &name, Fields::Named);
    }
}

#[test]
fn generated_blocks_are_predicted_exactly() {
    for scenario in Scenario::ALL {
        for seed in [1, 2] {
            let loaded = generate(scenario, 60, seed).unwrap().into_block().unwrap();
            check(
                &ProgramCache::new(),
                &loaded.block,
                &loaded.state,
                &format!("{scenario} seed {seed}"),
                Fields::Exact,
            );
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, ..ProptestConfig::default() })]

    /// Programs of random opcodes over small operands, several calls of them in one
    /// block, under every fork's rules: whatever they do, prediction says it.
    #[test]
    fn random_programs_are_predicted_exactly(
        fork in prop::sample::select(FORKS),
        codes in prop::collection::vec(code(), 3),
        calls in prop::collection::vec((0..3usize, any::<[u8; 40]>(), 21_000..400_000u64, 0..3u64), 1..6),
    ) {
        let calls: Vec<_> = calls
            .into_iter()
            .map(|(to, data, gas, value)| {
                (contract(to), Bytes::copy_from_slice(&data), gas, U256::from(value))
            })
            .collect();
        let (block, state) = block_of_calls(fork, &codes, &calls);
        check(&ProgramCache::new(), &block, &state, &format!("{fork:?}"), Fields::Named);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 250, ..ProptestConfig::default() })]

    /// The same behind loops that take so long that chains of blocks run the rest.
    #[test]
    fn random_programs_behind_long_loops_are_predicted_exactly(
        fork in prop::sample::select(FORKS),
        codes in prop::collection::vec(code(), 3),
        calls in prop::collection::vec((0..3usize, 0..200_000u64), 1..4),
    ) {
        let codes: Vec<_> = codes.into_iter().map(|code| [long_loop(), code].concat()).collect();
        let calls: Vec<_> = calls
            .into_iter()
            .map(|(to, gas)| (contract(to), Bytes::new(), 21_000 + LONG_LOOP_GAS + gas, U256::ZERO))
            .collect();
        let (block, state) = block_of_calls(fork, &codes, &calls);
        check(&ProgramCache::new(), &block, &state, &format!("{fork:?}"), Fields::Named);
    }
}

#[test]
fn addresses_of_test_contracts_are_small_enough_to_be_pushed() {
    assert!(contract(2) < Address::with_last_byte(0xff));
}
