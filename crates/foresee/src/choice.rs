//! Whether a block is worth more than one thread, and how many.
//!
//! Decided twice. Before anything is predicted, [`choose`] weighs what threads could save
//! at best against what calling them and handing transactions around costs. When
//! predictions are there, [`is_serial`] tells whether the transactions wait for each
//! other so much that the block, which one thread executes in order meanwhile, had better
//! go on like that.
//!
//! A decision says how long a block takes, never what comes out. So it may rest on clocks
//! and on what earlier blocks have taught ([`costs`]).

pub(crate) mod conflicts;
pub(crate) mod costs;

use crate::{Config, Mode};
use core::time::Duration;
use costs::MachineCosts;
use foresee_execute::Block;
use revm::context::TxEnv;

/// The gas of a payment (Yellow Paper, appendix G).
pub(crate) const PAYMENT_GAS: u64 = 21_000;

/// Blocks with fewer transactions that run code are executed in order: there is nothing
/// to share.
const TRANSACTIONS_MIN: usize = 2;

/// So many percent must be expected to be saved for threads to be called: estimates err.
const SAVING_MIN_PERCENT: u64 = 10;

/// Blocks that are expected to take less than this one after the other are executed so: gas
/// limits tell little of small blocks, and there is little to be gained. Nor does it tell much
/// of them what gas took in the blocks before, if that is more than usual.
const IN_ORDER_MIN_NS: u64 = 500_000;

/// With fewer threads no schedule is predicted inside the clock: one that predicts takes longer
/// than it can save the only other one.
pub(crate) const PREDICTING_THREADS_MIN: usize = 3;

/// Transactions whose longest path is this part of all their gas have next to nothing to
/// be run beside each other.
const SERIAL_PERCENT: u64 = 95;

/// Of the transactions with code, in percent, so many have to be kept to their turn, or call
/// whom blocks called that were shared in vain, for threads to find nothing else.
const KEPT_PERCENT_MIN: u64 = 90;

/// How a block was executed, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decision {
    /// Whether it was executed in parallel, not in order.
    pub parallel: bool,
    /// Threads that worked on it.
    pub threads: usize,
    /// Why so many.
    pub reason: DecisionReason,
    /// The numbers behind it, if it was weighed.
    pub estimate: Option<Estimate>,
}

/// Why a block was executed on one thread or on several.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecisionReason {
    /// The configuration says so.
    Configured,
    /// There is one thread only.
    OneThread,
    /// Too few transactions run code.
    FewTransactions,
    /// Before [EIP-150](https://eips.ethereum.org/EIPS/eip-150) reads of the state cost next
    /// to no gas, so that gas does not tell what takes time; and blocks were small.
    GasSaysNothing,
    /// Calling other threads costs more than they could save.
    LittleWork,
    /// The predictions showed that nearly every transaction waits for another.
    Dependent,
    /// Several threads are expected to be faster.
    Pays,
    /// One thread executed its first half, another what comes behind that, as foreseen.
    Halved,
}

/// What a block was expected to take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Estimate {
    /// Transactions that run code, as far as that shows before they are predicted.
    pub transactions_with_code: usize,
    /// Gas that these will use, beyond that of a payment each.
    pub gas: u64,
    /// Time that all transactions take one after the other.
    pub in_order: Duration,
    /// The shortest time that all can take on several threads, machinery included.
    pub parallel: Duration,
    /// Of what was predicted, gas of all over gas of the longest path, in percent.
    pub parallelism_percent: Option<u64>,
}

impl DecisionReason {
    /// So many there are.
    pub(crate) const COUNT: usize = Self::Halved as usize + 1;
}

impl Decision {
    pub(crate) const fn in_order(reason: DecisionReason) -> Self {
        Self { parallel: false, threads: 1, reason, estimate: None }
    }

    /// In parallel because that is asked for; 0 threads count as 1.
    pub(crate) const fn parallel(threads: usize) -> Self {
        let threads = if threads == 0 { 1 } else { threads };
        Self { parallel: true, threads, reason: DecisionReason::Configured, estimate: None }
    }

    /// Decides if the configuration does.
    pub(crate) const fn configured(config: &Config) -> Option<Self> {
        match config.mode {
            Mode::InOrder => Some(Self::in_order(DecisionReason::Configured)),
            Mode::Parallel => Some(Self::parallel(config.threads)),
            Mode::Auto if config.threads <= 1 => Some(Self::in_order(DecisionReason::OneThread)),
            Mode::Auto => None,
        }
    }

    /// In words.
    pub const fn text(&self) -> &'static str {
        match (self.parallel, self.reason) {
            (true, DecisionReason::Halved) => "in two halves",
            (true, _) => "in parallel",
            (false, DecisionReason::Configured) => "in order: configured",
            (false, DecisionReason::OneThread) => "in order: one thread",
            (false, DecisionReason::FewTransactions) => "in order: few transactions with code",
            (false, DecisionReason::GasSaysNothing) => "in order: gas priced before EIP-150",
            (false, DecisionReason::LittleWork) => "in order: little work",
            (false, DecisionReason::Dependent) => "in order: dependent transactions",
            (false, DecisionReason::Pays | DecisionReason::Halved) => "in order",
        }
    }
}

/// The work in a block, as far as it shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Work {
    /// All transactions.
    transactions: usize,
    /// Those that run code.
    with_code: usize,
    /// Gas of those that run code, beyond that of a payment each.
    gas: u64,
    /// The same of the largest of them; 0 if it is not known.
    largest: u64,
    /// Whether predicting is part of the work.
    predicts: bool,
    /// How far the transactions wait for each other, as far as it is known.
    shape: Shape,
}

/// How far transactions wait for each other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Shape {
    /// So many threads could be kept busy, in percent of one; 0 if that is not known.
    pub(crate) parallelism_percent: u64,
    /// Of the transactions with code, in percent, those that need what one just before them
    /// leaves behind.
    pub(crate) following_percent: u64,
}

impl Shape {
    /// From the number of transactions with code and what is remembered of such calls: how
    /// many of them a precaution keeps to their turn, because they were wrong before it, and
    /// how many are like those of blocks that were shared in vain. Unless these are
    /// nearly all, threads find others, those that wait for no such reason among them.
    pub(crate) fn of_precaution(with_code: usize, kept: usize, in_vain: usize) -> Self {
        let percent = |count| mul_div(100, count as u64, with_code as u64);
        match (percent(kept), percent(in_vain)) {
            (_, KEPT_PERCENT_MIN..) => Self { parallelism_percent: 100, following_percent: 0 },
            (following_percent @ KEPT_PERCENT_MIN.., _) => {
                Self { parallelism_percent: 0, following_percent }
            }
            _ => Self::default(),
        }
    }
}

impl Work {
    /// From gas limits, which are usually more than is used.
    pub(crate) fn by_limits(block: &Block, costs: &MachineCosts) -> Self {
        let (with_code, limit) = limits(block);
        let gas = costs.limit_percent.saturating_mul(limit) / 100;
        let transactions = block.transactions.len();
        Self { transactions, with_code, gas, predicts: true, ..Self::default() }
    }

    /// The same work where something else takes the place of predictions.
    pub(crate) const fn predicted_already(self) -> Self {
        Self { predicts: false, ..self }
    }

    /// The same work, of which it is known how far transactions wait for each other.
    pub(crate) const fn shaped(self, shape: Shape) -> Self {
        Self { shape, ..self }
    }

    /// From the gas that each transaction was predicted to use.
    pub(crate) fn by_gas(block: &Block, gas: impl Fn(usize) -> u64) -> Self {
        let mut work = Self { transactions: block.transactions.len(), ..Self::default() };
        let each = (0..block.transactions.len()).map(|at| gas(at).saturating_sub(PAYMENT_GAS));
        for gas in each.filter(|gas| *gas > 0) {
            work.with_code += 1;
            work.gas = work.gas.saturating_add(gas);
            work.largest = work.largest.max(gas);
        }
        work
    }
}

/// How many transactions say that they run code, and the sum of their gas limits beyond a
/// payment's gas each.
fn limits(block: &Block) -> (usize, u64) {
    let limits = block.transactions.iter().filter_map(|tx| limit(block, tx));
    limits.fold((0, 0), |(count, sum), limit| (count + 1, u64::saturating_add(sum, limit)))
}

/// The gas limit, beyond a payment's gas, of a transaction that says that it runs code. That a
/// limit is high says nothing: whoever merely pays may leave it unused. Nobody can use more than
/// the block has.
pub(crate) fn limit(block: &Block, tx: &TxEnv) -> Option<u64> {
    let says_so = !tx.data.is_empty() || tx.kind.is_create() || !tx.authorization_list.is_empty();
    says_so.then(|| tx.gas_limit.min(block.env.gas_limit).saturating_sub(PAYMENT_GAS))
}

/// Decides before anything is predicted.
pub(crate) fn choose(config: &Config, costs: &MachineCosts, work: Work) -> Decision {
    if work.with_code < TRANSACTIONS_MIN {
        return Decision::in_order(DecisionReason::FewTransactions);
    }
    let in_order = costs.executing(work.transactions, work.gas);
    let best = (2..=config.threads.min(work.with_code).max(2))
        .map(|threads| (expected(costs, work, threads), threads))
        .min();
    let (parallel, threads) = best.unwrap_or((u64::MAX, 2));
    let estimate = Some(Estimate {
        transactions_with_code: work.with_code,
        gas: work.gas,
        in_order: Duration::from_nanos(in_order),
        parallel: Duration::from_nanos(parallel),
        parallelism_percent: Some(work.shape.parallelism_percent).filter(|it| *it > 0),
    });
    let at_least = match work.predicts {
        true => costs.at_most(&MachineCosts::default()).executing(work.transactions, work.gas),
        false => in_order,
    };
    let pays = is_saving(parallel, in_order) && at_least >= IN_ORDER_MIN_NS;
    let reason = match work.shape == Shape::default() {
        _ if pays => DecisionReason::Pays,
        true => DecisionReason::LittleWork,
        false => DecisionReason::Dependent,
    };
    match pays {
        true => Decision { parallel: true, threads, reason, estimate },
        false => Decision { estimate, ..Decision::in_order(reason) },
    }
}

/// Whether one time is enough below the other for threads to be called.
pub(crate) const fn is_saving(parallel: u64, in_order: u64) -> bool {
    parallel.saturating_mul(100) < in_order.saturating_mul(100 - SAVING_MIN_PERCENT)
}

/// The shortest time, in nanoseconds, that the work can take on so many threads.
///
/// Who predicts starts at the end of the block, another thread executes from its start,
/// and they meet where both have spent the same time. The rest is shared by all.
fn expected(costs: &MachineCosts, work: Work, threads: usize) -> u64 {
    let all = costs.executing(work.transactions, work.gas);
    let predicts = work.predicts && threads >= PREDICTING_THREADS_MIN;
    let ratio = if predicts { costs.predict_percent } else { 0 };
    let alone = mul_div(all, ratio, 100 + ratio);
    let busy = match work.shape.parallelism_percent {
        0 => 100 * threads as u64,
        percent => percent.min(100 * threads as u64),
    };
    let shared = alone.saturating_add(mul_div(all - alone, 100, busy));
    let following = mul_div(work.with_code as u64, work.shape.following_percent, 100);
    // One thread executes all payments.
    let payments = work.transactions.saturating_sub(work.with_code);
    shared
        .max(costs.executing(payments, 0))
        .max(costs.executing(1, work.largest))
        .saturating_add(costs.handover_ns.saturating_mul(following))
        .saturating_add(costs.wake_ns)
        .saturating_add(costs.helper_ns.saturating_mul(threads as u64 - 2))
        .saturating_add(costs.transaction_ns.saturating_mul(work.transactions as u64))
}

/// Whether transactions of so much gas, `span` on their longest path, are better
/// executed one after the other.
pub(crate) fn is_serial(span: u64, gas: u64) -> bool {
    mul_div(gas, SERIAL_PERCENT, 100) <= span
}

/// Gas over the gas of the longest path, in percent.
pub(crate) fn parallelism_percent(span: u64, gas: u64) -> u64 {
    mul_div(gas, 100, span)
}

/// `a * b / c`, as good as it gets; 0 if `c` is.
pub(crate) fn mul_div(a: u64, b: u64, c: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    product.checked_div(c.into()).map_or(0, |it| u64::try_from(it).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use foresee_workload::{Scenario, generate};

    /// Round numbers: 1 ns a gas, predicting takes half as long as executing.
    const COSTS: MachineCosts = MachineCosts {
        wake_ns: 100_000,
        helper_ns: 10_000,
        transaction_ns: 1_000,
        handover_ns: 4_000,
        payment_ns: 0,
        gas_ps: 1_000,
        predict_percent: 50,
        limit_percent: 50,
    };

    fn work(with_code: usize, gas: u64) -> Work {
        Work { transactions: with_code, with_code, gas, ..Work::default() }
    }

    fn threads(work: Work, threads: usize) -> (usize, DecisionReason) {
        let config = Config { threads, ..Config::default() };
        let Decision { threads, reason, .. } = choose(&config, &COSTS, work);
        (threads, reason)
    }

    #[test]
    fn one_transaction_with_code_is_not_shared() {
        assert_eq!(threads(work(1, 30_000_000), 8), (1, DecisionReason::FewTransactions));
        assert_eq!(threads(work(0, 0), 8), (1, DecisionReason::FewTransactions));
    }

    #[test]
    fn what_is_saved_must_be_worth_a_call() {
        // 300 µs in order; 150 + 100 + 20 in parallel: less, but not by enough.
        assert_eq!(threads(work(20, 300_000), 2), (1, DecisionReason::LittleWork));
        assert_eq!(threads(work(20, 600_000), 2), (2, DecisionReason::Pays));
        // So would this, but for the uncertainty of it.
        assert_eq!(threads(work(20, 400_000), 2), (1, DecisionReason::LittleWork));
        // Payments are handed around as well.
        let paid = Work { transactions: 400, ..work(20, 600_000) };
        assert_eq!(threads(paid, 2), (1, DecisionReason::LittleWork));
    }

    #[test]
    fn gas_takes_a_small_block_no_longer_than_usual() {
        let inside = |gas| Work { predicts: true, ..work(20, gas) };
        assert_eq!(threads(inside(1_600_000), 2), (1, DecisionReason::LittleWork));
        assert_eq!(threads(inside(1_700_000), 2), (2, DecisionReason::Pays));
        // Unless it was predicted how much gas that is.
        assert_eq!(threads(work(20, 1_600_000), 2), (2, DecisionReason::Pays));
    }

    #[test]
    fn a_limit_alone_says_nothing_and_predicted_gas_does() {
        let mut block = generate(Scenario::Erc20Hot, 10, 1).unwrap().into_block().unwrap().block;
        for tx in &mut block.transactions[..4] {
            (tx.data, tx.gas_limit) = (Default::default(), 1_000_000);
        }
        let by_limits = Work::by_limits(&block, &COSTS);
        let limits: u64 = block.transactions[4..].iter().map(|tx| tx.gas_limit - PAYMENT_GAS).sum();
        let expected = Work { transactions: 10, with_code: 6, gas: limits / 2, ..Work::default() };
        assert_eq!(by_limits.predicted_already(), expected);
        let gas = |position| if position < 8 { PAYMENT_GAS } else { PAYMENT_GAS + 100 };
        let expected = Work { transactions: 10, largest: 100, ..work(2, 200) };
        assert_eq!(Work::by_gas(&block, gas), expected);
    }

    #[test]
    fn one_thread_executes_payments_while_others_run_code() {
        let costs = MachineCosts { payment_ns: 1_000, transaction_ns: 500, ..COSTS };
        let paid = |gas| Work { transactions: 1_000, ..work(20, gas) };
        // 2,000 µs in order, half of it payments.
        assert_eq!(expected(&costs, paid(1_000_000), 2), 1_000_000 + 600_000);
        assert_eq!(expected(&costs, paid(1_000_000), 8), 980_000 + 660_000);
        assert_eq!(expected(&costs, paid(100_000), 2), 980_000 + 600_000);
    }

    #[test]
    fn as_many_threads_as_pay() {
        assert_eq!(threads(work(100, 1_000_000), 64).0, 10);
        assert_eq!(threads(work(100, 100_000_000), 64).0, 64);
        // No more than there are transactions.
        assert_eq!(threads(work(3, 100_000_000), 64).0, 3);
    }

    #[test]
    fn nothing_is_faster_than_its_largest_part() {
        let lopsided = Work { largest: 9_500_000, ..work(50, 10_000_000) };
        assert_eq!(threads(lopsided, 8), (1, DecisionReason::LittleWork));
        let less = Work { largest: 5_000_000, ..lopsided };
        assert_eq!(threads(less, 8).1, DecisionReason::Pays);
    }

    #[test]
    fn what_is_handed_over_must_be_worth_it_and_paths_take_their_time() {
        let shaped = |work: Work, parallelism_percent, following_percent| {
            threads(work.shaped(Shape { parallelism_percent, following_percent }), 2)
        };
        // 1,000 of 6 µs: half of that and 1.1 µs each, and 4 µs for those that follow.
        let small = work(1_000, 6_000_000);
        assert_eq!(shaped(small, 10_000, 0).1, DecisionReason::Pays);
        assert_eq!(shaped(small, 10_000, 60), (1, DecisionReason::Dependent));
        // Of 60 µs it matters little.
        assert_eq!(shaped(work(1_000, 60_000_000), 10_000, 100).1, DecisionReason::Pays);
        assert_eq!(shaped(work(1_000, 60_000_000), 105, 0), (1, DecisionReason::Dependent));
    }

    #[test]
    fn what_a_precaution_keeps_to_its_turn_follows() {
        let shape = |with_code, kept, in_vain| {
            let shape = Shape::of_precaution(with_code, kept, in_vain);
            (shape.parallelism_percent, shape.following_percent)
        };
        assert_eq!([shape(100, 0, 0), shape(100, 89, 89), shape(0, 0, 0)], [(0, 0); 3]);
        assert_eq!(shape(100, 90, 89), (0, 90));
        assert_eq!([shape(100, 90, 90), shape(100, 0, 100)], [(100, 0); 2]);
    }

    #[test]
    fn predicting_is_work_too() {
        // Two threads do not predict. Of three one executes 300 of 900 µs, while the others
        // predict the rest; then 200 each.
        let inside = Work { predicts: true, ..work(10, 900_000) };
        assert_eq!(expected(&COSTS, inside, 2), 450_000 + 110_000);
        assert_eq!(expected(&COSTS, inside, 3), 500_000 + 120_000);
        assert_eq!(expected(&COSTS, work(10, 900_000), 2), 450_000 + 110_000);
    }

    #[test]
    fn a_chain_is_serial_and_two_chains_are_not() {
        assert!(is_serial(100, 100) && is_serial(0, 0) && is_serial(u64::MAX, u64::MAX));
        assert!(!is_serial(50, 100));
        assert_eq!(parallelism_percent(50, 100), 200);
        assert_eq!(parallelism_percent(0, 0), 0);
    }

    #[test]
    fn costs_of_any_size_are_no_fault() {
        let most = MachineCosts {
            wake_ns: u64::MAX,
            helper_ns: u64::MAX,
            transaction_ns: u64::MAX,
            handover_ns: u64::MAX,
            payment_ns: u64::MAX,
            gas_ps: u64::MAX,
            predict_percent: u32::MAX.into(),
            limit_percent: u64::MAX,
        };
        let config = Config { threads: 64, ..Config::default() };
        let shape = Shape { parallelism_percent: u64::MAX, following_percent: u64::MAX };
        for work in [work(2, u64::MAX), Work { largest: u64::MAX, ..work(usize::MAX, 0) }] {
            assert_eq!(choose(&config, &most, work).reason, DecisionReason::LittleWork);
            let reason = choose(&config, &most, work.shaped(shape)).reason;
            assert_eq!(reason, DecisionReason::Dependent);
        }
    }
}
