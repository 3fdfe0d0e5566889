//! Every mainnet snapshot, on several threads under every kind of schedule, comes
//! out as in order.

use crate::mainnet;
use foresee_access::{Location, TxIndex};
use foresee_execute::{
    Divergence, InOrderOutcome, Observation, ParallelConfig, ParallelExecutor, Policy, Reports,
    execute_in_order, execute_in_order_reporting, observe,
};
use foresee_schedule::{DependencyDag, Node, Schedule};
use foresee_source::LoadedBlock;
use proptest::prelude::Rng;
use proptest::test_runner::{RngAlgorithm, TestRng};

/// Building the access list.
const LISTING: Reports = Reports { observed: false, access_list: true, timeline: false };

/// Executors of every kind; some build the access list, some do not.
fn executors() -> Vec<ParallelExecutor> {
    let mut executors = Vec::new();
    for threads in [1, 2, 3, 8] {
        let new = |policy| ParallelExecutor::new(ParallelConfig { threads, policy }).unwrap();
        executors.extend([new(Policy::Dataflow).reporting(LISTING), new(Policy::Layers)]);
    }
    executors
}

/// The schedule of the dependencies that there really are.
fn perfect(loaded: &LoadedBlock, observations: &[Observation]) -> Schedule {
    let balance = Location::balance(loaded.block.env.beneficiary);
    let nodes: Vec<_> = observations
        .iter()
        .map(|observation| Node {
            access: &observation.access,
            gas: observation.gas_used,
            in_order: observation.access.ordering_reads().any(|read| read == balance),
        })
        .collect();
    Schedule::from_dag(&DependencyDag::build(&nodes))
}

/// Dependencies that there are not.
fn random(n: usize, seed: u64) -> Schedule {
    let mut random = TestRng::from_seed(RngAlgorithm::ChaCha, &{
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&seed.to_be_bytes());
        bytes
    });
    let mut any_tx = || TxIndex(random.next_u32() % n.max(1) as u32);
    let edges: Vec<_> = (0..2 * n).map(|_| (any_tx(), any_tx())).collect();
    let gas: Vec<_> = (0..n as u64).collect();
    Schedule::from_edges(n, edges, &gas)
}

/// Dependencies of the block read from its end.
fn reversed(schedule: &Schedule) -> Schedule {
    let n = schedule.len();
    let mirrored = |tx: TxIndex| TxIndex::new(n - 1 - tx.position());
    let edges = (0..n).map(TxIndex::new).flat_map(|from| {
        schedule.successors(from).iter().map(move |to| (mirrored(*to), mirrored(from)))
    });
    Schedule::from_edges(n, edges, &vec![1; n])
}

#[test]
#[ignore = "needs FORESEE_DATA"]
fn mainnet_blocks_in_parallel_equal_in_order() {
    let executors = executors();
    for (_, loaded) in mainnet::blocks() {
        let n = loaded.block.transactions.len();
        let expected = execute_in_order(&loaded.block, &loaded.state).unwrap();
        let InOrderOutcome { output, access_list, .. } =
            execute_in_order_reporting(&loaded.block, &loaded.state, LISTING).unwrap();
        let list = access_list.unwrap();
        assert!(output == expected, "block {}: building a list changes nothing", loaded.number);
        let perfect = perfect(&loaded, &observe(&loaded.block, &loaded.state).unwrap());
        let seed = loaded.number;
        let schedules = [
            ("independent", Schedule::independent(n)),
            ("precaution", Schedule::precaution([], vec![false; n])),
            ("sequential", Schedule::sequential(n)),
            ("reversed", reversed(&perfect)),
            ("random", random(n, seed)),
            ("perfect", perfect),
        ];
        for (name, schedule) in &schedules {
            for executor in &executors {
                let outcome = executor.execute(&loaded.block, &loaded.state, schedule).unwrap();
                assert!(
                    outcome.output == expected,
                    "block {}, {name} schedule, seed {seed}, {:?}",
                    loaded.number,
                    executor.config()
                );
                let Some(found) = &outcome.access_list else { continue };
                if let Some(divergence) = Divergence::first(found, &list) {
                    panic!(
                        "block {}, {name}, {:?}: {divergence}",
                        loaded.number,
                        executor.config()
                    );
                }
                assert_eq!(found.compute_hash(), list.compute_hash());
            }
        }
    }
}

#[test]
#[ignore = "needs FORESEE_DATA"]
fn what_is_observed_in_parallel_is_what_is_observed_in_order() {
    let config = ParallelConfig { threads: 3, policy: Policy::Dataflow };
    let executor = ParallelExecutor::new(config)
        .unwrap()
        .reporting(Reports { observed: true, ..Reports::default() });
    for (_, loaded) in mainnet::blocks() {
        let number = loaded.number;
        let expected = observe(&loaded.block, &loaded.state).unwrap();
        let schedule = perfect(&loaded, &expected);
        let outcome = executor.execute(&loaded.block, &loaded.state, &schedule).unwrap();
        let expected: Vec<_> = expected.into_iter().map(|one| one.access).collect();
        let pairs = outcome.observed.iter().zip(&expected);
        if let Some(index) = pairs.clone().position(|(found, expected)| found != expected) {
            let (found, expected) = (&outcome.observed[index], &expected[index]);
            panic!("block {number}, transaction {index}:\n{found:#?}\n{expected:#?}");
        }
        assert_eq!(outcome.observed.len(), expected.len());
    }
}
