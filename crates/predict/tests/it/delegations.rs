//! Delegations ([EIP-7702](https://eips.ethereum.org/EIPS/eip-7702)) that replace one another.

use crate::{
    check::{Fields, check},
    programs::{block_of_calls, contract},
};
use alloy_primitives::{Address, Bytes, U256};
use foresee_access::{Location, Touch};
use foresee_execute::observe;
use foresee_predict::ProgramCache;
use revm::{
    context::either::Either,
    context_interface::transaction::{Authorization, RecoveredAuthority, RecoveredAuthorization},
    primitives::hardfork::SpecId,
    state::{AccountInfo, Bytecode},
};
use revm_bytecode::opcode;

#[test]
fn a_delegation_to_the_same_contract_changes_no_code() {
    let authority = Address::repeat_byte(0x77);
    let to = |n| (contract(n), Bytes::new(), 200_000, U256::ZERO);
    let calls = [to(0), to(0), to(0), to(1)];
    let programs = [vec![opcode::STOP], vec![opcode::ADDRESS, opcode::STOP]];
    let (mut block, mut state) = block_of_calls(SpecId::PRAGUE, &programs, &calls);
    let code = Bytecode::new_eip7702(contract(0));
    let delegated =
        AccountInfo { code_hash: code.hash_slow(), code: Some(code), ..AccountInfo::default() };
    state.insert_account_info(authority, delegated);
    // Two say what is so already, the third takes it away, the last gives another.
    let delegates = [contract(0), contract(0), Address::ZERO, contract(1)];
    for ((tx, address), nonce) in block.transactions.iter_mut().zip(delegates).zip(0..) {
        let authorization = Authorization { chain_id: U256::ZERO, address, nonce };
        let valid = RecoveredAuthority::Valid(authority);
        let signed = RecoveredAuthorization::new_unchecked(authorization, valid);
        (tx.tx_type, tx.gas_priority_fee) = (4, Some(0));
        tx.authorization_list = vec![Either::Right(signed)];
    }
    check(&ProgramCache::new(), &block, &state, "delegations", Fields::Exact);
    let code = Location::code(authority);
    let observed = observe(&block, &state).unwrap();
    let writes = observed.iter().map(|it| it.access.touch(&code).has(Touch::WRITE));
    assert_eq!(writes.collect::<Vec<_>>(), [false, false, true, true]);
}
