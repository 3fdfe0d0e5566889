//! The smallest pieces of state that transactions can conflict on.

use alloy_primitives::{Address, U256};
use core::fmt;
use serde::{Deserialize, Serialize};

/// One field of an account, or one storage slot.
///
/// The order is by address, fields before slots, slots by number: the order in
/// which sets are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Location {
    /// The account.
    pub address: Address,
    /// The part of the account.
    pub field: Field,
}

/// The part of an account that a [`Location`] names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Field {
    /// The balance in wei.
    Balance,
    /// The nonce.
    Nonce,
    /// The code, and with it whether the account exists. Every account that is
    /// called or whose code, code size or code hash is asked for is read here. Whether one
    /// without code and nonce is empty follows from its balance, which is read where that
    /// matters.
    Code,
    /// A storage slot.
    Slot(U256),
}

impl Location {
    /// The balance of an account.
    pub const fn balance(address: Address) -> Self {
        Self { address, field: Field::Balance }
    }

    /// The nonce of an account.
    pub const fn nonce(address: Address) -> Self {
        Self { address, field: Field::Nonce }
    }

    /// The code of an account.
    pub const fn code(address: Address) -> Self {
        Self { address, field: Field::Code }
    }

    /// A storage slot of an account.
    pub const fn slot(address: Address, slot: U256) -> Self {
        Self { address, field: Field::Slot(slot) }
    }

    /// The slot number, if this is a storage slot.
    pub const fn as_slot(&self) -> Option<U256> {
        match self.field {
            Field::Slot(slot) => Some(slot),
            _ => None,
        }
    }

    /// Whether this is a storage slot.
    pub const fn is_slot(&self) -> bool {
        matches!(self.field, Field::Slot(_))
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { address, field } = self;
        match field {
            Field::Balance => write!(f, "{address}.balance"),
            Field::Nonce => write!(f, "{address}.nonce"),
            Field::Code => write!(f, "{address}.code"),
            Field::Slot(slot) => write!(f, "{address}[{slot:#x}]"),
        }
    }
}

/// `{"address": A, "slot": S}` or `{"address": A, "field": "balance"}`.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Json {
    address: Address,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    slot: Option<U256>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    field: Option<JsonField>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum JsonField {
    Balance,
    Nonce,
    Code,
}

impl Serialize for Location {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (slot, field) = match self.field {
            Field::Balance => (None, Some(JsonField::Balance)),
            Field::Nonce => (None, Some(JsonField::Nonce)),
            Field::Code => (None, Some(JsonField::Code)),
            Field::Slot(slot) => (Some(slot), None),
        };
        Json { address: self.address, slot, field }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Location {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Json { address, slot, field } = Json::deserialize(deserializer)?;
        let field = match (slot, field) {
            (Some(slot), None) => Field::Slot(slot),
            (None, Some(JsonField::Balance)) => Field::Balance,
            (None, Some(JsonField::Nonce)) => Field::Nonce,
            (None, Some(JsonField::Code)) => Field::Code,
            _ => return Err(serde::de::Error::custom("either a slot or a field names a location")),
        };
        Ok(Self { address, field })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_come_before_slots_and_json_round_trips() {
        let address = Address::with_last_byte(7);
        let all = [
            Location::balance(address),
            Location::nonce(address),
            Location::code(address),
            Location::slot(address, U256::ZERO),
            Location::slot(address, U256::from(9)),
        ];
        assert!(all.is_sorted());
        let json = serde_json::to_string(&all).unwrap();
        assert_eq!(serde_json::from_str::<Vec<Location>>(&json).unwrap(), all);
        insta::assert_snapshot!(json, @r#"[{"address":"0x0000000000000000000000000000000000000007","field":"balance"},{"address":"0x0000000000000000000000000000000000000007","field":"nonce"},{"address":"0x0000000000000000000000000000000000000007","field":"code"},{"address":"0x0000000000000000000000000000000000000007","slot":"0x0"},{"address":"0x0000000000000000000000000000000000000007","slot":"0x9"}]"#);
    }

    #[test]
    fn a_location_is_a_slot_or_a_field_never_both_or_none() {
        for json in [
            r#"{"address":"0x0000000000000000000000000000000000000007"}"#,
            r#"{"address":"0x0000000000000000000000000000000000000007","slot":"0x0","field":"code"}"#,
        ] {
            assert!(serde_json::from_str::<Location>(json).is_err(), "{json}");
        }
    }
}
