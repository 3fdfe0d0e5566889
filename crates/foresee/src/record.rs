//! From an executed block to its record.

use crate::{ExecutedBlock, Foresee};
use core::time::Duration;
use foresee_execute::{Block, Forecast, Incarnation, Policy, Reason, Record, Run};
use foresee_predict::{Prediction, Unknown};

impl Foresee {
    /// The record of a block that this instance has executed, in this time if it was
    /// taken. None unless accesses and access list were
    /// [asked for](crate::Config), because a record holds both.
    pub fn record(
        &self,
        block: &Block,
        executed: &ExecutedBlock,
        elapsed: Option<Duration>,
    ) -> Option<Record> {
        let ExecutedBlock { output, decision, predictions, stats, observed, access_list, .. } =
            executed;
        let access_list = access_list.as_ref()?;
        if observed.len() != block.transactions.len() {
            return None;
        }
        let reexecuted = stats.reexecuted.iter().map(|one| Incarnation {
            index: one.index,
            gas: one.gas,
            conflict: match one.reason {
                Reason::Conflict(location) => Some(location),
                Reason::Undecided => None,
            },
        });
        let run = Run {
            decision: decision.text().to_owned(),
            threads: decision.threads as u64,
            policy: match self.config().policy {
                Policy::Dataflow => "dataflow".to_owned(),
                Policy::Layers => "layers".to_owned(),
            },
            ahead: stats.ahead as u64,
            reexecuted: reexecuted.collect(),
            elapsed_us: elapsed.map(|time| u64::try_from(time.as_micros()).unwrap_or(u64::MAX)),
        };
        let forecasts = predictions.iter().map(forecast).collect();
        Some(Record::new(block, output, observed, forecasts, access_list, run))
    }
}

fn forecast(prediction: &Prediction) -> Forecast {
    Forecast {
        access: prediction.access.clone(),
        gas_used: prediction.gas_used,
        unknown: prediction.unknown.iter().map(Unknown::to_string).collect(),
    }
}
