//! Why a prediction is incomplete.

use crate::state::Want;
use alloy_primitives::Address;
use core::fmt;
use revm::context_interface::result::InvalidTransaction;

/// Something that a prediction could not find out. Accesses before it are
/// predicted, accesses behind it may be missing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unknown {
    /// A value that was not at hand.
    Value(Want),
    /// The transaction ran into the limit on blocks of code entered.
    StepLimit,
    /// The transaction may use more gas than is counted: 2^63 and more.
    GasLimit,
    /// The code of this account, so many bytes, is not compiled yet, and no more may be
    /// compiled here.
    NotCompiled(Address, usize),
    /// There are more paths through the transaction than are followed.
    PathLimit,
    /// Something that depends on a value that was not at hand, in words.
    Depends(&'static str),
    /// A call of code that is not known, in words.
    Callee(String),
    /// A precompile reported an internal error.
    Precompile(Address),
    /// The transaction cannot be included as things are predicted to stand.
    Invalid(InvalidTransaction),
    /// The fork's gas rules are not modelled.
    Fork,
    /// Nothing was started that could run.
    NoFrame,
}

impl fmt::Display for Unknown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Value(Want::Account(address)) => write!(f, "account {address} is not at hand"),
            Self::Value(Want::Slot(address, slot)) => {
                write!(f, "the value of {address}[{slot:#x}] is not at hand")
            }
            Self::Value(Want::Code(hash)) => write!(f, "the code {hash} is not at hand"),
            Self::Value(Want::BlockHash(number)) => {
                write!(f, "the hash of block {number} is not at hand")
            }
            Self::Value(Want::Precompile(address)) => {
                write!(f, "the result of precompile {address} is not at hand")
            }
            Self::StepLimit => write!(f, "the limit on steps was reached"),
            Self::GasLimit => write!(f, "the gas limit is beyond any block's"),
            Self::NotCompiled(account, bytes) => {
                write!(f, "the code of {account}, {bytes} bytes, is not compiled yet")
            }
            Self::PathLimit => write!(f, "the limit on paths was reached"),
            Self::Depends(what) => write!(f, "{what} depends on storage"),
            Self::Callee(callee) => write!(f, "calls {callee}"),
            Self::Precompile(address) => write!(f, "precompile {address} failed"),
            Self::Invalid(reason) => write!(f, "the transaction looks invalid: {reason}"),
            Self::Fork => write!(f, "the rules of this fork are not modelled"),
            Self::NoFrame => write!(f, "nothing to run"),
        }
    }
}
