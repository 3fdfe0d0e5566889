//! Access sets from accounts one after the other.

use super::{AccessSet, Account, AccountAccess, FIELDS, by_account};
use crate::{Field, Location, Touch};
use alloy_primitives::{Address, U256};

/// An access set in the making: accounts one after the other, each once and with its slots, each
/// once. What is not touched is left out.
#[derive(Clone, Debug, Default)]
pub struct AccessSetBuilder {
    accounts: Vec<Account>,
    slots: Vec<(U256, Touch)>,
}

impl AccessSetBuilder {
    /// Makes room for so many accounts and slots.
    pub fn with_capacity(accounts: usize, slots: usize) -> Self {
        Self { accounts: Vec::with_capacity(accounts), slots: Vec::with_capacity(slots) }
    }

    /// Adds an account, with what is done with its balance, nonce and code.
    pub fn account(&mut self, address: Address, fields: [Touch; 3]) {
        self.leave_out();
        self.accounts.push(Account { address, fields, end: self.slots.len() as u32 });
    }

    /// Adds a slot of the last account.
    ///
    /// # Panics
    ///
    /// If there is no account.
    pub fn slot(&mut self, key: U256, touch: Touch) {
        let account = self.accounts.last_mut().expect("slots come after their account");
        if !touch.is_none() {
            self.slots.push((key, touch.and(Touch::SLOT)));
            account.end += 1;
        }
    }

    /// Adds what else is done with the balance, nonce and code of an account.
    pub fn amend(&mut self, address: Address, touches: [Touch; 3]) {
        match self.accounts.iter_mut().find(|account| account.address == address) {
            Some(account) => account.touch(touches),
            None => self.account(address, touches),
        }
    }

    /// Leaves out the last account, if nothing of it is touched.
    fn leave_out(&mut self) {
        let start = match &self.accounts[..] {
            [.., before, _] => before.end,
            _ => 0,
        };
        self.accounts
            .pop_if(|last| last.end == start && last.fields.iter().all(|touch| touch.is_none()));
    }

    /// The set, if accounts and slots came sorted.
    pub fn finish(mut self) -> AccessSet {
        self.leave_out();
        let Self { accounts, slots } = self;
        let set = AccessSet { accounts: accounts.into(), slots: slots.into() };
        debug_assert!(
            set.accounts.is_sorted_by(|a, b| a.address < b.address)
                && set.accounts().all(|account| account.slots.is_sorted_by(|a, b| a.0 < b.0)),
            "accounts and slots come sorted, each once"
        );
        set
    }

    /// The set, whatever accounts and slots were sorted by.
    pub fn sorted(&self) -> AccessSet {
        let mut accounts: Vec<_> = by_account(&self.accounts, &self.slots).collect();
        accounts.sort_unstable_by_key(|account| account.address);
        let mut set = Self::with_capacity(accounts.len(), self.slots.len());
        let mut sorted = Vec::new();
        for AccountAccess { address, fields, slots } in accounts {
            set.account(address, fields);
            sorted.clear();
            sorted.extend_from_slice(slots);
            sorted.sort_unstable_by_key(|(key, _)| *key);
            sorted.iter().for_each(|(key, touch)| set.slot(*key, *touch));
        }
        set.finish()
    }

    /// A set from sorted locations, each once.
    pub(super) fn from_sorted(touches: impl IntoIterator<Item = (Location, Touch)>) -> AccessSet {
        let mut set = Self::default();
        for (Location { address, field }, touch) in touches {
            if set.accounts.last().is_none_or(|last| last.address != address) {
                set.account(address, [Touch::NONE; 3]);
            }
            let of = |this| touch.only_if(field == this);
            match (field, set.accounts.last_mut()) {
                (Field::Slot(key), _) => set.slot(key, touch),
                (_, Some(last)) => last.touch(FIELDS.map(of)),
                (_, None) => {}
            }
        }
        set.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_touched_is_left_out() {
        let [a, b, c, d] = [1, 2, 3, 4].map(Address::with_last_byte);
        let [none, read] = [Touch::NONE, Touch::READ];
        let mut builder = AccessSetBuilder::default();
        builder.account(a, [none; 3]);
        builder.account(b, [none; 3]);
        builder.slot(U256::ONE, none);
        builder.slot(U256::from(2), read);
        builder.account(c, [none, none, read]);
        builder.account(d, [none; 3]);
        let set = builder.finish();
        let expected = [Location::slot(b, U256::from(2)), Location::code(c)];
        assert_eq!(set, AccessSet::new(expected, [], []));
        assert!(set.reads().eq(expected));
        assert_eq!(AccessSetBuilder::default().finish(), AccessSet::default());
    }

    #[test]
    fn accounts_and_slots_may_come_in_any_order() {
        let [a, b] = [1, 2].map(Address::with_last_byte);
        let [none, read, write] = [Touch::NONE, Touch::READ, Touch::WRITE];
        let credited = write.and(Touch::COMMUTATIVE);
        let mut builder = AccessSetBuilder::default();
        builder.account(b, [credited, none, read]);
        builder.slot(U256::from(2), read.and(write));
        builder.slot(U256::ONE, read);
        builder.account(a, [read, credited, none]);
        builder.slot(U256::ONE, read.and(write));
        let slot = |address, key| Location::slot(address, U256::from(key));
        let expected = AccessSet::new(
            [Location::balance(a), slot(a, 1), Location::code(b), slot(b, 1), slot(b, 2)],
            [Location::nonce(a), slot(a, 1), Location::balance(b), slot(b, 2)],
            [Location::nonce(a), Location::balance(b)],
        );
        assert_eq!(builder.sorted(), expected);
        assert_eq!(builder.sorted(), builder.sorted());
    }
}
