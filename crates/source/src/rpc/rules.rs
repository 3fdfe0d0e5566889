//! Which fork a node's block follows.
//!
//! Known chains have a table. Of others the header tells the fork up to Prague;
//! Osaka changed nothing in it, so there the node is asked
//! ([EIP-7910](https://eips.ethereum.org/EIPS/eip-7910)), and who runs a node that
//! does not tell names the fork.

use super::{Node, RpcError, RpcFault};
use crate::{BlobSchedule, ChainRules, ForkRules, Rules, SnapshotBlock};
use alloy_eips::{eip7840::BlobParams, eip7910::EthConfig};
use alloy_evm::spec_by_timestamp_and_block_number;
use alloy_hardforks::{EthereumChainHardforks, EthereumHardfork, EthereumHardforks};
use alloy_primitives::ChainId;
use revm::primitives::hardfork::SpecId;
use serde_json::json;

const MAINNET: ChainId = 1;
const HOLESKY: ChainId = 17_000;
const HOODI: ChainId = 560_048;
const SEPOLIA: ChainId = 11_155_111;

/// The precompile that came with Osaka
/// ([EIP-7951](https://eips.ethereum.org/EIPS/eip-7951)).
const OSAKA_PRECOMPILE: &str = "P256VERIFY";

impl Node {
    /// The rules that a block follows.
    pub(super) fn rules(
        &self,
        block: &SnapshotBlock,
        id: ChainId,
        fork: Option<&str>,
    ) -> Result<ChainRules, RpcError> {
        let rules = match (fork, id) {
            (Some(fork), _) => named(id, fork.to_owned(), None),
            (None, MAINNET) => ChainRules::default(),
            (None, HOLESKY) => of_testnet(id, &EthereumChainHardforks::holesky(), block),
            (None, HOODI) => of_testnet(id, &EthereumChainHardforks::hoodi(), block),
            (None, SEPOLIA) => of_testnet(id, &EthereumChainHardforks::sepolia(), block),
            (None, _) => self.of_unknown_chain(id, block)?,
        };
        let wrong = |fault| self.error(RpcFault::Block { number: block.number, fault });
        Rules::new(&rules, block.number, block.timestamp).map_err(wrong)?;
        Ok(rules)
    }

    fn of_unknown_chain(&self, id: ChainId, block: &SnapshotBlock) -> Result<ChainRules, RpcError> {
        let unclear = |reason: &str| {
            let reason = reason.to_owned();
            Err(self.error(RpcFault::Fork { chain: id, number: block.number, reason }))
        };
        let fork = match oldest_fork(block) {
            Some(fork) => fork,
            None => return unclear("before London the header does not tell it"),
        };
        if fork != SpecId::PRAGUE {
            return Ok(named(id, name(fork), None));
        }
        match self.call::<EthConfig>("eth_config", json!([])) {
            Ok(EthConfig { current, .. }) if current.activation_time <= block.timestamp => {
                let osaka = current.precompiles.contains_key(OSAKA_PRECOMPILE);
                let fork = if osaka { SpecId::OSAKA } else { fork };
                Ok(named(id, name(fork), Some(schedule(&current.blob_schedule))))
            }
            Ok(_) => unclear("Prague or Osaka; the node tells only the fork of now"),
            Err(error) => match &*error.fault {
                RpcFault::NoMethod { .. } | RpcFault::Refused { .. } | RpcFault::Answer { .. } => {
                    unclear("Prague or Osaka; the node has no eth_config to tell")
                }
                _ => Err(error),
            },
        }
    }
}

/// The oldest fork whose headers have the fields of this one, from London on.
fn oldest_fork(block: &SnapshotBlock) -> Option<SpecId> {
    let fields = [
        (block.requests_hash.is_some(), SpecId::PRAGUE),
        (block.parent_beacon_block_root.is_some(), SpecId::CANCUN),
        (block.withdrawals_root.is_some(), SpecId::SHANGHAI),
        (block.base_fee_per_gas.is_some() && block.difficulty.is_zero(), SpecId::MERGE),
        (block.base_fee_per_gas.is_some(), SpecId::LONDON),
    ];
    fields.into_iter().find(|(has, _)| *has).map(|(_, fork)| fork)
}

/// The rules of a public test network, from alloy's table.
fn of_testnet(id: ChainId, forks: &EthereumChainHardforks, block: &SnapshotBlock) -> ChainRules {
    let spec = spec_by_timestamp_and_block_number(forks, block.timestamp, block.number);
    let active = |fork| forks.is_ethereum_fork_active_at_timestamp(fork, block.timestamp);
    let blobs = if active(EthereumHardfork::Bpo2) {
        Some(BlobParams::bpo2())
    } else {
        active(EthereumHardfork::Bpo1).then(BlobParams::bpo1)
    };
    named(id, name(spec), blobs.as_ref().map(schedule))
}

fn schedule(blobs: &BlobParams) -> BlobSchedule {
    BlobSchedule {
        target: blobs.target_blob_count,
        max: blobs.max_blob_count,
        base_fee_update_fraction: blobs.update_fraction.try_into().unwrap_or(u64::MAX),
    }
}

fn named(id: ChainId, fork: String, blob_schedule: Option<BlobSchedule>) -> ChainRules {
    ChainRules::Fork(ForkRules { id, fork, blob_schedule, access_list: false })
}

fn name(fork: SpecId) -> String {
    fork.to_string().to_ascii_lowercase()
}
