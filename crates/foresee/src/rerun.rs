//! A record, made ready for its block to be executed again.
//!
//! What waits for what follows from the record alone, and so do the results of the precompiled
//! contracts that were called, from what they were called with. Both are found out when the
//! record is there and not when the block is: as predictions are made before the block comes.

use crate::{
    choice::{self, Work},
    outlook::{better, sampled_shape, scheduled},
    predicted_list::named,
};
use alloy_primitives::map::HashSet;
use core::str::FromStr;
use foresee_access::TxIndex;
use foresee_execute::{AccessList, Block, PrecompileInput, Record};
use foresee_predict::PrecompileCall;
use foresee_schedule::{Additions, Schedule};
use revm::{
    precompile::{PrecompileSpecId, Precompiles},
    primitives::hardfork::SpecId,
};

/// The most gas that is spent on results of precompiled contracts, whatever gas limit a
/// record claims.
const RESULTS_GAS_MAX: u64 = 300_000_000;

/// A record, and the schedules that follow from it.
#[derive(Clone, Debug)]
pub struct Rerun {
    record: Record,
    /// Additions to a slot wait for each other,
    ordered: Schedule,
    /// or they do not.
    free: Schedule,
    /// Gas of all transactions.
    gas: u64,
    /// Results of precompiled contracts, under the rules of the record's block.
    results: Vec<PrecompileCall>,
}

impl Rerun {
    /// Makes a record ready. It may be anybody's: nothing of it is trusted.
    pub fn new(record: Record) -> Self {
        let nodes = record.true_nodes();
        let [ordered, free] =
            [Additions::Ordered, Additions::Free].map(|additions| scheduled(&nodes, additions));
        let gas = nodes.iter().fold(0, |sum: u64, node| sum.saturating_add(node.gas));
        drop(nodes);
        let results = results(&record);
        Self { record, ordered, free, gas, results }
    }

    /// The record.
    pub const fn record(&self) -> &Record {
        &self.record
    }

    /// What its transactions called precompiled contracts with, and what these yield.
    pub(crate) fn results(&self) -> &[PrecompileCall] {
        &self.results
    }

    /// What its transactions accessed, in the shape of an access list without values: to be
    /// [read ahead](crate::Foresee::prefetch) where reads take long.
    pub fn named(&self) -> AccessList {
        named(self.record.transactions.iter().map(|transaction| &*transaction.observed))
    }

    /// The schedule for so many threads.
    pub(crate) fn schedule(&self, threads: usize) -> &Schedule {
        let schedule = |additions| match additions {
            Additions::Ordered => &self.ordered,
            Additions::Free => &self.free,
        };
        better(threads, schedule, |schedule| self.shape(schedule))
    }

    /// The work in its block, and how far the transactions wait for each other. It must be
    /// the record of this block.
    pub(crate) fn work(&self, block: &Block) -> Work {
        let Record { transactions, .. } = &self.record;
        let shape = sampled_shape(block, |sample| {
            let sample: Vec<_> = sample.iter().map(|at| self.record.true_node(*at)).collect();
            scheduled(&sample, Additions::Ordered)
        });
        Work::by_gas(block, |position| transactions[position].gas_used).shaped(shape)
    }

    /// Whether nearly every transaction waits for another.
    pub(crate) fn is_serial(&self, threads: usize) -> bool {
        let (span, gas) = self.shape(self.schedule(threads));
        choice::is_serial(span, gas)
    }

    /// Gas on the longest path of a schedule, and of all transactions.
    fn shape(&self, schedule: &Schedule) -> (u64, u64) {
        let each = (0..schedule.len()).map(|at| schedule.priority(TxIndex::new(at)));
        (each.max().unwrap_or_default(), self.gas)
    }
}

/// Computes what precompiled contracts yield for what they were called with: each once, and
/// no more than a block can pay for. A record of rules or of calls that there cannot be ends
/// it.
fn results(record: &Record) -> Vec<PrecompileCall> {
    let Ok(spec) = SpecId::from_str(&record.block.fork) else { return Vec::new() };
    let precompiles = Precompiles::new(PrecompileSpecId::from_spec_id(spec));
    let calls = record.transactions.iter().flat_map(|tx| tx.observed.precompiled());
    let mut gas = record.block.gas_limit.min(RESULTS_GAS_MAX);
    let mut done: HashSet<&PrecompileInput> = HashSet::default();
    calls
        .filter(|call| done.insert(*call))
        .map_while(|PrecompileInput { address, input }| {
            let output = precompiles.get(address)?.execute(input, gas, 0).ok()?;
            gas = gas.checked_sub(output.gas_used).filter(|_| output.is_success())?;
            Some(PrecompileCall { address: *address, input: input.clone(), output })
        })
        .collect()
}

impl From<Record> for Rerun {
    fn from(record: Record) -> Self {
        Self::new(record)
    }
}
