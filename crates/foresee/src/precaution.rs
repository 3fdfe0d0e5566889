//! What transactions say of themselves, before anything is predicted: who sends them, and
//! whom they call.
//!
//! Transactions that share either are likely to meet in storage, most others are not. For
//! two threads that is enough: while one executes in order, the other finds plenty that
//! is free, just ahead of it, and predicting would take longer than it could save. What
//! calls lead to does not show; [`Conflicts`](crate::choice::conflicts::Conflicts)
//! remember who was wrong.

use alloy_primitives::{
    Address,
    map::{AddressMap, AddressSet},
};
use foresee_access::TxIndex;
use foresee_execute::{Block, pays_ahead};
use foresee_schedule::Schedule;
use revm::context::TxEnv;

/// The schedule that follows from senders and recipients, and from who is
/// [held back](crate::choice::conflicts::Conflicts).
pub(crate) fn schedule(block: &Block, held_back: Vec<bool>) -> Schedule {
    let mut edges = Vec::with_capacity(block.transactions.len());
    let mut last = AddressMap::<TxIndex>::default();
    for (position, tx) in block.transactions.iter().enumerate().filter(|(_, tx)| pays_ahead(tx)) {
        let index = TxIndex::new(position);
        let mut follow = |address: Address| {
            if let Some(before) = last.insert(address, index) {
                edges.push((before, index));
            }
        };
        follow(tx.caller);
        tx.kind.to().copied().into_iter().for_each(&mut follow);
    }
    Schedule::precaution(edges, held_back)
}

/// Of all transactions, in percent, those that run code and share a sender or a recipient with one
/// before them that does.
pub(crate) fn waiting_percent(block: &Block) -> usize {
    let mut seen = AddressSet::default();
    let with_code = block.transactions.iter().filter(|tx| pays_ahead(tx));
    let waits = |tx: &&TxEnv| {
        let is_seen = !seen.insert(tx.caller);
        tx.kind.to().is_some_and(|to| !seen.insert(*to)) || is_seen
    };
    let waiting = with_code.filter(waits).count();
    (100 * waiting).checked_div(block.transactions.len()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use foresee_workload::{Scenario, generate};

    #[test]
    fn who_shares_a_sender_or_a_recipient_waits_and_who_runs_no_code_does_not() {
        let mut block = generate(Scenario::Erc20Hot, 5, 1).unwrap().into_block().unwrap().block;
        let [a, b, c, d, e, f] = [1, 2, 3, 4, 5, 6].map(Address::repeat_byte);
        let calls = [(a, b), (c, b), (c, d), (e, f), (e, b)];
        for (tx, (from, to)) in block.transactions.iter_mut().zip(calls) {
            (tx.caller, tx.kind) = (from, to.into());
        }
        // A payment.
        let tx = &mut block.transactions[3];
        (tx.gas_limit, tx.data) = (21_000, Default::default());
        assert_eq!(waiting_percent(&block), 60);
        let schedule = schedule(&block, vec![false; 5]);
        let successors = |tx| schedule.successors(TxIndex(tx)).iter().map(|to| to.0);
        assert!(schedule.is_precaution());
        assert!(successors(0).eq([1]) && successors(1).eq([2, 4]));
        assert!([2, 3, 4].into_iter().all(|tx| successors(tx).next().is_none()));
    }
}
