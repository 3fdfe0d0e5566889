//! The beneficiary: everybody pays it, hardly anybody looks at it.

use super::lab::{BENEFICIARY, Lab, contract, user, word};
use foresee_access::Location;
use revm::{
    bytecode::opcode::*,
    primitives::{U256, hardfork::SpecId},
};

#[test]
fn whoever_looks_at_its_balance_is_executed_in_order() {
    let mut lab = Lab::new(SpecId::CANCUN);
    let reader = contract(1);
    lab.deploy(reader, 0, vec![COINBASE, BALANCE, CALLER, SSTORE]);
    lab.send(user(1), user(2), 5);
    lab.send(user(2), reader, 0);
    lab.send(user(3), user(2), 5);
    lab.send(user(4), reader, 0);
    let balance = Location::balance(BENEFICIARY);
    assert_eq!(lab.conflicts(), [(1, balance), (3, balance)]);
}

#[test]
fn it_may_be_a_contract_that_reads_its_own_balance() {
    for spec in [SpecId::BYZANTIUM, SpecId::ISTANBUL, SpecId::PRAGUE] {
        let mut lab = Lab::new(spec);
        lab.deploy(BENEFICIARY, 0, vec![ADDRESS, BALANCE, CALLER, SSTORE]);
        lab.send(user(1), BENEFICIARY, 5);
        lab.send(user(2), BENEFICIARY, 0);
        lab.send(user(3), user(2), 5);
        lab.send(user(4), BENEFICIARY, 1);
        lab.check();
    }
}

#[test]
fn it_may_destroy_itself() {
    for spec in [SpecId::FRONTIER, SpecId::BYZANTIUM, SpecId::LONDON, SpecId::CANCUN] {
        let mut lab = Lab::new(spec);
        lab.deploy(BENEFICIARY, 9, vec![CALLER, SELFDESTRUCT]);
        lab.send(user(1), BENEFICIARY, 5);
        lab.send(user(2), BENEFICIARY, 0);
        lab.send(user(3), user(2), 5);
        lab.check();
    }
}

#[test]
fn a_call_may_pay_from_its_fees() {
    let mut lab = Lab::new(SpecId::CANCUN);
    let wei = 21_000;
    // CALL(gas, caller, wei): fails as long as the fees are less than that.
    let mut code = vec![PUSH0, PUSH0, PUSH0, PUSH0, PUSH3];
    code.extend(&U256::from(wei).to_be_bytes::<32>()[29..]);
    code.extend([CALLER, GAS, CALL, CALLER, SSTORE]);
    lab.deploy(BENEFICIARY, 0, code);
    lab.send(user(1), BENEFICIARY, 0);
    lab.send(user(2), user(1), 0);
    lab.send(user(3), BENEFICIARY, 0);
    let output = lab.check();
    let paid = |number| {
        let account = output.state.account(&BENEFICIARY).unwrap();
        account.storage.get(&word(user(number))).map(|slot| slot.present_value)
    };
    assert_eq!(paid(1), None);
    assert_eq!(paid(3), Some(U256::ONE));
}
