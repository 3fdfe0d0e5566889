//! The protocol's own changes to the state: system calls, the DAO fork, block
//! rewards, withdrawals.

use super::{EvmError, InOrderContext, InOrderEvm, database, deposits, fatal};
use crate::{Block, ExecuteError};
use alloy_consensus::{EthereumReceipt, constants::ETH_TO_WEI};
use alloy_eips::{
    eip2935::HISTORY_STORAGE_ADDRESS,
    eip4788::{BEACON_ROOTS_ADDRESS, SYSTEM_ADDRESS},
    eip6110::DEPOSIT_REQUEST_TYPE,
    eip7002::{WITHDRAWAL_REQUEST_PREDEPLOY_ADDRESS, WITHDRAWAL_REQUEST_TYPE},
    eip7251::{CONSOLIDATION_REQUEST_PREDEPLOY_ADDRESS, CONSOLIDATION_REQUEST_TYPE},
    eip7685::Requests,
};
use alloy_evm::{
    block::calc::{block_reward, ommer_reward},
    eth::dao_fork::{DAO_HARDFORK_ACCOUNTS, DAO_HARDFORK_BENEFICIARY},
};
use alloy_primitives::{Address, B256, Bytes, U256, map::AddressMap};
use revm::{
    Database, DatabaseCommit, DatabaseRef, ExecuteCommitEvm,
    context::{ContextSetters, TxEnv, result::ExecutionResult},
    database_interface::DatabaseCommitExt,
    handler::{Handler, MainnetHandler, PrecompileProvider},
    interpreter::InterpreterResult,
    primitives::{TxKind, hardfork::SpecId},
    state::{Account, TransactionId},
};

/// Gas limit of a system call
/// ([EIP-4788](https://eips.ethereum.org/EIPS/eip-4788),
/// [EIP-7002](https://eips.ethereum.org/EIPS/eip-7002)).
const SYSTEM_CALL_GAS: u64 = 30_000_000;

/// An ommer may be at most this many generations older than its block
/// (Yellow Paper, section 11.1).
const OMMER_GENERATIONS_MAX: u64 = 6;

/// The calls that the protocol makes in a block, made ready so that revm can
/// borrow them as it borrows the transactions.
pub(crate) struct SystemCalls {
    history: TxEnv,
    beacon_root: TxEnv,
    withdrawal_requests: TxEnv,
    consolidation_requests: TxEnv,
}

impl SystemCalls {
    pub(crate) fn new(block: &Block) -> Self {
        let protocol = &block.protocol;
        let beacon_root = protocol.parent_beacon_block_root.unwrap_or_default();
        Self {
            history: system_call(HISTORY_STORAGE_ADDRESS, word(protocol.parent_hash)),
            beacon_root: system_call(BEACON_ROOTS_ADDRESS, word(beacon_root)),
            withdrawal_requests: system_call(WITHDRAWAL_REQUEST_PREDEPLOY_ADDRESS, Bytes::new()),
            consolidation_requests: system_call(
                CONSOLIDATION_REQUEST_PREDEPLOY_ADDRESS,
                Bytes::new(),
            ),
        }
    }

    /// Any call: revm's context is built around a transaction.
    pub(crate) const fn first(&self) -> &TxEnv {
        &self.history
    }
}

fn word(value: B256) -> Bytes {
    value.0.into()
}

fn system_call(contract: Address, data: Bytes) -> TxEnv {
    TxEnv {
        caller: SYSTEM_ADDRESS,
        kind: TxKind::Call(contract),
        data,
        gas_limit: SYSTEM_CALL_GAS,
        ..TxEnv::default()
    }
}

/// The DAO fork's change, then the system calls that store the parent's hash
/// and beacon root. No such call is made in a genesis block.
pub(crate) fn before_transactions<'a, DB, INSPECTOR, PRECOMPILES>(
    block: &Block,
    calls: &'a SystemCalls,
    evm: &mut InOrderEvm<'a, DB, INSPECTOR, PRECOMPILES>,
) -> Result<(), ExecuteError<DB::Error>>
where
    DB: DatabaseRef,
    PRECOMPILES: PrecompileProvider<InOrderContext<'a, DB>, Output = InterpreterResult>,
{
    if block.protocol.dao_fork {
        move_dao_balances(&mut evm.ctx.journaled_state.database).map_err(database::<DB>)?;
    }
    let spec = block.cfg.spec;
    if block.env.number.is_zero() {
        return Ok(());
    }
    if spec.is_enabled_in(SpecId::PRAGUE) {
        call(evm, &calls.history).map_err(fatal::<DB>)?;
    }
    if spec.is_enabled_in(SpecId::CANCUN) {
        if block.protocol.parent_beacon_block_root.is_none() {
            return Err(ExecuteError::Header("parentBeaconBlockRoot is missing".into()));
        }
        call(evm, &calls.beacon_root).map_err(fatal::<DB>)?;
    }
    Ok(())
}

/// Rewards and withdrawals, then the requests to the consensus layer.
pub(crate) fn after_transactions<'a, DB, INSPECTOR, PRECOMPILES>(
    block: &Block,
    calls: &'a SystemCalls,
    evm: &mut InOrderEvm<'a, DB, INSPECTOR, PRECOMPILES>,
    receipts: &[EthereumReceipt],
) -> Result<Requests, ExecuteError<DB::Error>>
where
    DB: DatabaseRef,
    PRECOMPILES: PrecompileProvider<InOrderContext<'a, DB>, Output = InterpreterResult>,
{
    let credits = credits(block).map_err(ExecuteError::Header)?;
    let state = &mut evm.ctx.journaled_state.database;
    state.increment_balances(credits).map_err(database::<DB>)?;
    let mut requests = Requests::default();
    if !block.cfg.spec.is_enabled_in(SpecId::PRAGUE) {
        return Ok(requests);
    }
    if let Some(contract) = block.protocol.deposit_contract {
        let deposits = deposits::collect(contract, receipts).map_err(ExecuteError::Deposit)?;
        push(&mut requests, DEPOSIT_REQUEST_TYPE, deposits.into());
    }
    let withdrawals = call_for_requests(block, evm, &calls.withdrawal_requests)?;
    push(&mut requests, WITHDRAWAL_REQUEST_TYPE, withdrawals);
    let consolidations = call_for_requests(block, evm, &calls.consolidation_requests)?;
    push(&mut requests, CONSOLIDATION_REQUEST_TYPE, consolidations);
    Ok(requests)
}

/// Empty requests are left out ([EIP-7685](https://eips.ethereum.org/EIPS/eip-7685)).
fn push(requests: &mut Requests, request_type: u8, data: Bytes) {
    if !data.is_empty() {
        requests.push_request_with_type(request_type, data);
    }
}

/// Makes a system call and commits what it changes, whatever its outcome.
fn call<'a, DB, INSPECTOR, PRECOMPILES>(
    evm: &mut InOrderEvm<'a, DB, INSPECTOR, PRECOMPILES>,
    tx: &'a TxEnv,
) -> Result<ExecutionResult, EvmError<DB>>
where
    DB: DatabaseRef,
    PRECOMPILES: PrecompileProvider<InOrderContext<'a, DB>, Output = InterpreterResult>,
{
    evm.ctx.set_tx(tx);
    let result: Result<_, EvmError<DB>> = MainnetHandler::default().run_system_call(evm);
    let result = result?;
    evm.commit_inner();
    Ok(result)
}

/// Makes a system call whose output are requests and whose failure makes the
/// block invalid.
fn call_for_requests<'a, DB, INSPECTOR, PRECOMPILES>(
    block: &Block,
    evm: &mut InOrderEvm<'a, DB, INSPECTOR, PRECOMPILES>,
    tx: &'a TxEnv,
) -> Result<Bytes, ExecuteError<DB::Error>>
where
    DB: DatabaseRef,
    PRECOMPILES: PrecompileProvider<InOrderContext<'a, DB>, Output = InterpreterResult>,
{
    let TxKind::Call(contract) = tx.kind else { return Ok(Bytes::new()) };
    let failed = |reason: String| ExecuteError::SystemCall { contract, reason };
    if block.protocol.request_contracts_required {
        let account = evm.ctx.journaled_state.database.basic(contract).map_err(database::<DB>)?;
        if account.is_none_or(|account| account.is_empty_code_hash()) {
            return Err(failed("it has no code".into()));
        }
    }
    match call(evm, tx).map_err(fatal::<DB>)? {
        ExecutionResult::Success { output, .. } => Ok(output.into_data()),
        ExecutionResult::Revert { output, .. } => Err(failed(format!("reverted with {output}"))),
        ExecutionResult::Halt { reason, .. } => Err(failed(format!("halted: {reason:?}"))),
    }
}

/// Block and ommer rewards before the merge (Yellow Paper, section 11.3;
/// [EIP-649](https://eips.ethereum.org/EIPS/eip-649),
/// [EIP-1234](https://eips.ethereum.org/EIPS/eip-1234)), and withdrawals from
/// Shanghai on ([EIP-4895](https://eips.ethereum.org/EIPS/eip-4895)), in wei.
fn credits(block: &Block) -> Result<AddressMap<u128>, String> {
    let Block { cfg, env, protocol, .. } = block;
    let mut credits = AddressMap::default();
    let mut credit = |address: Address, wei: u128| {
        let balance: &mut u128 = credits.entry(address).or_default();
        *balance = balance.saturating_add(wei);
    };
    if !cfg.spec.is_enabled_in(SpecId::MERGE) {
        let reward = base_reward(cfg.spec);
        let number = env.number.saturating_to::<u64>();
        for ommer in &protocol.ommers {
            let generations = number.checked_sub(ommer.number);
            if !generations.is_some_and(|age| (1..=OMMER_GENERATIONS_MAX).contains(&age)) {
                return Err(format!("ommer {} of block {number} is too old or new", ommer.number));
            }
            credit(ommer.beneficiary, ommer_reward(reward, number, ommer.number));
        }
        credit(env.beneficiary, block_reward(reward, protocol.ommers.len()));
    }
    if cfg.spec.is_enabled_in(SpecId::SHANGHAI) {
        for withdrawal in &protocol.withdrawals {
            credit(withdrawal.address, withdrawal.amount_wei().saturating_to());
        }
    }
    Ok(credits)
}

/// Reward of a block without ommers, in wei.
const fn base_reward(spec: SpecId) -> u128 {
    if spec.is_enabled_in(SpecId::PETERSBURG) {
        2 * ETH_TO_WEI
    } else if spec.is_enabled_in(SpecId::BYZANTIUM) {
        3 * ETH_TO_WEI
    } else {
        5 * ETH_TO_WEI
    }
}

/// Moves the balances of the DAO and its children to the refund contract
/// ([EIP-779](https://eips.ethereum.org/EIPS/eip-779)).
///
/// The fork is older than [EIP-161](https://eips.ethereum.org/EIPS/eip-161), so
/// an account emptied by it goes on existing: marking it as created keeps
/// revm's `State`, which knows only the later rule, from removing it.
fn move_dao_balances<S: Database + DatabaseCommit>(state: &mut S) -> Result<(), S::Error> {
    let mut accounts = AddressMap::default();
    let mut total = U256::ZERO;
    for address in DAO_HARDFORK_ACCOUNTS {
        if let Some(info) = state.basic(address)? {
            let mut account = Account::from(info);
            total += core::mem::take(&mut account.info.balance);
            account.mark_touch();
            if account.is_empty() {
                account.mark_created();
            }
            accounts.insert(address, account);
        }
    }
    let mut beneficiary = match state.basic(DAO_HARDFORK_BENEFICIARY)? {
        Some(info) => Account::from(info),
        None => Account::new_not_existing(TransactionId::ZERO),
    };
    beneficiary.info.balance = beneficiary.info.balance.saturating_add(total);
    beneficiary.mark_touch();
    if beneficiary.is_empty() {
        beneficiary.mark_created();
    }
    accounts.insert(DAO_HARDFORK_BENEFICIARY, beneficiary);
    state.commit(accounts);
    Ok(())
}
