//! A transaction as JSON-RPC writes it, of any type.

use crate::Fault;
use alloy_consensus::{
    EthereumTxEnvelope, EthereumTypedTransaction, TxEip1559, TxEip2930, TxEip4844, TxEip7702,
    TxLegacy, TxType, transaction::SignerRecoverable,
};
use alloy_eips::{eip2930::AccessList, eip7702::SignedAuthorization};
use alloy_primitives::{Address, B256, Bytes, ChainId, Signature, TxKind, U256, normalize_v};
use alloy_serde::quantity;
use serde::{Deserialize, Serialize};

/// A legacy signature's `v` from this value on holds the chain id
/// ([EIP-155](https://eips.ethereum.org/EIPS/eip-155)).
const EIP155_V_MIN: u64 = 35;

/// A transaction of any type. Fields that its type lacks are absent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SnapshotTransaction {
    /// [EIP-2718](https://eips.ethereum.org/EIPS/eip-2718) type; absent means legacy.
    #[serde(default, rename = "type", with = "quantity")]
    pub tx_type: u8,
    /// Transaction hash.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hash: Option<B256>,
    /// Sender. Where it is absent it is recovered from the signature.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Address>,
    /// Recipient; absent in a creation.
    #[serde(default)]
    pub to: Option<Address>,
    /// Sender's nonce.
    #[serde(with = "quantity")]
    pub nonce: u64,
    /// Gas limit.
    #[serde(with = "quantity")]
    pub gas: u64,
    /// Wei sent along.
    #[serde(default)]
    pub value: U256,
    /// Call data, or the initialisation code of a creation.
    #[serde(default, alias = "data")]
    pub input: Bytes,
    /// Chain id.
    #[serde(default, with = "quantity::opt", skip_serializing_if = "Option::is_none")]
    pub chain_id: Option<ChainId>,
    /// Wei per gas, types 0 and 1. For the others JSON-RPC writes here what was
    /// paid in the end; it is not used.
    #[serde(default, with = "quantity::opt", skip_serializing_if = "Option::is_none")]
    pub gas_price: Option<u128>,
    /// Wei per gas at most, from type 2 on.
    #[serde(default, with = "quantity::opt", skip_serializing_if = "Option::is_none")]
    pub max_fee_per_gas: Option<u128>,
    /// Wei per gas for the beneficiary at most, from type 2 on.
    #[serde(default, with = "quantity::opt", skip_serializing_if = "Option::is_none")]
    pub max_priority_fee_per_gas: Option<u128>,
    /// Accounts and slots that are warm from the start, from type 1 on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access_list: Option<AccessList>,
    /// Wei per blob gas at most, type 3.
    #[serde(default, with = "quantity::opt", skip_serializing_if = "Option::is_none")]
    pub max_fee_per_blob_gas: Option<u128>,
    /// Hashes of the blobs, type 3.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blob_versioned_hashes: Option<Vec<B256>>,
    /// Delegations, type 4.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authorization_list: Option<Vec<SignedAuthorization>>,
    /// Parity of the signature, for a legacy transaction with 27 or with 35 and
    /// twice the chain id added.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub v: Option<U256>,
    /// First half of the signature.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub r: Option<U256>,
    /// Second half of the signature.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub s: Option<U256>,
}

impl SnapshotTransaction {
    /// The transaction with its sender and hash. A hash that is not given is
    /// computed; a sender that is not given is recovered.
    pub(crate) fn into_parts(
        self,
        senders: Senders,
    ) -> Result<(EthereumTxEnvelope<TxEip4844>, Address, B256), Fault> {
        let (from, hash) = (self.from, self.hash);
        let signature = self.signature()?;
        // A given sender needs no signature: a builder's own transactions and
        // published blocks without signatures execute all the same.
        let placeholder = || Signature::new(U256::ZERO, U256::ZERO, false);
        let envelope = self.into_typed()?.into_envelope(signature.unwrap_or_else(placeholder));
        let hash = hash.unwrap_or_else(|| *envelope.hash());
        let sender = match (from, signature) {
            (Some(from), _) => from,
            (None, None) => return Err(Fault::field("from", "missing, and no signature either")),
            (None, Some(_)) => match senders {
                Senders::AnyS => envelope.recover_signer_unchecked(),
                Senders::LowS => envelope.recover_signer(),
            }
            .map_err(|error| Fault::field("from", format!("cannot be recovered: {error}")))?,
        };
        Ok((envelope, sender, hash))
    }

    /// The type, which must exist.
    pub(crate) fn known_type(&self) -> Result<TxType, Fault> {
        TxType::try_from(self.tx_type)
            .map_err(|_| Fault::field("type", format!("{:#x} does not exist", self.tx_type)))
    }

    /// The fields that the type has.
    fn into_typed(self) -> Result<EthereumTypedTransaction<TxEip4844>, Fault> {
        let tx_type = self.known_type()?;
        let legacy_chain_id = self.chain_id.or_else(|| self.chain_id_of_v());
        let Self { nonce, gas: gas_limit, value, input, .. } = self;
        let kind = self.to.map_or(TxKind::Create, TxKind::Call);
        let access_list = self.access_list.unwrap_or_default();
        let chain_id = required("chainId", tx_type, self.chain_id);
        let gas_price = required("gasPrice", tx_type, self.gas_price);
        let max_fee_per_gas = required("maxFeePerGas", tx_type, self.max_fee_per_gas);
        let max_priority_fee_per_gas =
            required("maxPriorityFeePerGas", tx_type, self.max_priority_fee_per_gas);
        let to = required("to", tx_type, self.to);
        Ok(match tx_type {
            TxType::Legacy => TxLegacy {
                chain_id: legacy_chain_id,
                nonce,
                gas_price: gas_price?,
                gas_limit,
                to: kind,
                value,
                input,
            }
            .into(),
            TxType::Eip2930 => TxEip2930 {
                chain_id: chain_id?,
                nonce,
                gas_price: gas_price?,
                gas_limit,
                to: kind,
                value,
                access_list,
                input,
            }
            .into(),
            TxType::Eip1559 => TxEip1559 {
                chain_id: chain_id?,
                nonce,
                gas_limit,
                max_fee_per_gas: max_fee_per_gas?,
                max_priority_fee_per_gas: max_priority_fee_per_gas?,
                to: kind,
                value,
                access_list,
                input,
            }
            .into(),
            TxType::Eip4844 => EthereumTypedTransaction::Eip4844(TxEip4844 {
                chain_id: chain_id?,
                nonce,
                gas_limit,
                max_fee_per_gas: max_fee_per_gas?,
                max_priority_fee_per_gas: max_priority_fee_per_gas?,
                to: to?,
                value,
                access_list,
                blob_versioned_hashes: required(
                    "blobVersionedHashes",
                    tx_type,
                    self.blob_versioned_hashes,
                )?,
                max_fee_per_blob_gas: required(
                    "maxFeePerBlobGas",
                    tx_type,
                    self.max_fee_per_blob_gas,
                )?,
                input,
            }),
            TxType::Eip7702 => TxEip7702 {
                chain_id: chain_id?,
                nonce,
                gas_limit,
                max_fee_per_gas: max_fee_per_gas?,
                max_priority_fee_per_gas: max_priority_fee_per_gas?,
                to: to?,
                value,
                access_list,
                authorization_list: required(
                    "authorizationList",
                    tx_type,
                    self.authorization_list,
                )?,
                input,
            }
            .into(),
        })
    }

    /// The signature, if there is a whole one.
    fn signature(&self) -> Result<Option<Signature>, Fault> {
        let (Some(v), Some(r), Some(s)) = (self.v, self.r, self.s) else { return Ok(None) };
        let parity = u64::try_from(v)
            .ok()
            .and_then(normalize_v)
            .ok_or_else(|| Fault::field("v", format!("{v} is no parity")))?;
        Ok(Some(Signature::new(r, s, parity)))
    }

    /// The chain id in a legacy signature.
    fn chain_id_of_v(&self) -> Option<ChainId> {
        let v = u64::try_from(self.v?).ok()?;
        Some(v.checked_sub(EIP155_V_MIN)? / 2)
    }
}

/// Which signatures name a sender.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Senders {
    /// All.
    AnyS,
    /// Only those with `s` in the lower half of its range, from Homestead on
    /// ([EIP-2](https://eips.ethereum.org/EIPS/eip-2)).
    LowS,
}

/// A field that a type must have.
fn required<T>(name: &str, tx_type: TxType, value: Option<T>) -> Result<T, Fault> {
    value.ok_or_else(|| Fault::field(name, format!("missing in a transaction of type {tx_type}")))
}
