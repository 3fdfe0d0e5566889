//! Which fields of which accounts the code of a transaction looks at.
//!
//! An opcode names an address before revm knows whether the gas suffices to
//! load it, so a [`Witness`] holds *candidates*: they count if the account is
//! in the journal afterwards.

use super::PrecompileInput;
use alloy_primitives::{Address, U256, map::AddressMap};

/// What the code of a transaction named.
#[derive(Clone, Debug, Default)]
pub(crate) struct Witness {
    accounts: AddressMap<Named>,
    /// What it called precompiled contracts with, in that order, as far as it is noted.
    pub(crate) precompiled: Vec<PrecompileInput>,
}

/// What the code wanted from an account that it named.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Named {
    /// To call it, whether code or precompile.
    pub(crate) called: bool,
    /// To create it, to destroy something into it, or its code, its size or its hash.
    pub(crate) code: bool,
    /// Its balance, or to send more from it than it has.
    pub(crate) balance: bool,
    /// To send value from it that it has.
    pub(crate) funds: bool,
    /// To pay it, which costs more if it is empty, or its hash, which is zero then.
    pub(crate) existence: bool,
    /// To create a contract, whose address depends on its nonce.
    pub(crate) nonce: bool,
}

impl Witness {
    /// What was wanted from this account.
    pub(crate) fn at(&self, address: &Address) -> Named {
        self.accounts.get(address).copied().unwrap_or_default()
    }

    /// This account is to pay something, out of this balance if it is at hand.
    pub(crate) fn pays(&mut self, payer: Address, value: U256, owned: Option<U256>) {
        if value.is_zero() {
            return;
        }
        let named = self.entry(payer);
        match owned.is_some_and(|owned| owned >= value) {
            true => named.funds = true,
            false => named.balance = true,
        }
    }

    /// What is wanted from this account, to be added to.
    pub(crate) fn entry(&mut self, address: Address) -> &mut Named {
        self.accounts.entry(address).or_default()
    }
}
