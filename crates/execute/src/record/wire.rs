//! The binary form: RLP around small numbers.
//!
//! Every location is written once, by account and in order; its position is its number, by
//! which [sets](super::uses) name it. The record is the list `[version, digest, body]` with
//! the keccak256 of the body as its digest. A record has one binary form: what is read and
//! would be written otherwise is refused.

mod calls;
mod run;

use super::{
    Basis, BlockIdentity, Forecast, RECORD_VERSION, Record, RecordError, Status, TransactionRecord,
    bad,
    numbers::{Ids, Numbers},
    uses::{self, Uses},
};
use crate::Observed;
use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use alloy_rlp::{Decodable, Encodable, RlpDecodable, RlpEncodable};
use calls::WireCall;
use foresee_access::{AccessSet, Field, Location};
use run::WireRun;

#[derive(RlpEncodable, RlpDecodable)]
struct Envelope {
    version: u64,
    digest: B256,
    body: Bytes,
}

#[derive(RlpEncodable, RlpDecodable)]
struct Body {
    chain_id: u64,
    number: u64,
    timestamp: u64,
    fork: String,
    parent_hash: B256,
    beneficiary: Address,
    gas_limit: u64,
    transactions_digest: u32,
    access_list_hash: B256,
    /// Whether each transaction was predicted alone.
    alone: bool,
    accounts: Vec<Account>,
    /// Words of what precompiled contracts were called with.
    words: Vec<U256>,
    transactions: Vec<Transaction>,
    run: WireRun,
}

/// The locations of an account.
#[derive(Clone, RlpEncodable, RlpDecodable)]
struct Account {
    address: Address,
    /// A bit for each field: balance, nonce, code.
    fields: u8,
    slots: Vec<U256>,
}

#[derive(RlpEncodable, RlpDecodable)]
struct Transaction {
    /// 0 failed, 1 succeeded, 2 refused.
    status: u8,
    gas_used: u64,
    observed: Bytes,
    precompiled: Vec<WireCall>,
    /// Why it was refused, if it was.
    reason: Vec<String>,
    /// One or none.
    predicted: Vec<Prediction>,
}

#[derive(RlpEncodable, RlpDecodable)]
struct Prediction {
    gas_used: u64,
    unknown: Vec<String>,
    /// The locations whose flags differ from those observed, with the predicted flags.
    differs: Bytes,
}

impl Record {
    /// The binary form.
    pub fn to_bytes(&self) -> Vec<u8> {
        let body: Bytes = self.body().into();
        let envelope = Envelope { version: RECORD_VERSION, digest: keccak256(&body), body };
        alloy_rlp::encode(envelope)
    }

    /// The digest of the record: equal for equal records.
    pub fn digest(&self) -> B256 {
        keccak256(self.body())
    }

    /// Reads the binary form.
    ///
    /// # Errors
    ///
    /// If it is not the binary form of a record, whole and unaltered.
    pub fn from_bytes(mut bytes: &[u8]) -> Result<Self, RecordError> {
        let Envelope { version, digest, body } = Envelope::decode(&mut bytes).map_err(malformed)?;
        if version != RECORD_VERSION {
            return Err(RecordError::Version { found: version });
        }
        if !bytes.is_empty() {
            return Err(RecordError::Format(format!("{} bytes left over", bytes.len())));
        }
        if keccak256(&body) != digest {
            return Err(RecordError::Altered("the digest is not that of the content"));
        }
        Self::from_body(&body)
    }

    /// The record whose body this is.
    pub(super) fn from_body(body: &[u8]) -> Result<Self, RecordError> {
        let record = Body::decode(&mut &body[..]).map_err(malformed)?.into_record()?;
        match record.body() == body {
            true => Ok(record),
            false => Err(bad("it is not written as records are")),
        }
    }

    pub(super) fn body(&self) -> Vec<u8> {
        let mut ids = Ids::default();
        let each = self.transactions.iter();
        let mut sets: Vec<_> = each.map(|tx| Sets::new(tx, &mut ids)).collect();
        let conflicts = run::identify(&self.run, &mut ids);
        let numbers = ids.into_numbers();
        let words = calls::words(self);
        let each = self.transactions.iter().zip(&mut sets);
        let transactions = each.map(|(tx, sets)| {
            sets.number(&numbers);
            transaction(tx, sets, &words)
        });
        let transactions = transactions.collect();
        let body = Body {
            chain_id: self.block.chain_id,
            number: self.block.number,
            timestamp: self.block.timestamp,
            fork: self.block.fork.clone(),
            parent_hash: self.block.parent_hash,
            beneficiary: self.block.beneficiary,
            gas_limit: self.block.gas_limit,
            transactions_digest: self.block.transactions,
            access_list_hash: self.access_list_hash.get(),
            alone: self.basis == Basis::Alone,
            transactions,
            words,
            accounts: accounts(&numbers.locations),
            run: WireRun::new(&self.run, &conflicts, &numbers),
        };
        let mut out = Vec::with_capacity(body.length());
        body.encode(&mut out);
        out
    }
}

fn malformed(error: alloy_rlp::Error) -> RecordError {
    RecordError::Format(error.to_string())
}

/// Locations, given in order, by account.
fn accounts(locations: &[Location]) -> Vec<Account> {
    let mut accounts: Vec<Account> = Vec::new();
    for &Location { address, field } in locations {
        if accounts.last().is_none_or(|account| account.address != address) {
            accounts.push(Account { address, fields: 0, slots: Vec::new() });
        }
        let Some(account) = accounts.last_mut() else { continue };
        match field {
            Field::Balance => account.fields |= 1,
            Field::Nonce => account.fields |= 2,
            Field::Code => account.fields |= 4,
            Field::Slot(slot) => account.slots.push(slot),
        }
    }
    accounts
}

/// The reverse of [`accounts`].
fn locations(accounts: &[Account]) -> Result<Vec<Location>, RecordError> {
    let of = |account: &Account| {
        let Account { address, fields, slots } = account;
        let fields = [(1, Field::Balance), (2, Field::Nonce), (4, Field::Code)]
            .into_iter()
            .filter_map(|(bit, field)| (fields & bit != 0).then_some(field));
        let fields = fields.chain(slots.iter().copied().map(Field::Slot));
        fields.map(|field| Location { address: *address, field }).collect::<Vec<_>>()
    };
    let locations: Vec<_> = accounts.iter().flat_map(of).collect();
    match locations.is_sorted_by(|a, b| a < b) {
        true => Ok(locations),
        false => Err(bad("locations are not in order")),
    }
}

/// The sets of a transaction, by id and then by number.
struct Sets {
    observed: Uses,
    /// Nothing if it is what was observed.
    predicted: Option<Uses>,
}

impl Sets {
    fn new(record: &TransactionRecord, ids: &mut Ids) -> Self {
        let set: &AccessSet = &record.observed;
        let predicted = record.predicted.as_ref().map(|forecast| &forecast.access);
        Self {
            observed: uses::of(set, ids),
            predicted: predicted.filter(|it| *it != set).map(|it| uses::of(it, ids)),
        }
    }

    fn number(&mut self, numbers: &Numbers) {
        let Self { observed, predicted } = self;
        predicted.iter_mut().chain([observed]).for_each(|it| uses::numbered(it, numbers));
    }
}

fn transaction(record: &TransactionRecord, sets: &Sets, words: &[U256]) -> Transaction {
    let Sets { observed, predicted } = sets;
    let differs = predicted.as_ref().map(|it| uses::differences(observed, it)).unwrap_or_default();
    let predicted = record.predicted.iter().map(|forecast| {
        let (gas_used, unknown) = (forecast.gas_used, forecast.unknown.clone());
        Prediction { gas_used, unknown, differs: uses::pack(&differs) }
    });
    let (status, reason) = match &record.status {
        Status::Failed => (0, Vec::new()),
        Status::Succeeded => (1, Vec::new()),
        Status::Refused(reason) => (2, vec![reason.clone()]),
    };
    Transaction {
        status,
        gas_used: record.gas_used,
        predicted: predicted.collect(),
        precompiled: calls::pack(record.observed.precompiled(), words),
        observed: uses::pack(observed),
        reason,
    }
}

impl Body {
    fn into_record(self) -> Result<Record, RecordError> {
        let locations = locations(&self.accounts)?;
        let transactions: Result<_, _> = self
            .transactions
            .into_iter()
            .map(|tx| tx.into_record(&locations, &self.words))
            .collect();
        Ok(Record {
            block: BlockIdentity {
                chain_id: self.chain_id,
                number: self.number,
                timestamp: self.timestamp,
                fork: self.fork,
                parent_hash: self.parent_hash,
                beneficiary: self.beneficiary,
                gas_limit: self.gas_limit,
                transactions: self.transactions_digest,
            },
            access_list_hash: self.access_list_hash.into(),
            basis: if self.alone { Basis::Alone } else { Basis::BlockOrder },
            transactions: transactions?,
            run: self.run.into_run(&locations)?,
        })
    }
}

impl Transaction {
    fn into_record(
        self,
        locations: &[Location],
        words: &[U256],
    ) -> Result<TransactionRecord, RecordError> {
        let observed = uses::unpack(&self.observed, locations.len())?;
        let status = match (self.status, self.reason.into_iter().next()) {
            (0, None) => Status::Failed,
            (1, None) => Status::Succeeded,
            (2, Some(reason)) => Status::Refused(reason),
            _ => return Err(bad("a status that does not exist")),
        };
        let forecast = |Prediction { gas_used, unknown, differs }: Prediction| {
            let differs = uses::unpack(&differs, locations.len())?;
            let predicted = uses::with_differences(&observed, &differs);
            let access = uses::access_set(&predicted, locations);
            Ok(Forecast { access, gas_used, unknown })
        };
        Ok(TransactionRecord {
            status,
            gas_used: self.gas_used,
            predicted: self.predicted.into_iter().next().map(forecast).transpose()?,
            observed: Observed::new(
                uses::access_set(&observed, locations),
                calls::unpack(self.precompiled, words)?,
            ),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{PrecompileInput, Run};

    /// Whoever seals a body of their own may write nothing in two ways.
    #[test]
    fn a_record_has_one_binary_form() {
        let location = Location::code(Address::with_last_byte(1));
        let set = AccessSet::new([location], [], []);
        let call = |byte| PrecompileInput {
            address: Address::with_last_byte(byte),
            input: [byte; 40].into(),
        };
        let record = Record {
            block: BlockIdentity {
                chain_id: 1,
                number: 2,
                timestamp: 3,
                fork: "Osaka".to_owned(),
                parent_hash: B256::ZERO,
                beneficiary: Address::ZERO,
                gas_limit: 4,
                transactions: 5,
            },
            access_list_hash: B256::ZERO.into(),
            basis: Basis::default(),
            transactions: vec![TransactionRecord {
                status: Status::Succeeded,
                gas_used: 21_000,
                observed: Observed::new(set.clone(), [1, 8].map(call).into()),
                predicted: Some(Forecast { access: set, ..Forecast::default() }),
            }],
            run: Run { elapsed_us: Some(6), ..Run::default() },
        };
        let sealed = |body: Vec<u8>| {
            let digest = keccak256(&body);
            alloy_rlp::encode(Envelope { version: RECORD_VERSION, digest, body: body.into() })
        };
        let refused = |body| Record::from_bytes(&sealed(body)).unwrap_err().to_string();
        let body = record.body();
        assert_eq!(sealed(body.clone()), record.to_bytes());
        assert_eq!(Record::from_bytes(&record.to_bytes()).unwrap(), record);
        let once_more = [&body[..], &[0]].concat();
        insta::assert_snapshot!(refused(once_more), @"not a record: it is not written as records are");
        // The set, its only location named twice or with a difference that is none.
        for change in [
            |it: &mut Transaction| it.reason.push(String::new()),
            |it: &mut Transaction| it.predicted[0].differs = it.observed.clone(),
            |it: &mut Transaction| it.observed = Bytes::from_static(&[0x81, 0]),
            |it: &mut Transaction| it.precompiled.reverse(),
            |it: &mut Transaction| it.precompiled.push(it.precompiled[1].clone()),
            |it: &mut Transaction| it.precompiled[1].address = U256::MAX,
        ] {
            let mut body = Body::decode(&mut &body[..]).unwrap();
            change(&mut body.transactions[0]);
            assert!(Record::from_bytes(&sealed(alloy_rlp::encode(body))).is_err());
        }
        for change in [
            |it: &mut Body| it.accounts.push(Account { slots: vec![], ..it.accounts[0].clone() }),
            |it: &mut Body| it.accounts[0].slots.push(U256::ONE),
            |it: &mut Body| it.accounts[0].fields |= 8,
            |it: &mut Body| it.words.reverse(),
            |it: &mut Body| it.words.truncate(1),
            |it: &mut Body| it.words.push(U256::MAX),
        ] {
            let mut body = Body::decode(&mut &body[..]).unwrap();
            change(&mut body);
            assert!(Record::from_bytes(&sealed(alloy_rlp::encode(body))).is_err());
        }
    }
}
