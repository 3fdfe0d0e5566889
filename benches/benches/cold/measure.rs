//! Clocks, and what is printed.

#![allow(clippy::print_stdout, reason = "a bench prints")]

use foresee::ColdReads;
use std::{
    fs,
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

/// Ticks of the CPU clock in `/proc` per second.
const TICKS_PER_SECOND: u64 = 100;

/// How long reads take.
#[derive(Default)]
pub(crate) struct Meter {
    reads: AtomicU64,
    nanoseconds: AtomicU64,
}

impl Meter {
    pub(crate) fn reset(&self) {
        self.reads.store(0, Ordering::Relaxed);
        self.nanoseconds.store(0, Ordering::Relaxed);
    }

    pub(crate) fn time<T>(&self, read: impl FnOnce() -> T) -> T {
        let start = Instant::now();
        let value = read();
        self.add(start.elapsed());
        value
    }

    pub(crate) fn add(&self, time: Duration) {
        self.reads.fetch_add(1, Ordering::Relaxed);
        self.nanoseconds.fetch_add(time.as_nanos() as u64, Ordering::Relaxed);
    }

    /// The reads since the last reset, and how long one took in the mean.
    pub(crate) fn latency(&self) -> (u64, Duration) {
        let reads = self.reads.load(Ordering::Relaxed);
        let mean = self.nanoseconds.load(Ordering::Relaxed) / reads.max(1);
        (reads, Duration::from_nanos(mean))
    }
}

/// CPU time of the process so far; zero where there is no `/proc`.
pub(crate) fn cpu_time() -> Duration {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields);
    let ticks: u64 = fields.split_whitespace().skip(11).take(2).flat_map(str::parse::<u64>).sum();
    Duration::from_millis(ticks * 1000 / TICKS_PER_SECOND)
}

/// One execution of a block in every way.
pub(crate) struct Sample {
    pub(crate) hot: Duration,
    pub(crate) in_order: Duration,
    pub(crate) inside: Duration,
    pub(crate) ahead: Duration,
    /// Reads of the in-order execution, and how long one took.
    pub(crate) latency: (u64, Duration),
    /// The same of the execution with nothing known beforehand.
    pub(crate) inside_latency: (u64, Duration),
    /// CPU time of the execution with nothing known beforehand.
    pub(crate) cpu: Duration,
    pub(crate) inside_reads: ColdReads,
    pub(crate) ahead_reads: ColdReads,
}

/// The samples of all blocks.
pub(crate) struct Table {
    title: String,
    rows: Vec<(u64, Vec<Sample>)>,
}

impl Table {
    pub(crate) const fn new(title: String) -> Self {
        Self { title, rows: Vec::new() }
    }

    pub(crate) fn add(&mut self, block: u64, samples: Vec<Sample>) {
        self.rows.push((block, samples));
    }

    pub(crate) fn print(&self, each_block: bool) {
        println!("\n# {}", self.title);
        if each_block {
            println!("block: hot, in order, inside, ahead [ms]; reads of each; waits of one chain");
            self.rows.iter().for_each(|(block, samples)| print_block(*block, samples));
        }
        let total = |part: fn(&Sample) -> Duration| -> Duration {
            self.rows.iter().map(|(_, samples)| median(samples, part)).sum()
        };
        let all = || self.rows.iter().flat_map(|(_, samples)| samples);
        let samples = all().count().max(1);
        let in_order = total(|sample| sample.in_order);
        let mean = |part: fn(&Sample) -> (u64, Duration)| {
            let reads: u64 = all().map(|sample| part(sample).0).sum();
            let waited: Duration = all().map(|sample| part(sample).1 * part(sample).0 as u32).sum();
            (reads, waited / reads.max(1) as u32)
        };
        let (reads, latency) = mean(|sample| sample.latency);
        println!(
            "{} blocks; in order {reads} reads of {latency:.1?} in {samples} executions; \
             {:.1?} a read beside it",
            self.rows.len(),
            mean(|sample| sample.inside_latency).1,
        );
        println!("hot in order   {:8.1} ms", ms(total(|sample| sample.hot)));
        println!("cold in order  {:8.1} ms", ms(in_order));
        for (name, part, reads) in [
            ("cold foresee", (|sample| sample.inside) as fn(&Sample) -> Duration, inside as Reads),
            ("cold, ahead", |sample| sample.ahead, ahead as Reads),
        ] {
            let time = total(part);
            let sum = |count: fn(&ColdReads) -> usize| -> usize {
                all().map(|sample| count(&reads(sample))).sum()
            };
            let used = sum(|it| it.reads.used());
            let on_demand = sum(|it| it.reads.on_demand);
            println!(
                "{name:14} {:8.1} ms, {:.1} times as fast; foreseen {:.2} % of {used} values, \\
                 {on_demand} on demand, {} waited for, {} requested, {} scouted",
                ms(time),
                in_order.as_secs_f64() / time.as_secs_f64(),
                100.0 * (1.0 - on_demand as f64 / used.max(1) as f64),
                sum(|it| it.reads.waited),
                sum(|it| it.reads.requested),
                sum(|it| it.scouted),
            );
        }
        let cpu: Duration = all().map(|sample| sample.cpu).sum();
        let wall: Duration = all().map(|sample| sample.inside).sum();
        println!("cold foresee: {:.2} cores busy", cpu.as_secs_f64() / wall.as_secs_f64());
    }
}

type Reads = fn(&Sample) -> ColdReads;

const fn inside(sample: &Sample) -> ColdReads {
    sample.inside_reads
}

const fn ahead(sample: &Sample) -> ColdReads {
    sample.ahead_reads
}

fn print_block(block: u64, samples: &[Sample]) {
    let time = |part| ms(median(samples, part));
    let Some(sample) = samples.first() else { return };
    println!(
        "{block:9}: {:6.1} {:7.1} {:6.1} {:6.1}; {:?}; {:?}; {}",
        time(|sample| sample.hot),
        time(|sample| sample.in_order),
        time(|sample| sample.inside),
        time(|sample| sample.ahead),
        sample.inside_reads.reads,
        sample.ahead_reads.reads,
        sample.inside_reads.waits_max,
    );
}

fn median(samples: &[Sample], part: fn(&Sample) -> Duration) -> Duration {
    let mut times: Vec<_> = samples.iter().map(part).collect();
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}
