//! What access lists and records cost, and what is gained by following them.
//!
//! ```text
//! cargo bench -p foresee-benches --bench recorded -- [RUNS THREADS SNAPSHOT...]
//! ```
//!
//! Every way of executing a block runs in turn, RUNS times; told are the medians as
//! parts of in-order time, and their geometric means. `and list`, `and sets` and `and
//! record` are `ahead` with one more asked for each. What comes after the block is apart:
//! `hash` is that of the list, which, like the roots of receipts and state, whoever seals the
//! block computes, `sets` is what it takes to look at what was noted of each transaction as
//! sorted sets, and `bytes` is the record in its binary form, these sets included. `alone` is
//! `ahead` without the results of precompiles and the hashes that predictions yield beside
//! sets, and a list does not; a record yields the results, which are computed when it is
//! read; `both` are by record and by list, predicted ahead as well.
//! `bad list` follows one in which every value is wrong: what a block costs that falls back,
//! transaction by transaction.
#![expect(clippy::print_stdout, reason = "a bench prints")]

use alloy_primitives::U256;
use foresee::{Config, Foresee, Guide, Mode, Recorded, Rerun};
use foresee_benches as _;
use foresee_execute::{AccessList, Record, execute_in_order};
use foresee_source::Snapshot;
use std::{env, hint::black_box, path::Path, time::Instant};

const WAYS: [&str; 13] = [
    "ahead",
    "and list",
    "and sets",
    "and record",
    "alone",
    "by record",
    "by list",
    "bad list",
    "rec. both",
    "list both",
    "hash",
    "sets",
    "bytes",
];

fn main() {
    let mut args: Vec<String> = env::args().skip(1).filter(|arg| arg != "--bench").collect();
    if args.is_empty() {
        let blocks = concat!(env!("CARGO_MANIFEST_DIR"), "/../testdata/blocks");
        args = ["5", "2"].map(str::to_owned).to_vec();
        args.extend(["mix", "amm"].map(|name| format!("{blocks}/{name}.json.gz")));
    }
    let mut args = args.into_iter();
    let mut number = || args.next().and_then(|number| number.parse::<usize>().ok());
    let (runs, threads) = number().zip(number()).expect("runs and threads");
    let config = Config { threads, mode: Mode::Parallel, ..Config::default() };
    let start = |observe, access_list| {
        Foresee::new(Config { observe, access_list, ..config }).expect("threads start")
    };
    let [plain, listing, observing, recording] =
        [(false, false), (false, true), (true, false), (true, true)]
            .map(|(observe, access_list)| start(observe, access_list));
    let mut logs = [0.0; WAYS.len()];
    let mut blocks = 0.0;
    println!("{:>9} {:>9} {}", "block", "in order", WAYS.map(|way| format!("{way:>10}")).join(" "));
    for path in args {
        let loaded =
            Snapshot::open(Path::new(&path)).expect("snapshot").into_block().expect("block");
        let (block, state) = (&loaded.block, &loaded.state);
        let made = recording.execute_block(block, state).expect("execution");
        let made = recording.record(block, made, None).expect("it was asked for");
        let Recorded { record, access_list: list, .. } = made;
        // As it is when it was read from a file.
        let record = Record::from_bytes(&record.to_bytes()).expect("it was written just now");
        let rerun = Rerun::new(record);
        let bad = falsified(&list);
        let list_hash = list.compute_hash();
        let mut times: [Vec<f64>; WAYS.len() + 1] = Default::default();
        for _ in 0..runs {
            drop(time(&mut times[0], || execute_in_order(block, state)));
            let mut ahead = plain.predict_ahead(block, state).expect("prediction");
            let mut given = Some(ahead.clone());
            for (way, it) in [(1, &plain), (2, &listing), (3, &observing)] {
                drop(time(&mut times[way], || it.execute_ahead(block, state, &ahead)));
            }
            let made = time(&mut times[4], || {
                let executed = recording.execute_ahead(block, state, &ahead).expect("execution");
                let executed = executed.foreseen(given.take().expect("it is given once"));
                recording.record(block, executed, None).expect("it was asked for")
            });
            time(&mut times[11], || list.compute_hash());
            let mut fresh = made.record;
            // What a list's hash takes is told apart.
            fresh.access_list_hash = list_hash.into();
            let again = fresh.clone();
            time(&mut times[12], || {
                again.transactions.iter().map(|tx| tx.observed.len()).sum::<usize>()
            });
            time(&mut times[13], || fresh.to_bytes());
            for (way, guide) in [(9, Guide::Record(&rerun)), (10, Guide::AccessList(&list))] {
                let ahead = Some(&ahead[..]);
                drop(time(&mut times[way], || plain.execute_guided(block, state, guide, ahead)));
            }
            for one in &mut ahead {
                (one.precompiled, one.hashes) = Default::default();
            }
            drop(time(&mut times[5], || plain.execute_ahead(block, state, &ahead)));
            for (way, guide) in [
                (6, Guide::Record(&rerun)),
                (7, Guide::AccessList(&list)),
                (8, Guide::AccessList(&bad)),
            ] {
                drop(time(&mut times[way], || plain.execute_guided(block, state, guide, None)));
            }
        }
        let medians = times.map(|mut times| {
            times.sort_by(f64::total_cmp);
            times[times.len() / 2]
        });
        let ratios: Vec<_> = medians[1..].iter().map(|median| median / medians[0]).collect();
        for (log, ratio) in logs.iter_mut().zip(&ratios) {
            *log += ratio.ln();
        }
        blocks += 1.0;
        print(loaded.number.to_string(), &format!("{:.2} ms", 1e3 * medians[0]), &ratios);
    }
    let means: Vec<_> = logs.iter().map(|log| f64::exp(log / blocks)).collect();
    print("mean".to_owned(), "", &means);
}

/// Times some work; what it leaves behind goes without a clock.
fn time<T>(times: &mut Vec<f64>, work: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let done = black_box(work());
    times.push(start.elapsed().as_secs_f64());
    done
}

/// The list with every value of every slot wrong.
fn falsified(list: &AccessList) -> AccessList {
    let mut accounts = list.to_vec();
    let slots = accounts.iter_mut().flat_map(|account| &mut account.storage_changes);
    for change in slots.flat_map(|slot| &mut slot.changes) {
        change.new_value = change.new_value.wrapping_add(U256::ONE);
    }
    AccessList::new(accounts)
}

fn print(name: String, in_order: &str, ratios: &[f64]) {
    let ratios: Vec<_> = ratios.iter().map(|ratio| format!("{ratio:>10.3}")).collect();
    println!("{name:>9} {in_order:>9} {}", ratios.join(" "));
}
