//! Whatever is wrong with a record or a list is an error, or found out by executing.

use super::{execute, foresee, guided, loaded};
use alloy_primitives::{Address, B256, Bytes, U256, address};
use foresee::{Config, Foresee, Guide, GuideFault, Mode, Rerun};
use foresee_access::{AccessSet, Location, TxIndex};
use foresee_execute::{
    Incarnation, Observed, PrecompileInput, RECORD_VERSION, Record, RecordError, Run, Status,
    TransactionRecord, read_access_list,
};
use foresee_schedule::REASONS_MAX;
use foresee_workload::Scenario;
use proptest::prelude::*;
use serde_json::Value;

#[test]
fn a_record_of_another_version_says_so() {
    let (_, record) = execute(&foresee(1), &loaded(Scenario::Payments, 1));
    for other in [RECORD_VERSION - 1, RECORD_VERSION + 1] {
        let [this, that] = [RECORD_VERSION, other].map(|version| format!("\"version\":{version}"));
        let json = record.to_json().replacen(&this, &that, 1);
        let refused = Record::from_json(&json);
        assert!(matches!(refused, Err(RecordError::Version { found }) if found == other));
        let mut bytes = record.to_bytes();
        // A list of up to 64 KiB has three bytes in front; the version comes first.
        assert_eq!(bytes[0], 0xf9);
        bytes[3] = u8::try_from(other).unwrap();
        let refused = Record::from_bytes(&bytes);
        assert!(matches!(refused, Err(RecordError::Version { found }) if found == other));
    }
}

/// Precompiled, of no pairs that it accepts.
const PAIRING: Address = address!("0x0000000000000000000000000000000000000008");

/// How a record is falsified by somebody who computes its digest anew.
#[derive(Clone, Copy, Debug)]
enum Forgery {
    Gas,
    Status,
    Forget,
    Invent,
    Settle,
    Call,
    ListHash,
    Reverse,
}

fn forge(record: &mut Record, forgery: Forgery, at: usize) {
    let at = at % record.transactions.len();
    let transaction = &mut record.transactions[at];
    let mut precompiled = transaction.observed.precompiled().to_vec();
    let set = &transaction.observed;
    let (mut reads, mut writes): (Vec<_>, Vec<_>) = (set.reads().collect(), set.writes().collect());
    let mut commutative: Vec<_> = set.commutative().collect();
    match forgery {
        Forgery::Gas => transaction.gas_used ^= 1,
        Forgery::Status => {
            transaction.status = match transaction.status {
                Status::Succeeded => Status::Failed,
                _ => Status::Succeeded,
            }
        }
        Forgery::Forget => drop(reads.remove(0)),
        Forgery::Invent => {
            let address = record.block.beneficiary;
            writes.push(Location::slot(address, U256::MAX));
        }
        Forgery::Settle => {
            commutative.clear();
        }
        Forgery::Call => match precompiled.pop() {
            Some(_) => {}
            None => {
                let input = PrecompileInput { address: PAIRING, input: Bytes::new() };
                precompiled.push(input);
            }
        },
        Forgery::ListHash => record.access_list_hash = B256::repeat_byte(7).into(),
        Forgery::Reverse => return record.transactions.reverse(),
    }
    let set = AccessSet::new(reads, writes, commutative);
    record.transactions[at].observed = Observed::new(set, precompiled);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    /// A record cut off anywhere, or with any byte changed, cannot be read.
    #[test]
    fn a_damaged_record_is_an_error(
        scenario in prop::sample::select(Scenario::ALL.to_vec()),
        at in any::<prop::sample::Index>(),
        change in 1..=u8::MAX,
    ) {
        let (_, record) = execute(&foresee(1), &loaded(scenario, 3));
        for bytes in [record.to_bytes(), record.to_json().into_bytes()] {
            let at = at.index(bytes.len());
            prop_assert!(Record::read(&bytes[..at]).is_err(), "cut at {at}");
            let mut damaged = bytes;
            damaged[at] ^= change;
            prop_assert!(Record::read(&damaged).is_err(), "byte {at} changed by {change}");
        }
    }

    /// A record that was falsified and sealed again is found out, and the block comes
    /// out right.
    #[test]
    fn a_forged_record_is_found_out(
        scenario in prop::sample::select(Scenario::ALL.to_vec()),
        threads in 1..4usize,
        at in any::<usize>(),
        forgery in prop::sample::select(vec![
            Forgery::Gas,
            Forgery::Status,
            Forgery::Forget,
            Forgery::Invent,
            Forgery::Settle,
            Forgery::Call,
            Forgery::ListHash,
            Forgery::Reverse,
        ]),
    ) {
        let foresee = foresee(threads);
        let loaded = loaded(scenario, 4);
        let (_, honest) = execute(&foresee, &loaded);
        let mut forged = honest.clone();
        forge(&mut forged, forgery, at);
        let forged = Record::read(&forged.to_bytes()).unwrap();
        let same = Record { run: Run::default(), ..honest }
            == Record { run: Run::default(), ..forged.clone() };
        let fault = guided(&foresee, &loaded, Guide::Record(&forged.clone().into()));
        prop_assert_eq!(fault.is_none(), same, "{:?}", fault);
    }

    /// An access list cut off anywhere cannot be read; with any byte changed it cannot
    /// be read or is found out, and the block comes out right.
    #[test]
    fn an_altered_access_list_is_found_out(
        scenario in prop::sample::select(Scenario::ALL.to_vec()),
        threads in 1..4usize,
        at in any::<prop::sample::Index>(),
        change in 1..=u8::MAX,
    ) {
        let foresee = foresee(threads);
        let loaded = loaded(scenario, 5);
        let (executed, _) = execute(&foresee, &loaded);
        let honest = executed.access_list.unwrap();
        for mut bytes in [alloy_rlp::encode(&honest), serde_json::to_vec(&honest).unwrap()] {
            let at = at.index(bytes.len());
            prop_assert!(read_access_list(&bytes[..at]).is_err(), "cut at {at}");
            bytes[at] ^= change;
            if let Ok(list) = read_access_list(&bytes) {
                let fault = guided(&foresee, &loaded, Guide::AccessList(&list));
                // In JSON a digit may be written large or small.
                prop_assert_eq!(fault.is_none(), list == honest, "byte {} ^ {}", at, change);
            }
        }
    }

    /// Any bytes at all are read without a panic.
    #[test]
    fn noise_is_an_error(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(Record::read(&bytes).is_err());
        if let (Ok(list), false) = (read_access_list(&bytes), bytes.contains(&b'[')) {
            prop_assert_eq!(alloy_rlp::encode(list), bytes);
        }
    }
}

/// Sets in another order mean the same. Nobody writes them so.
#[test]
fn a_record_whose_sets_are_not_in_order_is_refused() {
    let (_, honest) = execute(&foresee(1), &loaded(Scenario::Amm, 2));
    let position = honest.transactions.iter().position(|it| it.observed.reads().count() > 1);
    for change in [<[Value]>::reverse, |reads: &mut [Value]| reads[1] = reads[0].clone()] {
        let mut json: Value = serde_json::from_str(&honest.to_json()).unwrap();
        let observed = &mut json["record"]["transactions"][position.unwrap()]["observed"];
        change(observed["reads"].as_array_mut().unwrap());
        let refused = Record::from_json(&json.to_string()).unwrap_err().to_string();
        insta::allow_duplicates! {
            insta::assert_snapshot!(refused, @"not a record: a set is not in order");
        }
    }
}

/// A record of which nothing is true but what it is of does no harm.
#[test]
fn a_record_beyond_all_measure_does_no_harm() {
    let loaded = loaded(Scenario::Mix, 3);
    let (_, mut record) = execute(&foresee(1), &loaded);
    let fees = Location::balance(record.block.beneficiary);
    for (position, transaction) in record.transactions.iter_mut().enumerate() {
        let one = [fees, Location::slot(Address::ZERO, U256::from(position / 2))];
        let set = AccessSet::new(one, one, one[..position % 2].iter().copied());
        transaction.gas_used = u64::MAX;
        transaction.predicted.as_mut().unwrap().gas_used = u64::MAX;
        transaction.predicted.as_mut().unwrap().access = set.clone();
        transaction.observed = set.into();
    }
    record.run.reexecuted = vec![Incarnation {
        index: TxIndex(u32::MAX),
        gas: u64::MAX,
        conflict: Some(Location::code(Address::ZERO)),
    }];
    for bytes in [record.to_bytes(), record.to_json().into_bytes()] {
        let record = Record::read(&bytes).unwrap();
        for mode in [Mode::Parallel, Mode::Auto, Mode::InOrder] {
            let config = Config { threads: 3, mode, ..Config::default() };
            let foresee = Foresee::new(config).unwrap();
            let fault = guided(&foresee, &loaded, Guide::Record(&record.clone().into()));
            assert!(matches!(fault, Some(GuideFault::Ending { .. })), "{fault:?}");
        }
    }
}

/// A few bytes imply millions of edges. They are neither all kept, nor spelled out to be
/// compared with a document that does not have them.
#[test]
fn a_record_that_implies_far_more_than_it_says_takes_little() {
    const ADDING: usize = 3_000;
    let (_, honest) = execute(&foresee(1), &loaded(Scenario::Payments, 1));
    let balance = Location::balance(Address::repeat_byte(7));
    let adds = AccessSet::new([], [balance], [balance]);
    let reads = AccessSet::new([balance], [], []);
    let transaction = |set: &AccessSet| TransactionRecord {
        observed: set.clone().into(),
        predicted: None,
        ..honest.transactions[0].clone()
    };
    let transactions = [&adds, &reads].map(|set| vec![transaction(set); ADDING]).concat();
    let forged = Record { transactions, ..honest.clone() };
    let bytes = forged.to_bytes();
    assert!(bytes.len() < 50 * ADDING);
    let rerun = Rerun::new(Record::from_bytes(&bytes).unwrap());
    let edges = rerun.record().true_dag().graph().edge_count();
    assert!(edges <= REASONS_MAX + 2 * ADDING, "{edges} edges");
    let mut document: serde_json::Value = serde_json::from_str(&honest.to_json()).unwrap();
    document["digest"] = serde_json::to_value(forged.digest()).unwrap();
    document["record"] = serde_json::to_value(&forged).unwrap();
    let refused = Record::from_json(&document.to_string());
    assert!(matches!(refused, Err(RecordError::Altered("parts do not follow from the rest"))));
}
