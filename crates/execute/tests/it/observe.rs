//! What transactions are observed to read and write, beside the block access
//! lists of the official tests: which fields, and what is settled at commit.

use crate::mainnet;
use alloy_eips::eip7702::{Authorization, RecoveredAuthority, RecoveredAuthorization};
use alloy_primitives::{Address, Bytes, U256, bytes};
use foresee_access::{Location, Touch};
use foresee_execute::{Block, Observation, Protocol, execute_in_order, observe};
use revm::{
    context::{BlockEnv, CfgEnv, TxEnv, either::Either},
    database::{CacheDB, EmptyDB},
    primitives::{TxKind, hardfork::SpecId},
    state::{AccountInfo, Bytecode},
};
use std::collections::BTreeSet;

const SENDER: Address = Address::repeat_byte(1);
const RECIPIENT: Address = Address::repeat_byte(2);
const CONTRACT: Address = Address::repeat_byte(3);
const BENEFICIARY: Address = Address::repeat_byte(4);
/// The SHA-256 precompile.
const PRECOMPILE: Address = Address::with_last_byte(2);

fn block(tx: TxEnv) -> Block {
    let env = BlockEnv {
        number: U256::from(1_000),
        beneficiary: BENEFICIARY,
        gas_limit: 1_000_000,
        basefee: 7,
        ..BlockEnv::default()
    };
    let protocol =
        Protocol { parent_beacon_block_root: Some(Default::default()), ..Protocol::default() };
    Block { cfg: CfgEnv::new_with_spec(SpecId::OSAKA), env, transactions: vec![tx], protocol }
}

/// A call that pays the base fee and a tip.
fn call(to: Address, value: u64) -> TxEnv {
    TxEnv {
        caller: SENDER,
        kind: TxKind::Call(to),
        gas_limit: 200_000,
        gas_price: 10,
        value: U256::from(value),
        ..TxEnv::default()
    }
}

/// A rich sender, and a contract with three wei whose slot 0 is five.
fn state(code: &Bytes) -> CacheDB<EmptyDB> {
    let mut state = CacheDB::new(EmptyDB::new());
    let rich = AccountInfo { balance: U256::from(1_u64 << 60), ..AccountInfo::default() };
    state.insert_account_info(SENDER, rich);
    let code = Bytecode::new_legacy(code.clone());
    let contract = AccountInfo::new(U256::from(3), 1, code.hash_slow(), code);
    state.insert_account_info(CONTRACT, contract);
    state.insert_account_storage(CONTRACT, U256::ZERO, U256::from(5)).unwrap();
    state
}

/// Checks the sets of a transaction, whatever the order; the sender's nonce and
/// balance, which every transaction reads, writes and leaves to the commit, are
/// left out of them.
fn check(tx: TxEnv, code: Bytes, reads: &[Location], writes: &[Location], credits: &[Location]) {
    let observations = observe(&block(tx), &state(&code)).unwrap();
    let [observation] = &observations[..] else { panic!("one transaction") };
    assert!(observation.included);
    let access = &observation.access;
    let sender = [Location::nonce(SENDER), Location::balance(SENDER)];
    let found: [Vec<_>; 3] =
        [access.reads().collect(), access.writes().collect(), access.commutative().collect()];
    for (found, expected) in found.into_iter().zip([reads, writes, credits]) {
        let expected: BTreeSet<_> = expected.iter().chain(&sender).copied().collect();
        assert_eq!(found.into_iter().collect::<BTreeSet<_>>(), expected);
    }
}

fn slot(number: u64) -> Location {
    Location::slot(CONTRACT, U256::from(number))
}

#[test]
fn a_payment_credits_its_recipient() {
    let credited = Location::balance(RECIPIENT);
    check(call(RECIPIENT, 5), bytes!(), &[Location::code(RECIPIENT)], &[credited], &[credited]);
    check(call(RECIPIENT, 0), bytes!(), &[Location::code(RECIPIENT)], &[], &[]);
    let earned = Location::balance(BENEFICIARY);
    check(call(BENEFICIARY, 5), bytes!(), &[Location::code(BENEFICIARY)], &[earned], &[earned]);
}

#[test]
fn a_slot_that_keeps_its_value_is_only_read() {
    let code = Location::code(CONTRACT);
    // slot 0 := 5, slot 1 := 6
    let run = bytes!("60055f55600660015500");
    check(call(CONTRACT, 0), run, &[code, slot(0), slot(1)], &[slot(1)], &[]);
    // slot 1 := 6, then revert
    let run = bytes!("60066001555f5ffd");
    check(call(CONTRACT, 0), run, &[code, slot(1)], &[], &[]);
}

#[test]
fn a_balance_that_is_looked_at_is_more_than_a_credit() {
    let (code, balance) = (Location::code(CONTRACT), Location::balance(CONTRACT));
    // SELFBALANCE
    check(call(CONTRACT, 1), bytes!("4700"), &[code, balance], &[balance], &[]);
    // BALANCE of the sender
    let tx = call(CONTRACT, 1);
    let observed = observe(&block(tx), &state(&bytes!("333100"))).unwrap();
    let access = &observed[0].access;
    assert!(access.touch(&Location::balance(SENDER)).has(Touch::READ));
    assert!(!access.is_commutative(&Location::balance(SENDER)));
    assert!(access.is_commutative(&Location::nonce(SENDER)));
    assert!(access.is_commutative(&balance));
}

#[test]
fn what_a_contract_sends_it_must_have() {
    let (code, balance) = (Location::code(CONTRACT), Location::balance(CONTRACT));
    // Whether the recipient is empty is part of the price, so it is no mere credit.
    let [other, credited] = [Location::code(RECIPIENT), Location::balance(RECIPIENT)];
    let (reads, writes) = ([code, balance, other, credited], [balance, credited]);
    // CALL of the recipient with 1 wei: any balance that suffices does.
    let run = bytes!("5f5f5f5f600173020202020202020202020202020202020202020261fffff100");
    check(call(CONTRACT, 0), run, &reads, &writes, &[balance]);
    // With 4 wei, where it has 3: one that was topped up before would do otherwise.
    let run = bytes!("5f5f5f5f600473020202020202020202020202020202020202020261fffff100");
    check(call(CONTRACT, 0), run, &reads, &[], &[]);
    // SELFDESTRUCT into the recipient
    let run = bytes!("730202020202020202020202020202020202020202ff");
    check(call(CONTRACT, 0), run, &reads, &writes, &[]);
}

#[test]
fn code_is_read_where_it_runs_or_is_asked_for() {
    let code = Location::code(CONTRACT);
    // EXTCODESIZE of the recipient, STATICCALL of a precompile
    let run = bytes!("7302020202020202020202020202020202020202023b5f5f5f5f600261fffffa00");
    let expected = [code, Location::code(RECIPIENT), Location::code(PRECOMPILE)];
    check(call(CONTRACT, 0), run, &expected, &[], &[]);
}

/// Of an account without code it tells whether the account is empty
/// ([EIP-1052](https://eips.ethereum.org/EIPS/eip-1052)).
#[test]
fn the_hash_of_no_code_depends_on_the_balance_and_waits_for_a_payment() {
    let [code, other] = [Location::code(CONTRACT), Location::code(RECIPIENT)];
    let balance = Location::balance(RECIPIENT);
    // slot 0 := EXTCODEHASH of the recipient, which is empty
    let run = bytes!("7302020202020202020202020202020202020202023f5f5500");
    let reads = [code, other, balance, slot(0)];
    check(call(CONTRACT, 0), run.clone(), &reads, &[slot(0)], &[]);
    // It has a nonce: nothing that is paid to it makes it empty or not.
    let mut state = state(&run);
    let nonced = AccountInfo { nonce: 1, ..AccountInfo::default() };
    state.insert_account_info(RECIPIENT, nonced);
    let observed = observe(&block(call(CONTRACT, 0)), &state).unwrap();
    assert!(!observed[0].access.touch(&balance).has(Touch::READ));
    // Of the contract itself: it has code.
    let run = bytes!("303f5f5500");
    check(call(CONTRACT, 0), run, &[code, slot(0)], &[slot(0)], &[]);
}

#[test]
fn a_gas_check_that_fails_keeps_an_account_unread() {
    // EXTCODESIZE of the recipient with too little gas left for a cold account
    let mut tx = call(CONTRACT, 0);
    tx.gas_limit = 22_000;
    let run = bytes!("7302020202020202020202020202020202020202023b00");
    check(tx, run, &[Location::code(CONTRACT)], &[], &[]);
}

#[test]
fn a_creation_needs_the_nonce_and_writes_the_new_account() {
    let created = CONTRACT.create(1);
    let [code, balance, nonce] =
        [Location::code(CONTRACT), Location::balance(CONTRACT), Location::nonce(CONTRACT)];
    let new = [Location::code(created), Location::nonce(created), Location::balance(created)];
    // CREATE with 1 wei and no code
    let run = bytes!("5f5f6001f000");
    let reads = [code, balance, nonce, new[0]];
    check(call(CONTRACT, 0), run, &reads, &[balance, nonce, new[1], new[2]], &[balance, new[2]]);
}

#[test]
fn a_delegation_is_followed_and_its_authority_checked() {
    let authorization = Authorization { chain_id: U256::ZERO, address: CONTRACT, nonce: 0 };
    let authority = RecoveredAuthority::Valid(RECIPIENT);
    let mut tx = call(RECIPIENT, 0);
    tx.tx_type = 4;
    tx.chain_id = Some(1);
    tx.gas_priority_fee = Some(0);
    tx.authorization_list =
        vec![Either::Right(RecoveredAuthorization::new_unchecked(authorization, authority))];
    let [code, nonce] = [Location::code(RECIPIENT), Location::nonce(RECIPIENT)];
    // Slot 0 of the authority is read by the contract's code.
    let read = Location::slot(RECIPIENT, U256::ZERO);
    let reads = [code, nonce, Location::code(CONTRACT), read];
    check(tx, bytes!("5f5400"), &reads, &[code, nonce], &[]);
}

#[test]
#[ignore = "needs FORESEE_DATA"]
fn observations_of_mainnet_blocks_add_up_to_the_block() {
    for (name, loaded) in mainnet::blocks() {
        let output = execute_in_order(&loaded.block, &loaded.state).unwrap();
        let observations = observe(&loaded.block, &loaded.state).unwrap();
        let gas: u64 = observations.iter().map(|observation| observation.gas_used).sum();
        assert_eq!(gas, output.gas_used, "{name}");
        let mut written = BTreeSet::new();
        for Observation { access, .. } in &observations {
            written.extend(access.writes());
            let slots = access.writes().filter(Location::is_slot);
            for slot in slots {
                assert!(access.touch(&slot).has(Touch::READ), "{name}: {slot}");
            }
        }
        for (&address, account) in &output.state.state {
            for (&slot, value) in &account.storage {
                let location = Location::slot(address, slot);
                let changed = value.previous_or_original_value != value.present_value;
                assert!(!changed || written.contains(&location), "{name}: {location}");
            }
        }
    }
}
