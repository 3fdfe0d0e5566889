//! What the measured times of single transactions say of other numbers of cores.
//!
//! Nothing here is measured on that many cores: the numbers are simulated, and say so.

use super::report::Report;
use crate::{
    engine::median,
    failure::Failure,
    input::Input,
    text::{count, table, time},
};
use foresee::Foresee;
use foresee_execute::{observe, time_transactions, true_dag};
use foresee_schedule::{CORES, Measured, Scheduling, Simulated};
use serde::{Serialize, Serializer};
use std::{collections::BTreeMap, time::Duration};

/// A simulation of one block. Times are whole microseconds in JSON.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Simulation {
    /// What each execution costs beside the transaction itself.
    machinery_ns: u32,
    /// All transactions one after the other, without what surrounds them.
    #[serde(rename = "transactions_us", serialize_with = "us")]
    total: Duration,
    /// The longest path through the true dependencies.
    #[serde(rename = "critical_path_us", serialize_with = "us")]
    critical_path: Duration,
    /// The limit on as many cores as there are threads.
    #[serde(skip)]
    pub(super) limit: Duration,
    cores: BTreeMap<usize, Row>,
}

/// What is simulated of one number of cores.
#[derive(Clone, Copy, Debug, Serialize)]
struct Row {
    /// Predicted dependencies, a barrier after each layer.
    layers: Cell,
    /// Predicted dependencies, longest remaining path first.
    dataflow: Cell,
    /// Nothing predicted: in block order, what was wrong once more.
    optimistic: Cell,
    /// List scheduling of the true dependencies.
    #[serde(rename = "limit_us", serialize_with = "us")]
    limit: Duration,
    /// The longer of the critical path and the total shared evenly.
    #[serde(rename = "bound_us", serialize_with = "us")]
    bound: Duration,
}

/// What one strategy comes to.
#[derive(Clone, Copy, Debug, Serialize)]
struct Cell {
    #[serde(rename = "us", serialize_with = "us")]
    makespan: Duration,
    reexecuted: usize,
}

fn us<S: Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(u64::try_from(time.as_micros()).unwrap_or(u64::MAX))
}

impl Simulation {
    /// How many times as long as the limit an execution took.
    pub(super) fn over_limit(&self, took: Duration) -> Option<f64> {
        (!self.limit.is_zero()).then(|| took.as_secs_f64() / self.limit.as_secs_f64())
    }
}

/// Measures each transaction of a block so many times, and simulates.
pub(super) fn simulate(
    input: &Input,
    foresee: &Foresee,
    machinery_ns: u32,
    runs: u32,
) -> Result<Simulation, Failure> {
    let (block, state) = (&input.loaded.block, &input.loaded.state);
    let failure = |error| input.failure("measuring transactions", error);
    let predictions = foresee.predict_block(block, state).map_err(failure)?;
    let predicted = foresee.schedule(block, &predictions);
    let mut observed = observe(block, state).map_err(failure)?;
    for (observation, prediction) in observed.iter_mut().zip(&predictions) {
        observation.access = observation.access.declaring(&prediction.access);
    }
    let truth = true_dag(block, &observed);
    let mut times = vec![Vec::new(); block.transactions.len()];
    for _ in 0..runs {
        let run = time_transactions(block, state).map_err(failure)?;
        times.iter_mut().zip(run).for_each(|(times, time)| times.push(time.total));
    }
    let nanoseconds = |time: Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
    let times: Vec<_> =
        times.into_iter().map(|times| median(times).map_or(0, nanoseconds)).collect();
    let measured = Measured::new(&predicted, &truth, &times).machinery(machinery_ns.into());
    let cores = CORES.into_iter().filter(|cores| *cores > 1);
    Ok(Simulation {
        machinery_ns,
        total: Duration::from_nanos(measured.total()),
        critical_path: Duration::from_nanos(measured.critical_path()),
        limit: Duration::from_nanos(measured.limit(foresee.config().threads)),
        cores: cores.map(|cores| (cores, Row::new(&measured, cores))).collect(),
    })
}

impl Row {
    fn new(measured: &Measured, cores: usize) -> Self {
        let cell = |scheduling| {
            let Simulated { makespan, reexecuted } = measured.simulate(scheduling, cores);
            Cell { makespan: Duration::from_nanos(makespan), reexecuted }
        };
        Self {
            layers: cell(Scheduling::Layers),
            dataflow: cell(Scheduling::Dataflow),
            optimistic: cell(Scheduling::Optimistic),
            limit: Duration::from_nanos(measured.limit(cores)),
            bound: Duration::from_nanos(measured.bound(cores)),
        }
    }

    /// The times in the order of the columns.
    const fn times(&self) -> [Duration; COLUMNS.len()] {
        let [layers, dataflow, optimistic] = [self.layers, self.dataflow, self.optimistic];
        [layers.makespan, dataflow.makespan, optimistic.makespan, self.limit, self.bound]
    }
}

const COLUMNS: [&str; 5] = ["layers", "dataflow", "optimistic", "limit", "bound"];

/// The simulations as a table of speedups, with geometric means if they are several;
/// nothing if there are none.
pub(super) fn text(reports: &[Report]) -> String {
    let simulations: Vec<_> =
        reports.iter().filter_map(|report| Some((report, report.simulation.as_ref()?))).collect();
    let Some((_, Simulation { machinery_ns, .. })) = simulations.first() else {
        return String::new();
    };
    let mut text = format!(
        "\nsimulated from measured times of single transactions, {machinery_ns} ns of machinery \
         for each execution: speedup over one after the other\n"
    );
    let mut rows = Vec::new();
    for (report, simulation) in &simulations {
        for (cores, row) in &simulation.cores {
            let speedups = row.times().map(|time| ratio(simulation.total, time));
            rows.push(line(report.block.to_string(), *cores, speedups));
        }
    }
    if simulations.len() > 1 {
        for cores in CORES.into_iter().filter(|cores| *cores > 1) {
            let logs = simulations.iter().filter_map(|(_, simulation)| {
                let times = simulation.cores.get(&cores)?.times();
                Some(times.map(|time| ratio(simulation.total, time).ln()))
            });
            let mut sums = [0.0; COLUMNS.len()];
            logs.for_each(|logs| sums.iter_mut().zip(logs).for_each(|(sum, log)| *sum += log));
            let mean = sums.map(|sum| (sum / simulations.len() as f64).exp());
            rows.push(line("geometric mean".to_owned(), cores, mean));
        }
    }
    let header = [&["block", "cores"][..], &COLUMNS].concat();
    text += &table(&header, &[0, 1, 2, 3, 4, 5, 6], rows);
    for (report, simulation) in &simulations {
        let over = report.parallel_over_limit.map(|ratio| format!(", taken {ratio:.2} times it"));
        text += &format!(
            "block {}: limit on {} {}{}\n",
            report.block,
            count(report.threads, "core"),
            time(simulation.limit),
            over.unwrap_or_default(),
        );
    }
    text
}

fn line(block: String, cores: usize, speedups: [f64; COLUMNS.len()]) -> Vec<String> {
    let speedups = speedups.into_iter().map(|speedup| format!("{speedup:.2}x"));
    [block, cores.to_string()].into_iter().chain(speedups).collect()
}

/// A block without transactions is as fast in any way.
fn ratio(total: Duration, time: Duration) -> f64 {
    if time.is_zero() { 1.0 } else { total.as_secs_f64() / time.as_secs_f64() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_says_what_is_simulated() {
        let us = Duration::from_micros;
        let cell = |time, reexecuted| Cell { makespan: us(time), reexecuted };
        let row = Row {
            layers: cell(9, 0),
            dataflow: cell(8, 0),
            optimistic: cell(10, 2),
            limit: us(7),
            bound: us(6),
        };
        let simulation = Simulation {
            machinery_ns: 300,
            total: us(12),
            critical_path: us(5),
            limit: us(7),
            cores: BTreeMap::from([(2, row)]),
        };
        assert_eq!(simulation.over_limit(us(14)), Some(2.0));
        insta::assert_snapshot!(serde_json::to_string(&simulation).unwrap(), @r#"{"machinery_ns":300,"transactions_us":12,"critical_path_us":5,"cores":{"2":{"layers":{"us":9,"reexecuted":0},"dataflow":{"us":8,"reexecuted":0},"optimistic":{"us":10,"reexecuted":2},"limit_us":7,"bound_us":6}}}"#);
    }
}
