//! The built-in scenarios: who acts, and what they do how often.

use crate::{
    GenerateError,
    part::{
        Accounts, Airdrops, Amm, Batches, Blobs, Chain, Creations, Nft, Part, Payments, Probes,
        Proxies, Registry, Staking, Tokens, Vaults,
    },
    setting::Setting,
};
use core::{fmt, str::FromStr};
use serde::{Deserialize, Serialize};

/// Blobs that a block of a mix carries at most.
const BLOBS_MAX: usize = 6;

/// Where there are many pools, there is one for so many transactions, and so many at least.
const TXS_PER_POOL: usize = 4;
const POOLS_MIN: usize = 8;

/// A kind of block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scenario {
    /// Plain payments, every sender and every recipient a different one: nothing
    /// depends on anything.
    Payments,
    /// One token and few people, some of whom hold, send and receive much more
    /// than others.
    Erc20Hot,
    /// Several tokens, every sender and every recipient a different one.
    Erc20Cold,
    /// Swaps along paths of popular and unpopular pools, liquidity, flash swaps.
    Amm,
    /// The same over many pools, by a different person each time.
    AmmWide,
    /// Collectibles minted, listed, bought and sold on with a royalty.
    Nft,
    /// Every transaction depends on the one before it.
    Chain,
    /// Everything there is, in proportions like those of a busy chain.
    Mix,
    /// Tokens behind proxies that are upgraded now and then, minimal clones.
    Proxy,
    /// Batches, token hand-outs and accounts that delegate.
    Batch,
    /// Strings, arrays, packed structs and nested mappings; stakes.
    Storage,
    /// Wrapped ether, a bank with a transient lock, flash loans.
    Vault,
    /// Contracts created, used in the same block, and destroyed.
    Create,
    /// Calls whose course hangs on block, account and gas, and calls that fail.
    Probe,
}

/// What happens, and how often compared with the rest.
pub(crate) type Parts = Vec<(u64, Box<dyn Part>)>;

impl Scenario {
    /// Every scenario.
    pub const ALL: [Self; 14] = [
        Self::Payments,
        Self::Erc20Hot,
        Self::Erc20Cold,
        Self::Amm,
        Self::AmmWide,
        Self::Nft,
        Self::Chain,
        Self::Mix,
        Self::Proxy,
        Self::Batch,
        Self::Storage,
        Self::Vault,
        Self::Create,
        Self::Probe,
    ];

    /// The name by which it is asked for.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Payments => "payments",
            Self::Erc20Hot => "erc20-hot",
            Self::Erc20Cold => "erc20-cold",
            Self::Amm => "amm",
            Self::AmmWide => "amm-wide",
            Self::Nft => "nft",
            Self::Chain => "chain",
            Self::Mix => "mix",
            Self::Proxy => "proxy",
            Self::Batch => "batch",
            Self::Storage => "storage",
            Self::Vault => "vault",
            Self::Create => "create",
            Self::Probe => "probe",
        }
    }

    /// One line on what it is.
    pub const fn summary(self) -> &'static str {
        match self {
            Self::Payments => "plain payments between different people",
            Self::Erc20Hot => "one token, few people",
            Self::Erc20Cold => "several tokens, every transfer between different people",
            Self::Amm => "swaps over paths of pools, liquidity, flash swaps",
            Self::AmmWide => "the same over many pools, every time by somebody else",
            Self::Nft => "collectibles minted, listed and sold on with a royalty",
            Self::Chain => "every transaction depends on the one before",
            Self::Mix => "everything, in proportions like those of a busy chain",
            Self::Proxy => "tokens behind upgradable proxies, minimal clones",
            Self::Batch => "batched calls, airdrops, delegated accounts",
            Self::Storage => "strings, arrays, packed structs, nested mappings, stakes",
            Self::Vault => "wrapped ether, a bank with a transient lock, flash loans",
            Self::Create => "contracts created, used and destroyed within the block",
            Self::Probe => "calls that hang on block, account and gas, or fail",
        }
    }

    /// The setting and what happens in it, for about `txs` transactions.
    ///
    /// # Errors
    /// If the set-up fails.
    pub(crate) fn set_up(self, txs: usize, seed: u64) -> Result<(Setting, Parts), GenerateError> {
        let strangers = || Setting::of_strangers(self.name(), seed);
        let regulars = |count: usize| Setting::of_regulars(self.name(), seed, count.max(8));
        let (setting, parts): (_, Parts) = match self {
            Self::Payments => (strangers(), vec![(1, Box::new(Payments))]),
            Self::Erc20Hot => {
                let mut setting = regulars(txs / 4)?;
                let tokens = Tokens::hot(&mut setting)?;
                (setting, vec![(1, Box::new(tokens))])
            }
            Self::Erc20Cold => {
                let mut setting = strangers();
                let tokens = Tokens::cold(&mut setting)?;
                (setting, vec![(1, Box::new(tokens))])
            }
            Self::Amm => {
                let mut setting = regulars(txs / 2)?;
                let amm = Amm::new(&mut setting)?;
                (setting, vec![(1, Box::new(amm))])
            }
            Self::AmmWide => {
                let mut setting = strangers();
                let amm = Amm::wide(&mut setting, (txs / TXS_PER_POOL).max(POOLS_MIN))?;
                (setting, vec![(1, Box::new(amm))])
            }
            Self::Nft => {
                let mut setting = regulars(txs / 2)?;
                let nft = Nft::new(&mut setting, txs / 2)?;
                (setting, vec![(1, Box::new(nft))])
            }
            Self::Chain => {
                let mut setting = strangers();
                let chain = Chain::new(&mut setting)?;
                (setting, vec![(1, Box::new(chain))])
            }
            Self::Mix => {
                let mut setting = regulars(txs)?;
                let parts = mix(&mut setting, txs)?;
                (setting, parts)
            }
            Self::Proxy => {
                let mut setting = regulars(txs / 2)?;
                let proxies = Proxies::new(&mut setting)?;
                (setting, vec![(1, Box::new(proxies))])
            }
            Self::Batch => {
                let mut setting = regulars(txs / 2)?;
                let batches = Batches::new(&mut setting)?;
                let airdrops = Airdrops::new(&mut setting, txs / 4)?;
                let accounts = Accounts::new(&mut setting, txs / 20)?;
                let parts: Parts = vec![
                    (40, Box::new(batches)),
                    (30, Box::new(airdrops)),
                    (30, Box::new(accounts)),
                ];
                (setting, parts)
            }
            Self::Storage => {
                let mut setting = regulars(txs / 2)?;
                let direct = Registry::new(&mut setting)?;
                let through_ir = Registry::through_ir(&mut setting)?;
                let staking = Staking::new(&mut setting)?;
                let parts: Parts = vec![
                    (40, Box::new(direct)),
                    (40, Box::new(through_ir)),
                    (20, Box::new(staking)),
                ];
                (setting, parts)
            }
            Self::Vault => {
                let mut setting = regulars(txs / 2)?;
                let vaults = Vaults::new(&mut setting)?;
                (setting, vec![(1, Box::new(vaults))])
            }
            Self::Create => {
                let mut setting = regulars(txs / 2)?;
                let creations = Creations::new(&mut setting)?;
                (setting, vec![(1, Box::new(creations))])
            }
            Self::Probe => {
                let mut setting = regulars(txs / 2)?;
                let probes = Probes::new(&mut setting)?;
                (setting, vec![(1, Box::new(probes))])
            }
        };
        Ok((setting, parts))
    }
}

/// Of 200 transactions of a mix, how many belong to which part.
fn mix(setting: &mut Setting, txs: usize) -> Result<Parts, GenerateError> {
    Ok(vec![
        (68, Box::new(Payments)),
        (2, Box::new(Blobs::new(BLOBS_MAX))),
        (40, Box::new(Tokens::mixed(setting)?)),
        (16, Box::new(Amm::new(setting)?)),
        (8, Box::new(Amm::through_ir(setting)?)),
        (8, Box::new(Nft::new(setting, txs / 20)?)),
        (4, Box::new(Nft::through_ir(setting, txs / 20)?)),
        (14, Box::new(Proxies::new(setting)?)),
        (8, Box::new(Batches::new(setting)?)),
        (4, Box::new(Airdrops::new(setting, txs / 50)?)),
        (6, Box::new(Accounts::new(setting, txs / 100)?)),
        (4, Box::new(Registry::new(setting)?)),
        (4, Box::new(Staking::new(setting)?)),
        (6, Box::new(Vaults::new(setting)?)),
        (4, Box::new(Creations::new(setting)?)),
        (3, Box::new(Probes::new(setting)?)),
        (1, Box::new(Chain::new(setting)?)),
    ])
}

impl fmt::Display for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Scenario {
    type Err = GenerateError;

    fn from_str(name: &str) -> Result<Self, GenerateError> {
        let named = Self::ALL.into_iter().find(|scenario| scenario.name() == name);
        named.ok_or_else(|| GenerateError::UnknownScenario(name.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_the_same_in_text_and_in_json() {
        for scenario in Scenario::ALL {
            assert_eq!(scenario.to_string().parse::<Scenario>().unwrap(), scenario);
            let json = serde_json::to_value(scenario).unwrap();
            assert_eq!(json, scenario.name());
        }
        let unknown = "Mix".parse::<Scenario>().unwrap_err();
        assert_eq!(unknown.to_string(), r#"unknown scenario "Mix""#);
    }
}
