//! What can go wrong with a node, told in one line that says what to do next.

use crate::Fault;
use alloy_primitives::{B256, ChainId};
use revm::database_interface::DBErrorMarker;
use std::{io, sync::Arc};

/// What went wrong with a node: which node, and what.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{node}: {fault}")]
pub struct RpcError {
    /// Scheme and host of the node. Path and query are left out: they often hold keys.
    pub node: String,
    /// What went wrong.
    #[source]
    pub fault: Arc<RpcFault>,
}

impl DBErrorMarker for RpcError {}

/// What went wrong with a node.
#[derive(Debug, thiserror::Error)]
pub enum RpcFault {
    /// The address is none.
    #[error("not the address of a node, which begins with http://, https://, ws:// or wss://")]
    Address,
    /// The threads that wait for answers could not be started.
    #[error("cannot start: {0}")]
    Start(io::Error),
    /// The node cannot be reached, or the connection was cut.
    #[error("{method}: no connection: {reason}")]
    Connection {
        /// What was asked.
        method: String,
        /// Why not.
        reason: String,
    },
    /// There was no answer in time.
    #[error("{method}: no answer within {seconds} s")]
    Timeout {
        /// What was asked.
        method: String,
        /// The limit.
        seconds: f32,
    },
    /// The node answered with an HTTP status that is an error.
    #[error("{method}: HTTP status {status}{}", http_advice(*status))]
    Http {
        /// What was asked.
        method: String,
        /// The status.
        status: u16,
    },
    /// The answer is not what the method answers.
    #[error("{method}: the answer makes no sense: {reason}")]
    Answer {
        /// What was asked.
        method: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The node does not have the method.
    #[error("{method}: the node does not offer this method")]
    NoMethod {
        /// What was asked.
        method: String,
    },
    /// The node refused.
    #[error("{method}: the node refuses: {message} (code {code})")]
    Refused {
        /// What was asked.
        method: String,
        /// JSON-RPC error code.
        code: i64,
        /// The node's words.
        message: String,
    },
    /// The node does not know the block.
    #[error("there is no block {0} here")]
    NoBlock(String),
    /// The node does not know the transaction.
    #[error("transaction {0} is neither in a block nor in the pool here")]
    NoTransaction(B256),
    /// The first block has no state before it.
    #[error("block 0 has no parent and executes nothing")]
    Genesis,
    /// The node no longer has the state before the block.
    #[error(
        "no state before block {number}: {reason}; for blocks this old, ask a node that keeps the history (an archive node)"
    )]
    NoState {
        /// The block whose parent state was asked for.
        number: u64,
        /// The node's words.
        reason: String,
    },
    /// The block is no longer part of the chain.
    #[error(
        "block {number} was {expected} and is now {found}: the chain was reorganised meanwhile, try again"
    )]
    Reorganised {
        /// Its number.
        number: u64,
        /// The block that was being worked on.
        expected: B256,
        /// The block that has taken its place.
        found: B256,
    },
    /// Two things that should belong to one chain do not.
    #[error("{what} is of chain {found}, the node says it is of chain {expected}")]
    Chain {
        /// What belongs elsewhere.
        what: String,
        /// The node's chain.
        expected: ChainId,
        /// The chain found.
        found: ChainId,
    },
    /// The fork that a block follows cannot be told.
    #[error(
        "cannot tell the fork of block {number} of chain {chain}, name it with --fork: {reason}"
    )]
    Fork {
        /// The chain.
        chain: ChainId,
        /// The block.
        number: u64,
        /// What is ambiguous.
        reason: String,
    },
    /// The block is not what its hash says, or lacks what its fork demands.
    #[error("block {number}: {fault}")]
    Block {
        /// The block.
        number: u64,
        /// What is wrong with it.
        fault: Fault,
    },
}

/// What to do about an HTTP status.
const fn http_advice(status: u16) -> &'static str {
    match status {
        401 | 403 => " (does the address lack its key?)",
        404 => " (is the path of the address right?)",
        429 => " (too many requests: try again later, or lower --rpc-batch)",
        _ => "",
    }
}
