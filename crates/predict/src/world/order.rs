//! In which order a transaction comes to what it touches, where that is asked for.
//!
//! Slots are in that order until they are sorted. Looks at accounts are noted apart, each
//! with how many slots were touched before it. Since nothing is touched twice when a frame
//! starts again, and slices and blocks touch the same things one after the other, the order
//! is that of execution, whatever is compiled.

use super::{Account, AccountId, Look, SlotId, World};
use alloy_primitives::U256;

/// The first time that a transaction looked at some fields of an account.
#[derive(Clone, Copy, Debug)]
pub(super) struct FirstLook {
    account: AccountId,
    look: Look,
    /// How many slots it had touched by then.
    slots: usize,
}

/// What a transaction came to.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Met<'a> {
    /// Fields of an account.
    Account(&'a Account, Look),
    /// A slot of an account.
    Slot(&'a Account, U256),
}

impl<S> World<S> {
    /// Has the order noted from here on, or not.
    pub(crate) fn note_order(&mut self, wanted: bool) {
        self.first_looks = wanted.then(Vec::new);
    }

    /// Notes a look at some fields of a touched account, before it counts.
    #[cold]
    pub(super) fn note_look(&mut self, id: AccountId, look: Look) {
        let look = look - self.contents.accounts.get(id).looks;
        let slots = self.contents.slots.touched.len();
        if let Some(looks) = self.first_looks.as_mut().filter(|_| !look.is_empty()) {
            looks.push(FirstLook { account: id, look, slots });
        }
    }

    /// What the transaction at hand came to, in order; nothing if that is not noted. Its
    /// slots must not be sorted yet.
    pub(crate) fn met_in_order(&self) -> Option<Vec<Met<'_>>> {
        let looks = self.first_looks.as_ref()?;
        let (accounts, slots) = (&self.contents.accounts, &self.contents.slots);
        let slot = |id: &SlotId| {
            let slot = slots.get(*id);
            Met::Slot(accounts.get(slot.account), slot.key)
        };
        let mut met = Vec::with_capacity(looks.len() + slots.touched.len());
        let mut done = 0;
        for look in looks {
            met.extend(slots.touched[done..look.slots].iter().map(slot));
            met.push(Met::Account(accounts.get(look.account), look.look));
            done = look.slots;
        }
        met.extend(slots.touched[done..].iter().map(slot));
        Some(met)
    }
}
