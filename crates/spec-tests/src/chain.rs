//! The tree of blocks of a case, and its head.

use crate::{
    Case, Failure, SpecBlock,
    import::{
        body::{self, NetworkBlock},
        execution::{self, State},
        header::{self, Context},
        ommers,
        rejection::Rejected,
    },
};
use alloy_consensus::Header;
use alloy_primitives::{B256, U256};
use foresee_execute::AccessList;
use foresee_source::Rules;
use revm::primitives::hardfork::SpecId;
use std::collections::BTreeMap;

/// All valid blocks so far, on whatever branch.
#[derive(Debug)]
pub struct Chain<'a> {
    case: &'a Case,
    blocks: BTreeMap<B256, Imported>,
    head: B256,
}

/// A valid block.
#[derive(Debug)]
struct Imported {
    header: Header,
    /// Hashes of its ommers.
    ommers: Vec<B256>,
    /// Of it and its ancestors.
    total_difficulty: U256,
    /// The state after it, with the hashes of its ancestors.
    state: State,
}

impl<'a> Chain<'a> {
    /// A chain of nothing but the genesis block.
    pub(crate) fn new(case: &'a Case, genesis: Header, state: State) -> Self {
        let hash = genesis.hash_slow();
        let imported = Imported {
            total_difficulty: genesis.difficulty,
            header: genesis,
            ommers: Vec::new(),
            state,
        };
        Self { case, blocks: BTreeMap::from([(hash, imported)]), head: hash }
    }

    /// Hash of the block at the end of the heaviest branch.
    pub const fn head(&self) -> B256 {
        self.head
    }

    /// The header of a valid block.
    pub(crate) fn header(&self, hash: B256) -> Option<&Header> {
        self.blocks.get(&hash).map(|block| &block.header)
    }

    /// Hashes of the ommers of a valid block.
    pub(crate) fn ommers(&self, hash: B256) -> &[B256] {
        self.blocks.get(&hash).map_or(&[], |block| &block.ommers)
    }

    /// A block and those before it, the latest first.
    pub(crate) fn ancestors(&self, hash: B256) -> impl Iterator<Item = (B256, &Header)> {
        let mut next = hash;
        core::iter::from_fn(move || {
            let (hash, header) = (next, self.header(next)?);
            next = header.parent_hash;
            Some((hash, header))
        })
    }

    /// The rules of a block with this header.
    pub(crate) fn rules(&self, header: &Header) -> Rules {
        let parent_difficulty =
            self.blocks.get(&header.parent_hash).map_or(U256::ZERO, |block| block.total_difficulty);
        let moment = (header.number, header.timestamp);
        let config = &self.case.config;
        self.case.network.rules(&config.blob_schedule, config.chain_id, moment, parent_difficulty)
    }

    /// What else the validity of a header depends on.
    pub(crate) fn context<'b>(&self, rules: &'b Rules, header: &Header) -> Context<'b> {
        Context {
            rules,
            dao_block: self.case.network.dao_block(),
            london_starts: self.case.network.london_block() == Some(header.number),
        }
    }

    /// Decodes a block and checks what comes before its execution.
    ///
    /// # Errors
    ///
    /// If the block is not valid.
    pub fn check(&self, rlp: &[u8]) -> Result<SpecBlock, Rejected> {
        let block = body::decode(rlp)?;
        let rules = self.check_header(&block.header).map_err(Rejected::Header)?;
        if !rules.spec.is_enabled_in(SpecId::MERGE) {
            ommers::check(self, &block.header, &block.body.ommers).map_err(Rejected::Body)?;
        }
        let parent = block.header.parent_hash;
        let mut state =
            self.blocks.get(&parent).map(|block| block.state.clone()).unwrap_or_default();
        let parent_number = U256::from(block.header.number - 1);
        state.cache.block_hashes.insert(parent_number, parent);
        execution::ready(block, rules, state)
    }

    fn check_header(&self, header: &Header) -> Result<Rules, String> {
        let parent = self.header(header.parent_hash).ok_or("the parent is unknown")?;
        let rules = self.rules(header);
        header::check(header, parent, &self.context(&rules, header))?;
        Ok(rules)
    }

    /// Imports a block: checks it, executes it, and adds it to the tree. The block
    /// access list is what the consensus layer passes on beside the block
    /// ([EIP-7928](https://eips.ethereum.org/EIPS/eip-7928)).
    ///
    /// # Errors
    ///
    /// If in-order and parallel execution differ. That a block is rejected is
    /// no such error.
    pub fn import(
        &mut self,
        rlp: &[u8],
        access_list: Option<&AccessList>,
    ) -> Result<Result<usize, Rejected>, Failure> {
        let ready = match self.check(rlp) {
            Ok(ready) => ready,
            Err(rejected) => return Ok(Err(rejected)),
        };
        let (header, transactions) = (ready.network.header.clone(), ready.block.transactions.len());
        let ommers = ready.block.protocol.ommers.iter().map(Header::hash_slow).collect();
        match execution::execute(ready, access_list)? {
            Ok(state) => self.add(header, ommers, state),
            Err(rejected) => return Ok(Err(rejected)),
        }
        Ok(Ok(transactions))
    }

    /// Adds a valid block. It becomes the head if its branch is the heaviest; a
    /// block without proof of work, if the consensus layer chose it.
    fn add(&mut self, header: Header, ommers: Vec<B256>, state: State) {
        let difficulty = |hash| self.blocks.get(&hash).map_or(U256::ZERO, |b| b.total_difficulty);
        let total_difficulty = difficulty(header.parent_hash) + header.difficulty;
        let hash = header.hash_slow();
        if total_difficulty > difficulty(self.head) || header.difficulty.is_zero() {
            self.head = hash;
        }
        self.blocks.insert(hash, Imported { header, ommers, total_difficulty, state });
    }
}

/// Decodes the header of the genesis block.
pub(crate) fn genesis(rlp: &[u8]) -> Result<NetworkBlock, Rejected> {
    body::decode(rlp)
}
