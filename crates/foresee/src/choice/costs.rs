//! What things take on this machine: measured when the threads are started, and learned
//! from the blocks that are executed.

use super::{PAYMENT_GAS, is_saving, limits, mul_div};
use core::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};
use foresee_execute::{Block, BlockOutput, ParallelExecutor, pays_ahead};
use std::thread;

/// How often calling the threads is measured.
const MEASUREMENTS: usize = 5;

/// How long the threads are left alone before they are called: they fall asleep
/// meanwhile, as they do between blocks.
const REST: Duration = Duration::from_micros(300);

/// A block counts as at most so many times as slow for its gas as those before it.
const GAS_PS_GROWTH_MAX: u64 = 2;

/// A block with so many transactions with code, or more, teaches as much as all before it.
const TEACHERS: u64 = 8;

/// What things take on a machine. Times are nanoseconds where nothing else is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MachineCosts {
    /// From calling one sleeping thread to having it back.
    pub wake_ns: u64,
    /// The same for each thread beyond that.
    pub helper_ns: u64,
    /// What a transaction costs beside its execution where threads share a block.
    pub transaction_ns: u64,
    /// What it costs beyond that if it needs what a transaction just before it leaves
    /// behind: that is in another core's cache, or has to be waited for.
    pub handover_ns: u64,
    /// What a transaction takes in order before its code runs: about a payment's time.
    pub payment_ns: u64,
    /// Picoseconds of execution per gas beyond that of a payment.
    pub gas_ps: u64,
    /// Time that predicting takes, in percent of executing.
    pub predict_percent: u64,
    /// Gas that transactions with code use, in percent of their gas limits, a payment's
    /// gas taken from both.
    pub limit_percent: u64,
}

impl Default for MachineCosts {
    /// What a common machine was found to take.
    fn default() -> Self {
        Self {
            wake_ns: 100_000,
            helper_ns: 5_000,
            transaction_ns: 1_500,
            handover_ns: 4_000,
            payment_ns: 1_500,
            gas_ps: 300,
            predict_percent: 50,
            limit_percent: 60,
        }
    }
}

impl MachineCosts {
    /// Measures what calling the threads takes, which needs a few milliseconds.
    pub(crate) fn measure(executor: &ParallelExecutor) -> Self {
        let threads = executor.config().threads;
        let default = Self::default();
        if threads <= 1 {
            return default;
        }
        let one_ns = call(executor, 2);
        let others = threads as u64 - 2;
        let helper_ns = call(executor, threads).saturating_sub(one_ns).checked_div(others);
        // Called threads find nothing of the block in their caches, which no call that
        // does nothing shows.
        let wake_ns = one_ns.max(default.wake_ns);
        Self { wake_ns, helper_ns: helper_ns.unwrap_or(default.helper_ns), ..default }
    }

    /// The same costs, but gas takes no more time than by these.
    pub(crate) fn at_most(&self, other: &Self) -> Self {
        Self { gas_ps: self.gas_ps.min(other.gas_ps), ..*self }
    }

    /// Time of executing so many transactions, which use so much gas beyond that of a
    /// payment each.
    pub(crate) fn executing(&self, transactions: usize, gas: u64) -> u64 {
        let payments = self.payment_ns.saturating_mul(transactions as u64);
        mul_div(gas, self.gas_ps, 1_000).saturating_add(payments)
    }
}

/// How long it takes to have so many threads do nothing; the median of several.
fn call(executor: &ParallelExecutor, threads: usize) -> u64 {
    let mut times = [0; MEASUREMENTS];
    for time in &mut times {
        thread::park_timeout(REST);
        *time = nanoseconds(executor.call(threads));
    }
    times.sort_unstable();
    times[MEASUREMENTS / 2]
}

/// The costs as the blocks so far have shown them; shared by all who execute.
#[derive(Debug)]
pub(crate) struct Learned {
    measured: MachineCosts,
    gas_ps: AtomicU64,
    limit_percent: AtomicU64,
    /// Whether blocks teach anything.
    learns: bool,
}

impl Learned {
    /// Starts from what was measured.
    pub(crate) const fn from(measured: MachineCosts) -> Self {
        Self { learns: true, ..Self::fixed(measured) }
    }

    /// Costs that stay as they are.
    pub(crate) const fn fixed(measured: MachineCosts) -> Self {
        Self {
            measured,
            gas_ps: AtomicU64::new(measured.gas_ps),
            limit_percent: AtomicU64::new(measured.limit_percent),
            learns: false,
        }
    }

    /// The costs as they are known now.
    pub(crate) fn costs(&self) -> MachineCosts {
        MachineCosts {
            gas_ps: self.gas_ps.load(Ordering::Relaxed),
            limit_percent: self.limit_percent.load(Ordering::Relaxed),
            ..self.measured
        }
    }

    /// Learns from a block that was executed in order.
    pub(crate) fn in_order(&self, block: &Block, output: &BlockOutput, elapsed: Duration) {
        if self.learns {
            let (with_code, gas) = self.limits(block, output);
            self.speed(block.transactions.len(), with_code, gas, elapsed);
        }
    }

    /// Learns from a block whose transactions with code took all threads together so
    /// long to execute.
    pub(crate) fn parallel(&self, block: &Block, output: &BlockOutput, executing: Duration) {
        if self.learns {
            let (with_code, gas) = self.limits(block, output);
            self.speed(with_code, with_code, gas, executing);
        }
    }

    /// Whether a block that several threads took so long for, and all together so long to
    /// execute the transactions with code, has taken them as much less as they are called for.
    pub(crate) fn has_saved(&self, block: &Block, executing: Duration, elapsed: Duration) -> bool {
        let others = block.transactions.iter().filter(|tx| !pays_ahead(tx)).count();
        let payments = self.measured.payment_ns.saturating_mul(others as u64);
        let in_order = nanoseconds(executing).saturating_add(payments);
        is_saving(nanoseconds(elapsed), in_order)
    }

    /// Learns how much of their limits the transactions with code use; tells how many
    /// there are and their gas: what is used beyond that of payments, which use no more.
    fn limits(&self, block: &Block, output: &BlockOutput) -> (usize, u64) {
        let payments = PAYMENT_GAS.saturating_mul(output.receipts.len() as u64);
        let gas = output.gas_used.saturating_sub(payments);
        let (count, limits) = limits(block);
        if limits > 0 {
            // Some of it was used by others, which do not say that they run code.
            learn(&self.limit_percent, mul_div(gas, 100, limits).clamp(1, 100), count);
        }
        (count, gas)
    }

    /// Learns from how long so many transactions took, of which some run code.
    fn speed(&self, transactions: usize, with_code: usize, gas: u64, elapsed: Duration) {
        let payments = self.measured.payment_ns.saturating_mul(transactions as u64);
        let elapsed_ns = nanoseconds(elapsed).saturating_sub(payments);
        let gas_ps = self.gas_ps.load(Ordering::Relaxed);
        // What payments take differs from block to block by more than little gas does.
        if elapsed_ns > 0 && mul_div(gas, gas_ps, 1_000) >= payments {
            // One block of precompiles must not mislead about the next.
            let most = gas_ps.saturating_mul(GAS_PS_GROWTH_MAX);
            let sample = mul_div(elapsed_ns, 1_000, gas).clamp(1, most.max(1));
            learn(&self.gas_ps, sample, with_code);
        }
    }
}

/// Neighbouring blocks resemble each other, but a few transactions may be like none of the
/// next block's. The newest block's weight is that of its transactions with code.
fn learn(value: &AtomicU64, sample: u64, with_code: usize) {
    let weight = TEACHERS.min(with_code as u64);
    let before = value.load(Ordering::Relaxed);
    let [before, sample] = [(before, 2 * TEACHERS - weight), (sample, weight)]
        .map(|(value, weight)| u128::from(value) * u128::from(weight));
    let mean = (before + sample).div_ceil(u128::from(2 * TEACHERS));
    value.store(u64::try_from(mean).unwrap_or(u64::MAX), Ordering::Relaxed);
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use foresee_execute::{ParallelConfig, execute_in_order};
    use foresee_workload::{Scenario, generate};

    #[test]
    fn calling_threads_takes_time_and_one_thread_is_not_called() {
        let executor = |threads| {
            ParallelExecutor::new(ParallelConfig { threads, ..ParallelConfig::default() }).unwrap()
        };
        assert_eq!(MachineCosts::measure(&executor(1)), MachineCosts::default());
        assert!(MachineCosts::measure(&executor(3)).wake_ns > 0);
    }

    #[test]
    fn time_is_saved_if_threads_together_execute_longer_than_they_take() {
        let learned = Learned::fixed(MachineCosts { payment_ns: 1_000, ..Default::default() });
        let block = |scenario| generate(scenario, 100, 1).unwrap().into_block().unwrap().block;
        let saved = |block: &Block, executing, elapsed| {
            let us = Duration::from_micros;
            learned.has_saved(block, us(executing), us(elapsed))
        };
        // With payments, 1,000 µs.
        let payments = block(Scenario::Payments);
        assert!(saved(&payments, 900, 899) && !saved(&payments, 900, 901));
        assert!(!saved(&payments, 900, u64::MAX));
        // Whoever runs code has been timed.
        let code = block(Scenario::Erc20Cold);
        assert!(!saved(&code, 900, 899) && saved(&code, 1_000, 899));
    }

    #[test]
    fn blocks_teach_and_fixed_costs_stay() {
        let loaded = generate(Scenario::Amm, 20, 1).unwrap().into_block().unwrap();
        let output = execute_in_order(&loaded.block, &loaded.state).unwrap();
        let costs = MachineCosts { gas_ps: 1_000_000, limit_percent: 1, ..Default::default() };
        let (learned, fixed) = (Learned::from(costs), Learned::fixed(costs));
        for learner in [&learned, &fixed] {
            (0..30).for_each(|_| {
                learner.in_order(&loaded.block, &output, Duration::from_millis(1));
            });
        }
        assert_eq!(fixed.costs(), costs);
        let MachineCosts { gas_ps, limit_percent, .. } = learned.costs();
        assert!(gas_ps < 10_000 && limit_percent > 1, "{gas_ps} {limit_percent}");
        // So little beside what payments take is no measure of gas.
        learned.speed(1_000, 20, 20_000, Duration::from_millis(5));
        assert_eq!(learned.costs().gas_ps, gas_ps);
        (0..30).for_each(|_| learned.parallel(&loaded.block, &output, Duration::from_secs(1)));
        assert!(learned.costs().gas_ps > gas_ps);
    }

    #[test]
    fn a_few_transactions_teach_little() {
        let after = |sample, with_code| {
            let value = AtomicU64::new(400);
            learn(&value, sample, with_code);
            value.into_inner()
        };
        assert_eq!([after(100, 8), after(100, 9_999)], [250; 2]);
        assert_eq!([after(100, 0), after(100, 1), after(800, 1)], [400, 382, 425]);
        assert_eq!(after(u64::MAX, 8), u64::MAX / 2 + 201);
    }
}
