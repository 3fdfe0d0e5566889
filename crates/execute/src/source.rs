//! State that takes long to read: sources that read many keys at once.
//!
//! A [`StateSource`] serves a [`Desk`]. Whoever knows a key posts it there and goes on;
//! the source takes what is posted, as many keys at a time as it likes, and hands values
//! back in whatever order they come. [`Readers`] make a source of any [`DatabaseRef`], on
//! a pool of threads that sleep in it. [`Fetched`] shows what has been handed in as a
//! state again.
//!
//! Nothing is right because of a desk: a value is a copy of what the state holds, and a
//! key that was never posted, never answered or answered with a failure is read from the
//! state when it is needed.

mod desk;
mod evident;
mod fetched;
mod readers;

#[cfg(test)]
mod tests;

pub use desk::{Desk, Request, Standing, Tray, Waited};
pub use evident::{reads_after, reads_before, reads_of};
pub use fetched::{Fetched, ReadStats};
pub use readers::{READERS, Readers, ReadersOver};

use alloy_primitives::{Address, B256, U256};
use revm::{
    DatabaseRef,
    state::{AccountInfo, Bytecode},
};
use std::sync::Arc;

/// One value of the state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StateKey {
    /// An account's balance, nonce and code hash.
    Account(Address),
    /// A storage slot.
    Slot(Address, U256),
    /// The code of a hash.
    Code(B256),
    /// The hash of an earlier block.
    BlockHash(u64),
}

/// What a [`StateKey`] leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StateValue {
    /// An account; none if it does not exist.
    Account(Option<AccountInfo>),
    /// What a slot holds.
    Slot(U256),
    /// Code.
    Code(Bytecode),
    /// The hash of a block.
    BlockHash(B256),
}

/// A state that can be asked for many values at once. As a [`DatabaseRef`] it yields them
/// one by one, to whoever cannot wait for its turn at the desk.
pub trait StateSource: DatabaseRef + Sync {
    /// Serves a desk while `work` runs, on threads of the source's own: takes
    /// [requests](Desk::next) until there are no more, and
    /// [fulfils](Request::fulfil) them. Returns what `work` does.
    ///
    /// A source that need not wait for its reads [is told](Desk::on_post) of what is
    /// posted instead. Requests are owned: they can be answered from any thread or task.
    ///
    /// The desk [is closed](Desk::close) when `work` has ended, however it ended; a
    /// source need not fulfil what is still posted then.
    fn serve<R>(&self, desk: &Arc<Desk>, work: impl FnOnce() -> R) -> R;
}

/// Reads one value, now.
///
/// # Errors
///
/// If the state fails.
pub(crate) fn read<DB: DatabaseRef>(db: &DB, key: StateKey) -> Result<StateValue, DB::Error> {
    match key {
        StateKey::Account(address) => db.basic_ref(address).map(StateValue::Account),
        StateKey::Slot(address, slot) => db.storage_ref(address, slot).map(StateValue::Slot),
        StateKey::Code(hash) => db.code_by_hash_ref(hash).map(StateValue::Code),
        StateKey::BlockHash(number) => db.block_hash_ref(number).map(StateValue::BlockHash),
    }
}
