//! Why a block is rejected, and at which step an expected rejection must come.

use foresee_execute::{AccessListFault, InvalidTransaction};

/// Why a block is not valid.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Rejected {
    /// It is not the RLP of a block.
    #[error("decoding: {0}")]
    Decoding(String),
    /// Its header does not follow from its parent's.
    #[error("header: {0}")]
    Header(String),
    /// Its transactions, ommers or withdrawals are not those of the header, or
    /// may not be in a block.
    #[error("body: {0}")]
    Body(String),
    /// A transaction cannot be included.
    #[error("transaction {}: {}", .0.index, .0.reason)]
    Transaction(InvalidTransaction),
    /// A transaction has no sender.
    #[error("transaction {index}: {reason}")]
    Sender {
        /// Its position.
        index: usize,
        /// Why.
        reason: String,
    },
    /// It cannot be executed.
    #[error("execution: {0}")]
    Execution(String),
    /// Its execution does not yield what the header says.
    #[error("result: {0}")]
    Result(String),
    /// Its access list is not what execution shows, or not that of the header.
    #[error("access list: {0}")]
    AccessList(Box<AccessListFault>),
}

/// The steps of an import.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// Decoding.
    Decoding,
    /// Checking the header against its parent.
    Header,
    /// Checking the body against the header.
    Body,
    /// Including the transactions.
    Transaction,
    /// Executing what the protocol does around the transactions.
    Execution,
    /// Comparing the results with the header.
    Result,
    /// Checking order and uniqueness of the access list.
    AccessListStructure,
    /// Checking the size of the access list against the gas limit.
    AccessListItems,
    /// Comparing the access list with what execution shows.
    AccessListContent,
    /// Comparing the access list with the header's hash.
    AccessListHash,
}

impl Rejected {
    /// The step that rejected the block.
    pub const fn stage(&self) -> Stage {
        match self {
            Self::Decoding(_) => Stage::Decoding,
            Self::Header(_) => Stage::Header,
            Self::Body(_) => Stage::Body,
            Self::Transaction(_) | Self::Sender { .. } => Stage::Transaction,
            Self::Execution(_) => Stage::Execution,
            Self::Result(_) => Stage::Result,
            Self::AccessList(fault) => match **fault {
                AccessListFault::Structure(_) => Stage::AccessListStructure,
                AccessListFault::Items(_) => Stage::AccessListItems,
                AccessListFault::Divergence(_) => Stage::AccessListContent,
                AccessListFault::Hash(_) => Stage::AccessListHash,
            },
        }
    }
}

/// The steps at which a block with an expected exception may be rejected. A
/// case names alternatives separated by `|`.
pub fn stages(exception: &str) -> Vec<Stage> {
    let mut stages: Vec<_> = exception.split('|').flat_map(stages_of).copied().collect();
    stages.sort_unstable();
    stages.dedup();
    stages
}

fn stages_of(exception: &str) -> &'static [Stage] {
    match exception.split_once('.') {
        Some(("TransactionException", _)) => &[Stage::Decoding, Stage::Transaction],
        Some(("BlockException", name)) => match name {
            "SYSTEM_CONTRACT_CALL_FAILED"
            | "SYSTEM_CONTRACT_EMPTY"
            | "INVALID_DEPOSIT_EVENT_LAYOUT" => &[Stage::Execution],
            "INVALID_REQUESTS"
            | "INVALID_STATE_ROOT"
            | "INVALID_RECEIPTS_ROOT"
            | "INVALID_LOG_BLOOM"
            | "INVALID_GAS_USED" => &[Stage::Result],
            "INCORRECT_BLOCK_FORMAT" => {
                &[Stage::Decoding, Stage::Header, Stage::AccessListStructure]
            }
            "INVALID_BLOCK_ACCESS_LIST" => &[Stage::AccessListStructure, Stage::AccessListContent],
            "BLOCK_ACCESS_LIST_GAS_LIMIT_EXCEEDED" => &[Stage::AccessListItems],
            "INVALID_BAL_HASH" => &[Stage::AccessListHash],
            _ => &[Stage::Decoding, Stage::Header, Stage::Body],
        },
        _ => &[],
    }
}
