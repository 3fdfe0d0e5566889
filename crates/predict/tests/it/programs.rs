//! Random programs, and blocks that call them.

use alloy_primitives::{Address, B256, Bytes, TxKind, U256};
use foresee_execute::{Block, Protocol};
use proptest::prelude::*;
use revm::{
    context::{BlockEnv, CfgEnv, TxEnv},
    context_interface::block::BlobExcessGasAndPrice,
    database::{CacheDB, EmptyDB},
    primitives::hardfork::SpecId,
    state::{AccountInfo, Bytecode},
};
use revm_bytecode::opcode;

/// The forks whose gas rules differ.
pub(crate) const FORKS: &[SpecId] = &[
    SpecId::FRONTIER,
    SpecId::HOMESTEAD,
    SpecId::TANGERINE,
    SpecId::SPURIOUS_DRAGON,
    SpecId::BYZANTIUM,
    SpecId::PETERSBURG,
    SpecId::ISTANBUL,
    SpecId::BERLIN,
    SpecId::LONDON,
    SpecId::SHANGHAI,
    SpecId::CANCUN,
    SpecId::PRAGUE,
    SpecId::OSAKA,
];

/// The address of the n-th program.
pub(crate) fn contract(n: usize) -> Address {
    Address::with_last_byte(0xa0 + n as u8)
}

/// One piece of a random program.
fn piece() -> impl Strategy<Value = Vec<u8>> {
    // Numbers that mean something: offsets, slots, the contracts, precompiles.
    let number = prop_oneof![
        8 => 0..8u8,
        3 => Just(0x20u8),
        2 => Just(0x40u8),
        3 => 0xa0..0xa4u8,
        1 => any::<u8>(),
    ];
    let push = number.clone().prop_map(|n| vec![opcode::PUSH1, n]);
    let wide = any::<[u8; 32]>().prop_map(|word| [vec![opcode::PUSH32], word.to_vec()].concat());
    let pure = (opcode::ADD..=opcode::CLZ).prop_map(|byte| vec![byte]);
    let any_opcode = any::<u8>().prop_map(|byte| vec![byte]);
    let shuffle = (opcode::DUP1..=opcode::DUP1 + 5).prop_map(|byte| vec![byte]);
    let swap = (opcode::SWAP1..=opcode::SWAP1 + 4).prop_map(|byte| vec![byte]);
    let environment = (opcode::ADDRESS..=opcode::BLOBBASEFEE).prop_map(|byte| vec![byte]);
    let state = prop::sample::select(vec![
        opcode::SLOAD,
        opcode::SSTORE,
        opcode::TLOAD,
        opcode::TSTORE,
        opcode::MSTORE,
        opcode::MLOAD,
        opcode::KECCAK256,
        opcode::GAS,
        opcode::JUMPDEST,
        opcode::POP,
        opcode::CALLDATALOAD,
    ]);
    // A store whose operands are there.
    let store = (number.clone(), number.clone())
        .prop_map(|(key, value)| vec![opcode::PUSH1, value, opcode::PUSH1, key, opcode::SSTORE]);
    let load = number.clone().prop_map(|key| vec![opcode::PUSH1, key, opcode::SLOAD]);
    // A jump or branch whose target may be valid.
    let jump = (number.clone(), any::<bool>(), 0..120u8).prop_map(|(condition, branch, to)| {
        if branch {
            vec![opcode::PUSH1, condition, opcode::PUSH1, to, opcode::JUMPI]
        } else {
            vec![opcode::PUSH1, to, opcode::JUMP]
        }
    });
    // A call whose operands are there.
    let call = (
        prop::sample::select(vec![
            opcode::CALL,
            opcode::CALLCODE,
            opcode::DELEGATECALL,
            opcode::STATICCALL,
        ]),
        prop_oneof![0xa0..0xa4u8, 1..12u8, any::<u8>()],
        0..3u8,
        number.clone(),
        any::<u16>(),
    )
        .prop_map(|(call, to, value, size, gas)| {
            let mut code = vec![];
            for operand in [0x20, 0, size, 0] {
                code.extend([opcode::PUSH1, operand]);
            }
            if matches!(call, opcode::CALL | opcode::CALLCODE) {
                code.extend([opcode::PUSH1, value]);
            }
            code.extend([opcode::PUSH1, to, opcode::PUSH2]);
            code.extend(gas.to_be_bytes());
            code.push(call);
            code
        });
    // A creation from what memory holds.
    let create = (any::<bool>(), 0..3u8, number.clone(), 0..4u8).prop_map(
        |(with_salt, value, size, salt)| {
            let mut code = vec![opcode::CALLER, opcode::PUSH1, 0, opcode::MSTORE];
            if with_salt {
                code.extend([opcode::PUSH1, salt]);
            }
            code.extend([opcode::PUSH1, size, opcode::PUSH1, 12, opcode::PUSH1, value]);
            code.push(if with_salt { opcode::CREATE2 } else { opcode::CREATE });
            code
        },
    );
    let end = prop_oneof![
        Just(vec![opcode::STOP]),
        Just(vec![opcode::PUSH1, 0x20, opcode::PUSH1, 0, opcode::RETURN]),
        Just(vec![opcode::PUSH1, 0x20, opcode::PUSH1, 0, opcode::REVERT]),
        number.prop_map(|to| vec![opcode::PUSH1, to, opcode::SELFDESTRUCT]),
    ];
    prop_oneof![
        20 => push,
        1 => wide,
        8 => pure,
        2 => any_opcode,
        6 => shuffle,
        4 => swap,
        5 => environment,
        12 => state.prop_map(|byte| vec![byte]),
        6 => store,
        6 => load,
        5 => jump,
        5 => call,
        2 => create,
        1 => end,
    ]
}

/// A random program.
pub(crate) fn code() -> impl Strategy<Value = Vec<u8>> {
    // Pushes first, so that the stack is seldom empty, and a JUMPDEST now and then.
    prop::collection::vec(piece(), 1..60).prop_map(|pieces| {
        let mut code: Vec<u8> = (0..6).flat_map(|n| [opcode::PUSH1, n]).collect();
        for (n, piece) in pieces.into_iter().enumerate() {
            if n % 4 == 0 {
                code.push(opcode::JUMPDEST);
            }
            code.extend(piece);
        }
        code
    })
}

/// What a long loop costs in gas, and a little more.
pub(crate) const LONG_LOOP_GAS: u64 = 90_000;

/// The start of a program that runs for so long that what is behind it runs in chains.
pub(crate) fn long_loop() -> Vec<u8> {
    let [high, low] = 3000u16.to_be_bytes();
    let count = [opcode::PUSH2, high, low, opcode::JUMPDEST, opcode::PUSH1, 1, opcode::SWAP1];
    let again = [opcode::SUB, opcode::DUP1, opcode::PUSH1, 3, opcode::JUMPI, opcode::POP];
    [&count[..], &again[..]].concat()
}

/// A block of calls, all from one sender, to contracts with the given codes.
pub(crate) fn block_of_calls(
    fork: SpecId,
    codes: &[Vec<u8>],
    calls: &[(Address, Bytes, u64, U256)],
) -> (Block, CacheDB<EmptyDB>) {
    let mut state = CacheDB::new(EmptyDB::new());
    let sender = Address::repeat_byte(0x51);
    let rich = U256::from(1_000_000_000_000_000_000u64);
    state.insert_account_info(sender, AccountInfo { balance: rich, ..AccountInfo::default() });
    for (n, code) in codes.iter().enumerate() {
        let code = Bytes::copy_from_slice(code);
        // Whatever begins like a delegation and is none is code, as before EIP-3541.
        let code =
            Bytecode::new_raw_checked(code.clone()).unwrap_or_else(|_| Bytecode::new_legacy(code));
        let info = AccountInfo {
            balance: U256::from(n),
            nonce: 1,
            code_hash: code.hash_slow(),
            code: Some(code),
            ..AccountInfo::default()
        };
        state.insert_account_info(contract(n), info);
        for slot in 0..4 {
            let value = U256::from(slot % 2 * 5);
            state.insert_account_storage(contract(n), U256::from(slot), value).unwrap();
        }
    }
    let transactions = calls
        .iter()
        .enumerate()
        .map(|(nonce, (to, data, gas_limit, value))| TxEnv {
            caller: sender,
            gas_limit: *gas_limit,
            gas_price: 10,
            kind: TxKind::Call(*to),
            value: *value,
            data: data.clone(),
            nonce: nonce as u64,
            chain_id: None,
            ..TxEnv::default()
        })
        .collect();
    let env = BlockEnv {
        number: U256::from(300),
        beneficiary: Address::with_last_byte(0xa3),
        timestamp: U256::from(1_700_000_000),
        gas_limit: 30_000_000,
        basefee: if fork.is_enabled_in(SpecId::LONDON) { 7 } else { 0 },
        difficulty: U256::from(0x20000),
        prevrandao: Some(B256::repeat_byte(7)),
        blob_excess_gas_and_price: Some(BlobExcessGasAndPrice::new(0, 3_338_477)),
        slot_num: 0,
    };
    let mut cfg = CfgEnv::new_with_spec(fork);
    cfg.tx_chain_id_check = false;
    let protocol = Protocol { parent_beacon_block_root: Some(B256::ZERO), ..Protocol::default() };
    let block = Block { cfg, env, transactions, protocol };
    (block, state)
}
