//! From signed transactions to a snapshot: the block is executed in order once,
//! read back the way anyone would read it, and its header is filled with the
//! results.

use crate::{
    GenerateError,
    setting::{CHAIN_ID, SPEC, Setting, TIMESTAMP},
    sign::BASE_FEE,
};
use alloy_consensus::{
    Header, Transaction, TxEnvelope, TxReceipt,
    constants::EMPTY_OMMER_ROOT_HASH,
    proofs::{calculate_receipt_root, calculate_transaction_root, calculate_withdrawals_root},
    transaction::Recovered,
};
use alloy_eips::{Typed2718, eip4895::Withdrawal, eip7840::BlobParams};
use alloy_primitives::{B256, Bloom, Bytes, U256};
use foresee_execute::{BlockOutput, apply_changes, execute_in_order, state_root};
use foresee_source::{
    BlobSchedule, ChainRules, ForkRules, Snapshot, SnapshotBlock, SnapshotTransaction,
};
use std::collections::BTreeMap;

/// Number of the block.
const NUMBER: u64 = 30_000_000;
/// Gas that a block may use, unless its transactions need more.
const GAS_LIMIT: u64 = 60_000_000;
/// Blob gas used above the target before the block.
const EXCESS_BLOB_GAS: u64 = 50_000_000;
/// The most withdrawals in a block.
const WITHDRAWALS_MAX: u64 = 16;
/// The most that one withdrawal credits, in gwei.
const WITHDRAWAL_MAX_GWEI: u64 = 20_000_000;

/// Puts transactions into a block over the state before it, and executes it.
///
/// # Errors
/// If a transaction is invalid or the block cannot be executed.
pub(crate) fn seal(
    setting: &mut Setting,
    transactions: Vec<Recovered<TxEnvelope>>,
) -> Result<Snapshot, GenerateError> {
    let withdrawals = withdrawals(setting);
    let header = open(setting, &transactions, &withdrawals);
    let mut snapshot = Snapshot {
        chain: rules(),
        block: block(header.clone(), &transactions, &withdrawals),
        prestate: setting.world.state(),
        block_hashes: BTreeMap::from([(NUMBER - 1, header.parent_hash)]),
    };
    let (output, state_root) = execute(&snapshot)?;
    let header = close(header, state_root, &output);
    snapshot.block = block(header, &transactions, &withdrawals);
    Ok(snapshot)
}

/// The header without the results.
fn open(
    setting: &mut Setting,
    transactions: &[Recovered<TxEnvelope>],
    withdrawals: &[Withdrawal],
) -> Header {
    let gas: u64 = transactions.iter().map(|transaction| transaction.gas_limit()).sum();
    let envelopes: Vec<_> = transactions.iter().map(Recovered::inner).collect();
    Header {
        parent_hash: setting.random.word(),
        ommers_hash: EMPTY_OMMER_ROOT_HASH,
        beneficiary: setting.random.address(),
        transactions_root: calculate_transaction_root(&envelopes),
        number: NUMBER,
        gas_limit: gas.max(GAS_LIMIT),
        timestamp: TIMESTAMP,
        extra_data: Bytes::from_static(b"foresee"),
        mix_hash: setting.random.word(),
        base_fee_per_gas: Some(BASE_FEE),
        withdrawals_root: Some(calculate_withdrawals_root(withdrawals)),
        excess_blob_gas: Some(EXCESS_BLOB_GAS),
        parent_beacon_block_root: Some(setting.random.word()),
        ..Header::default()
    }
}

/// The header with the results.
fn close(header: Header, state_root: B256, output: &BlockOutput) -> Header {
    let receipts: Vec<_> = output.receipts.iter().map(TxReceipt::with_bloom_ref).collect();
    Header {
        state_root,
        receipts_root: calculate_receipt_root(&receipts),
        logs_bloom: receipts.iter().fold(Bloom::ZERO, |bloom, receipt| bloom | receipt.logs_bloom),
        gas_used: output.gas_used,
        blob_gas_used: Some(output.blob_gas_used),
        requests_hash: Some(output.requests.requests_hash()),
        ..header
    }
}

/// Executes the block. A generated block comes with the whole state before it, so
/// the state after it has a root.
fn execute(snapshot: &Snapshot) -> Result<(BlockOutput, B256), GenerateError> {
    let loaded = snapshot.clone().into_block().map_err(GenerateError::execute)?;
    let (block, mut state) = (loaded.block, loaded.state);
    let output = execute_in_order(&block, &state).map_err(GenerateError::execute)?;
    if let Some(invalid) = output.invalid.first() {
        return Err(GenerateError::Invalid {
            index: invalid.index.position(),
            reason: invalid.reason.to_string(),
        });
    }
    apply_changes(&mut state, &output.state);
    Ok((output, state_root(&state)))
}

/// The fork by name, with its blob parameters spelt out.
fn rules() -> ChainRules {
    let BlobParams { target_blob_count, max_blob_count, update_fraction, .. } = BlobParams::osaka();
    let blob_schedule = u64::try_from(update_fraction).ok().map(|fraction| BlobSchedule {
        target: target_blob_count,
        max: max_blob_count,
        base_fee_update_fraction: fraction,
    });
    let fork = <&str>::from(SPEC).to_ascii_lowercase();
    ChainRules::Fork(ForkRules { id: CHAIN_ID, fork, blob_schedule, access_list: false })
}

fn withdrawals(setting: &mut Setting) -> Vec<Withdrawal> {
    let random = &mut setting.random;
    let (count, first) = (random.below(WITHDRAWALS_MAX + 1), random.below(1_000_000));
    (first..first + count)
        .map(|index| Withdrawal {
            index,
            validator_index: random.below(1_000_000),
            address: random.address(),
            amount: random.below(WITHDRAWAL_MAX_GWEI),
        })
        .collect()
}

fn block(
    header: Header,
    transactions: &[Recovered<TxEnvelope>],
    withdrawals: &[Withdrawal],
) -> SnapshotBlock {
    SnapshotBlock {
        transactions: transactions.iter().map(transaction).collect(),
        withdrawals: Some(withdrawals.to_vec()),
        ..header.into()
    }
}

fn transaction(transaction: &Recovered<TxEnvelope>) -> SnapshotTransaction {
    let (envelope, signature) = (transaction.inner(), transaction.signature());
    let dynamic = envelope.is_dynamic_fee();
    let v = match envelope {
        TxEnvelope::Legacy(signed) => legacy_v(signature.v(), signed.tx().chain_id),
        _ => u64::from(signature.v()),
    };
    SnapshotTransaction {
        tx_type: envelope.ty(),
        hash: Some(*envelope.tx_hash()),
        from: Some(transaction.signer()),
        to: envelope.to(),
        nonce: envelope.nonce(),
        gas: envelope.gas_limit(),
        value: envelope.value(),
        input: envelope.input().clone(),
        chain_id: envelope.chain_id(),
        gas_price: Some(envelope.effective_gas_price(Some(BASE_FEE))),
        max_fee_per_gas: dynamic.then(|| envelope.max_fee_per_gas()),
        max_priority_fee_per_gas: envelope.max_priority_fee_per_gas(),
        access_list: envelope.access_list().cloned(),
        max_fee_per_blob_gas: envelope.max_fee_per_blob_gas(),
        blob_versioned_hashes: envelope.blob_versioned_hashes().map(<[_]>::to_vec),
        authorization_list: envelope.authorization_list().map(<[_]>::to_vec),
        v: Some(U256::from(v)),
        r: Some(signature.r()),
        s: Some(signature.s()),
    }
}

/// A legacy signature's `v` carries the chain id, if there is one
/// ([EIP-155](https://eips.ethereum.org/EIPS/eip-155)).
fn legacy_v(odd: bool, chain_id: Option<u64>) -> u64 {
    u64::from(odd) + chain_id.map_or(27, |chain_id| 35 + 2 * chain_id)
}
