//! Our own contracts, compiled: the files under `testdata/contracts/build`,
//! embedded.

use crate::GenerateError;
use alloy_primitives::Bytes;
use serde::Deserialize;

/// A compiled contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Contract {
    /// Its name, with `ir/` before it if compiled through the IR.
    pub name: &'static str,
    /// What `testdata/contracts/build.mjs` wrote.
    artifact: &'static str,
}

/// The parts of an artifact that are of use at run time.
#[derive(Deserialize)]
struct Artifact {
    creation: Bytes,
    runtime: Bytes,
}

impl Contract {
    /// The code that creates the contract, without the constructor's arguments.
    ///
    /// # Errors
    /// If the embedded file is not what the build writes.
    pub fn creation(self) -> Result<Bytes, GenerateError> {
        Ok(self.artifact()?.creation)
    }

    /// The code of the contract once created, with every immutable zero.
    ///
    /// # Errors
    /// If the embedded file is not what the build writes.
    pub fn runtime(self) -> Result<Bytes, GenerateError> {
        Ok(self.artifact()?.runtime)
    }

    fn artifact(self) -> Result<Artifact, GenerateError> {
        serde_json::from_str(self.artifact)
            .map_err(|error| GenerateError::Contract { name: self.name, reason: error.to_string() })
    }
}

macro_rules! contracts {
    ($($(#[$doc:meta])* $constant:ident = $name:literal,)*) => {
        $(
            $(#[$doc])*
            pub const $constant: Contract = Contract {
                name: $name,
                artifact: include_str!(concat!("../../../testdata/contracts/build/", $name, ".json")),
            };
        )*

        /// Every contract.
        pub const CONTRACTS: &[Contract] = &[$($constant),*];
    };
}

contracts! {
    /// Code for accounts that delegate (EIP-7702).
    ACCOUNT = "Account",
    /// Token hand-outs by list and by Merkle proof.
    AIRDROP = "Airdrop",
    /// Ether deposits and flash loans under a transient lock.
    BANK = "Bank",
    /// Borrower at the bank.
    BANK_BORROWER = "BankBorrower",
    /// Names the implementation of beacon proxies.
    BEACON = "Beacon",
    /// Proxy that asks a beacon.
    BEACON_PROXY = "BeaconProxy",
    /// The list in which every step depends on the one before.
    CHAIN = "Chain",
    /// Maker of minimal clones (EIP-1167).
    CLONE_FACTORY = "CloneFactory",
    /// Collectibles (EIP-721) with a royalty (EIP-2981).
    COLLECTIBLE = "Collectible",
    /// Borrower at a pool.
    FLASH_BORROWER = "FlashBorrower",
    /// Contract made to be destroyed.
    FUSE = "Fuse",
    /// Market for collectibles.
    MARKETPLACE = "Marketplace",
    /// The same through the IR.
    MARKETPLACE_IR = "ir/Marketplace",
    /// Several calls in one.
    MULTICALL = "Multicall",
    /// Constant-product pool.
    PAIR = "Pair",
    /// Maker of pools.
    PAIR_FACTORY = "PairFactory",
    /// Asks for block, account, gas and precompiles.
    PROBE = "Probe",
    /// Proxy (EIP-1967).
    PROXY = "Proxy",
    /// Every shape of storage.
    REGISTRY = "Registry",
    /// The same through the IR.
    REGISTRY_IR = "ir/Registry",
    /// Swaps along paths of pools.
    ROUTER = "Router",
    /// The same through the IR.
    ROUTER_IR = "ir/Router",
    /// Rewards by the second.
    STAKING = "Staking",
    /// Token (EIP-20).
    TOKEN = "Token",
    /// The same through the IR.
    TOKEN_IR = "ir/Token",
    /// Model of minimal clones.
    WALLET = "Wallet",
    /// Ether as a token.
    WRAPPED_ETHER = "WrappedEther",
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_artifact_has_code_and_every_artifact_is_listed() {
        for contract in CONTRACTS {
            assert!(!contract.creation().unwrap().is_empty(), "{}", contract.name);
            assert!(!contract.runtime().unwrap().is_empty(), "{}", contract.name);
        }
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata/contracts/build");
        let listed = |folder: &str| {
            std::fs::read_dir(folder)
                .unwrap()
                .filter(|entry| entry.as_ref().unwrap().path().extension() == Some("json".as_ref()))
                .count()
        };
        assert_eq!(listed(folder) + listed(&format!("{folder}/ir")), CONTRACTS.len());
    }
}
