//! Whatever is predicted, on however many threads: the result is that of in-order
//! execution.

use crate::{
    asking::{Asking, Gone},
    mainnet,
};
use alloy_primitives::{Address, Bytes, U256};
use core::sync::atomic::{AtomicI64, Ordering};
use foresee::{Config, DecisionReason, Foresee, Mode, execute::Policy};
use foresee_access::{AccessSet, Field, Touch, TxIndex};
use foresee_execute::{CancelToken, ExecuteError, Task, execute_in_order, observe};
use foresee_predict::{Ahead, PrecompileCall, Prediction};
use foresee_schedule::{Additions, DependencyDag, Node, Prepared, Schedule};
use foresee_source::LoadedBlock;
use foresee_workload::{Scenario, generate};
use proptest::prelude::*;
use revm::{
    precompile::PrecompileOutput,
    primitives::TxKind,
    state::{AccountInfo, Bytecode},
};

fn foresee(threads: usize, policy: Policy) -> Foresee {
    let mode = Mode::Parallel;
    Foresee::new(Config { threads, policy, mode, ..Config::default() }).unwrap()
}

/// Executes a block with predictions inside and ahead, twice so that the second time
/// every program is compiled, and compares with in-order execution.
fn check(foresee: &Foresee, loaded: &LoadedBlock, name: &str) {
    let (block, state) = (&loaded.block, &loaded.state);
    let in_order = execute_in_order(block, state).unwrap();
    let config = foresee.config();
    for pass in ["cold", "warm"] {
        let inside = foresee.execute_block(block, state).unwrap();
        assert!(inside.output == in_order, "{name}, inside, {pass}, {config:?}");
        assert!(inside.decision.parallel && inside.decision.threads == config.threads);
        let ahead = foresee.predict_ahead(block, state).unwrap();
        have_the_schedule_of_their_dag(&ahead, name);
        let ahead = foresee.execute_ahead(block, state, &ahead).unwrap();
        assert!(ahead.output == in_order, "{name}, ahead, {pass}, {config:?}");
    }
}

/// Fingerprints order transactions as whole locations do.
fn have_the_schedule_of_their_dag(ahead: &[Ahead], name: &str) {
    let sets = ahead.iter().map(|Ahead { prediction, .. }| {
        let touches = prediction.access.touches().map(|(location, touch)| {
            let is_code = location.field == Field::Code;
            let writes = !prediction.success && touch.has(Touch::READ) && !is_code;
            (location, touch.and(Touch::WRITE.only_if(writes)))
        });
        touches.collect::<AccessSet>()
    });
    let sets: Vec<_> = sets.collect();
    let nodes = sets.iter().zip(ahead).map(|(access, Ahead { prediction, .. })| Node {
        access,
        gas: prediction.gas_used,
        in_order: !prediction.success,
    });
    let nodes: Vec<_> = nodes.collect();
    let prepared = ahead.iter().map(|Ahead { prediction, footprint, .. }| Prepared {
        access: &prediction.access,
        footprint,
        gas: prediction.gas_used,
        in_order: !prediction.success,
        may_write_all: !prediction.success,
    });
    let prepared: Vec<_> = prepared.collect();
    for additions in [Additions::Free, Additions::Ordered] {
        let dag = DependencyDag::build_with(&nodes, additions);
        let schedule = Schedule::build(&prepared, additions);
        assert!(schedule == Schedule::from_dag(&dag), "{name}, {additions:?}");
    }
}

#[test]
fn generated_blocks_equal_in_order_execution() {
    let foresees = [1, 2, 3, 8, 64].map(|threads| foresee(threads, Policy::Dataflow));
    let layers = foresee(3, Policy::Layers);
    for scenario in Scenario::ALL {
        let loaded = generate(scenario, 40, 3).unwrap().into_block().unwrap();
        for foresee in foresees.iter().chain([&layers]) {
            check(foresee, &loaded, scenario.name());
        }
    }
}

#[test]
#[ignore = "needs FORESEE_DATA"]
fn mainnet_blocks_equal_in_order_execution() {
    let policies = [Policy::Dataflow, Policy::Layers];
    let foresees: Vec<_> = policies
        .into_iter()
        .flat_map(|policy| [1, 2, 3, 8, 64].map(|threads| foresee(threads, policy)))
        .collect();
    for (name, loaded) in mainnet::blocks() {
        for foresee in &foresees {
            check(foresee, &loaded, &name);
        }
    }
}

#[test]
fn what_is_cancelled_yields_nothing_and_what_is_not_yields_all() {
    let loaded = generate(Scenario::Mix, 30, 2).unwrap().into_block().unwrap();
    let (block, state) = (&loaded.block, &loaded.state);
    let in_order = execute_in_order(block, state).unwrap();
    for (threads, mode) in [(1, Mode::Auto), (2, Mode::Parallel), (3, Mode::Parallel)] {
        let foresee = Foresee::new(Config { threads, mode, ..Config::default() }).unwrap();
        let token = CancelToken::new();
        let cancelled = foresee.cancelled_by(token.clone());
        let ahead = foresee.predict_ahead(block, state).unwrap();
        assert!(cancelled.execute_block(block, state).unwrap().output == in_order);
        assert!(cancelled.execute_ahead(block, state, &ahead).unwrap().output == in_order);
        token.cancel();
        for result in
            [cancelled.execute_block(block, state), cancelled.execute_ahead(block, state, &ahead)]
        {
            assert!(matches!(result, Err(ExecuteError::Cancelled)), "{threads} {mode:?}");
        }
        assert!(foresee.execute_block(block, state).unwrap().output == in_order);
    }
}

#[test]
fn one_thread_and_one_transaction_need_no_prediction() {
    let loaded = generate(Scenario::Payments, 1, 1).unwrap().into_block().unwrap();
    let reasons = [(1, DecisionReason::OneThread), (2, DecisionReason::FewTransactions)];
    for (threads, reason) in reasons {
        let foresee = Foresee::new(Config { threads, ..Config::default() }).unwrap();
        let executed = foresee.execute_block(&loaded.block, &loaded.state).unwrap();
        assert_eq!((executed.decision.parallel, executed.decision.reason), (false, reason));
        assert!(executed.predictions.is_empty());
    }
}

#[test]
fn a_block_in_order_teaches_what_gas_takes_however_it_is_executed() {
    // So few transactions are not shared.
    let loaded = generate(Scenario::Erc20Hot, 40, 1).unwrap().into_block().unwrap();
    let (block, state) = (&loaded.block, &loaded.state);
    let foresee = || Foresee::new(Config { threads: 2, ..Config::default() }).unwrap();
    // Whose results of precompiles are known is not executed by the leanest in-order run.
    let result = PrecompileCall {
        address: Address::with_last_byte(2),
        input: Bytes::new(),
        output: PrecompileOutput::new(60, Bytes::new(), 0),
    };
    for precompiled in [vec![], vec![result]] {
        let foresee = foresee();
        let before = foresee.costs();
        let mut ahead = foresee.predict_ahead(block, state).unwrap();
        ahead[0].precompiled = precompiled;
        let executed = foresee.execute_ahead(block, state, &ahead).unwrap();
        assert_eq!(executed.decision.reason, DecisionReason::LittleWork);
        assert_ne!(foresee.costs().limit_percent, before.limit_percent);
    }
}

#[test]
fn the_score_comes_with_the_block_however_it_is_executed() {
    for scenario in Scenario::ALL {
        let loaded = generate(scenario, 20, 5).unwrap().into_block().unwrap();
        let (block, state) = (&loaded.block, &loaded.state);
        let in_order = execute_in_order(block, state).unwrap();
        let observed: Vec<_> =
            observe(block, state).unwrap().into_iter().map(|one| one.access).collect();
        let ways = [(3, Mode::Parallel), (1, Mode::Parallel), (1, Mode::Auto), (3, Mode::InOrder)];
        let mut scores = ways.map(|(threads, mode)| {
            let config = Config { threads, mode, score: true, ..Config::default() };
            let foresee = Foresee::new(config).unwrap();
            let executed = foresee.execute_block(block, state).unwrap();
            assert!(executed.output == in_order, "{scenario}, {config:?}");
            assert!(executed.observed == observed, "{scenario}, {config:?}");
            assert_eq!(executed.predictions.len(), block.transactions.len());
            let ahead = foresee.predict_ahead(block, state).unwrap();
            let ahead = foresee.execute_ahead(block, state, &ahead).unwrap();
            assert_eq!(ahead.score(), executed.score(), "{scenario}, {config:?}");
            assert_eq!(ahead.predictions, executed.predictions, "{scenario}, {config:?}");
            executed.score().unwrap()
        });
        assert!(scores[0].transactions > 0, "{scenario}");
        scores.sort_by_key(|score| score.exact);
        assert_eq!(scores[0], scores[3], "{scenario}");
    }
}

/// The hash of no code tells whether the account is empty
/// ([EIP-1052](https://eips.ethereum.org/EIPS/eip-1052)).
#[test]
fn who_asks_for_the_hash_of_no_code_waits_for_a_payment_to_the_account() {
    let mut loaded = generate(Scenario::Payments, 3, 1).unwrap().into_block().unwrap();
    let [paid, asking] = [0xfe, 0xfd].map(Address::repeat_byte);
    let code = [&[0x73], paid.as_slice(), &[0x3f, 0x5f, 0x55, 0x00]].concat();
    let code = Bytecode::new_legacy(code.into());
    let contract = AccountInfo::new(U256::ZERO, 1, code.hash_slow(), code);
    loaded.state.insert_account_info(asking, contract);
    let LoadedBlock { block, state, .. } = &mut loaded;
    block.transactions[0].kind = TxKind::Call(paid);
    block.transactions[2].kind = TxKind::Call(asking);
    block.transactions[2].gas_limit = 100_000;
    let config = Config { threads: 2, mode: Mode::Parallel, score: true, ..Config::default() };
    let foresee = Foresee::new(config).unwrap();
    let executed = foresee.execute_block(block, state).unwrap();
    assert!(executed.output == execute_in_order(block, state).unwrap());
    assert_eq!(executed.score().unwrap().exact, 3);
    assert_eq!(executed.stats.reexecuted.len(), 0);
    let dag = foresee.schedule(block, &executed.predictions);
    assert!(dag.pairs().map(|(from, to)| [from, to].map(TxIndex::position)).eq([[0, 2]]));
}

#[test]
fn a_timeline_tells_what_each_thread_did() {
    let loaded = generate(Scenario::Mix, 30, 2).unwrap().into_block().unwrap();
    let config = Config { threads: 3, mode: Mode::Parallel, timeline: true, ..Config::default() };
    let foresee = Foresee::new(config).unwrap();
    let executed = foresee.execute_block(&loaded.block, &loaded.state).unwrap();
    let mut turns = Vec::new();
    for thread in &executed.timeline {
        assert!(thread.is_sorted_by(|a, b| a.end <= b.start), "{thread:?}");
        turns.extend(thread.iter().filter_map(|activity| match activity.task {
            Task::Turn(tx) => Some((activity.start, tx.position())),
            Task::Ahead(_) | Task::Wait => None,
        }));
    }
    turns.sort_unstable();
    assert!(turns.into_iter().map(|(_, tx)| tx).eq(0..loaded.block.transactions.len()));
    let unasked = Config { timeline: false, ..config };
    let foresee = Foresee::new(unasked).unwrap();
    assert!(foresee.execute_block(&loaded.block, &loaded.state).unwrap().timeline.is_empty());
}

#[test]
fn without_being_asked_nothing_is_scored() {
    let loaded = generate(Scenario::Amm, 10, 1).unwrap().into_block().unwrap();
    let executed =
        foresee(2, Policy::Dataflow).execute_block(&loaded.block, &loaded.state).unwrap();
    assert!(executed.score().is_none() && executed.observed.is_empty());
}

#[test]
fn a_failing_state_is_an_error_and_never_half_a_block() {
    let loaded = generate(Scenario::Mix, 12, 9).unwrap().into_block().unwrap();
    let (block, state) = (&loaded.block, &loaded.state);
    let in_order = execute_in_order(block, state).unwrap();
    let foresee = foresee(3, Policy::Dataflow);
    let mut succeeded = false;
    for reads in 0..1_500 {
        let reads_left = AtomicI64::new(reads);
        let failing = Asking::new(state, |_| match reads_left.fetch_sub(1, Ordering::Relaxed) {
            1.. => Ok(()),
            _ => Err(Gone),
        });
        match foresee.execute_block(block, &failing) {
            Ok(executed) => {
                succeeded = true;
                assert!(executed.output == in_order, "after {reads} reads");
            }
            Err(error) => assert!(matches!(error, ExecuteError::Database(Gone)), "{error}"),
        }
    }
    assert!(succeeded, "with enough reads the block is executed");
}

/// How a prediction is falsified.
#[derive(Clone, Copy, Debug)]
enum Lie {
    /// Nothing is accessed.
    Deny,
    /// What another transaction accesses is claimed.
    Claim(usize),
    /// Nothing orders.
    Commute,
    /// Reads and writes are exchanged.
    Swap,
}

fn lie() -> impl Strategy<Value = Option<Lie>> {
    prop_oneof![
        Just(None),
        Just(Some(Lie::Deny)),
        any::<usize>().prop_map(|other| Some(Lie::Claim(other))),
        Just(Some(Lie::Commute)),
        Just(Some(Lie::Swap)),
    ]
}

/// The predictions with lies in them.
fn falsified(honest: &[Prediction], lies: &[Option<Lie>]) -> Vec<Prediction> {
    let one = |(prediction, lie): (&Prediction, &Option<Lie>)| {
        let set = &prediction.access;
        let access = match lie {
            None => prediction.access.clone(),
            Some(Lie::Deny) => AccessSet::default(),
            Some(Lie::Claim(other)) => honest[other % honest.len()].access.clone(),
            Some(Lie::Commute) => {
                AccessSet::new(set.reads(), set.writes(), set.reads().chain(set.writes()))
            }
            Some(Lie::Swap) => AccessSet::new(set.writes(), set.reads(), set.commutative()),
        };
        Prediction { access, gas_used: prediction.gas_used / 3, ..prediction.clone() }
    };
    honest.iter().zip(lies).map(one).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    /// Predictions that deny accesses, claim those of others, and call everything
    /// commutative: they cost time and change nothing. proptest prints the case.
    #[test]
    fn lies_change_nothing(
        scenario in prop::sample::select(Scenario::ALL.to_vec()),
        seed in 0..4u64,
        threads in 1..5usize,
        policy in prop::sample::select(vec![Policy::Dataflow, Policy::Layers]),
        lies in prop::collection::vec(lie(), 30),
        reversed in any::<bool>(),
    ) {
        let loaded = generate(scenario, 30, seed).unwrap().into_block().unwrap();
        let (block, state) = (&loaded.block, &loaded.state);
        let foresee = foresee(threads, policy);
        let mut predictions = foresee.predict_block(block, state).unwrap();
        if reversed {
            predictions.reverse();
        }
        let predictions = falsified(&predictions, &lies);
        let executed = foresee.execute_predicted(block, state, predictions).unwrap();
        prop_assert!(executed.output == execute_in_order(block, state).unwrap());
    }
}
