//! What the protocol changes before and after the transactions.
//!
//! Both phases run on the authoritative state alone, by plain revm.

use super::authority::{BlockState, evm_error, state_error};
use crate::{Block, ExecuteError};
use alloy_consensus::{EthereumReceipt, constants::ETH_TO_WEI};
use alloy_eips::{
    eip2935::HISTORY_STORAGE_ADDRESS,
    eip4788::{BEACON_ROOTS_ADDRESS, SYSTEM_ADDRESS},
    eip6110, eip7002, eip7251,
    eip7685::Requests,
};
use alloy_evm::{
    block::calc,
    eth::dao_fork::{DAO_HARDFORK_ACCOUNTS, DAO_HARDFORK_BENEFICIARY},
};
use alloy_primitives::{Address, Bytes, U256, keccak256, map::AddressMap};
use revm::{
    Context, Database, DatabaseCommit, DatabaseRef, ExecuteEvm, MainBuilder, MainContext,
    context::{
        ContextSetters, TxEnv,
        result::{ExecutionResult, ResultAndState},
    },
    database::State,
    database_interface::DatabaseCommitExt,
    handler::{Handler, MainnetHandler},
    primitives::{TxKind, hardfork::SpecId},
    state::{Account, EvmState, TransactionId},
};

/// Gas for a system call, which counts towards nothing
/// ([EIP-4788](https://eips.ethereum.org/EIPS/eip-4788)).
const SYSTEM_CALL_GAS: u64 = 30_000_000;

/// What the deposit contract logs.
const DEPOSIT_EVENT: &str = "DepositEvent(bytes,bytes,bytes,bytes,bytes)";

/// Sizes of the public key, withdrawal credentials, amount, signature and index of
/// a deposit.
const DEPOSIT_FIELD_SIZES: [usize; 5] = [48, 32, 8, 96, 8];

/// How many generations older than its block an ommer may be
/// (Yellow Paper, section 11.1).
const OMMER_AGE_MAX: u64 = 6;

/// Room for so many accounts is made in advance: those of a payment. Making it bit by bit
/// would take a good part of what a payment takes.
const ACCOUNTS_PER_TRANSACTION: usize = 2;

/// The state of a block with everything done that precedes its transactions.
pub struct PreBlock<'a, DB: DatabaseRef> {
    pub(super) state: BlockState<'a, DB>,
    pub(super) changes: Vec<EvmState>,
}

impl<'a, DB: DatabaseRef> PreBlock<'a, DB> {
    /// Makes the protocol's changes before the transactions: the DAO fork, then
    /// the system calls of [EIP-2935](https://eips.ethereum.org/EIPS/eip-2935)
    /// and [EIP-4788](https://eips.ethereum.org/EIPS/eip-4788), in this order.
    ///
    /// # Errors
    ///
    /// If the state cannot be read, or the block lacks the beacon root that its
    /// fork demands.
    pub fn run(block: &Block, db: &'a DB) -> Result<Self, ExecuteError<DB::Error>> {
        let mut pre = Self { state: state_over(db), changes: Vec::new() };
        let Block { cfg, env, protocol, .. } = block;
        if protocol.dao_fork {
            let changes = dao_refunds(&mut pre.state).map_err(state_error::<DB>)?;
            pre.commit(changes);
        }
        if env.number.is_zero() {
            return Ok(pre);
        }
        if cfg.spec.is_enabled_in(SpecId::PRAGUE) {
            let data = protocol.parent_hash.0.into();
            pre.call(block, HISTORY_STORAGE_ADDRESS, data)?;
        }
        if cfg.spec.is_enabled_in(SpecId::CANCUN) {
            let Some(root) = protocol.parent_beacon_block_root else {
                return Err(ExecuteError::Header("parentBeaconBlockRoot is missing".into()));
            };
            pre.call(block, BEACON_ROOTS_ADDRESS, root.0.into())?;
        }
        Ok(pre)
    }

    /// What was changed, one entry per change of the protocol, in order. Only
    /// touched accounts are changed.
    pub fn changes(&self) -> &[EvmState] {
        &self.changes
    }

    pub(super) fn changes_mut(&mut self) -> &mut [EvmState] {
        &mut self.changes
    }

    fn call(
        &mut self,
        block: &Block,
        contract: Address,
        data: Bytes,
    ) -> Result<(), ExecuteError<DB::Error>> {
        let ResultAndState { state, .. } = system_call(&mut self.state, block, contract, data)?;
        self.commit(state);
        Ok(())
    }

    fn commit(&mut self, changes: EvmState) {
        self.state.commit(changes.clone());
        self.changes.push(changes);
    }
}

/// A state on which nothing was changed yet.
pub(super) fn state_over<DB: DatabaseRef>(db: &DB) -> BlockState<'_, DB> {
    State::builder().with_database_ref(db).with_bundle_update().build()
}

/// Makes room for what so many transactions change.
pub(super) fn make_room<DB: DatabaseRef>(state: &mut BlockState<'_, DB>, transactions: usize) {
    let accounts = transactions.saturating_mul(ACCOUNTS_PER_TRANSACTION);
    state.cache.accounts.reserve(accounts);
    if let Some(changes) = &mut state.transition_state {
        changes.transitions.reserve(accounts);
    }
}

/// Makes the protocol's changes after the transactions and collects what it asks
/// of the consensus layer.
pub(super) fn after_transactions<DB: DatabaseRef>(
    state: &mut BlockState<'_, DB>,
    block: &Block,
    receipts: &[EthereumReceipt],
) -> Result<Requests, ExecuteError<DB::Error>> {
    let credits = credits(block).map_err(ExecuteError::Header)?;
    state.increment_balances(credits).map_err(state_error::<DB>)?;
    let mut requests = Requests::default();
    if !block.cfg.spec.is_enabled_in(SpecId::PRAGUE) {
        return Ok(requests);
    }
    let deposits = match block.protocol.deposit_contract {
        Some(contract) => deposits(contract, receipts).map_err(ExecuteError::Deposit)?,
        None => Vec::new(),
    };
    let withdrawals = requested(state, block, eip7002::WITHDRAWAL_REQUEST_PREDEPLOY_ADDRESS)?;
    let consolidations = requested(state, block, eip7251::CONSOLIDATION_REQUEST_PREDEPLOY_ADDRESS)?;
    for (request_type, data) in [
        (eip6110::DEPOSIT_REQUEST_TYPE, deposits.into()),
        (eip7002::WITHDRAWAL_REQUEST_TYPE, withdrawals),
        (eip7251::CONSOLIDATION_REQUEST_TYPE, consolidations),
    ] {
        // Empty requests are left out (EIP-7685).
        if !data.is_empty() {
            requests.push_request_with_type(request_type, data);
        }
    }
    Ok(requests)
}

/// The accounts that [`after_transactions`] may change or look at.
///
/// # Errors
///
/// If the header names what there cannot be.
pub(super) fn accounts_after(block: &Block) -> Result<Vec<Address>, String> {
    let mut accounts: Vec<_> = credits(block)?.into_keys().collect();
    if block.cfg.spec.is_enabled_in(SpecId::PRAGUE) {
        let contracts = [
            eip7002::WITHDRAWAL_REQUEST_PREDEPLOY_ADDRESS,
            eip7251::CONSOLIDATION_REQUEST_PREDEPLOY_ADDRESS,
        ];
        accounts.extend(contracts.into_iter().chain([SYSTEM_ADDRESS]));
    }
    Ok(accounts)
}

/// Calls a system contract. Nothing is committed.
fn system_call<DB: DatabaseRef>(
    state: &mut BlockState<'_, DB>,
    block: &Block,
    contract: Address,
    data: Bytes,
) -> Result<ResultAndState, ExecuteError<DB::Error>> {
    let mut evm = Context::mainnet()
        .with_db(state)
        .with_block(&block.env)
        .with_cfg(&block.cfg)
        .build_mainnet();
    evm.ctx.set_tx(TxEnv {
        caller: SYSTEM_ADDRESS,
        kind: TxKind::Call(contract),
        data,
        gas_limit: SYSTEM_CALL_GAS,
        ..TxEnv::default()
    });
    let result = MainnetHandler::default().run_system_call(&mut evm).map_err(evm_error::<DB>)?;
    Ok(ResultAndState::new(result, evm.finalize()))
}

/// The requests that a system contract has collected
/// ([EIP-7002](https://eips.ethereum.org/EIPS/eip-7002),
/// [EIP-7251](https://eips.ethereum.org/EIPS/eip-7251)).
fn requested<DB: DatabaseRef>(
    state: &mut BlockState<'_, DB>,
    block: &Block,
    contract: Address,
) -> Result<Bytes, ExecuteError<DB::Error>> {
    let failure = |reason: String| ExecuteError::SystemCall { contract, reason };
    if block.protocol.request_contracts_required {
        let account = state.basic(contract).map_err(state_error::<DB>)?;
        if account.is_none_or(|account| account.is_empty_code_hash()) {
            return Err(failure("it has no code".into()));
        }
    }
    let ResultAndState { result, state: changes } =
        system_call(state, block, contract, Bytes::new())?;
    state.commit(changes);
    match result {
        ExecutionResult::Success { output, .. } => Ok(output.into_data()),
        ExecutionResult::Revert { output, .. } => Err(failure(format!("reverted with {output}"))),
        ExecutionResult::Halt { reason, .. } => Err(failure(format!("halted: {reason:?}"))),
    }
}

/// Rewards ([EIP-649](https://eips.ethereum.org/EIPS/eip-649),
/// [EIP-1234](https://eips.ethereum.org/EIPS/eip-1234)) and withdrawals
/// ([EIP-4895](https://eips.ethereum.org/EIPS/eip-4895)), in wei.
fn credits(block: &Block) -> Result<AddressMap<u128>, String> {
    let Block { cfg, env, protocol, .. } = block;
    let mut credits = AddressMap::<u128>::default();
    let mut credit = |address, wei: u128| {
        let sum = credits.entry(address).or_default();
        *sum = sum.saturating_add(wei);
    };
    if !cfg.spec.is_enabled_in(SpecId::MERGE) {
        let reward = ETH_TO_WEI
            * match cfg.spec {
                spec if spec.is_enabled_in(SpecId::PETERSBURG) => 2,
                spec if spec.is_enabled_in(SpecId::BYZANTIUM) => 3,
                _ => 5,
            };
        let number = env.number.saturating_to::<u64>();
        for ommer in &protocol.ommers {
            let age = number.checked_sub(ommer.number).filter(|age| *age != 0);
            if age.is_none_or(|age| age > OMMER_AGE_MAX) {
                return Err(format!("ommer {} of block {number} is too old or new", ommer.number));
            }
            credit(ommer.beneficiary, calc::ommer_reward(reward, number, ommer.number));
        }
        credit(env.beneficiary, calc::block_reward(reward, protocol.ommers.len()));
    }
    if cfg.spec.is_enabled_in(SpecId::SHANGHAI) {
        for withdrawal in &protocol.withdrawals {
            credit(withdrawal.address, withdrawal.amount_wei().saturating_to());
        }
    }
    Ok(credits)
}

/// The deposits that were logged, one after the other
/// ([EIP-6110](https://eips.ethereum.org/EIPS/eip-6110)).
fn deposits(contract: Address, receipts: &[EthereumReceipt]) -> Result<Vec<u8>, String> {
    let event = keccak256(DEPOSIT_EVENT);
    let mut deposits = Vec::new();
    for log in receipts.iter().flat_map(|receipt| &receipt.logs) {
        if log.address == contract && log.topics().first() == Some(&event) {
            let deposit = deposit(&log.data.data);
            deposits.extend(deposit.ok_or("a log is not laid out like the contract's")?);
        }
    }
    Ok(deposits)
}

/// The fields of a deposit, if the data is laid out exactly as the deposit
/// contract does it; the EIP rejects what a decoder of the ABI would tolerate.
fn deposit(data: &[u8]) -> Option<Vec<u8>> {
    let is_word = |at: usize, expected: usize| {
        data.get(at..at + 32).is_some_and(|word| U256::from_be_slice(word) == U256::from(expected))
    };
    let mut fields = Vec::with_capacity(DEPOSIT_FIELD_SIZES.iter().sum());
    let mut at = 32 * DEPOSIT_FIELD_SIZES.len();
    for (position, size) in DEPOSIT_FIELD_SIZES.into_iter().enumerate() {
        if !is_word(32 * position, at) || !is_word(at, size) {
            return None;
        }
        fields.extend_from_slice(data.get(at + 32..at + 32 + size)?);
        at += 32 + size.next_multiple_of(32);
    }
    (at == data.len()).then_some(fields)
}

/// The balances of the DAO and its children go to the refund contract
/// ([EIP-779](https://eips.ethereum.org/EIPS/eip-779)).
///
/// Before [EIP-161](https://eips.ethereum.org/EIPS/eip-161) empty accounts go on
/// existing. revm's `State` knows only the later rule, but keeps an account that
/// is marked as created.
fn dao_refunds<D: Database>(state: &mut D) -> Result<EvmState, D::Error> {
    let mut changes = EvmState::default();
    let mut refunds = U256::ZERO;
    for address in DAO_HARDFORK_ACCOUNTS {
        let Some(info) = state.basic(address)? else { continue };
        let mut account = Account::from(info);
        refunds += core::mem::take(&mut account.info.balance);
        changes.insert(address, account);
    }
    let beneficiary = state.basic(DAO_HARDFORK_BENEFICIARY)?;
    let mut account = match beneficiary {
        Some(info) => Account::from(info),
        None => Account::new_not_existing(TransactionId::ZERO),
    };
    account.info.balance = account.info.balance.saturating_add(refunds);
    changes.insert(DAO_HARDFORK_BENEFICIARY, account);
    for account in changes.values_mut() {
        account.mark_touch();
        if account.is_empty() {
            account.mark_created();
        }
    }
    Ok(changes)
}
