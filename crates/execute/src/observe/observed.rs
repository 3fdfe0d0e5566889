//! What a transaction accessed, as it is noted, and as a set when somebody looks at it.
//!
//! Noting is part of executing a block, so it takes the journal as it comes. Sorting that is
//! left to whoever needs the set.

use super::{Observation, PrecompileInput};
use core::{fmt, ops::Deref};
use foresee_access::{AccessSet, AccessSetBuilder, Location};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use std::{borrow::Cow, sync::OnceLock};

/// What one transaction was observed to access. It can be looked at as the [`AccessSet`]
/// that it is, which is made the first time.
#[derive(Clone, Default)]
pub struct Observed {
    set: OnceLock<AccessSet>,
    /// What the set is made of, in the journal's order; nothing if it was given.
    noted: AccessSetBuilder,
    precompiled: Vec<PrecompileInput>,
}

/// As it is written.
#[derive(Serialize, Deserialize)]
#[serde(rename = "Observed", deny_unknown_fields)]
struct Written<'a> {
    reads: Vec<Location>,
    writes: Vec<Location>,
    commutative: Vec<Location>,
    precompiled: Cow<'a, [PrecompileInput]>,
}

impl Observed {
    /// From what was accessed, and what precompiled contracts were called with: sorted, each
    /// once.
    pub fn new(set: AccessSet, precompiled: Vec<PrecompileInput>) -> Self {
        Self { set: OnceLock::from(set), noted: AccessSetBuilder::default(), precompiled }
    }

    /// The same from what was noted in no order.
    pub(crate) const fn noted(noted: AccessSetBuilder, precompiled: Vec<PrecompileInput>) -> Self {
        Self { set: OnceLock::new(), noted, precompiled }
    }

    /// What precompiled contracts were called with, as far as that took long: calls of a
    /// thousand gas and more, and four for a byte of input, that succeeded. Sorted, each
    /// once.
    pub fn precompiled(&self) -> &[PrecompileInput] {
        &self.precompiled
    }

    /// The set.
    pub fn into_set(self) -> AccessSet {
        let Self { set, noted, .. } = self;
        set.into_inner().unwrap_or_else(|| noted.sorted())
    }
}

impl Deref for Observed {
    type Target = AccessSet;

    fn deref(&self) -> &AccessSet {
        self.set.get_or_init(|| self.noted.sorted())
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
        let written = Written {
            reads: self.reads().collect(),
            writes: self.writes().collect(),
            commutative: self.commutative().collect(),
            precompiled: self.precompiled().into(),
        };
        written.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Observed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Written { reads, writes, commutative, precompiled } =
            Written::deserialize(deserializer)?;
        let set = AccessSet::from_lists(reads, writes, commutative).map_err(D::Error::custom)?;
        Ok(Self::new(set, precompiled.into_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::{Address, U256};
    use foresee_access::Touch;

    #[test]
    fn a_set_is_made_in_order_of_what_was_noted_in_none() {
        let [a, b] = [1, 2].map(Address::with_last_byte);
        let [one, two] = [1, 2].map(U256::from);
        let [none, read, write] = [Touch::NONE, Touch::READ, Touch::WRITE];
        let credited = write.and(Touch::COMMUTATIVE);
        let mut noted = AccessSetBuilder::default();
        noted.account(b, [credited, none, read]);
        noted.slot(two, read.and(write));
        noted.slot(one, read);
        noted.account(a, [read, credited, none]);
        noted.slot(one, read.and(write));
        let observed = Observed::noted(noted, Vec::new());
        let set = AccessSet::new(
            [
                Location::balance(a),
                Location::slot(a, one),
                Location::code(b),
                Location::slot(b, one),
                Location::slot(b, two),
            ],
            [
                Location::nonce(a),
                Location::slot(a, one),
                Location::balance(b),
                Location::slot(b, two),
            ],
            [Location::nonce(a), Location::balance(b)],
        );
        assert_eq!(observed, set);
        assert_eq!(observed, Observed::from(set.clone()));
        let json = serde_json::to_string(&observed).unwrap();
        assert_eq!(serde_json::from_str::<Observed>(&json).unwrap(), observed);
        assert_eq!(observed.into_set(), set);
        assert_eq!(Observed::default(), AccessSet::default());
    }
}
