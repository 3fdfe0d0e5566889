//! From an executed block to its record.

use crate::{ExecutedBlock, Foresee};
use core::time::Duration;
use foresee_execute::{
    AccessList, Activity, Block, BlockOutput, Forecast, Incarnation, Policy, Reason, Record, Run,
    Stint, Task,
};
use foresee_predict::{Prediction, Unknown};
use std::sync::Arc;

/// What is kept of a block that was executed.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// Its record.
    pub record: Record,
    /// What the execution yielded.
    pub output: BlockOutput,
    /// The block access list.
    pub access_list: Arc<AccessList>,
}

impl Foresee {
    /// The record of a block that this instance has executed, in this time if it was
    /// taken. None unless accesses and access list were
    /// [asked for](crate::Config), because a record holds both. Of predictions it holds
    /// what is in `executed`: [`Config::score`](crate::Config::score) puts those made in
    /// block order there, [`ExecutedBlock::foreseen`] those made ahead. So it is with the
    /// [timeline](crate::Config::timeline).
    pub fn record(
        &self,
        block: &Block,
        executed: ExecutedBlock,
        elapsed: Option<Duration>,
    ) -> Option<Recorded> {
        let ExecutedBlock {
            output,
            decision,
            predictions,
            basis,
            stats,
            not_compiled,
            observed,
            access_list,
            timeline,
            cold: _,
        } = executed;
        let access_list = Arc::new(access_list?);
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
            not_compiled,
            timeline: timeline.iter().map(|activities| stints(activities)).collect(),
            elapsed_us: elapsed.map(|time| u64::try_from(time.as_micros()).unwrap_or(u64::MAX)),
        };
        let forecasts = predictions.into_iter().map(forecast);
        let forecasts = (basis, forecasts);
        let record =
            Record::new(block, &output, observed, forecasts, Arc::clone(&access_list).into(), run);
        Some(Recorded { record, output, access_list })
    }
}

/// What a thread executed when.
fn stints(activities: &[Activity]) -> Vec<Stint> {
    let ns = |time: Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
    let stints = activities.iter().filter_map(|Activity { task, start, end }| {
        let (index, ahead) = match task {
            Task::Ahead(index) => (*index, true),
            Task::Turn(index) => (*index, false),
            Task::Wait => return None,
        };
        Some(Stint { index, ahead, start_ns: ns(*start), end_ns: ns(*end) })
    });
    stints.collect()
}

fn forecast(prediction: Prediction) -> Forecast {
    Forecast {
        access: prediction.access,
        gas_used: prediction.gas_used,
        unknown: prediction.unknown.iter().map(Unknown::to_string).collect(),
    }
}
