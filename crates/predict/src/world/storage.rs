//! Storage, lasting and transient.

use super::{AccountId, SlotId, Stop, World, undo::Undo};
use crate::state::{Lookup, StateView, Want};
use alloy_primitives::U256;

impl<S: StateView> World<S> {
    /// Puts a slot on the transaction's access list.
    pub(crate) fn list_slot(&mut self, account: AccountId, key: U256) {
        let id = self.contents.slots.intern(account, key);
        self.contents.slots.get_mut(id).listed = self.stamp;
    }

    /// The number of a slot.
    pub(crate) fn slot(&mut self, account: AccountId, key: U256) -> SlotId {
        self.contents.slots.intern(account, key)
    }

    /// Whether the next touch of a slot would be its first.
    pub(crate) fn is_slot_cold(&self, id: SlotId) -> bool {
        let slot = self.contents.slots.get(id);
        slot.warm != self.stamp && slot.listed != self.stamp
    }

    /// Makes sure that a slot's value is at hand, without touching it.
    pub(crate) fn load_slot(&mut self, id: SlotId) -> Result<(), Stop<S::Error>> {
        let slot = self.contents.slots.get_mut(id);
        if slot.loaded {
            return Ok(());
        }
        let account = self.contents.accounts.get(slot.account);
        if !account.storage_empty {
            match self.view.storage(account.address, slot.key).map_err(Stop::Failed)? {
                Lookup::Ready(value) => slot.value = value,
                Lookup::Missing => {
                    let want = Want::Slot(account.address, slot.key);
                    slot.value = self.view.guess().ok_or(Stop::Missing(want))?;
                    self.has_guessed = true;
                    self.contents.undo.push(Undo::SlotLoaded(id));
                }
            }
        }
        slot.loaded = true;
        Ok(())
    }

    /// Touches a loaded slot, which becomes warm, and yields its value.
    pub(crate) fn touch_slot(&mut self, id: SlotId) -> U256 {
        let stamp = self.stamp;
        let slot = self.contents.slots.get_mut(id);
        if slot.warm != stamp {
            if slot.stamp != stamp {
                slot.stamp = stamp;
                slot.start = slot.value;
                self.contents.slots.touched.push(id);
            }
            let slot = self.contents.slots.get_mut(id);
            self.contents.undo.push(Undo::SlotWarm(id, slot.warm));
            slot.warm = stamp;
        }
        self.contents.slots.get(id).value
    }

    /// The key of a slot.
    pub(crate) fn slot_key(&self, id: SlotId) -> U256 {
        self.contents.slots.get(id).key
    }

    /// The value of a loaded slot.
    pub(crate) fn slot_value(&self, id: SlotId) -> U256 {
        self.contents.slots.get(id).value
    }

    /// The value that a touched slot had at the start of the transaction.
    pub(crate) fn slot_start(&self, id: SlotId) -> U256 {
        self.contents.slots.get(id).start
    }

    /// Changes a touched slot.
    pub(crate) fn sstore(&mut self, id: SlotId, value: U256) {
        let slot = self.contents.slots.get_mut(id);
        if slot.value != value {
            self.contents.undo.push(Undo::SlotValue(id, slot.value));
            slot.value = value;
            slot.changed = true;
        }
    }

    /// Reads transient storage ([EIP-1153](https://eips.ethereum.org/EIPS/eip-1153)).
    pub(crate) fn tload(&self, account: AccountId, key: U256) -> U256 {
        self.contents.transient.get(&(account, key)).copied().unwrap_or_default()
    }

    /// Writes transient storage.
    pub(crate) fn tstore(&mut self, account: AccountId, key: U256, value: U256) {
        let old = self.contents.transient.insert((account, key), value).unwrap_or_default();
        self.contents.undo.push(Undo::Transient(account, key, old));
    }
}
