//! Generated blocks are valid, complete, reproducible, and depend on each other
//! as their scenario says.

use foresee_access::Location;
use foresee_execute::{BlockOutput, execute_in_order, observe};
use foresee_source::{HeaderMatch, Snapshot};
use foresee_workload::{Scenario, TXS_MAX, generate};
use std::collections::BTreeMap;

/// The block executed in order, after a round trip through its file.
fn execute(snapshot: &Snapshot) -> (BlockOutput, HeaderMatch) {
    let mut file = Vec::new();
    snapshot.write(&mut file).unwrap();
    let read = Snapshot::read(file.as_slice(), "memory").unwrap();
    assert_eq!(&read, snapshot);
    let loaded = read.into_block().unwrap();
    let output = execute_in_order(&loaded.block, &loaded.state).unwrap();
    let matches = HeaderMatch::new(&output, loaded.expected.as_ref(), loaded.block.cfg.spec);
    (output, matches)
}

/// For each transaction, the last one before it that wrote what it reads.
fn dependencies(scenario: Scenario, txs: usize, seed: u64) -> Vec<Option<usize>> {
    let loaded = generate(scenario, txs, seed).unwrap().into_block().unwrap();
    let observations = observe(&loaded.block, &loaded.state).unwrap();
    let mut writers: BTreeMap<Location, usize> = BTreeMap::new();
    let mut dependencies = Vec::new();
    for (position, observation) in observations.iter().enumerate() {
        let reads = observation.access.ordering_reads();
        dependencies.push(reads.filter_map(|read| writers.get(&read).copied()).max());
        writers.extend(observation.access.writes().map(|write| (write, position)));
    }
    dependencies
}

#[test]
fn every_scenario_executes_as_its_header_says() {
    for scenario in Scenario::ALL {
        for (txs, seed) in [(0, 1), (1, 2), (250, 3)] {
            let snapshot = generate(scenario, txs, seed).unwrap();
            assert_eq!(snapshot.block.transactions.len(), txs, "{scenario}");
            let (output, matches) = execute(&snapshot);
            assert_eq!(output.invalid, [], "{scenario} seed {seed}");
            assert_eq!(
                (matches.gas_used, matches.receipts_root, matches.logs_bloom),
                (Some(true), Some(true), Some(true)),
                "{scenario} seed {seed}"
            );
        }
    }
}

/// A part that fails throughout would still make valid blocks; what fails on
/// purpose is a small share of each, except where failing is the subject.
#[test]
fn most_transactions_succeed() {
    for scenario in Scenario::ALL {
        let (output, _) = execute(&generate(scenario, 300, 4).unwrap());
        let failed = output.receipts.iter().filter(|receipt| !receipt.success).count();
        let expected = match scenario {
            Scenario::Payments | Scenario::Erc20Cold | Scenario::Chain => 0..=0,
            Scenario::Probe => 30..=90,
            Scenario::Create => 10..=60,
            _ => 3..=40,
        };
        assert!(expected.contains(&failed), "{scenario}: {failed} of 300 failed");
    }
}

#[test]
fn strangers_depend_on_nobody() {
    for scenario in [Scenario::Payments, Scenario::Erc20Cold] {
        assert_eq!(dependencies(scenario, 200, 5), [None; 200], "{scenario}");
    }
}

#[test]
fn each_step_of_the_chain_depends_on_the_step_before() {
    let expected: Vec<_> = (0..200_usize).map(|position| position.checked_sub(1)).collect();
    assert_eq!(dependencies(Scenario::Chain, 200, 6), expected);
}

#[test]
fn every_transaction_type_occurs_in_a_mix() {
    let snapshot = generate(Scenario::Mix, 300, 8).unwrap();
    let count =
        |tx_type| snapshot.block.transactions.iter().filter(|tx| tx.tx_type == tx_type).count();
    assert!((0..=4).all(|tx_type| count(tx_type) > 0), "{:?}", [0, 1, 2, 3, 4].map(count));
    let plain = snapshot.block.transactions.iter().filter(|tx| tx.input.is_empty()).count();
    assert!((90..150).contains(&plain), "{plain} of 300 are plain payments");
}

#[test]
fn equal_arguments_give_equal_blocks_and_others_do_not() {
    for scenario in Scenario::ALL {
        let snapshot = generate(scenario, 30, 1).unwrap();
        assert_eq!(generate(scenario, 30, 1).unwrap(), snapshot, "{scenario}");
        let other = generate(scenario, 30, 2).unwrap();
        assert_ne!(other.block.hash, snapshot.block.hash, "{scenario}");
    }
}

#[test]
fn too_many_transactions_are_refused_at_once() {
    let error = generate(Scenario::Mix, TXS_MAX + 1, 0).unwrap_err();
    let expected = "1000001 transactions are more than the 1000000 a block may have";
    assert_eq!(error.to_string(), expected);
}
