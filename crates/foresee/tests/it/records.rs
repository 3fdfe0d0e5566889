//! Records and access lists: they do not depend on threads, drive later executions
//! without a second try, and are found out wherever they are wrong.

mod forged;

use crate::asking::Asking;
use crate::mainnet;
use alloy_eips::{
    eip2935::HISTORY_STORAGE_ADDRESS, eip4788::BEACON_ROOTS_ADDRESS,
    eip7002::WITHDRAWAL_REQUEST_PREDEPLOY_ADDRESS,
    eip7251::CONSOLIDATION_REQUEST_PREDEPLOY_ADDRESS, eip7928::AccountChanges,
};
use alloy_primitives::{Address, U256};
use foresee::{
    Config, DecisionReason, ExecutedBlock, Foresee, Guide, GuideFault, MachineCosts, Mode,
    PredictedAccessList, Recorded, Rerun,
};
use foresee_access::{Location, TxIndex};
use foresee_execute::{
    AccessList, Basis, Cause, Incarnation, RECORD_VERSION, Record, StateKey, execute_in_order,
    read_access_list,
};
use foresee_predict::{Ahead, PrecompileCall};
use foresee_source::LoadedBlock;
use foresee_workload::{Scenario, generate};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Mutex,
};

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

/// Of what is left of a block, in bytes.
struct Sizes {
    record: usize,
    list: usize,
    /// Of all calls of precompiled contracts.
    inputs: usize,
}

/// Checks all that must hold of the record and the list of a block.
fn check(loaded: &LoadedBlock, name: &str) -> Sizes {
    let in_order =
        Config { mode: Mode::InOrder, score: true, access_list: true, ..Config::default() };
    let (executed, record) = execute(&Foresee::new(in_order).unwrap(), loaded);
    let foresees = [1, 2, 3, 8].map(foresee);
    let rerun = Rerun::new(record.clone());
    let list = executed.access_list.unwrap();
    assert_eq!(record.access_list_hash.get(), list.compute_hash());
    for foresee in &foresees {
        let (again, other) = execute(foresee, loaded);
        assert!(again.access_list.as_ref() == Some(&list), "{name}, {:?}", foresee.config());
        let run = record.run.clone();
        assert!(Record { run, ..other } == record, "{name}, {:?}", foresee.config());
        let ahead = foresee.predict_ahead(&loaded.block, &loaded.state).unwrap();
        let each = ahead.iter().flat_map(|ahead| &ahead.precompiled);
        let predicted: BTreeMap<_, _> =
            each.map(|call| ((call.address, &call.input), &call.output)).collect();
        for PrecompileCall { address, input, output } in rerun.results() {
            let predicted = predicted.get(&(*address, input));
            assert!(predicted.is_none_or(|it| *it == output), "{name}: {address} {input}");
        }
        for guide in [Guide::Record(&rerun), Guide::AccessList(&list)] {
            assert_eq!(guided(foresee, loaded, guide), None, "{name}");
            assert_eq!(guided_with(foresee, loaded, guide, Some(&ahead)), None, "{name}");
        }
    }
    let bytes = record.to_bytes();
    assert!(Record::read(&bytes).unwrap() == record, "{name}");
    assert!(Record::read(record.to_json().as_bytes()).unwrap() == record, "{name}");
    let encoded = alloy_rlp::encode(&list);
    assert_eq!(read_access_list(&encoded).unwrap(), list);
    let calls = record.transactions.iter().flat_map(|tx| tx.observed.precompiled());
    let inputs = calls.map(|call| call.input.len()).sum();
    Sizes { record: bytes.len(), list: encoded.len(), inputs }
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
    let (mut records, mut lists) = (0, 0);
    for (name, loaded) in mainnet::blocks() {
        let Sizes { record, list, inputs } = check(&loaded, &name);
        // The smallest blocks have lists of a hundred bytes; no list tells what precompiled
        // contracts are called with.
        assert!(record <= 200 + list + inputs, "{name}: {record}, {list}");
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
    let documented = include_str!("../../../../docs/records.md");
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
fn a_predicted_list_names_what_is_read() {
    let foresee = foresee(3);
    for scenario in Scenario::ALL {
        let loaded = loaded(scenario, 6);
        let block = &loaded.block;
        let (executed, _) = execute(&foresee, &loaded);
        let predicted = PredictedAccessList::new(&executed.predictions);
        predicted.as_list().validate_structure(block.transactions.len()).unwrap();
        let accounts = Mutex::<BTreeSet<Address>>::default();
        let noting = Asking::new(&loaded.state, |key| {
            if let StateKey::Account(address) | StateKey::Slot(address, _) = key {
                accounts.lock().unwrap().insert(address);
            }
            Ok(())
        });
        let prefetched = foresee.prefetch(&noting, predicted.as_list());
        assert_eq!(accounts.lock().unwrap().len(), predicted.as_list().len());
        accounts.lock().unwrap().clear();
        let list = executed.access_list.as_ref().unwrap();
        let by_list =
            foresee.execute_guided(block, &prefetched, Guide::AccessList(list), None).unwrap();
        assert!(by_list.0.output == executed.output && by_list.1.is_none(), "{scenario}");
        // What the protocol itself accesses is in no prediction.
        let mut left = accounts.lock().unwrap().clone();
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

/// Whatever takes long is noted, in order and in parallel, and computed when the record is
/// there.
#[test]
fn a_record_yields_results_of_precompiled_contracts() {
    let (mut noted, mut computed) = (0, 0);
    for scenario in Scenario::ALL {
        let loaded = loaded(scenario, 7);
        let (_, record) = execute(&foresee(2), &loaded);
        let calls: BTreeSet<_> =
            record.transactions.iter().flat_map(|tx| tx.observed.precompiled()).collect();
        noted += calls.len();
        computed += Rerun::new(record.clone()).results().len();
        assert_eq!(noted, computed, "{scenario}");
    }
    assert!(noted > 0, "some scenario calls some");
}

/// A list does not tell how much gas is used, but the blocks that were executed by one do.
#[test]
fn blocks_that_are_executed_by_a_guide_teach() {
    let loaded = generate(Scenario::Erc20Cold, 1_000, 3).unwrap().into_block().unwrap();
    let (block, state) = (&loaded.block, &loaded.state);
    let (executed, record) = execute(&foresee(1), &loaded);
    let (list, rerun) = (executed.access_list.unwrap(), Rerun::new(record));
    for guide in [Guide::AccessList(&list), Guide::Record(&rerun)] {
        let is_parallel_and_teaches = || {
            let foresee = Foresee::new(Config { threads: 2, ..Config::default() }).unwrap();
            let before = foresee.costs();
            let (executed, _) = foresee.execute_guided(block, state, guide, None).unwrap();
            executed.decision.parallel && foresee.costs().limit_percent != before.limit_percent
        };
        // On a busy machine calling a thread may be found to take longer than the block.
        assert!((0..20).any(|_| is_parallel_and_teaches()));
    }
}
