//! A prediction is a function of the block and the state before it: the same to the last
//! bit for a cold cache, a warm one, one that was read from a file, one that other blocks
//! have filled in whatever order, and one that several threads fill at the same time.

use crate::mainnet;
use core::convert::Infallible;
use foresee_execute::PreBlock;
use foresee_predict::{
    BlockPredictor, Complete, Learning, PredictOptions, Prediction, ProgramCache, StateView,
    WithoutStorage,
};
use foresee_source::LoadedBlock;
use foresee_workload::{Scenario, generate};
use std::thread;

/// How often a block is predicted before its programs count as warm.
const WARM_UP: usize = 4;

/// How to predict, and on what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum How {
    /// In block order, with labels.
    InOrder,
    /// Each transaction alone.
    Alone,
    /// Without storage.
    WithoutStorage,
    /// In block order, none further than so many steps.
    Limited(u64),
}

const ALL: [How; 6] = [
    How::InOrder,
    How::Alone,
    How::WithoutStorage,
    How::Limited(4),
    How::Limited(40),
    How::Limited(400),
];

fn predict(cache: &ProgramCache, loaded: &LoadedBlock, how: How) -> Vec<Prediction> {
    match how {
        How::WithoutStorage => over(cache, loaded, how, WithoutStorage(&loaded.state)),
        _ => over(cache, loaded, how, Complete(&loaded.state)),
    }
}

fn over<S: StateView<Error = Infallible>>(
    cache: &ProgramCache,
    loaded: &LoadedBlock,
    how: How,
    view: S,
) -> Vec<Prediction> {
    let block = &loaded.block;
    let learning = Learning::Everything;
    let mut options =
        PredictOptions { labels: true, dependencies: true, learning, ..PredictOptions::default() };
    if let How::Limited(steps_max) = how {
        options.steps_max = steps_max;
    }
    let mut predictor = BlockPredictor::new(cache, &block.cfg, &block.env, view, options);
    let pre = PreBlock::run(block, &loaded.state).unwrap();
    pre.changes().iter().for_each(|changes| predictor.apply(changes));
    let one = |tx| match how {
        How::Alone => predictor.predict_alone(tx),
        _ => predictor.predict(tx),
    };
    block.transactions.iter().map(one).collect::<Result<_, _>>().unwrap()
}

/// A cache that was filled by these blocks, in their order.
fn filled<'a>(blocks: impl IntoIterator<Item = &'a LoadedBlock>) -> ProgramCache {
    let cache = ProgramCache::new();
    for block in blocks {
        (0..WARM_UP).for_each(|_| drop(predict(&cache, block, How::InOrder)));
    }
    assert!(cache.size() > 2 * cache.code_size(), "little was compiled");
    cache
}

fn check(blocks: &[(String, LoadedBlock)]) {
    let all = || blocks.iter().map(|(_, loaded)| loaded);
    let in_order = filled(all());
    let backwards = filled(all().collect::<Vec<_>>().into_iter().rev());
    let read = ProgramCache::new();
    read.load(&in_order.to_bytes()).unwrap();
    let caches = [("in order", in_order), ("backwards", backwards), ("read", read)];
    for (name, loaded) in blocks {
        for how in ALL {
            let cold = predict(&ProgramCache::new(), loaded, how);
            for (state, cache) in &caches {
                same(&cold, &predict(cache, loaded, how), &format!("{name}, {how:?}, {state}"));
            }
        }
    }
    let shared = ProgramCache::new();
    thread::scope(|scope| {
        for thread in 0..3 {
            let shared = &shared;
            scope.spawn(move || {
                for position in 0..blocks.len() {
                    let (name, loaded) = &blocks[(position + thread) % blocks.len()];
                    let cold = predict(&ProgramCache::new(), loaded, How::InOrder);
                    let name = format!("{name}, thread {thread}");
                    same(&cold, &predict(shared, loaded, How::InOrder), &name);
                }
            });
        }
    });
}

fn same(expected: &[Prediction], found: &[Prediction], at: &str) {
    assert_eq!(expected.len(), found.len(), "{at}");
    for (index, (expected, found)) in expected.iter().zip(found).enumerate() {
        assert_eq!(expected, found, "{at}, transaction {index}");
    }
}

#[test]
fn generated_blocks_are_predicted_the_same_whatever_was_before() {
    let block = |scenario: Scenario| {
        let loaded = generate(scenario, 40, 3).unwrap().into_block().unwrap();
        (scenario.to_string(), loaded)
    };
    check(&Scenario::ALL.map(block));
}

#[test]
#[ignore = "needs FORESEE_DATA"]
fn mainnet_blocks_are_predicted_the_same_whatever_was_before() {
    check(&mainnet::blocks().collect::<Vec<_>>());
}
