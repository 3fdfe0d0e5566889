use foresee::*;
use foresee_execute::{Task, execute_in_order};
use foresee_source::Snapshot;
use std::time::{Duration, Instant};
#[global_allocator]
static GLOBAL: mimalloc::MiMalloc = mimalloc::MiMalloc;
fn main() {
    let mut args = std::env::args().skip(1);
    let ahead = args.next().unwrap() == "ahead";
    let least: u64 = args.next().unwrap().parse().unwrap();
    let runs: usize = args.next().unwrap().parse().unwrap();
    for path in args {
        let loaded = Snapshot::open(&path).unwrap().into_block().unwrap();
        let (b, s) = (&loaded.block, &loaded.state);
        let f = Foresee::new(Config {
            threads: 2,
            timeline: std::env::var("TL").is_ok(),
            ..Config::default()
        })
        .unwrap();
        for run in 0..runs {
            let st = Instant::now();
            let o = execute_in_order(b, s).unwrap();
            let seq = st.elapsed();
            drop(o);
            if std::env::var("PB").is_ok() {
                let _ = f.predict_block(b, s).unwrap();
            }
            let known = ahead.then(|| f.predict_ahead(b, s).unwrap());
            let st = Instant::now();
            let e = match &known {
                Some(known) => f.execute_ahead(b, s, known).unwrap(),
                None => f.execute_block(b, s).unwrap(),
            };
            let par = st.elapsed();
            println!(
                "run {run} seq {seq:?} par {par:?} ratio {:.2} {:?} reex {} gas {}",
                seq.as_secs_f64() / par.as_secs_f64(),
                e.decision.reason,
                e.stats.reexecuted.len(),
                e.stats.reexecuted.iter().map(|r| r.gas).sum::<u64>()
            );
            for r in &e.stats.reexecuted {
                if r.gas > 300_000 || run + 1 == runs {
                    println!("   again {:?}", r);
                }
            }
            for t in &e.timeline {
                let mut sums = [Duration::ZERO; 3];
                let mut cnt = [0; 3];
                for a in t {
                    let k = match a.task {
                        Task::Wait => 0,
                        Task::Ahead(_) => 1,
                        Task::Turn(_) => 2,
                    };
                    sums[k] += a.end - a.start;
                    cnt[k] += 1;
                }
                println!(
                    "   first {:?} last {:?} wait {:?}({}) ahead {:?}({}) turn {:?}({})",
                    t.first().map(|a| a.start),
                    t.last().map(|a| a.end),
                    sums[0],
                    cnt[0],
                    sums[1],
                    cnt[1],
                    sums[2],
                    cnt[2]
                );
                for a in t {
                    if a.end - a.start > Duration::from_micros(least) {
                        println!(
                            "        {:?} {:?} .. {:?} = {:?}",
                            a.task,
                            a.start,
                            a.end,
                            a.end - a.start
                        );
                    }
                }
            }
        }
    }
}
