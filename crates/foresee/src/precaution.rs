//! What transactions say of themselves, before anything is predicted: who sends them, and
//! whom they call.
//!
//! Transactions that share either are likely to meet in storage, most others are not. For
//! two threads that is enough: while one executes in order, the other finds plenty that
//! is free, just ahead of it, and predicting would take longer than it could save. What
//! calls lead to does not show; [`Conflicts`] remember who was wrong.

use crate::choice::conflicts::Conflicts;
use alloy_primitives::{Address, map::AddressMap};
use foresee_access::TxIndex;
use foresee_execute::{Block, pays_ahead};
use foresee_schedule::Schedule;

/// The schedule that follows from senders and recipients.
pub(crate) fn schedule(block: &Block, conflicts: &Conflicts) -> Schedule {
    let n = block.transactions.len();
    let mut edges = Vec::with_capacity(n);
    let mut in_order = vec![false; n];
    let mut last = AddressMap::<TxIndex>::default();
    for (position, tx) in block.transactions.iter().enumerate().filter(|(_, tx)| pays_ahead(tx)) {
        let index = TxIndex::new(position);
        let recipient = tx.kind.to().copied();
        let mut follow = |address: Address| {
            if let Some(before) = last.insert(address, index) {
                edges.push((before, index));
            }
        };
        follow(tx.caller);
        recipient.into_iter().for_each(&mut follow);
        in_order[position] = recipient.is_some_and(|recipient| conflicts.holds_back(recipient));
    }
    Schedule::precaution(edges, in_order)
}
