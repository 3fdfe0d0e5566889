//! Which block of a node is meant.

use alloy_primitives::B256;
use core::{fmt, str::FromStr};
use serde_json::{Value, json};

/// A block of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlockChoice {
    /// The one with this number.
    Number(u64),
    /// The one with this hash.
    Hash(B256),
    /// The newest.
    Latest,
    /// The one that the node would build now.
    Pending,
}

/// Something that names no block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a block is a number, a hash, latest or pending")]
pub struct NoChoice;

impl FromStr for BlockChoice {
    type Err = NoChoice;

    fn from_str(text: &str) -> Result<Self, NoChoice> {
        const HASH_DIGITS: usize = 64;
        let hexadecimal = text.strip_prefix("0x");
        match (text, hexadecimal) {
            ("latest", _) => Ok(Self::Latest),
            ("pending", _) => Ok(Self::Pending),
            (_, Some(digits)) if digits.len() == HASH_DIGITS => {
                text.parse().map(Self::Hash).map_err(|_| NoChoice)
            }
            (_, Some(digits)) => {
                u64::from_str_radix(digits, 16).map(Self::Number).map_err(|_| NoChoice)
            }
            (number, None) => number.parse().map(Self::Number).map_err(|_| NoChoice),
        }
    }
}

impl fmt::Display for BlockChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{number}"),
            Self::Hash(hash) => write!(f, "{hash}"),
            Self::Latest => f.write_str("latest"),
            Self::Pending => f.write_str("pending"),
        }
    }
}

impl BlockChoice {
    /// The method that yields the block, and how it calls the block.
    pub(super) fn request(self) -> (&'static str, Value) {
        match self {
            Self::Hash(hash) => ("eth_getBlockByHash", json!(hash)),
            Self::Number(number) => ("eth_getBlockByNumber", json!(format!("{number:#x}"))),
            Self::Latest | Self::Pending => ("eth_getBlockByNumber", json!(self.to_string())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_hashes_and_tags() {
        let hash = format!("0x{:064x}", 7);
        for (text, choice) in [
            ("0", BlockChoice::Number(0)),
            ("25323281", BlockChoice::Number(25_323_281)),
            ("0xff", BlockChoice::Number(255)),
            (&hash, BlockChoice::Hash(B256::with_last_byte(7))),
            ("latest", BlockChoice::Latest),
            ("pending", BlockChoice::Pending),
        ] {
            assert_eq!(text.parse(), Ok(choice), "{text}");
        }
        for text in ["", "-1", "0x", "Latest", "1_000", "0xg", "18446744073709551616"] {
            assert_eq!(text.parse::<BlockChoice>(), Err(NoChoice), "{text}");
        }
    }
}
