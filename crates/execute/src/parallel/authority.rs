//! The authoritative side of a block: its state and its books.
//!
//! There is one [`Authority`] per block. Whoever owns it settles the next turn;
//! the scheduler hands it from worker to worker, so that owning it is the lock.

use super::{
    ledger::Ledger,
    listing::Notes,
    phases::{PreBlock, make_room},
};
use crate::{Block, ExecuteError, Observed, ParallelStats, Reports};
use foresee_access::TxIndex;
use revm::{
    DatabaseRef,
    context::result::EVMError,
    database::State,
    database_interface::{WrapDatabaseRef, bal::EvmDatabaseError},
};

/// So many second executions say nothing yet about a schedule.
const REEXECUTIONS_MIN: usize = 4;

/// One second execution in so many transactions is tolerated beyond that. What runs
/// ahead must be right nearly always, since a second execution is lost time on the one
/// path that cannot be shared.
const TRANSACTIONS_PER_REEXECUTION: usize = 16;

/// The changes of the block so far, over the state before it.
pub(super) type BlockState<'a, DB> = State<WrapDatabaseRef<&'a DB>>;

/// What revm reports over a [`BlockState`].
pub(super) type EvmError<DB> = EVMError<EvmDatabaseError<<DB as DatabaseRef>::Error>>;

/// What only the settling of turns may change, strictly in block order.
pub(super) struct Authority<'a, DB: DatabaseRef> {
    pub(super) state: BlockState<'a, DB>,
    pub(super) ledger: Ledger,
    pub(super) stats: ParallelStats,
    /// By transaction, what it accessed, if that is asked for.
    pub(super) observed: Option<Vec<Observed>>,
    /// What the access list will be made of, if that is asked for.
    pub(super) notes: Option<Notes>,
    /// Why the block cannot be executed, once that is known.
    pub(super) failure: Option<ExecuteError<DB::Error>>,
    /// Whether the schedule has been found to be of no use.
    distrusts: bool,
}

impl<'a, DB: DatabaseRef> Authority<'a, DB> {
    /// The authority over a block whose changes before the transactions are made.
    pub(super) fn new(block: &Block, pre: PreBlock<'a, DB>, reports: Reports) -> Self {
        let PreBlock { mut state, mut changes } = pre;
        let transactions = block.transactions.len();
        make_room(&mut state, transactions);
        let notes = reports.access_list.then(|| Notes::new(&mut changes, transactions));
        Self {
            state,
            ledger: Ledger::new(block),
            stats: ParallelStats::default(),
            observed: reports.observed.then(|| vec![Observed::default(); transactions]),
            notes,
            failure: None,
            distrusts: false,
        }
    }
}

impl<DB: DatabaseRef> Authority<'_, DB> {
    /// Whether it shows with this transaction, and not before, that too many of those
    /// executed ahead have to be executed once more for the schedule to be of use.
    pub(super) fn distrusts_now(&mut self, index: TxIndex) -> bool {
        let tolerated = REEXECUTIONS_MIN + index.position() / TRANSACTIONS_PER_REEXECUTION;
        let first = !self.distrusts && self.stats.reexecuted.len() > tolerated;
        self.distrusts |= first;
        first
    }
}

/// The error of a block for an error of revm that no transaction is to blame for.
pub(super) fn evm_error<DB: DatabaseRef>(error: EvmError<DB>) -> ExecuteError<DB::Error> {
    match error {
        EVMError::Database(error) => state_error::<DB>(error),
        EVMError::Header(error) => ExecuteError::Header(error.to_string()),
        EVMError::Transaction(error) => ExecuteError::Evm(error.to_string()),
        EVMError::Custom(error) => ExecuteError::Evm(error),
        EVMError::CustomAny(error) => ExecuteError::Evm(error.to_string()),
    }
}

/// The error of a block for an error of its state.
pub(super) fn state_error<DB: DatabaseRef>(
    error: EvmDatabaseError<DB::Error>,
) -> ExecuteError<DB::Error> {
    match error {
        EvmDatabaseError::Database(error) => ExecuteError::Database(error),
        // Only a state that reads from an access list reports this; none does.
        EvmDatabaseError::Bal(error) => ExecuteError::Evm(error.to_string()),
    }
}
