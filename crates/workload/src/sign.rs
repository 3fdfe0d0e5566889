//! From drafts to signed transactions: nonces in block order, types and fees as
//! they come on a live chain.

use crate::{
    GenerateError,
    draft::Draft,
    people::Person,
    random::Random,
    setting::{CHAIN_ID, Setting},
};
use alloy_consensus::{
    SignableTransaction, TxEip1559, TxEip2930, TxEip4844, TxEip4844Variant, TxEip7702, TxEnvelope,
    TxLegacy, TypedTransaction, transaction::Recovered,
};
use alloy_eips::eip7702::{Authorization, SignedAuthorization};
use alloy_primitives::{B256, U256};
use std::collections::BTreeMap;

/// Wei per gas that every transaction of the block burns.
pub(crate) const BASE_FEE: u64 = 1_000_000_000;
/// The highest tip, in wei per gas.
const TIP_MAX: u64 = 3_000_000_000;
/// Wei per blob gas that a sender is ready to pay.
const BLOB_FEE_MAX: u128 = 1_000_000_000;
/// First byte of a blob's versioned hash: a KZG commitment.
const BLOB_VERSION: u8 = 1;

/// Gives nonces, fees and types to drafts in block order, and signs them.
///
/// # Errors
/// If a key cannot sign.
pub(crate) fn sign(
    setting: &mut Setting,
    drafts: Vec<Draft>,
) -> Result<Vec<Recovered<TxEnvelope>>, GenerateError> {
    let mut nonces = Nonces::default();
    drafts
        .into_iter()
        .map(|draft| {
            let from = draft.from;
            let nonce = nonces.next(setting, from);
            let authorizations = authorize(setting, &mut nonces, &draft)?;
            let transaction = type_of(&mut setting.random, nonce, draft, authorizations);
            let signature = setting.people.sign(from, transaction.signature_hash())?;
            let envelope = TxEnvelope::from(transaction.into_signed(signature));
            Ok(Recovered::new_unchecked(envelope, setting.address(from)))
        })
        .collect()
}

/// The nonce of everyone who has acted.
#[derive(Default)]
struct Nonces(BTreeMap<Person, u64>);

impl Nonces {
    /// The nonce to use now.
    fn next(&mut self, setting: &Setting, person: Person) -> u64 {
        let next = self
            .0
            .entry(person)
            .or_insert_with(|| setting.world.nonce(setting.people.address(person)));
        *next += 1;
        *next - 1
    }
}

/// Signs the delegations of a draft. They take effect after the sender's nonce
/// has risen, and each raises its signer's.
fn authorize(
    setting: &Setting,
    nonces: &mut Nonces,
    draft: &Draft,
) -> Result<Vec<SignedAuthorization>, GenerateError> {
    draft
        .delegations
        .iter()
        .map(|&(authority, address)| {
            let nonce = nonces.next(setting, authority);
            let authorization = Authorization { chain_id: U256::from(CHAIN_ID), address, nonce };
            let signature = setting.people.sign(authority, authorization.signature_hash())?;
            Ok(authorization.into_signed(signature))
        })
        .collect()
}

/// The transaction of a draft, of the type its content demands or of any that
/// does.
fn type_of(
    random: &mut Random,
    nonce: u64,
    draft: Draft,
    authorization_list: Vec<SignedAuthorization>,
) -> TypedTransaction {
    let Draft { to, value, input, gas_limit, access_list, blobs, .. } = draft;
    let tip = u128::from(random.below(TIP_MAX));
    let gas_price = u128::from(BASE_FEE) + tip;
    let (max_fee_per_gas, max_priority_fee_per_gas) = (2 * gas_price, tip);
    let callee = to.to().copied().unwrap_or_default();
    let chain_id = CHAIN_ID;
    if !authorization_list.is_empty() {
        return TypedTransaction::Eip7702(TxEip7702 {
            chain_id,
            nonce,
            gas_limit,
            max_fee_per_gas,
            max_priority_fee_per_gas,
            to: callee,
            value,
            access_list,
            authorization_list,
            input,
        });
    }
    if blobs > 0 {
        return TypedTransaction::Eip4844(TxEip4844Variant::TxEip4844(TxEip4844 {
            chain_id,
            nonce,
            gas_limit,
            max_fee_per_gas,
            max_priority_fee_per_gas,
            to: callee,
            value,
            access_list,
            blob_versioned_hashes: (0..blobs).map(|_| versioned_hash(random)).collect(),
            max_fee_per_blob_gas: BLOB_FEE_MAX,
            input,
        }));
    }
    // Of 100 without a list: EIP-1559, legacy with and without chain id, EIP-2930.
    let weights = if access_list.is_empty() { [78, 14, 2, 6] } else { [50, 0, 0, 50] };
    match random.weighted(&weights) {
        0 => TypedTransaction::Eip1559(TxEip1559 {
            chain_id,
            nonce,
            gas_limit,
            max_fee_per_gas,
            max_priority_fee_per_gas,
            to,
            value,
            access_list,
            input,
        }),
        kind @ 1..=2 => TypedTransaction::Legacy(TxLegacy {
            chain_id: (kind == 1).then_some(chain_id),
            nonce,
            gas_price,
            gas_limit,
            to,
            value,
            input,
        }),
        _ => TypedTransaction::Eip2930(TxEip2930 {
            chain_id,
            nonce,
            gas_price,
            gas_limit,
            to,
            value,
            access_list,
            input,
        }),
    }
}

fn versioned_hash(random: &mut Random) -> B256 {
    let mut hash = random.word();
    hash[0] = BLOB_VERSION;
    hash
}
