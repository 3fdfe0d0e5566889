//! The hash of an access list that is there already.

use crate::AccessList;
use alloy_primitives::B256;
use core::fmt;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::sync::{Arc, OnceLock};

/// The keccak256 of an access list. Hashing takes as long as executing several transactions,
/// so it is not done before somebody asks: a record that is looked at or followed may
/// never need it.
#[derive(Clone)]
pub struct AccessListHash {
    /// Set, if there is no list.
    hash: OnceLock<B256>,
    list: Arc<AccessList>,
}

impl AccessListHash {
    /// The hash.
    pub fn get(&self) -> B256 {
        *self.hash.get_or_init(|| self.list.compute_hash())
    }
}

impl From<Arc<AccessList>> for AccessListHash {
    fn from(list: Arc<AccessList>) -> Self {
        Self { hash: OnceLock::new(), list }
    }
}

impl From<B256> for AccessListHash {
    fn from(hash: B256) -> Self {
        Self { hash: OnceLock::from(hash), list: Arc::default() }
    }
}

impl PartialEq for AccessListHash {
    fn eq(&self, other: &Self) -> bool {
        self.get() == other.get()
    }
}

impl Eq for AccessListHash {}

impl fmt::Debug for AccessListHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.get().fmt(f)
    }
}

impl Serialize for AccessListHash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.get().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for AccessListHash {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        B256::deserialize(deserializer).map(Self::from)
    }
}
