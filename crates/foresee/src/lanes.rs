//! Blocks that are executed in lanes: one thread executes from the beginning, another foresees
//! what that leaves at some place, and executes what comes behind it meanwhile.
//!
//! What transactions leave behind takes longer to hand from one thread to another than small
//! ones take to execute, and one that waits for another gains nothing by a second thread. But
//! what half a block leaves is foreseen in a tenth to a third of the time that executing it
//! takes: most predictions made alone hold in the block as they are, and only transactions that
//! meet an earlier one are predicted again. Where lanes have nothing in common, as a sample of
//! the predictions tells, nothing has to be foreseen.
//!
//! A block that was not predicted ahead is divided where a second thread has nothing better to
//! do: where most transactions are payments, but not nearly all of them, and where nearly all
//! call whom others have called.
//!
//! What comes behind something that was foreseen wrong is executed once more, and blocks are
//! not divided for a while then, for longer each time.

mod foresight;
mod times;

use crate::{
    Decision, DecisionReason, Estimate, ExecutedBlock, Foresee, Mode,
    choice::{conflicts::Vain, mul_div},
    precaution,
    telemetry::{self, predicting},
};
use alloy_primitives::{Address, map::HashMap};
use foresee_access::{Fingerprint, Footprint, Location, Touch};
use foresee_execute::{Block, ExecuteError, Known, LastLane, Policy, Reports};
use foresee_predict::Ahead;
use foresight::Foresight;
use revm::DatabaseRef;
use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};
use times::{Size, Times, is_worth_it};

/// Lanes, and so threads.
const LANES: usize = 2;

/// So many transactions, from all over the block, must have nothing to do with each other for
/// lanes to be taken for having nothing in common.
const SAMPLE: usize = 64;

/// Of transactions that threads would hand to each other, one in so many runs code at least;
/// others are done sooner than they are handed over.
const CODE_DIVISOR: usize = 5;

/// Where all of a block is no more than this, in percent of its longest path, a second thread
/// would burn time for little: nearly every transaction has to be predicted again.
const CHAIN_PERCENT: u64 = 110;

/// Handing transactions on takes a good part of what they take themselves if that is no more
/// than this where they all follow each other, half of it where two could be executed at a time,
/// and so on. What their dependencies allow is not reached then if it is not far more.
const SMALL_NS: u64 = 64_000;
const DEPENDENT_PERCENT: u64 = 400;

/// Where their dependencies cannot keep two threads busy, transactions are not handed on however
/// large they are: what is foreseen need not wait for anything. A sample shows some more
/// parallelism than there is.
const BUSY_PERCENT: u64 = 200;

/// Of all transactions, in percent, so many run code and share a sender or a recipient with one
/// before them where next to nothing is free that could be executed without being foreseen.
const WAITING_PERCENT: usize = 90;

/// Whether a block of so many transactions is better divided than executed as was decided.
pub(crate) fn is_better(decision: &Decision, transactions: usize) -> bool {
    let Estimate { transactions_with_code, parallelism_percent, in_order, .. } =
        decision.estimate.unwrap_or_default();
    let parallelism = parallelism_percent.unwrap_or(u64::MAX);
    match decision.reason {
        DecisionReason::Pays => {
            let in_order_ns = u64::try_from(in_order.as_nanos()).unwrap_or(u64::MAX);
            let small_ns = SMALL_NS.saturating_mul(transactions as u64);
            let is_small = mul_div(in_order_ns, parallelism, 100) <= small_ns;
            transactions_with_code * CODE_DIVISOR <= transactions
                || (CHAIN_PERCENT..DEPENDENT_PERCENT).contains(&parallelism)
                    && (is_small || parallelism < BUSY_PERCENT)
        }
        DecisionReason::Dependent => parallelism > CHAIN_PERCENT,
        DecisionReason::LittleWork | DecisionReason::FewTransactions => true,
        _ => false,
    }
}

/// Whether transactions from all over a block have nothing in common.
pub(crate) fn are_apart(block: &Block, ahead: &[Ahead]) -> bool {
    let sample = (0..SAMPLE).map(|at| &ahead[at * ahead.len() / SAMPLE].footprint);
    ahead.len() >= SAMPLE && keep_apart(sample, block.env.beneficiary)
}

/// What is known of a block before it is executed.
#[derive(Clone, Copy)]
pub(crate) enum Foreknowledge<'a> {
    /// Predictions that have nothing in common, as far as a sample tells.
    Apart(&'a [Ahead]),
    /// Predictions made alone.
    Ahead(&'a [Ahead]),
    /// Nothing but that most transactions are payments, and some are not.
    Small,
    /// Nothing but that nearly all call whom another before them has called.
    Waiting,
}

impl<'a> Foreknowledge<'a> {
    /// The predictions, if there are any.
    const fn ahead(self) -> Option<&'a [Ahead]> {
        match self {
            Self::Apart(ahead) | Self::Ahead(ahead) => Some(ahead),
            Self::Small | Self::Waiting => None,
        }
    }

    fn times(self, block: &Block) -> Times {
        self.ahead().map_or_else(|| Times::by_limits(block), Times::new)
    }
}

/// Whether lanes were in vain lately, because what was foreseen of them was wrong or nothing but
/// a chain: of blocks that were predicted ahead, and of others.
#[derive(Debug, Default)]
pub(crate) struct LanesMet {
    ahead: Mutex<Vain>,
    inside: Mutex<Vain>,
}

impl LanesMet {
    /// Whether the next block that could be divided had better not be.
    fn waits(&self, before: Foreknowledge<'_>) -> bool {
        self.of(before).waits()
    }

    fn learn(&self, before: Foreknowledge<'_>, in_vain: bool) {
        let mut vain = self.of(before);
        match in_vain {
            true => vain.again(),
            false => *vain = Vain::default(),
        }
    }

    fn of(&self, before: Foreknowledge<'_>) -> MutexGuard<'_, Vain> {
        let vain = if before.ahead().is_some() { &self.ahead } else { &self.inside };
        vain.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Foresee {
    /// Whether a block that was predicted ahead may be divided.
    pub(crate) fn may_divide(&self, ahead: &[Ahead]) -> bool {
        self.divides() && is_worth_it(ahead)
    }

    /// By what a block is divided that was not predicted ahead, if that promises more than
    /// executing what is free by then.
    pub(crate) fn dividing(&self, block: &Block) -> Option<Foreknowledge<'static>> {
        let size = self.divides().then(|| times::size_by_limits(block))?;
        let wait = || precaution::waiting_percent(block) >= WAITING_PERCENT;
        match size {
            Size::NotWorthIt => None,
            Size::Small => Some(Foreknowledge::Small),
            Size::Large => wait().then_some(Foreknowledge::Waiting),
        }
    }

    fn divides(&self) -> bool {
        let config = self.config();
        let is_free = config.mode == Mode::Auto && config.policy == Policy::Dataflow;
        let is_plain = config.threads == LANES && config.reports() == Reports::default();
        is_free && is_plain
    }

    /// Executes a block in lanes. Nothing if that had better not be tried, or if it failed.
    pub(crate) fn execute_divided<DB: DatabaseRef + Sync>(
        &self,
        block: &Block,
        db: &DB,
        before: Foreknowledge<'_>,
    ) -> Result<Option<ExecutedBlock>, ExecuteError<DB::Error>> {
        let start = Instant::now();
        if self.lanes_met.waits(before) {
            return Ok(None);
        }
        let known = Arc::new(Known::new(block.transactions.len()));
        let executor = self.executor().knowing(known.clone());
        let mut foresight = Foresight::new(self, (block, db), before, &known);
        let foresee = |last: &LastLane| predicting(|| foresight.next(last));
        let outcome = executor.execute_in_lanes(block, db, foresee)?;
        let met = outcome.as_ref().is_none_or(|outcome| !outcome.stats.reexecuted.is_empty());
        if met {
            telemetry::halves_met();
        }
        let is_chain = foresight.is_chain();
        self.lanes_met.learn(before, met || is_chain);
        let Some(outcome) = outcome else { return Ok(None) };
        let decision = match is_chain {
            true => Decision::in_order(DecisionReason::Dependent),
            false => Decision { reason: DecisionReason::Halved, ..Decision::parallel(LANES) },
        };
        let executed = ExecutedBlock::in_parallel(outcome, decision, Vec::new());
        telemetry::block(&executed, start.elapsed());
        Ok(Some(executed))
    }
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
    use crate::{Config, MachineCosts};
    use alloy_primitives::{Bytes, U256};
    use foresee_execute::execute_in_order;
    use foresee_source::LoadedBlock;
    use foresee_workload::{Scenario, generate};
    use revm::{
        bytecode::{Bytecode, opcode as op},
        database::CacheDB,
        state::AccountInfo,
    };

    fn foresee() -> Foresee {
        let costs = Some(MachineCosts::default());
        Foresee::new(Config { threads: 2, costs, ..Config::default() }).unwrap()
    }

    #[test]
    fn what_is_apart_or_depends_too_much_to_be_handed_over_is_divided_and_nothing_else_is() {
        for (scenario, is_halved) in [
            (Scenario::Payments, true),
            (Scenario::Erc20Cold, true),
            (Scenario::Erc20Hot, true),
            (Scenario::Nft, true),
            (Scenario::Chain, false),
            (Scenario::Amm, true),
            (Scenario::AmmWide, false),
            (Scenario::Mix, false),
        ] {
            let loaded = generate(scenario, 1_200, 1).unwrap().into_block().unwrap();
            let (block, state) = (&loaded.block, &loaded.state);
            let foresee = foresee();
            let ahead = foresee.predict_ahead(block, state).unwrap();
            let executed = foresee.execute_ahead(block, state, &ahead).unwrap();
            assert!(executed.output == execute_in_order(block, state).unwrap());
            let reason = executed.decision.reason;
            assert_eq!(reason == DecisionReason::Halved, is_halved, "{scenario:?} {reason:?}");
            // All that a lane has met was foreseen.
            assert!(!is_halved || executed.stats.reexecuted.is_empty(), "{scenario:?}");
            let few = generate(scenario, 8, 1).unwrap().into_block().unwrap();
            let ahead = foresee.predict_ahead(&few.block, &few.state).unwrap();
            let executed = foresee.execute_ahead(&few.block, &few.state, &ahead).unwrap();
            assert_ne!(executed.decision.reason, DecisionReason::Halved);
        }
    }

    #[test]
    fn what_nobody_predicted_is_divided_where_a_second_thread_has_nothing_better_to_do() {
        for (scenario, is_halved) in [
            (Scenario::Nft, true),
            (Scenario::Erc20Hot, true),
            (Scenario::AmmWide, true),
            (Scenario::Payments, false),
            (Scenario::Chain, false),
            (Scenario::Mix, false),
        ] {
            let loaded = generate(scenario, 600, 1).unwrap().into_block().unwrap();
            let foresee = foresee();
            let executed = check(&foresee, &loaded);
            let is_chain = scenario == Scenario::Chain;
            assert_eq!(
                executed.decision.reason == DecisionReason::Halved,
                is_halved,
                "{scenario:?}"
            );
            assert!(!is_halved || executed.stats.reexecuted.is_empty(), "{scenario:?}");
            // What was in vain is not tried again at once.
            assert_eq!(foresee.lanes_met.waits(Foreknowledge::Waiting), is_chain);
            assert!(!foresee.lanes_met.waits(Foreknowledge::Ahead(&[])));
        }
    }

    #[test]
    fn payments_are_divided_if_some_run_code_among_them() {
        let mut loaded = generate(Scenario::Payments, 1_200, 1).unwrap().into_block().unwrap();
        let foresee = foresee();
        for tx in loaded.block.transactions.iter_mut().step_by(10) {
            (tx.data, tx.gas_limit) = (Bytes::from_static(&[1]), 100_000);
        }
        let executed = check(&foresee, &loaded);
        assert_eq!(executed.decision.reason, DecisionReason::Halved);
        assert!(executed.stats.reexecuted.is_empty());
        // Those that are refused leave nothing, which is foreseen as well.
        for tx in loaded.block.transactions.iter_mut().step_by(7) {
            tx.nonce += 1;
        }
        let is_ahead = |_| {
            let executed = check(&foresee, &loaded);
            assert!(executed.stats.reexecuted.is_empty());
            executed.stats.ahead > 0
        };
        // Where the other thread is late, the first goes on without it.
        assert!((0..1_000).any(is_ahead));
        let ahead = foresee.predict_ahead(&loaded.block, &loaded.state).unwrap();
        let is_ahead = |_| {
            let (block, state) = (&loaded.block, &loaded.state);
            foresee.execute_ahead(block, state, &ahead).unwrap().stats.ahead > 0
        };
        assert!((0..1_000).any(is_ahead));
    }

    #[test]
    fn paths_that_calls_take_in_their_place_alone_are_learnt_after_the_block() {
        let loaded = generate(Scenario::Payments, 1_200, 1).unwrap().into_block().unwrap();
        // The first to call it takes the short way, and so does each alone.
        let [first, way] =
            [[op::PUSH0, op::SLOAD, op::PUSH1, 10], [op::JUMPI, op::PUSH1, 1, op::PUSH0]];
        let line = [op::PUSH0, op::SLOAD, op::POP].repeat(200);
        let code = [&first[..], &way, &[op::SSTORE, op::STOP, op::JUMPDEST], &line].concat();
        let contract = Address::with_last_byte(0xc0);
        let mut state = CacheDB::new(&loaded.state);
        let info = AccountInfo::default().with_code(Bytecode::new_raw(code.into()));
        state.insert_account_info(contract, info);
        let mut block = loaded.block.clone();
        for tx in block.transactions.iter_mut().step_by(10) {
            (tx.kind, tx.value, tx.gas_limit) = (contract.into(), U256::ZERO, 100_000);
        }
        let foresee = foresee();
        let busy = foresee.busy();
        let ahead = foresee.predict_ahead(&block, &state).unwrap();
        assert_eq!(foresee.cache().unlearnt(), 0);
        let is_left = |_| {
            let executed = foresee.execute_ahead(&block, &state, &ahead).unwrap();
            assert!(executed.output == execute_in_order(&block, &state).unwrap());
            foresee.cache().unlearnt() > 0
        };
        // Where the other thread is late, the first goes on without it.
        assert!((0..1_000).any(is_left));
        drop(busy);
        foresee.settle();
        assert_eq!(foresee.cache().unlearnt(), 0);
    }

    fn check(foresee: &Foresee, loaded: &LoadedBlock) -> ExecutedBlock {
        let (block, state) = (&loaded.block, &loaded.state);
        let executed = foresee.execute_block(block, state).unwrap();
        assert!(executed.output == execute_in_order(block, state).unwrap());
        executed
    }

    #[test]
    fn of_halves_that_met_one_is_executed_again_and_others_not_halved_for_a_while() {
        let mut loaded = generate(Scenario::Payments, 1_200, 1).unwrap().into_block().unwrap();
        let foresee = foresee();
        let ahead = foresee.predict_ahead(&loaded.block, &loaded.state).unwrap();
        let again = |loaded: &LoadedBlock| {
            let (block, state) = (&loaded.block, &loaded.state);
            let executed = foresee.execute_ahead(block, state, &ahead).unwrap();
            assert!(executed.output == execute_in_order(block, state).unwrap());
            let is_halved = executed.decision.reason == DecisionReason::Halved;
            is_halved.then_some(executed.stats.reexecuted.len())
        };
        assert_eq!(again(&loaded), Some(0));
        // The predictions are of another block, in which nobody is paid by both halves.
        let txs = &mut loaded.block.transactions;
        let first = txs[1].kind;
        let paid = core::mem::replace(&mut txs[1_199].kind, first);
        // Where the other thread is late, the first goes on without it.
        let again_in_one = (0..1_000).find_map(|_| again(&loaded).filter(|again| *again != 0));
        assert!((1..1_000).contains(&again_in_one.unwrap()));
        for _ in 0..2 {
            assert_eq!(again(&loaded), None);
        }
        loaded.block.transactions[1_199].kind = paid;
        assert_eq!(again(&loaded), Some(0));
    }
}
