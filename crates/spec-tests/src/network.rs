//! The network names of the tests: a fork, or two forks and when the second
//! takes over.

use alloy_eips::{eip6110::MAINNET_DEPOSIT_CONTRACT_ADDRESS, eip7840::BlobParams};
use alloy_primitives::{ChainId, U256};
use foresee_source::Rules;
use revm::primitives::hardfork::SpecId;
use serde::{Deserialize, Deserializer, de::Error};
use std::collections::BTreeMap;

/// Which rules hold when.
#[derive(Clone, Debug)]
pub struct Network {
    before: Fork,
    /// The fork that takes over, if one does.
    transition: Option<(Condition, Fork)>,
}

/// A fork by its name in the tests.
#[derive(Clone, Debug)]
struct Fork {
    name: String,
    spec: SpecId,
}

/// When a fork takes over.
#[derive(Clone, Copy, Debug)]
enum Condition {
    Block(u64),
    Time(u64),
    /// The parent's total difficulty.
    TotalDifficulty(U256),
}

impl Network {
    /// The rules for a block. `parent_difficulty` is the parent's total one.
    ///
    /// # Panics
    ///
    /// If the case lacks the blob parameters of its fork.
    pub fn rules(
        &self,
        schedules: &BTreeMap<String, BlobParams>,
        chain_id: ChainId,
        (number, timestamp): (u64, u64),
        parent_difficulty: U256,
    ) -> Rules {
        let (fork, dao_fork) = match &self.transition {
            Some((condition, fork)) if condition.holds(number, timestamp, parent_difficulty) => {
                let first = matches!(condition, Condition::Block(start) if *start == number);
                (fork, first && fork.name == "Dao")
            }
            _ => (&self.before, false),
        };
        Rules {
            chain_id,
            spec: fork.spec,
            blobs: fork.blobs(schedules),
            deposit_contract: MAINNET_DEPOSIT_CONTRACT_ADDRESS,
            dao_fork,
            access_list: fork.name == "Amsterdam",
        }
    }

    /// The number of the first block of the DAO fork, if there is one.
    pub fn dao_block(&self) -> Option<u64> {
        match &self.transition {
            Some((Condition::Block(start), fork)) if fork.name == "Dao" => Some(*start),
            _ => None,
        }
    }

    /// The number of the first block of London, if it is not the genesis block.
    pub fn london_block(&self) -> Option<u64> {
        match &self.transition {
            Some((Condition::Block(start), fork)) if fork.spec == SpecId::LONDON => Some(*start),
            _ => None,
        }
    }
}

impl Fork {
    fn new(name: &str) -> Option<Self> {
        let spec = match name {
            "Frontier" => SpecId::FRONTIER,
            "Homestead" | "Dao" => SpecId::HOMESTEAD,
            "EIP150" => SpecId::TANGERINE,
            "EIP158" => SpecId::SPURIOUS_DRAGON,
            "Byzantium" => SpecId::BYZANTIUM,
            // revm has no rules of Constantinople alone, which mainnet never had
            // either: it and the fork that repaired it came in one block.
            "Constantinople" | "ConstantinopleFix" => SpecId::PETERSBURG,
            "Istanbul" => SpecId::ISTANBUL,
            "Berlin" => SpecId::BERLIN,
            "London" | "ArrowGlacier" | "GrayGlacier" => SpecId::LONDON,
            "Paris" => SpecId::MERGE,
            "Shanghai" => SpecId::SHANGHAI,
            "Cancun" => SpecId::CANCUN,
            "Prague" => SpecId::PRAGUE,
            "Osaka" | "BPO1" | "BPO2" | "BPO3" | "BPO4" => SpecId::OSAKA,
            // The tests of block access lists hold Osaka's rules otherwise.
            "Amsterdam" => SpecId::OSAKA,
            _ => return None,
        };
        Some(Self { name: name.to_owned(), spec })
    }

    /// The blob parameters: those that the case gives for the fork, or those
    /// that the fork has on mainnet.
    fn blobs(&self, schedules: &BTreeMap<String, BlobParams>) -> Option<BlobParams> {
        let blobs = match self.spec {
            SpecId::CANCUN => BlobParams::cancun(),
            SpecId::PRAGUE => BlobParams::prague(),
            SpecId::OSAKA => BlobParams::osaka(),
            _ => return None,
        };
        let Some(given) = schedules.get(&self.name) else { return Some(blobs) };
        let max_blobs_per_tx = match self.spec {
            SpecId::OSAKA => blobs.max_blobs_per_tx,
            _ => given.max_blob_count,
        };
        Some(BlobParams {
            target_blob_count: given.target_blob_count,
            max_blob_count: given.max_blob_count,
            update_fraction: given.update_fraction,
            max_blobs_per_tx,
            ..blobs
        })
    }
}

impl Condition {
    fn new(text: &str) -> Option<Self> {
        if let Some(time) = text.strip_prefix("Time") {
            let seconds = time.strip_suffix('k')?.parse::<u64>().ok()?;
            return Some(Self::Time(1000 * seconds));
        }
        if let Some(difficulty) = text.strip_prefix("Diff") {
            return Some(Self::TotalDifficulty(U256::from_str_radix(difficulty, 16).ok()?));
        }
        text.parse().ok().map(Self::Block)
    }

    fn holds(&self, number: u64, timestamp: u64, parent_difficulty: U256) -> bool {
        match self {
            Self::Block(start) => number >= *start,
            Self::Time(start) => timestamp >= *start,
            Self::TotalDifficulty(start) => parent_difficulty >= *start,
        }
    }
}

impl<'de> Deserialize<'de> for Network {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        parse(&name).ok_or_else(|| D::Error::custom(format!("unknown network {name}")))
    }
}

/// Parses `Fork` or `ForkToForkAtCondition`.
fn parse(name: &str) -> Option<Network> {
    if let Some(before) = Fork::new(name) {
        return Some(Network { before, transition: None });
    }
    let (forks, condition) = name.rsplit_once("At")?;
    let (before, after) = forks.split_once("To")?;
    let transition = (Condition::new(condition)?, Fork::new(after)?);
    Some(Network { before: Fork::new(before)?, transition: Some(transition) })
}
