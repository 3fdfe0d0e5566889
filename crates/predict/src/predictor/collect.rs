//! From what the world remembers of a transaction to its access set and labels.

use crate::{
    label::label,
    machine::Machine,
    state::StateView,
    world::{AccountId, Look, World},
};
use foresee_access::{AccessSet, Location};

/// What the transaction at hand read, wrote, and leaves to be settled at commit.
pub(super) fn access_set<S: StateView>(world: &World<S>, sender: AccountId) -> AccessSet {
    let slots = world.touched_slots();
    let mut reads = Vec::with_capacity(2 * world.touched_accounts().len() + slots.len());
    let mut writes = Vec::with_capacity(4 + slots.len() / 2);
    let mut commutative = Vec::new();
    let sender = world.account(sender).address;
    for account in world.touched_accounts() {
        let [balance, nonce, code] =
            [Location::balance, Location::nonce, Location::code].map(|of| of(account.address));
        let is_sender = account.address == sender;
        let looks = account.looks;
        let looks_at_balance = looks.contains(Look::BALANCE)
            || looks.contains(Look::EXISTENCE) && !is_sender && account.existed_by_balance();
        let changes = world.changes(account);
        if looks.contains(Look::CODE) {
            reads.push(code);
        }
        if is_sender || looks.contains(Look::NONCE) {
            reads.push(nonce);
        }
        if is_sender || looks_at_balance {
            reads.push(balance);
        }
        if changes.contains(Look::BALANCE) {
            writes.push(balance);
        }
        if changes.contains(Look::NONCE) {
            writes.push(nonce);
        }
        if changes.contains(Look::CODE) {
            writes.push(code);
        }
        if is_sender && !looks.contains(Look::NONCE) {
            commutative.push(nonce);
        }
        if !looks_at_balance && (is_sender || changes.contains(Look::BALANCE)) {
            commutative.push(balance);
        }
    }
    for (address, key, before, after) in slots {
        let slot = Location::slot(address, key);
        reads.push(slot);
        if before != after {
            writes.push(slot);
        }
    }
    AccessSet::new(reads, writes, commutative)
}

/// Labels of the slots that the transaction at hand touched, if hashes are recorded.
pub(super) fn labels<S: StateView>(world: &World<S>, machine: &Machine) -> Vec<(Location, String)> {
    let Some(preimages) = machine.preimages() else { return Vec::new() };
    let mut labels: Vec<_> = world
        .touched_slots()
        .filter_map(|(address, key, ..)| {
            Some((Location::slot(address, key), label(key, preimages)?))
        })
        .collect();
    labels.sort_unstable();
    labels
}
