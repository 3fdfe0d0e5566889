//! What the scores leave out: which transactions are inexact and why, gas, kinds of
//! transactions, and what knowing nothing but the pre-block state would yield.

use super::class::Class;
use alloy_primitives::B256;
use foresee_access::Difference;
use foresee_execute::{ExecutionTime, Observation};
use foresee_predict::{Dependencies, Prediction, ProgramCache};
use serde::Serialize;
use std::{collections::BTreeMap, time::Duration};

/// More about a block's predictions, or about several blocks'.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Detail {
    /// Transactions whose gas is predicted exactly.
    pub(super) exact_gas: u64,
    /// Transactions whose sets are exact when each is predicted alone on the state
    /// before the block.
    pub(super) exact_alone: u64,
    /// Transactions whose sets follow from calldata, caller and bytecode, whatever storage
    /// holds.
    pub(super) exact_without_state: u64,
    pub(super) calldata_alone: CalldataAlone,
    pub(super) classes: BTreeMap<Class, OfClass>,
    /// Transactions whose sets or gas are not exact.
    pub(super) inexact: Vec<Inexact>,
    pub(super) memory: Memory,
    pub(super) frames: Frames,
}

/// What depends on calldata and code alone: nothing else was looked at before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct CalldataAlone {
    /// Transactions that come to no location by anything else.
    pub(super) transactions: u64,
    /// Reads, out of so many.
    pub(super) reads: u64,
    pub(super) all_reads: u64,
}

impl CalldataAlone {
    /// Takes a transaction in.
    fn take(&mut self, dependencies: &Dependencies) {
        let (alone, all) = (dependencies.determined_reads(), dependencies.reads.len());
        self.transactions += u64::from(alone == all);
        self.reads += alone as u64;
        self.all_reads += all as u64;
    }

    fn add(&mut self, other: &Self) {
        self.transactions += other.transactions;
        self.reads += other.reads;
        self.all_reads += other.all_reads;
    }
}

/// What served the frames, with programs of earlier blocks only, and warm.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Frames {
    pub(super) generalised: Served,
    pub(super) warm: Served,
}

/// How many frames ran in slices, in blocks that were known, and in blocks that had to
/// be compiled first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Served {
    pub(super) slices: u64,
    pub(super) blocks: u64,
    pub(super) compiled: u64,
}

impl From<foresee_predict::Frames> for Served {
    fn from(frames: foresee_predict::Frames) -> Self {
        let foresee_predict::Frames { slices, blocks, compiled } = frames;
        Self { slices, blocks, compiled }
    }
}

impl Served {
    /// How many there were.
    pub(super) const fn total(&self) -> u64 {
        self.slices + self.blocks + self.compiled
    }

    fn add(&mut self, other: &Self) {
        self.slices += other.slices;
        self.blocks += other.blocks;
        self.compiled += other.compiled;
    }
}

/// Accuracy and cost of one class.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct OfClass {
    pub(super) transactions: u64,
    pub(super) exact: u64,
    pub(super) exact_gas: u64,
    /// Times in nanoseconds, each transaction's the median over the runs: predicted with
    /// programs at hand, and executed.
    pub(super) predict_ns: u64,
    pub(super) sequential_ns: u64,
    /// The parts of them that are spent in precompiles.
    pub(super) precompile_ns: PrecompileNs,
}

/// Nanoseconds spent in precompiles.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct PrecompileNs {
    pub(super) predict: u64,
    pub(super) sequential: u64,
}

impl OfClass {
    /// Takes a transaction's times in.
    fn take(&mut self, predicted: ExecutionTime, executed: ExecutionTime) {
        self.predict_ns += ns(predicted.total);
        self.sequential_ns += ns(executed.total);
        self.precompile_ns.predict += ns(predicted.precompiles);
        self.precompile_ns.sequential += ns(executed.precompiles);
    }

    fn add(&mut self, other: &Self) {
        self.transactions += other.transactions;
        self.exact += other.exact;
        self.exact_gas += other.exact_gas;
        self.predict_ns += other.predict_ns;
        self.sequential_ns += other.sequential_ns;
        self.precompile_ns.predict += other.precompile_ns.predict;
        self.precompile_ns.sequential += other.precompile_ns.sequential;
    }
}

/// A transaction that was not predicted exactly, and where the prediction parts from
/// what it did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Inexact {
    pub(super) index: usize,
    pub(super) hash: Option<B256>,
    pub(super) class: Class,
    /// What the prediction itself names as unknown.
    pub(super) unknown: Vec<String>,
    pub(super) gas: Gas,
    #[serde(flatten)]
    pub(super) difference: Difference,
}

/// Gas used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Gas {
    pub(super) predicted: u64,
    #[serde(rename = "true")]
    pub(super) truth: u64,
}

/// What the cache holds after the block, programs of earlier blocks included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Memory {
    pub(super) programs: u64,
    /// Bytes held, code included, and bytes of code alone.
    pub(super) bytes: u64,
    pub(super) code_bytes: u64,
}

impl Memory {
    pub(super) fn of(cache: &ProgramCache) -> Self {
        let count = |number: usize| number as u64;
        Self {
            programs: count(cache.len()),
            bytes: count(cache.size()),
            code_bytes: count(cache.code_size()),
        }
    }
}

/// What is told of one transaction.
pub(super) struct Told<'a> {
    pub(super) hash: Option<B256>,
    pub(super) class: Class,
    pub(super) predicted: &'a Prediction,
    pub(super) alone: &'a Prediction,
    pub(super) without_state: &'a Prediction,
    pub(super) observed: &'a Observation,
    /// How long it takes to predict, and to execute.
    pub(super) predicting: ExecutionTime,
    pub(super) executing: ExecutionTime,
}

impl Detail {
    /// The detail of a block.
    pub(super) fn new<'a>(
        transactions: impl Iterator<Item = Told<'a>>,
        memory: Memory,
        frames: Frames,
    ) -> Self {
        let mut detail = Self { memory, frames, ..Self::default() };
        for (index, tx) in transactions.enumerate() {
            detail.tell(index, &tx);
        }
        detail
    }

    fn tell(&mut self, index: usize, tx: &Told<'_>) {
        let Told { predicted, observed, class, .. } = *tx;
        let difference = Difference::between(&predicted.access, &observed.access);
        let alone = Difference::between(&tx.alone.access, &observed.access);
        let gas = Gas { predicted: predicted.gas_used, truth: observed.gas_used };
        // Nothing is said of the gas of what cannot be included.
        let exact_gas = !observed.included || gas.predicted == gas.truth;
        let of_class = self.classes.entry(class).or_default();
        of_class.transactions += 1;
        of_class.exact += u64::from(difference.is_empty());
        of_class.exact_gas += u64::from(exact_gas);
        of_class.take(tx.predicting, tx.executing);
        self.exact_gas += u64::from(exact_gas);
        self.exact_alone += u64::from(alone.is_empty());
        let is_exact = |prediction: &Prediction| {
            prediction.is_complete()
                && Difference::between(&prediction.access, &observed.access).is_empty()
        };
        self.exact_without_state += u64::from(is_exact(tx.without_state));
        if let Some(dependencies) = &predicted.dependencies {
            self.calldata_alone.take(dependencies);
        }
        if !difference.is_empty() || !exact_gas {
            let unknown = predicted.unknown.iter().map(ToString::to_string).collect();
            let hash = tx.hash;
            self.inexact.push(Inexact { index, hash, class, unknown, gas, difference });
        }
    }

    /// Adds another block's; what is held in memory is the later block's.
    pub(super) fn add(&mut self, other: &Self) {
        self.exact_gas += other.exact_gas;
        self.exact_alone += other.exact_alone;
        self.exact_without_state += other.exact_without_state;
        self.calldata_alone.add(&other.calldata_alone);
        for (class, more) in &other.classes {
            self.classes.entry(*class).or_default().add(more);
        }
        self.memory = other.memory;
        self.frames.generalised.add(&other.frames.generalised);
        self.frames.warm.add(&other.frames.warm);
    }
}

fn ns(time: Duration) -> u64 {
    time.as_nanos().try_into().unwrap_or(u64::MAX)
}
