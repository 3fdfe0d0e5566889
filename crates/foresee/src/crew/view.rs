//! The state, for a prediction that is made while the block is executed.

use alloy_primitives::{Address, B256, U256};
use foresee_execute::Pace;
use foresee_predict::{Complete, Lookup, StateView};
use revm::{
    DatabaseRef,
    state::{AccountInfo, Bytecode},
};

/// A complete state, but for results that execution has by the time a prediction would.
///
/// A prediction overtakes the execution of the same transaction, though not where both
/// compute a precompiled contract that takes long. There it ends, once the transaction has
/// begun to be executed: else it might well outlast the block.
pub(super) struct Timely<'p, DB> {
    db: Complete<&'p DB>,
    pace: &'p dyn Pace,
    /// The transaction at hand, as its position in the block.
    position: usize,
}

impl<'p, DB> Timely<'p, DB> {
    pub(super) const fn new(db: &'p DB, pace: &'p dyn Pace) -> Self {
        Self { db: Complete(db), pace, position: 0 }
    }

    pub(super) const fn begin(&mut self, position: usize) {
        self.position = position;
    }
}

impl<DB: DatabaseRef> StateView for Timely<'_, DB> {
    type Error = DB::Error;

    fn account(&self, address: Address) -> Result<Lookup<Option<AccountInfo>>, DB::Error> {
        self.db.account(address)
    }

    fn storage(&self, address: Address, slot: U256) -> Result<Lookup<U256>, DB::Error> {
        self.db.storage(address, slot)
    }

    fn code(&self, hash: B256) -> Result<Lookup<Bytecode>, DB::Error> {
        self.db.code(hash)
    }

    fn block_hash(&self, number: u64) -> Result<Lookup<B256>, DB::Error> {
        self.db.block_hash(number)
    }

    fn defers(&self) -> bool {
        self.pace.is_begun(self.position)
    }
}
