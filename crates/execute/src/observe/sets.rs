//! From a transaction's journal and what its code looked at to its access set.

use super::witness::Witness;
use crate::Block;
use alloy_primitives::{Address, U256, map::AddressSet};
use foresee_access::{AccessSet, Location};
use revm::{
    context::TxEnv,
    context_interface::transaction::{AuthorizationTr, Transaction},
    primitives::{TxKind, hardfork::SpecId},
    state::{Account, AccountInfo, EvmState},
};

/// What an included transaction read and wrote.
pub(crate) fn access_set(
    block: &Block,
    tx: &TxEnv,
    gas_used: u64,
    witness: &Witness,
    state: &EvmState,
) -> AccessSet {
    let mut reads = account_reads(tx, witness, state);
    let mut writes = Vec::new();
    let existence = looked_at_by_existence(witness, state);
    reads.extend(existence.iter().copied().map(Location::balance));
    let mut commutative = settled_at_commit(tx, witness);
    for (&address, account) in state {
        let fee = match address == block.env.beneficiary {
            true => fee(block, tx, gas_used),
            false => U256::ZERO,
        };
        let before = account.original_info();
        let after = end(account, fee);
        if before.balance != after.balance {
            let balance = Location::balance(address);
            writes.push(balance);
            // Changed without being looked at: it was credited and no more.
            if !witness.balance.contains(&address) && !existence.contains(&address) {
                commutative.push(balance);
            }
        }
        if before.nonce != after.nonce {
            writes.push(Location::nonce(address));
        }
        if before.code_hash != after.code_hash {
            writes.push(Location::code(address));
        }
        for (&slot, value) in &account.storage {
            let location = Location::slot(address, slot);
            reads.push(location);
            let present = match account.is_selfdestructed() {
                true => U256::ZERO,
                false => value.present_value,
            };
            if value.original_value != present {
                writes.push(location);
            }
        }
    }
    AccessSet::new(reads, writes, commutative)
}

/// The account fields that the transaction or its code looked at, of accounts
/// that were really loaded.
fn account_reads(tx: &TxEnv, witness: &Witness, state: &EvmState) -> Vec<Location> {
    let loaded = |address: &&Address| state.contains_key(*address);
    let mut reads = vec![Location::nonce(tx.caller), Location::balance(tx.caller)];
    reads.extend(witness.balance.iter().filter(loaded).copied().map(Location::balance));
    reads.extend(witness.nonce.iter().filter(loaded).copied().map(Location::nonce));
    reads.extend(witness.code.iter().filter(loaded).copied().map(Location::code));
    let (recipient, created) = match &tx.kind {
        TxKind::Call(to) => (Some(to), None),
        TxKind::Create => (None, Some(tx.caller.create(tx.nonce))),
    };
    reads.extend(created.iter().filter(loaded).copied().map(Location::code));
    for called in witness.called.iter().chain(recipient).filter(loaded) {
        reads.push(Location::code(*called));
        let delegate = state[called].info.code.as_ref().and_then(|code| code.eip7702_address());
        reads.extend(delegate.iter().filter(loaded).copied().map(Location::code));
    }
    let authorities = tx.authorization_list().filter_map(|authorization| authorization.authority());
    for authority in authorities.filter(|authority| loaded(&authority)) {
        reads.extend([Location::nonce(authority), Location::code(authority)]);
    }
    reads
}

/// Accounts of which the code found out whether they are empty, where the balance
/// decides that: the surcharge for a new account depends on earlier payments.
fn looked_at_by_existence(witness: &Witness, state: &EvmState) -> AddressSet {
    let by_balance = |address: &Address| {
        state.get(address).is_some_and(|account| {
            let before = account.original_info();
            before.nonce == 0 && before.is_empty_code_hash()
        })
    };
    witness.existence.iter().copied().filter(by_balance).collect()
}

/// The sender's nonce and solvency, unless its code looked at them: with
/// [EIP-7702](https://eips.ethereum.org/EIPS/eip-7702) a sender can have code.
fn settled_at_commit(tx: &TxEnv, witness: &Witness) -> Vec<Location> {
    let mut settled = Vec::new();
    let authorizes_itself =
        tx.authorization_list().any(|authorization| authorization.authority() == Some(tx.caller));
    if !witness.nonce.contains(&tx.caller) && !authorizes_itself {
        settled.push(Location::nonce(tx.caller));
    }
    if !witness.balance.contains(&tx.caller) {
        settled.push(Location::balance(tx.caller));
    }
    settled
}

/// An account after the transaction, without the fee it earned as beneficiary.
fn end(account: &Account, fee: U256) -> AccountInfo {
    if account.is_selfdestructed() {
        return AccountInfo::default();
    }
    let balance = account.info.balance.saturating_sub(fee);
    AccountInfo { balance, ..account.info.clone() }
}

/// What the beneficiary earns by the transaction, in wei
/// ([EIP-1559](https://eips.ethereum.org/EIPS/eip-1559)).
fn fee(block: &Block, tx: &TxEnv, gas_used: u64) -> U256 {
    let base_fee = u128::from(block.env.basefee);
    let price = tx.effective_gas_price(base_fee);
    let earned = match block.cfg.spec.is_enabled_in(SpecId::LONDON) {
        true => price.saturating_sub(base_fee),
        false => price,
    };
    U256::from(earned) * U256::from(gas_used)
}
