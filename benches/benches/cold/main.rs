//! Blocks on cold state: in order, and by Foresee with nothing known beforehand but the
//! compiled programs, or with predictions made ahead.
//!
//! The state is in memory behind a sleep per read (`slow`), or in an embedded database on
//! a disk whose cache has been dropped (`disk`). Everything runs by turns in one process;
//! medians. Blocks: those of `FORESEE_DATA` that burn 8 Mgas or more; where it is not
//! set, generated ones.
//!
//! ```text
//! cargo bench -p foresee-benches --bench cold -- [sleep=10,50,100] [readers=64]
//!     [threads=2] [runs=3] [block=N,N] [disk=FILE] [blocks]
//! ```

mod batched;
mod disk;
mod measure;
mod slow;

use batched::Batched;
use disk::Disk;
use foresee::{Config, Foresee, Mode};
use foresee_benches as _;
use foresee_execute::{READERS, Readers, StateSource, execute_in_order};
use foresee_source::{LoadedBlock, Snapshot};
use foresee_workload::{Scenario, generate};
use measure::{Meter, Sample, Table};
use slow::Slow;
use std::{
    fmt::Debug,
    fs,
    path::PathBuf,
    time::{Duration, Instant},
};

/// Blocks that burn less are left out.
const GAS_MIN: u64 = 8_000_000;

/// After so many predictions programs have stopped growing.
const WARM_UP: usize = 5;

/// What was asked for.
struct Options {
    sleeps: Vec<u64>,
    readers: usize,
    threads: usize,
    runs: usize,
    /// The only blocks to measure, if any are named.
    only: Vec<u64>,
    disk: Option<PathBuf>,
    each_block: bool,
}

impl Options {
    fn parse() -> Self {
        let mut options = Self {
            sleeps: vec![10, 50, 100],
            readers: READERS,
            threads: 2,
            runs: 3,
            only: Vec::new(),
            disk: None,
            each_block: false,
        };
        for argument in std::env::args().skip(1) {
            let number = |text: &str| text.parse::<u64>().expect("a number is given");
            let numbers = |list: &str| list.split(',').map(number).collect();
            match argument.split_once('=') {
                Some(("sleep", list)) => options.sleeps = numbers(list),
                Some(("block", list)) => options.only = numbers(list),
                Some(("readers", count)) => options.readers = number(count) as usize,
                Some(("threads", count)) => options.threads = number(count) as usize,
                Some(("runs", count)) => options.runs = number(count) as usize,
                Some(("disk", file)) => options.disk = Some(file.into()),
                _ => options.each_block |= argument == "blocks",
            }
        }
        options
    }
}

fn main() {
    let options = Options::parse();
    let config = Config { threads: options.threads, mode: Mode::Parallel, ..Config::default() };
    let foresee = Foresee::new(config).expect("threads can be started");
    let readers = Readers::new(options.readers).expect("threads can be started");
    let blocks: Vec<_> = blocks()
        .into_iter()
        .filter(|loaded| options.only.is_empty() || options.only.contains(&loaded.number))
        .filter(|loaded| {
            let output = execute_in_order(&loaded.block, &loaded.state);
            output.expect("the state is in memory").gas_used >= GAS_MIN
        })
        .collect();
    warm_up(&foresee, &blocks);
    for sleep in &options.sleeps {
        let title = format!("{sleep} µs asked for per read");
        let mut threads = Table::new(format!("{title}, {} threads", options.readers));
        let mut batched = Table::new(format!("{title}, many at once"));
        for loaded in &blocks {
            let meter = Meter::default();
            let slow = || Slow::new(&loaded.state, Duration::from_micros(*sleep), &meter);
            let samples = (0..options.runs)
                .map(|_| sample(&foresee, loaded, &meter, || readers.over(slow())));
            threads.add(loaded.number, samples.collect());
            let samples = (0..options.runs)
                .map(|_| sample(&foresee, loaded, &meter, || Batched { device: slow() }));
            batched.add(loaded.number, samples.collect());
        }
        threads.print(options.each_block);
        batched.print(options.each_block);
    }
    if let Some(file) = &options.disk {
        let states: Vec<_> = blocks.iter().map(|loaded| &loaded.state).collect();
        disk::fill(file, &states).expect("the database can be written");
        let mut table = Table::new(format!("redb, cold, {}", disk::describe(file)));
        for (number, loaded) in (0..).zip(&blocks) {
            let meter = Meter::default();
            let cold = || Disk::open_cold(file, number, &meter).expect("the database can be read");
            let samples = (0..options.runs)
                .map(|_| sample(&foresee, loaded, &meter, || readers.over(cold())));
            table.add(loaded.number, samples.collect());
        }
        table.print(options.each_block);
    }
}

/// Executes a block in every way once, each on a state that is cold again.
fn sample<S: StateSource<Error: Debug>>(
    foresee: &Foresee,
    loaded: &LoadedBlock,
    meter: &Meter,
    cold: impl Fn() -> S,
) -> Sample {
    let block = &loaded.block;
    let ahead = foresee.predict_ahead(block, &loaded.state).expect("the state is in memory");
    let hot = timed(|| execute_in_order(block, &loaded.state));
    // Each state is closed before the next is opened: a database is locked by whoever has it.
    let in_order = {
        let state = cold();
        meter.reset();
        timed(|| execute_in_order(block, &state))
    };
    let latency = meter.latency();
    let (inside, cpu) = {
        let state = cold();
        let cpu = measure::cpu_time();
        meter.reset();
        let inside = timed(|| foresee.execute_cold(block, &state));
        (inside, measure::cpu_time() - cpu)
    };
    let inside_latency = meter.latency();
    let from_ahead = {
        let state = cold();
        timed(|| foresee.execute_cold_ahead(block, &state, &ahead))
    };
    assert!(inside.1.output == in_order.1, "results differ");
    assert!(from_ahead.1.output == in_order.1, "results differ");
    Sample {
        hot: hot.0,
        in_order: in_order.0,
        inside: inside.0,
        ahead: from_ahead.0,
        latency,
        inside_latency,
        cpu,
        inside_reads: inside.1.cold.unwrap_or_default(),
        ahead_reads: from_ahead.1.cold.unwrap_or_default(),
    }
}

fn timed<T, E: Debug>(work: impl FnOnce() -> Result<T, E>) -> (Duration, T) {
    let start = Instant::now();
    let result = work().expect("the block can be executed");
    (start.elapsed(), result)
}

/// The blocks to measure.
fn blocks() -> Vec<LoadedBlock> {
    let Some(data) = std::env::var_os("FORESEE_DATA") else {
        let one = |scenario| generate(scenario, 600, 7).expect("a small block can be generated");
        let scenarios = [Scenario::Mix, Scenario::Erc20Cold, Scenario::Amm];
        return scenarios
            .map(|scenario| one(scenario).into_block().expect("it is well formed"))
            .into();
    };
    let files =
        fs::read_dir(PathBuf::from(data).join("mainnet")).expect("mainnet blocks are there");
    let mut blocks: Vec<_> = files
        .map(|file| {
            let file = file.expect("the folder can be read");
            let snapshot = Snapshot::open(file.path()).expect("it is a snapshot");
            snapshot.into_block().expect("it is well formed")
        })
        .collect();
    blocks.sort_by_key(|loaded| loaded.number);
    blocks
}

/// Predicts blocks until their programs have stopped growing.
fn warm_up(foresee: &Foresee, blocks: &[LoadedBlock]) {
    for loaded in blocks {
        for _ in 0..WARM_UP {
            foresee.predict_ahead(&loaded.block, &loaded.state).expect("the state is in memory");
            foresee.predict_block(&loaded.block, &loaded.state).expect("the state is in memory");
        }
    }
}
