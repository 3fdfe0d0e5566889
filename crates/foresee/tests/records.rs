//! Records and access lists: they do not depend on threads, drive later executions
//! without a second try, and are found out wherever they are wrong.

use alloy_eips::{
    eip2935::HISTORY_STORAGE_ADDRESS, eip4788::BEACON_ROOTS_ADDRESS,
    eip7002::WITHDRAWAL_REQUEST_PREDEPLOY_ADDRESS,
    eip7251::CONSOLIDATION_REQUEST_PREDEPLOY_ADDRESS, eip7928::AccountChanges,
};
use alloy_primitives::{Address, B256, U256};
use core::convert::Infallible;
use foresee::{
    Config, DecisionReason, ExecutedBlock, Foresee, Guide, GuideFault, MachineCosts, Mode,
    PredictedAccessList, Recorded, Rerun,
};
use foresee_access::{AccessSet, Location, TxIndex};
use foresee_execute::{
    AccessList, Basis, Cause, Incarnation, RECORD_VERSION, Record, RecordError, Run, Status,
    TransactionRecord, execute_in_order, read_access_list,
};
use foresee_predict::Ahead;
use foresee_schedule::REASONS_MAX;
use foresee_source::{LoadedBlock, Snapshot};
use foresee_workload::{Scenario, generate};
use proptest::prelude::*;
use revm::{
    DatabaseRef,
    database::{CacheDB, EmptyDB},
    state::{AccountInfo, Bytecode},
};
use std::{collections::BTreeSet, fs, path::PathBuf, sync::Mutex};

/// Contracts that the protocol calls.
const SYSTEM_CONTRACTS: [Address; 4] = [
    HISTORY_STORAGE_ADDRESS,
    BEACON_ROOTS_ADDRESS,
    WITHDRAWAL_REQUEST_PREDEPLOY_ADDRESS,
    CONSOLIDATION_REQUEST_PREDEPLOY_ADDRESS,
];

fn foresee(threads: usize) -> Foresee {
    let config = Config { threads, mode: Mode::Parallel, ..Config::default() };
    Foresee::new(Config { score: true, access_list: true, ..config }).unwrap()
}

fn loaded(scenario: Scenario, seed: u64) -> LoadedBlock {
    generate(scenario, 20, seed).unwrap().into_block().unwrap()
}

fn execute(foresee: &Foresee, loaded: &LoadedBlock) -> (ExecutedBlock, Record) {
    let executed = foresee.execute_block(&loaded.block, &loaded.state).unwrap();
    let recorded = foresee.record(&loaded.block, executed.clone(), None).unwrap();
    (executed, recorded.record)
}

/// Executes by a guide, checks the result, and tells in what the guide is wrong.
fn guided(foresee: &Foresee, loaded: &LoadedBlock, guide: Guide<'_>) -> Option<GuideFault> {
    guided_with(foresee, loaded, guide, None)
}

/// The same, by somebody who has predicted ahead, too.
fn guided_with(
    foresee: &Foresee,
    loaded: &LoadedBlock,
    guide: Guide<'_>,
    ahead: Option<&[Ahead]>,
) -> Option<GuideFault> {
    let LoadedBlock { block, state, .. } = loaded;
    let (executed, fault) = foresee.execute_guided(block, state, guide, ahead).unwrap();
    let in_order = execute_in_order(&loaded.block, &loaded.state).unwrap();
    assert!(executed.output == in_order, "a guide changes nothing");
    if fault.is_none() {
        let again = &executed.stats.reexecuted;
        let guide = if matches!(guide, Guide::Record(_)) { "record" } else { "access list" };
        let threads = foresee.config().threads;
        assert!(again.is_empty(), "{} by {guide}, {threads} threads: {again:?}", loaded.number);
    }
    fault
}

/// Checks all that must hold of the record and the list of a block. Returns their
/// sizes.
fn check(loaded: &LoadedBlock, name: &str) -> (usize, usize) {
    let foresees = [1, 2, 3, 8].map(foresee);
    let (executed, record) = execute(&foresees[0], loaded);
    let list = executed.access_list.unwrap();
    assert_eq!(record.access_list_hash.get(), list.compute_hash());
    for foresee in &foresees {
        let (again, other) = execute(foresee, loaded);
        assert!(again.access_list.as_ref() == Some(&list), "{name}, {:?}", foresee.config());
        let run = record.run.clone();
        assert!(Record { run, ..other } == record, "{name}, {:?}", foresee.config());
        let ahead = foresee.predict_ahead(&loaded.block, &loaded.state).unwrap();
        for guide in [Guide::Record(&record.clone().into()), Guide::AccessList(&list)] {
            assert_eq!(guided(foresee, loaded, guide), None, "{name}");
            assert_eq!(guided_with(foresee, loaded, guide, Some(&ahead)), None, "{name}");
        }
    }
    let bytes = record.to_bytes();
    assert!(Record::read(&bytes).unwrap() == record, "{name}");
    assert!(Record::read(record.to_json().as_bytes()).unwrap() == record, "{name}");
    let encoded = alloy_rlp::encode(&list);
    assert_eq!(read_access_list(&encoded).unwrap(), list);
    (bytes.len(), encoded.len())
}

#[test]
fn records_and_lists_of_generated_blocks() {
    for scenario in Scenario::ALL {
        check(&loaded(scenario, 7), scenario.name());
    }
}

#[test]
#[ignore = "needs FORESEE_DATA"]
#[expect(clippy::print_stdout, reason = "the sizes are what this test reports")]
fn records_and_lists_of_mainnet_blocks() {
    let data = std::env::var_os("FORESEE_DATA").expect("FORESEE_DATA names the data folder");
    let files = fs::read_dir(PathBuf::from(data).join("mainnet")).unwrap();
    let mut paths: Vec<_> = files.map(|file| file.unwrap().path()).collect();
    paths.sort();
    assert!(paths.len() >= 41);
    let (mut records, mut lists) = (0, 0);
    for path in paths {
        let loaded = Snapshot::open(&path).unwrap().into_block().unwrap();
        let (record, list) = check(&loaded, &path.display().to_string());
        // The smallest blocks have lists of a hundred bytes.
        assert!(record <= 200 + list, "{}: {record}, {list}", path.display());
        records += record;
        lists += list;
    }
    assert!(records < lists);
    println!("{records} bytes of records, {lists} bytes of access lists");
}

#[test]
fn a_record_tells_what_was_predicted_ahead() {
    let mut unseen = 0;
    for scenario in Scenario::ALL {
        let loaded = loaded(scenario, 8);
        let (block, state) = (&loaded.block, &loaded.state);
        let scored = execute(&foresee(2), &loaded).1;
        for threads in [1, 2, 3, 8] {
            let config = Config { threads, mode: Mode::Parallel, ..Config::default() };
            let config = Config { observe: true, access_list: true, ..config };
            let foresee = Foresee::new(config).unwrap();
            let plain = foresee.execute_block(block, state).unwrap();
            assert!(plain.score().is_none(), "{scenario}: nothing is predicted to be scored");
            let ahead = foresee.predict_ahead(block, state).unwrap();
            let executed = foresee.execute_ahead(block, state, &ahead).unwrap();
            assert_eq!(plain.observed, executed.observed, "{scenario}");
            let executed = executed.foreseen(ahead.clone());
            let Recorded { record, .. } = foresee.record(block, executed, None).unwrap();
            assert_eq!(record.basis, Basis::Alone);
            assert_eq!(record.access_list_hash, scored.access_list_hash);
            let transactions = record.transactions.iter().zip(&scored.transactions).zip(&ahead);
            for ((one, scored), ahead) in transactions {
                assert_eq!((&one.observed, one.gas_used), (&scored.observed, scored.gas_used));
                assert_eq!(one.predicted.as_ref().unwrap().access, ahead.prediction.access);
            }
            assert!(Record::read(&record.to_bytes()).unwrap() == record);
            assert!(Record::read(record.to_json().as_bytes()).unwrap() == record);
            assert_eq!(
                guided(&foresee, &loaded, Guide::Record(&record.clone().into())),
                None,
                "{scenario}"
            );
            for (position, cause) in record.differences().into_iter().enumerate() {
                match cause {
                    Some((_, Cause::Unseen(earlier))) => {
                        assert!(earlier.position() < position, "{scenario}");
                        unseen += 1;
                    }
                    Some((_, Cause::Inherited(_))) => panic!("{scenario}: they see no writes"),
                    _ => {}
                }
            }
        }
    }
    assert!(unseen > 0, "in some block a location depends on an earlier transaction");
}

#[test]
fn a_record_of_another_block_is_not_followed() {
    let foresee = foresee(3);
    let [here, there] = [1, 2].map(|seed| loaded(Scenario::Amm, seed));
    let (executed, record) = execute(&foresee, &there);
    let fault = guided(&foresee, &here, Guide::Record(&record.clone().into()));
    assert!(matches!(fault, Some(GuideFault::OtherBlock(_))), "{fault:?}");
    let list = executed.access_list.unwrap();
    let fault = guided(&foresee, &here, Guide::AccessList(&list));
    assert!(matches!(fault, Some(GuideFault::AccessList(_))), "{fault:?}");
}

/// One that differs in nothing but its transactions is found out while threads wake up.
#[test]
fn a_record_of_other_transactions_is_not_followed() {
    let here = loaded(Scenario::Amm, 1);
    let mut there = loaded(Scenario::Amm, 1);
    there.block.transactions.swap(3, 4);
    let record = Rerun::new(execute(&foresee(1), &there).1);
    let (block, state) = (&here.block, &here.state);
    for (threads, mode) in [(1, Mode::Parallel), (3, Mode::Parallel), (3, Mode::InOrder)] {
        let foresee = Foresee::new(Config { threads, mode, ..Config::default() }).unwrap();
        let ahead = foresee.predict_ahead(block, state).unwrap();
        for ahead in [None, Some(&ahead[..])] {
            let fault = guided_with(&foresee, &here, Guide::Record(&record), ahead);
            let expected = GuideFault::OtherBlock("the list of transactions");
            assert_eq!(fault, Some(expected));
        }
    }
}

#[test]
fn a_record_holds_the_schedule_as_it_was_run() {
    for threads in [1, 2, 8] {
        let config = Config { threads, mode: Mode::Parallel, ..Config::default() };
        let config = Config { score: true, access_list: true, timeline: true, ..config };
        let foresee = Foresee::new(config).unwrap();
        let (executed, record) = execute(&foresee, &loaded(Scenario::Mix, 9));
        let timeline = &record.run.timeline;
        assert!((1..=threads).contains(&timeline.len()), "{} threads", timeline.len());
        let mut turns = Vec::new();
        let mut ahead = 0;
        for stints in timeline {
            assert!(stints.is_sorted_by_key(|stint| (stint.start_ns, stint.end_ns)));
            assert!(stints.iter().all(|stint| stint.start_ns <= stint.end_ns));
            ahead += stints.iter().filter(|stint| stint.ahead).count();
            turns.extend(stints.iter().filter(|stint| !stint.ahead).map(|stint| stint.index));
        }
        turns.sort_unstable();
        let all: Vec<_> = (0..record.transactions.len()).map(TxIndex::new).collect();
        assert_eq!(turns, all, "every transaction has one turn");
        assert!(ahead >= executed.stats.ahead);
        for bytes in [record.to_bytes(), record.to_json().into_bytes()] {
            assert!(Record::read(&bytes).unwrap() == record);
        }
    }
}

#[test]
fn a_record_says_how_fast_its_block_could_run() {
    let (_, record) = execute(&foresee(1), &loaded(Scenario::Mix, 9));
    let json: serde_json::Value = serde_json::from_str(&record.to_json()).unwrap();
    let (dag, told) = (record.true_dag(), &json["true_dependencies"]);
    for (cores, speedup) in dag.speedups() {
        let told = told["speedup"][cores.to_string()].as_f64().unwrap();
        assert!((told - speedup).abs() < 0.001, "{cores} cores: {told}, {speedup}");
        assert!(json["predicted_dependencies"]["speedup"][cores.to_string()].is_number());
    }
    assert_eq!(told["critical_path"]["gas"], dag.critical_path().gas);
}

/// All keys of all objects in a document.
fn keys(json: &serde_json::Value, into: &mut BTreeSet<String>) {
    match json {
        serde_json::Value::Object(map) => {
            into.extend(map.keys().cloned());
            map.values().for_each(|value| keys(value, into));
        }
        serde_json::Value::Array(list) => list.iter().for_each(|value| keys(value, into)),
        _ => {}
    }
}

#[test]
fn every_field_of_a_record_is_documented() {
    let documented = include_str!("../../../docs/records.md");
    let config = Config { threads: 2, mode: Mode::Parallel, ..Config::default() };
    let config = Config { observe: true, access_list: true, timeline: true, ..config };
    let mut found = BTreeSet::new();
    for scenario in Scenario::ALL {
        let loaded = loaded(scenario, 8);
        let (block, state) = (&loaded.block, &loaded.state);
        let foresee = Foresee::new(config).unwrap();
        let ahead = foresee.predict_ahead(block, state).unwrap();
        let executed = foresee.execute_ahead(block, state, &ahead).unwrap().foreseen(ahead);
        let mut record = foresee.record(block, executed, None).unwrap().record;
        let conflict = Some(Location::slot(Address::ZERO, U256::ONE));
        record.run.reexecuted = vec![Incarnation { index: TxIndex(0), gas: 1, conflict }];
        keys(&serde_json::from_str(&record.to_json()).unwrap(), &mut found);
    }
    assert!(
        found.contains("differences") && found.contains("start_ns") && found.contains("unseen")
    );
    // Numbers of cores.
    found.retain(|key| key.parse::<u32>().is_err());
    let is_told = |key: &&String| {
        [format!("`{key}`"), format!(".{key}`"), format!("\"{key}\"")]
            .iter()
            .any(|it| documented.contains(it))
    };
    let missing: Vec<_> = found.iter().filter(|key| !is_told(key)).collect();
    assert!(missing.is_empty(), "{missing:?}");
    assert!(documented.contains(&format!("of the format, {RECORD_VERSION};")));
}

/// Sets in another order mean the same and have the same digest. Nobody writes them so.
#[test]
fn a_record_whose_sets_are_not_in_order_is_refused() {
    let (_, honest) = execute(&foresee(1), &loaded(Scenario::Amm, 2));
    let position = honest.transactions.iter().position(|it| it.observed.reads.len() > 1).unwrap();
    for change in [<[Location]>::reverse, |reads: &mut [Location]| reads[1] = reads[0]] {
        let mut record = honest.clone();
        let mut set = record.transactions[position].observed.clone().into_set();
        change(&mut set.reads);
        record.transactions[position].observed = set.into();
        let refused = Record::from_json(&record.to_json()).unwrap_err().to_string();
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
        let set = AccessSet::new(one.to_vec(), one.to_vec(), one[..position % 2].to_vec());
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
    let balance = vec![Location::balance(Address::repeat_byte(7))];
    let adds = AccessSet::new(vec![], balance.clone(), balance.clone());
    let reads = AccessSet::new(balance, vec![], vec![]);
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

/// Whoever knows that every transaction waits for the one before calls no threads.
#[test]
fn a_recorded_chain_is_executed_in_order() {
    let loaded = generate(Scenario::Chain, 200, 1).unwrap().into_block().unwrap();
    let (_, record) = execute(&foresee(1), &loaded);
    let costs = Some(MachineCosts { wake_ns: 1, helper_ns: 1, ..MachineCosts::default() });
    let foresee = Foresee::new(Config { threads: 2, costs, ..Config::default() }).unwrap();
    let (executed, fault) = foresee
        .execute_guided(&loaded.block, &loaded.state, Guide::Record(&record.into()), None)
        .unwrap();
    assert!(fault.is_none() && !executed.decision.parallel);
    assert_eq!(executed.decision.reason, DecisionReason::Dependent);
    assert!(executed.output == execute_in_order(&loaded.block, &loaded.state).unwrap());
}

#[test]
fn a_record_names_what_is_to_be_read_ahead() {
    let loaded = loaded(Scenario::Mix, 6);
    let (executed, record) = execute(&foresee(1), &loaded);
    let named = Rerun::new(record).named();
    named.validate_structure(loaded.block.transactions.len()).unwrap();
    let list = executed.access_list.unwrap();
    for account in list.iter().filter(|account| !SYSTEM_CONTRACTS.contains(&account.address)) {
        let is_named = |named: &&AccountChanges| named.address == account.address;
        let Some(named) = named.iter().find(is_named) else {
            // The protocol pays them.
            assert!(account.storage_slots().count() == 0);
            continue;
        };
        let mut slots: Vec<_> = account.storage_slots().collect();
        slots.sort_unstable();
        assert_eq!(named.storage_reads, slots);
    }
}

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

/// How a record is falsified by somebody who computes its digest anew.
#[derive(Clone, Copy, Debug)]
enum Forgery {
    Gas,
    Status,
    Forget,
    Invent,
    Settle,
    ListHash,
    Reverse,
}

fn forge(record: &mut Record, forgery: Forgery, at: usize) {
    let at = at % record.transactions.len();
    let transaction = &mut record.transactions[at];
    let mut observed = transaction.observed.clone().into_set();
    let AccessSet { reads, writes, commutative } = &mut observed;
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
            writes.sort_unstable();
        }
        Forgery::Settle => {
            commutative.clear();
        }
        Forgery::ListHash => record.access_list_hash = B256::repeat_byte(7).into(),
        Forgery::Reverse => return record.transactions.reverse(),
    }
    record.transactions[at].observed = observed.into();
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

/// A state that notes which accounts are read.
struct Noting<'a> {
    state: &'a CacheDB<EmptyDB>,
    accounts: Mutex<BTreeSet<Address>>,
}

impl Noting<'_> {
    fn note(&self, address: Address) -> &CacheDB<EmptyDB> {
        self.accounts.lock().unwrap().insert(address);
        self.state
    }
}

impl DatabaseRef for Noting<'_> {
    type Error = Infallible;

    fn basic_ref(&self, address: Address) -> Result<Option<AccountInfo>, Infallible> {
        self.note(address).basic_ref(address)
    }

    fn code_by_hash_ref(&self, hash: B256) -> Result<Bytecode, Infallible> {
        self.state.code_by_hash_ref(hash)
    }

    fn storage_ref(&self, address: Address, slot: U256) -> Result<U256, Infallible> {
        self.note(address).storage_ref(address, slot)
    }

    fn block_hash_ref(&self, number: u64) -> Result<B256, Infallible> {
        self.state.block_hash_ref(number)
    }
}

#[test]
fn a_predicted_list_names_what_is_read() {
    let foresee = foresee(3);
    for scenario in Scenario::ALL {
        let loaded = loaded(scenario, 6);
        let block = &loaded.block;
        let (executed, _) = execute(&foresee, &loaded);
        let predicted = PredictedAccessList::new(&executed.predictions);
        predicted.as_list().validate_structure(block.transactions.len()).unwrap();
        let noting = Noting { state: &loaded.state, accounts: Mutex::default() };
        let prefetched = foresee.prefetch(&noting, predicted.as_list());
        assert_eq!(noting.accounts.lock().unwrap().len(), predicted.as_list().len());
        noting.accounts.lock().unwrap().clear();
        let list = executed.access_list.as_ref().unwrap();
        let by_list =
            foresee.execute_guided(block, &prefetched, Guide::AccessList(list), None).unwrap();
        assert!(by_list.0.output == executed.output && by_list.1.is_none(), "{scenario}");
        // What the protocol itself accesses is in no prediction.
        let mut left = noting.accounts.into_inner().unwrap();
        let withdrawals: Vec<_> = block.protocol.withdrawals.iter().map(|it| it.address).collect();
        left.retain(|address| *address != block.env.beneficiary);
        left.retain(|address| !SYSTEM_CONTRACTS.contains(address));
        left.retain(|address| !withdrawals.contains(address));
        assert!(left.is_empty(), "{scenario}: {left:?}");
    }
}

#[test]
fn an_empty_list_is_that_of_no_block_with_transactions() {
    let loaded = loaded(Scenario::Mix, 1);
    let fault = guided(&foresee(3), &loaded, Guide::AccessList(&AccessList::default()));
    assert!(matches!(fault, Some(GuideFault::AccessList(_))));
}
