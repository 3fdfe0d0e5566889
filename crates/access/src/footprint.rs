//! What a transaction accesses, in a word for each location: for whoever only wants to know
//! which transactions meet.
//!
//! Names of locations are long, and the sets of a block do not stay in a cache from when they
//! were made to when its transactions are ordered. A [`Footprint`] is made with the set and
//! takes a third of it, of a payment's somewhat more than half.
//!
//! Two locations may share a [`Fingerprint`]: by chance next to never, but whoever wants to can
//! make some that do. So transactions that have nothing in common may seem to meet, which costs
//! them time and nothing else. Nothing that decides about a result may rest on one.

use crate::{AccessSet, AccountAccess, Field, Location, Touch};
use alloy_primitives::{Address, U256};
use core::hash::Hasher;
use rustc_hash::FxHasher;

/// A number that stands for a location.
///
/// The order has no meaning, but that the fields of an account come one after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint(u64);

/// Where the part of the account is in a fingerprint; below it is room for a [`Touch`].
const PART: u32 = 3;

/// The bits above that. The lowest of them is always set, so that none is zero.
const HASH: u64 = !0 << 5;
const NEVER_ZERO: u64 = 1 << 5;

/// The part that code and a slot are. Balance and nonce are 0 and 1.
const CODE: u64 = 2;
const SLOT: u64 = 3;

impl Fingerprint {
    /// The fingerprint of a location.
    pub fn of(location: &Location) -> Self {
        let account = account_hash(&location.address);
        match location.field {
            Field::Balance => fingerprint(account, 0),
            Field::Nonce => fingerprint(account, 1),
            Field::Code => fingerprint(account, CODE),
            Field::Slot(slot) => of_slot(account, slot),
        }
    }

    /// A number that the fields of an account have in common; for slots the fingerprint.
    #[must_use]
    pub const fn place(self) -> Self {
        match self.0 >> PART & 3 {
            SLOT => self,
            _ => Self(self.0 & HASH),
        }
    }

    /// Whether it is that of an account's code.
    pub const fn is_code(self) -> bool {
        self.0 >> PART & 3 == CODE
    }

    /// The fingerprint with this number.
    pub const fn from_number(number: u64) -> Self {
        Self(number)
    }

    /// The number, which is not zero.
    pub const fn number(self) -> u64 {
        self.0
    }
}

/// The hash of these bytes behind what has this hash.
fn hash(before: u64, bytes: &[u8]) -> u64 {
    let mut hasher = FxHasher::with_seed(before as usize);
    hasher.write(bytes);
    hasher.finish()
}

fn account_hash(address: &Address) -> u64 {
    hash(0, address.as_slice())
}

/// The fingerprint of this part of what has this hash.
const fn fingerprint(hash: u64, part: u64) -> Fingerprint {
    Fingerprint(hash & HASH | NEVER_ZERO | part << PART)
}

/// The fingerprint of a slot of the account with this hash.
fn of_slot(account: u64, key: U256) -> Fingerprint {
    fingerprint(hash(account, &key.to_le_bytes::<32>()), SLOT)
}

/// A location of a [`Footprint`], and what is done with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step(u64);

impl Step {
    fn new(location: Fingerprint, touch: Touch) -> Self {
        // That it is a slot is part of the fingerprint.
        Self(location.0 | touch.bits() as u64)
    }

    /// The location.
    pub const fn fingerprint(self) -> Fingerprint {
        Fingerprint(self.0 & (!0 << PART))
    }

    /// What is done with it.
    pub const fn touch(self) -> Touch {
        let is_slot = self.0 >> PART & 3 == SLOT;
        Touch::from_bits(self.0 as u8).and(Touch::SLOT.only_if(is_slot))
    }
}

/// What a transaction reads and writes, as fingerprints.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Footprint {
    steps: Box<[Step]>,
    writes: u32,
}

impl Footprint {
    /// The footprint of a set.
    pub fn new(access: &AccessSet) -> Self {
        let mut steps = Vec::with_capacity(access.len());
        for AccountAccess { address, fields, slots } in access.accounts() {
            let account = account_hash(&address);
            let fields = fields.into_iter().zip(0..).filter(|(touch, _)| !touch.is_none());
            steps.extend(fields.map(|(touch, part)| Step::new(fingerprint(account, part), touch)));
            let slots = slots.iter();
            steps.extend(slots.map(|(key, touch)| Step::new(of_slot(account, *key), *touch)));
        }
        let writes = steps.iter().filter(|step| step.touch().has(Touch::WRITE)).count() as u32;
        Self { steps: steps.into(), writes }
    }

    /// What it reads or writes, in the order of locations.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// How many of them it writes.
    pub const fn writes(&self) -> usize {
        self.writes as usize
    }

    /// Whether an earlier write of the location must precede: as
    /// [`AccessSet::orders_by`](crate::AccessSet::orders_by).
    pub fn orders_by(&self, location: Fingerprint) -> bool {
        let is_it = |step: &&Step| step.fingerprint() == location;
        self.steps.iter().find(is_it).is_some_and(|step| step.touch().is_ordering_read())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::{B256, keccak256};
    use std::collections::BTreeSet;

    fn hash(n: u64) -> B256 {
        keccak256(n.to_be_bytes())
    }

    #[test]
    fn locations_have_fingerprints_of_their_own() {
        let accounts = (0..100).map(Address::with_last_byte);
        let accounts = accounts.chain((0..100).map(|n| Address::from_word(hash(n))));
        let locations = accounts.flat_map(|a| {
            let small = (0..100).map(U256::from);
            let slots =
                small.clone().chain(small.map(|n| n << 192)).chain((0..50).map(|n| hash(n).into()));
            let fields = [Location::balance(a), Location::nonce(a), Location::code(a)];
            slots.map(move |slot| Location::slot(a, slot)).chain(fields)
        });
        let locations: BTreeSet<_> = locations.collect();
        let fingerprints: BTreeSet<_> = locations.iter().map(Fingerprint::of).collect();
        assert_eq!(fingerprints.len(), locations.len());
        assert!(fingerprints.iter().all(|it| it.number() != 0));
    }

    #[test]
    fn fields_have_their_account_in_common_and_come_one_after_the_other() {
        for n in 0..100 {
            let a = Address::from_word(hash(n));
            let fields = [Location::balance(a), Location::nonce(a), Location::code(a)];
            let fields = fields.map(|field| Fingerprint::of(&field));
            assert!(fields.is_sorted_by(|a, b| a < b && a.place() == b.place()));
            let slot = Fingerprint::of(&Location::slot(a, U256::ZERO));
            assert!(slot.place() == slot && slot != fields[0].place());
        }
    }

    #[test]
    fn a_footprint_tells_what_is_done_with_each_location() {
        let a = Address::with_last_byte(1);
        let [x, y, z] = [1, 2, 3].map(|n| Location::slot(a, U256::from(n)));
        let (balance, nonce) = (Location::balance(a), Location::nonce(a));
        let set = AccessSet::new([x, y, nonce], [y, balance], [y, nonce]);
        let (read, write, settled) = (Touch::READ, Touch::WRITE, Touch::COMMUTATIVE);
        let expected = [
            (balance, write),
            (nonce, read.and(settled)),
            (x, read.and(Touch::SLOT)),
            (y, read.and(write).and(settled).and(Touch::SLOT)),
        ];
        assert!(set.touches().eq(expected));
        let footprint = Footprint::new(&set);
        let steps = footprint.steps().iter().map(|step| (step.fingerprint(), step.touch()));
        assert!(steps.eq(expected.map(|(location, touch)| (Fingerprint::of(&location), touch))));
        for location in [x, y, z, balance, nonce] {
            let by_name = set.orders_by(&location);
            assert_eq!(footprint.orders_by(Fingerprint::of(&location)), by_name);
        }
    }
}
