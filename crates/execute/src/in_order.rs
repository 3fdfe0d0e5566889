//! The in-order reference: one transaction after the other on one revm instance.
//!
//! This is what every other execution must equal, and the time that every ratio
//! is taken against, so it is the leanest loop that yields the same outputs:
//! revm's `State` collects the changes, transactions are borrowed and never
//! copied, nothing is recorded beside receipts and state. It knows no schedule
//! and shares no code with the parallel path.

pub(crate) mod admission;
mod deposits;
pub(crate) mod protocol;
mod timed;

pub use timed::{ExecutionTime, time_in_order, time_transactions};

use crate::{
    AccessList, Block, BlockOutput, ExecuteError, InOrderOutcome, InvalidReason, Reports,
    access_list::index_after,
};
use admission::Included;
use protocol::SystemCalls;
use revm::{
    Context, DatabaseRef, ExecuteCommitEvm, MainContext,
    context::{BlockEnv, CfgEnv, Evm, FrameStack, TxEnv, result::EVMError},
    database::{State, states::bundle_state::BundleRetention},
    database_interface::{WrapDatabaseRef, bal::EvmDatabaseError},
    handler::{EthFrame, EthPrecompiles, PrecompileProvider, instructions::EthInstructions},
    interpreter::{InterpreterResult, interpreter::EthInterpreter},
    state::bal::Bal,
};

/// Room for so many accounts is made in advance: those of a payment. Making it bit by bit
/// would take a good part of what a payment takes.
const ACCOUNTS_PER_TRANSACTION: usize = 2;

/// The changes of the block so far, over the state before it.
pub(crate) type BlockState<'a, DB> = State<WrapDatabaseRef<&'a DB>>;

/// revm's context with borrowed transactions.
pub(crate) type InOrderContext<'a, DB> = Context<BlockEnv, &'a TxEnv, CfgEnv, BlockState<'a, DB>>;

/// The revm instance that executes the block.
pub(crate) type InOrderEvm<'a, DB, INSPECTOR, PRECOMPILES> = Evm<
    InOrderContext<'a, DB>,
    INSPECTOR,
    EthInstructions<EthInterpreter, InOrderContext<'a, DB>>,
    PRECOMPILES,
    EthFrame<EthInterpreter>,
>;

/// What revm reports for one transaction.
pub(crate) type EvmError<DB> = EVMError<EvmDatabaseError<<DB as DatabaseRef>::Error>>;

/// Executes a block in order: the protocol's changes before the transactions,
/// the transactions, the protocol's changes after them.
///
/// A transaction that cannot be included is skipped and reported; the block
/// goes on.
///
/// # Errors
///
/// If the state cannot be read, a system call that must succeed fails, a
/// deposit log is malformed, or the environment lacks what its fork demands.
/// Nothing of the block is returned then.
pub fn execute_in_order<DB: DatabaseRef>(
    block: &Block,
    db: &DB,
) -> Result<BlockOutput, ExecuteError<DB::Error>> {
    // The same code serves those who may ask for more: of two copies of an interpreter one
    // is always laid out better than the other, and each has to be fetched.
    execute(block, db, Reports::default()).map(|outcome| outcome.output)
}

/// Executes a block in order, with its access list if that is asked for.
pub(crate) fn execute<DB: DatabaseRef>(
    block: &Block,
    db: &DB,
    reports: Reports,
) -> Result<InOrderOutcome, ExecuteError<DB::Error>> {
    let calls = SystemCalls::new(block);
    let precompiles = EthPrecompiles::new(block.cfg.spec);
    let mut evm = build_evm(block, &calls, db, (), precompiles);
    build_list(&mut evm, reports);
    let output = run(block, &calls, &mut evm)?;
    Ok(InOrderOutcome { output, observed: Vec::new(), access_list: take_list(&mut evm) })
}

/// From now on revm's `State` builds the block access list, if that is asked for.
pub(crate) fn build_list<DB, INSPECTOR, PRECOMPILES>(
    evm: &mut InOrderEvm<'_, DB, INSPECTOR, PRECOMPILES>,
    reports: Reports,
) where
    DB: DatabaseRef,
{
    let builder = reports.access_list.then(Bal::new);
    evm.ctx.journaled_state.database.bal_state.bal_builder = builder;
}

/// The list that has been built.
pub(crate) fn take_list<DB, INSPECTOR, PRECOMPILES>(
    evm: &mut InOrderEvm<'_, DB, INSPECTOR, PRECOMPILES>,
) -> Option<AccessList>
where
    DB: DatabaseRef,
{
    evm.ctx.journaled_state.database.take_built_alloy_bal().map(AccessList::new)
}

/// A revm instance for the block over an empty set of changes.
pub(crate) fn build_evm<'a, DB, INSPECTOR, PRECOMPILES>(
    block: &Block,
    calls: &'a SystemCalls,
    db: &'a DB,
    inspector: INSPECTOR,
    precompiles: PRECOMPILES,
) -> InOrderEvm<'a, DB, INSPECTOR, PRECOMPILES>
where
    DB: DatabaseRef,
{
    let mut state = State::builder().with_database_ref(db).with_bundle_update().build();
    let accounts = ACCOUNTS_PER_TRANSACTION * block.transactions.len();
    state.cache.accounts.reserve(accounts);
    if let Some(transitions) = &mut state.transition_state {
        transitions.transitions.reserve(accounts);
    }
    let context = Context::mainnet()
        .with_db(state)
        .with_block(block.env.clone())
        .with_cfg(block.cfg.clone())
        .with_tx(calls.first());
    Evm {
        ctx: context,
        inspector,
        instruction: EthInstructions::new_mainnet_with_spec(block.cfg.spec),
        precompiles,
        frame_stack: FrameStack::new_prealloc(8),
    }
}

/// Executes the block on a fresh instance and takes its output.
fn run<'a, DB, PRECOMPILES>(
    block: &'a Block,
    calls: &'a SystemCalls,
    evm: &mut InOrderEvm<'a, DB, (), PRECOMPILES>,
) -> Result<BlockOutput, ExecuteError<DB::Error>>
where
    DB: DatabaseRef,
    PRECOMPILES: PrecompileProvider<InOrderContext<'a, DB>, Output = InterpreterResult>,
{
    protocol::before_transactions(block, calls, evm)?;
    let mut included = Included::new(block);
    for (position, tx) in block.transactions.iter().enumerate() {
        if let Err(reason) = included.admit(tx) {
            included.reject(position, reason);
            continue;
        }
        set_index(evm, &included);
        match evm.transact_commit(tx) {
            Ok(result) => included.accept(tx, result),
            Err(EVMError::Transaction(reason)) => {
                included.reject(position, InvalidReason::Transaction(reason));
            }
            Err(error) => return Err(fatal::<DB>(error)),
        }
    }
    finish(block, calls, evm, included)
}

/// Makes the protocol's changes after the transactions and takes the output.
pub(crate) fn finish<'a, DB, INSPECTOR, PRECOMPILES>(
    block: &Block,
    calls: &'a SystemCalls,
    evm: &mut InOrderEvm<'a, DB, INSPECTOR, PRECOMPILES>,
    included: Included,
) -> Result<BlockOutput, ExecuteError<DB::Error>>
where
    DB: DatabaseRef,
    PRECOMPILES: PrecompileProvider<InOrderContext<'a, DB>, Output = InterpreterResult>,
{
    set_index(evm, &included);
    let requests = protocol::after_transactions(block, calls, evm, &included.receipts)?;
    let state = &mut evm.ctx.journaled_state.database;
    state.merge_transitions(BundleRetention::Reverts);
    Ok(BlockOutput {
        receipts: included.receipts,
        invalid: included.invalid,
        requests,
        gas_used: included.gas_used,
        blob_gas_used: included.blob_gas_used,
        state: state.take_bundle(),
    })
}

/// Under which index changes are listed from now on, if a list is built.
pub(crate) fn set_index<DB, INSPECTOR, PRECOMPILES>(
    evm: &mut InOrderEvm<'_, DB, INSPECTOR, PRECOMPILES>,
    included: &Included,
) where
    DB: DatabaseRef,
{
    let index = index_after(included.receipts.len());
    evm.ctx.journaled_state.database.set_bal_index(index);
}

/// An error of revm that is not the transaction's fault ends the block.
pub(crate) fn fatal<DB: DatabaseRef>(error: EvmError<DB>) -> ExecuteError<DB::Error> {
    match error {
        EVMError::Database(error) => database::<DB>(error),
        EVMError::Header(error) => ExecuteError::Header(error.to_string()),
        EVMError::Transaction(error) => ExecuteError::Evm(error.to_string()),
        EVMError::Custom(error) => ExecuteError::Evm(error),
        EVMError::CustomAny(error) => ExecuteError::Evm(error.to_string()),
    }
}

/// An error of the state below, as `State` wraps it.
pub(crate) fn database<DB: DatabaseRef>(
    error: EvmDatabaseError<DB::Error>,
) -> ExecuteError<DB::Error> {
    match error {
        EvmDatabaseError::Database(error) => ExecuteError::Database(error),
        EvmDatabaseError::Bal(error) => ExecuteError::Evm(error.to_string()),
    }
}
