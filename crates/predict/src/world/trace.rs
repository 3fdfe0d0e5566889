//! What a transaction saw and what it leaves, to tell later whether it would do the
//! same again, and to repeat its effects without running it.

use super::{Account, AccountId, Look, Stop, World};
use crate::state::{StateView, Want};
use alloy_primitives::{Address, B256, U256};
use revm::primitives::hardfork::SpecId;

/// What a transaction saw and what it leaves.
#[derive(Clone, Debug)]
pub(crate) struct Trace {
    accounts: Box<[AccountSeen]>,
    slots: Box<[SlotSeen]>,
}

/// An account as a transaction saw and left it.
#[derive(Clone, Debug)]
struct AccountSeen {
    address: Address,
    looks: Look,
    exists: bool,
    empty: bool,
    balance: U256,
    nonce: u64,
    code_hash: B256,
    /// What was added to the balance, modulo 2^256.
    credit: U256,
    /// The nonce it was left with, if that changed.
    left_nonce: Option<u64>,
    modified: bool,
}

/// A slot as a transaction saw and left it.
#[derive(Clone, Debug)]
struct SlotSeen {
    address: Address,
    key: U256,
    seen: U256,
    left: U256,
    /// Whether it was merely added to: whatever else it had held would have been, too.
    is_added_to: bool,
}

impl SlotSeen {
    /// What a slot is left with that holds this; nothing if the transaction might do something
    /// else then. Gas compares with zero.
    fn left_of(&self, value: U256) -> Option<U256> {
        if value == self.seen {
            return Some(self.left);
        }
        let left = match self.left.checked_sub(self.seen) {
            Some(added) => value.checked_add(added),
            None => value.checked_sub(self.seen - self.left),
        };
        left.filter(|left| self.is_added_to && !value.is_zero() && !left.is_zero())
    }
}

impl<S: StateView> World<S> {
    /// What the transaction at hand saw and leaves; nothing if it changes code, whose
    /// effects are not repeated.
    pub(crate) fn trace(&self) -> Option<Trace> {
        let is_repeatable = |account: &Account| {
            !self.changes(account).contains(Look::CODE)
                && account.created != self.stamp
                && account.destroyed != self.stamp
        };
        if !self.touched_accounts().all(is_repeatable) {
            return None;
        }
        let accounts = self.touched_accounts().map(|account| AccountSeen {
            address: account.address,
            looks: account.looks,
            exists: account.exists,
            empty: account.start_balance().is_zero() && self.existed_by_balance(account),
            balance: account.start_balance(),
            nonce: account.start_nonce(),
            code_hash: self.start_code_hash(account),
            credit: account.balance.wrapping_sub(account.start_balance()),
            left_nonce: (account.nonce != account.start_nonce()).then_some(account.nonce),
            modified: account.modified,
        });
        let slots = self.touched_slots().map(|slot| SlotSeen {
            address: slot.address,
            key: slot.key,
            seen: slot.before,
            left: slot.after,
            is_added_to: slot.is_added_to(),
        });
        Some(Trace { accounts: accounts.collect(), slots: slots.collect() })
    }

    /// Whether everything a transaction saw is still so; if `additions` may differ, slots that it
    /// merely adds to may hold something else. What has not been met in this block holds; the
    /// sender's nonce and solvency are the caller's to check.
    pub(crate) fn still_holds(
        &self,
        sender: AccountId,
        Trace { accounts, slots }: &Trace,
        additions: bool,
    ) -> bool {
        accounts.iter().all(|seen| {
            let Some(id) = self.contents.accounts.find(&seen.address) else { return true };
            let account = self.account(id);
            !account.loaded || seen.holds(account, id == sender)
        }) && slots.iter().all(|slot| {
            let Some(account) = self.contents.accounts.find(&slot.address) else { return true };
            match self.contents.slots.find(account, slot.key) {
                Some(id) if self.contents.slots.get(id).loaded => {
                    let value = self.contents.slots.get(id).value;
                    value == slot.seen || additions && slot.left_of(value).is_some()
                }
                _ => !self.account(account).storage_empty || slot.seen.is_zero(),
            }
        })
    }

    /// Repeats the effects of a transaction that would do the same again. Accounts that were not
    /// met yet are as it saw them, but for the sender, who was granted what it needs: that has
    /// been loaded.
    pub(crate) fn repeat(&mut self, Trace { accounts, slots }: &Trace) {
        let spurious_dragon = self.spec.is_enabled_in(SpecId::SPURIOUS_DRAGON);
        let changed = || slots.iter().filter(|slot| slot.seen != slot.left);
        for seen in accounts {
            if !seen.modified && changed().all(|slot| slot.address != seen.address) {
                continue;
            }
            let id = self.intern(seen.address);
            let account = self.contents.accounts.get_mut(id);
            if !account.loaded {
                account.fill_bare(seen.exists, seen.balance, seen.nonce, seen.code_hash);
            }
            if seen.modified {
                account.change();
                account.balance = account.balance.wrapping_add(seen.credit);
                account.nonce = seen.left_nonce.unwrap_or(account.nonce);
                account.exists = !(spurious_dragon && account.is_empty());
            }
        }
        for seen in changed() {
            let account = self.intern(seen.address);
            let id = self.slot(account, seen.key);
            let slot = self.contents.slots.get_mut(id);
            let before = if slot.loaded { slot.value } else { seen.seen };
            slot.value = seen.left_of(before).unwrap_or(seen.left);
            (slot.loaded, slot.changed) = (true, true);
        }
    }

    /// Loads an account. If it is not at hand it is named.
    pub(crate) fn load_account(&mut self, id: AccountId) -> Result<Option<Want>, S::Error> {
        match self.load(id) {
            Ok(()) => Ok(None),
            Err(Stop::Missing(want)) => Ok(Some(want)),
            Err(Stop::Failed(error)) => Err(error),
        }
    }

    /// Pays the beneficiary's fee on top of what it has.
    pub(crate) fn pay_fee(&mut self, fee: U256) {
        let balance = self.account(self.beneficiary).balance;
        self.pay_beneficiary(balance.saturating_add(fee));
    }
}

impl AccountSeen {
    /// Whether the account is as it was, in all that was looked at.
    fn holds(&self, account: &Account, is_sender: bool) -> bool {
        let looked = |look| self.looks.contains(look);
        account.code_hash() == self.code_hash
            && account.exists == self.exists
            && (account.is_empty() == self.empty || is_sender)
            && (!looked(Look::EXISTENCE) || (account.nonce == 0) == (self.nonce == 0))
            && (!looked(Look::BALANCE) || account.balance == self.balance)
            && (!looked(Look::FUNDS) || account.balance >= self.balance)
            && (!(looked(Look::NONCE) || self.left_nonce.is_some() && !is_sender)
                || account.nonce == self.nonce)
    }
}
