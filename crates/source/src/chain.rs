//! From chain, number and time to the rules of a block.
//!
//! Everything that differs between forks comes from tables of alloy and revm:
//! activations from alloy-hardforks, blob parameters from alloy-eips, opcode and
//! gas rules from revm's `SpecId`.

use crate::{
    Fault,
    snapshot::{BlobSchedule, ChainRules, ForkRules},
};
use alloy_eips::{eip6110::MAINNET_DEPOSIT_CONTRACT_ADDRESS, eip7840::BlobParams};
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
    if blobs.max_blobs_per_tx == blobs.max_blob_count {
        blobs.max_blobs_per_tx = schedule.max;
    }
    blobs.target_blob_count = schedule.target;
    blobs.max_blob_count = schedule.max;
    blobs.update_fraction = schedule.base_fee_update_fraction.into();
    Ok(())
}
