//! Where two access lists part, item by item.
//!
//! A list is read as a sequence of items in canonical order: for each account that it
//! is there at all, then its slots, balances, nonces and codes. The first item that one
//! list has and the other has not, or has with another value, is the divergence.

use super::AccessList;
use alloy_eips::eip7928::AccountChanges;
use alloy_primitives::{Address, Bytes, U256};
use core::{cmp::Ordering, fmt};
use serde::Serialize;

/// The first item in which an access list differs from what execution shows.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize)]
#[error("{}", self.text())]
pub struct Divergence {
    /// The account.
    pub address: Address,
    /// The slot, if it is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slot: Option<U256>,
    /// The block access index of the change, if it is about one: 0 before the
    /// transactions, then theirs from 1 on, then what comes after them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub index: Option<u64>,
    /// What the list says.
    pub listed: Option<Entry>,
    /// What execution shows.
    pub executed: Option<Entry>,
}

/// What an access list says at one place.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Entry {
    /// The account is accessed.
    Accessed,
    /// The slot is read and not changed.
    Read,
    /// The slot's new value.
    Value(U256),
    /// The new balance, in wei.
    Balance(U256),
    /// The new nonce.
    Nonce(u64),
    /// The new code.
    Code(Bytes),
}

/// Where in an account an item stands, in canonical order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    Account,
    /// A slot; a read has no index and comes before all changes.
    Slot(U256, Option<u64>),
    Balance(u64),
    Nonce(u64),
    Code(u64),
}

type Item = (Place, Entry);

impl Divergence {
    /// The first divergence of a list from what execution shows. Both have to be in
    /// canonical order.
    pub fn first(listed: &AccessList, executed: &AccessList) -> Option<Self> {
        let (mut listed_accounts, mut executed_accounts) = (listed.iter(), executed.iter());
        loop {
            let (listed, executed) = (listed_accounts.next(), executed_accounts.next());
            let address = match (listed, executed) {
                (None, None) => return None,
                (Some(account), None) | (None, Some(account)) => account.address,
                (Some(listed), Some(executed)) if listed == executed => continue,
                (Some(listed), Some(executed)) => listed.address.min(executed.address),
            };
            let here = |account: Option<&AccountChanges>| {
                account.filter(|account| account.address == address).map_or_else(Vec::new, items)
            };
            let (place, listed, executed) = first_difference(here(listed), here(executed))?;
            let (slot, index) = match place {
                Place::Account => (None, None),
                Place::Slot(slot, index) => (Some(slot), index),
                Place::Balance(index) | Place::Nonce(index) | Place::Code(index) => {
                    (None, Some(index))
                }
            };
            return Some(Self { address, slot, index, listed, executed });
        }
    }

    fn text(&self) -> String {
        let slot = self.slot.map_or(String::new(), |slot| format!(", slot {slot:#x}"));
        let index = self.index.map_or(String::new(), |index| format!(", index {index}"));
        let side = |entry: &Option<Entry>| {
            entry.as_ref().map_or_else(|| "nothing".to_owned(), Entry::to_string)
        };
        let (listed, executed) = (side(&self.listed), side(&self.executed));
        format!("account {}{slot}{index}: listed {listed}, executed {executed}", self.address)
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Accessed => write!(f, "as accessed"),
            Self::Read => write!(f, "a read"),
            Self::Value(value) => write!(f, "value {value:#x}"),
            Self::Balance(balance) => write!(f, "balance {balance}"),
            Self::Nonce(nonce) => write!(f, "nonce {nonce}"),
            Self::Code(code) => write!(f, "code of {} bytes", code.len()),
        }
    }
}

/// The items of an account in canonical order.
fn items(account: &AccountChanges) -> Vec<Item> {
    let reads = account.storage_reads.iter().map(|slot| (Place::Slot(*slot, None), Entry::Read));
    let changes = account.storage_changes.iter().flat_map(|slot| {
        slot.changes.iter().map(|change| {
            let place = Place::Slot(slot.slot, Some(change.block_access_index.get()));
            (place, Entry::Value(change.new_value))
        })
    });
    let balances = account.balance_changes.iter().map(|change| {
        (Place::Balance(change.block_access_index.get()), Entry::Balance(change.post_balance))
    });
    let nonces = account.nonce_changes.iter().map(|change| {
        (Place::Nonce(change.block_access_index.get()), Entry::Nonce(change.new_nonce))
    });
    let codes = account.code_changes.iter().map(|change| {
        (Place::Code(change.block_access_index.get()), Entry::Code(change.new_code.clone()))
    });
    let mut items = vec![(Place::Account, Entry::Accessed)];
    items.extend(reads.chain(changes).chain(balances).chain(nonces).chain(codes));
    items.sort();
    items
}

/// The first place at which two sorted sequences differ, with both sides.
fn first_difference(a: Vec<Item>, b: Vec<Item>) -> Option<(Place, Option<Entry>, Option<Entry>)> {
    let (mut a, mut b) = (a.into_iter(), b.into_iter());
    loop {
        return match (a.next(), b.next()) {
            (None, None) => None,
            (Some((place, entry)), None) => Some((place, Some(entry), None)),
            (None, Some((place, entry))) => Some((place, None, Some(entry))),
            (Some(a), Some(b)) if a == b => continue,
            (Some((place, a)), Some((other, b))) => Some(match place.cmp(&other) {
                Ordering::Less => (place, Some(a), None),
                Ordering::Greater => (other, None, Some(b)),
                Ordering::Equal => (place, Some(a), Some(b)),
            }),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_eips::eip7928::{BalanceChange, BlockAccessIndex, SlotChanges, StorageChange};

    const A: Address = Address::repeat_byte(1);
    const B: Address = Address::repeat_byte(2);

    fn slot(number: u64, changes: &[(u64, u64)]) -> SlotChanges {
        let change =
            |&(at, value)| StorageChange::new(BlockAccessIndex::new(at), U256::from(value));
        SlotChanges::new(U256::from(number), changes.iter().map(change).collect())
    }

    fn told(listed: Vec<AccountChanges>, executed: Vec<AccountChanges>) -> String {
        let [listed, executed] = [listed, executed].map(AccessList::new);
        Divergence::first(&listed, &executed).map_or("none".to_owned(), |it| it.to_string())
    }

    #[test]
    fn the_first_item_that_differs_is_named() {
        let a = || AccountChanges::new(A);
        let changed = |value| a().with_storage_change(slot(3, &[(1, 5), (2, value)]));
        let paid =
            a().with_balance_change(BalanceChange::new(BlockAccessIndex::new(4), U256::from(9)));
        let at = |text: &str| format!("account {A}{text}");
        assert_eq!(told(vec![a()], vec![a()]), "none");
        assert_eq!(told(vec![a()], vec![]), at(": listed as accessed, executed nothing"));
        assert_eq!(
            told(vec![AccountChanges::new(B)], vec![a(), AccountChanges::new(B)]),
            at(": listed nothing, executed as accessed")
        );
        assert_eq!(
            told(vec![changed(6)], vec![changed(7)]),
            at(", slot 0x3, index 2: listed value 0x6, executed value 0x7")
        );
        assert_eq!(
            told(vec![a().with_storage_read(U256::from(3))], vec![changed(7)]),
            at(", slot 0x3: listed a read, executed nothing")
        );
        assert_eq!(
            told(vec![a()], vec![paid]),
            at(", index 4: listed nothing, executed balance 9")
        );
    }
}
