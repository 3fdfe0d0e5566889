//! From chain, number and time to the rules of a block.
//!
//! Everything that differs between forks comes from tables of alloy and revm:
//! activations from alloy-hardforks, blob parameters from alloy-eips, opcode and
//! gas rules from revm's `SpecId`.

use crate::{
    Fault,
    snapshot::{BlobSchedule, ChainRules, ForkRules},
};
use alloy_eips::{
    eip4844::DATA_GAS_PER_BLOB, eip6110::MAINNET_DEPOSIT_CONTRACT_ADDRESS, eip7840::BlobParams,
};
use alloy_evm::spec_by_timestamp_and_block_number;
use alloy_hardforks::{EthereumChainHardforks, EthereumHardfork, EthereumHardforks};
use alloy_primitives::{Address, ChainId};
use revm::primitives::hardfork::SpecId;

/// Chain id of the Ethereum mainnet.
const MAINNET_ID: ChainId = 1;

/// The rules that one block follows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    /// Chain id.
    pub chain_id: ChainId,
    /// Fork.
    pub spec: SpecId,
    /// Blob parameters, from Cancun on.
    pub blobs: Option<BlobParams>,
    /// The contract whose logs are deposits.
    pub deposit_contract: Address,
    /// Whether the block makes the DAO fork's change.
    pub dao_fork: bool,
    /// Whether [EIP-7928](https://eips.ethereum.org/EIPS/eip-7928) holds on top.
    pub access_list: bool,
}

impl Rules {
    /// The rules that a snapshot names.
    ///
    /// # Errors
    ///
    /// If it names a chain or fork that is not known.
    pub fn new(chain: &ChainRules, number: u64, timestamp: u64) -> Result<Self, Fault> {
        match chain {
            ChainRules::Named(name) if name == ChainRules::MAINNET => {
                Ok(Self::mainnet(number, timestamp))
            }
            ChainRules::Named(name) => {
                let known = ChainRules::MAINNET;
                Err(Fault::field("chain", format!("unknown chain {name:?}, known is {known:?}")))
            }
            ChainRules::Fork(rules) => Self::fork(rules),
        }
    }

    /// The rules of the Ethereum mainnet.
    pub fn mainnet(number: u64, timestamp: u64) -> Self {
        let forks = EthereumChainHardforks::mainnet();
        let spec = spec_by_timestamp_and_block_number(&forks, timestamp, number);
        let active = |fork| forks.is_ethereum_fork_active_at_timestamp(fork, timestamp);
        let blobs = if active(EthereumHardfork::Bpo2) {
            Some(BlobParams::bpo2())
        } else if active(EthereumHardfork::Bpo1) {
            Some(BlobParams::bpo1())
        } else {
            blob_params(spec)
        };
        let dao = forks.ethereum_fork_activation(EthereumHardfork::Dao);
        Self {
            chain_id: MAINNET_ID,
            spec,
            blobs,
            deposit_contract: MAINNET_DEPOSIT_CONTRACT_ADDRESS,
            dao_fork: dao.transitions_at_block(number),
            access_list: false,
        }
    }

    /// The rules of a named fork.
    fn fork(rules: &ForkRules) -> Result<Self, Fault> {
        let spec = parse_fork(&rules.fork)?;
        let mut blobs = blob_params(spec);
        if let (Some(blobs), Some(schedule)) = (&mut blobs, &rules.blob_schedule) {
            apply(schedule, blobs)?;
        }
        Ok(Self {
            chain_id: rules.id,
            spec,
            blobs,
            deposit_contract: MAINNET_DEPOSIT_CONTRACT_ADDRESS,
            dao_fork: false,
            access_list: rules.access_list,
        })
    }
}

/// Parses a fork's name as `SpecId` does, but in any case.
///
/// Amsterdam is refused: revm's rules of that name are those of a development
/// network. A block access list on top of Osaka is asked for by `accessList`.
fn parse_fork(name: &str) -> Result<SpecId, Fault> {
    let mut canonical = name.to_ascii_lowercase();
    if let Some(first) = canonical.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    match canonical.parse() {
        Ok(SpecId::AMSTERDAM) => {
            Err(Fault::field("chain.fork", "the rules of Amsterdam are not settled yet"))
        }
        Ok(spec) => Ok(spec),
        Err(_) => Err(Fault::field("chain.fork", format!("unknown fork {name:?}"))),
    }
}

/// The blob parameters that a fork begins with.
fn blob_params(spec: SpecId) -> Option<BlobParams> {
    match spec {
        SpecId::CANCUN => Some(BlobParams::cancun()),
        SpecId::PRAGUE => Some(BlobParams::prague()),
        spec if spec.is_enabled_in(SpecId::OSAKA) => Some(BlobParams::osaka()),
        _ => None,
    }
}

/// Replaces what a schedule changes. The limit for a single transaction that
/// came with Osaka ([EIP-7594](https://eips.ethereum.org/EIPS/eip-7594)) stays;
/// before it a transaction may fill the block.
fn apply(schedule: &BlobSchedule, blobs: &mut BlobParams) -> Result<(), Fault> {
    if schedule.base_fee_update_fraction == 0 {
        return Err(Fault::field("chain.blobSchedule.baseFeeUpdateFraction", "is zero"));
    }
    if schedule.max.checked_mul(DATA_GAS_PER_BLOB).is_none() {
        return Err(Fault::field("chain.blobSchedule.max", "is more blobs than there is gas for"));
    }
    if blobs.max_blobs_per_tx == blobs.max_blob_count {
        blobs.max_blobs_per_tx = schedule.max;
    }
    blobs.target_blob_count = schedule.target;
    blobs.max_blob_count = schedule.max;
    blobs.update_fraction = schedule.base_fee_update_fraction.into();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Checks fork and most blobs per block on mainnet.
    fn check(number: u64, timestamp: u64, spec: SpecId, blobs: Option<u64>) {
        let rules = Rules::mainnet(number, timestamp);
        assert_eq!((rules.spec, rules.blobs.map(|blobs| blobs.max_blob_count)), (spec, blobs));
    }

    #[test]
    fn mainnet_forks_follow_from_number_and_time() {
        check(0, 0, SpecId::FRONTIER, None);
        check(1_149_999, 0, SpecId::FRONTIER, None);
        check(1_150_000, 0, SpecId::HOMESTEAD, None);
        check(2_463_000, 0, SpecId::TANGERINE, None);
        check(2_675_000, 0, SpecId::SPURIOUS_DRAGON, None);
        check(4_370_000, 0, SpecId::BYZANTIUM, None);
        check(7_280_000, 0, SpecId::PETERSBURG, None);
        check(9_069_000, 0, SpecId::ISTANBUL, None);
        check(12_244_000, 0, SpecId::BERLIN, None);
        check(12_965_000, 0, SpecId::LONDON, None);
        check(15_537_394, 0, SpecId::MERGE, None);
        check(17_034_870, 1_681_338_455, SpecId::SHANGHAI, None);
        check(19_426_587, 1_710_338_135, SpecId::CANCUN, Some(6));
        check(22_431_084, 1_746_612_311, SpecId::PRAGUE, Some(9));
        check(23_935_694, 1_764_798_551, SpecId::OSAKA, Some(9));
        check(23_975_000, 1_765_290_071, SpecId::OSAKA, Some(15));
        check(24_180_000, 1_767_747_671, SpecId::OSAKA, Some(21));
        assert!(Rules::mainnet(1_920_000, 0).dao_fork);
        assert!(!Rules::mainnet(1_920_001, 0).dao_fork);
    }

    #[test]
    fn fork_names_are_those_of_revm_in_any_case() {
        for (name, spec) in [
            ("frontier", SpecId::FRONTIER),
            ("SPURIOUS", SpecId::SPURIOUS_DRAGON),
            ("mErGe", SpecId::MERGE),
            ("Osaka", SpecId::OSAKA),
        ] {
            assert_eq!(parse_fork(name).unwrap(), spec);
        }
        for name in ["", "osaka ", "ösaka", "latest", "amsterdam"] {
            assert!(parse_fork(name).is_err(), "{name}");
        }
    }

    #[test]
    fn a_schedule_changes_the_block_but_not_the_cap_on_transactions() {
        let schedule = BlobSchedule { target: 10, max: 20, base_fee_update_fraction: 7 };
        let rules = |fork: &str, blob_schedule| ForkRules {
            id: 1,
            fork: fork.into(),
            blob_schedule,
            access_list: false,
        };
        let limits = |fork, schedule| {
            let blobs = Rules::fork(&rules(fork, schedule)).unwrap().blobs.unwrap();
            (blobs.max_blob_count, blobs.max_blobs_per_tx, blobs.update_fraction)
        };
        assert_eq!(limits("osaka", Some(schedule)), (20, 6, 7));
        assert_eq!(limits("prague", Some(schedule)), (20, 20, 7));
        assert_eq!(limits("cancun", None), (6, 6, 3_338_477));
        for bad in [
            BlobSchedule { base_fee_update_fraction: 0, ..schedule },
            BlobSchedule { max: u64::MAX, ..schedule },
        ] {
            assert!(Rules::fork(&rules("osaka", Some(bad))).is_err());
        }
    }
}
