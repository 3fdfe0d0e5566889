//! Which accounts exist, and how much they can hold.

use super::lab::{BENEFICIARY, Lab, contract, user, word};
use foresee_access::Location;
use revm::{
    bytecode::opcode::*,
    primitives::{Address, U256, hardfork::SpecId},
};

/// From before, at and after the fork that clears empty accounts.
const SPECS: [SpecId; 6] = [
    SpecId::FRONTIER,
    SpecId::HOMESTEAD,
    SpecId::TANGERINE,
    SpecId::SPURIOUS_DRAGON,
    SpecId::LONDON,
    SpecId::PRAGUE,
];

/// Calls the address in the call data with the value sent.
fn forwarder() -> Vec<u8> {
    vec![
        PUSH1,
        0,
        PUSH1,
        0,
        PUSH1,
        0,
        PUSH1,
        0,
        CALLVALUE,
        PUSH1,
        0,
        CALLDATALOAD,
        PUSH3,
        1,
        0,
        0,
        CALL,
        CALLER,
        SSTORE,
    ]
}

#[test]
fn an_account_comes_to_exist_before_it_is_called_with_value() {
    for spec in SPECS {
        let mut lab = Lab::new(spec);
        lab.deploy(contract(1), 0, forwarder());
        lab.call(user(1), contract(1), 5, [word(user(9))]);
        lab.call(user(2), contract(1), 5, [word(user(9))]);
        lab.call(user(3), contract(1), 0, [word(user(8))]);
        lab.call(user(4), contract(1), 5, [word(user(8))]);
        lab.send(user(5), user(7), 5);
        lab.call(user(6), contract(1), 5, [word(user(7))]);
        // Which of these is the first costs more.
        let conflicts = lab.conflicts();
        assert!(conflicts.contains(&(1, Location::code(user(9)))), "{spec:?}: {conflicts:?}");
    }
}

#[test]
fn empty_accounts_are_touched() {
    for spec in SPECS {
        let mut lab = Lab::new(spec);
        lab.owns(user(9), 0).deploy(contract(1), 0, forwarder());
        lab.send(user(1), user(9), 0);
        lab.call(user(2), contract(1), 0, [word(user(9))]);
        lab.send(user(3), user(8), 0);
        lab.call(user(4), contract(1), 0, [word(user(8))]);
        lab.call(user(5), contract(1), 1, [word(user(8))]);
        lab.send(user(3), user(9), 1);
        lab.check();
    }
}

#[test]
fn a_beneficiary_without_reward_is_touched() {
    for spec in SPECS {
        for price in [0, 7, 8] {
            let mut lab = Lab::new(spec);
            if u128::from(lab.block.env.basefee) > price {
                continue;
            }
            lab.send(user(1), user(2), 3).gas_price = price;
            lab.send(user(3), BENEFICIARY, 0).gas_price = price;
            lab.send(user(4), BENEFICIARY, 1).gas_price = price;
            lab.check();
        }
    }
}

#[test]
fn a_sender_that_does_not_exist_can_pay_nothing() {
    for spec in SPECS {
        let mut lab = Lab::new(spec);
        if lab.block.env.basefee != 0 {
            continue;
        }
        lab.send(user(1), user(9), 0).gas_price = 0;
        lab.db.cache.accounts.remove(&user(1));
        lab.send(user(2), user(1), 0);
        lab.check();
    }
}

#[test]
fn sums_beyond_2_256_fail_or_wrap_as_in_order() {
    let most = U256::MAX - U256::from(1_000);
    for spec in [SpecId::FRONTIER, SpecId::LONDON, SpecId::PRAGUE] {
        for holder in [user(9), contract(1), BENEFICIARY] {
            let mut lab = Lab::new(spec);
            lab.deploy(contract(1), 0, forwarder());
            lab.db.cache.accounts.entry(holder).or_default().info.balance = most;
            lab.send(user(1), holder, 400);
            lab.send(user(2), holder, 400);
            lab.send(user(3), holder, 400);
            lab.call(user(4), contract(1), 5, [word(holder)]);
            lab.send(user(5), holder, 100_000);
            lab.check();
        }
    }
}

#[test]
fn an_enormous_balance_makes_others_matter() {
    let mut lab = Lab::new(SpecId::LONDON);
    let rich: Address = user(1);
    lab.owns(rich, U256::MAX);
    lab.send(user(2), user(3), 5);
    lab.send(rich, user(3), 5);
    // The recipient's and the beneficiary's balances differ from what it saw.
    let conflicts = lab.conflicts();
    assert_eq!(conflicts, [(1, Location::balance(user(3)))]);
}

#[test]
fn the_balance_of_a_stranger_is_read_after_it_was_paid() {
    let mut lab = Lab::new(SpecId::PRAGUE);
    lab.deploy(contract(1), 0, vec![PUSH0, CALLDATALOAD, BALANCE, CALLER, SSTORE]);
    lab.send(user(1), user(9), 5);
    lab.call(user(2), contract(1), 0, [word(user(9))]);
    lab.send(user(3), user(9), 6);
    lab.call(user(4), contract(1), 0, [word(user(9))]);
    let balance = Location::balance(user(9));
    assert_eq!(lab.conflicts(), [(1, balance), (3, balance)]);
}
