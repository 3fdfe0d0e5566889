//! Which fields of which accounts the code of a transaction looks at.
//!
//! An opcode names an address before revm knows whether the gas suffices to
//! load it, so a [`Witness`] holds *candidates*: they count if the account is
//! in the journal afterwards.

use alloy_primitives::{Address, map::AddressMap};

/// The accounts that the code of a transaction named.
#[derive(Clone, Debug, Default)]
pub(crate) struct Witness(AddressMap<Named>);

/// What the code wanted from an account that it named.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Named {
    /// To call it, whether code or precompile.
    pub(crate) called: bool,
    /// To create it, to destroy something into it, or its code, its size or its hash.
    pub(crate) code: bool,
    /// Its balance, or to send value from it.
    pub(crate) balance: bool,
    /// To pay it, which costs more if it is empty.
    pub(crate) existence: bool,
    /// To create a contract, whose address depends on its nonce.
    pub(crate) nonce: bool,
}

impl Witness {
    /// What was wanted from this account.
    pub(crate) fn at(&self, address: &Address) -> Named {
        self.0.get(address).copied().unwrap_or_default()
    }

    /// What is wanted from this account, to be added to.
    pub(crate) fn entry(&mut self, address: Address) -> &mut Named {
        self.0.entry(address).or_default()
    }
}
