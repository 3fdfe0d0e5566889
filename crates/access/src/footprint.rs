//! What a transaction accesses, in a word for each location: for whoever only wants to know
//! which transactions meet.
//!
//! Names of locations are long, and the sets of a block do not stay in a cache from when they
//! were made to when its transactions are ordered. A [`Footprint`] is made with the set and
//! takes an eighth of it.
//!
//! Two locations may share a [`Fingerprint`]: by chance next to never, but whoever wants to can
//! make some that do. So transactions that have nothing in common may seem to meet, which costs
//! them time and nothing else. Nothing that decides about a result may rest on one.

use crate::{AccessSet, Field, Location};
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

impl Fingerprint {
    /// The fingerprint of a location.
    pub fn of(location: &Location) -> Self {
        let account = hash(0, location.address.as_slice());
        let (hash, part) = match location.field {
            Field::Balance => (account, 0),
            Field::Nonce => (account, 1),
            Field::Code => (account, 2),
            Field::Slot(slot) => (hash(account, &slot.to_le_bytes::<32>()), 3),
        };
        Self(hash & HASH | NEVER_ZERO | part << PART)
    }

    /// A number that the fields of an account have in common; for slots the fingerprint.
    #[must_use]
    pub const fn place(self) -> Self {
        match self.0 >> PART & 3 {
            3 => self,
            _ => Self(self.0 & HASH),
        }
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

/// What a transaction does with a location.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Touch(u8);

impl Touch {
    /// It reads it.
    pub const READ: Self = Self(1);
    /// It writes it.
    pub const WRITE: Self = Self(2);
    /// It settles it at commit.
    pub const COMMUTATIVE: Self = Self(4);
    /// The location is a slot.
    pub const SLOT: Self = Self(8);
    /// So many there are.
    pub const COUNT: usize = 16;

    /// Both.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether all of the other is part of this.
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// A number below [`COUNT`](Self::COUNT).
    pub const fn number(self) -> usize {
        (self.0 & 15) as usize
    }

    /// All there are, by number.
    pub fn all() -> [Self; Self::COUNT] {
        core::array::from_fn(|number| Self(number as u8))
    }
}

/// A location of a [`Footprint`], and what is done with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step(u64);

impl Step {
    fn new(location: &Location, touch: Touch) -> Self {
        // That it is a slot is part of the fingerprint.
        Self(Fingerprint::of(location).0 | u64::from(touch.0 & 7))
    }

    /// The location.
    pub const fn fingerprint(self) -> Fingerprint {
        Fingerprint(self.0 & (!0 << PART))
    }

    /// What is done with it.
    pub const fn touch(self) -> Touch {
        let is_slot = self.0 >> PART & 3 == 3;
        Touch((self.0 & 7) as u8 | (is_slot as u8) << 3)
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
        let mut steps = Vec::with_capacity(access.reads.len() + access.writes.len());
        steps.extend(access.touches().map(|(location, touch)| Step::new(location, touch)));
        Self { steps: steps.into(), writes: access.writes.len() as u32 }
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
        self.steps.iter().find(is_it).is_some_and(|step| {
            let touch = step.touch();
            touch.has(Touch::READ) && !touch.has(Touch::COMMUTATIVE)
        })
    }
}

impl AccessSet {
    /// What it reads or writes, sorted, and what it does with each.
    pub fn touches(&self) -> impl Iterator<Item = (&Location, Touch)> {
        let mut rest = [&self.reads, &self.writes, &self.commutative].map(Vec::as_slice);
        core::iter::from_fn(move || {
            let location = rest[..2].iter().filter_map(|rest| rest.first()).min()?;
            let mut touch = if location.is_slot() { Touch::SLOT } else { Touch::default() };
            for (rest, part) in rest.iter_mut().zip([Touch::READ, Touch::WRITE, Touch::COMMUTATIVE])
            {
                while let Some((first, others)) = rest.split_first()
                    && first <= location
                {
                    *rest = others;
                    if first == location {
                        touch = touch.and(part);
                    }
                }
            }
            Some((location, touch))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::{Address, B256, U256, keccak256};
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
        let set = AccessSet::new(vec![x, y, nonce], vec![y, balance], vec![y, z, nonce]);
        let (read, write, settled) = (Touch::READ, Touch::WRITE, Touch::COMMUTATIVE);
        let expected = [
            (&balance, write),
            (&nonce, read.and(settled)),
            (&x, read.and(Touch::SLOT)),
            (&y, read.and(write).and(settled).and(Touch::SLOT)),
        ];
        assert!(set.touches().eq(expected));
        let footprint = Footprint::new(&set);
        let steps = footprint.steps().iter().map(|step| (step.fingerprint(), step.touch()));
        assert!(steps.eq(expected.map(|(location, touch)| (Fingerprint::of(location), touch))));
        for location in [x, y, z, balance, nonce] {
            let by_name = set.orders_by(&location);
            assert_eq!(footprint.orders_by(Fingerprint::of(&location)), by_name);
        }
    }

    #[test]
    fn every_touch_has_a_number() {
        assert!(Touch::all().iter().map(|touch| touch.number()).eq(0..Touch::COUNT));
    }
}
