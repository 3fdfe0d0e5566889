//! One case: its JSON, and running it.

use crate::{
    Chain, Network, Rejected,
    chain::genesis,
    import::{execution::State, rejection::stages},
};
use alloy_eips::eip7840::BlobParams;
use alloy_primitives::{Address, B256, Bytes, ChainId, U64, U256};
use foresee_execute::{AccessList, state_root};
use revm::{
    database::{CacheDB, EmptyDB},
    state::{AccountInfo, Bytecode},
};
use serde::{Deserialize, Deserializer};
use std::collections::BTreeMap;

/// A genesis state, blocks, and what must come of them.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Case {
    /// Which rules hold when.
    pub network: Network,
    /// Chain id and blob parameters.
    #[serde(default)]
    pub config: Config,
    /// The genesis block.
    #[serde(rename = "genesisRLP")]
    pub genesis_rlp: Bytes,
    /// The state after the genesis block.
    pub pre: BTreeMap<Address, CaseAccount>,
    /// Blocks to import, in this order.
    pub blocks: Vec<CaseBlock>,
    /// Hash of the head when all are imported.
    pub lastblockhash: B256,
    /// The state at the head.
    #[serde(default)]
    pub post_state: Option<BTreeMap<Address, CaseAccount>>,
}

/// Chain id and blob parameters.
#[derive(Debug, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Config {
    /// Chain id.
    #[serde(rename = "chainid", deserialize_with = "quantity")]
    pub chain_id: ChainId,
    /// Blob parameters by fork.
    #[serde(deserialize_with = "blob_schedule")]
    pub blob_schedule: BTreeMap<String, BlobParams>,
}

impl Default for Config {
    fn default() -> Self {
        Self { chain_id: 1, blob_schedule: BTreeMap::new() }
    }
}

/// An account.
#[derive(Debug, Deserialize)]
pub struct CaseAccount {
    balance: U256,
    #[serde(deserialize_with = "quantity")]
    nonce: u64,
    code: Bytes,
    storage: BTreeMap<U256, U256>,
}

/// A block to import.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CaseBlock {
    /// The block.
    pub rlp: Bytes,
    /// Why it must be rejected, if it must.
    #[serde(default)]
    pub expect_exception: Option<String>,
    /// The block access list of
    /// [EIP-7928](https://eips.ethereum.org/EIPS/eip-7928), where the fork has it.
    #[serde(default)]
    block_access_list: Option<AccessList>,
    #[serde(default, rename = "rlp_decoded")]
    rlp_decoded: Option<DecodedBlock>,
}

impl CaseBlock {
    /// The block access list that comes with the block: that of a block which must be
    /// rejected stands beside what its RLP decodes to.
    pub fn access_list(&self) -> Option<&AccessList> {
        let decoded = || self.rlp_decoded.as_ref()?.block_access_list.as_ref();
        self.block_access_list.as_ref().or_else(decoded)
    }
}

/// What else a case tells of a block that must be rejected.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DecodedBlock {
    block_access_list: Option<AccessList>,
}

/// What a case did not do as it must.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The genesis block or state is not as the case says.
    #[error("genesis: {0}")]
    Genesis(String),
    /// A valid block was rejected.
    #[error("block {0} rejected: {1}")]
    Rejected(usize, Rejected),
    /// An invalid block was accepted.
    #[error("block {0} accepted, expected {1}")]
    Accepted(usize, String),
    /// An invalid block was rejected for another reason than its own.
    #[error("block {0} rejected: {1}, expected {2}")]
    WronglyRejected(usize, Rejected, String),
    /// The head is another block.
    #[error("head {0}, expected {1}")]
    Head(B256, B256),
    /// The state at the head is another.
    #[error("wrong post-state")]
    PostState,
    /// In-order and parallel execution do not yield the same.
    #[error("parallel execution differs: {0}")]
    ParallelDiffers(String),
}

/// What cases held.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counts {
    /// Blocks accepted.
    pub accepted: usize,
    /// Of these, blocks with two transactions or more.
    pub with_several_transactions: usize,
    /// Blocks rejected before execution.
    pub rejected_before_execution: usize,
    /// Blocks rejected by execution or its results.
    pub rejected_by_execution: usize,
}

impl core::ops::AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.accepted += other.accepted;
        self.with_several_transactions += other.with_several_transactions;
        self.rejected_before_execution += other.rejected_before_execution;
        self.rejected_by_execution += other.rejected_by_execution;
    }
}

impl Case {
    /// The chain before the first block.
    ///
    /// # Errors
    ///
    /// If genesis block and state do not fit.
    pub fn chain(&self) -> Result<Chain<'_>, Failure> {
        let block =
            genesis(&self.genesis_rlp).map_err(|error| Failure::Genesis(error.to_string()))?;
        let state = state(&self.pre);
        if state_root(&state) != block.header.state_root {
            return Err(Failure::Genesis("wrong state root".to_owned()));
        }
        Ok(Chain::new(self, block.header, state))
    }
}

/// Runs a case.
///
/// # Errors
///
/// If a block is accepted or rejected against expectation, or head or state
/// come out otherwise than expected.
pub fn run(case: &Case) -> Result<Counts, Failure> {
    let mut chain = case.chain()?;
    let mut counts = Counts::default();
    for (position, block) in case.blocks.iter().enumerate() {
        match (chain.import(&block.rlp, block.access_list())?, &block.expect_exception) {
            (Ok(transactions), None) => {
                counts.accepted += 1;
                counts.with_several_transactions += usize::from(transactions > 1);
            }
            (Err(rejected), Some(exception)) => {
                let stage = rejected.stage();
                if !stages(exception).contains(&stage) {
                    return Err(Failure::WronglyRejected(position, rejected, exception.clone()));
                }
                match stage < crate::Stage::Transaction {
                    true => counts.rejected_before_execution += 1,
                    false => counts.rejected_by_execution += 1,
                }
            }
            (Ok(_), Some(exception)) => return Err(Failure::Accepted(position, exception.clone())),
            (Err(rejected), None) => return Err(Failure::Rejected(position, rejected)),
        }
    }
    if chain.head() != case.lastblockhash {
        return Err(Failure::Head(chain.head(), case.lastblockhash));
    }
    let expected = case.post_state.as_ref().map(|accounts| state_root(&state(accounts)));
    if expected.is_some() && expected != chain.header(chain.head()).map(|h| h.state_root) {
        return Err(Failure::PostState);
    }
    Ok(counts)
}

fn state(accounts: &BTreeMap<Address, CaseAccount>) -> State {
    let mut state = CacheDB::new(EmptyDB::new());
    for (&address, account) in accounts {
        // A case may put bytes into an account that could not be deployed.
        let code = Bytecode::new_raw_checked(account.code.clone())
            .unwrap_or_else(|_| Bytecode::new_legacy(account.code.clone()));
        let info = AccountInfo::new(account.balance, account.nonce, code.hash_slow(), code);
        state.insert_account_info(address, info);
        if let Some(entry) = state.cache.accounts.get_mut(&address) {
            entry.storage.extend(account.storage.iter().map(|(&slot, &value)| (slot, value)));
        }
    }
    state
}

fn quantity<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    U64::deserialize(deserializer).map(|value| value.to())
}

/// Blob parameters by fork, each number a quantity.
fn blob_schedule<'de, D>(deserializer: D) -> Result<BTreeMap<String, BlobParams>, D::Error>
where
    D: Deserializer<'de>,
{
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Schedule {
        target: U64,
        max: U64,
        base_fee_update_fraction: U64,
    }
    let schedules = BTreeMap::<String, Schedule>::deserialize(deserializer)?;
    let params = |schedule: Schedule| BlobParams {
        target_blob_count: schedule.target.to(),
        max_blob_count: schedule.max.to(),
        update_fraction: schedule.base_fee_update_fraction.to::<u64>().into(),
        ..BlobParams::cancun()
    };
    Ok(schedules.into_iter().map(|(fork, schedule)| (fork, params(schedule))).collect())
}
