//! The most memory that a block takes: in order, and by Foresee on two threads with
//! nothing known beforehand, or with predictions made ahead.
//!
//! Each way runs in a process of its own, so that none inherits what another has left
//! there. Told are the most bytes that were asked for at one time (`heap`), and the most
//! that the system had to lend (`resident`): with huge pages, of which each counts 2 MiB
//! however little of it is used, and without. Compiled programs stay for later blocks:
//! `but programs` is the heap without these. Blocks: the snapshots named, else generated ones.
//!
//! ```text
//! cargo bench -p foresee-benches --bench memory -- [runs=1] [SNAPSHOT...]
//! ```

#![expect(clippy::print_stdout, reason = "a bench prints")]

use cap::Cap;
use foresee::{Config, Foresee, Mode};
use foresee_execute::execute_in_order;
use foresee_source::Snapshot;
use mimalloc::MiMalloc;
use std::{
    env, fs,
    hint::black_box,
    path::Path,
    process::{Command, Stdio},
};

/// What the command allocates with, counted.
#[global_allocator]
static ALLOCATOR: Cap<MiMalloc> = Cap::new(MiMalloc, usize::MAX);

/// The ways to execute a block; `loaded` is none, but what every other starts from.
const WAYS: [&str; 4] = ["loaded", "in order", "inside", "ahead"];

/// Tells a process that it is to execute a block, and how.
const CHILD: &str = "--way";

fn main() {
    let mut args: Vec<String> = env::args().skip(1).filter(|arg| arg != "--bench").collect();
    if args.first().is_some_and(|arg| arg == CHILD) {
        let [_, way, runs, path] = args.as_slice() else { panic!("{CHILD} WAY RUNS SNAPSHOT") };
        return execute(way, runs.parse().expect("a number of runs"), Path::new(path));
    }
    let mut runs = "1".to_owned();
    args.retain(|arg| match arg.strip_prefix("runs=") {
        Some(number) => {
            number.clone_into(&mut runs);
            false
        }
        None => true,
    });
    if args.is_empty() {
        let blocks = concat!(env!("CARGO_MANIFEST_DIR"), "/../testdata/blocks");
        args = ["mix", "amm"].map(|name| format!("{blocks}/{name}.json.gz")).to_vec();
    }
    println!("KiB, and parts of what in-order execution takes");
    let columns = ["heap", "but programs", "resident", "huge pages"];
    let columns = columns.map(|column| format!("{column:>14}")).join(" ");
    println!("{:>9} {:>9} {columns}", "block", "");
    for path in &args {
        let block = Path::new(path).file_name().and_then(|name| name.to_str()).unwrap_or(path);
        let block = block.trim_end_matches(".json.gz");
        let of_ways = WAYS.map(|way| {
            let [heap, programs, resident] = measure(way, &runs, path, false);
            let [.., huge] = measure(way, &runs, path, true);
            [heap, heap.saturating_sub(programs), resident, huge]
        });
        for (way, sizes) in WAYS.iter().zip(of_ways) {
            let columns = sizes.iter().zip(of_ways[1]);
            let columns = columns.map(|(size, base)| {
                format!("{:>14}", format!("{size} {:.2}", *size as f64 / base as f64))
            });
            println!("{block:>9} {way:>9} {}", columns.collect::<Vec<_>>().join(" "));
        }
    }
}

/// The most memory, in KiB, that a process of its own takes to execute a block: on the heap,
/// in programs at the end, and resident.
fn measure(way: &str, runs: &str, path: &str, huge_pages: bool) -> [u64; 3] {
    let mut child = Command::new(env::current_exe().expect("it has a path"));
    child.args([CHILD, way, runs, path]).stderr(Stdio::inherit());
    child.env("MIMALLOC_ALLOW_THP", if huge_pages { "1" } else { "0" });
    let output = child.output().expect("it can be started once more");
    let text = String::from_utf8(output.stdout).expect("it prints numbers");
    let numbers: Vec<u64> = text.split_whitespace().filter_map(|it| it.parse().ok()).collect();
    numbers.try_into().unwrap_or_else(|_| panic!("{path} cannot be executed"))
}

/// Executes a block so often in one way, and prints what that took at most.
fn execute(way: &str, runs: usize, path: &Path) {
    let loaded = Snapshot::open(path).expect("a snapshot").into_block().expect("well formed");
    let (block, state) = (&loaded.block, &loaded.state);
    let config = Config { threads: 2, mode: Mode::Parallel, ..Config::default() };
    let foresee = Foresee::new(config).expect("threads start");
    for _ in 0..runs {
        match way {
            "in order" => drop(black_box(execute_in_order(block, state))),
            "inside" => drop(black_box(foresee.execute_block(block, state))),
            "ahead" => {
                let ahead = foresee.predict_ahead(block, state).expect("it is in memory");
                drop(black_box(foresee.execute_ahead(block, state, &ahead)));
            }
            _ => {}
        }
    }
    let status = fs::read_to_string("/proc/self/status").expect("Linux tells");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let resident = line.and_then(|line| line.trim().strip_suffix(" kB"));
    let resident = resident.expect("Linux tells").trim();
    let [heap, programs] =
        [ALLOCATOR.max_allocated(), foresee.cache().size()].map(|bytes| bytes / 1024);
    println!("{heap} {programs} {resident}");
}
