//! Senders do not wait for each other, nor for themselves.

use super::lab::{BENEFICIARY, GAS_PRICE, Lab, RICH, contract, user};
use crate::InvalidReason;
use foresee_access::Location;
use revm::{
    bytecode::opcode::*,
    context::result::InvalidTransaction,
    primitives::{U256, hardfork::SpecId},
};

#[test]
fn payments_conflict_with_nothing() {
    let mut lab = Lab::new(SpecId::CANCUN);
    for number in 1..8 {
        lab.send(user(number), user(9), 5);
        lab.send(user(number), user(number + 1), 7);
    }
    assert_eq!(lab.conflicts(), []);
    let output = lab.check();
    assert_eq!(output.receipts.len(), 14);
    let paid = output.state.account(&user(9)).unwrap().info.as_ref().unwrap().balance;
    assert_eq!(paid, U256::from(7 * 5));
}

#[test]
fn a_chain_of_one_sender_runs_ahead() {
    let mut lab = Lab::new(SpecId::PRAGUE);
    for wei in 0..30 {
        lab.send(user(1), user(2), wei);
    }
    assert_eq!(lab.conflicts(), []);
    assert_eq!(lab.check().state.account(&user(1)).unwrap().info.as_ref().unwrap().nonce, 30);
}

#[test]
fn what_a_sender_just_received_can_be_spent() {
    let mut lab = Lab::new(SpecId::SHANGHAI);
    let poor = user(1);
    lab.owns(poor, 0);
    lab.send(user(2), poor, RICH / 2);
    lab.send(poor, user(3), RICH / 4);
    assert_eq!(lab.conflicts(), []);
    assert!(lab.check().invalid.is_empty());
}

#[test]
fn insolvency_in_the_middle_of_a_chain_is_found() {
    let mut lab = Lab::new(SpecId::LONDON);
    let cost = 200_000 * GAS_PRICE as u64;
    // Pays for two transactions, and for the value of the third but not its gas.
    lab.owns(user(1), 3 * cost + 400_000);
    for _ in 0..3 {
        lab.send(user(1), user(2), cost);
    }
    // Enough again, and with the nonce that was not used up.
    lab.send(user(3), user(1), 10 * cost);
    let nonce = 2;
    lab.send(user(1), user(2), cost).nonce = nonce;
    let output = lab.check();
    let invalid: Vec<_> = output.invalid.iter().map(|invalid| invalid.index.0).collect();
    assert_eq!(invalid, [2]);
    assert!(matches!(
        output.invalid[0].reason,
        InvalidReason::Transaction(InvalidTransaction::LackOfFundForMaxFee { .. })
    ));
}

#[test]
fn a_sender_that_reads_its_own_balance_waits() {
    let mut lab = Lab::new(SpecId::BERLIN);
    let reader = contract(1);
    lab.deploy(reader, 0, vec![CALLER, BALANCE, PUSH1, 0, SSTORE]);
    lab.send(user(1), user(2), 5);
    lab.send(user(1), reader, 0);
    lab.send(user(3), reader, 0);
    // The third overwrites what the second wrote and reads it for its gas.
    let conflicts = lab.conflicts();
    assert_eq!(conflicts[0], (1, Location::balance(user(1))));
    assert_eq!(conflicts[1], (2, Location::slot(reader, U256::ZERO)));
}

#[test]
fn a_sender_may_be_the_recipient_or_the_beneficiary() {
    let mut lab = Lab::new(SpecId::PRAGUE);
    for _ in 0..3 {
        lab.send(user(1), user(1), 5);
        lab.send(BENEFICIARY, user(1), 5);
        lab.send(user(2), BENEFICIARY, 5);
    }
    assert_eq!(lab.conflicts(), []);
}

#[test]
fn a_wrong_nonce_is_reported_and_does_not_count() {
    let mut lab = Lab::new(SpecId::PRAGUE);
    lab.send(user(1), user(2), 5);
    lab.send(user(1), user(2), 5).nonce = 5;
    lab.skip_nonce(user(2));
    lab.send(user(2), user(2), 5);
    lab.send(user(1), user(2), 5).nonce = 1;
    lab.send(user(1), user(2), 5).nonce = 0;
    let output = lab.check();
    let invalid: Vec<_> = output.invalid.iter().map(|invalid| invalid.index.0).collect();
    assert_eq!(invalid, [1, 2, 4]);
}
