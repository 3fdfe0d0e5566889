//! Execution records: what is left of a block after it was executed, so that anyone
//! can check it, understand it, and execute it again in parallel without guessing.
//!
//! An access list ([EIP-7928](https://eips.ethereum.org/EIPS/eip-7928)) tells what a
//! block reads, but not which transaction does, so it cannot tell what waits for what.
//! A record can: it holds the sets of every transaction, predicted and observed. Values
//! are in the list, whose hash the record carries.
//!
//! Everything but [`Record::run`] is a function of block and state: no clock, thread or
//! schedule shows in it. A record is written as JSON ([`Record::to_json`]), with all
//! that follows from it spelled out (`differences`: where predictions were wrong, and
//! why; `true_dependencies` and `predicted_dependencies`: what waited for what, with the
//! locations behind it), or in a compact binary form ([`Record::to_bytes`]). Both carry the version of the format and a digest, so that a
//! record that was damaged is an error and not a wrong answer. Nobody has to trust one
//! even so: whatever is executed by a record is validated like everything else.

mod dependencies;
mod document;
mod identity;
mod list_hash;
mod numbers;
mod run;
mod uses;
mod varint;
mod wire;

pub use dependencies::{Cause, Dependencies};
pub use identity::BlockIdentity;
pub use list_hash::AccessListHash;
pub use run::{Incarnation, Run, Stint};

use crate::{Block, BlockOutput, Observed};
use foresee_access::{AccessSet, Location};
use foresee_schedule::{DependencyDag, Node};
use serde::{Deserialize, Serialize};

/// The version of the record format, which changes with any change to either form.
pub const RECORD_VERSION: u64 = 5;

/// What a block accessed when it was executed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// Which block it is.
    pub block: BlockIdentity,
    /// Hash of the block access list.
    pub access_list_hash: AccessListHash,
    /// What the predictions were made on, where there are any.
    pub basis: Basis,
    /// The transactions in block order, refused ones included.
    pub transactions: Vec<TransactionRecord>,
    /// How the block was executed when it was recorded.
    pub run: Run,
}

/// What one transaction accessed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TransactionRecord {
    /// How it ended.
    pub status: Status,
    /// Gas used, refunds taken off; none if it was refused.
    pub gas_used: u64,
    /// What it read and wrote; nothing if it was refused.
    pub observed: Observed,
    /// What was predicted of it, if anything was.
    pub predicted: Option<Forecast>,
}

/// On which state transactions were predicted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// In block order, each on the state before the block and the predicted writes of the
    /// transactions before it.
    #[default]
    BlockOrder,
    /// Each alone, on the state before the block: as it is done before the block is there.
    Alone,
}

/// How a transaction ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// It succeeded.
    Succeeded,
    /// It was included and failed.
    Failed,
    /// The block could not include it, with the reason.
    Refused(String),
}

/// What was predicted of a transaction.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Forecast {
    /// What it reads and writes.
    pub access: AccessSet,
    /// Gas used, refunds taken off.
    pub gas_used: u64,
    /// What could not be found out, in words; empty if the prediction is complete.
    pub unknown: Vec<String>,
}

/// Why a record cannot be read, or is not that of a block.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// It is not a record, or only a part of one.
    #[error("not a record: {0}")]
    Format(String),
    /// It is of a version that is not supported.
    #[error("version {found} of the record format, only {RECORD_VERSION} is supported")]
    Version {
        /// Its version.
        found: u64,
    },
    /// Its content does not have the digest that it carries, or parts that follow from
    /// others do not.
    #[error("the record was altered: {0}")]
    Altered(&'static str),
}

fn bad(what: &str) -> RecordError {
    RecordError::Format(what.to_owned())
}

impl Record {
    /// Records an executed block. `observed` is one set for each transaction; there is one
    /// forecast for each too, or none.
    pub fn new(
        block: &Block,
        output: &BlockOutput,
        observed: Vec<Observed>,
        (basis, forecasts): (Basis, impl IntoIterator<Item = Forecast>),
        access_list_hash: AccessListHash,
        run: Run,
    ) -> Self {
        let mut forecasts = forecasts.into_iter();
        let endings = output.statuses().zip(output.gas_by_transaction());
        let transactions =
            observed.into_iter().zip(endings).map(|(observed, (status, gas))| TransactionRecord {
                status,
                gas_used: gas.unwrap_or_default(),
                observed,
                predicted: forecasts.next(),
            });
        Self {
            transactions: transactions.collect(),
            block: BlockIdentity::of(block),
            access_list_hash,
            basis,
            run,
        }
    }

    /// Reads either form; JSON begins with a brace.
    ///
    /// # Errors
    ///
    /// If it is not a record, whole, unaltered and of this version.
    pub fn read(bytes: &[u8]) -> Result<Self, RecordError> {
        if !bytes.trim_ascii_start().starts_with(b"{") {
            return Self::from_bytes(bytes);
        }
        let json = core::str::from_utf8(bytes);
        Self::from_json(json.map_err(|error| RecordError::Format(error.to_string()))?)
    }

    /// What really waited for what.
    pub fn true_dag(&self) -> DependencyDag {
        DependencyDag::build(&self.true_nodes())
    }

    /// What a DAG has to know of what each transaction really did.
    pub fn true_nodes(&self) -> Vec<Node<'_>> {
        (0..self.transactions.len()).map(|position| self.true_node(position)).collect()
    }

    /// The same of the transaction at this position.
    ///
    /// # Panics
    ///
    /// If there is none.
    pub fn true_node(&self, position: usize) -> Node<'_> {
        let one = &self.transactions[position];
        self.node(&one.observed, one.gas_used, true)
    }

    /// What was predicted to wait for what, if every transaction was predicted.
    pub fn predicted_dag(&self) -> Option<DependencyDag> {
        let forecasts = self.transactions.iter().map(|one| one.predicted.as_ref());
        let forecasts: Vec<&Forecast> = forecasts.collect::<Option<_>>()?;
        let nodes: Vec<_> = forecasts
            .into_iter()
            .map(|one| self.node(&one.access, one.gas_used, one.unknown.is_empty()))
            .collect();
        Some(DependencyDag::build(&nodes))
    }

    /// Whoever looks at the balance that every transaction pays its fee into comes
    /// after all of them.
    fn node<'a>(&self, access: &'a AccessSet, gas: u64, is_complete: bool) -> Node<'a> {
        let fees = Location::balance(self.block.beneficiary);
        let in_order = !is_complete || access.orders_by(&fees);
        Node { access, gas, in_order }
    }
}
