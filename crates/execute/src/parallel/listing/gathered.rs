//! What a block does, put together from notes of what each of its commits does.

use super::{Batch, CodeNote, FieldNote, SlotNote};
use alloy_eips::eip7928::{AccountChanges, SlotChanges, StorageChange};
use revm::{
    primitives::{Address, AddressMap, HashMap, StorageKey, StorageValue},
    state::bal::{AccountBal, AccountInfoBal, BalWrites, StorageBal},
};

/// What a block does, by account and slot. revm's own type keeps the slots of an account
/// in order all the time, which takes several times as long.
#[derive(Default)]
pub(super) struct Gathered {
    /// Where each account is.
    places: AddressMap<usize>,
    accounts: Vec<Gatherer>,
    /// Where each slot of an account is.
    slot_places: HashMap<(usize, StorageKey), usize>,
    slots: Vec<(StorageKey, BalWrites<StorageValue>)>,
}

/// What a block does with an account.
struct Gatherer {
    address: Address,
    info: AccountInfoBal,
    /// The places of its slots.
    slots: Vec<usize>,
}

impl Gathered {
    /// Adds notes that follow those there are.
    pub(super) fn add(&mut self, batch: Batch) {
        let Batch { accounts, fields, reads, writes } = batch;
        let (mut fields, mut reads, mut writes) =
            (fields.into_iter(), reads.into_iter(), writes.into_iter());
        for note in accounts {
            let index = note.index;
            let account = self.account(note.address);
            let info = &mut self.accounts[account].info;
            for field in fields.by_ref().take(note.fields as usize) {
                match field {
                    FieldNote::Balance([before, after]) => {
                        info.balance_update(index, &before, after);
                    }
                    FieldNote::Nonce([before, after]) => info.nonce_update(index, &before, after),
                    FieldNote::Code(code) => {
                        let CodeNote { before, after: (hash, code) } = *code;
                        info.code_update(index, &before, hash, code);
                    }
                }
            }
            for slot in reads.by_ref().take(note.reads as usize) {
                self.writes(account, slot);
            }
            for SlotNote { slot, before, after } in writes.by_ref().take(note.writes as usize) {
                self.writes(account, slot).update(index, &before, after);
            }
        }
    }

    /// The place of an account.
    fn account(&mut self, address: Address) -> usize {
        *self.places.entry(address).or_insert_with(|| {
            let info = AccountInfoBal::default();
            self.accounts.push(Gatherer { address, info, slots: Vec::new() });
            self.accounts.len() - 1
        })
    }

    /// The writes of a slot so far.
    fn writes(&mut self, account: usize, slot: StorageKey) -> &mut BalWrites<StorageValue> {
        let place = *self.slot_places.entry((account, slot)).or_insert_with(|| {
            self.slots.push((slot, BalWrites::default()));
            self.accounts[account].slots.push(self.slots.len() - 1);
            self.slots.len() - 1
        });
        &mut self.slots[place].1
    }

    /// Everything in the order of the list.
    pub(super) fn into_sorted(mut self) -> Vec<AccountChanges> {
        self.accounts.sort_unstable_by_key(|account| account.address);
        let slots = &mut self.slots;
        let accounts = self.accounts.into_iter().map(|account| {
            let Gatherer { address, info, slots: mut places } = account;
            places.sort_unstable_by(|a, b| slots[*a].0.cmp(&slots[*b].0));
            let mut storage_reads = Vec::with_capacity(places.len());
            let mut storage_changes = Vec::new();
            for place in places {
                let (slot, BalWrites { writes }) = core::mem::take(&mut slots[place]);
                if writes.is_empty() {
                    storage_reads.push(slot);
                    continue;
                }
                let changes = writes.into_iter().map(|(index, it)| StorageChange::new(index, it));
                storage_changes.push(SlotChanges::new(slot, changes.collect()));
            }
            let fields = AccountBal { account_info: info, storage: StorageBal::default() };
            let fields = fields.into_alloy_account(address);
            AccountChanges { storage_reads, storage_changes, ..fields }
        });
        accounts.collect()
    }
}
