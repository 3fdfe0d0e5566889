//! What a block reads for certain, told without executing anything. Keys may come twice.

use super::StateKey;
use crate::Block;
use alloy_eips::{
    eip2935::{HISTORY_SERVE_WINDOW, HISTORY_STORAGE_ADDRESS},
    eip4788::BEACON_ROOTS_ADDRESS,
    eip7002::WITHDRAWAL_REQUEST_PREDEPLOY_ADDRESS,
    eip7251::CONSOLIDATION_REQUEST_PREDEPLOY_ADDRESS,
};
use alloy_evm::eth::dao_fork::{DAO_HARDFORK_ACCOUNTS, DAO_HARDFORK_BENEFICIARY};
use alloy_primitives::{Address, U256};
use revm::{
    context::TxEnv,
    context_interface::transaction::{AccessListItemTr, Transaction, TransactionType},
    primitives::hardfork::SpecId,
};

/// Slots of the ring buffer of beacon roots
/// ([EIP-4788](https://eips.ethereum.org/EIPS/eip-4788)); as many again hold the roots.
const BEACON_ROOTS_WINDOW: u64 = 8191;

/// The first slots of a contract that collects requests: excess, count, head and tail of
/// its queue ([EIP-7002](https://eips.ethereum.org/EIPS/eip-7002),
/// [EIP-7251](https://eips.ethereum.org/EIPS/eip-7251)).
const REQUEST_SLOTS: u64 = 4;

/// What a block reads before its transactions: the fees' receiver, and what the protocol
/// changes then.
pub fn reads_before(block: &Block) -> Vec<StateKey> {
    let mut keys = vec![StateKey::Account(block.env.beneficiary)];
    before_transactions(block, &mut keys);
    keys
}

/// What a transaction reads for certain: sender, receiver, access list.
pub fn reads_of(tx: &TxEnv) -> Vec<StateKey> {
    let mut keys = vec![StateKey::Account(tx.caller)];
    keys.extend(tx.kind.to().copied().map(StateKey::Account));
    if tx.tx_type() != TransactionType::Legacy {
        for item in tx.access_list.iter() {
            let slots = item.storage_slots().map(|slot| U256::from_be_bytes(slot.0));
            keys.extend(contract(*item.address(), slots));
        }
    }
    keys
}

/// What the protocol reads after the transactions.
pub fn reads_after(block: &Block) -> Vec<StateKey> {
    let mut keys = Vec::new();
    after_transactions(block, &mut keys);
    keys
}

fn before_transactions(block: &Block, keys: &mut Vec<StateKey>) {
    let has = |fork| block.cfg.spec.is_enabled_in(fork);
    if block.protocol.dao_fork {
        let accounts = DAO_HARDFORK_ACCOUNTS.into_iter().chain([DAO_HARDFORK_BENEFICIARY]);
        keys.extend(accounts.map(StateKey::Account));
    }
    if has(SpecId::PRAGUE) {
        let parent = block.env.number.saturating_sub(U256::ONE);
        let slot = parent % U256::from(HISTORY_SERVE_WINDOW);
        keys.extend(contract(HISTORY_STORAGE_ADDRESS, [slot]));
    }
    if has(SpecId::CANCUN) {
        let window = U256::from(BEACON_ROOTS_WINDOW);
        let slot = block.env.timestamp % window;
        keys.extend(contract(BEACON_ROOTS_ADDRESS, [slot, slot + window]));
    }
}

fn after_transactions(block: &Block, keys: &mut Vec<StateKey>) {
    let has = |fork| block.cfg.spec.is_enabled_in(fork);
    if !has(SpecId::MERGE) {
        keys.extend(block.protocol.ommers.iter().map(|it| StateKey::Account(it.beneficiary)));
    }
    if has(SpecId::SHANGHAI) {
        keys.extend(block.protocol.withdrawals.iter().map(|it| StateKey::Account(it.address)));
    }
    if has(SpecId::PRAGUE) {
        for address in
            [WITHDRAWAL_REQUEST_PREDEPLOY_ADDRESS, CONSOLIDATION_REQUEST_PREDEPLOY_ADDRESS]
        {
            keys.extend(contract(address, (0..REQUEST_SLOTS).map(U256::from)));
        }
    }
}

/// An account with some of its slots.
fn contract(
    address: Address,
    slots: impl IntoIterator<Item = U256>,
) -> impl Iterator<Item = StateKey> {
    let slots = slots.into_iter().map(move |slot| StateKey::Slot(address, slot));
    [StateKey::Account(address)].into_iter().chain(slots)
}
