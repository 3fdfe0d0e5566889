//! The state as predicted so far: the pre-block state, read once per location and
//! kept, under the predicted writes of earlier transactions, under the changes of
//! the transaction at hand, with what that has touched, warmed and looked at.
//!
//! Every change since a checkpoint can be undone. What was touched stays touched:
//! a reverted frame's reads are reads.

mod account;
mod code;
mod contents;
mod index;
mod left;
mod order;
mod payment;
mod slot;
mod storage;
mod trace;
mod undo;

pub(crate) use account::{Account, AccountId, Look};
pub(crate) use contents::Contents;
pub(crate) use order::Met;
pub(crate) use slot::SlotId;
pub(crate) use trace::Trace;

use crate::{
    rules::Rules,
    state::{Lookup, StateView, Want},
};
use account::UNHASHED;
use alloy_primitives::{Address, KECCAK256_EMPTY, U256};
use order::FirstLook;
use revm::{precompile::Precompiles, primitives::hardfork::SpecId};
use slot::Slot;
use undo::Undo;

/// Why a read of the world yields nothing.
#[derive(Debug)]
pub(crate) enum Stop<E> {
    /// The value is not at hand.
    Missing(Want),
    /// The underlying storage failed.
    Failed(E),
}

/// A slot as a transaction found and left it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TouchedSlot {
    pub(crate) address: Address,
    pub(crate) key: U256,
    pub(crate) before: U256,
    pub(crate) after: U256,
    /// Whether its value was used for more than sums and comparisons.
    looked: bool,
}

impl TouchedSlot {
    /// Whether the transaction merely adds to the slot: it does the same whatever that
    /// holds, as long as comparisons come out the same. Gas compares with zero.
    pub(crate) fn is_added_to(&self) -> bool {
        let Self { before, after, looked, .. } = self;
        !looked && before != after && !before.is_zero() && !after.is_zero()
    }
}

/// The predicted state. See the module documentation.
#[derive(Debug)]
pub(crate) struct World<S> {
    /// The pre-block state.
    pub(crate) view: S,
    contents: Contents,
    /// The number of the transaction at hand, from 1.
    stamp: u32,
    /// The last transaction that is taken to have looked at all its slots.
    looked_at_all: u32,
    /// When the transaction at hand looked first at which fields, if that is asked for.
    first_looks: Option<Vec<FirstLook>>,
    pub(crate) beneficiary: AccountId,
    /// Whether the transaction at hand has met a guess.
    pub(crate) has_guessed: bool,
    spec: SpecId,
    precompiles: &'static Precompiles,
}

impl<S> World<S> {
    /// Gives up the contents, for another world.
    pub(crate) fn take_contents(&mut self) -> Contents {
        core::mem::take(&mut self.contents)
    }
}

impl<S: StateView> World<S> {
    /// A world in which nothing has been met yet, with the cleared parts of another.
    pub(crate) fn new(
        view: S,
        mut contents: Contents,
        beneficiary: Address,
        rules: &Rules,
    ) -> Self {
        contents.begin();
        let beneficiary = contents.accounts.intern(beneficiary, rules.precompiles);
        Self {
            view,
            contents,
            stamp: 0,
            looked_at_all: 0,
            first_looks: None,
            beneficiary,
            has_guessed: false,
            spec: rules.spec,
            precompiles: rules.precompiles,
        }
    }

    /// Forgets everything that belongs to the last transaction alone.
    pub(crate) fn begin(&mut self) {
        self.stamp += 1;
        self.has_guessed = false;
        self.contents.accounts.touched.clear();
        self.contents.slots.touched.clear();
        self.contents.transient.clear();
        self.contents.keep_changes();
        if let Some(looks) = &mut self.first_looks {
            looks.clear();
        }
    }

    /// The number of an address.
    pub(crate) fn intern(&mut self, address: Address) -> AccountId {
        self.contents.accounts.intern(address, self.precompiles)
    }

    /// An account by number. Its fields are valid once it was loaded.
    pub(crate) fn account(&self, id: AccountId) -> &Account {
        self.contents.accounts.get(id)
    }

    /// Accounts that the transaction has touched, in order of first touch.
    pub(crate) fn touched_accounts(&self) -> impl ExactSizeIterator<Item = &Account> {
        self.contents.accounts.touched.iter().map(|id| self.contents.accounts.get(*id))
    }

    /// Notes that the transaction uses a slot's value for more than to add to it.
    #[inline]
    pub(crate) fn look_at_slot(&mut self, id: SlotId) {
        self.contents.slots.get_mut(id).looked = self.stamp;
    }

    /// Notes the same of all slots that it has touched and will touch.
    pub(crate) const fn look_at_all_slots(&mut self) {
        self.looked_at_all = self.stamp;
    }

    /// Slots that the transaction has touched.
    pub(crate) fn touched_slots(&self) -> impl ExactSizeIterator<Item = TouchedSlot> {
        self.contents.slots.touched.iter().map(|id| {
            let slot = self.contents.slots.get(*id);
            self.touched_slot(slot, self.contents.accounts.get(slot.account))
        })
    }

    /// A slot that the transaction has touched, of this account.
    #[inline]
    fn touched_slot(&self, slot: &Slot, account: &Account) -> TouchedSlot {
        let looked = [slot.looked, self.looked_at_all].contains(&self.stamp);
        TouchedSlot {
            address: account.address,
            key: slot.key,
            before: slot.start,
            after: if account.destroyed == self.stamp { U256::ZERO } else { slot.value },
            looked: looked || account.created == self.stamp,
        }
    }

    /// Accounts that the transaction has touched, each with the slots that it has touched of
    /// it, in the order of access sets: they must have been put in it.
    pub(crate) fn touched_in_order(
        &self,
    ) -> impl Iterator<Item = (AccountId, &Account, impl Iterator<Item = TouchedSlot>)> {
        let Contents { accounts, slots, .. } = &self.contents;
        let mut rest = &*slots.touched;
        accounts.touched.iter().map(move |&id| {
            let is_other = |slot: &SlotId| slots.get(*slot).account != id;
            let (own, others) = rest.split_at(rest.iter().position(is_other).unwrap_or(rest.len()));
            rest = others;
            let account = accounts.get(id);
            let own = own.iter().map(move |slot| self.touched_slot(slots.get(*slot), account));
            (id, account, own)
        })
    }

    /// Puts what the transaction has touched in the order of access sets.
    pub(crate) fn sort_touched(&mut self) {
        self.contents.sort_touched();
    }

    /// Makes sure that an account's fields are at hand, without touching it.
    pub(crate) fn load(&mut self, id: AccountId) -> Result<(), Stop<S::Error>> {
        let account = self.contents.accounts.get_mut(id);
        if account.loaded {
            return Ok(());
        }
        match self.view.account(account.address).map_err(Stop::Failed)? {
            Lookup::Ready(info) => account.fill(info),
            Lookup::Missing => return Err(Stop::Missing(Want::Account(account.address))),
        }
        Ok(())
    }

    /// Whether the next touch of an account would be its first.
    pub(crate) fn is_cold(&self, id: AccountId) -> bool {
        let account = self.contents.accounts.get(id);
        account.warm != self.stamp
            && !(id == self.beneficiary && self.spec.is_enabled_in(SpecId::SHANGHAI))
            && !account.precompile
    }

    /// Touches an account that was loaded: it counts as accessed and becomes warm.
    pub(crate) fn touch(&mut self, id: AccountId, look: Look) {
        let cold = self.is_cold(id);
        let stamp = self.stamp;
        let account = self.contents.accounts.get_mut(id);
        if account.stamp != stamp {
            account.begin(stamp);
            self.contents.accounts.touched.push(id);
        }
        if self.first_looks.is_some() {
            self.note_look(id, look);
        }
        let account = self.contents.accounts.get_mut(id);
        account.looks |= look;
        if account.warm != stamp {
            if cold {
                self.contents.undo.push(Undo::AccountWarm(id, account.warm));
            }
            account.warm = stamp;
        }
    }

    /// Puts an account on the transaction's access list
    /// ([EIP-2930](https://eips.ethereum.org/EIPS/eip-2930)): warm, not touched.
    pub(crate) fn list_account(&mut self, id: AccountId) {
        self.contents.accounts.get_mut(id).warm = self.stamp;
    }

    /// Whether an account counts as empty for gas: by its contents from Spurious
    /// Dragon on, by its existence before
    /// ([EIP-161](https://eips.ethereum.org/EIPS/eip-161)).
    pub(crate) fn is_dead(&self, id: AccountId) -> bool {
        let account = self.contents.accounts.get(id);
        if self.spec.is_enabled_in(SpecId::SPURIOUS_DRAGON) {
            account.is_empty()
        } else {
            !account.exists && !account.modified
        }
    }

    /// Records that an account would exist from now on, even if empty.
    pub(crate) fn mark_modified(&mut self, id: AccountId) {
        let account = self.contents.accounts.get_mut(id);
        if account.modify() {
            self.contents.undo.push(Undo::Modified(id));
        }
    }

    /// Sets an account's balance.
    pub(crate) fn set_balance(&mut self, id: AccountId, balance: U256) {
        self.mark_modified(id);
        let account = self.contents.accounts.get_mut(id);
        self.contents.undo.push(Undo::Balance(id, account.balance));
        account.change();
        account.balance = balance;
    }

    /// Notes what is looked at to tell whether an account can pay: that its balance suffices,
    /// or if it does not, the balance itself.
    pub(crate) fn touch_payer(&mut self, id: AccountId, value: U256) {
        let suffices = self.account(id).balance >= value;
        self.touch(id, if suffices { Look::FUNDS } else { Look::BALANCE });
    }

    /// Moves balance between loaded accounts; false if it does not suffice, or the
    /// receiver's would overflow.
    pub(crate) fn transfer(&mut self, from: AccountId, to: AccountId, value: U256) -> bool {
        let payer = self.account(from).balance;
        if value > payer {
            return false;
        }
        self.mark_modified(to);
        if from == to || value.is_zero() {
            return true;
        }
        let Some(received) = self.account(to).balance.checked_add(value) else { return false };
        self.set_balance(from, payer - value);
        self.set_balance(to, received);
        true
    }

    /// Takes an untouched account to have a nonce, and at least so much balance.
    pub(crate) fn grant(&mut self, id: AccountId, nonce: u64, balance: U256) {
        let balance = self.account(id).balance.max(balance);
        self.set_balance(id, balance);
        self.set_nonce(id, nonce);
    }

    /// Sets an account's nonce.
    pub(crate) fn set_nonce(&mut self, id: AccountId, nonce: u64) {
        self.mark_modified(id);
        let account = self.contents.accounts.get_mut(id);
        self.contents.undo.push(Undo::Nonce(id, account.nonce));
        account.change();
        account.set_nonce(nonce);
    }

    /// Marks an account as created by the transaction at hand: its storage is empty.
    pub(crate) fn mark_created(&mut self, id: AccountId) {
        let stamp = self.stamp;
        let account = self.contents.accounts.get_mut(id);
        self.contents.undo.push(Undo::Created(id, account.created, account.storage_empty));
        account.created = stamp;
        account.storage_empty = true;
    }

    /// Pays the beneficiary, who is not touched by it.
    pub(crate) fn pay_beneficiary(&mut self, balance: U256) {
        let account = self.contents.accounts.get_mut(self.beneficiary);
        let empty_before = account.is_empty();
        account.change();
        account.balance = balance;
        // EIP-161: what the last fee leaves empty does not come to exist.
        if !(empty_before && account.is_empty() && self.spec.is_enabled_in(SpecId::SPURIOUS_DRAGON))
        {
            account.exists = true;
        }
    }

    /// The account of an address that was interned before.
    pub(crate) fn account_of_origin(&mut self, origin: U256) -> AccountId {
        self.intern(Address::from_word(origin.into()))
    }

    /// The fields of a touched account that the transaction leaves changed.
    pub(crate) fn changes(&self, account: &Account) -> Look {
        if !account.modified {
            return Look::empty();
        }
        let (balance, nonce, hash) = if account.destroyed == self.stamp {
            (U256::ZERO, 0, KECCAK256_EMPTY)
        } else {
            (account.balance, account.nonce, account.hash)
        };
        let mut changes = Look::empty();
        changes.set(Look::BALANCE, account.start_balance() != balance);
        changes.set(Look::NONCE, account.start_nonce() != nonce);
        let (start, code) = self.start_code(account);
        let is_replaced = account.code_before != 0 && code != account.code.as_ref();
        changes.set(Look::CODE, start != hash || start == UNHASHED && is_replaced);
        changes
    }

    /// Whether the transaction at hand created an account.
    pub(crate) fn is_created(&self, id: AccountId) -> bool {
        self.contents.accounts.get(id).created == self.stamp
    }

    /// Marks an account for destruction at the end of the transaction. False if it
    /// was marked already.
    pub(crate) fn mark_destroyed(&mut self, id: AccountId) -> bool {
        let stamp = self.stamp;
        let account = self.contents.accounts.get_mut(id);
        if account.destroyed == stamp {
            return false;
        }
        self.contents.undo.push(Undo::Destroyed(id, account.destroyed));
        account.destroyed = stamp;
        true
    }

    /// A point to revert to.
    pub(crate) fn checkpoint(&self) -> usize {
        self.contents.undo.len()
    }

    /// Undoes every change since a checkpoint.
    pub(crate) fn revert(&mut self, checkpoint: usize) {
        while self.contents.undo.len() > checkpoint {
            let Some(undo) = self.contents.undo.pop() else { break };
            undo.apply(
                &mut self.contents.accounts,
                &mut self.contents.slots,
                &mut self.contents.transient,
                &mut self.contents.old_codes,
            );
        }
    }

    /// Ends the transaction: what it destroyed, or touched and left empty, is gone.
    pub(crate) fn commit(&mut self) {
        let stamp = self.stamp;
        let spurious_dragon = self.spec.is_enabled_in(SpecId::SPURIOUS_DRAGON);
        let touched = core::mem::take(&mut self.contents.accounts.touched);
        for &id in &touched {
            let account = self.contents.accounts.get_mut(id);
            if account.destroyed == stamp {
                account.clear();
                self.contents.slots.clear_account(id);
            } else if account.modified {
                account.change();
                account.exists = !(spurious_dragon && account.is_empty());
            }
            account_done(self.contents.accounts.get_mut(id));
        }
        self.contents.accounts.touched = touched;
        self.contents.keep_changes();
    }

    /// Replaces an account's fields by what execution left, before any transaction
    /// is predicted.
    pub(crate) fn apply_account(&mut self, address: Address, account: &revm::state::Account) {
        let id = self.intern(address);
        let info = (!account.is_loaded_as_not_existing_not_touched()).then(|| account.info.clone());
        let entry = self.contents.accounts.get_mut(id);
        entry.fill(info);
        entry.change();
        for (key, slot) in &account.storage {
            let slot_id = self.contents.slots.intern(id, *key);
            let entry = self.contents.slots.get_mut(slot_id);
            entry.value = slot.present_value;
            entry.loaded = true;
            entry.changed = true;
        }
    }
}

/// Ends an account's part in a transaction.
fn account_done(account: &mut Account) {
    account.modified = false;
}
