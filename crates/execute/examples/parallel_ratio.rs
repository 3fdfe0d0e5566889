//! How long parallel execution takes in relation to in-order execution, under the
//! schedule of the dependencies that there really are.
//!
//! `cargo run --release -p foresee-execute --example parallel_ratio -- RUNS THREADS... -- SNAPSHOT...`
//!
//! In-order and parallel runs alternate; the medians of each are compared, and the
//! shortest of each.
#![expect(clippy::print_stdout, reason = "it is an example")]

use foresee_execute::{
    ParallelConfig, ParallelExecutor, Policy, execute_in_order, observe, true_dag,
};
use foresee_schedule::Schedule;
use foresee_source::{LoadedBlock, Snapshot};
use std::time::{Duration, Instant};

/// Blocks that use less gas are not measured.
const GAS_MIN: u64 = 8_000_000;

fn main() {
    let mut args = std::env::args().skip(1);
    let runs: usize = args.next().and_then(|runs| runs.parse().ok()).expect("number of runs");
    let executors: Vec<_> = args
        .by_ref()
        .take_while(|arg| arg != "--")
        .map(|arg| {
            let policy = if arg.ends_with('l') { Policy::Layers } else { Policy::Dataflow };
            let threads = arg.trim_end_matches('l').parse().expect("number of threads");
            ParallelExecutor::new(ParallelConfig { threads, policy }).expect("threads")
        })
        .collect();
    let mut logs = vec![(0.0, 0.0); executors.len()];
    let mut blocks = 0;
    for path in args {
        let loaded = Snapshot::open(&path).expect("snapshot").into_block().expect("block");
        let in_order = execute_in_order(&loaded.block, &loaded.state).expect("execution");
        if in_order.gas_used < GAS_MIN {
            continue;
        }
        let schedule = perfect(&loaded);
        let mut times = vec![Vec::new(); executors.len() + 1];
        let mut stats = Vec::new();
        for _ in 0..runs {
            let start = Instant::now();
            let output = execute_in_order(&loaded.block, &loaded.state);
            times[0].push(start.elapsed());
            drop(output);
            stats.clear();
            for (executor, times) in executors.iter().zip(&mut times[1..]) {
                let start = Instant::now();
                let outcome = executor.execute(&loaded.block, &loaded.state, &schedule);
                times.push(start.elapsed());
                stats.push(outcome.expect("execution").stats);
            }
        }
        let shortest: Vec<_> = times.iter().filter_map(|times| times.iter().min()).collect();
        let shortest: Vec<_> = shortest.iter().map(|time| time.as_secs_f64()).collect();
        let medians: Vec<_> = times.iter().cloned().map(median).collect();
        print!("{:>9} {:>5} {:>8.2?}", loaded.number, schedule.len(), medians[0]);
        for (position, stats) in stats.iter().enumerate() {
            let ratio = medians[position + 1].as_secs_f64() / medians[0].as_secs_f64();
            let best = shortest[position + 1] / shortest[0];
            logs[position].0 += ratio.ln();
            logs[position].1 += best.ln();
            let (ahead, again) = (stats.ahead, stats.reexecuted.len());
            print!("  {ratio:.3} {best:.3} ({ahead} ahead, {again} again)");
        }
        println!();
        blocks += 1;
    }
    for (executor, log) in executors.iter().zip(logs) {
        let [median, best] = [log.0, log.1].map(|log| (log / f64::from(blocks)).exp());
        println!("{:?}: geometric means {median:.3}, {best:.3}", executor.config());
    }
}

/// The schedule of the dependencies that there really are.
fn perfect(loaded: &LoadedBlock) -> Schedule {
    let observations = observe(&loaded.block, &loaded.state).expect("execution");
    Schedule::from_dag(&true_dag(&loaded.block, &observations))
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}
