//! The answer of `replay`, for programs and for people.

use super::{
    guide::Followed,
    simulate::{self, Simulation},
};
use crate::text::{count, mgas, table, time};
use foresee::Decision;
use foresee_source::HeaderMatch;
use serde::{Serialize, Serializer};
use std::time::Duration;

/// How the execution of a block came out, and how long it took. Times are medians
/// over the runs; what was not asked for is absent.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Report {
    pub(super) block: u64,
    pub(super) transactions: usize,
    pub(super) gas_used: u64,
    pub(super) threads: usize,
    pub(super) policy: &'static str,
    #[serde(rename = "sequential_us", serialize_with = "us")]
    pub(super) sequential: Option<Duration>,
    #[serde(rename = "predict_us", serialize_with = "us")]
    pub(super) predict: Option<Duration>,
    #[serde(rename = "parallel_us", serialize_with = "us")]
    pub(super) parallel: Option<Duration>,
    pub(super) speedup: Option<f64>,
    pub(super) reexecuted: Option<usize>,
    pub(super) reexecuted_gas: Option<u64>,
    /// Transactions that ran on the chance that they meet no other, because code that they
    /// run was not compiled. Absent if there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) not_compiled: Option<usize>,
    /// The first parallel result that differs from in-order execution, if any does.
    #[serde(rename = "matches_sequential", serialize_with = "is_none")]
    pub(super) difference: Option<String>,
    #[serde(serialize_with = "header")]
    pub(super) header: HeaderMatch,
    /// Whether the predictions were made before the clock started.
    #[serde(skip_serializing_if = "core::ops::Not::not")]
    pub(super) predicted_ahead: bool,
    /// What was followed instead of predictions, if anything was.
    #[serde(rename = "guide", skip_serializing_if = "Option::is_none")]
    pub(super) followed: Option<Followed>,
    /// How the last run was executed, and why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) decision: Option<Decided>,
    /// The limit on as many cores as there are threads: list scheduling of the true
    /// dependencies with measured times.
    #[serde(rename = "limit_us", serialize_with = "us", skip_serializing_if = "Option::is_none")]
    pub(super) limit: Option<Duration>,
    /// How many times as long as the limit the parallel execution took.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) parallel_over_limit: Option<f64>,
    /// What a simulation says of other numbers of cores, if it was asked for.
    #[serde(rename = "simulated", skip_serializing_if = "Option::is_none")]
    pub(super) simulation: Option<Simulation>,
}

/// A decision as it is shown. The numbers are estimates from before the execution, and
/// absent where nothing was weighed.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Decided {
    threads: usize,
    /// `in parallel`, or `in order` with the reason.
    reason: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    transactions_with_code: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    gas: Option<u64>,
    #[serde(
        rename = "in_order_us",
        serialize_with = "us",
        skip_serializing_if = "Option::is_none"
    )]
    in_order: Option<Duration>,
    #[serde(
        rename = "parallel_us",
        serialize_with = "us",
        skip_serializing_if = "Option::is_none"
    )]
    parallel: Option<Duration>,
    /// Gas of what was predicted over that of its longest path.
    #[serde(skip_serializing_if = "Option::is_none")]
    parallelism: Option<f64>,
}

impl From<Decision> for Decided {
    fn from(decision: Decision) -> Self {
        let Decision { threads, estimate, .. } = decision;
        let percent = estimate.and_then(|estimate| estimate.parallelism_percent);
        Self {
            threads,
            reason: decision.text(),
            transactions_with_code: estimate.map(|estimate| estimate.transactions_with_code),
            gas: estimate.map(|estimate| estimate.gas),
            in_order: estimate.map(|estimate| estimate.in_order),
            parallel: estimate.map(|estimate| estimate.parallel),
            parallelism: percent.map(|percent| percent as f64 / 100.0),
        }
    }
}

fn us<S: Serializer>(time: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
    time.map(|time| u64::try_from(time.as_micros()).unwrap_or(u64::MAX)).serialize(serializer)
}

fn is_none<S: Serializer>(value: &Option<String>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_bool(value.is_none())
}

fn header<S: Serializer>(header: &HeaderMatch, serializer: S) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    struct Fields {
        gas_used: Option<bool>,
        receipts_root: Option<bool>,
        logs_bloom: Option<bool>,
        /// Only of blocks that have one.
        #[serde(skip_serializing_if = "Option::is_none")]
        block_access_list_hash: Option<bool>,
    }
    let HeaderMatch { gas_used, receipts_root, logs_bloom, block_access_list_hash } = *header;
    Fields { gas_used, receipts_root, logs_bloom, block_access_list_hash }.serialize(serializer)
}

impl Report {
    /// Whether it equals in-order execution and the header, and what was followed is
    /// right.
    pub(super) fn is_right(&self) -> bool {
        let is_wrong = |followed: &Followed| followed.fault.is_some();
        self.difference.is_none() && self.header.holds() && !self.followed.iter().any(is_wrong)
    }

    /// What is wrong, a line each.
    fn complaints(&self) -> Vec<String> {
        let mut complaints: Vec<_> = self
            .difference
            .iter()
            .map(|difference| format!("differs from in-order execution in {difference}"))
            .collect();
        let fields = self.header.fields();
        let wrong = fields.iter().filter(|(_, field)| *field == Some(false));
        complaints.extend(wrong.map(|(name, _)| format!("{name} is not the header's")));
        if let Some(Followed { kind, fault: Some(fault) }) = &self.followed {
            complaints.push(format!("the {kind} is wrong: {fault}"));
        }
        complaints
    }
}

/// A table of the blocks, then what is wrong with any, then the mean speedup if
/// they are several.
pub(super) fn text(reports: &[Report]) -> String {
    let rows = reports.iter().map(row).collect();
    let header = [
        "block", "txs", "gas", "in order", "predict", "parallel", "speedup", "again", "in order",
        "header", "executed",
    ];
    let mut text = reports.first().map_or(String::new(), |first| {
        let followed = first.followed.as_ref();
        let by = followed.map_or(String::new(), |followed| format!(", by {}", followed.kind));
        let ahead = if first.predicted_ahead { ", predicted ahead" } else { "" };
        format!("{}, {}{by}{ahead}\n", count(first.threads, "thread"), first.policy)
    });
    text += &table(&header, &[0, 1, 2, 3, 4, 5, 6, 7], rows);
    for report in reports {
        for complaint in report.complaints() {
            text += &format!("block {}: {complaint}\n", report.block);
        }
        if let Some(number) = report.not_compiled {
            let transactions = count(number, "transaction");
            let what = "not predicted, because code that they run was not compiled";
            text += &format!("block {}: {transactions} {what}\n", report.block);
        }
    }
    let logarithms: Vec<_> =
        reports.iter().filter_map(|report| report.speedup).map(f64::ln).collect();
    if logarithms.len() > 1 {
        let mean = logarithms.iter().sum::<f64>() / logarithms.len() as f64;
        text += &format!("geometric mean of the speedups {:.3}x\n", mean.exp());
    }
    text + &simulate::text(reports)
}

fn row(report: &Report) -> Vec<String> {
    let or_dash = |value: Option<String>| value.unwrap_or_else(|| "-".to_owned());
    let in_header = report.header.fields();
    vec![
        report.block.to_string(),
        report.transactions.to_string(),
        mgas(report.gas_used),
        or_dash(report.sequential.map(time)),
        or_dash(report.predict.map(time)),
        or_dash(report.parallel.map(time)),
        or_dash(report.speedup.map(|speedup| format!("{speedup:.2}x"))),
        or_dash(report.reexecuted.map(|number| number.to_string())),
        if report.difference.is_none() { "equal" } else { "DIFFERS" }.to_owned(),
        match (report.header.holds(), in_header.iter().any(|(_, field)| field.is_some())) {
            (false, _) => "DIFFERS",
            (true, true) => "equal",
            (true, false) => "-",
        }
        .to_owned(),
        or_dash(report.decision.map(|decision| decision.reason.to_owned())),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use foresee::{DecisionReason, Estimate};

    fn good() -> Report {
        let us = Duration::from_micros;
        Report {
            block: 7,
            transactions: 100,
            gas_used: 12_345_678,
            threads: 2,
            policy: "dataflow",
            sequential: Some(us(10_000)),
            predict: Some(us(1_000)),
            parallel: Some(us(6_250)),
            speedup: Some(1.6),
            reexecuted: Some(3),
            reexecuted_gas: Some(100_000),
            not_compiled: None,
            difference: None,
            header: HeaderMatch {
                gas_used: Some(true),
                receipts_root: None,
                logs_bloom: Some(true),
                block_access_list_hash: None,
            },
            predicted_ahead: false,
            followed: None,
            decision: Some(Decided::from(Decision {
                parallel: true,
                threads: 2,
                reason: DecisionReason::Pays,
                estimate: Some(Estimate {
                    transactions_with_code: 80,
                    gas: 12_000_000,
                    in_order: us(9_600),
                    parallel: us(5_000),
                    parallelism_percent: Some(812),
                }),
            })),
            limit: None,
            parallel_over_limit: None,
            simulation: None,
        }
    }

    fn bad() -> Report {
        let header = HeaderMatch { gas_used: Some(false), ..good().header };
        let difference = Some("the receipt of transaction 4".to_owned());
        Report { block: 8, header, difference, speedup: Some(0.4), ..good() }
    }

    #[test]
    fn json_has_the_documented_keys() {
        insta::assert_snapshot!(serde_json::to_string(&good()).unwrap(), @r#"{"block":7,"transactions":100,"gas_used":12345678,"threads":2,"policy":"dataflow","sequential_us":10000,"predict_us":1000,"parallel_us":6250,"speedup":1.6,"reexecuted":3,"reexecuted_gas":100000,"matches_sequential":true,"header":{"gas_used":true,"receipts_root":null,"logs_bloom":true},"decision":{"threads":2,"reason":"in parallel","transactions_with_code":80,"gas":12000000,"in_order_us":9600,"parallel_us":5000,"parallelism":8.12}}"#);
        let in_order_only = Report {
            predict: None,
            parallel: None,
            speedup: None,
            reexecuted: None,
            reexecuted_gas: None,
            predicted_ahead: true,
            decision: None,
            ..bad()
        };
        insta::assert_snapshot!(serde_json::to_string(&in_order_only).unwrap(), @r#"{"block":8,"transactions":100,"gas_used":12345678,"threads":2,"policy":"dataflow","sequential_us":10000,"predict_us":null,"parallel_us":null,"speedup":null,"reexecuted":null,"reexecuted_gas":null,"matches_sequential":false,"header":{"gas_used":false,"receipts_root":null,"logs_bloom":true},"predicted_ahead":true}"#);
    }

    #[test]
    fn what_differs_is_told_below_the_table() {
        let good = || Report { not_compiled: Some(2), ..good() };
        insta::assert_snapshot!(text(&[good(), bad()]), @r#"
        2 threads, dataflow
          block  txs         gas  in order  predict  parallel  speedup  again  in order  header   executed
              7  100  12.35 Mgas  10.00 ms  1.00 ms   6.25 ms    1.60x      3  equal     equal    in parallel
              8  100  12.35 Mgas  10.00 ms  1.00 ms   6.25 ms    0.40x      3  DIFFERS   DIFFERS  in parallel
        block 7: 2 transactions not predicted, because code that they run was not compiled
        block 8: differs from in-order execution in the receipt of transaction 4
        block 8: gas used is not the header's
        geometric mean of the speedups 0.800x
        "#);
    }

    #[test]
    fn right_is_equal_to_both() {
        assert!(good().is_right());
        assert!(!bad().is_right());
        assert!(!Report { header: good().header, ..bad() }.is_right());
        assert!(!Report { difference: None, ..bad() }.is_right());
        let followed = |fault| Some(Followed { kind: "record", fault });
        assert!(Report { followed: followed(None), ..good() }.is_right());
        let wrong = Report { followed: followed(Some("transaction 3: …".into())), ..good() };
        assert!(!wrong.is_right());
        assert_eq!(wrong.complaints(), ["the record is wrong: transaction 3: …"]);
    }
}
