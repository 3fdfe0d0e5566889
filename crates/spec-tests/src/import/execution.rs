//! Executing a block whose header and body are valid, in order and in parallel,
//! and comparing the results with the header.

use super::{
    body::{self, NetworkBlock},
    parallel,
    rejection::Rejected,
};
use crate::Failure;
use alloy_consensus::{EthereumTxEnvelope, TxEip4844, transaction::SignerRecoverable};
use alloy_evm::FromRecoveredTx;
use alloy_primitives::Address;
use foresee_execute::{
    AccessList, AccessListRules, Block, BlockOutput, ExecuteError, Protocol, Reports,
    apply_changes, execute_in_order_reporting, state_root, verify_access_list,
};
use foresee_source::{HeaderMatch, Rules, environment};
use revm::{
    context::TxEnv,
    database::{CacheDB, EmptyDB},
    primitives::hardfork::SpecId,
};

/// The state of a chain after a block.
pub(crate) type State = CacheDB<EmptyDB>;

/// A block of a case, ready for execution, with its rules and the state before it.
#[derive(Clone, Debug)]
pub struct SpecBlock {
    /// The rules.
    pub rules: Rules,
    /// The block as the network sends it.
    pub network: NetworkBlock,
    /// The block.
    pub block: Block,
    /// The state before it.
    pub state: State,
}

/// Makes a decoded block ready for execution.
pub fn ready(network: NetworkBlock, rules: Rules, state: State) -> Result<SpecBlock, Rejected> {
    let NetworkBlock { header, body } = &network;
    let (cfg, env) =
        environment(header, &rules).map_err(|fault| Rejected::Header(fault.to_string()))?;
    let transactions = body
        .transactions
        .iter()
        .enumerate()
        .map(|(index, tx)| match sender(tx, rules.spec) {
            Ok(sender) => Ok(TxEnv::from_recovered_tx(tx, sender)),
            Err(reason) => Err(Rejected::Sender { index, reason }),
        })
        .collect::<Result<_, _>>()?;
    let protocol = Protocol {
        parent_hash: header.parent_hash,
        parent_beacon_block_root: header.parent_beacon_block_root,
        ommers: body.ommers.clone(),
        withdrawals: body.withdrawals.clone().unwrap_or_default().into_inner(),
        deposit_contract: Some(rules.deposit_contract),
        dao_fork: rules.dao_fork,
        max_blob_gas: rules.blobs.map(|blobs| blobs.max_blob_gas_per_block()),
        request_contracts_required: true,
    };
    let block = Block { cfg, env, transactions, protocol };
    Ok(SpecBlock { rules, network, block, state })
}

/// The sender, by the fork's rules for signatures
/// ([EIP-2](https://eips.ethereum.org/EIPS/eip-2),
/// [EIP-155](https://eips.ethereum.org/EIPS/eip-155)).
fn sender(tx: &EthereumTxEnvelope<TxEip4844>, spec: SpecId) -> Result<Address, String> {
    if tx.is_replay_protected() && !spec.is_enabled_in(SpecId::SPURIOUS_DRAGON) {
        return Err("a chain id before Spurious Dragon".to_owned());
    }
    let recovered = match spec.is_enabled_in(SpecId::HOMESTEAD) {
        true => tx.recover_signer(),
        false => tx.recover_signer_unchecked(),
    };
    recovered.map_err(|error| error.to_string())
}

/// Executes a block and returns the state after it.
pub(crate) fn execute(
    spec: SpecBlock,
    access_list: Option<&AccessList>,
) -> Result<Result<State, Rejected>, Failure> {
    let reports = Reports { access_list: true, ..Reports::default() };
    let in_order = execute_in_order_reporting(&spec.block, &spec.state, reports)
        .map(|outcome| (outcome.output, outcome.access_list.unwrap_or_default()));
    parallel::compare(&spec, access_list, &in_order)?;
    Ok(in_order
        .map_err(|error| match error {
            ExecuteError::Header(reason) => Rejected::Header(reason),
            error => Rejected::Execution(error.to_string()),
        })
        .and_then(|(output, executed)| accept(spec, &output, access_list, &executed)))
}

/// Compares the results with the header and makes the state after the block.
fn accept(
    spec: SpecBlock,
    output: &BlockOutput,
    listed: Option<&AccessList>,
    executed: &AccessList,
) -> Result<State, Rejected> {
    let SpecBlock { rules, network, mut state, .. } = spec;
    if let Some(invalid) = output.invalid.first() {
        return Err(Rejected::Transaction(invalid.clone()));
    }
    body::check(&network).map_err(Rejected::Body)?;
    let header = &network.header;
    let found = HeaderMatch::new(output, Some(header), rules.spec);
    if !found.holds() {
        let gas = (output.gas_used, header.gas_used);
        return Err(Rejected::Result(format!("{found:?}, gas used and expected {gas:?}")));
    }
    if header.requests_hash.is_some_and(|hash| hash != output.requests.requests_hash()) {
        return Err(Rejected::Result("wrong requests hash".to_owned()));
    }
    check_access_list(&network, rules, listed, executed)?;
    apply_changes(&mut state, &output.state);
    if state_root(&state) != header.state_root {
        return Err(Rejected::Result("wrong state root".to_owned()));
    }
    Ok(state)
}

/// Checks the access list where the fork has one.
fn check_access_list(
    network: &NetworkBlock,
    rules: Rules,
    listed: Option<&AccessList>,
    executed: &AccessList,
) -> Result<(), Rejected> {
    if !rules.access_list {
        return Ok(());
    }
    let rules = AccessListRules {
        transactions: network.body.transactions.len(),
        gas_limit: network.header.gas_limit,
        hash: network.header.block_access_list_hash,
    };
    let listed = listed.unwrap_or(executed);
    verify_access_list(listed, executed, &rules)
        .map_err(|fault| Rejected::AccessList(Box::new(fault)))
}
