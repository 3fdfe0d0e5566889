//! Blocks that fall into two lanes of transactions which have nothing to do with each other.
//!
//! What small transactions leave behind takes longer to hand from one thread to another than
//! they take to execute. Where no transaction of one lane changes what one of the other looks
//! at, nothing has to be handed over before both are done. Lanes follow from predictions made
//! alone. Two samples decide how much is asked of these: if no two transactions of the first
//! meet, the block is halved as it stands, since looking at all of them would take much of what
//! is gained; if some meet, those that do are found in the whole block and kept together.
//!
//! Lanes that met all the same are executed once more otherwise, and blocks are not divided for
//! a while then, for longer each time.

use crate::{
    Decision, DecisionReason, ExecutedBlock, Foresee, MachineCosts, Mode,
    choice::{PAYMENT_GAS, conflicts::Vain},
    outlook::known,
    telemetry,
};
use alloy_primitives::{Address, map::HashMap};
use foresee_access::{AccessSet, Location};
use foresee_execute::{Block, ExecuteError, Policy, PreBlock, Reports};
use foresee_predict::Ahead;
use revm::DatabaseRef;
use std::{
    collections::hash_map::Entry,
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

/// Lanes, and so threads.
const LANES: usize = 2;

/// So many transactions, from all over the block, are looked at first.
const SAMPLE: usize = 64;

/// One in so many of a sample may belong together for the block to be divided.
const PART_DIVISOR: usize = 8;

/// Blocks that take less in order than this are not divided: calling a thread costs a good
/// part of it.
const IN_ORDER_MIN_NS: u64 = 500_000;

/// The longer lane may take at most this part of the block, in percent.
const LANE_MAX_PERCENT: u64 = 60;

/// Whether lanes met lately.
#[derive(Debug, Default)]
pub(crate) struct LanesMet(Mutex<Vain>);

impl LanesMet {
    /// Whether the next block that could be divided had better not be.
    fn waits(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).waits()
    }

    fn learn(&self, met: bool) {
        let mut vain = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match met {
            true => vain.again(),
            false => *vain = Vain::default(),
        }
    }
}

impl Foresee {
    /// Executes a block that was predicted ahead in two lanes, if it can be divided so.
    pub(crate) fn execute_divided<DB: DatabaseRef + Sync>(
        &self,
        block: &Block,
        db: &DB,
        ahead: &[Ahead],
    ) -> Result<Option<ExecutedBlock>, ExecuteError<DB::Error>> {
        let config = self.config();
        let is_free = config.mode == Mode::Auto && config.policy == Policy::Dataflow;
        if !is_free || config.threads != LANES || config.reports() != Reports::default() {
            return Ok(None);
        }
        let start = Instant::now();
        let Some(in_second) = divided(block, &self.costs(), ahead) else { return Ok(None) };
        if self.lanes_met.waits() {
            return Ok(None);
        }
        let pre = PreBlock::run(block, db)?;
        let executor = self.executor().knowing(Arc::new(known(block, ahead)));
        let outcome = executor.execute_in_lanes(pre, block, db, &in_second)?;
        self.lanes_met.learn(outcome.is_none());
        let Some(outcome) = outcome else { return Ok(None) };
        let decision = Decision { reason: DecisionReason::Apart, ..Decision::parallel(LANES) };
        let executed = self.executed(outcome, decision, Vec::new());
        telemetry::block(&executed, start.elapsed());
        Ok(Some(executed))
    }
}

/// By transaction, whether it goes into the second lane. None if the block cannot be divided,
/// or it does not pay.
fn divided(block: &Block, costs: &MachineCosts, ahead: &[Ahead]) -> Option<Vec<bool>> {
    let n = ahead.len();
    if n < SAMPLE {
        return None;
    }
    let mut total = 0u64;
    let mut times = Vec::with_capacity(n);
    for Ahead { prediction, .. } in ahead {
        // Alone it may fail for want of what an earlier one leaves behind.
        if !prediction.is_complete() || !prediction.success {
            return None;
        }
        let time = costs.executing(1, prediction.gas_used.saturating_sub(PAYMENT_GAS));
        total = total.saturating_add(time);
        times.push(time);
    }
    if total < IN_ORDER_MIN_NS {
        return None;
    }
    let beneficiary = block.env.beneficiary;
    let sample = (0..SAMPLE).map(|at| &ahead[at * n / SAMPLE].prediction.access);
    let largest = largest(&parts(sample, beneficiary)?);
    if largest > SAMPLE / PART_DIVISOR {
        return None;
    }
    let in_second = match largest {
        1 => halves(&times, total),
        _ => balanced(&parts(ahead.iter().map(|it| &it.prediction.access), beneficiary)?, &times),
    };
    let each = times.iter().zip(&in_second);
    let second: u64 = each.filter(|(_, is_second)| **is_second).map(|(time, _)| time).sum();
    let longer = second.max(total - second);
    (longer <= total / 100 * LANE_MAX_PERCENT).then_some(in_second)
}

/// How many belong to the largest part.
fn largest(parts: &[usize]) -> usize {
    let mut sizes = vec![0; parts.len()];
    parts.iter().for_each(|part| sizes[*part] += 1);
    sizes.into_iter().max().unwrap_or(0)
}

/// The second half of the time goes into the second lane.
fn halves(times: &[u64], total: u64) -> Vec<bool> {
    let mut passed = 0u64;
    let each = times.iter().map(|time| {
        passed = passed.saturating_add(*time);
        passed > total / 2
    });
    each.collect()
}

/// The parts go one after the other into the lane that is shorter by then, those that take
/// longest first.
fn balanced(parts: &[usize], times: &[u64]) -> Vec<bool> {
    let mut each = vec![0u64; parts.len()];
    for (part, time) in parts.iter().zip(times) {
        each[*part] = each[*part].saturating_add(*time);
    }
    let mut order: Vec<_> = each.iter().zip(0..).filter(|(time, _)| **time > 0).collect();
    order.sort_unstable_by(|a, b| b.cmp(a));
    let mut lanes = [0u64; LANES];
    let mut is_second = vec![false; parts.len()];
    for (time, part) in order {
        let second = lanes[1] < lanes[0];
        is_second[part] = second;
        let lane = &mut lanes[usize::from(second)];
        *lane = lane.saturating_add(*time);
    }
    parts.iter().map(|part| is_second[*part]).collect()
}

/// By transaction, to which part it belongs, which is named by one of its transactions: two
/// of different parts access nothing in common that either changes. An account's fields count
/// as one. None if somebody looks at the account that all pay their fees to.
fn parts<'p>(
    accesses: impl Iterator<Item = &'p AccessSet> + Clone,
    beneficiary: Address,
) -> Option<Vec<usize>> {
    let mut joined = Joined(Vec::new());
    let mut writers = HashMap::<Location, usize>::default();
    for (tx, access) in accesses.clone().enumerate() {
        joined.0.push(tx);
        for location in &access.writes {
            match writers.entry(place(location)) {
                Entry::Vacant(entry) => drop(entry.insert(tx)),
                Entry::Occupied(entry) => joined.join(*entry.get(), tx),
            }
        }
    }
    let fees = Location::balance(beneficiary);
    if writers.contains_key(&fees) {
        return None;
    }
    for (tx, access) in accesses.enumerate() {
        for location in access.reads.iter().map(place) {
            if location == fees {
                return None;
            }
            if let Some(writer) = writers.get(&location) {
                joined.join(*writer, tx);
            }
        }
    }
    Some((0..joined.0.len()).map(|tx| joined.root(tx)).collect())
}

/// What counts as one location here.
const fn place(location: &Location) -> Location {
    match location.is_slot() {
        true => *location,
        false => Location::balance(location.address),
    }
}

/// Transactions that belong together: each points to an earlier one of its part, or to itself.
struct Joined(Vec<usize>);

impl Joined {
    fn root(&mut self, mut tx: usize) -> usize {
        while self.0[tx] != tx {
            // Half of the way is saved to whoever comes next.
            self.0[tx] = self.0[self.0[tx]];
            tx = self.0[tx];
        }
        tx
    }

    fn join(&mut self, one: usize, other: usize) {
        let [one, other] = [one, other].map(|tx| self.root(tx));
        self.0[one.max(other)] = one.min(other);
    }
}
