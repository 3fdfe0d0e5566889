//! The access list of a block, put together from notes of what each of its commits does.
//!
//! Notes are in block order, the list is by account and slot. So the notes are sorted by
//! account, and the slots of one account after the other, by their first eight bytes
//! wherever these decide; everything is allocated as large as it has to be. What is a change
//! revm says.

use super::{CodeNote, FieldNote, Notes, SlotNote};
use alloy_eips::eip7928::{
    AccountChanges, BalanceChange, BlockAccessIndex, CodeChange, NonceChange, SlotChanges,
    StorageChange,
};
use revm::{
    primitives::{Address, StorageKey, StorageValue},
    state::bal::{AccountInfoBal, BalWrites},
};

/// Set in the position of a note that is one of writes.
const WRITE: u32 = 1 << 31;

/// The position of a note, in the lowest bits, and before it the first eight bytes of what it
/// is sorted by, so that one comparison of numbers decides nearly always.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Sorted(u128);

/// What is used for one account after the other.
#[derive(Default)]
struct Scratch {
    /// What becomes of its fields,
    info: AccountInfoBal,
    /// and of one slot.
    slot: BalWrites<StorageValue>,
    /// Its slots.
    sorted: Vec<Sorted>,
    /// Those that are read and no more,
    reads: Vec<StorageKey>,
    /// and those that change.
    changes: Vec<SlotChanges>,
}

impl Sorted {
    fn new(begins: u64, at: u32) -> Self {
        Self(u128::from(begins) << 64 | u128::from(at))
    }

    const fn begins(self) -> u64 {
        (self.0 >> 64) as u64
    }

    const fn at(self) -> u32 {
        self.0 as u32
    }
}

/// Sorts by the whole of what is only known to begin so, and then by position.
fn sort<K: Ord>(order: &mut [Sorted], key: impl Fn(u32) -> K) {
    order.sort_unstable();
    for alike in order.chunk_by_mut(|a, b| a.begins() == b.begins()) {
        if let [first, rest @ ..] = alike
            && !rest.is_empty()
            && let first = key(first.at())
            && rest.iter().any(|one| key(one.at()) != first)
        {
            alike.sort_by_key(|one| key(one.at()));
        }
    }
}

/// Those that belong together, of what is sorted.
fn same<K: Eq>(key: impl Fn(u32) -> K) -> impl Fn(&Sorted, &Sorted) -> bool {
    move |a, b| a.begins() == b.begins() && key(a.at()) == key(b.at())
}

/// The list that the notes are for.
pub(super) fn assemble(notes: &Notes) -> Vec<AccountChanges> {
    let address = |at: u32| &notes.accounts[at as usize].address;
    let each = notes.accounts.iter().zip(0..);
    let mut order: Vec<_> = each.map(|(note, at)| Sorted::new(head(&note.address), at)).collect();
    sort(&mut order, address);
    let mut list = Vec::with_capacity(order.chunk_by(same(address)).count());
    let mut scratch = Scratch::default();
    list.extend(order.chunk_by(same(address)).map(|of_one| account(notes, of_one, &mut scratch)));
    list
}

/// How an address begins.
fn head(address: &Address) -> u64 {
    let [a, b, c, d, e, f, g, h, ..] = address.0.0;
    u64::from_be_bytes([a, b, c, d, e, f, g, h])
}

/// How a slot's key begins.
fn slot_head(key: &StorageKey) -> u64 {
    let [.., first] = *key.as_limbs();
    first
}

/// What the block does with one account, of which these are the notes.
fn account(notes: &Notes, of_one: &[Sorted], scratch: &mut Scratch) -> AccountChanges {
    let Scratch { info, slot, sorted, reads, changes } = scratch;
    sorted.clear();
    for note in of_one {
        let note = note.at() as usize;
        let end = notes.accounts.get(note + 1).map_or_else(|| notes.ends(), |next| next.begins);
        let note = &notes.accounts[note];
        let [fields, read, written] = note.begins.until(end);
        for field in &notes.fields[fields] {
            update(info, note.index, field);
        }
        let key = |at: usize| slot_head(&notes.reads[at]);
        sorted.extend(read.map(|at| Sorted::new(key(at), at as u32)));
        let key = |at: usize| slot_head(&notes.writes[at].slot);
        sorted.extend(written.map(|at| Sorted::new(key(at), at as u32 | WRITE)));
    }
    let key = |at: u32| match at & WRITE {
        0 => &notes.reads[at as usize],
        _ => &notes.writes[(at ^ WRITE) as usize].slot,
    };
    sort(sorted, key);
    for uses in sorted.chunk_by(same(key)) {
        for at in uses.iter().map(|it| it.at()).filter(|at| at & WRITE != 0) {
            let SlotNote { index, before, after, .. } = &notes.writes[(at ^ WRITE) as usize];
            slot.update(*index, before, *after);
        }
        let key = *key(uses[0].at());
        match slot.writes.is_empty() {
            true => reads.push(key),
            false => {
                let writes = taken(&mut slot.writes, |(at, it)| StorageChange::new(at, it));
                changes.push(SlotChanges::new(key, writes));
            }
        }
    }
    let AccountInfoBal { balance, nonce, code, .. } = info;
    AccountChanges {
        address: notes.accounts[of_one[0].at() as usize].address,
        storage_changes: taken(changes, |it| it),
        storage_reads: taken(reads, |it| it),
        balance_changes: taken(&mut balance.writes, |(at, it)| BalanceChange::new(at, it)),
        nonce_changes: taken(&mut nonce.writes, |(at, it)| NonceChange::new(at, it)),
        code_changes: taken(&mut code.writes, |(at, (_, code))| {
            CodeChange::new(at, code.original_bytes())
        }),
    }
}

/// Everything out of a list that is used again. It is often empty.
fn taken<T, U>(list: &mut Vec<T>, make: impl FnMut(T) -> U) -> Vec<U> {
    let mut taken = Vec::with_capacity(list.len());
    if !list.is_empty() {
        taken.extend(list.drain(..).map(make));
    }
    taken
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

    #[test]
    fn what_begins_alike_is_sorted_by_the_rest_and_then_by_position() {
        let keys = [(1, 9), (0, 5), (1, 3), (1, 9), (0, 5), (1, 2)];
        let mut order: Vec<_> =
            keys.iter().zip(0..).map(|((begins, _), at)| Sorted::new(*begins, at)).collect();
        let key = |at: u32| keys[at as usize].1;
        sort(&mut order, key);
        let positions: Vec<_> = order.iter().map(|it| it.at()).collect();
        assert_eq!(positions, [1, 4, 5, 2, 0, 3]);
        let groups: Vec<_> = order.chunk_by(same(key)).map(<[_]>::len).collect();
        assert_eq!(groups, [2, 1, 1, 2]);
    }
}
