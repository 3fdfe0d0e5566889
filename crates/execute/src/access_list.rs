//! Block access lists
//! ([EIP-7928](https://eips.ethereum.org/EIPS/eip-7928)): what a block accesses and
//! what every access leaves behind.
//!
//! A list is built while a block is executed, in order
//! ([`execute_in_order_reporting`](crate::execute_in_order_reporting)) or in parallel
//! ([`ParallelExecutor::reporting`](crate::ParallelExecutor::reporting)): what each
//! transaction loads and leaves behind is noted as it is committed, in block order, so the
//! list does not depend on what ran when. Types, order, encoding and hash are alloy's and
//! revm's.
//!
//! A list that somebody else made is never trusted: [`verify_access_list`] names what
//! is wrong with it.

mod divergence;

use alloy_eips::eip7928::{
    BlockAccessIndex, BlockAccessListGasError, BlockAccessListHashMismatch,
    BlockAccessListValidationError,
};
use alloy_primitives::B256;
use alloy_rlp::Decodable;

pub use alloy_eips::eip7928::bal::Bal as AccessList;
pub use divergence::{Divergence, Entry};

/// Reads an access list from its RLP, or from JSON, which begins with a bracket.
///
/// # Errors
///
/// If it is neither, in words.
pub fn read_access_list(bytes: &[u8]) -> Result<AccessList, String> {
    if bytes.trim_ascii_start().starts_with(b"[") {
        return serde_json::from_slice(bytes).map_err(|error| error.to_string());
    }
    let mut rest = bytes;
    let list = AccessList::decode(&mut rest).map_err(|error| error.to_string())?;
    match rest.is_empty() {
        true => Ok(list),
        false => Err(format!("{} bytes left over", rest.len())),
    }
}

/// Why an access list is not that of a block.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AccessListFault {
    /// Its entries are not in canonical order, not unique, or beyond the block's end.
    #[error("{0}")]
    Structure(#[from] BlockAccessListValidationError),
    /// It has more accounts and slots than the block's gas limit pays for.
    #[error("{0}")]
    Items(#[from] BlockAccessListGasError),
    /// It is not the list that the header names.
    #[error("{0}")]
    Hash(#[from] BlockAccessListHashMismatch),
    /// Execution accesses or changes something else.
    #[error("{0}")]
    Divergence(Box<Divergence>),
}

/// What an access list is verified against.
#[derive(Clone, Copy, Debug)]
pub struct AccessListRules {
    /// Transactions in the block.
    pub transactions: usize,
    /// The block's gas limit, of which each account and slot takes 2,000.
    pub gas_limit: u64,
    /// The hash in the header, where there is one.
    pub hash: Option<B256>,
}

impl AccessListRules {
    /// Checks a list by itself: its structure, its size, its hash.
    ///
    /// # Errors
    ///
    /// The first fault, in this order.
    pub fn check(&self, list: &AccessList) -> Result<(), AccessListFault> {
        list.validate_structure(self.transactions)?;
        list.validate_gas_limit(self.gas_limit)?;
        self.check_hash(list)
    }

    fn check_hash(&self, list: &AccessList) -> Result<(), AccessListFault> {
        let computed = list.compute_hash();
        match self.hash {
            Some(expected) if expected != computed => {
                Err(BlockAccessListHashMismatch { computed, expected }.into())
            }
            _ => Ok(()),
        }
    }
}

/// Verifies an access list that somebody else made: by itself, then against the one
/// that execution yields. Where both the header's hash and the content are wrong, the
/// content is named, because it says more.
///
/// # Errors
///
/// The first fault: structure, size, content, hash.
pub fn verify_access_list(
    listed: &AccessList,
    executed: &AccessList,
    rules: &AccessListRules,
) -> Result<(), AccessListFault> {
    listed.validate_structure(rules.transactions)?;
    listed.validate_gas_limit(rules.gas_limit)?;
    match Divergence::first(listed, executed) {
        Some(divergence) => Err(AccessListFault::Divergence(Box::new(divergence))),
        None => rules.check_hash(listed),
    }
}

/// The index of what comes after so many included transactions: the next one, or what
/// the protocol changes after the last.
pub(crate) fn index_after(included: usize) -> BlockAccessIndex {
    BlockAccessIndex::from_tx_index(included as u64)
}
