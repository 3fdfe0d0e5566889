//! Code that nobody has seen does not keep a block waiting: beyond a limit it is left
//! alone, and its transactions run on the chance that they meet no other.

use alloy_primitives::{Address, B256, TxKind, U256};
use foresee::{Config, Foresee, Mode};
use foresee_access::TxIndex;
use foresee_execute::{Block, Protocol, Readers, Record, execute_in_order};
use foresee_predict::{BlockPredictor, Complete, PredictOptions};
use revm::{
    bytecode::opcode as op,
    context::{BlockEnv, CfgEnv, TxEnv},
    database::{CacheDB, EmptyDB},
    primitives::hardfork::SpecId,
    state::{AccountInfo, Bytecode},
};
use std::{
    thread,
    time::{Duration, Instant},
};

/// Contracts of nothing but places to jump to, each of which is a block of its own: what
/// costs the most to compile for its gas.
const CONTRACTS: u64 = 20;

/// Where transactions are that only increase a slot of a contract of their own.
const SMALL: u64 = 20;

/// The first of those that call all that code.
const CALLER: TxIndex = TxIndex(SMALL as u32 / 2);

/// More than a block may leave in the cache that is executed meanwhile; all of this code
/// compiled takes several times as much.
const SIZE_MAX: usize = 10 << 20;

fn address(n: u64) -> Address {
    Address::from_word(B256::from(U256::from(0xaa_0000 + n)))
}

/// A block with so many transactions that call all those contracts, each its share.
fn block(callers: u64) -> (Block, CacheDB<EmptyDB>) {
    let mut state = CacheDB::new(EmptyDB::new());
    let mut deploy = |address, code: Vec<u8>| {
        let code = Bytecode::new_raw(code.into());
        let code_hash = code.hash_slow();
        let info = AccountInfo { nonce: 1, code_hash, code: Some(code), ..AccountInfo::default() };
        state.insert_account_info(address, info);
    };
    let mut calls = vec![Vec::new(); callers as usize];
    for n in 0..CONTRACTS {
        let calls = &mut calls[(n % callers) as usize];
        let code = [vec![op::PUSH2, 0, n as u8], vec![op::JUMPDEST; 0x6000 - 3]].concat();
        deploy(address(n), code);
        calls.extend([op::PUSH0; 5]);
        calls.push(op::PUSH20);
        calls.extend(address(n).as_slice());
        calls.extend([op::GAS, op::CALL, op::POP]);
    }
    (1000..).zip(calls).for_each(|(n, calls)| deploy(address(n), calls));
    for n in 0..SMALL {
        let code = vec![op::PUSH0, op::SLOAD, op::PUSH1, 1, op::ADD, op::PUSH0, op::SSTORE];
        deploy(address(2000 + n), code);
    }
    let balance = U256::from(1_000_000_000_000_000_000u64);
    let transactions = (0..SMALL)
        .map(|n| {
            let sender = address(3000 + n);
            // The first caller is in the middle.
            let caller = (n + SMALL / 2) % SMALL;
            let to = address(if caller < callers { 1000 + caller } else { 2000 + n });
            state.insert_account_info(sender, AccountInfo { balance, ..AccountInfo::default() });
            TxEnv {
                caller: sender,
                gas_limit: 10_000_000,
                gas_price: 10,
                kind: TxKind::Call(to),
                chain_id: None,
                ..TxEnv::default()
            }
        })
        .collect();
    let env = BlockEnv {
        number: U256::from(300),
        gas_limit: 1_000_000_000,
        prevrandao: Some(B256::repeat_byte(7)),
        ..BlockEnv::default()
    };
    let mut cfg = CfgEnv::new_with_spec(SpecId::SHANGHAI);
    cfg.tx_chain_id_check = false;
    (Block { cfg, env, transactions, protocol: Protocol::default() }, state)
}

#[test]
fn a_block_of_unseen_code_compiles_no_more_than_the_limit() {
    let (block, state) = block(1);
    let in_order = execute_in_order(&block, &state).unwrap();
    for threads in [2, 3] {
        let config = Config { threads, mode: Mode::Parallel, ..Config::default() };
        let foresee = Foresee::new(config).unwrap();
        let executed = foresee.execute_block(&block, &state).unwrap();
        assert!(executed.output == in_order);
        // Whether it was to be predicted at all is a matter of who was faster.
        assert!([&[][..], &[CALLER]].contains(&&executed.not_compiled[..]));
        let size = foresee.cache().size();
        assert!(size < SIZE_MAX, "{threads} threads: {size} bytes");
        // Ahead of the block, all is compiled and all predicted.
        let ahead = foresee.predict_ahead(&block, &state).unwrap();
        assert!(ahead.iter().all(|ahead| ahead.prediction.is_complete()));
        assert!(foresee.cache().size() > SIZE_MAX);
        let executed = foresee.execute_ahead(&block, &state, &ahead).unwrap();
        assert!(executed.output == in_order && executed.not_compiled.is_empty());
    }
}

/// Nor is it passed over in silence.
#[test]
fn a_record_names_the_transactions_whose_code_was_not_compiled() {
    let (block, state) = block(1);
    let config = Config { threads: 3, mode: Mode::Parallel, ..Config::default() };
    let mut config = Config { observe: true, access_list: true, ..config };
    config.predict.compile_max = 1 << 16;
    let foresee = Foresee::new(config).unwrap();
    let ahead = foresee.predict_ahead(&block, &state).unwrap();
    let executed = foresee.execute_ahead(&block, &state, &ahead).unwrap();
    assert_eq!(executed.not_compiled, [CALLER]);
    let record = foresee.record(&block, executed, None).unwrap().record;
    assert_eq!(record.run.not_compiled, [CALLER]);
    for bytes in [record.to_bytes(), record.to_json().into_bytes()] {
        assert!(Record::read(&bytes).unwrap() == record);
    }
}

/// Nor where its state is read meanwhile: all who predict a block share the limit, however
/// many transactions they are at.
#[test]
fn a_block_of_unseen_code_on_cold_state_compiles_no_more_than_the_limit() {
    let (block, state) = block(SMALL);
    let in_order = execute_in_order(&block, &state).unwrap();
    let readers = Readers::new(4).unwrap();
    for threads in [1, 2, 3] {
        let config = Config { threads, mode: Mode::Parallel, ..Config::default() };
        let foresee = Foresee::new(config).unwrap();
        assert!(foresee.execute_cold(&block, &readers.over(&state)).unwrap().output == in_order);
        let size = foresee.cache().size();
        assert!(size < SIZE_MAX, "{threads} threads: {size} bytes");
    }
}

/// What is given such predictions takes the chance as well.
#[test]
fn transactions_whose_code_is_not_compiled_wait_for_nobody() {
    let (block, state) = block(1);
    let mut config = Config { threads: 3, mode: Mode::Parallel, ..Config::default() };
    config.predict.compile_max = 1 << 16;
    let foresee = Foresee::new(config).unwrap();
    let predictions = foresee.predict_block(&block, &state).unwrap();
    // Those behind it call code that is known by then.
    let unseen: Vec<_> = (0..predictions.len()).filter(|n| predictions[*n].awaits_code()).collect();
    assert_eq!(unseen, [CALLER.position()]);
    assert_eq!(foresee.schedule(&block, &predictions).layers().len(), 1);
    let in_order = execute_in_order(&block, &state).unwrap();
    let executed = foresee.execute_predicted(&block, &state, predictions).unwrap();
    assert!(executed.output == in_order);
    assert_eq!(executed.not_compiled, [CALLER]);
}

/// After the block, when nobody waits for it any more. What a contract calls is met when it
/// is compiled itself, in the next block; and what is compiled for long loops when one runs.
#[test]
fn unseen_code_is_compiled_when_its_block_is_done() {
    let (block, state) = block(SMALL);
    let in_order = execute_in_order(&block, &state).unwrap();
    let readers = Readers::new(4).unwrap();
    for threads in [2, 3] {
        let config = Config { threads, mode: Mode::Parallel, ..Config::default() };
        let foresee = Foresee::new(config).unwrap();
        let is_known_after_one_more = || {
            let executed = foresee.execute_cold(&block, &readers.over(&state));
            assert!(executed.unwrap().output == in_order);
            let start = Instant::now();
            while foresee.cache().wanted() > 0 {
                assert!(start.elapsed() < Duration::from_secs(60), "{threads} threads");
                thread::yield_now();
            }
            let options = PredictOptions { compile_max: 0, ..PredictOptions::default() };
            let Block { cfg, env, transactions, .. } = &block;
            let (cache, view) = (foresee.cache(), Complete(&state));
            let mut predictor = BlockPredictor::new(cache, cfg, env, view, options);
            transactions.iter().all(|tx| predictor.predict(tx).unwrap().is_complete())
        };
        assert!((0..10).any(|_| is_known_after_one_more()), "{threads} threads");
    }
}

/// Whoever compiles aside is not waited for, nor does it go on for nobody.
#[test]
fn what_is_compiled_aside_keeps_nobody_from_leaving() {
    let (block, state) = block(SMALL);
    let readers = Readers::new(4).unwrap();
    for _ in 0..10 {
        let config = Config { threads: 3, mode: Mode::Parallel, ..Config::default() };
        let foresee = Foresee::new(config).unwrap();
        foresee.execute_cold(&block, &readers.over(&state)).unwrap();
    }
}
