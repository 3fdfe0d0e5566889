//! What one transaction reads and writes.

mod builder;

use crate::{Field, Location, Touch};
use alloy_primitives::{Address, U256};
use core::fmt;
use serde::{Deserialize, Serialize};

pub use builder::AccessSetBuilder;

/// The locations that one transaction reads and writes, predicted or observed.
///
/// * A **read** is a storage slot that was accessed (by SLOAD or by SSTORE, which
///   reads its slot for gas; in reverted frames too), or an account field that
///   was looked at. Every account that
///   [EIP-7928](https://eips.ethereum.org/EIPS/eip-7928) counts as accessed
///   appears in at least one read or write.
/// * A **write** is a location whose value at the end of the transaction differs
///   from its value at the start.
/// * A **commutative** location is one whose use in this transaction need not
///   order it after earlier writers, because it is settled at commit: the plain
///   credit of a balance, the sender's nonce, that whoever pays has enough; and a slot
///   that is added to, whose old value is used for nothing but sums and comparisons. The
///   latter is taken for what it is worth: who executes finds out whether it is so.
///
/// The fee that the beneficiary earns is in none of them.
///
/// It is kept by account, as an access list is: 28 bytes for each of them and 40 for each of its
/// slots. As JSON it is three sorted lists of locations: `reads`, `writes` and `commutative`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Lists", into = "Lists")]
pub struct AccessSet {
    /// Sorted by address, none without touches.
    accounts: Box<[Account]>,
    /// Those of the accounts one after the other, sorted by key for each, none without touches.
    slots: Box<[(U256, Touch)]>,
}

/// An account in a set, with what is done with its balance, nonce and code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Account {
    address: Address,
    fields: [Touch; 3],
    /// Up to here the slots are its, from where those of the account before it end.
    end: u32,
}

impl Account {
    /// Adds what is done with its fields.
    fn touch(&mut self, touches: [Touch; 3]) {
        for (field, touch) in self.fields.iter_mut().zip(touches) {
            *field = field.and(touch);
        }
    }
}

/// What a transaction does with an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccountAccess<'a> {
    /// Which account.
    pub address: Address,
    /// What is done with its balance, nonce and code.
    pub fields: [Touch; 3],
    /// What is done with its slots, sorted by key.
    pub slots: &'a [(U256, Touch)],
}

/// Each account with its slots.
fn by_account<'a>(
    accounts: &'a [Account],
    slots: &'a [(U256, Touch)],
) -> impl Iterator<Item = AccountAccess<'a>> {
    let mut start = 0;
    accounts.iter().map(move |&Account { address, fields, end }| {
        let slots = &slots[start..end as usize];
        start = end as usize;
        AccountAccess { address, fields, slots }
    })
}

/// The fields of an account, in the order of locations.
const FIELDS: [Field; 3] = [Field::Balance, Field::Nonce, Field::Code];

impl<'a> AccountAccess<'a> {
    /// Its locations, sorted, and what is done with each.
    pub fn touches(self) -> impl Iterator<Item = (Location, Touch)> + 'a {
        let Self { address, fields, slots } = self;
        let fields = FIELDS.into_iter().zip(fields).filter(|(_, touch)| !touch.is_none());
        let fields = fields.map(move |(field, touch)| (Location { address, field }, touch));
        fields.chain(slots.iter().map(move |(key, touch)| (Location::slot(address, *key), *touch)))
    }
}

impl AccessSet {
    /// Builds a set from locations in any order, repeated or not.
    pub fn new(
        reads: impl IntoIterator<Item = Location>,
        writes: impl IntoIterator<Item = Location>,
        commutative: impl IntoIterator<Item = Location>,
    ) -> Self {
        let reads = reads.into_iter().map(|location| (location, Touch::READ));
        let writes = writes.into_iter().map(|location| (location, Touch::WRITE));
        let commutative = commutative.into_iter().map(|location| (location, Touch::COMMUTATIVE));
        reads.chain(writes).chain(commutative).collect()
    }

    /// Builds a set from lists that are sorted and hold each location once, as they are written.
    ///
    /// # Errors
    ///
    /// If one of them is not.
    pub fn from_lists(
        reads: Vec<Location>,
        writes: Vec<Location>,
        commutative: Vec<Location>,
    ) -> Result<Self, Unsorted> {
        let is_sorted = |list: &Vec<Location>| list.is_sorted_by(|a, b| a < b);
        let are_sorted = [&reads, &writes, &commutative].into_iter().all(is_sorted);
        are_sorted.then(|| Self::new(reads, writes, commutative)).ok_or(Unsorted)
    }

    /// The accounts, sorted.
    pub fn accounts(&self) -> impl Iterator<Item = AccountAccess<'_>> {
        by_account(&self.accounts, &self.slots)
    }

    /// All locations, sorted, and what is done with each.
    pub fn touches(&self) -> impl Iterator<Item = (Location, Touch)> {
        self.accounts().flat_map(AccountAccess::touches)
    }

    fn touched(&self, how: Touch) -> impl Iterator<Item = Location> {
        self.touches().filter(move |(_, touch)| touch.has(how)).map(|(location, _)| location)
    }

    /// Locations read, sorted.
    pub fn reads(&self) -> impl Iterator<Item = Location> {
        self.touched(Touch::READ)
    }

    /// Locations written, sorted.
    pub fn writes(&self) -> impl Iterator<Item = Location> {
        self.touched(Touch::WRITE)
    }

    /// Locations of either that are settled at commit, sorted.
    pub fn commutative(&self) -> impl Iterator<Item = Location> {
        self.touched(Touch::COMMUTATIVE)
    }

    /// The reads that an earlier write of the same location must precede.
    pub fn ordering_reads(&self) -> impl Iterator<Item = Location> {
        self.touches().filter(|(_, touch)| touch.is_ordering_read()).map(|(location, _)| location)
    }

    /// What is done with a location.
    pub fn touch(&self, location: &Location) -> Touch {
        let find = |it: &Account| it.address.cmp(&location.address);
        let Ok(position) = self.accounts.binary_search_by(find) else { return Touch::NONE };
        let Account { fields: [balance, nonce, code], end, .. } = self.accounts[position];
        match &location.field {
            Field::Balance => balance,
            Field::Nonce => nonce,
            Field::Code => code,
            Field::Slot(key) => {
                let before = position.checked_sub(1).map_or(0, |at| self.accounts[at].end);
                let slots = &self.slots[before as usize..end as usize];
                let found = slots.binary_search_by(|(slot, _)| slot.cmp(key));
                found.map_or(Touch::NONE, |position| slots[position].1)
            }
        }
    }

    /// Whether the location is one of the [ordering reads](Self::ordering_reads).
    pub fn orders_by(&self, location: &Location) -> bool {
        self.touch(location).is_ordering_read()
    }

    /// Whether the location is settled at commit.
    pub fn is_commutative(&self, location: &Location) -> bool {
        self.touch(location).has(Touch::COMMUTATIVE)
    }

    /// The number of locations.
    pub fn len(&self) -> usize {
        let fields = self.accounts.iter().flat_map(|account| account.fields);
        fields.filter(|touch| !touch.is_none()).count() + self.slots.len()
    }

    /// Whether nothing is read or written.
    pub fn is_empty(&self) -> bool {
        self.accounts.is_empty()
    }

    /// This set as observed, with the slots settled at commit that a prediction declares
    /// to be: what a transaction merely adds to cannot be observed.
    #[must_use]
    pub fn declaring(&self, predicted: &Self) -> Self {
        let touches = self.touches().map(|(location, touch)| {
            let is_declared =
                touch.has(Touch::READ.and(Touch::SLOT)) && predicted.is_commutative(&location);
            (location, touch.and(Touch::COMMUTATIVE.only_if(is_declared)))
        });
        AccessSetBuilder::from_sorted(touches)
    }
}

/// From what is done with locations, in any order, repeated or not.
impl FromIterator<(Location, Touch)> for AccessSet {
    fn from_iter<I: IntoIterator<Item = (Location, Touch)>>(touches: I) -> Self {
        let mut touches: Vec<_> = touches.into_iter().collect();
        touches.sort_unstable_by_key(|(location, _)| *location);
        touches.dedup_by(|(location, touch), (kept, all)| {
            let is_same = location == kept;
            if is_same {
                *all = all.and(*touch);
            }
            is_same
        });
        AccessSetBuilder::from_sorted(touches)
    }
}

/// A set as it is written.
#[derive(Serialize, Deserialize)]
#[serde(rename = "AccessSet")]
struct Lists {
    reads: Vec<Location>,
    writes: Vec<Location>,
    commutative: Vec<Location>,
}

/// Locations of a set that are not sorted, or repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unsorted;

impl fmt::Display for Unsorted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a set is not in order")
    }
}

impl core::error::Error for Unsorted {}

impl TryFrom<Lists> for AccessSet {
    type Error = Unsorted;

    fn try_from(Lists { reads, writes, commutative }: Lists) -> Result<Self, Unsorted> {
        Self::from_lists(reads, writes, commutative)
    }
}

impl From<AccessSet> for Lists {
    fn from(set: AccessSet) -> Self {
        Self {
            reads: set.reads().collect(),
            writes: set.writes().collect(),
            commutative: set.commutative().collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(locations: impl Iterator<Item = Location>) -> Vec<Location> {
        locations.collect()
    }

    #[test]
    fn slots_that_are_read_can_be_declared_commutative() {
        let address = Address::with_last_byte(1);
        let [a, b] = [1, 2].map(|n| Location::slot(address, U256::from(n)));
        let (balance, nonce) = (Location::balance(address), Location::nonce(address));
        let observed = AccessSet::new([a, balance], [a], [nonce]);
        let predicted = AccessSet::new([], [], [a, b, balance]);
        assert_eq!(list(observed.declaring(&predicted).commutative()), [nonce, a]);
        assert_eq!(observed.declaring(&AccessSet::default()), observed);
    }

    #[test]
    fn a_set_is_sorted_whatever_the_order_of_discovery() {
        let [a, b] = [1, 2].map(Address::with_last_byte);
        let slot = Location::slot(a, U256::ONE);
        let (nonce, balance) = (Location::nonce(b), Location::balance(b));
        let set = AccessSet::new([slot, nonce, slot], [balance], [nonce]);
        assert_eq!(list(set.reads()), [slot, nonce]);
        assert_eq!(list(set.writes()), [balance]);
        assert_eq!(list(set.ordering_reads()), [slot]);
        assert!(set.orders_by(&slot) && !set.orders_by(&nonce) && !set.orders_by(&balance));
        assert!(set.accounts().map(|account| account.address).eq([a, b]));
        assert_eq!(set.len(), 3);
        assert!(!set.is_empty() && AccessSet::default().is_empty());
    }

    #[test]
    fn what_is_done_with_a_location_is_found_by_its_name() {
        let [a, b, c] = [1, 2, 3].map(Address::with_last_byte);
        let slots = [a, c].map(|it| [5, 7].map(|key| Location::slot(it, U256::from(key))));
        let touches = [
            (Location::code(a), Touch::READ),
            (slots[0][0], Touch::READ.and(Touch::SLOT)),
            (slots[0][1], Touch::READ.and(Touch::WRITE).and(Touch::SLOT)),
            (Location::balance(b), Touch::WRITE.and(Touch::COMMUTATIVE)),
            (slots[1][1], Touch::READ.and(Touch::COMMUTATIVE).and(Touch::SLOT)),
        ];
        let set: AccessSet = touches.into_iter().rev().collect();
        assert!(set.touches().eq(touches));
        for (location, touch) in touches {
            assert_eq!(set.touch(&location), touch);
        }
        let others = [Location::nonce(a), slots[1][0], Location::slot(b, U256::from(5))];
        assert_eq!(others.map(|location| set.touch(&location)), [Touch::NONE; 3]);
        assert_eq!(set.touch(&Location::code(Address::ZERO)), Touch::NONE);
    }

    #[test]
    fn json_is_three_sorted_lists() {
        let [a, b] = [1, 2].map(|n| Location::nonce(Address::with_last_byte(n)));
        let set = AccessSet::new([a, b], [b], [a]);
        let json = serde_json::to_string(&set).unwrap();
        insta::assert_snapshot!(json, @r#"{"reads":[{"address":"0x0000000000000000000000000000000000000001","field":"nonce"},{"address":"0x0000000000000000000000000000000000000002","field":"nonce"}],"writes":[{"address":"0x0000000000000000000000000000000000000002","field":"nonce"}],"commutative":[{"address":"0x0000000000000000000000000000000000000001","field":"nonce"}]}"#);
        assert_eq!(serde_json::from_str::<AccessSet>(&json).unwrap(), set);
        for reads in [vec![b, a], vec![a, a]] {
            let lists = Lists { reads, writes: vec![b], commutative: vec![a] };
            let json = serde_json::to_string(&lists).unwrap();
            let refused = serde_json::from_str::<AccessSet>(&json).unwrap_err();
            assert_eq!(refused.to_string(), "a set is not in order");
        }
    }
}
