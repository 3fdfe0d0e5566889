//! Bytecode written to hurt: time and memory stay within named limits, nothing
//! panics, and where a prediction is complete it is what execution does. Every block
//! is predicted several times with one cache, so that slices are made of its paths
//! wherever they can be.

use crate::check::{Fields, check};
use crate::programs::{block_of_calls, contract};
use alloy_primitives::{Bytes, U256};
use foresee_predict::{
    BlockPredictor, Complete, Outliner, PredictOptions, ProgramCache, WithoutStorage,
};
use revm::primitives::hardfork::SpecId;
use revm_bytecode::opcode as op;

/// The longest code of a contract (EIP-170).
const CODE_SIZE_MAX: usize = 0x6000;

/// More than one program's blocks and slices may ever hold, in bytes.
const SIZE_MAX: usize = 32 << 20;

/// Calls the first of some contracts with each calldata, several blocks in a row.
fn check_calls(name: &str, codes: &[Vec<u8>], data: &[Vec<u8>], gas: u64, fields: Fields) {
    let calls: Vec<_> = data
        .iter()
        .map(|data| (contract(0), Bytes::copy_from_slice(data), gas, U256::ZERO))
        .collect();
    for (fork, fields) in [(SpecId::OSAKA, fields), (SpecId::BYZANTIUM, Fields::Named)] {
        let (block, state) = block_of_calls(fork, codes, &calls);
        let cache = ProgramCache::new();
        for round in 0..2 {
            check(&cache, &block, &state, &format!("{name}, round {round}"), fields);
        }
        assert!(cache.size() < codes.len() * SIZE_MAX, "{name}: {} bytes", cache.size());
    }
}

/// Calls a contract with the same calldata each time.
fn check_code(name: &str, code: &[u8]) {
    check_calls(name, &[code.to_vec()], &vec![vec![7; 36]; 6], 400_000, Fields::Named);
}

/// Calldata of these words.
fn words(words: &[u64]) -> Vec<u8> {
    words.iter().flat_map(|word| U256::from(*word).to_be_bytes::<32>()).collect()
}

#[test]
fn a_code_of_jump_destinations() {
    check_code("JUMPDESTs", &vec![op::JUMPDEST; CODE_SIZE_MAX]);
}

/// The cheapest code for ever, with as much gas as a block of mainnet had when one
/// transaction could have it all: it is predicted to its end.
#[test]
fn as_many_jump_destinations_as_gas_can_buy() {
    let mut code = vec![op::JUMPDEST; CODE_SIZE_MAX - 3];
    code.extend([op::PUSH1, 0, op::JUMP]);
    let calls = [(contract(0), Bytes::new(), 60_000_000, U256::ZERO)];
    let (mut block, state) = block_of_calls(SpecId::CANCUN, &[code], &calls);
    block.env.gas_limit = calls[0].2;
    check(&ProgramCache::new(), &block, &state, "JUMPDESTs without end", Fields::Named);
}

#[test]
fn every_byte_as_a_program() {
    for byte in 0..=u8::MAX {
        check_code(&format!("{byte:#x} alone"), &[byte]);
        let pushed = [[op::PUSH1, 1].repeat(8), vec![byte]].concat();
        check_code(&format!("{byte:#x} of ones"), &pushed);
    }
}

#[test]
fn pushes_that_the_code_ends_in() {
    for push in op::PUSH1..=op::PUSH32 {
        check_code("a push and no data", &[op::PUSH1, 1, push]);
        check_code("a push and some data", &[op::PUSH1, 1, op::JUMPDEST, push, op::JUMPDEST]);
        // A jump into the data, and one to the end of the code.
        check_code("into data", &[op::PUSH1, 4, op::JUMP, push, op::JUMPDEST]);
        check_code("to the end", &[op::PUSH1, 5, op::JUMP, push, op::JUMPDEST]);
    }
}

#[test]
fn more_pushes_than_a_stack_holds() {
    for push in [op::PUSH1, op::PUSH32, op::ADDRESS, op::DUP1] {
        check_code("pushes", &vec![push; CODE_SIZE_MAX]);
        for depth in 1020..=1025 {
            let code = [vec![op::ADDRESS; depth], vec![op::POP; depth]].concat();
            check_code(&format!("{depth} deep"), &code);
        }
    }
}

#[test]
fn memory_that_nobody_can_pay() {
    let huge = [U256::MAX, U256::ONE << 255, U256::ONE << 64, U256::ONE << 32, U256::ONE << 28];
    let near = [U256::from((1 << 28) - 1), U256::from(0xffff), U256::from(0x10000)];
    for size in huge.into_iter().chain(near) {
        let size = [vec![op::PUSH32], size.to_be_bytes::<32>().to_vec()].concat();
        let zero = [op::PUSH1, 0];
        for opcode in [op::MLOAD, op::MSTORE, op::MSTORE8, op::KECCAK256, op::RETURN, op::LOG0] {
            check_code("at", &[zero.as_slice(), &size, &[opcode]].concat());
            check_code("of", &[&size, zero.as_slice(), &[opcode]].concat());
            check_code("at and of", &[size.as_slice(), &size, &[opcode]].concat());
        }
        let copies = [op::MCOPY, op::CALLDATACOPY, op::CODECOPY, op::RETURNDATACOPY, op::CREATE];
        for opcode in copies {
            for place in 0..3 {
                let operands = (0..3).map(|n| if n == place { size.as_slice() } else { &zero });
                let operands: Vec<_> = operands.flatten().copied().collect();
                check_code("copy", &[operands, vec![opcode]].concat());
            }
        }
        for place in 0..4 {
            let ranges = (0..4).map(|n| if n == place { size.as_slice() } else { &zero });
            let ranges: Vec<_> = ranges.flatten().copied().collect();
            let call = [op::PUSH1, 0, op::ADDRESS, op::PUSH1, 0, op::CALL];
            check_code("call", &[ranges, call.to_vec()].concat());
        }
    }
}

/// Branches on bits of the calldata: two ways each, so many paths that no table
/// holds them.
#[test]
fn more_paths_than_anybody_can_keep() {
    let mut code = Vec::new();
    for bit in 0..64u8 {
        code.extend([
            op::PUSH1,
            0,
            op::CALLDATALOAD,
            op::PUSH1,
            bit,
            op::SHR,
            op::PUSH1,
            1,
            op::AND,
        ]);
        let end = (code.len() + 4 + 7) as u16;
        code.extend([op::PUSH2, (end >> 8) as u8, end as u8, op::JUMPI]);
        code.extend([op::PUSH1, bit, op::SLOAD, op::PUSH1, 0x40, op::MSTORE, op::JUMPDEST]);
        // The destination stands behind what is skipped.
        let at = code.len() - 1;
        code[at - 8] = at as u8;
        code[at - 9] = (at >> 8) as u8;
    }
    let data: Vec<_> =
        (0..60u64).map(|n| words(&[n.wrapping_mul(0x9e37_79b9_7f4a_7c15)])).collect();
    check_calls("64 bits", &[code], &data, 400_000, Fields::Exact);
}

/// Each frame takes another path, and there are more keys and lengths than are kept.
#[test]
fn calldata_of_every_length() {
    // Stores at an offset that follows from the length.
    let code = [
        op::CALLDATASIZE,
        op::PUSH1,
        0x0f,
        op::MUL,
        op::DUP1,
        op::MLOAD,
        op::SWAP1,
        op::MSTORE8,
        op::CALLDATASIZE,
        op::PUSH1,
        0,
        op::PUSH1,
        0,
        op::CALLDATACOPY,
        op::CALLDATASIZE,
        op::PUSH1,
        0,
        op::KECCAK256,
        op::PUSH1,
        1,
        op::SWAP1,
        op::SSTORE,
    ];
    let data: Vec<_> = (0..300usize).map(|len| vec![len as u8 / 3; len / 2 * 3]).collect();
    check_calls("lengths", &[code.to_vec()], &data, 90_000, Fields::Exact);
}

#[test]
fn jump_tables_in_storage() {
    // With calldata: stores it at slot 9. Without: jumps there.
    let mut code = vec![op::CALLDATASIZE, op::PUSH1, 10, op::JUMPI];
    code.extend([op::PUSH1, 9, op::SLOAD, op::JUMP, op::INVALID, op::INVALID]);
    code.extend([op::JUMPDEST, op::PUSH1, 0, op::CALLDATALOAD, op::PUSH1, 9, op::SSTORE, op::STOP]);
    for slot in 0..40 {
        code.extend([op::JUMPDEST, op::PUSH1, slot, op::SLOAD, op::STOP]);
    }
    let mut data = Vec::new();
    for target in 0..70 {
        data.push(words(&[16 + target]));
        data.extend([vec![], vec![]]);
    }
    check_calls("table", &[code], &data, 100_000, Fields::Exact);
}

#[test]
fn chains_of_hashes() {
    // Hashes what it hashed, CALLVALUE or calldata times, and reads the slot.
    let code = [
        op::PUSH1,
        0,
        op::CALLDATALOAD,
        op::JUMPDEST,
        op::PUSH1,
        0x40,
        op::PUSH1,
        0,
        op::KECCAK256,
        op::DUP1,
        op::SLOAD,
        op::PUSH1,
        0x20,
        op::MSTORE,
        op::PUSH1,
        0,
        op::MSTORE,
        op::PUSH1,
        1,
        op::SWAP1,
        op::SUB,
        op::DUP1,
        op::PUSH1,
        3,
        op::JUMPI,
    ];
    let data: Vec<_> = [1, 2, 100, 100, 100, 101, 5, 400].map(|n| words(&[n])).to_vec();
    check_calls("hashes", &[code.to_vec()], &data, 1_500_000, Fields::Exact);
}

/// Calls itself `calldata[0]` times deep; behind the call, its path depends on
/// `calldata[1]`.
fn calls_itself() -> Vec<u8> {
    let mut code =
        vec![op::PUSH1, 0, op::CALLDATALOAD, op::DUP1, op::ISZERO, op::PUSH1, 0, op::JUMPI];
    code.extend([op::DUP1, op::PUSH1, 1, op::SWAP1, op::SUB, op::PUSH1, 0, op::MSTORE]);
    code.extend([op::PUSH1, 0x20, op::CALLDATALOAD, op::PUSH1, 0x20, op::MSTORE]);
    code.extend([op::PUSH1, 0, op::PUSH1, 0, op::PUSH1, 0x40, op::PUSH1, 0, op::PUSH1, 0]);
    code.extend([op::ADDRESS, op::GAS, op::CALL, op::POP]);
    code.extend([op::PUSH1, 0x20, op::CALLDATALOAD, op::ADD]);
    code.extend([op::PUSH2, 0x1f, 0xff, op::AND, op::MLOAD, op::POP]);
    code[6] = code.len() as u8;
    code.push(op::JUMPDEST);
    code
}

#[test]
fn deep_calls_of_itself() {
    let data = [[3, 0], [3, 0], [20, 0], [20, 0], [200, 5], [2000, 6], [200, 5]].map(|w| words(&w));
    check_calls("depth", &[calls_itself()], &data, 3_000_000, Fields::Exact);
}

/// A path that fails behind a call is run again, and so is the call: were slices
/// used at every level then, the time would double with each.
#[test]
fn paths_that_fail_behind_calls_do_not_multiply() {
    let calls: Vec<_> = (0..30)
        .map(|n| words(&[3, 64 * n]))
        .chain([words(&[40, 5000]), words(&[60, 6000])])
        .map(|data| (contract(0), Bytes::from(data), 900_000, U256::ZERO))
        .collect();
    let (block, state) = block_of_calls(SpecId::OSAKA, &[calls_itself()], &calls);
    let cache = ProgramCache::new();
    // So many that the limit could be met: then there are blocks alone.
    let in_blocks = PredictOptions { steps_max: 900_000 - 25_000, ..PredictOptions::default() };
    let frames = |options| {
        let view = Complete(&state);
        let mut predictor = BlockPredictor::new(&cache, &block.cfg, &block.env, view, options);
        for (index, tx) in block.transactions.iter().enumerate() {
            assert_eq!(predictor.predict(tx).unwrap().unknown, [], "transaction {index}");
        }
        predictor.frames()
    };
    let once = frames(in_blocks);
    assert_eq!(once.slices, 0);
    for round in 0..3 {
        // The gas that they leave would do for so many more.
        let total = frames(PredictOptions::default()).total();
        assert!(total < 50 * once.total(), "round {round}: {total} for {}", once.total());
    }
}

/// Every amount of gas, from too little to begin with to enough, over slices that
/// were made with enough.
#[test]
fn running_out_of_gas_everywhere() {
    let callee = [
        op::PUSH1,
        2,
        op::SLOAD,
        op::PUSH1,
        1,
        op::ADD,
        op::PUSH1,
        2,
        op::SSTORE,
        op::PUSH1,
        0x20,
        op::PUSH1,
        0,
        op::RETURN,
    ];
    let code = [
        [op::PUSH1, 0, op::CALLDATALOAD, op::PUSH1, 0, op::SSTORE].as_slice(),
        &[op::PUSH1, 0, op::SLOAD, op::PUSH1, 3, op::SLOAD, op::ADD, op::PUSH2, 1, 0, op::MSTORE],
        &[op::PUSH1, 0x20, op::PUSH1, 0, op::PUSH1, 4, op::PUSH1, 0, op::PUSH1, 1],
        &[op::PUSH1, 0xa1, op::PUSH2, 0x40, 0, op::CALL, op::PUSH1, 0x20, op::MSTORE],
        &[op::PUSH1, 0xee, op::BALANCE, op::SELFBALANCE, op::EXP, op::PUSH1, 0x40, op::MSTORE],
        &[op::PUSH2, 2, 0, op::PUSH1, 0, op::KECCAK256, op::SLOAD, op::PUSH1, 7, op::SSTORE],
        &[op::PUSH1, 0x40, op::PUSH1, 0, op::LOG0, op::PUSH1, 0x20, op::PUSH1, 0, op::REVERT],
    ]
    .concat();
    for fork in [SpecId::OSAKA, SpecId::LONDON, SpecId::ISTANBUL, SpecId::FRONTIER] {
        let cache = ProgramCache::new();
        for from in (21_000..120_000).step_by(4_000) {
            let gas = [300_000, 300_000].into_iter().chain((from..from + 4_000).step_by(61));
            let calls: Vec<_> = gas
                .map(|gas| (contract(0), Bytes::from(words(&[from % 3])), gas, U256::ONE))
                .collect();
            let (block, state) = block_of_calls(fork, &[code.clone(), callee.to_vec()], &calls);
            check(&cache, &block, &state, &format!("{fork:?}, {from} gas"), Fields::Named);
        }
    }
}

/// Gas limits that no block has, where nothing else is in their way: sums of gas overflow where
/// nobody minds.
#[test]
fn gas_limits_beyond_any_block() {
    let callee = [op::PUSH1, 2, op::PUSH1, 2, op::SSTORE, op::STOP];
    let code = [
        [op::PUSH1, 0x20, op::PUSH1, 0, op::PUSH1, 4, op::PUSH1, 0].as_slice(),
        // With value, and all the gas there is.
        &[op::PUSH1, 1, op::PUSH1, 0xa1, op::GAS, op::CALL],
        &[op::PUSH1, 0, op::NOT, op::PUSH1, 0, op::NOT, op::EXP, op::SLOAD],
        &[op::PUSH1, 4, op::PUSH1, 0, op::PUSH1, 1, op::CREATE],
        &[op::GAS, op::PUSH1, 0, op::SSTORE],
    ]
    .concat();
    for fork in [SpecId::FRONTIER, SpecId::BYZANTIUM, SpecId::OSAKA] {
        for gas in [1 << 40, i64::MAX as u64, (1 << 63) + 100_000, u64::MAX - 1, u64::MAX] {
            let calls = vec![(contract(0), Bytes::new(), gas, U256::ONE); 2];
            let (mut block, state) = block_of_calls(fork, &[code.clone(), callee.to_vec()], &calls);
            // Nobody owns so much.
            block.env.basefee = 0;
            block.env.gas_limit = u64::MAX;
            block.cfg.tx_gas_limit_cap = Some(u64::MAX);
            block.transactions.iter_mut().for_each(|tx| tx.gas_price = 0);
            let (cache, view) = (ProgramCache::new(), Complete(&state));
            let options = PredictOptions::default();
            let mut predictor = BlockPredictor::new(&cache, &block.cfg, &block.env, view, options);
            let mut outliner = Outliner::new(&block.cfg, &block.env, WithoutStorage(&state));
            for tx in &block.transactions {
                let prediction = predictor.predict(tx).unwrap();
                let is_modelled = gas <= i64::MAX as u64;
                assert_eq!(prediction.is_complete(), is_modelled, "{fork:?} {gas}");
                outliner.outline(tx).unwrap();
            }
        }
    }
}

/// Frames so long that their logs would fill memory.
#[test]
fn long_straight_paths() {
    // Copies a byte each, to another place: as many pieces as a path can have.
    let copy = |n: u16| {
        let [high, low] = n.to_be_bytes();
        [op::PUSH1, 1, op::PUSH1, 0, op::PUSH2, high, low, op::CALLDATACOPY]
    };
    let code: Vec<_> = (0..CODE_SIZE_MAX as u16 / 8).flat_map(copy).collect();
    let data: Vec<_> = (0..24usize).map(|n| vec![1; n / 3]).collect();
    check_calls("copies", &[code], &data, 900_000, Fields::Exact);
    let sums = [op::CALLDATASIZE, op::PUSH1, 3, op::ADD, op::PUSH1, 5, op::MUL, op::SLOAD, op::POP];
    check_calls("sums", &[sums.repeat(CODE_SIZE_MAX / 9)], &data, 400_000, Fields::Exact);
}
