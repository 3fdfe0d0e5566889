//! Hashes and results of precompiles that are known beforehand change nothing but the time.

use super::lab::{Lab, contract, speculate_knowing, user};
use crate::{Known, ParallelConfig, ParallelExecutor, Policy, execute_in_order};
use foresee_access::{Hashes, KeccakMemo, TxIndex};
use foresee_schedule::Schedule;
use revm::{bytecode::opcode::*, primitives::hardfork::SpecId};
use std::sync::Arc;

/// Hashes the words 0 and 1 and stores the hash under itself, then the words 1 and 0, for
/// which memory has to grow, then the first two again.
const HASHES: [u8; 30] = [
    PUSH1, 1, PUSH1, 32, MSTORE, PUSH1, 64, PUSH1, 0, KECCAK256, DUP1, SSTORE, PUSH1, 64, PUSH1,
    32, KECCAK256, DUP1, SSTORE, PUSH1, 64, PUSH1, 0, KECCAK256, PUSH1, 2, SSTORE, GAS, POP, STOP,
];

fn hashes() -> Arc<Hashes> {
    let mut memo = KeccakMemo::default();
    memo.begin(true);
    let mut words = [0; 64];
    words[63] = 1;
    memo.hash_two(&words);
    words.rotate_left(32);
    memo.hash_two(&words);
    Arc::new(memo.take())
}

#[test]
fn known_hashes_cost_the_same_gas_and_yield_the_same_words() {
    // From too little for the first instruction to enough for all of them.
    for gas_limit in (21_000..23_000).step_by(13).chain([45_000, 90_000, 200_000]) {
        let mut lab = Lab::new(SpecId::PRAGUE);
        lab.deploy(contract(1), 0, HASHES.to_vec());
        for number in 1..4 {
            lab.send(user(number), contract(1), 0).gas_limit = gas_limit;
        }
        let expected = execute_in_order(&lab.block, &lab.db).unwrap();
        let known = Known::new(3);
        known.hashes(TxIndex(0), hashes());
        known.hashes(TxIndex(1), hashes());
        let known = Arc::new(known);
        for threads in [1, 2] {
            let config = ParallelConfig { threads, policy: Policy::Dataflow };
            let executor = ParallelExecutor::new(config).unwrap().knowing(known.clone());
            let outcome = executor.execute(&lab.block, &lab.db, &Schedule::independent(3)).unwrap();
            assert_eq!(outcome.output, expected, "gas limit {gas_limit}, {threads} threads");
        }
    }
}

/// Has the precompile at 1 recover a signer, from whatever memory holds, for all gas there
/// is, and stores whether that went well beyond what slot 0 holds.
const RECOVERS: [u8; 22] = [
    PUSH1, 32, PUSH1, 128, PUSH1, 128, PUSH1, 0, PUSH1, 1, GAS, STATICCALL, PUSH1, 0, SLOAD, ADD,
    PUSH1, 0, SSTORE, GAS, POP, STOP,
];

/// Each transaction adds to the slot that the one before adds to, so that what ran ahead
/// from the last one on is executed again: with the results that it kept.
#[test]
fn what_ran_ahead_in_vain_leaves_its_results_of_precompiles() {
    // From too little for the precompile to enough.
    for gas_limit in (21_100..27_000).step_by(97).chain([90_000]) {
        let mut lab = Lab::new(SpecId::PRAGUE);
        lab.deploy(contract(1), 0, RECOVERS.to_vec());
        for number in 1..4 {
            lab.send(user(number), contract(1), 0).gas_limit = gas_limit;
        }
        let expected = execute_in_order(&lab.block, &lab.db).unwrap();
        let known = Known::new(3);
        let outcome =
            speculate_knowing(&lab.block, &lab.db, lab.plan(), &[2, 1, 0], &known).unwrap();
        assert_eq!(outcome.output, expected, "gas limit {gas_limit}");
        if gas_limit == 90_000 {
            assert_eq!(outcome.stats.reexecuted.len(), 2);
            assert!(!known.precompiles.is_empty());
        }
    }
}
