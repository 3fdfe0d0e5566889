//! The access list of a block, put together from notes of what each of its commits does.
//!
//! Notes are in block order, the list is by account and slot. The notes of each account are
//! chained in their order, the accounts sorted, and so are the slots of one after the other;
//! everything is allocated as large as it has to be.

use super::{AccountNote, CodeNote, FieldNote, Notes, SlotNote};
use alloy_eips::eip7928::{AccountChanges, BlockAccessIndex, SlotChanges, StorageChange};
use revm::{
    primitives::{Address, AddressMap, StorageKey, StorageValue},
    state::bal::{AccountBal, AccountInfoBal, BalWrites, StorageBal},
};

/// In place of the number of a note, where a slot is read and no more, or the last note of
/// an account is.
const NONE: u32 = u32::MAX;

/// The notes of an account.
struct Chain {
    address: Address,
    first: u32,
    last: u32,
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
    let (mut chains, next) = chains(notes);
    chains.sort_unstable_by_key(|chain| chain.address);
    let mut scratch = Scratch::default();
    chains.iter().map(|chain| account(notes, chain, &next, &mut scratch)).collect()
}

/// The notes of each account, and of each note the next one of its account.
fn chains(notes: &Notes) -> (Vec<Chain>, Vec<u32>) {
    let mut places = AddressMap::<u32>::default();
    let mut chains: Vec<Chain> = Vec::new();
    let mut next = vec![NONE; notes.accounts.len()];
    for (note, AccountNote { address, .. }) in (0..).zip(&notes.accounts) {
        let place = *places.entry(*address).or_insert(chains.len() as u32);
        match chains.get_mut(place as usize) {
            Some(chain) => {
                next[chain.last as usize] = note;
                chain.last = note;
            }
            None => chains.push(Chain { address: *address, first: note, last: note }),
        }
    }
    (chains, next)
}

/// What the block does with one account.
fn account(notes: &Notes, chain: &Chain, next: &[u32], scratch: &mut Scratch) -> AccountChanges {
    let Scratch { slots, reads, writes } = scratch;
    let mut account_info = AccountInfoBal::default();
    slots.clear();
    let following = |note: &u32| next.get(*note as usize).copied().filter(|note| *note != NONE);
    for note in core::iter::successors(Some(chain.first), following) {
        let note = note as usize;
        let end = notes.accounts.get(note + 1).map_or_else(|| notes.ends(), |next| next.begins);
        let note = &notes.accounts[note];
        let [fields, read, written] = note.begins.until(end);
        for field in &notes.fields[fields] {
            update(&mut account_info, note.index, field);
        }
        slots.extend(notes.reads[read].iter().map(|slot| (*slot, NONE)));
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
    let fields = fields.into_alloy_account(chain.address);
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
