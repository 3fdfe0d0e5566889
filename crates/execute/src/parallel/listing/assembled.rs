//! The access list of a block, put together from notes of what each of its commits does.
//!
//! Notes are in block order, the list is by account and slot. Sorting their places brings
//! all notes of an account together and leaves them in block order, and so again the slots
//! of an account: no table is needed, and everything is allocated as large as it has to be.

use super::{CodeNote, FieldNote, Notes, SlotNote};
use alloy_eips::eip7928::{AccountChanges, BlockAccessIndex, SlotChanges, StorageChange};
use revm::{
    primitives::{Address, StorageKey, StorageValue},
    state::bal::{AccountBal, AccountInfoBal, BalWrites, StorageBal},
};

/// In place of the number of a note, where a slot is read and no more.
const READ: u32 = u32::MAX;

/// Where the note of an account is. The order is that of addresses, then that of notes; the
/// bytes of an address are compared as numbers, which takes a fraction of the time.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    address: (u64, u64, u32),
    note: u32,
}

impl Place {
    fn new(address: &Address, note: usize) -> Self {
        let [head, middle] =
            [0, 8].map(|at| u64::from_be_bytes(core::array::from_fn(|byte| address[at + byte])));
        let tail = u32::from_be_bytes(core::array::from_fn(|byte| address[16 + byte]));
        Self { address: (head, middle, tail), note: note as u32 }
    }

    fn is_of_account(&self, other: &Self) -> bool {
        self.address == other.address
    }
}

/// What is used for one account after the other.
#[derive(Default)]
struct Scratch {
    /// Its slots, each with the number of the note of its change.
    slots: Vec<(StorageKey, u32)>,
    reads: Vec<StorageKey>,
    /// What becomes of a slot.
    writes: BalWrites<StorageValue>,
}

/// The list that the notes are for.
pub(super) fn assemble(notes: &Notes) -> Vec<AccountChanges> {
    let accounts = notes.accounts.iter().enumerate();
    let mut places: Vec<_> =
        accounts.map(|(note, account)| Place::new(&account.address, note)).collect();
    places.sort_unstable();
    let mut list = Vec::with_capacity(places.chunk_by(Place::is_of_account).count());
    let mut scratch = Scratch::default();
    for places in places.chunk_by(Place::is_of_account) {
        list.push(account(notes, places, &mut scratch));
    }
    list
}

/// What the block does with one account.
fn account(notes: &Notes, places: &[Place], scratch: &mut Scratch) -> AccountChanges {
    let Scratch { slots, reads, writes } = scratch;
    let mut account_info = AccountInfoBal::default();
    slots.clear();
    for &Place { note, .. } in places {
        let note = note as usize;
        let end = notes.accounts.get(note + 1).map_or_else(|| notes.ends(), |next| next.begins);
        let note = &notes.accounts[note];
        let [fields, read, written] = note.begins.until(end);
        for field in &notes.fields[fields] {
            update(&mut account_info, note.index, field);
        }
        slots.extend(notes.reads[read].iter().map(|slot| (*slot, READ)));
        slots.extend(written.map(|at| (notes.writes[at].slot, at as u32)));
    }
    slots.sort_unstable();
    reads.clear();
    let mut storage_changes = Vec::new();
    for uses in slots.chunk_by(|(a, _), (b, _)| a == b) {
        let slot = uses[0].0;
        for SlotNote { index, before, after, .. } in
            uses.iter().filter_map(|(_, at)| notes.writes.get(*at as usize))
        {
            writes.update(*index, before, *after);
        }
        if writes.writes.is_empty() {
            reads.push(slot);
            continue;
        }
        let changes = writes.writes.drain(..).map(|(index, it)| StorageChange::new(index, it));
        storage_changes.push(SlotChanges::new(slot, changes.collect()));
    }
    let fields = AccountBal { account_info, storage: StorageBal::default() };
    let fields = fields.into_alloy_account(notes.accounts[places[0].note as usize].address);
    AccountChanges { storage_reads: reads.clone(), storage_changes, ..fields }
}

/// Adds what a commit makes of a field.
fn update(info: &mut AccountInfoBal, index: BlockAccessIndex, field: &FieldNote) {
    match field {
        FieldNote::Balance([before, after]) => info.balance_update(index, before, *after),
        FieldNote::Nonce([before, after]) => info.nonce_update(index, before, *after),
        FieldNote::Code(code) => {
            let CodeNote { before, after: (hash, code) } = &**code;
            info.code_update(index, before, *hash, code.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn places_are_in_the_order_of_addresses_and_notes(
            mut notes in proptest::collection::vec((any::<[u8; 20]>(), 0..4usize), 0..20),
            same in any::<prop::sample::Index>(),
        ) {
            // Some share an address, or the beginning of one.
            if !notes.is_empty() {
                let (address, _) = notes[same.index(notes.len())];
                notes.push((address, 5));
                let mut near = address;
                near[19] ^= 1;
                notes.push((near, 0));
            }
            let mut places: Vec<_> =
                notes.iter().map(|(address, note)| Place::new(&address.into(), *note)).collect();
            places.sort_unstable();
            notes.sort_unstable();
            let expected =
                notes.iter().map(|(address, note)| Place::new(&address.into(), *note));
            prop_assert!(places.into_iter().eq(expected));
        }
    }
}
