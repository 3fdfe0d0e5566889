//! From a snapshot to a block that can be executed.

use crate::{
    Fault, Rules, Snapshot,
    snapshot::{Senders, SnapshotAccount, SnapshotBlock},
};
use alloy_consensus::{Header, TxType};
use alloy_evm::FromRecoveredTx;
use alloy_primitives::{Address, B256, U256};
use foresee_execute::{Block, Protocol};
use revm::{
    context::{BlockEnv, CfgEnv, TxEnv},
    context_interface::block::BlobExcessGasAndPrice,
    database::{CacheDB, EmptyDB},
    primitives::{BLOCK_HASH_HISTORY, hardfork::SpecId},
    state::{AccountInfo, Bytecode},
};
use std::collections::BTreeMap;

/// A block ready to be executed, and the results that its header promises.
#[derive(Clone, Debug)]
pub struct LoadedBlock {
    /// The block.
    pub block: Block,
    /// The state before it. Execution only reads it.
    pub state: CacheDB<EmptyDB>,
    /// The header, where it carries results to compare with.
    pub expected: Option<Header>,
    /// Transaction hashes, in block order.
    pub hashes: Vec<B256>,
    /// The block's number.
    pub number: u64,
    /// Whether the block has an access list
    /// ([EIP-7928](https://eips.ethereum.org/EIPS/eip-7928)): its rules say so, or its
    /// header names one.
    pub access_list: bool,
    /// How many ommers the block has whose headers are not known. JSON-RPC
    /// names only their hashes, so neither their rewards nor the beneficiary's
    /// reward for including them can be paid: the post-state lacks them. Gas,
    /// receipts and logs are not affected.
    pub unknown_ommers: usize,
}

/// Makes a snapshot's block ready for execution.
pub(crate) fn load(snapshot: Snapshot) -> Result<LoadedBlock, Fault> {
    let Snapshot { chain, block, prestate, block_hashes } = snapshot;
    let rules = Rules::new(&chain, block.number, block.timestamp)?;
    let header = block.header();
    let (cfg, env) = environment(&header, &rules).map_err(|fault| fault.within("block"))?;
    let state = state(prestate, &block_hashes, &block);
    let expected = block.has_results().then_some(header);
    let protocol = protocol(&block, &rules).map_err(|fault| fault.within("block"))?;
    let access_list = rules.access_list || block.block_access_list_hash.is_some();
    let (number, unknown_ommers) = (block.number, block.uncles.len());
    let (transactions, hashes) = transactions(block, &rules)?;
    Ok(LoadedBlock {
        block: Block { cfg, env, transactions, protocol },
        state,
        expected,
        hashes,
        number,
        access_list,
        unknown_ommers,
    })
}

/// revm's configuration and block environment for a header.
///
/// # Errors
///
/// If the header lacks a field that the fork demands.
pub fn environment(header: &Header, rules: &Rules) -> Result<(CfgEnv, BlockEnv), Fault> {
    let mut cfg = CfgEnv::new_with_spec(rules.spec).with_chain_id(rules.chain_id);
    let mut env = BlockEnv {
        number: U256::from(header.number),
        beneficiary: header.beneficiary,
        timestamp: U256::from(header.timestamp),
        gas_limit: header.gas_limit,
        basefee: 0,
        difficulty: header.difficulty,
        prevrandao: None,
        blob_excess_gas_and_price: None,
        slot_num: 0,
    };
    if rules.spec.is_enabled_in(SpecId::LONDON) {
        env.basefee = required("baseFeePerGas", rules, header.base_fee_per_gas)?;
    }
    if rules.spec.is_enabled_in(SpecId::MERGE) {
        env.difficulty = U256::ZERO;
        env.prevrandao = Some(header.mix_hash);
    }
    if let Some(blobs) = &rules.blobs {
        let excess_blob_gas = required("excessBlobGas", rules, header.excess_blob_gas)?;
        cfg.set_max_blobs_per_tx(blobs.max_blobs_per_tx);
        cfg.blob_base_fee_update_fraction = u64::try_from(blobs.update_fraction).ok();
        env.blob_excess_gas_and_price = Some(BlobExcessGasAndPrice {
            excess_blob_gas,
            blob_gasprice: blobs.calc_blob_fee(excess_blob_gas),
        });
    }
    Ok((cfg, env))
}

/// What the protocol changes around the transactions.
fn protocol(block: &SnapshotBlock, rules: &Rules) -> Result<Protocol, Fault> {
    if rules.spec.is_enabled_in(SpecId::MERGE) {
        // The header type has a zero where there is none.
        required("mixHash", rules, block.mix_hash)?;
    }
    let parent_beacon_block_root = match rules.spec.is_enabled_in(SpecId::CANCUN) {
        true => Some(required("parentBeaconBlockRoot", rules, block.parent_beacon_block_root)?),
        false => None,
    };
    Ok(Protocol {
        parent_hash: block.parent_hash,
        parent_beacon_block_root,
        ommers: Vec::new(),
        withdrawals: block.withdrawals.clone().unwrap_or_default(),
        deposit_contract: Some(rules.deposit_contract),
        dao_fork: rules.dao_fork,
        max_blob_gas: rules.blobs.map(|blobs| blobs.max_blob_gas_per_block()),
        request_contracts_required: false,
    })
}

/// A header field that the fork demands.
fn required<T>(field: &str, rules: &Rules, value: Option<T>) -> Result<T, Fault> {
    value.ok_or_else(|| Fault::field(field, format!("missing, {} demands it", rules.spec)))
}

/// Transactions with their senders, and their hashes.
fn transactions(block: SnapshotBlock, rules: &Rules) -> Result<(Vec<TxEnv>, Vec<B256>), Fault> {
    let senders = match rules.spec.is_enabled_in(SpecId::HOMESTEAD) {
        true => Senders::LowS,
        false => Senders::AnyS,
    };
    let load = |tx: crate::SnapshotTransaction| {
        let since = first_fork(tx.known_type()?);
        if !rules.spec.is_enabled_in(since) {
            let reason = format!("{:#x} does not exist before {since}", tx.tx_type);
            return Err(Fault::field("type", format!("{reason}, the fork is {}", rules.spec)));
        }
        let (envelope, sender, hash) = tx.into_parts(senders)?;
        Ok((TxEnv::from_recovered_tx(&envelope, sender), hash))
    };
    block
        .transactions
        .into_iter()
        .enumerate()
        .map(|(i, tx)| load(tx).map_err(|fault| fault.within(&format!("block.transactions[{i}]"))))
        .collect()
}

/// The fork that introduced a transaction type.
const fn first_fork(tx_type: TxType) -> SpecId {
    match tx_type {
        TxType::Legacy => SpecId::FRONTIER,
        TxType::Eip2930 => SpecId::BERLIN,
        TxType::Eip1559 => SpecId::LONDON,
        TxType::Eip4844 => SpecId::CANCUN,
        TxType::Eip7702 => SpecId::PRAGUE,
    }
}

/// The state before the block.
fn state(
    prestate: BTreeMap<Address, SnapshotAccount>,
    block_hashes: &BTreeMap<u64, B256>,
    block: &SnapshotBlock,
) -> CacheDB<EmptyDB> {
    let mut state = CacheDB::new(EmptyDB::new());
    for (address, account) in prestate {
        let SnapshotAccount { balance, nonce, code, storage } = account;
        // What begins like a delegation without being one is code like any other.
        let code =
            Bytecode::new_raw_checked(code.clone()).unwrap_or_else(|_| Bytecode::new_legacy(code));
        let info = AccountInfo::new(balance, nonce, code.hash_slow(), code);
        state.insert_account_info(address, info);
        if let Some(account) = state.cache.accounts.get_mut(&address) {
            account.storage.extend(storage);
        }
    }
    // revm's empty state makes up a hash for every block; one that the snapshot
    // does not list is zero.
    let oldest = block.number.saturating_sub(BLOCK_HASH_HISTORY);
    for number in oldest..block.number {
        let hash = block_hashes.get(&number).copied().unwrap_or_default();
        state.cache.block_hashes.insert(U256::from(number), hash);
    }
    if let Some(parent) = block.number.checked_sub(1) {
        state.cache.block_hashes.insert(U256::from(parent), block.parent_hash);
    }
    state
}
