//! Blocks that are halved: two threads execute one half each.
//!
//! What small transactions leave behind takes longer to hand from one thread to another than
//! they take to execute. Where no transaction of one half changes what one of the other looks
//! at, nothing has to be handed over before both are done. A sample of the predictions decides
//! whether that is likely: looking at all of them would take much of what is gained.
//!
//! Of halves that met all the same the second is executed once more, and blocks are not halved
//! for a while then, for longer each time.

use crate::{
    Decision, DecisionReason, ExecutedBlock, Foresee, MachineCosts, Mode,
    choice::{PAYMENT_GAS, conflicts::Vain},
    outlook::known,
    telemetry,
};
use alloy_primitives::{Address, map::HashMap};
use foresee_access::{Fingerprint, Footprint, Location, Touch};
use foresee_execute::{Block, ExecuteError, Policy, PreBlock, Reports};
use foresee_predict::Ahead;
use revm::DatabaseRef;
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

/// Lanes, and so threads.
const LANES: usize = 2;

/// So many transactions, from all over the block, must have nothing to do with each other.
const SAMPLE: usize = 64;

/// Blocks that take less in order than this are not halved: calling a thread costs a good
/// part of it.
const IN_ORDER_MIN_NS: u64 = 500_000;

/// The second half, which is the longer, may take at most this part of the block, in percent.
const HALF_MAX_PERCENT: u64 = 60;

/// Whether lanes met lately.
#[derive(Debug, Default)]
pub(crate) struct LanesMet(Mutex<Vain>);

impl LanesMet {
    /// Whether the next block that could be halved had better not be.
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
    /// Executes the halves of a block that was predicted ahead on a thread each, if they are
    /// likely to keep apart.
    pub(crate) fn execute_halved<DB: DatabaseRef + Sync>(
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
        let Some(middle) = middle(block, &self.costs(), ahead) else { return Ok(None) };
        if self.lanes_met.waits() {
            return Ok(None);
        }
        let pre = PreBlock::run(block, db)?;
        let executor = self.executor().knowing(Arc::new(known(block, ahead)));
        let outcome = executor.execute_in_lanes(pre, block, db, middle)?;
        let met = outcome.as_ref().is_none_or(|outcome| !outcome.stats.reexecuted.is_empty());
        self.lanes_met.learn(met);
        if met {
            telemetry::halves_met();
        }
        let Some(outcome) = outcome else { return Ok(None) };
        let decision = Decision { reason: DecisionReason::Apart, ..Decision::parallel(LANES) };
        let executed = ExecutedBlock::in_parallel(outcome, decision, Vec::new());
        Ok(Some(telemetry::block(executed, start.elapsed())))
    }
}

/// Where the second half begins. None if the block had better not be halved.
fn middle(block: &Block, costs: &MachineCosts, ahead: &[Ahead]) -> Option<usize> {
    let n = ahead.len();
    if n < SAMPLE {
        return None;
    }
    let sample = (0..SAMPLE).map(|at| &ahead[at * n / SAMPLE].footprint);
    if !keep_apart(sample, block.env.beneficiary) {
        return None;
    }
    let mut total = 0u64;
    let mut times = Vec::with_capacity(n);
    for Ahead { prediction, .. } in ahead {
        if !prediction.is_complete() {
            return None;
        }
        let time = costs.executing(1, prediction.gas_used.saturating_sub(PAYMENT_GAS));
        total = total.saturating_add(time);
        times.push(time);
    }
    if total < IN_ORDER_MIN_NS {
        return None;
    }
    let mut first = 0u64;
    let fits = |time: &&u64| {
        first = first.saturating_add(**time);
        first <= total / 2
    };
    let middle = times.iter().take_while(fits).count();
    let first: u64 = times[..middle].iter().sum();
    (total - first <= total / 100 * HALF_MAX_PERCENT).then_some(middle)
}

/// Whether of these transactions none changes what another accesses. An account's fields
/// count as one, and nobody may look at the one that all pay their fees to.
fn keep_apart<'p>(
    footprints: impl Iterator<Item = &'p Footprint> + Clone,
    beneficiary: Address,
) -> bool {
    let steps = footprints.enumerate().flat_map(|(tx, footprint)| {
        footprint.steps().iter().map(move |step| (tx, step.fingerprint().place(), step.touch()))
    });
    let mut writers = HashMap::<Fingerprint, usize>::default();
    for (tx, place, _) in steps.clone().filter(|(.., touch)| touch.has(Touch::WRITE)) {
        if *writers.entry(place).or_insert(tx) != tx {
            return false;
        }
    }
    let fees = Fingerprint::of(&Location::balance(beneficiary));
    steps.into_iter().all(|(tx, place, _)| {
        place != fees && writers.get(&place).is_none_or(|writer| *writer == tx)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Config;
    use foresee_execute::execute_in_order;
    use foresee_workload::{Scenario, generate};

    fn foresee() -> Foresee {
        let costs = Some(MachineCosts::default());
        Foresee::new(Config { threads: 2, costs, ..Config::default() }).unwrap()
    }

    #[test]
    fn what_has_nothing_in_common_is_halved_and_nothing_else_is() {
        for (scenario, is_halved) in [
            (Scenario::Payments, true),
            (Scenario::Erc20Cold, true),
            (Scenario::Erc20Hot, false),
            (Scenario::Chain, false),
            (Scenario::Mix, false),
        ] {
            let loaded = generate(scenario, 600, 1).unwrap().into_block().unwrap();
            let (block, state) = (&loaded.block, &loaded.state);
            let foresee = foresee();
            let ahead = foresee.predict_ahead(block, state).unwrap();
            let executed = foresee.execute_ahead(block, state, &ahead).unwrap();
            assert!(executed.output == execute_in_order(block, state).unwrap());
            let reason = executed.decision.reason;
            assert_eq!(reason == DecisionReason::Apart, is_halved, "{scenario:?} {reason:?}");
            let few = generate(scenario, 60, 1).unwrap().into_block().unwrap();
            let ahead = foresee.predict_ahead(&few.block, &few.state).unwrap();
            assert!(middle(&few.block, &foresee.costs(), &ahead).is_none());
        }
    }

    #[test]
    fn of_halves_that_met_one_is_executed_again_and_others_not_halved_for_a_while() {
        let mut loaded = generate(Scenario::Payments, 600, 1).unwrap().into_block().unwrap();
        let foresee = foresee();
        let ahead = foresee.predict_ahead(&loaded.block, &loaded.state).unwrap();
        let again = |loaded: &foresee_source::LoadedBlock| {
            let (block, state) = (&loaded.block, &loaded.state);
            let executed = foresee.execute_ahead(block, state, &ahead).unwrap();
            assert!(executed.output == execute_in_order(block, state).unwrap());
            let is_halved = executed.decision.reason == DecisionReason::Apart;
            is_halved.then_some(executed.stats.reexecuted.len())
        };
        assert_eq!(again(&loaded), Some(0));
        // The predictions are of another block, in which nobody is paid by both halves.
        let txs = &mut loaded.block.transactions;
        let first = txs[1].kind;
        let paid = core::mem::replace(&mut txs[599].kind, first);
        // Where the other thread is late, the first goes on without it.
        let again_in_one = (0..1_000).find_map(|_| again(&loaded).filter(|again| *again != 0));
        assert!((250..350).contains(&again_in_one.unwrap()));
        for _ in 0..2 {
            assert_eq!(again(&loaded), None);
        }
        loaded.block.transactions[599].kind = paid;
        assert_eq!(again(&loaded), Some(0));
    }
}
