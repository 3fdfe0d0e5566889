//! The bundle of a block: what it changes, and how to revert that.
//!
//! revm makes it of the transitions when the block is done; not before, since whatever
//! follows may change an account again. One thread does it while the others have nothing left
//! to do, so it is a tenth of the time that two threads take for a block. For an account that
//! was neither created anew nor destroyed, which nearly all are, it is made here of the
//! transition's parts, where revm clones them several times to cover a bundle that has the
//! account already. What comes out is what
//! [`BundleState::apply_transitions_and_create_reverts`] makes of an empty bundle; all else
//! is left to revm.

use revm::{
    database::{
        AccountRevert, AccountStatus, BundleAccount, BundleState, RevertToSlot, TransitionAccount,
        TransitionState, states::reverts::AccountInfoRevert,
    },
    primitives::StorageKeyMap,
};

/// The bundle of a block with these transitions.
pub(super) fn bundle(transitions: TransitionState) -> BundleState {
    let transitions = transitions.transitions;
    let mut bundle = BundleState::default();
    bundle.state.reserve(transitions.len());
    let mut reverts = Vec::with_capacity(transitions.len());
    for (address, transition) in transitions {
        if let Some((hash, code)) = transition.has_new_contract() {
            bundle.contracts.insert(hash, code.clone());
        }
        let Some((account, revert)) = change(transition) else { continue };
        bundle.state_size += account.size_hint();
        bundle.reverts_size += revert.size_hint();
        bundle.state.insert(address, account);
        reverts.push((address, revert));
    }
    bundle.reverts.push(reverts);
    bundle
}

/// What becomes of an account, and how to revert it. Nothing if nothing is left of its
/// changes.
fn change(transition: TransitionAccount) -> Option<(BundleAccount, AccountRevert)> {
    use AccountStatus::{Changed, InMemoryChange, Loaded, LoadedEmptyEIP161, LoadedNotExisting};
    let is_new = match (transition.previous_status, transition.status) {
        (Loaded, Changed | InMemoryChange) | (LoadedEmptyEIP161, InMemoryChange) => false,
        (LoadedNotExisting, InMemoryChange) => true,
        _ => {
            let account = transition.present_bundle_account();
            return transition.create_revert().map(|revert| (account, revert));
        }
    };
    let TransitionAccount { info, status, previous_info, previous_status, storage, .. } =
        transition;
    let info_revert = match is_new {
        true => AccountInfoRevert::DeleteIt,
        false if previous_info == info => AccountInfoRevert::DoNothing,
        false => AccountInfoRevert::RevertTo(previous_info.clone().unwrap_or_default()),
    };
    let mut slots = StorageKeyMap::default();
    slots.reserve(storage.len());
    let changed = storage.iter().filter(|(_, slot)| slot.is_changed());
    slots.extend(
        changed.map(|(key, slot)| (*key, RevertToSlot::Some(slot.previous_or_original_value))),
    );
    let revert = AccountRevert {
        account: info_revert,
        storage: slots,
        previous_status,
        wipe_storage: false,
    };
    let account = BundleAccount { info, original_info: previous_info, storage, status };
    (!revert.is_empty()).then_some((account, revert))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use revm::{
        database::states::{StorageSlot, bundle_state::BundleRetention},
        primitives::{Address, B256, U256},
        state::{AccountInfo, Bytecode},
    };

    fn info() -> impl Strategy<Value = Option<AccountInfo>> {
        let info = (0..3u64, 0..3u64, 0..3u8).prop_map(|(balance, nonce, code)| {
            let code = (code > 0).then(|| Bytecode::new_raw(vec![code].into()));
            let info = AccountInfo::default().with_balance(U256::from(balance)).with_nonce(nonce);
            code.map_or(info.clone(), |code| info.with_code(code))
        });
        proptest::option::weighted(0.8, info)
    }

    fn transition() -> impl Strategy<Value = TransitionAccount> {
        use AccountStatus::*;
        let statuses = proptest::sample::select(vec![
            (Loaded, Changed),
            (Loaded, InMemoryChange),
            (LoadedEmptyEIP161, Changed),
            (LoadedEmptyEIP161, InMemoryChange),
            (LoadedNotExisting, InMemoryChange),
            (Loaded, Destroyed),
            (LoadedNotExisting, Destroyed),
            (Loaded, DestroyedChanged),
            (LoadedNotExisting, DestroyedChanged),
            (Loaded, DestroyedAgain),
            (Loaded, Loaded),
        ]);
        let slots = proptest::collection::vec((0..4u8, 0..3u8, 0..3u8), 0..4);
        (info(), info(), statuses, slots, any::<bool>()).prop_map(
            |(info, previous_info, (previous_status, status), slots, storage_was_destroyed)| {
                let slot = |(key, before, after)| {
                    let [key, before, after] = [key, before, after].map(U256::from);
                    (key, StorageSlot::new_changed(before, after))
                };
                TransitionAccount {
                    info,
                    status,
                    previous_info,
                    previous_status,
                    storage: slots.into_iter().map(slot).collect(),
                    storage_was_destroyed,
                }
            },
        )
    }

    proptest! {
        #[test]
        fn a_bundle_is_what_revm_makes_of_the_transitions(
            transitions in proptest::collection::vec(transition(), 0..6)
        ) {
            let addresses = (0..).map(|n| Address::from_word(B256::with_last_byte(n)));
            let state = TransitionState { transitions: addresses.zip(transitions).collect() };
            let mut expected = BundleState::default();
            expected.apply_transitions_and_create_reverts(state.clone(), BundleRetention::Reverts);
            let mut made = bundle(state);
            for bundle in [&mut expected, &mut made] {
                bundle.reverts.iter_mut().for_each(|block| block.sort_by_key(|one| one.0));
            }
            prop_assert_eq!(made, expected);
        }
    }
}
