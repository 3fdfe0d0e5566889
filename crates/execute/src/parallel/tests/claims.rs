//! Slots that transactions are said to add to without looking.
//!
//! [`Lab::conflicts`] executes everything on the state before the block, so that what
//! earlier transactions add is nowhere seen before it is settled.

use super::lab::{Lab, contract, user};
use foresee_access::Location;
use revm::{
    bytecode::opcode::*,
    context::CfgEnv,
    primitives::{TxKind, U256, hardfork::SpecId},
};

/// Adds the first word of the call data to slot 0, unlooked.
const ADD_TO_0: [u8; 9] = [PUSH1, 0, SLOAD, PUSH1, 0, CALLDATALOAD, ADD, PUSH1, 0];

/// Puts slot 0 and, above it, the first word of the call data on the stack.
const BOTH: [u8; 6] = [PUSH1, 0, SLOAD, PUSH1, 0, CALLDATALOAD];

/// Reverts if the word on the stack is not zero. Must stand at the start of the code and
/// so many bytes after it.
fn revert_if(code: &[u8]) -> Vec<u8> {
    let at = code.len() as u8;
    // ISZERO, jump over a revert
    let tail = [ISZERO, PUSH1, at + 9, JUMPI, PUSH1, 0, PUSH1, 0, REVERT, JUMPDEST];
    [code, &tail].concat()
}

/// `x + d`, as Solidity checks it since 0.8: `x > max - d` panics.
fn checked_add() -> Vec<u8> {
    let code = revert_if(&[&BOTH[..], &[DUP1, NOT, DUP3, GT]].concat());
    [&code[..], &[ADD, PUSH1, 0, SSTORE]].concat()
}

/// `d + x`, in the other order: `d > max - x` panics.
fn checked_add_other() -> Vec<u8> {
    let code = revert_if(&[&BOTH[..], &[DUP2, NOT, DUP2, GT]].concat());
    [&code[..], &[ADD, PUSH1, 0, SSTORE]].concat()
}

/// `sum = x + d`, as SafeMath checks it: `sum >= x`.
fn safe_add() -> Vec<u8> {
    let code = revert_if(&[&BOTH[..], &[DUP2, ADD, DUP2, DUP2, LT]].concat());
    [&code[..], &[PUSH1, 0, SSTORE, POP]].concat()
}

/// `x - d`, unless that is below zero.
fn checked_sub() -> Vec<u8> {
    let code = revert_if(&[&BOTH[..], &[DUP1, DUP3, LT]].concat());
    [&code[..], &[SWAP1, SUB, PUSH1, 0, SSTORE]].concat()
}

/// A contract with this code and value in slot 0, called with these words one after the
/// other, each claiming to merely add to it.
fn called(code: &[u8], value: u64, words: &[u64]) -> Lab {
    let mut lab = Lab::new(SpecId::PRAGUE);
    lab.deploy(contract(1), 0, code.to_vec()).stores(contract(1), 0, value);
    for (number, argument) in (1..).zip(words) {
        lab.call(user(number), contract(1), 0, [U256::from(*argument)]);
    }
    lab.claim(0, contract(1), 0);
    lab
}

fn slot(number: u64) -> Location {
    Location::slot(contract(1), U256::from(number))
}

/// What the block leaves in a slot of the contract.
fn left(lab: &Lab, slot: u64) -> U256 {
    let output = lab.check();
    output.state.account(&contract(1)).unwrap().storage[&U256::from(slot)].present_value
}

#[test]
fn additions_of_every_kind_commute() {
    let plain = [&ADD_TO_0[..], &[SSTORE]].concat();
    for code in [plain, checked_add(), checked_add_other(), safe_add()] {
        let lab = called(&code, 40, &[1, 2, 3, 4]);
        assert_eq!(lab.conflicts(), [], "{code:02x?}");
        assert_eq!(left(&lab, 0), U256::from(50));
    }
    let lab = called(&checked_sub(), 40, &[1, 2, 3, 4]);
    assert_eq!(lab.conflicts(), []);
    assert_eq!(left(&lab, 0), U256::from(30));
}

#[test]
fn whoever_looks_sees_what_was_added() {
    let mut lab = called(&[&ADD_TO_0[..], &[SSTORE]].concat(), 40, &[1, 2, 3]);
    // The same code in the same slot, not claimed: it starts from the right value.
    lab.call(user(8), contract(1), 0, [U256::from(4)]);
    lab.call(user(9), contract(1), 0, [U256::from(5)]);
    assert_eq!(lab.again_in_order(), [] as [u32; 0]);
    assert_eq!(lab.conflicts(), [(3, slot(0)), (4, slot(0))]);
    assert_eq!(left(&lab, 0), U256::from(55));
}

#[test]
fn an_overflow_that_only_the_true_value_reaches_is_met() {
    for code in [checked_add(), checked_add_other(), safe_add()] {
        let mut lab = called(&code, 0, &[]);
        let almost = U256::MAX - U256::from(10);
        lab.db.insert_account_storage(contract(1), U256::ZERO, almost).unwrap();
        for number in 1..5 {
            lab.call(user(number), contract(1), 0, [U256::from(4)]);
        }
        lab.claim(0, contract(1), 0);
        // The third and the fourth do not fit any more.
        assert_eq!(lab.conflicts(), [(2, slot(0)), (3, slot(0))]);
        assert_eq!(left(&lab, 0), almost + U256::from(8));
        let successes: Vec<_> =
            lab.check().receipts.iter().map(|receipt| receipt.success).collect();
        assert_eq!(successes, [true, true, false, false]);
    }
}

#[test]
fn a_debit_that_no_longer_suffices_is_met() {
    let lab = called(&checked_sub(), 10, &[6, 3, 2, 1]);
    // The third has 1 left, and fails; the fourth ends at zero, which costs less.
    assert_eq!(lab.conflicts(), [(2, slot(0)), (3, slot(0))]);
    assert_eq!(left(&lab, 0), U256::ZERO);
}

#[test]
fn a_debit_that_suffices_only_after_credits_is_met() {
    // Adds if value is sent, else takes.
    let add = [&ADD_TO_0[..], &[SSTORE, STOP]].concat();
    let at = add.len() as u8 + 5;
    let take =
        [&BOTH[..], &[DUP1, DUP3, LT, PUSH1, 200, JUMPI, SWAP1, SUB, PUSH1, 0, SSTORE]].concat();
    let fork = [CALLVALUE, ISZERO, PUSH1, at, JUMPI];
    let code = [&fork[..], &add, &[JUMPDEST], &take].concat();
    let mut lab = called(&code, 5, &[]);
    for (number, value, word) in [(1, 1, 10), (2, 0, 4), (3, 0, 9), (4, 0, 3), (5, 1, 1)] {
        lab.call(user(number), contract(1), value, [U256::from(word)]);
    }
    lab.claim(0, contract(1), 0);
    // 5 - 9 is not possible, 5 + 10 - 4 - 9 is; then it is 3 - 3 that fails to be as 5 - 3.
    assert_eq!(lab.conflicts(), [(2, slot(0)), (3, slot(0))]);
    let successes: Vec<_> = lab.check().receipts.iter().map(|receipt| receipt.success).collect();
    assert_eq!(successes, [true, true, true, false, true]);
    assert_eq!(left(&lab, 0), U256::from(3));
}

#[test]
fn gas_that_tells_zero_from_other_values_is_paid() {
    let add = [&ADD_TO_0[..], &[SSTORE]].concat();
    for spec in [SpecId::PETERSBURG, SpecId::ISTANBUL, SpecId::BERLIN, SpecId::PRAGUE] {
        // The first makes the slot; for those after it it is there.
        let mut lab = called(&add, 0, &[1, 2, 0, 3]);
        lab.block.cfg = CfgEnv::new_with_spec(spec);
        let conflicts = lab.conflicts();
        assert_eq!(conflicts, [(1, slot(0)), (2, slot(0)), (3, slot(0))], "{spec:?}");
        // The second clears it, and the third makes it anew.
        let mut lab = called(&add, 3, &[]);
        lab.block.cfg = CfgEnv::new_with_spec(spec);
        for (number, word) in [(1, 1), (2, -4), (3, 2), (4, 2)] {
            let magnitude = U256::from(i32::unsigned_abs(word));
            let word = if word < 0 { magnitude.wrapping_neg() } else { magnitude };
            lab.call(user(number), contract(1), 0, [word]);
        }
        lab.claim(0, contract(1), 0);
        let conflicts = lab.conflicts();
        // 3 - 4 is not zero, 4 - 4 is. Of 0 + 2 gas knows that there was nothing.
        assert_eq!(conflicts, [(1, slot(0)), (2, slot(0))], "{spec:?}");
        assert_eq!(left(&lab, 0), U256::from(4));
    }
}

#[test]
fn what_is_looked_at_otherwise_is_compared_by_value() {
    let log = [DUP1, PUSH1, 0, MSTORE, PUSH1, 32, PUSH1, 0, LOG0];
    let topic = [DUP1, PUSH1, 0, PUSH1, 0, LOG1];
    let hash = [DUP1, PUSH1, 0, MSTORE, PUSH1, 32, PUSH1, 0, KECCAK256, POP];
    let elsewhere = [DUP1, PUSH1, 1, SSTORE];
    let key = [PUSH1, 1, DUP2, SSTORE];
    let jump = [DUP1, PUSH1, 200, SUB, POP, DUP1, PUSH1, 0, MUL, POP];
    let size = [DUP1, EXTCODESIZE, POP];
    let shift = [DUP1, PUSH1, 1, SHR, POP];
    let mask = [DUP1, PUSH1, 7, AND, POP];
    let twice = [DUP1, DUP2, ADD, POP];
    let pay =
        [PUSH1, 0, PUSH1, 0, PUSH1, 0, PUSH1, 0, DUP5, CALLER, GAS, CALL, POP, STOP, STOP, STOP];
    let whole = [DUP1, PUSH1, 1, TSTORE];
    for (name, use_it) in [
        ("logged", &log[..]),
        ("a topic", &topic),
        ("hashed", &hash),
        ("stored elsewhere", &elsewhere),
        ("a slot's number", &key),
        ("multiplied", &jump),
        ("an address", &size),
        ("shifted", &shift),
        ("masked", &mask),
        ("doubled", &twice),
        ("paid", &pay[..13]),
        ("in transient storage", &whole),
    ] {
        // Slot 0, used, with the argument added.
        let add = [PUSH1, 0, CALLDATALOAD, ADD, PUSH1, 0, SSTORE];
        let code = [&[PUSH1, 0, SLOAD][..], use_it, &add].concat();
        let mut lab = called(&code, 41, &[1, 2, 3]);
        lab.owns(contract(9), 0);
        assert_eq!(lab.conflicts(), [(1, slot(0)), (2, slot(0))], "{name}");
        assert_eq!(left(&lab, 0), U256::from(47), "{name}");
    }
    // Returned to a caller, which stores it.
    let mut lab = called(&[], 0, &[]);
    let count = [PUSH1, 0, SLOAD, PUSH1, 1, ADD, DUP1, PUSH1, 0, SSTORE];
    let answer = [&count[..], &[PUSH1, 0, MSTORE, PUSH1, 32, PUSH1, 0, RETURN]].concat();
    lab.deploy(contract(1), 0, answer).stores(contract(1), 0, 8);
    let ask = [PUSH1, 32, PUSH1, 0, PUSH1, 0, PUSH1, 0, PUSH1, 0];
    let ask = [&ask[..], &[PUSH20], contract(1).as_slice(), &[GAS, CALL]].concat();
    lab.deploy(contract(2), 0, [&ask[..], &[PUSH1, 0, MLOAD, CALLER, SSTORE]].concat());
    for number in 1..4 {
        lab.send(user(number), contract(2), 0);
    }
    lab.claim(0, contract(1), 0);
    assert_eq!(lab.conflicts(), [(1, slot(0)), (2, slot(0))]);
}

#[test]
fn checks_of_packed_and_narrow_numbers_come_through() {
    let narrow = |mask: &[u8]| {
        let limit = [&[PUSH1 + mask.len() as u8 - 1][..], mask].concat();
        // x & mask, checked against the mask less d, and packed with what else there is.
        let load = [&[PUSH1, 0, SLOAD][..], &limit, &[AND, PUSH1, 0, CALLDATALOAD, ADD]].concat();
        let others = [&limit[..], &[NOT, PUSH1, 0, SLOAD, AND, OR, PUSH1, 0, SSTORE]].concat();
        [load, others].concat()
    };
    for mask in [&[0xff; 12][..], &[0xff; 32], &[0xff, 0xff]] {
        let lab = called(&narrow(mask), 40, &[1, 2, 3]);
        assert_eq!(lab.conflicts(), [], "{mask:?}");
        assert_eq!(left(&lab, 0), U256::from(46));
    }
    // 250 + 4 still fits into a byte, 254 + 4 does not: it spoils what is beside it.
    let lab = called(&narrow(&[0xff]), 250, &[4, 4, 4]);
    assert_eq!(lab.conflicts(), [(2, slot(0))]);
    // Of a word that no longer fits into its mask something is lost: 250 and 254 do fit,
    // 258 does not. The third was taken to have made 262 of it: the compiler let the
    // closure that looked at the mask overwrite it, and the condition was noted with what
    // was left of it, zero. A function looks at it now.
    let masked = [&[PUSH1, 0, SLOAD, PUSH1, 0xff, AND][..], &ADD_TO_0[3..], &[SSTORE]].concat();
    let lab = called(&masked, 250, &[4, 4]);
    assert_eq!(lab.conflicts(), []);
    let lab = called(&masked, 250, &[4, 4, 4]);
    assert_eq!(lab.conflicts(), [(2, slot(0))]);
    assert_eq!(left(&lab, 0), U256::from(6));
    // A flag in the highest bit, which nobody sets.
    let flag = [PUSH1, 0, SLOAD, PUSH1, 255, SHR, POP];
    let old_flag = [&[PUSH1, 1, PUSH1, 255, SHL, PUSH1, 0, SLOAD, DIV, POP][..]].concat();
    let signed = [PUSH1, 0, PUSH1, 0, SLOAD, SLT, POP];
    let equal = [PUSH1, 9, PUSH1, 0, SLOAD, EQ, POP];
    for check in [&flag[..], &old_flag, &signed, &equal] {
        let lab = called(&[check, &ADD_TO_0, &[SSTORE]].concat(), 40, &[1, 2, 3]);
        assert_eq!(lab.conflicts(), [], "{check:02x?}");
        assert_eq!(left(&lab, 0), U256::from(46));
    }
    // 40 + 2 is the answer that the third is not to see.
    let equal = [PUSH1, 42, PUSH1, 0, SLOAD, EQ, POP];
    let lab = called(&[&equal[..], &ADD_TO_0, &[SSTORE]].concat(), 40, &[1, 1, 1]);
    assert_eq!(lab.conflicts(), [(2, slot(0))]);
}

#[test]
fn a_branch_on_the_value_itself_is_a_comparison_with_zero() {
    // if (x) slot 1 := 1, then slot 0 := x - 1
    let code = [
        PUSH1, 0, SLOAD, DUP1, PUSH1, 13, JUMPI, PUSH1, 7, PUSH1, 1, SSTORE, STOP, JUMPDEST, PUSH1,
        1, SWAP1, SUB, PUSH1, 0, SSTORE,
    ];
    let lab = called(&code, 4, &[0, 0, 0]);
    assert_eq!(lab.conflicts(), []);
    assert_eq!(left(&lab, 0), U256::ONE);
    // The third would come to zero, and the fourth is at it.
    let lab = called(&code, 3, &[0, 0, 0, 0]);
    assert_eq!(lab.conflicts(), [(2, slot(0)), (3, slot(0))]);
    assert_eq!(left(&lab, 1), U256::from(7));
}

#[test]
fn an_addition_after_the_slot_was_overwritten_is_made_to_that() {
    let add = [&ADD_TO_0[..], &[SSTORE]].concat();
    // If value is sent, slot 0 becomes it.
    let set = [CALLVALUE, ISZERO, PUSH1, 10, JUMPI, CALLVALUE, PUSH1, 0, SSTORE, STOP, JUMPDEST];
    let mut lab = called(&[&set[..], &add].concat(), 40, &[1]);
    lab.send(user(7), contract(1), 1_000);
    lab.call(user(8), contract(1), 0, [U256::from(2)]);
    lab.call(user(9), contract(1), 0, [U256::from(3)]);
    lab.claim(1, contract(1), 0);
    // The one that overwrites depends on gas alone, which it claims in vain.
    assert_eq!(lab.conflicts(), [(1, slot(0))]);
    assert_eq!(left(&lab, 0), U256::from(1_005));
}

#[test]
fn a_transfer_to_oneself_takes_and_gives() {
    // slot 0 -= d if it suffices, slot (second word) += d
    let code = revert_if(&[&BOTH[..], &[DUP1, DUP3, LT]].concat());
    let give = [
        DUP1,
        SWAP2,
        SUB,
        PUSH1,
        0,
        SSTORE,
        PUSH1,
        32,
        CALLDATALOAD,
        SLOAD,
        ADD,
        PUSH1,
        32,
        CALLDATALOAD,
        SSTORE,
    ];
    let mut lab = called(&[&code[..], &give].concat(), 100, &[]);
    lab.stores(contract(1), 1, 5);
    for (number, to) in [(1, 1), (2, 0), (3, 0), (4, 1)] {
        lab.call(user(number), contract(1), 0, [U256::from(30), U256::from(to)]);
    }
    lab.claim(0, contract(1), 0).claim(0, contract(1), 1);
    assert_eq!(lab.conflicts(), []);
    assert_eq!(left(&lab, 0), U256::from(40));
    assert_eq!(left(&lab, 1), U256::from(65));
}

#[test]
fn what_a_reverted_frame_has_added_is_taken_back_and_what_it_saw_is_not() {
    // Called by itself: adds 7 to slot 0 and reverts, if that is less than 60. By others:
    // calls itself, then adds 1.
    let inner = [PUSH1, 0, SLOAD, PUSH1, 7, ADD, DUP1, PUSH1, 0, SSTORE, PUSH1, 60, SWAP1, LT];
    let inner = [&inner[..], &[PUSH1, 0, JUMPI]].concat();
    let inner = [&inner[..inner.len() - 3], &[ISZERO, PC, PUSH1, 10, ADD, JUMPI]].concat();
    let inner = [&inner[..], &[PUSH1, 0, PUSH1, 0, REVERT, JUMPDEST, STOP]].concat();
    let outer = [
        PUSH1, 0, PUSH1, 0, PUSH1, 0, PUSH1, 0, PUSH1, 0, ADDRESS, GAS, CALL, POP, PUSH1, 0, SLOAD,
        PUSH1, 1, ADD, PUSH1, 0, SSTORE, STOP,
    ];
    let at = outer.len() as u8 + 6;
    let fork = [CALLER, ADDRESS, EQ, PUSH1, at, JUMPI];
    let code = [&fork[..], &outer, &[JUMPDEST], &inner].concat();
    let lab = called(&code, 50, &[0, 0]);
    assert_eq!(lab.conflicts(), []);
    // With 53 the inner frame sees 60 and does not revert.
    let lab = called(&code, 51, &[0, 0, 0, 0]);
    let conflicts: Vec<_> = lab.conflicts().iter().map(|(tx, _)| *tx).collect();
    assert!(conflicts.contains(&2), "{conflicts:?}");
}

#[test]
fn a_slot_is_that_of_the_account_whose_code_is_lent() {
    // Lends its storage to contract 2 with the call data.
    let head = [
        CALLDATASIZE,
        PUSH1,
        0,
        PUSH1,
        0,
        CALLDATACOPY,
        PUSH1,
        0,
        PUSH1,
        0,
        CALLDATASIZE,
        PUSH1,
        0,
    ];
    for kind in [DELEGATECALL, CALLCODE] {
        let mut code = head.to_vec();
        if kind == CALLCODE {
            code.extend([PUSH1, 0]);
        }
        code.extend([&[PUSH20][..], contract(2).as_slice(), &[GAS, kind, STOP]].concat());
        let mut lab = called(&code, 40, &[1, 2, 3]);
        lab.deploy(contract(2), 0, checked_add()).stores(contract(2), 0, 9);
        lab.claim(0, contract(2), 0);
        assert_eq!(lab.conflicts(), []);
        assert_eq!(left(&lab, 0), U256::from(46));
    }
}

#[test]
fn words_of_two_slots_that_meet_are_compared_by_value() {
    // slot 0 += d; whether slot 1 is smaller is asked
    for meet in [LT, ADD, SUB, EQ] {
        let look = [PUSH1, 0, SLOAD, PUSH1, 1, SLOAD, meet, POP];
        let add_to_1 = [PUSH1, 1, SLOAD, PUSH1, 1, ADD, PUSH1, 1, SSTORE];
        let code = [&look[..], &add_to_1, &ADD_TO_0, &[SSTORE]].concat();
        let mut lab = called(&code, 40, &[1, 2]);
        lab.stores(contract(1), 1, 41).claim(0, contract(1), 1);
        assert_eq!(lab.conflicts(), [(1, slot(0))], "{meet:#x}");
    }
}

#[test]
fn slots_of_contracts_made_and_destroyed_on_the_way_are_right() {
    let mut lab = Lab::new(SpecId::LONDON);
    let add = [&ADD_TO_0[..], &[SSTORE]].concat();
    // Adds, and is gone if value is sent.
    let code =
        [&add[..], &[CALLVALUE, PUSH1, 15, JUMPI, STOP, JUMPDEST, CALLER, SELFDESTRUCT]].concat();
    lab.deploy(contract(1), 0, code).stores(contract(1), 0, 40);
    for (number, value) in [(1, 0), (2, 1), (3, 0), (4, 0)] {
        lab.call(user(number), contract(1), value, [U256::from(5)]);
    }
    let created = user(5).create(0);
    // Stores 3 in slot 0 and deploys nothing.
    lab.send(user(5), TxKind::Create, 0).data =
        vec![PUSH1, 3, PUSH1, 0, SSTORE, PUSH1, 0, SLOAD, PUSH1, 1, ADD, PUSH1, 0, SSTORE].into();
    lab.claim(0, contract(1), 0).claim(0, created, 0);
    lab.check();
}
