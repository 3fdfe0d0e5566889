//! Accounts that delegate to code
//! ([EIP-7702](https://eips.ethereum.org/EIPS/eip-7702)).

use super::lab::{Lab, contract, user, word};
use revm::{
    bytecode::opcode::*,
    context::{TxEnv, either::Either},
    context_interface::transaction::{Authorization, RecoveredAuthority, RecoveredAuthorization},
    primitives::{Address, U256, hardfork::SpecId},
};

/// Makes a transaction carry an authorization.
fn authorize(tx: &mut TxEnv, authority: Address, nonce: u64, code: Address) {
    tx.tx_type = 4;
    tx.gas_priority_fee = Some(1);
    let authorization = Authorization { chain_id: U256::ONE, address: code, nonce };
    let authority = RecoveredAuthority::Valid(authority);
    let recovered = RecoveredAuthorization::new_unchecked(authorization, authority);
    tx.authorization_list.push(Either::Right(recovered));
}

/// Counts in slot 0 of whoever delegates to it.
fn counter(lab: &mut Lab) -> Address {
    let code = vec![PUSH0, SLOAD, PUSH1, 1, ADD, PUSH0, SSTORE];
    lab.deploy(contract(1), 0, code);
    contract(1)
}

#[test]
fn a_sender_delegates_for_itself() {
    let mut lab = Lab::new(SpecId::PRAGUE);
    let code = counter(&mut lab);
    authorize(lab.send(user(1), user(1), 0), user(1), 1, code);
    lab.skip_nonce(user(1));
    lab.send(user(1), user(1), 0);
    lab.send(user(2), user(1), 3);
    lab.send(user(1), user(2), 0);
    let output = lab.check();
    assert!(output.invalid.is_empty());
    let account = output.state.account(&user(1)).unwrap();
    assert_eq!(account.storage[&U256::ZERO].present_value, U256::from(3));
}

#[test]
fn an_authority_sends_later_in_the_block() {
    let mut lab = Lab::new(SpecId::PRAGUE);
    let code = counter(&mut lab);
    lab.send(user(1), user(2), 1);
    authorize(lab.send(user(3), user(1), 0), user(1), 1, code);
    // Invalid, because the authorization has used this nonce.
    lab.send(user(1), user(2), 1);
    lab.send(user(1), user(1), 1);
    lab.send(user(4), user(1), 1);
    let invalid: Vec<_> = lab.check().invalid.iter().map(|invalid| invalid.index.0).collect();
    assert_eq!(invalid, [2]);
}

#[test]
fn authorities_that_exist_and_that_do_not() {
    let mut lab = Lab::new(SpecId::OSAKA);
    let code = counter(&mut lab);
    for (sender, nonce) in [(1, 0), (2, 0), (3, 1), (4, 2)] {
        authorize(lab.send(user(sender), user(9), 0), user(9), nonce, code);
        lab.send(user(5), user(9), 1);
    }
    // Delegated back to nothing, and on to a contract that does not exist.
    authorize(lab.send(user(6), user(9), 0), user(9), 3, Address::ZERO);
    authorize(lab.send(user(7), user(9), 0), user(9), 4, contract(2));
    lab.send(user(8), user(9), 1);
    lab.check();
}

#[test]
fn a_delegated_sender_creates_and_pays() {
    let mut lab = Lab::new(SpecId::PRAGUE);
    // CREATE of nothing with 3 wei; address into slot 0. CALL the caller with 2 wei.
    let code = vec![
        PUSH0, PUSH0, PUSH1, 3, CREATE, PUSH0, SSTORE, PUSH0, PUSH0, PUSH0, PUSH0, PUSH1, 2,
        CALLER, GAS, CALL,
    ];
    lab.deploy(contract(1), 0, code);
    authorize(lab.send(user(1), user(1), 0), user(1), 1, contract(1));
    lab.skip_nonce(user(1));
    // The creation has used a nonce too.
    lab.skip_nonce(user(1));
    lab.send(user(1), user(2), 1);
    lab.send(user(2), user(1), 1);
    lab.skip_nonce(user(1));
    lab.send(user(1), user(1), 1);
    lab.call(user(3), user(1), 1, [word(user(4))]);
    lab.check();
}

#[test]
fn wrong_authorizations_do_nothing() {
    let mut lab = Lab::new(SpecId::PRAGUE);
    let code = counter(&mut lab);
    let tx = lab.send(user(1), user(9), 0);
    authorize(tx, user(9), 5, code);
    authorize(tx, contract(1), 1, code);
    authorize(tx, user(8), u64::MAX, code);
    authorize(tx, user(7), 0, code);
    authorize(tx, user(7), 1, code);
    lab.send(user(2), user(7), 0);
    lab.send(user(7), user(2), 0);
    lab.check();
}

/// A block in which somebody is delegated after whom the next transaction, from this
/// somebody, was executed on a state without the delegation.
fn delegated_meanwhile(to: Address, prepare: impl FnOnce(&mut Lab)) -> Vec<u32> {
    let mut lab = Lab::new(SpecId::PRAGUE);
    let code = counter(&mut lab);
    prepare(&mut lab);
    authorize(lab.send(user(2), user(9), 0), user(1), 0, code);
    lab.skip_nonce(user(1));
    lab.call(user(1), to, 1, [word(user(1))]);
    lab.call(user(3), to, 1, [word(user(1))]);
    lab.conflicts().into_iter().map(|(tx, _)| tx).collect()
}

/// A sender's code was compared like any other, though a sender that nobody calls does the
/// same whether it delegates or not.
#[test]
fn a_sender_that_nobody_calls_may_be_delegated_meanwhile() {
    assert!(delegated_meanwhile(user(5), |_| ()).is_empty());
    let deploys = |lab: &mut Lab| {
        lab.deploy(contract(2), 0, vec![CALLER, POP]);
    };
    assert!(delegated_meanwhile(contract(2), deploys).is_empty());
}

#[test]
fn the_code_of_a_sender_is_looked_at() {
    let named: [(u8, &[u8]); 7] = [
        (CALL, &[PUSH0, PUSH0, PUSH0, PUSH0, PUSH0]),
        (CALLCODE, &[PUSH0, PUSH0, PUSH0, PUSH0, PUSH0]),
        (DELEGATECALL, &[PUSH0, PUSH0, PUSH0, PUSH0]),
        (STATICCALL, &[PUSH0, PUSH0, PUSH0, PUSH0]),
        (EXTCODESIZE, &[]),
        (EXTCODEHASH, &[]),
        (EXTCODECOPY, &[PUSH1, 32, PUSH0, PUSH0]),
    ];
    for (opcode, operands) in named {
        let mut code = [operands, &[PUSH0, CALLDATALOAD]].concat();
        if matches!(opcode, CALL | CALLCODE | DELEGATECALL | STATICCALL) {
            code.push(GAS);
        }
        code.push(opcode);
        if opcode == EXTCODECOPY {
            code.extend([PUSH0, MLOAD]);
        }
        code.extend([PUSH0, SSTORE]);
        let deploys = |lab: &mut Lab| {
            lab.deploy(contract(2), 0, code);
        };
        let conflicts = delegated_meanwhile(contract(2), deploys);
        assert!(conflicts.contains(&1), "opcode {opcode:#x}: {conflicts:?}");
    }
    // The sender calls itself, and somebody who delegates to it.
    assert!(delegated_meanwhile(user(1), |_| ()).contains(&1));
    let delegates = |lab: &mut Lab| {
        let code = revm::state::Bytecode::new_eip7702(user(1));
        let info = revm::state::AccountInfo { nonce: 1, ..Default::default() };
        lab.db.insert_account_info(user(6), info.with_code(code));
    };
    assert!(delegated_meanwhile(user(6), delegates).contains(&1));
}

/// Nonces and existence of all accounts were compared where anybody authorized anything.
#[test]
fn only_who_authorizes_has_to_be_as_it_was() {
    let mut lab = Lab::new(SpecId::PRAGUE);
    let code = counter(&mut lab);
    lab.owns(user(7), 0_u64);
    lab.send(user(5), user(8), 1);
    lab.send(user(2), user(7), 1);
    // Meanwhile user 5 has sent something and user 7 is not empty any more.
    authorize(lab.send(user(3), user(5), 0), user(1), 0, code);
    authorize(lab.send(user(4), user(7), 0), user(6), 0, code);
    assert_eq!(lab.conflicts(), []);
}
