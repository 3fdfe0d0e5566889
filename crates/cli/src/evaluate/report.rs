//! The answer of `evaluate`, for programs and for people.

use super::score::Score;
use crate::text::{percent, table, time};
use serde::Serialize;
use std::time::Duration;

/// The score of a block's predictions, and what they cost.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Report {
    pub(super) block: u64,
    pub(super) transactions: u64,
    #[serde(flatten)]
    pub(super) score: Score,
    #[serde(flatten)]
    pub(super) cost: Cost,
}

/// Times, each the median over the runs. The precompiles' time is part of the
/// others.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(super) struct Cost {
    #[serde(rename = "predict_cold_us", serialize_with = "us")]
    pub(super) cold: Duration,
    #[serde(rename = "predict_warm_us", serialize_with = "us")]
    pub(super) warm: Duration,
    #[serde(rename = "sequential_us", serialize_with = "us")]
    pub(super) sequential: Duration,
    #[serde(rename = "precompile_us")]
    pub(super) precompiles: Precompiles,
}

/// Time spent in precompiles.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(super) struct Precompiles {
    #[serde(serialize_with = "us")]
    pub(super) predict: Duration,
    #[serde(serialize_with = "us")]
    pub(super) sequential: Duration,
}

fn us<S: serde::Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(time.as_micros().try_into().unwrap_or(u64::MAX))
}

/// A table of the blocks, and a row for all of them if they are several.
pub(super) fn text(reports: &[Report]) -> String {
    let mut rows: Vec<_> =
        reports.iter().map(|report| row(report.block.to_string(), report)).collect();
    if reports.len() > 1 {
        rows.push(row("all".to_owned(), &total(reports)));
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
    let share = |part: Duration, whole: Duration| {
        let [part, whole] =
            [part, whole].map(|time| time.as_nanos().try_into().unwrap_or(u64::MAX));
        percent(part, whole)
    };
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

/// The sum over all blocks.
fn total(reports: &[Report]) -> Report {
    let mut total =
        Report { block: 0, transactions: 0, score: Score::default(), cost: Cost::default() };
    for Report { transactions, score, cost, .. } in reports {
        total.transactions += transactions;
        total.score.add(score);
        total.cost.cold += cost.cold;
        total.cost.warm += cost.warm;
        total.cost.sequential += cost.sequential;
    }
    total
}

#[cfg(test)]
mod tests {
    use super::{
        super::score::{Edges, Slots},
        *,
    };

    fn report(block: u64, exact: u64) -> Report {
        let us = Duration::from_micros;
        Report {
            block,
            transactions: 100,
            score: Score {
                slots: Slots { truth: 400, predicted: 390, correct: 380 },
                exact_transactions: exact,
                missed_dependencies: 2,
                edges: Edges { truth: 40, predicted: 50, correct: 37, covered: 38 },
                incomplete: 1,
            },
            cost: Cost {
                cold: us(9_000),
                warm: us(1_234),
                sequential: us(4_000),
                precompiles: Precompiles { predict: us(10), sequential: us(20) },
            },
        }
    }

    #[test]
    fn json_has_the_documented_keys() {
        insta::assert_snapshot!(serde_json::to_string(&report(7, 99)).unwrap(), @r#"{"block":7,"transactions":100,"slots":{"true":400,"predicted":390,"correct":380},"exact_transactions":99,"missed_dependencies":2,"edges":{"true":40,"predicted":50,"correct":37,"covered":38},"incomplete":1,"predict_cold_us":9000,"predict_warm_us":1234,"sequential_us":4000,"precompile_us":{"predict":10,"sequential":20}}"#);
    }

    #[test]
    fn blocks_are_rows_and_all_together_the_last() {
        insta::assert_snapshot!(text(&[report(7, 99), report(12, 100)]), @r#"
        block  txs    exact  incomplete  slot recall  precision  dependencies  missed  edges right      cold     warm  in order  warm / in order
            7  100  99.00 %           1      95.00 %    97.43 %            40       2      74.00 %   9.00 ms  1.23 ms   4.00 ms          30.85 %
           12  100    100 %           1      95.00 %    97.43 %            40       2      74.00 %   9.00 ms  1.23 ms   4.00 ms          30.85 %
          all  200  99.50 %           2      95.00 %    97.43 %            80       4      74.00 %  18.00 ms  2.47 ms   8.00 ms          30.85 %
        "#);
    }
}
