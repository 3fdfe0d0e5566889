//! Those who send transactions. Every key follows from the seed.

use crate::{GenerateError, world::World};
use alloy_consensus::crypto::secp256k1::sign_message;
use alloy_primitives::{Address, B256, Signature, U256, keccak256};
use alloy_signer_local::PrivateKeySigner;

/// What everyone owns at first: 10,000 ether.
const WEALTH_WEI: u128 = 10_000 * 10_u128.pow(18);

/// Someone, by position in [`People`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Person(u32);

/// Everyone with a key.
#[derive(Debug)]
pub(crate) struct People {
    seed: u64,
    keys: Vec<B256>,
    addresses: Vec<Address>,
}

impl People {
    /// Nobody yet.
    pub(crate) const fn new(seed: u64) -> Self {
        Self { seed, keys: Vec::new(), addresses: Vec::new() }
    }

    /// Someone new, with ether and a history.
    ///
    /// # Errors
    /// If the derived key is not one, which has never been seen to happen.
    pub(crate) fn arrive(&mut self, world: &mut World) -> Result<Person, GenerateError> {
        let person = Person(self.keys.len() as u32);
        let name = [b"foresee".as_slice(), &self.seed.to_be_bytes(), &person.0.to_be_bytes()];
        let key = keccak256(name.concat());
        let signer = PrivateKeySigner::from_bytes(&key)
            .map_err(|error| GenerateError::Sign(error.to_string()))?;
        self.keys.push(key);
        self.addresses.push(signer.address());
        world.fund(signer.address(), U256::from(WEALTH_WEI));
        Ok(person)
    }

    /// The address of someone.
    pub(crate) fn address(&self, person: Person) -> Address {
        self.addresses[person.0 as usize]
    }

    /// Someone's signature of a digest, by RFC 6979 and so always the same.
    ///
    /// # Errors
    /// If the key cannot sign, which has never been seen to happen.
    pub(crate) fn sign(&self, person: Person, digest: B256) -> Result<Signature, GenerateError> {
        sign_message(self.keys[person.0 as usize], digest)
            .map_err(|error| GenerateError::Sign(error.to_string()))
    }
}
