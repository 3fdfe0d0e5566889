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
        let address = account.address;
        let is_sender = address == sender;
        let looks = account.looks;
        let destroyed = world.is_destroyed(account);
        let [balance, nonce, code] =
            [Location::balance(address), Location::nonce(address), Location::code(address)];
        if looks.contains(Look::CODE) {
            reads.push(code);
        }
        if looks.contains(Look::NONCE) {
            reads.push(nonce);
            if is_sender {
                commutative.push(nonce);
            }
        }
        if is_sender || looks.contains(Look::BALANCE) {
            reads.push(balance);
        }
        let paid = account.start_balance != account.balance;
        if paid {
            writes.push(balance);
        }
        if !looks.contains(Look::BALANCE) && (is_sender || paid) {
            commutative.push(balance);
        }
        if account.start_nonce != account.nonce || destroyed {
            writes.push(nonce);
        }
        if account.start_code_hash != account.code_hash || destroyed {
            writes.push(code);
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
