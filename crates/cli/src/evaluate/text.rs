//! The answer of `evaluate`, for people: a row per block, then what all blocks
//! together show.

use super::{
    class::Class,
    cost::Cost,
    detail::{Inexact, OfClass, Served},
    report::Report,
};
use crate::text::{count, percent, short_location, table, time};
use foresee_access::Location;
use std::time::Duration;

/// Gas from which on a block counts in the means.
const LARGE_BLOCK_GAS: u64 = 8_000_000;

/// How many locations of a difference are written before the rest is only counted.
const LOCATIONS_MAX: usize = 3;

/// Everything there is to tell.
pub(super) fn text(reports: &[Report]) -> String {
    let total = Report::total(reports);
    let inexact = reports.iter().flat_map(|report| {
        report.detail.inexact.iter().map(|inexact| inexact_row(report.block, inexact))
    });
    let inexact: Vec<_> = inexact.collect();
    let mut text = blocks(reports, &total) + "\n" + &classes(&total) + "\n" + &summary(&total);
    text += &means(reports);
    if !inexact.is_empty() {
        let header = ["block", "tx", "class", "gas", "difference"];
        text += "\n";
        text += &table(&header, &[0, 1], inexact);
    }
    text
}

/// A table of the blocks, and a row for all of them if they are several.
fn blocks(reports: &[Report], total: &Report) -> String {
    let mut rows: Vec<_> =
        reports.iter().map(|report| row(report.block.to_string(), report)).collect();
    if reports.len() > 1 {
        rows.push(row("all".to_owned(), total));
    }
    let header = [
        "block",
        "txs",
        "exact",
        "incomplete",
        "slot recall",
        "precision",
        "dependencies",
        "missed",
        "edges right",
        "cold",
        "warm",
        "in order",
        "warm / in order",
    ];
    let numbers: Vec<_> = (0..header.len()).collect();
    table(&header, &numbers, rows)
}

fn row(name: String, report: &Report) -> Vec<String> {
    let Report { transactions, score, cost, .. } = report;
    vec![
        name,
        transactions.to_string(),
        percent(score.exact_transactions, *transactions),
        score.incomplete.to_string(),
        percent(score.slots.correct, score.slots.truth),
        percent(score.slots.correct, score.slots.predicted),
        score.edges.truth.to_string(),
        score.missed_dependencies.to_string(),
        percent(score.edges.correct, score.edges.predicted),
        time(cost.cold),
        time(cost.warm),
        time(cost.sequential),
        share(cost.warm, cost.sequential),
    ]
}

/// A table of the classes.
fn classes(total: &Report) -> String {
    let classes = Class::ALL.iter().filter_map(|class| {
        let sum = total.detail.classes.get(class)?;
        Some((class, sum))
    });
    let rows = classes
        .map(|(class, sum)| {
            let OfClass { transactions, exact, exact_gas, predict_ns, sequential_ns, .. } = *sum;
            let [predict, sequential] = [predict_ns, sequential_ns].map(Duration::from_nanos);
            let precompiles = sum.precompile_ns;
            vec![
                class.name().to_owned(),
                transactions.to_string(),
                percent(exact, transactions),
                percent(exact_gas, transactions),
                time(predict),
                time(sequential),
                share(predict, sequential),
                percent(
                    predict_ns.saturating_sub(precompiles.predict),
                    sequential_ns.saturating_sub(precompiles.sequential),
                ),
            ]
        })
        .collect();
    let header = [
        "class",
        "txs",
        "exact",
        "gas exact",
        "warm",
        "in order",
        "warm / in order",
        "without precompiles",
    ];
    let numbers: Vec<_> = (1..header.len()).collect();
    table(&header, &numbers, rows)
}

/// What is told of all blocks once.
fn summary(total: &Report) -> String {
    let Report { transactions, cost, detail, .. } = total;
    let memory = detail.memory;
    let instructions = &cost.split.instructions;
    let in_slices = instructions.in_slices();
    format!(
        " gas exact {}, exact if predicted alone on the state before the block {}, \
         without storage {}\n \
         known from calldata and code alone: {} of reads, all of them in {} of transactions\n \
         warm prediction: keccak {}, state reads {}, precompiles {}, the rest instructions\n \
         of these by number, not time, in slices: guards {}, what only guards need {}, all others {}; \
         in blocks: {} of all\n \
         for each byte of the codes that run ({} kB): compiling {:.1} ns, cold less warm {:.1} ns\n \
         programs of earlier blocks only: {} ({} of in-order time)\n \
         frames with programs of earlier blocks only: {}; warm: {}\n \
         {} hold {} kB for {} kB of code ({:.1} times)\n",
        percent(detail.exact_gas, *transactions),
        percent(detail.exact_alone, *transactions),
        percent(detail.exact_without_state, *transactions),
        percent(detail.calldata_alone.reads, detail.calldata_alone.all_reads),
        percent(detail.calldata_alone.transactions, *transactions),
        share(cost.split.keccak, cost.warm),
        share(cost.split.state_reads, cost.warm),
        share(cost.precompiles.predict, cost.warm),
        percent(instructions.guards, in_slices),
        percent(instructions.for_guards, in_slices),
        percent(instructions.others, in_slices),
        percent(instructions.in_blocks, in_slices + instructions.in_blocks),
        cost.code_bytes / 1000,
        cost.compile_ns_per_byte(),
        cost.cold_ns_per_byte(),
        time(cost.generalised),
        share(cost.generalised, cost.sequential),
        served(&detail.frames.generalised),
        served(&detail.frames.warm),
        count(memory.programs as usize, "program"),
        memory.bytes / 1000,
        memory.code_bytes / 1000,
        memory.bytes as f64 / memory.code_bytes.max(1) as f64,
    )
}

/// What served the frames, in shares.
fn served(frames: &Served) -> String {
    let of = |part| percent(part, frames.total());
    let Served { slices, blocks, compiled } = *frames;
    let [slices, blocks, compiled] = [slices, blocks, compiled].map(of);
    format!("{slices} in slices, {blocks} in known blocks, {compiled} compiled first")
}

/// Geometric means over large blocks, if there is one.
fn means(reports: &[Report]) -> String {
    let large: Vec<_> = reports
        .iter()
        .filter(|report| report.gas >= LARGE_BLOCK_GAS)
        .map(|report| &report.cost)
        .collect();
    if large.is_empty() {
        return String::new();
    }
    // Precompiles are timed in runs of their own: where they are nearly all, a noisy
    // clock can leave less than nothing of the rest, and no ratio.
    let mean = |ratio: fn(&Cost) -> f64| {
        let ratios = large.iter().map(|cost| ratio(cost)).filter(|ratio| *ratio > 0.0);
        let logs: Vec<_> = ratios.map(f64::ln).filter(|log| log.is_finite()).collect();
        100.0 * (logs.iter().sum::<f64>() / logs.len() as f64).exp()
    };
    format!(
        " warm / in order, geometric mean over {} of 8 Mgas and more: {:.1} %, \
         without precompiles {:.1} %\n",
        count(large.len(), "block"),
        mean(Cost::ratio),
        mean(Cost::ratio_without_precompiles),
    )
}

fn inexact_row(block: u64, inexact: &Inexact) -> Vec<String> {
    let Inexact { index, class, unknown, gas, difference, .. } = inexact;
    let mut causes = unknown.clone();
    let lists = [
        ("missed read", &difference.missed_reads),
        ("extra read", &difference.extra_reads),
        ("missed write", &difference.missed_writes),
        ("extra write", &difference.extra_writes),
    ];
    for (what, list) in lists {
        if !list.is_empty() {
            causes.push(format!("{}: {}", count(list.len(), what), locations(list)));
        }
    }
    let gas = match gas.predicted.cmp(&gas.truth) {
        core::cmp::Ordering::Equal => "exact".to_owned(),
        _ => format!("{} for {}", gas.predicted, gas.truth),
    };
    let class = class.name().to_owned();
    vec![block.to_string(), index.to_string(), class, gas, causes.join("; ")]
}

/// The first few locations of a list.
fn locations(list: &[Location]) -> String {
    let shown: Vec<_> = list.iter().take(LOCATIONS_MAX).map(short_location).collect();
    let more = if list.len() > LOCATIONS_MAX { ", …" } else { "" };
    shown.join(", ") + more
}

/// One time relative to another.
fn share(part: Duration, whole: Duration) -> String {
    let [part, whole] = [part, whole].map(|time| time.as_nanos().try_into().unwrap_or(u64::MAX));
    percent(part, whole)
}

#[cfg(test)]
mod tests {
    use super::{super::report::tests::report, *};

    #[test]
    fn blocks_are_rows_and_all_together_follow() {
        insta::assert_snapshot!(text(&[report(7, 99), report(12, 100)]), @r"
         block  txs    exact  incomplete  slot recall  precision  dependencies  missed  edges right      cold     warm  in order  warm / in order
             7  100  99.00 %           1      95.00 %    97.43 %            40       2      74.00 %   9.00 ms  1.23 ms   4.00 ms          30.85 %
            12  100    100 %           1      95.00 %    97.43 %            40       2      74.00 %   9.00 ms  1.23 ms   4.00 ms          30.85 %
           all  200  99.50 %           2      95.00 %    97.43 %            80       4      74.00 %  18.00 ms  2.47 ms   8.00 ms          30.85 %

         class  txs    exact  gas exact     warm  in order  warm / in order  without precompiles
         swap   200  99.50 %    98.00 %  2.40 ms   7.80 ms          30.76 %              27.77 %

        gas exact 98.00 %, exact if predicted alone on the state before the block 90.00 %, without storage 40.00 %
        known from calldata and code alone: 62.50 % of reads, all of them in 30.00 % of transactions
        warm prediction: keccak 25.12 %, state reads 9.72 %, precompiles 0.81 %, the rest instructions
        of these by number, not time, in slices: guards 15.00 %, what only guards need 25.00 %, all others 60.00 %; in blocks: 20.00 % of all
        for each byte of the codes that run (1600 kB): compiling 5.0 ns, cold less warm 9.7 ns
        programs of earlier blocks only: 4.00 ms (50.00 % of in-order time)
        frames with programs of earlier blocks only: 75.00 % in slices, 20.00 % in known blocks, 5.00 % compiled first; warm: 95.00 % in slices, 5.00 % in known blocks, 0.00 % compiled first
        3 programs hold 40 kB for 20 kB of code (2.0 times)
        warm / in order, geometric mean over 2 blocks of 8 Mgas and more: 30.9 %, without precompiles 30.8 %

         block  tx  class  gas              difference
             7   3  swap   21000 for 21001  1 missed read: 0x000000…0001.balance
            12   3  swap   21000 for 21001  1 missed read: 0x000000…0001.balance
        ");
    }
}
