//! What goes into the execution of a block, and what comes out.

use crate::Status;
use alloy_consensus::{EthereumReceipt, Header};
use alloy_eips::{eip4895::Withdrawal, eip7685::Requests};
use alloy_primitives::{Address, B256};
use foresee_access::TxIndex;
use revm::{
    context::{BlockEnv, CfgEnv, TxEnv},
    database::BundleState,
};

/// A block, ready to be executed: environment, transactions, and the protocol's
/// own changes around them. State is passed beside it.
#[derive(Clone, Debug)]
pub struct Block {
    /// Rules: fork, chain id, blob parameters.
    pub cfg: CfgEnv,
    /// Number, beneficiary, timestamp, gas limit, fees.
    pub env: BlockEnv,
    /// Transactions in block order, senders recovered.
    pub transactions: Vec<TxEnv>,
    /// What the protocol changes before and after the transactions.
    pub protocol: Protocol,
}

/// The protocol's own changes to the state, before and after the transactions.
#[derive(Clone, Debug, Default)]
pub struct Protocol {
    /// Hash of the parent block, stored by
    /// [EIP-2935](https://eips.ethereum.org/EIPS/eip-2935) from Prague on.
    pub parent_hash: B256,
    /// Root of the parent beacon block, stored by
    /// [EIP-4788](https://eips.ethereum.org/EIPS/eip-4788) from Cancun on.
    pub parent_beacon_block_root: Option<B256>,
    /// Uncles, rewarded before the merge.
    pub ommers: Vec<Header>,
    /// Withdrawals, credited from Shanghai on
    /// ([EIP-4895](https://eips.ethereum.org/EIPS/eip-4895)).
    pub withdrawals: Vec<Withdrawal>,
    /// The contract whose logs are deposits from Prague on
    /// ([EIP-6110](https://eips.ethereum.org/EIPS/eip-6110)).
    pub deposit_contract: Option<Address>,
    /// Whether this is the block that carries the DAO fork's irregular state
    /// change ([EIP-779](https://eips.ethereum.org/EIPS/eip-779)), made before
    /// anything else.
    pub dao_fork: bool,
    /// Blob gas that the transactions may use together, if there is a limit
    /// ([EIP-7840](https://eips.ethereum.org/EIPS/eip-7840)). The limit for a
    /// single transaction is in the [`CfgEnv`].
    pub max_blob_gas: Option<u64>,
    /// Whether the state is known to hold the request contracts from Prague on,
    /// so that a missing one makes the block invalid, as
    /// [EIP-7002](https://eips.ethereum.org/EIPS/eip-7002) and
    /// [EIP-7251](https://eips.ethereum.org/EIPS/eip-7251) demand. A snapshot
    /// holds only what its transactions read: there a contract without code
    /// yields no requests.
    pub request_contracts_required: bool,
}

/// What the execution of a block yields. In-order and parallel execution of the
/// same block yield equal outputs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockOutput {
    /// Receipts of the included transactions, in block order.
    pub receipts: Vec<EthereumReceipt>,
    /// Transactions that could not be included, with the reason, in block order.
    /// They change nothing and burn no gas.
    pub invalid: Vec<InvalidTransaction>,
    /// Requests to the consensus layer
    /// ([EIP-7685](https://eips.ethereum.org/EIPS/eip-7685)).
    pub requests: Requests,
    /// Gas used by all included transactions.
    pub gas_used: u64,
    /// Blob gas used by all included transactions.
    pub blob_gas_used: u64,
    /// Every change to the state, with reverts.
    pub state: BundleState,
}

impl BlockOutput {
    /// How each transaction ended, in block order.
    pub fn statuses(&self) -> impl Iterator<Item = Status> {
        let mut refused = self.invalid.iter().peekable();
        let mut receipts = self.receipts.iter();
        (0..self.receipts.len() + self.invalid.len()).map(TxIndex::new).map(move |index| {
            match refused.next_if(|refused| refused.index == index) {
                Some(refused) => Status::Refused(refused.reason.to_string()),
                None if receipts.next().is_some_and(|receipt| receipt.success) => Status::Succeeded,
                None => Status::Failed,
            }
        })
    }

    /// Gas used by each transaction in block order, refused ones included, which used
    /// none.
    pub fn gas_by_transaction(&self) -> impl Iterator<Item = Option<u64>> {
        let mut invalid = self.invalid.iter().map(|invalid| invalid.index).peekable();
        let mut cumulative = self.receipts.iter().map(|receipt| receipt.cumulative_gas_used);
        let mut before = 0;
        (0..self.receipts.len() + self.invalid.len()).map(TxIndex::new).map(move |index| {
            if invalid.next_if_eq(&index).is_some() {
                return None;
            }
            let after = cumulative.next()?;
            Some(after - core::mem::replace(&mut before, after))
        })
    }
}

/// A transaction that the block cannot include.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidTransaction {
    /// Its position in the block's transactions.
    pub index: TxIndex,
    /// Why it cannot be included.
    pub reason: InvalidReason,
}

/// Why a transaction cannot be included.
///
/// Where several reasons apply, the first of these is given: a type that does
/// not exist or a creation by a type that cannot create, the block's gas, the
/// block's blob gas, then what revm's validation finds.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidReason {
    /// revm's validation refused it (nonce, balance, fee, type, intrinsic gas …).
    #[error("{0}")]
    Transaction(revm::context_interface::result::InvalidTransaction),
    /// Its gas limit exceeds what earlier transactions left of the block's.
    #[error("gas limit {gas_limit} exceeds the {available} gas left in the block")]
    BlockGas {
        /// The transaction's gas limit.
        gas_limit: u64,
        /// Gas left in the block.
        available: u64,
    },
    /// Its blobs exceed what earlier transactions left of the block's blob gas.
    #[error("{blob_gas} blob gas exceeds the {available} left in the block")]
    BlobGas {
        /// The transaction's blob gas.
        blob_gas: u64,
        /// Blob gas left in the block.
        available: u64,
    },
}

/// Why a block could not be executed at all. No partial result exists.
#[derive(Debug, thiserror::Error)]
pub enum ExecuteError<E> {
    /// The state could not be read.
    #[error("reading the state: {0}")]
    Database(E),
    /// A system call that must succeed did not
    /// ([EIP-7002](https://eips.ethereum.org/EIPS/eip-7002),
    /// [EIP-7251](https://eips.ethereum.org/EIPS/eip-7251), EIP-4788, EIP-2935).
    #[error("system call to {contract}: {reason}")]
    SystemCall {
        /// The system contract.
        contract: Address,
        /// What went wrong.
        reason: String,
    },
    /// A log of the deposit contract does not have the layout of a deposit.
    #[error("deposit log: {0}")]
    Deposit(String),
    /// The environment lacks something that the fork demands.
    #[error("header: {0}")]
    Header(String),
    /// revm failed for a reason that is neither the transaction's nor the
    /// state's, such as a precompile's internal error.
    #[error("revm: {0}")]
    Evm(String),
    /// It was [cancelled](crate::CancelToken).
    #[error("cancelled")]
    Cancelled,
}
