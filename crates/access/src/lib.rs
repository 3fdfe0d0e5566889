//! The vocabulary of a prediction: *who* ([`TxIndex`]) touches *what*
//! ([`Location`]), collected in an [`AccessSet`] and compared as a
//! [`Difference`].
//!
//! This crate knows no EVM and no schedule. Every set is sorted and free of
//! duplicates, so that equal sets print equally whatever hasher or thread count
//! produced them.

mod access_set;
mod difference;
mod footprint;
mod keccak;
mod location;
mod touch;
mod tx_index;

pub use access_set::{AccessSet, AccessSetBuilder, AccountAccess, Unsorted};
pub use difference::Difference;
pub use footprint::{Fingerprint, Footprint, Step};
pub use keccak::{Hashes, KeccakMemo, Words};
pub use location::{Field, Location};
pub use touch::Touch;
pub use tx_index::TxIndex;
