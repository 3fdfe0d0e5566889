//! A block of a node, and the state before it.

use super::{BlockChoice, Node, RpcError, RpcFault, RpcState, StateRead};
use crate::{ChainRules, Fault, LoadedBlock, Snapshot, SnapshotBlock};
use alloy_primitives::{Address, B256, ChainId, U64};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// A block of a node, and the state before it.
#[derive(Debug)]
pub struct RpcBlock {
    /// The rules that it follows.
    pub chain: ChainRules,
    /// The block.
    pub block: SnapshotBlock,
    /// The state before it, read as it is asked for.
    pub state: RpcState,
}

impl Node {
    /// The chain that the node is on.
    ///
    /// # Errors
    ///
    /// If the node does not answer.
    pub fn chain_id(&self) -> Result<ChainId, RpcError> {
        self.call::<U64>("eth_chainId", json!([])).map(|id| id.to())
    }

    /// A block. Its state is not read yet. The fork follows from the chain where that
    /// is known, else from what the node says and from the header, unless one is named.
    ///
    /// # Errors
    ///
    /// If the node does not answer, there is no such block, it is not what its hash
    /// says, or nobody can tell which fork it follows.
    pub fn block(&self, choice: BlockChoice, fork: Option<&str>) -> Result<RpcBlock, RpcError> {
        let block = match choice {
            BlockChoice::Pending => self.pending()?,
            _ => self.mined(choice)?,
        };
        self.with_state(block, fork)
    }

    /// A block with the rules that it follows and the state before it.
    pub(super) fn with_state(
        &self,
        block: SnapshotBlock,
        fork: Option<&str>,
    ) -> Result<RpcBlock, RpcError> {
        if block.number == 0 {
            return Err(self.error(RpcFault::Genesis));
        }
        let chain_id = self.chain_id()?;
        self.check_chain(&block, chain_id)?;
        let chain = self.rules(&block, chain_id, fork)?;
        let state = RpcState::new(self.clone(), block.number, block.hash, block.parent_hash);
        Ok(RpcBlock { chain, block, state })
    }

    /// A block of the chain, checked against its hash.
    pub(super) fn mined(&self, choice: BlockChoice) -> Result<SnapshotBlock, RpcError> {
        let (method, name) = choice.request();
        let block: Option<SnapshotBlock> = self.call(method, json!([name, true]))?;
        let none = || self.error(RpcFault::NoBlock(choice.to_string()));
        let block = block.ok_or_else(none)?;
        let wrong = |field: &str, reason: String| {
            let fault = Fault::field(field, reason);
            self.error(RpcFault::Block { number: block.number, fault })
        };
        let computed = block.header().hash_slow();
        match (choice, block.hash) {
            (_, Some(hash)) if hash != computed => {
                Err(wrong("hash", format!("{hash}, but the header hashes to {computed}")))
            }
            (_, None) => Err(wrong("hash", "missing".to_owned())),
            (BlockChoice::Hash(wanted), Some(hash)) if hash != wanted => {
                Err(wrong("hash", format!("{hash}, asked for was {wanted}")))
            }
            (BlockChoice::Number(wanted), _) if block.number != wanted => {
                Err(wrong("number", format!("asked for was {wanted}")))
            }
            _ => Ok(block),
        }
    }

    /// The block that the node would build now. What is not settled yet is null in it,
    /// and its results are promised by nobody.
    fn pending(&self) -> Result<SnapshotBlock, RpcError> {
        let (method, name) = BlockChoice::Pending.request();
        let block: Option<Map<String, Value>> = self.call(method, json!([name, true]))?;
        let none = || self.error(RpcFault::NoBlock(BlockChoice::Pending.to_string()));
        let mut block = block.ok_or_else(none)?;
        block.retain(|_, value| !value.is_null());
        if !block.contains_key("number") {
            let latest = self.mined(BlockChoice::Latest)?;
            block.insert("number".to_owned(), json!(format!("{:#x}", latest.number + 1)));
            block.insert("parentHash".to_owned(), json!(latest.hash));
        }
        block.entry("miner").or_insert_with(|| json!(Address::ZERO));
        block.entry("mixHash").or_insert_with(|| json!(B256::ZERO));
        let understood: Result<SnapshotBlock, _> = serde_json::from_value(block.into());
        let mut block = understood.map_err(|error| {
            self.error(RpcFault::Answer { method: method.to_owned(), reason: error.to_string() })
        })?;
        (block.hash, block.receipts_root) = (None, B256::ZERO);
        Ok(block)
    }

    /// A node behind which several chains are mixed up shows in the transactions.
    fn check_chain(&self, block: &SnapshotBlock, expected: ChainId) -> Result<(), RpcError> {
        for (index, tx) in block.transactions.iter().enumerate() {
            if let Some(found) = tx.chain_id.filter(|found| *found != expected) {
                let what = format!("transaction {index} of block {}", block.number);
                return Err(self.error(RpcFault::Chain { what, expected, found }));
            }
        }
        Ok(())
    }
}

impl RpcBlock {
    /// The block ready for execution. The state in it is empty: execute over
    /// [`state`](Self::state).
    ///
    /// # Errors
    ///
    /// If the block lacks what its fork demands.
    pub fn load(&self) -> Result<LoadedBlock, RpcError> {
        self.load_over(BTreeMap::new(), BTreeMap::new())
    }

    /// The block ready for execution over what has been read of the state.
    ///
    /// # Errors
    ///
    /// If the block lacks what its fork demands.
    pub fn load_held(&self) -> Result<LoadedBlock, RpcError> {
        let (prestate, block_hashes) = self.state.prestate();
        self.load_over(prestate, block_hashes)
    }

    /// The block with what has been read of the state.
    pub fn snapshot(&self) -> Snapshot {
        let (prestate, block_hashes) = self.state.prestate();
        Snapshot { chain: self.chain.clone(), block: self.block.clone(), prestate, block_hashes }
    }

    fn load_over(
        &self,
        prestate: BTreeMap<Address, crate::SnapshotAccount>,
        block_hashes: BTreeMap<u64, B256>,
    ) -> Result<LoadedBlock, RpcError> {
        let (chain, block) = (self.chain.clone(), self.block.clone());
        let snapshot = Snapshot { chain, block, prestate, block_hashes };
        let number = self.block.number;
        let wrong = |fault| self.state.node().error(RpcFault::Block { number, fault });
        snapshot.into_block().map_err(wrong)
    }

    /// What can be told without executing that the block will read: its accounts,
    /// their code, and its access lists.
    pub fn evident_reads(&self) -> BTreeSet<StateRead> {
        let mut reads = BTreeSet::from([StateRead::Account(self.block.beneficiary)]);
        for tx in &self.block.transactions {
            reads.extend([tx.from, tx.to].into_iter().flatten().map(StateRead::Account));
            for item in tx.access_list.iter().flat_map(|list| &list.0) {
                reads.insert(StateRead::Account(item.address));
                let slots = item.storage_keys.iter();
                reads.extend(slots.map(|slot| StateRead::Slot(item.address, (*slot).into())));
            }
        }
        let withdrawals = self.block.withdrawals.iter().flatten();
        reads.extend(withdrawals.map(|withdrawal| StateRead::Account(withdrawal.address)));
        reads
    }
}
