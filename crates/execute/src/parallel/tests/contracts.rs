//! Storage, creation and destruction.

use super::lab::{Lab, contract, data, user, word};
use foresee_access::Location;
use revm::{
    bytecode::opcode::*,
    primitives::{Address, B256, TxKind, U256, hardfork::SpecId, keccak256},
};

/// Adds one to slot 0.
const COUNTER: [u8; 9] = [PUSH1, 0, SLOAD, PUSH1, 1, ADD, PUSH1, 0, SSTORE];

/// Init code that deploys no code and stores the value sent in slot 0.
const STORE_VALUE: [u8; 4] = [CALLVALUE, PUSH1, 0, SSTORE];

/// Creates a contract from the call data with the value sent and stores its
/// address in slot 0.
fn factory(is_create2: bool) -> Vec<u8> {
    let mut code = vec![CALLDATASIZE, PUSH1, 0, PUSH1, 0, CALLDATACOPY];
    if is_create2 {
        code.extend([PUSH1, 7]);
    }
    code.extend([CALLDATASIZE, PUSH1, 0, CALLVALUE]);
    code.push(if is_create2 { CREATE2 } else { CREATE });
    code.extend([PUSH1, 0, SSTORE]);
    code
}

/// The address that [`factory`] creates with CREATE2.
fn created(factory: Address, init_code: &[u8]) -> Address {
    factory.create2(B256::with_last_byte(7), keccak256(init_code))
}

#[test]
fn a_counter_is_a_chain_of_conflicts() {
    let mut lab = Lab::new(SpecId::PRAGUE);
    lab.deploy(contract(1), 0, COUNTER.to_vec()).stores(contract(1), 0, 40);
    for number in 1..5 {
        lab.send(user(number), contract(1), 0);
    }
    let slot = Location::slot(contract(1), U256::ZERO);
    assert_eq!(lab.conflicts(), [(1, slot), (2, slot), (3, slot)]);
    let output = lab.check();
    let account = output.state.account(&contract(1)).unwrap();
    assert_eq!(account.storage[&U256::ZERO].present_value, U256::from(44));
}

#[test]
fn a_write_that_restores_the_value_is_no_conflict() {
    let mut lab = Lab::new(SpecId::PRAGUE);
    // slot 0 := call data
    lab.deploy(contract(1), 0, vec![PUSH0, CALLDATALOAD, PUSH0, SSTORE]);
    lab.stores(contract(1), 0, 3);
    for (number, value) in [(1, 9), (2, 3), (3, 3)] {
        lab.call(user(number), contract(1), 0, [U256::from(value)]);
    }
    // The second sees a 3 instead of the 9 it restores from; the third sees a 3
    // either way.
    assert_eq!(lab.conflicts(), [(1, Location::slot(contract(1), U256::ZERO))]);
}

#[test]
fn contracts_with_equal_balances_to_spend_do_not_wait() {
    let mut lab = Lab::new(SpecId::LONDON);
    // CALL(gas, caller, call data)
    let pay = [PUSH1, 0, PUSH1, 0, PUSH1, 0, PUSH1, 0, PUSH1, 0, CALLDATALOAD, CALLER, GAS, CALL];
    lab.deploy(contract(1), 100, [&pay[..], &[CALLER, SSTORE]].concat());
    for number in 1..6 {
        lab.call(user(number), contract(1), 0, [U256::from(20)]);
    }
    assert_eq!(lab.conflicts(), []);
    // Now one more than it can pay for.
    lab.call(user(6), contract(1), 0, [U256::from(1)]);
    assert_eq!(lab.conflicts(), [(5, Location::balance(contract(1)))]);
    // And one that could not pay before but can now.
    lab.send(user(7), contract(1), 500);
    lab.call(user(8), contract(1), 0, [U256::from(101)]);
    let balance = Location::balance(contract(1));
    assert_eq!(lab.conflicts(), [(5, balance), (7, balance)]);
}

#[test]
fn create_waits_for_the_nonce_and_create2_does_not() {
    for is_create2 in [false, true] {
        let mut lab = Lab::new(SpecId::CANCUN);
        lab.deploy(contract(1), 0, factory(is_create2));
        for number in 1..4 {
            let tx = lab.send(user(number), contract(1), 5);
            tx.data = [&STORE_VALUE[..], &[STOP; 3][..usize::from(number)]].concat().into();
        }
        let conflicts = lab.conflicts();
        let slot = Location::slot(contract(1), U256::ZERO);
        let first = if is_create2 { slot } else { Location::nonce(contract(1)) };
        assert_eq!(conflicts, [(1, first), (2, first)], "{is_create2}");
    }
}

#[test]
fn a_second_creation_at_the_same_address_collides() {
    for spec in [SpecId::PETERSBURG, SpecId::LONDON, SpecId::PRAGUE] {
        let mut lab = Lab::new(spec);
        lab.deploy(contract(1), 0, factory(true));
        for number in 1..4 {
            lab.send(user(number), contract(1), 5).data = STORE_VALUE.to_vec().into();
        }
        lab.check();
    }
}

#[test]
fn a_creation_transaction_lands_where_the_nonce_says() {
    let mut lab = Lab::new(SpecId::SHANGHAI);
    for _ in 0..3 {
        lab.send(user(1), TxKind::Create, 5).data = STORE_VALUE.to_vec().into();
        lab.send(user(2), user(1).create(1), 7);
        lab.send(user(3), user(1).create(4), 7);
    }
    lab.send(user(1), TxKind::Create, 5).data = STORE_VALUE.to_vec().into();
    lab.send(user(1), TxKind::Create, 5).data = STORE_VALUE.to_vec().into();
    lab.check();
}

/// Deploys a contract that stores 1 in slot 1 at its creation and returns code
/// that destroys itself in favour of the caller when called with value, and else
/// copies slot 1 to slot 2.
fn phoenix() -> Vec<u8> {
    let runtime = [
        CALLVALUE,
        PUSH1,
        11,
        JUMPI,
        PUSH1,
        1,
        SLOAD,
        PUSH1,
        2,
        SSTORE,
        STOP,
        JUMPDEST,
        CALLER,
        SELFDESTRUCT,
    ];
    let size = runtime.len() as u8;
    let head = [PUSH1, 1, PUSH1, 1, SSTORE, PUSH1, size, PUSH1, 17, PUSH1, 0, CODECOPY];
    let tail = [PUSH1, size, PUSH1, 0, RETURN];
    [&head[..], &tail[..], &runtime[..]].concat()
}

#[test]
fn destroyed_and_risen_again() {
    for spec in [SpecId::PETERSBURG, SpecId::BERLIN, SpecId::SHANGHAI, SpecId::CANCUN] {
        let mut lab = Lab::new(spec);
        lab.deploy(contract(1), 0, factory(true));
        let phoenix = phoenix();
        let bird = created(contract(1), &phoenix);
        for round in 0..3 {
            lab.send(user(1), contract(1), 0).data = phoenix.clone().into();
            lab.send(user(2), bird, 0);
            lab.send(user(3 + round), bird, 9);
            lab.send(user(4), bird, 0);
            lab.send(user(5), bird, 3);
        }
        lab.check();
    }
}

#[test]
fn a_contract_with_storage_is_destroyed_before_others_read_it() {
    for spec in [SpecId::HOMESTEAD, SpecId::BYZANTIUM, SpecId::LONDON, SpecId::CANCUN] {
        let mut lab = Lab::new(spec);
        // Without call data: slot 0 := slot 1 + slot 2. Else destroyed for the caller.
        let code = vec![
            CALLDATASIZE,
            PUSH1,
            15,
            JUMPI,
            PUSH1,
            1,
            SLOAD,
            PUSH1,
            2,
            SLOAD,
            ADD,
            PUSH1,
            0,
            SSTORE,
            STOP,
            JUMPDEST,
            CALLER,
            SELFDESTRUCT,
        ];
        lab.deploy(contract(1), 77, code.clone()).stores(contract(1), 1, 11);
        lab.stores(contract(1), 2, 22);
        // Reads the size of its code.
        let look = vec![PUSH20];
        let look = [look, contract(1).to_vec(), vec![EXTCODESIZE, CALLER, SSTORE]].concat();
        lab.deploy(contract(2), 0, look);
        lab.send(user(1), contract(1), 0);
        lab.send(user(2), contract(2), 0);
        lab.call(user(3), contract(1), 5, [word(user(3))]);
        lab.send(user(4), contract(1), 6);
        lab.send(user(5), contract(2), 0);
        lab.call(user(6), contract(1), 5, [word(user(3))]);
        lab.check();
    }
}

#[test]
fn the_heir_of_a_destruction_gets_what_there_is_in_order() {
    for spec in [SpecId::FRONTIER, SpecId::ISTANBUL, SpecId::CANCUN] {
        let mut lab = Lab::new(spec);
        // Destroyed for the address in the call data.
        let code = vec![PUSH1, 0, CALLDATALOAD, SELFDESTRUCT];
        lab.deploy(contract(1), 5, code.clone()).deploy(contract(2), 0, code);
        lab.send(user(1), contract(1), 50);
        lab.call(user(2), contract(1), 500, [word(user(9))]);
        lab.call(user(3), contract(2), 0, [word(user(8))]);
        lab.send(user(4), contract(2), 7);
        lab.call(user(5), contract(2), 0, [word(contract(2))]);
        lab.call(user(6), contract(2), 0, [word(user(9))]);
        lab.check();
    }
}

#[test]
fn code_made_in_the_block_runs() {
    let mut lab = Lab::new(SpecId::LONDON);
    lab.deploy(contract(1), 0, factory(true));
    let phoenix = phoenix();
    let bird = created(contract(1), &phoenix);
    // Calls the bird before it is there, hashes its code, and again afterwards.
    let look = [vec![PUSH20], bird.to_vec(), vec![EXTCODEHASH, CALLER, SSTORE]].concat();
    lab.deploy(contract(2), 0, look);
    lab.send(user(1), bird, 3);
    lab.send(user(2), contract(2), 0);
    lab.send(user(3), contract(1), 0).data = phoenix.into();
    lab.send(user(4), contract(2), 0);
    lab.send(user(5), bird, 0);
    lab.send(user(6), bird, 0).data = data([U256::ONE]);
    lab.check();
}
