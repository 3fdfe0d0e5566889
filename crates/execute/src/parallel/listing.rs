//! The block access list of a block that is executed in parallel.
//!
//! Building a list takes time that settling cannot spare: it is the one thing that only
//! one thread does at a time. So the changes of each commit are kept as they are, which is
//! cheaper than to drop them, and go to revm's own builder, in block order, once the last
//! one is there: on another thread, while this one makes the bundle. What is kept is what
//! was committed, after balances and nonces were settled, so the list is that of in-order
//! execution whatever ran ahead.

use super::authority::BlockState;
use crate::{AccessList, access_list::index_after};
use revm::{
    DatabaseRef,
    state::{
        EvmState,
        bal::{Bal, BlockAccessIndex},
    },
};
use std::sync::{Arc, Mutex, PoisonError};

/// The changes of a block, kept for its list.
pub(super) struct Kept {
    /// Those before the transactions.
    before: Vec<EvmState>,
    /// Those since then, one by one. Shared with the state's hook alone.
    since: Arc<Mutex<Vec<EvmState>>>,
}

impl Kept {
    /// Keeps what is committed to the state from now on, up to so many transactions and a
    /// few changes of the protocol after them.
    pub(super) fn from<DB: DatabaseRef>(
        state: &mut BlockState<'_, DB>,
        before: Vec<EvmState>,
        transactions: usize,
    ) -> Self {
        let since = Arc::new(Mutex::new(Vec::with_capacity(transactions)));
        let keep = Arc::clone(&since);
        state.set_state_hook(Some(Box::new(move |changes| {
            keep.lock().unwrap_or_else(PoisonError::into_inner).push(changes);
        })));
        Self { before, since }
    }

    /// The list, of which the first so many commits are those of the transactions that
    /// were included.
    pub(super) fn into_list(self, included: usize) -> AccessList {
        let Self { before, since } = self;
        let since = core::mem::take(&mut *since.lock().unwrap_or_else(PoisonError::into_inner));
        let mut list = Bal::new();
        let before = before.into_iter().map(|changes| (BlockAccessIndex::PRE_EXECUTION, changes));
        let since = since.into_iter().enumerate();
        let since = since.map(|(position, it)| (index_after(position.min(included)), it));
        for (index, changes) in before.chain(since) {
            for (address, account) in &changes {
                list.update_account(index, *address, account);
            }
        }
        AccessList::new(list.into_alloy_bal())
    }
}
