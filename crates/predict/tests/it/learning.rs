//! What predictions have no time to learn is learnt when nobody waits, or by others.

use alloy_primitives::Address;
use core::cell::Cell;
use foresee_predict::{
    BlockPredictor, Complete, Learning, PredictOptions, Prediction, ProgramCache, WithoutStorage,
};
use revm::{
    bytecode::{Bytecode, opcode as op},
    context::{BlockEnv, CfgEnv, TxEnv},
    database::{CacheDB, EmptyDB},
    primitives::{TxKind, hardfork::SpecId},
    state::AccountInfo,
};

/// What learning the path through this takes, no prediction of it has earned.
fn long_line() -> Vec<u8> {
    [op::PUSH0, op::SLOAD, op::POP].repeat(200)
}

/// Predicts a call of that, and whether a slice served it.
fn predict(cache: &ProgramCache, learning: Learning) -> (Prediction, bool) {
    let mut db = CacheDB::new(EmptyDB::new());
    let contract = Address::with_last_byte(0xc0);
    let code = Bytecode::new_raw(long_line().into());
    db.insert_account_info(contract, AccountInfo::default().with_code(code));
    let kind = TxKind::Call(contract);
    let tx = TxEnv { kind, gas_limit: 500_000, ..TxEnv::default() };
    let (cfg, block) = (CfgEnv::new_with_spec(SpecId::OSAKA), BlockEnv::default());
    let options = PredictOptions { learning, ..PredictOptions::default() };
    let mut predictor = BlockPredictor::new(cache, &cfg, &block, Complete(&db), options);
    let prediction = predictor.predict(&tx).unwrap();
    (prediction, predictor.frames().slices > 0)
}

#[test]
fn what_was_not_earned_is_learnt_when_nobody_waits() {
    let cache = ProgramCache::new();
    let first = predict(&cache, Learning::Bounded);
    assert_eq!(cache.unlearnt(), 0, "what is met once is not worth it");
    for _ in 0..3 {
        assert_eq!(predict(&cache, Learning::Bounded), first);
        assert_eq!(cache.unlearnt(), 1, "once for all that met it");
    }
    assert_eq!((cache.learn(|| false), cache.unlearnt()), (0, 1));
    // It ends where it is asked to, and begins again.
    let left = Cell::new(2);
    let some = || left.replace(left.get() - 1) > 0;
    assert_eq!((cache.learn(some), cache.unlearnt()), (0, 1));
    assert_eq!(predict(&cache, Learning::Bounded), first);
    assert_eq!((cache.learn(|| true), cache.unlearnt()), (1, 0));
    assert_eq!(predict(&cache, Learning::Bounded), (first.0, true));
    assert_eq!((cache.learn(|| true), cache.unlearnt()), (0, 0), "there is nothing new");
}

#[test]
fn what_was_not_earned_is_learnt_by_others_if_nobody_has_time() {
    let cache = ProgramCache::new();
    (0..2).for_each(|_| drop(predict(&cache, Learning::Bounded)));
    assert_eq!(cache.unlearnt(), 1);
    predict(&cache, Learning::Nothing);
    assert_eq!(cache.unlearnt(), 1, "it is left to those who learn");
    let is_learnt = |_| predict(&cache, Learning::Bounded).1;
    assert!((0..10_000).any(is_learnt), "what is not spent is saved");
    assert_eq!(cache.unlearnt(), 0);
}

#[test]
fn whoever_learns_everything_leaves_nothing() {
    let cache = ProgramCache::new();
    (0..2).for_each(|_| drop(predict(&cache, Learning::Bounded)));
    assert_eq!(cache.unlearnt(), 1);
    (0..2).for_each(|_| drop(predict(&cache, Learning::Everything)));
    assert!(predict(&cache, Learning::Nothing).1);
    assert_eq!((cache.learn(|| true), cache.unlearnt()), (1, 0), "it is found to be there");
}

#[test]
fn whoever_leaves_it_aside_learns_nothing_and_leaves_all() {
    let cache = ProgramCache::new();
    let first = predict(&cache, Learning::Aside);
    (0..100).for_each(|_| assert_eq!(predict(&cache, Learning::Aside), first));
    assert_eq!((first.1, cache.unlearnt()), (false, 1));
    assert_eq!((cache.learn(|| true), cache.unlearnt()), (1, 0));
    assert_eq!(predict(&cache, Learning::Aside), (first.0, true));
    assert_eq!(Learning::Nothing.aside(), Learning::Nothing);
}

/// Two blocks, of which the first takes 400 gas and the second asks for a slot.
fn two_blocks() -> Vec<u8> {
    let costs = [op::ADDRESS, op::POP].repeat(100);
    [&costs[..], &[op::JUMPDEST, op::PUSH0, op::SLOAD, op::STOP]].concat()
}

/// Frames that failed again and again run in chains, whose gas is charged at once.
#[test]
fn what_runs_out_of_gas_asks_for_the_same_however_it_runs() {
    let mut db = CacheDB::new(EmptyDB::new());
    let contract = Address::with_last_byte(0xc0);
    let code = Bytecode::new_raw(two_blocks().into());
    db.insert_account_info(contract, AccountInfo::default().with_code(code));
    let (cfg, block) = (CfgEnv::new_with_spec(SpecId::OSAKA), BlockEnv::default());
    let cache = ProgramCache::new();
    // With too little for the first block, for what comes before the slot, and with enough.
    for (gas, asks) in [(100, false), (399, false), (450, false), (3000, true)] {
        let tx =
            TxEnv { kind: TxKind::Call(contract), gas_limit: 21_000 + gas, ..TxEnv::default() };
        for turn in 0..8 {
            let options = PredictOptions { learning: Learning::Everything, ..Default::default() };
            let view = WithoutStorage(&db);
            let mut predictor = BlockPredictor::new(&cache, &cfg, &block, view, options);
            let prediction = predictor.predict(&tx).unwrap();
            assert_eq!(!prediction.unknown.is_empty(), asks, "{gas} gas, turn {turn}");
        }
    }
}
