//! What a transaction saw and what it leaves, to tell later whether it would do the
//! same again, and to repeat its effects without running it.

use super::{Account, AccountId, Look, Stop, World};
use crate::state::{StateView, Want};
use alloy_primitives::{Address, B256, U256};

/// An account as a transaction saw and left it.
#[derive(Clone, Debug)]
pub(crate) struct AccountSeen {
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
pub(crate) struct SlotSeen {
    address: Address,
    key: U256,
    seen: U256,
    left: U256,
}

impl<S: StateView> World<S> {
    /// What the transaction at hand saw and leaves; nothing if it changes code, whose
    /// effects are not repeated.
    pub(crate) fn trace(&self) -> Option<(Vec<AccountSeen>, Vec<SlotSeen>)> {
        let accounts = self.touched_accounts().map(|account| {
            let changes = self.changes(account);
            let repeatable = !changes.contains(Look::CODE)
                && account.created != self.stamp
                && account.destroyed != self.stamp;
            repeatable.then(|| AccountSeen {
                address: account.address,
                looks: account.looks,
                exists: account.exists,
                empty: account.start_balance.is_zero() && account.existed_by_balance(),
                balance: account.start_balance,
                nonce: account.start_nonce,
                code_hash: account.start_code_hash,
                credit: account.balance.wrapping_sub(account.start_balance),
                left_nonce: (account.nonce != account.start_nonce).then_some(account.nonce),
                modified: account.modified,
            })
        });
        let accounts = accounts.collect::<Option<_>>()?;
        let slots = self
            .touched_slots()
            .map(|slot| SlotSeen {
                address: slot.address,
                key: slot.key,
                seen: slot.before,
                left: slot.after,
            })
            .collect();
        Some((accounts, slots))
    }

    /// Whether everything a transaction saw is still so. What has not been met in this
    /// block is; the sender's nonce and solvency are the caller's to check.
    pub(crate) fn still_holds(
        &self,
        sender: AccountId,
        accounts: &[AccountSeen],
        slots: &[SlotSeen],
    ) -> bool {
        accounts.iter().all(|seen| {
            let Some(id) = self.contents.accounts.find(&seen.address) else { return true };
            let account = self.account(id);
            !account.loaded || seen.holds(account, id == sender)
        }) && slots.iter().all(|slot| {
            let Some(account) = self.contents.accounts.find(&slot.address) else { return true };
            match self.contents.slots.find(account, slot.key) {
                Some(id) if self.contents.slots.get(id).loaded => {
                    self.contents.slots.get(id).value == slot.seen
                }
                _ => !self.account(account).storage_empty || slot.seen.is_zero(),
            }
        })
    }

    /// Repeats the effects of a transaction that would do the same again. If an account is
    /// not at hand, nothing is changed, and it is named.
    pub(crate) fn replay(
        &mut self,
        accounts: &[AccountSeen],
        slots: &[SlotSeen],
    ) -> Result<Option<Want>, S::Error> {
        for seen in accounts.iter().filter(|seen| seen.modified) {
            let id = self.intern(seen.address);
            if let Some(want) = self.load_account(id)? {
                self.revert(0);
                return Ok(Some(want));
            }
            self.touch(id, seen.looks);
            let balance = self.account(id).balance.wrapping_add(seen.credit);
            self.set_balance(id, balance);
            if let Some(nonce) = seen.left_nonce {
                self.set_nonce(id, nonce);
            }
        }
        for slot in slots.iter().filter(|slot| slot.seen != slot.left) {
            let account = self.intern(slot.address);
            let id = self.slot(account, slot.key);
            let slot_entry = self.contents.slots.get_mut(id);
            slot_entry.value = slot.left;
            slot_entry.loaded = true;
        }
        Ok(None)
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
        account.code_hash == self.code_hash
            && account.exists == self.exists
            && (account.is_empty() == self.empty || is_sender)
            && (!looked(Look::EXISTENCE) || (account.nonce == 0) == (self.nonce == 0))
            && (!looked(Look::BALANCE) || account.balance == self.balance)
            && (!looked(Look::FUNDS) || account.balance >= self.balance)
            && (!(looked(Look::NONCE) || self.left_nonce.is_some() && !is_sender)
                || account.nonce == self.nonce)
    }
}
