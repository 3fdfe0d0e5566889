//! The in-order reference beside what the official tests cover: transactions
//! that a builder drops, rewards, and states that fail to be read.

use alloy_consensus::Header;
use alloy_eips::{
    eip4788::SYSTEM_ADDRESS, eip7002::WITHDRAWAL_REQUEST_PREDEPLOY_ADDRESS,
    eip7251::CONSOLIDATION_REQUEST_PREDEPLOY_ADDRESS,
};
use alloy_primitives::{Address, B256, Bytes, U256, bytes};
use core::cell::Cell;
use foresee_access::TxIndex;
use foresee_execute::{
    Block, ExecuteError, InvalidReason, InvalidTransaction, Protocol, execute_in_order, observe,
    time_transactions,
};
use revm::{
    DatabaseRef,
    context::{BlockEnv, CfgEnv, TxEnv, result::InvalidTransaction as Reason},
    database::{CacheDB, EmptyDB, states::bundle_state::BundleState},
    database_interface::DBErrorMarker,
    primitives::{TxKind, hardfork::SpecId},
    state::{AccountInfo, Bytecode},
};

const SENDER: Address = Address::repeat_byte(1);
const RECIPIENT: Address = Address::repeat_byte(2);
const CONTRACT: Address = Address::repeat_byte(3);
const BENEFICIARY: Address = Address::repeat_byte(4);
const ETHER: u128 = 1_000_000_000_000_000_000;

/// A block of a fork with these transactions, base fee zero.
fn block(spec: SpecId, transactions: Vec<TxEnv>) -> Block {
    let env = BlockEnv {
        number: U256::from(1_000_000),
        beneficiary: BENEFICIARY,
        gas_limit: 100_000,
        ..BlockEnv::default()
    };
    let protocol =
        Protocol { parent_beacon_block_root: Some(B256::repeat_byte(9)), ..Protocol::default() };
    Block { cfg: CfgEnv::new_with_spec(spec), env, transactions, protocol }
}

fn call(to: Address, nonce: u64) -> TxEnv {
    TxEnv {
        caller: SENDER,
        kind: TxKind::Call(to),
        nonce,
        gas_limit: 50_000,
        value: U256::ONE,
        ..TxEnv::default()
    }
}

/// A rich sender, and a contract.
fn state(code: Bytes) -> CacheDB<EmptyDB> {
    let mut state = CacheDB::new(EmptyDB::new());
    let rich = AccountInfo { balance: U256::from(ETHER), ..AccountInfo::default() };
    state.insert_account_info(SENDER, rich);
    let code = Bytecode::new_legacy(code);
    let contract = AccountInfo::new(U256::ZERO, 1, code.hash_slow(), code);
    state.insert_account_info(CONTRACT, contract);
    state
}

fn balance(changes: &BundleState, address: Address) -> Option<U256> {
    changes.account(&address)?.info.as_ref().map(|info| info.balance)
}

#[test]
fn what_cannot_be_included_is_reported_in_order_and_changes_nothing() {
    let mut unknown = call(RECIPIENT, 1);
    unknown.tx_type = 9;
    let mut greedy = call(RECIPIENT, 1);
    greedy.gas_limit = 90_000;
    let mut blobs = call(RECIPIENT, 1);
    blobs.tx_type = 3;
    blobs.chain_id = Some(1);
    blobs.blob_hashes = vec![B256::with_last_byte(1); 3];
    let mut create = blobs.clone();
    create.kind = TxKind::Create;
    let transactions = vec![
        call(RECIPIENT, 0),
        call(RECIPIENT, 0),
        unknown,
        greedy,
        blobs,
        create,
        call(RECIPIENT, 1),
    ];
    let mut block = block(SpecId::OSAKA, transactions);
    block.protocol.max_blob_gas = Some(2 << 17);
    let output = execute_in_order(&block, &state(Bytes::new())).unwrap();
    let reasons = [
        InvalidReason::Transaction(Reason::NonceTooLow { tx: 0, state: 1 }),
        InvalidReason::Transaction(Reason::Str("unknown transaction type".into())),
        InvalidReason::BlockGas { gas_limit: 90_000, available: 79_000 },
        InvalidReason::BlobGas { blob_gas: 3 << 17, available: 2 << 17 },
        InvalidReason::Transaction(Reason::BlobCreateTransaction),
    ];
    let expected: Vec<_> = reasons
        .into_iter()
        .enumerate()
        .map(|(i, reason)| InvalidTransaction { index: TxIndex::new(i + 1), reason })
        .collect();
    assert_eq!(output.invalid, expected);
    assert_eq!((output.gas_used, output.receipts.len()), (42_000, 2));
    assert_eq!(balance(&output.state, RECIPIENT), Some(U256::from(2)));
    let observations = observe(&block, &state(Bytes::new())).unwrap();
    let included: Vec<_> = observations.iter().map(|observation| observation.included).collect();
    assert_eq!(included, [true, false, false, false, false, false, true]);
}

/// Checks the rewards of an empty block with an ommer two generations older.
fn check_rewards(spec: SpecId, beneficiary: Option<u128>, ommer: Option<u128>) {
    let mut block = block(spec, vec![]);
    let number = block.env.number.to::<u64>() - 2;
    block.protocol.ommers = vec![Header { number, beneficiary: RECIPIENT, ..Header::default() }];
    let output = execute_in_order(&block, &state(Bytes::new())).unwrap();
    assert_eq!(balance(&output.state, BENEFICIARY), beneficiary.map(U256::from), "{spec}");
    assert_eq!(balance(&output.state, RECIPIENT), ommer.map(U256::from), "{spec}");
}

#[test]
fn rewards_are_those_of_the_fork() {
    for (spec, ether) in [
        (SpecId::FRONTIER, 5),
        (SpecId::BYZANTIUM, 3),
        (SpecId::PETERSBURG, 2),
        (SpecId::LONDON, 2),
    ] {
        let reward = ether * ETHER;
        check_rewards(spec, Some(reward + reward / 32), Some(reward / 8 * 6));
    }
    check_rewards(SpecId::MERGE, None, None);
}

#[test]
fn an_ommer_of_no_possible_age_is_refused() {
    for number in [0, 999_993, 1_000_000, u64::MAX] {
        let mut block = block(SpecId::LONDON, vec![]);
        block.protocol.ommers = vec![Header { number, ..Header::default() }];
        let error = execute_in_order(&block, &state(Bytes::new())).unwrap_err();
        assert!(matches!(error, ExecuteError::Header(_)), "{error}");
    }
}

#[test]
fn request_contracts_may_be_missing_only_from_a_part_of_the_state() {
    let mut block = block(SpecId::PRAGUE, vec![]);
    assert!(execute_in_order(&block, &state(Bytes::new())).unwrap().requests.is_empty());
    block.protocol.request_contracts_required = true;
    let error = execute_in_order(&block, &state(Bytes::new())).unwrap_err();
    let missing = WITHDRAWAL_REQUEST_PREDEPLOY_ADDRESS;
    assert!(matches!(error, ExecuteError::SystemCall { contract, .. } if contract == missing));
    block.protocol.parent_beacon_block_root = None;
    let error = execute_in_order(&block, &state(Bytes::new())).unwrap_err();
    assert!(matches!(error, ExecuteError::Header(_)), "{error}");
}

#[test]
fn what_request_contracts_return_are_requests_and_a_revert_is_an_error() {
    // Returns the caller, which must be the system address.
    let code = Bytecode::new_legacy(bytes!("335f5260205ff3"));
    let mut state = state(Bytes::new());
    let info = AccountInfo::new(U256::ZERO, 1, code.hash_slow(), code);
    state.insert_account_info(CONSOLIDATION_REQUEST_PREDEPLOY_ADDRESS, info);
    let block = block(SpecId::PRAGUE, vec![]);
    let requests = execute_in_order(&block, &state).unwrap().requests.take();
    let expected = [&[2][..], SYSTEM_ADDRESS.into_word().as_slice()].concat();
    assert_eq!(requests, [Bytes::from(expected)]);

    let code = Bytecode::new_legacy(bytes!("5f5ffd"));
    let info = AccountInfo::new(U256::ZERO, 1, code.hash_slow(), code);
    state.insert_account_info(CONSOLIDATION_REQUEST_PREDEPLOY_ADDRESS, info);
    let error = execute_in_order(&block, &state).unwrap_err();
    assert!(matches!(error, ExecuteError::SystemCall { .. }), "{error}");
}

#[test]
fn times_are_of_each_transaction_and_of_its_precompiles() {
    // Calls the SHA-256 precompile with what the memory holds.
    let code = bytes!("5f5f6110005f60025afa00");
    let transactions = vec![call(CONTRACT, 0), call(RECIPIENT, 1), call(RECIPIENT, 7)];
    let block = block(SpecId::OSAKA, transactions);
    let times = time_transactions(&block, &state(code)).unwrap();
    let [hashes, plain, refused] = &times[..] else { panic!("{times:?}") };
    assert!(!hashes.precompiles.is_zero() && hashes.precompiles <= hashes.total);
    assert!(plain.precompiles.is_zero() && !plain.total.is_zero());
    assert!(refused.precompiles.is_zero());
}

/// A state whose n-th read fails.
struct Failing<'a> {
    inner: &'a CacheDB<EmptyDB>,
    reads_left: Cell<usize>,
}

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("disk on fire")]
struct OnFire;

impl DBErrorMarker for OnFire {}

impl Failing<'_> {
    fn read<T>(&self, value: T) -> Result<T, OnFire> {
        match self.reads_left.get().checked_sub(1) {
            Some(left) => {
                self.reads_left.set(left);
                Ok(value)
            }
            None => Err(OnFire),
        }
    }
}

impl DatabaseRef for Failing<'_> {
    type Error = OnFire;

    fn basic_ref(&self, address: Address) -> Result<Option<AccountInfo>, OnFire> {
        self.read(self.inner.basic_ref(address).unwrap())
    }

    fn code_by_hash_ref(&self, hash: B256) -> Result<Bytecode, OnFire> {
        self.read(self.inner.code_by_hash_ref(hash).unwrap())
    }

    fn storage_ref(&self, address: Address, slot: U256) -> Result<U256, OnFire> {
        self.read(self.inner.storage_ref(address, slot).unwrap())
    }

    fn block_hash_ref(&self, number: u64) -> Result<B256, OnFire> {
        self.read(self.inner.block_hash_ref(number).unwrap())
    }
}

#[test]
fn a_read_that_fails_anywhere_is_an_error_of_the_state() {
    // Adds up a slot, a balance and a block hash into another slot.
    let code = bytes!("5f5473deaddeaddeaddeaddeaddeaddeaddeaddeaddead310160014303400160015500");
    let mut block = block(SpecId::OSAKA, vec![call(CONTRACT, 0), call(CONTRACT, 1)]);
    block.protocol.dao_fork = true;
    let state = state(code);
    let expected = execute_in_order(&block, &state).unwrap();
    assert!(expected.receipts.iter().all(|receipt| receipt.success));
    let (mut failed, mut n) = (0, 0);
    loop {
        let failing = || Failing { inner: &state, reads_left: Cell::new(n) };
        let observed = observe(&block, &failing()).map(|_| ());
        match execute_in_order(&block, &failing()) {
            Ok(output) => {
                assert!(output == expected);
                break;
            }
            Err(ExecuteError::Database(OnFire)) => failed += 1,
            Err(error) => panic!("read {n}: {error}"),
        }
        assert!(matches!(observed, Err(ExecuteError::Database(OnFire))), "read {n}");
        n += 1;
    }
    assert!(failed > 100, "{failed} reads");
}
