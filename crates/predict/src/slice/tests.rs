//! Slices are made of the frames that are run often, and do what blocks do.

use super::{Slice, SliceKey};
use crate::{
    BlockPredictor, Complete, Learning, PredictOptions, Prediction, ProgramCache, instruction::Op,
    rules::Rules,
};
use alloy_primitives::{Address, Bytes, U256};
use revm::{
    bytecode::opcode::{
        ADD, AND, CALLDATALOAD, CALLER, DUP1, DUP2, GAS, JUMPDEST, JUMPI, KECCAK256, LOG0, MSTORE,
        POP, PUSH0, PUSH1, SLOAD, SSTORE, STATICCALL, STOP, SWAP1,
    },
    context::{BlockEnv, CfgEnv, TxEnv},
    database::{CacheDB, EmptyDB},
    primitives::{TxKind, hardfork::SpecId},
    state::{AccountInfo, Bytecode},
};
use std::sync::Arc;

const CONTRACT: Address = Address::with_last_byte(0xc0);
const SENDER: Address = Address::with_last_byte(0x5e);

/// A mapping at slot 7 from the caller, increased by the first argument, with a log.
const INCREASE: &[u8] = &[
    CALLER,
    PUSH0,
    MSTORE,
    PUSH1,
    7,
    PUSH1,
    32,
    MSTORE,
    PUSH1,
    64,
    PUSH0,
    KECCAK256,
    DUP1,
    SLOAD,
    PUSH1,
    4,
    CALLDATALOAD,
    ADD,
    PUSH1,
    128,
    MSTORE,
    PUSH1,
    32,
    PUSH1,
    128,
    LOG0,
    POP,
    CALLER,
    PUSH0,
    MSTORE,
    PUSH1,
    7,
    PUSH1,
    32,
    MSTORE,
    PUSH1,
    4,
    CALLDATALOAD,
    PUSH1,
    64,
    PUSH0,
    KECCAK256,
    SSTORE,
    STOP,
];

/// Writes slot 1 or slot 2, as the first argument says.
const CHOOSE: &[u8] = &[
    PUSH1,
    4,
    CALLDATALOAD,
    PUSH1,
    11,
    JUMPI,
    PUSH1,
    1,
    DUP1,
    SSTORE,
    STOP,
    JUMPDEST,
    PUSH1,
    2,
    DUP1,
    SSTORE,
    STOP,
];

/// Stores the first argument and the caller at offsets that follow from the first argument,
/// and writes the slot that is the hash of both.
const OFFSETS: &[u8] = &[
    PUSH1,
    4,
    CALLDATALOAD,
    DUP1,
    DUP1,
    PUSH1,
    32,
    ADD,
    MSTORE,
    CALLER,
    DUP2,
    MSTORE,
    PUSH1,
    64,
    SWAP1,
    KECCAK256,
    PUSH1,
    1,
    SWAP1,
    SSTORE,
    STOP,
];

/// Stores the low byte of slot 0 in memory, reads the first argument's low byte, and calls
/// whatever account is named by the latter.
const LOOKS: &[u8] = &[
    PUSH0,
    SLOAD,
    PUSH1,
    255,
    AND,
    PUSH0,
    MSTORE,
    PUSH0,
    PUSH0,
    PUSH1,
    32,
    PUSH0,
    PUSH1,
    4,
    CALLDATALOAD,
    PUSH1,
    255,
    AND,
    GAS,
    STATICCALL,
    STOP,
];

/// Predicts calls of a code, in one block, and learns everything at once.
fn predict(cache: &ProgramCache, code: &[u8], arguments: &[u64]) -> Vec<Prediction> {
    predict_and(Learning::Everything, cache, code, arguments)
}

/// Predicts calls of a code, in one block.
fn predict_and(
    learning: Learning,
    cache: &ProgramCache,
    code: &[u8],
    arguments: &[u64],
) -> Vec<Prediction> {
    let mut db = CacheDB::new(EmptyDB::new());
    let code = Bytecode::new_raw(Bytes::copy_from_slice(code));
    db.insert_account_info(CONTRACT, AccountInfo::default().with_code(code));
    let balance = U256::from(1_000_000_000);
    db.insert_account_info(SENDER, AccountInfo { balance, ..AccountInfo::default() });
    let txs: Vec<_> =
        (0..).zip(arguments).map(|(nonce, argument)| call(nonce, *argument)).collect();
    let (cfg, block) = (CfgEnv::new_with_spec(SpecId::OSAKA), BlockEnv::default());
    let options = PredictOptions { learning, dependencies: true, ..PredictOptions::default() };
    let mut predictor = BlockPredictor::new(cache, &cfg, &block, Complete(&db), options);
    txs.iter().map(|tx| predictor.predict(tx).unwrap()).collect()
}

fn calldata(argument: u64) -> Vec<u8> {
    let mut data = vec![1, 2, 3, 4];
    data.extend(U256::from(argument).to_be_bytes::<32>());
    data
}

fn call(nonce: u64, argument: u64) -> TxEnv {
    TxEnv {
        caller: SENDER,
        kind: TxKind::Call(CONTRACT),
        data: calldata(argument).into(),
        gas_limit: 200_000,
        nonce,
        ..TxEnv::default()
    }
}

/// The slice that serves those calls.
fn slice(cache: &ProgramCache, code: &[u8]) -> Option<Arc<Slice>> {
    let rules = Arc::new(Rules::new(&CfgEnv::new_with_spec(SpecId::OSAKA)));
    let code = Bytecode::new_raw(Bytes::copy_from_slice(code));
    let program = cache.program(code.hash_slow(), &code, &rules);
    super::slice_of(&program.slices.table(), &SliceKey::new(&calldata(0), false)).cloned()
}

fn ops(slice: &Slice) -> Vec<Op> {
    slice.code.iter().map(|instruction| instruction.op).collect()
}

#[test]
fn the_second_frame_becomes_a_slice_of_what_matters() {
    let cache = ProgramCache::new();
    predict(&cache, INCREASE, &[1]);
    assert!(slice(&cache, INCREASE).is_none());
    predict(&cache, INCREASE, &[1, 1]);
    let slice = slice(&cache, INCREASE).unwrap();
    // One hash, no memory traffic, no sum for the log; the slot is looked up once. That
    // the sum was logged is kept.
    let load = [Op::Bail, Op::Caller, Op::SLoadMapped, Op::Looks];
    assert_eq!(ops(&slice), [&load[..], &[Op::Word, Op::SStoreKnown, Op::Stop]].concat());
}

#[test]
fn slices_predict_what_blocks_predict() {
    for code in [INCREASE, CHOOSE, OFFSETS, LOOKS] {
        let warm = ProgramCache::new();
        predict(&warm, code, &[0, 1, 0, 1, 0, 1]);
        assert!(slice(&warm, code).is_some());
        for arguments in [[0, 0], [1, 0], [0, 5], [7, 7]] {
            let cold = predict(&ProgramCache::new(), code, &arguments);
            assert_eq!(predict(&warm, code, &arguments), cold, "{arguments:?}");
        }
    }
}

#[test]
fn a_slot_that_is_looked_at_for_sure_is_looked_at_once() {
    let cache = ProgramCache::new();
    predict(&cache, LOOKS, &[77, 77]);
    let slice = slice(&cache, LOOKS).unwrap();
    // Whether the byte is all that the slot holds does not matter, since it is put in memory.
    let load = [Op::Bail, Op::SLoad, Op::Bits, Op::Put, Op::Looks];
    let call = [Op::Gas, Op::WordBits, Op::Call, Op::Arguments, Op::Arguments, Op::Stop];
    assert_eq!(ops(&slice), [&load[..], &call].concat());
}

#[test]
fn what_one_guard_tells_no_other_asks() {
    let cache = ProgramCache::new();
    predict(&cache, OFFSETS, &[96, 96]);
    let slice = slice(&cache, OFFSETS).unwrap();
    // The offset itself is guarded, not the sum that is needed first; no sum is left.
    let expected = [Op::Bail, Op::Word, Op::BranchNe, Op::Caller, Op::HashTwo, Op::SStore];
    assert_eq!(ops(&slice)[..expected.len()], expected);
    let [guard, hash] = [slice.code[2], slice.code[4]];
    assert_eq!(hash.b, guard.b, "the word that is hashed is the number");
}

#[test]
fn where_a_guard_fails_the_path_joins_the_others() {
    let cache = ProgramCache::new();
    predict(&cache, CHOOSE, &[0, 0]);
    let one = slice(&cache, CHOOSE).unwrap();
    let expected = [Op::Bail, Op::Word, Op::BranchIf, Op::SStore, Op::Looks, Op::Stop];
    assert_eq!(ops(&one), expected);
    assert_eq!(one.code[2].gas, 0, "the other side is not known");
    predict(&cache, CHOOSE, &[1]);
    let both = slice(&cache, CHOOSE).unwrap();
    assert_eq!(both.code[..].iter().filter(|i| i.op == Op::SStore).count(), 2);
    assert!(
        both.code.iter().all(|i| i.op != Op::BranchIf && i.op != Op::BranchUnless || i.gas > 0)
    );
}

#[test]
fn learning_is_a_share_of_predicting_and_costs_no_prediction() {
    let cache = ProgramCache::new();
    predict_and(Learning::Nothing, &cache, CHOOSE, &[0; 20]);
    assert!(slice(&cache, CHOOSE).is_none());
    // Too little work has earned it so far; what is saved adds up.
    predict_and(Learning::Bounded, &cache, CHOOSE, &[0]);
    assert!(slice(&cache, CHOOSE).is_none());
    for _ in 0..4 {
        predict_and(Learning::Bounded, &cache, CHOOSE, &[0]);
    }
    let one = slice(&cache, CHOOSE).unwrap();
    let before = predict_and(Learning::Bounded, &cache, CHOOSE, &[0, 1, 1, 1, 1]);
    assert!(slice(&cache, CHOOSE).unwrap().code.len() > one.code.len());
    assert_eq!(predict_and(Learning::Bounded, &cache, CHOOSE, &[0, 1, 1, 1, 1]), before);
}
