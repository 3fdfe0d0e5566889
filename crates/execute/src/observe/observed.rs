//! What a transaction accessed, as it is noted, and as a set when somebody looks at it.
//!
//! Noting is part of executing a block, so it takes the journal as it comes: a few words
//! for each account and slot, in no order. Sorting them into lists of locations, which take
//! several times the room, is left to whoever needs the set.

use super::{Observation, PrecompileInput};
use alloy_primitives::{Address, U256};
use core::{fmt, ops::Deref};
use foresee_access::{AccessSet, Field, Location};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::{borrow::Cow, sync::OnceLock};

/// What one transaction was observed to access. It can be looked at as the [`AccessSet`]
/// that it is, which is made the first time.
#[derive(Clone, Default)]
pub struct Observed {
    set: OnceLock<AccessSet>,
    /// What the set is made of; no accounts and slots if it was given.
    accesses: Accesses,
}

/// As it is written.
#[derive(Serialize, Deserialize)]
#[serde(rename = "Observed", deny_unknown_fields)]
struct Written<'a> {
    reads: Cow<'a, [Location]>,
    writes: Cow<'a, [Location]>,
    commutative: Cow<'a, [Location]>,
    precompiled: Cow<'a, [PrecompileInput]>,
}

/// What a transaction did with accounts and slots.
#[derive(Clone, Debug, Default)]
pub(crate) struct Accesses {
    pub(crate) accounts: Vec<AccountAccess>,
    /// The slots of these accounts, in their order, and whether each was written.
    pub(crate) slots: Vec<(U256, bool)>,
    /// What it called precompiled contracts with: sorted, each once.
    pub(crate) precompiled: Vec<PrecompileInput>,
}

/// What a transaction did with an account.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AccountAccess {
    pub(crate) address: Address,
    pub(crate) fields: FieldUses,
    /// How many of the slots are its.
    pub(crate) slots: u32,
}

/// How the fields of an account are used: three bits each.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct FieldUses(u16);

/// How a field is used.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Use {
    pub(crate) reads: bool,
    pub(crate) writes: bool,
    /// Whether it is settled at commit.
    pub(crate) settles: bool,
}

impl FieldUses {
    pub(crate) fn new(fields: [Use; 3]) -> Self {
        let bits = fields.into_iter().rev().fold(0, |bits, Use { reads, writes, settles }| {
            bits << 3 | u16::from(reads) | u16::from(writes) << 1 | u16::from(settles) << 2
        });
        Self(bits)
    }

    /// Adds that the code is read.
    pub(crate) const fn read_code(&mut self) {
        self.0 |= 1 << 6;
    }

    fn get(self) -> [Use; 3] {
        [0, 3, 6].map(|shift| {
            let is_set = |bit| self.0 >> shift & bit != 0;
            Use { reads: is_set(1), writes: is_set(2), settles: is_set(4) }
        })
    }
}

impl Accesses {
    fn set(&self) -> AccessSet {
        let mut first = 0;
        let mut accounts: Vec<_> = self
            .accounts
            .iter()
            .map(|account| {
                let start = first;
                first += account.slots as usize;
                (account, &self.slots[start..first])
            })
            .collect();
        accounts.sort_unstable_by_key(|(account, _)| account.address);
        let mut set = AccessSet {
            reads: Vec::with_capacity(self.slots.len() + 3 * accounts.len()),
            ..AccessSet::default()
        };
        let mut sorted = Vec::new();
        for (account, slots) in accounts {
            let fields = [Field::Balance, Field::Nonce, Field::Code].into_iter();
            for (field, used) in fields.zip(account.fields.get()) {
                let location = Location { address: account.address, field };
                set.reads.extend(used.reads.then_some(location));
                set.writes.extend(used.writes.then_some(location));
                set.commutative.extend(used.settles.then_some(location));
            }
            sorted.clear();
            sorted.extend_from_slice(slots);
            sorted.sort_unstable_by_key(|(slot, _)| *slot);
            for &(slot, is_written) in &sorted {
                let location = Location::slot(account.address, slot);
                set.reads.push(location);
                set.writes.extend(is_written.then_some(location));
            }
        }
        set
    }
}

impl Observed {
    /// From what was accessed, and what precompiled contracts were called with: sorted, each
    /// once.
    pub fn new(set: AccessSet, precompiled: Vec<PrecompileInput>) -> Self {
        let accesses = Accesses { precompiled, ..Accesses::default() };
        Self { set: OnceLock::from(set), accesses }
    }

    /// What precompiled contracts were called with, as far as that took long: calls of a
    /// thousand gas and more, and four for a byte of input, that succeeded. Sorted, each
    /// once.
    pub fn precompiled(&self) -> &[PrecompileInput] {
        &self.accesses.precompiled
    }

    /// The set.
    pub fn into_set(self) -> AccessSet {
        let Self { set, accesses } = self;
        set.into_inner().unwrap_or_else(|| accesses.set())
    }
}

impl Deref for Observed {
    type Target = AccessSet;

    fn deref(&self) -> &AccessSet {
        self.set.get_or_init(|| self.accesses.set())
    }
}

impl From<Accesses> for Observed {
    fn from(accesses: Accesses) -> Self {
        Self { set: OnceLock::new(), accesses }
    }
}

impl From<AccessSet> for Observed {
    fn from(set: AccessSet) -> Self {
        Self::new(set, Vec::new())
    }
}

impl From<&Observation> for Observed {
    fn from(observation: &Observation) -> Self {
        Self::new(observation.access.clone(), observation.precompiled.clone())
    }
}

impl PartialEq for Observed {
    fn eq(&self, other: &Self) -> bool {
        **self == **other && self.precompiled() == other.precompiled()
    }
}

impl Eq for Observed {}

impl PartialEq<AccessSet> for Observed {
    fn eq(&self, other: &AccessSet) -> bool {
        **self == *other
    }
}

impl fmt::Debug for Observed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (set, precompiled) = (&**self, self.precompiled());
        f.debug_struct("Observed").field("set", set).field("precompiled", &precompiled).finish()
    }
}

impl Serialize for Observed {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let AccessSet { reads, writes, commutative } = &**self;
        let written = Written {
            reads: reads.into(),
            writes: writes.into(),
            commutative: commutative.into(),
            precompiled: self.precompiled().into(),
        };
        written.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Observed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Written { reads, writes, commutative, precompiled } =
            Written::deserialize(deserializer)?;
        let (reads, writes) = (reads.into_owned(), writes.into_owned());
        let set = AccessSet { reads, writes, commutative: commutative.into_owned() };
        Ok(Self::new(set, precompiled.into_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_is_made_in_order_of_what_was_noted_in_none() {
        let [a, b] = [1, 2].map(Address::with_last_byte);
        let [one, two] = [1, 2].map(U256::from);
        let read = Use { reads: true, ..Use::default() };
        let credited = Use { writes: true, settles: true, ..Use::default() };
        let account = |address, fields, slots| {
            let fields = FieldUses::new(fields);
            AccountAccess { address, fields, slots }
        };
        let accesses = Accesses {
            accounts: vec![
                account(b, [credited, Use::default(), read], 2),
                account(a, [read, credited, Use::default()], 1),
            ],
            slots: vec![(two, true), (one, false), (one, true)],
            precompiled: Vec::new(),
        };
        let observed = Observed::from(accesses);
        let set = AccessSet {
            reads: vec![
                Location::balance(a),
                Location::slot(a, one),
                Location::code(b),
                Location::slot(b, one),
                Location::slot(b, two),
            ],
            writes: vec![
                Location::nonce(a),
                Location::slot(a, one),
                Location::balance(b),
                Location::slot(b, two),
            ],
            commutative: vec![Location::nonce(a), Location::balance(b)],
        };
        assert_eq!(observed, set);
        assert_eq!(observed, Observed::from(set.clone()));
        let json = serde_json::to_string(&observed).unwrap();
        assert_eq!(serde_json::from_str::<Observed>(&json).unwrap(), observed);
        assert_eq!(observed.into_set(), set);
        assert_eq!(Observed::default(), AccessSet::default());
    }
}
