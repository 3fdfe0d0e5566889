//! Why a block could not be generated.

use alloy_primitives::Address;

/// Why a block could not be generated.
#[derive(Debug, thiserror::Error)]
pub enum GenerateError {
    /// No scenario has this name.
    #[error("unknown scenario {0:?}")]
    UnknownScenario(String),
    /// More transactions than [`TXS_MAX`](crate::TXS_MAX).
    #[error("{txs} transactions are more than the {max} a block may have")]
    TooManyTransactions {
        /// How many were asked for.
        txs: usize,
        /// How many there may be.
        max: usize,
    },
    /// An embedded contract is not what the build writes.
    #[error("contract {name}: {reason}")]
    Contract {
        /// The contract.
        name: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// A transaction of the set-up was refused or failed.
    #[error("set-up of {to:?}: {reason}")]
    Setup {
        /// The account called, none for a creation.
        to: Option<Address>,
        /// What went wrong.
        reason: String,
    },
    /// A derived key is none, or cannot sign.
    #[error("signing: {0}")]
    Sign(String),
    /// The finished block could not be executed.
    #[error("executing the block: {0}")]
    Execute(String),
    /// A generated transaction turned out to be invalid.
    #[error("transaction {index} is invalid: {reason}")]
    Invalid {
        /// Its position.
        index: usize,
        /// Why it cannot be included.
        reason: String,
    },
}

impl GenerateError {
    pub(crate) fn execute(error: impl ToString) -> Self {
        Self::Execute(error.to_string())
    }
}
