//! Every metric that the documentation lists is told, no other one is, and they add up.
//!
//! The recorder is the process's, since several threads tell: one test in a program of its own.

use foresee::{Config, ExecutedBlock, Foresee, Guide, MachineCosts, Mode};
use foresee_execute::Readers;
use foresee_source::LoadedBlock;
use foresee_workload::{Scenario, generate};
use metrics::{
    Counter, CounterFn, Gauge, Histogram, HistogramFn, Key, KeyName, Metadata, Recorder,
    SharedString, Unit,
};
use std::{
    collections::BTreeMap,
    sync::{Arc, Condvar, Mutex},
    time::Duration,
};

/// Where the table is.
const DOCUMENTED: &str = include_str!("../src/telemetry.rs");

/// What depends on chance is tried so often.
const TRIES_MAX: usize = 2_000;

/// What another thread does when it has nothing else to do is waited for so long.
const WAIT_MAX: Duration = Duration::from_secs(60);

/// What was told: of a counter the sum, of a histogram how often; by name and by label.
type Told = Arc<(Mutex<BTreeMap<String, u64>>, Condvar)>;

#[derive(Clone, Default)]
struct Listener(Told);

/// One metric.
struct Metric {
    told: Told,
    names: Vec<String>,
}

impl Metric {
    fn add(&self, value: u64) {
        let mut told = self.told.0.lock().unwrap();
        for name in &self.names {
            *told.entry(name.clone()).or_default() += value;
        }
        self.told.1.notify_all();
    }
}

impl CounterFn for Metric {
    fn increment(&self, value: u64) {
        self.add(value);
    }

    fn absolute(&self, _: u64) {
        panic!("nothing is set");
    }
}

impl HistogramFn for Metric {
    fn record(&self, value: f64) {
        assert!((0.0..600.0).contains(&value), "{:?} of {value} s", self.names);
        self.add(1);
    }
}

impl Listener {
    fn metric(&self, key: &Key) -> Arc<Metric> {
        let labels = key.labels().map(|label| format!("{} {}", key.name(), label.value()));
        let names = core::iter::once(key.name().to_owned()).chain(labels).collect();
        Arc::new(Metric { told: Arc::clone(&self.0), names })
    }

    fn get(&self, name: &str) -> u64 {
        self.0.0.lock().unwrap().get(name).copied().unwrap_or(0)
    }

    /// Waits until something is told by another thread.
    fn wait_for(&self, name: &str) {
        let told = self.0.0.lock().unwrap();
        let (told, _) =
            self.0.1.wait_timeout_while(told, WAIT_MAX, |told| !told.contains_key(name)).unwrap();
        assert!(told.contains_key(name), "{name} is not told");
    }
}

impl Recorder for Listener {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        Counter::from_arc(self.metric(key))
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        panic!("{key} is a gauge")
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::from_arc(self.metric(key))
    }
}

/// The names in the table.
fn documented() -> Vec<&'static str> {
    let rows = DOCUMENTED.lines().filter_map(|line| line.strip_prefix("//! | "));
    let first_cells = rows.filter_map(|row| row.split(" | ").next());
    let names = first_cells.flat_map(|cell| cell.split('`'));
    let mut names: Vec<_> = names.filter(|name| name.starts_with("foresee_")).collect();
    names.sort_unstable();
    names
}

fn block(scenario: Scenario, transactions: u64) -> LoadedBlock {
    generate(scenario, transactions as usize, 1).unwrap().into_block().unwrap()
}

/// The sums of what executed blocks say of themselves.
#[derive(Default)]
struct Sums {
    blocks: u64,
    transactions: u64,
    ahead: u64,
    early: u64,
    again: u64,
    again_gas: u64,
}

impl Sums {
    fn add(&mut self, executed: &ExecutedBlock) {
        self.blocks += 1;
        self.transactions += executed.output.receipts.len() as u64;
        self.ahead += executed.stats.ahead as u64;
        self.early += executed.stats.early as u64;
        self.again += executed.stats.reexecuted.len() as u64;
        self.again_gas += executed.stats.reexecuted_gas();
    }

    /// Executes a block until this has been told, by predictions made ahead of another
    /// block, or of none.
    fn until(
        &mut self,
        listener: &Listener,
        metric: &str,
        foresee: &Foresee,
        loaded: &LoadedBlock,
        ahead_of: Option<&LoadedBlock>,
    ) {
        let LoadedBlock { block, state, .. } = loaded;
        let ahead = ahead_of.map(|it| foresee.predict_ahead(&it.block, &it.state).unwrap());
        for _ in 0..TRIES_MAX {
            let executed = match &ahead {
                Some(ahead) => foresee.execute_ahead(block, state, ahead),
                None => foresee.execute_block(block, state),
            };
            self.add(&executed.unwrap());
            if listener.get(metric) > 0 {
                return;
            }
        }
        panic!("{metric} is not told");
    }
}

/// A block, executed in every way that there is beside those above.
fn in_other_ways(
    config: impl Fn(usize, Mode) -> Config,
    loaded: &LoadedBlock,
) -> Vec<ExecutedBlock> {
    let LoadedBlock { block, state, .. } = loaded;
    let readers = Readers::new(2).unwrap();
    let mut executed = Vec::new();
    for mode in [Mode::Parallel, Mode::InOrder] {
        let scored = Config { score: true, access_list: true, ..config(2, mode) };
        let scored = Foresee::new(scored).unwrap();
        let scores = scored.execute_block(block, state).unwrap();
        let foresee = Foresee::new(config(2, mode)).unwrap();
        let predicted = foresee.predict_block(block, state).unwrap();
        executed.push(foresee.execute_predicted(block, state, predicted).unwrap());
        let record = scored.record(block, scores.clone(), None).unwrap().record.into();
        for guide in
            [Guide::Record(&record), Guide::AccessList(scores.access_list.as_ref().unwrap())]
        {
            executed.push(foresee.execute_guided(block, state, guide, None).unwrap().0);
        }
        let source = readers.over(state);
        executed.push(foresee.execute_cold(block, &source).unwrap());
        executed.push(scored.execute_cold(block, &source).unwrap());
        executed.push(scores);
    }
    let alone = Foresee::new(config(1, Mode::Parallel)).unwrap();
    executed.push(alone.execute_block(block, state).unwrap());
    executed
}

#[test]
fn what_is_documented_is_told_and_nothing_else() {
    let listener = Listener::default();
    assert!(metrics::set_global_recorder(listener.clone()).is_ok());
    let mut sums = Sums::default();
    let config = |threads, mode| {
        let costs = Some(MachineCosts::default());
        Config { threads, mode, costs, ..Config::default() }
    };
    let parallel = Foresee::new(config(2, Mode::Parallel)).unwrap();
    let [amm, chain] = [Scenario::Amm, Scenario::Chain].map(|scenario| block(scenario, 100));
    let mut until = |metric, foresee: &Foresee, block: &LoadedBlock, ahead_of| {
        sums.until(&listener, metric, foresee, block, ahead_of);
    };
    until("foresee_schedule_seconds", &parallel, &amm, Some(&amm));
    until("foresee_started_early_total", &parallel, &amm, Some(&amm));
    // Of transactions that have nothing in common, and now each waits for the one before.
    let apart = block(Scenario::Erc20Cold, 100);
    until("foresee_reexecutions_total conflict", &parallel, &chain, Some(&apart));
    // Code that nobody has seen must not be compiled.
    let mut unseen = config(3, Mode::Parallel);
    unseen.predict.compile_max = 0;
    let unseen = Foresee::new(unseen).unwrap();
    until("foresee_unseen_transactions_total", &unseen, &amm, None);
    listener.wait_for("foresee_compiled_aside_total");
    // Halves of which the second is paid by whom the first pays.
    let auto = Foresee::new(config(2, Mode::Auto)).unwrap();
    let mut payments = block(Scenario::Payments, 1_200);
    let before = payments.clone();
    let txs = &mut payments.block.transactions;
    txs[1_199].kind = txs[1].kind;
    until("foresee_halves_met_total", &auto, &payments, Some(&before));
    let in_order = Foresee::new(config(2, Mode::InOrder)).unwrap();
    until("foresee_blocks_total in order: configured", &in_order, &chain, None);
    for executed in in_other_ways(config, &amm) {
        sums.add(&executed);
    }

    let mut told: Vec<_> = listener.0.0.lock().unwrap().keys().cloned().collect();
    told.retain(|name| !name.contains(' '));
    assert_eq!(told, documented());
    for (metric, sum) in [
        ("foresee_blocks_total", sums.blocks),
        ("foresee_block_seconds", sums.blocks),
        ("foresee_transactions_total", sums.transactions),
        ("foresee_transactions_ahead_total", sums.ahead),
        ("foresee_started_early_total", sums.early),
        ("foresee_reexecutions_total", sums.again),
        ("foresee_reexecuted_gas_total", sums.again_gas),
    ] {
        assert_eq!(listener.get(metric), sum, "{metric}");
    }
}
