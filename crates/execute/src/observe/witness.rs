//! Which fields of which accounts the code of a transaction looks at.
//!
//! An opcode names an address before revm knows whether the gas suffices to
//! load it, so a [`Witness`] holds *candidates*: they count if the account is
//! in the journal afterwards.

use alloy_primitives::map::AddressSet;

/// Accounts that the code named, by what it wanted from them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Witness {
    /// Called, whether code or precompile.
    pub(crate) called: AddressSet,
    /// Created, destroyed into, or asked for code, its size or its hash.
    pub(crate) code: AddressSet,
    /// Asked for their balance, or sending value themselves.
    pub(crate) balance: AddressSet,
    /// Paid by code, which costs more if they are empty.
    pub(crate) existence: AddressSet,
    /// Creating a contract, whose address depends on the nonce.
    pub(crate) nonce: AddressSet,
}
