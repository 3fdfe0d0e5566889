//! Whole blocks: in order, and in parallel with prediction inside, ahead, perfect and
//! empty; and prediction alone, cold and warm.
//!
//! Blocks: `mix` of 200 transactions always; where `FORESEE_DATA` names the data
//! folder, mainnet blocks of several years as well. In-order execution is measured in
//! the same run, so that ratios can be taken.

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use foresee::{Config, Foresee, Mode};
use foresee_benches as _;
use foresee_execute::{
    ParallelConfig, ParallelExecutor, Policy, execute_in_order, observe, true_dag,
};
use foresee_predict::{BlockPredictor, Complete, Learning, PredictOptions, ProgramCache};
use foresee_schedule::Schedule;
use foresee_source::{LoadedBlock, Snapshot};
use foresee_workload::{Scenario, generate};
use std::{hint::black_box, path::PathBuf, time::Duration};

/// Mainnet blocks measured where they are at hand.
const MAINNET: [&str; 4] = ["12047794", "14029313", "17034869", "19932148"];

/// The blocks to measure, with names.
fn blocks() -> Vec<(String, LoadedBlock)> {
    let mix = generate(Scenario::Mix, 200, 7).expect("a small block can be generated");
    let mut blocks = vec![("mix".to_owned(), mix.into_block().expect("it is well formed"))];
    if let Some(data) = std::env::var_os("FORESEE_DATA") {
        for name in MAINNET {
            let path = PathBuf::from(&data).join(format!("mainnet/{name}.json.gz"));
            let snapshot = Snapshot::open(&path).expect("FORESEE_DATA holds mainnet blocks");
            blocks.push((name.to_owned(), snapshot.into_block().expect("it is well formed")));
        }
    }
    blocks
}

/// The schedule that the observed accesses give.
fn perfect(loaded: &LoadedBlock) -> Schedule {
    let observed = observe(&loaded.block, &loaded.state).expect("the state is in memory");
    Schedule::from_dag(&true_dag(&loaded.block, &observed))
}

/// How often a block is predicted before its programs count as warm.
const WARM_UP: usize = 4;

fn predict(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("predict");
    for (name, loaded) in blocks() {
        let run = |cache: &ProgramCache, learning| {
            let (block, view) = (&loaded.block, Complete(&loaded.state));
            let options = PredictOptions { learning, ..PredictOptions::default() };
            let mut predictor = BlockPredictor::new(cache, &block.cfg, &block.env, view, options);
            for tx in &block.transactions {
                black_box(predictor.predict(tx).expect("the state is in memory"));
            }
        };
        group.bench_function(BenchmarkId::new("cold", &name), |bencher| {
            bencher.iter(|| run(&ProgramCache::new(), Learning::Bounded));
        });
        let cache = ProgramCache::new();
        for _ in 0..WARM_UP {
            run(&cache, Learning::Everything);
        }
        group.bench_function(BenchmarkId::new("warm", &name), |bencher| {
            bencher.iter(|| run(&cache, Learning::Bounded));
        });
    }
    group.finish();
}

fn execute(criterion: &mut Criterion) {
    for (name, loaded) in blocks() {
        let (block, state) = (&loaded.block, &loaded.state);
        let mut group = criterion.benchmark_group(format!("execute/{name}"));
        group.bench_function("in-order", |bencher| {
            bencher.iter(|| execute_in_order(block, state).expect("the state is in memory"));
        });
        let schedules = [
            ("empty", Schedule::independent(block.transactions.len())),
            ("perfect", perfect(&loaded)),
        ];
        for threads in [1, 2] {
            for policy in [Policy::Dataflow, Policy::Layers] {
                let executor = ParallelExecutor::new(ParallelConfig { threads, policy })
                    .expect("two threads can be started");
                for (schedule_name, schedule) in &schedules {
                    let id = format!("{schedule_name}/{policy:?}/{threads}");
                    group.bench_function(id, |bencher| {
                        bencher.iter(|| executor.execute(block, state, schedule));
                    });
                }
            }
            for policy in [Policy::Dataflow, Policy::Layers] {
                let config = Config { threads, policy, mode: Mode::Parallel, ..Config::default() };
                let foresee = Foresee::new(config).expect("two threads can be started");
                group.bench_function(format!("predicted-inside/{policy:?}/{threads}"), |bencher| {
                    bencher.iter(|| foresee.execute_block(block, state));
                });
                let ahead = foresee.predict_ahead(block, state).expect("the state is in memory");
                group.bench_function(format!("predicted-ahead/{policy:?}/{threads}"), |bencher| {
                    bencher.iter(|| foresee.execute_ahead(block, state, &ahead));
                });
            }
            let config = Config { threads, ..Config::default() };
            let foresee = Foresee::new(config).expect("two threads can be started");
            group.bench_function(format!("chosen/{threads}"), |bencher| {
                bencher.iter(|| foresee.execute_block(block, state));
            });
        }
        group.finish();
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(15)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1));
    targets = predict, execute
}
criterion_main!(benches);
