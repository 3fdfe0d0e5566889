//! From what the world remembers of a transaction to its access set and labels.

use crate::{
    label::label,
    machine::Machine,
    state::StateView,
    world::{AccountId, Look, TouchedSlot, World},
};
use foresee_access::{AccessSet, AccessSetBuilder, Location, Touch};

/// What the transaction at hand read, wrote, and leaves to be settled at commit.
pub(super) fn access_set<S: StateView>(world: &mut World<S>, sender: AccountId) -> AccessSet {
    world.sort_touched();
    let world = &*world;
    let (accounts, slots) = (world.touched_accounts().len(), world.touched_slots().len());
    let mut set = AccessSetBuilder::with_capacity(accounts, slots);
    for (id, account, own) in world.touched_in_order() {
        let is_sender = id == sender;
        let looks = account.looks;
        let looks_at_balance = looks.contains(Look::BALANCE)
            || looks.contains(Look::EXISTENCE) && !is_sender && world.existed_by_balance(account);
        let pays = looks.contains(Look::FUNDS);
        let changes = world.changes(account);
        let touch = |reads, change| {
            Touch::READ.only_if(reads).and(Touch::WRITE.only_if(changes.contains(change)))
        };
        let settles_balance =
            !looks_at_balance && (is_sender || pays || changes.contains(Look::BALANCE));
        let settles_nonce = is_sender && !looks.contains(Look::NONCE);
        let fields = [
            touch(is_sender || looks_at_balance || pays, Look::BALANCE)
                .and(Touch::COMMUTATIVE.only_if(settles_balance)),
            touch(is_sender || looks.contains(Look::NONCE), Look::NONCE)
                .and(Touch::COMMUTATIVE.only_if(settles_nonce)),
            touch(looks.contains(Look::CODE), Look::CODE),
        ];
        set.account(account.address, fields);
        for touched in own {
            let touch = Touch::READ
                .and(Touch::WRITE.only_if(touched.before != touched.after))
                .and(Touch::COMMUTATIVE.only_if(touched.is_added_to()));
            set.slot(touched.key, touch);
        }
    }
    let set = set.finish();
    debug_assert_eq!(
        set.reads().filter(Location::is_slot).count(),
        slots,
        "whoever touches a slot touches its account"
    );
    set
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
