//! From what the world remembers of a transaction to its access set and labels.

use crate::{
    label::label,
    machine::Machine,
    state::StateView,
    world::{AccountId, Look, TouchedSlot, World},
};
use foresee_access::{AccessSet, Location};

/// What the transaction at hand read, wrote, and leaves to be settled at commit.
pub(super) fn access_set<S: StateView>(world: &mut World<S>, sender: AccountId) -> AccessSet {
    world.sort_touched();
    let world = &*world;
    let (accounts, slots) = (world.touched_accounts().len(), world.touched_slots().len());
    let mut reads = Vec::with_capacity(2 * accounts + slots);
    let mut writes = Vec::with_capacity(4 + slots / 2);
    let mut commutative = Vec::with_capacity(4);
    for (id, account, own) in world.touched_in_order() {
        let address = account.address;
        let is_sender = id == sender;
        let looks = account.looks;
        let looks_at_balance = looks.contains(Look::BALANCE)
            || looks.contains(Look::EXISTENCE) && !is_sender && account.existed_by_balance();
        let pays = looks.contains(Look::FUNDS);
        let changes = world.changes(account);
        if is_sender || looks_at_balance || pays {
            reads.push(Location::balance(address));
        }
        if is_sender || looks.contains(Look::NONCE) {
            reads.push(Location::nonce(address));
        }
        if looks.contains(Look::CODE) {
            reads.push(Location::code(address));
        }
        if changes.contains(Look::BALANCE) {
            writes.push(Location::balance(address));
        }
        if changes.contains(Look::NONCE) {
            writes.push(Location::nonce(address));
        }
        if changes.contains(Look::CODE) {
            writes.push(Location::code(address));
        }
        if !looks_at_balance && (is_sender || pays || changes.contains(Look::BALANCE)) {
            commutative.push(Location::balance(address));
        }
        if is_sender && !looks.contains(Look::NONCE) {
            commutative.push(Location::nonce(address));
        }
        for touched in own {
            let slot = Location::slot(address, touched.key);
            reads.push(slot);
            if touched.before != touched.after {
                writes.push(slot);
            }
            if touched.is_added_to() {
                commutative.push(slot);
            }
        }
    }
    debug_assert_eq!(
        reads.iter().filter(|read| read.is_slot()).count(),
        slots,
        "whoever touches a slot touches its account"
    );
    AccessSet::from_sorted(reads, writes, commutative)
}

/// Labels of the slots that the transaction at hand touched, if they are wanted.
pub(super) fn labels<S: StateView>(world: &World<S>, machine: &Machine) -> Vec<(Location, String)> {
    let Some(recorded) = machine.recorded() else { return Vec::new() };
    let mut labels: Vec<_> = world
        .touched_slots()
        .filter_map(|TouchedSlot { address, key, .. }| {
            let names = recorded.names.get(&(address, key))?;
            Some((Location::slot(address, key), label(key, &recorded.preimages, names)?))
        })
        .collect();
    labels.sort_unstable();
    labels
}
