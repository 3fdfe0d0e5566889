//! The binary form: RLP around small numbers.
//!
//! Every location is written once, by account and in order; its position is its number.
//! A transaction's set is a list of pairs (number, [`flags`]), the numbers as
//! differences, three bits for the flags. A prediction is what differs in it from what
//! was observed. The record is the list `[version, digest, body]` with the keccak256 of
//! the body as its digest.

use super::{
    Basis, BlockIdentity, Forecast, Incarnation, RECORD_VERSION, Record, RecordError, Run, Status,
    TransactionRecord, numbers::Numbers, varint,
};
use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use alloy_rlp::{Decodable, Encodable, RlpDecodable, RlpEncodable};
use foresee_access::{AccessSet, Field, Location, TxIndex};
use std::collections::BTreeMap;

/// How a transaction uses a location.
mod flags {
    pub(super) const READ: u64 = 1;
    pub(super) const WRITE: u64 = 2;
    pub(super) const COMMUTATIVE: u64 = 4;
    /// Bits that flags take.
    pub(super) const BITS: u32 = 3;
}

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
    transactions: Vec<Transaction>,
    run: WireRun,
}

/// The locations of an account.
#[derive(RlpEncodable, RlpDecodable)]
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

#[derive(RlpEncodable, RlpDecodable)]
struct WireRun {
    decision: String,
    threads: u64,
    policy: String,
    ahead: u64,
    reexecuted: Vec<WireIncarnation>,
    /// One or none.
    elapsed_us: Vec<u64>,
}

#[derive(RlpEncodable, RlpDecodable)]
struct WireIncarnation {
    index: u64,
    gas: u64,
    /// The number of the location, one or none.
    conflict: Vec<u64>,
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
        Body::decode(&mut &body[..]).map_err(malformed)?.into_record()
    }

    fn body(&self) -> Vec<u8> {
        let numbers = self.numbers();
        let run = &self.run;
        let incarnation = |one: &Incarnation| WireIncarnation {
            index: u64::from(one.index.0),
            gas: one.gas,
            conflict: one.conflict.iter().map(|conflict| numbers.of(conflict)).collect(),
        };
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
            accounts: accounts(&numbers.locations),
            transactions: self.transactions.iter().map(|tx| transaction(tx, &numbers)).collect(),
            run: WireRun {
                decision: run.decision.clone(),
                threads: run.threads,
                policy: run.policy.clone(),
                ahead: run.ahead,
                reexecuted: run.reexecuted.iter().map(incarnation).collect(),
                elapsed_us: run.elapsed_us.into_iter().collect(),
            },
        };
        let mut out = Vec::with_capacity(body.length());
        body.encode(&mut out);
        out
    }

    /// Every location in the record, numbered in order.
    fn numbers(&self) -> Numbers {
        let sets = self.transactions.iter().flat_map(|transaction| {
            // A prediction that is right has no locations of its own.
            let predicted = transaction.predicted.iter().map(|predicted| &predicted.access);
            let observed: &AccessSet = &transaction.observed;
            predicted.filter(move |predicted| *predicted != observed).chain([observed])
        });
        let conflicts = self.run.reexecuted.iter().filter_map(|one| one.conflict.as_ref());
        let all = sets.flat_map(|set| set.reads.iter().chain(&set.writes).chain(&set.commutative));
        Numbers::new(all.chain(conflicts))
    }
}

fn malformed(error: alloy_rlp::Error) -> RecordError {
    RecordError::Format(error.to_string())
}

fn bad(what: &str) -> RecordError {
    RecordError::Format(what.to_owned())
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

fn transaction(record: &TransactionRecord, numbers: &Numbers) -> Transaction {
    let observed = uses(&record.observed, numbers);
    let predicted = record.predicted.iter().map(|forecast| {
        let differs = match record.observed == forecast.access {
            true => Vec::new(),
            false => differences(&observed, &uses(&forecast.access, numbers)),
        };
        let (gas_used, unknown) = (forecast.gas_used, forecast.unknown.clone());
        Prediction { gas_used, unknown, differs: pack(&differs) }
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
        observed: pack(&observed),
        reason,
    }
}

/// A location by number, and its flags in a set.
type Uses = (u64, u64);

/// The flags of each location in a set, by number. Lists that were read from a file may be
/// in any order.
fn uses(set: &AccessSet, numbers: &Numbers) -> Vec<Uses> {
    let AccessSet { reads, writes, commutative } = set;
    let mut uses = Vec::with_capacity(reads.len() + writes.len() + commutative.len());
    for (list, flag) in
        [(reads, flags::READ), (writes, flags::WRITE), (commutative, flags::COMMUTATIVE)]
    {
        uses.extend(list.iter().map(|location| (numbers.of(location), flag)));
    }
    uses.sort_unstable();
    uses.dedup_by(|(number, flags), (kept, all)| {
        let is_same = number == kept;
        if is_same {
            *all |= *flags;
        }
        is_same
    });
    uses
}

/// The locations whose flags differ from those observed, with the predicted flags.
fn differences(observed: &[Uses], predicted: &[Uses]) -> Vec<Uses> {
    let (mut observed, mut predicted) = (observed.iter().peekable(), predicted.iter().peekable());
    let mut differs = Vec::new();
    while let Some(number) =
        observed.peek().into_iter().chain(predicted.peek()).map(|one| one.0).min()
    {
        let [observed, predicted] = [&mut observed, &mut predicted]
            .map(|uses| uses.next_if(|one| one.0 == number).map_or(0, |one| one.1));
        if observed != predicted {
            differs.push((number, predicted));
        }
    }
    differs
}

fn pack(uses: &[Uses]) -> Bytes {
    let mut out = Vec::with_capacity(2 * uses.len());
    let mut next = 0;
    for (number, flags) in uses {
        varint::put(&mut out, (number - next) << flags::BITS | flags);
        next = number + 1;
    }
    out.into()
}

/// The reverse of [`pack`].
fn unpack(mut bytes: &[u8], locations: usize) -> Result<BTreeMap<u64, u64>, RecordError> {
    let mut uses = BTreeMap::new();
    let mut next = 0u64;
    while !bytes.is_empty() {
        let entry = varint::take(&mut bytes).ok_or_else(|| bad("a number does not end"))?;
        let number = next.saturating_add(entry >> flags::BITS);
        if number >= locations as u64 {
            return Err(bad("a location that is not listed"));
        }
        uses.insert(number, entry & ((1 << flags::BITS) - 1));
        next = number + 1;
    }
    Ok(uses)
}

/// The reverse of [`uses`].
fn access_set(uses: &BTreeMap<u64, u64>, locations: &[Location]) -> AccessSet {
    let with = |flag| {
        let used = uses.iter().filter(|(_, flags)| *flags & flag != 0);
        used.map(|(number, _)| locations[*number as usize]).collect()
    };
    AccessSet {
        reads: with(flags::READ),
        writes: with(flags::WRITE),
        commutative: with(flags::COMMUTATIVE),
    }
}

impl Body {
    fn into_record(self) -> Result<Record, RecordError> {
        let locations = locations(&self.accounts)?;
        let transactions: Result<_, _> =
            self.transactions.into_iter().map(|tx| tx.into_record(&locations)).collect();
        let incarnation = |one: WireIncarnation| {
            let index = u32::try_from(one.index).map_err(|_| bad("an index is too large"))?;
            let conflict = match one.conflict[..] {
                [] => None,
                [number] => {
                    let location = usize::try_from(number).ok().and_then(|at| locations.get(at));
                    Some(*location.ok_or_else(|| bad("a location that is not listed"))?)
                }
                _ => return Err(bad("several conflicts of one execution")),
            };
            Ok(Incarnation { index: TxIndex(index), gas: one.gas, conflict })
        };
        let run = self.run;
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
            run: Run {
                decision: run.decision,
                threads: run.threads,
                policy: run.policy,
                ahead: run.ahead,
                reexecuted: run
                    .reexecuted
                    .into_iter()
                    .map(incarnation)
                    .collect::<Result<_, _>>()?,
                elapsed_us: run.elapsed_us.first().copied(),
            },
        })
    }
}

impl Transaction {
    fn into_record(self, locations: &[Location]) -> Result<TransactionRecord, RecordError> {
        let observed = unpack(&self.observed, locations.len())?;
        let status = match (self.status, self.reason.into_iter().next()) {
            (0, None) => Status::Failed,
            (1, None) => Status::Succeeded,
            (2, Some(reason)) => Status::Refused(reason),
            _ => return Err(bad("a status that does not exist")),
        };
        let forecast = |prediction: Prediction| {
            let mut uses = observed.clone();
            uses.extend(unpack(&prediction.differs, locations.len())?);
            let access = access_set(&uses, locations);
            let Prediction { gas_used, unknown, .. } = prediction;
            Ok(Forecast { access, gas_used, unknown })
        };
        Ok(TransactionRecord {
            status,
            gas_used: self.gas_used,
            predicted: self.predicted.into_iter().next().map(forecast).transpose()?,
            observed: access_set(&observed, locations).into(),
        })
    }
}
