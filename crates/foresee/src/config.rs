//! How blocks are to be executed.

use crate::MachineCosts;
use foresee_execute::{ParallelConfig, Policy, Reports};
use foresee_predict::PredictOptions;

/// How blocks are to be executed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// Threads that work on a block, the calling one included.
    pub threads: usize,
    /// When transactions are released to them.
    pub policy: Policy,
    /// Whether to execute in parallel at all.
    pub mode: Mode,
    /// How to predict.
    pub predict: PredictOptions,
    /// Whether to predict every transaction in block order and note what it accesses, so
    /// that the predictions can be [scored](crate::ExecutedBlock::score). That costs time;
    /// also a block that runs in order is predicted then.
    pub score: bool,
    /// Whether to note what each transaction accesses. The block is predicted and executed
    /// as it would be otherwise.
    pub observe: bool,
    /// Whether to build the block access list
    /// ([EIP-7928](https://eips.ethereum.org/EIPS/eip-7928)).
    pub access_list: bool,
    /// Whether to note what each thread does when, of a block executed in parallel.
    pub timeline: bool,
    /// What things take on this machine, where [`Mode::Auto`] is to count on that instead
    /// of measuring and learning it.
    pub costs: Option<MachineCosts>,
}

/// Whether to execute in parallel at all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// In parallel where that is expected to pay, on as many threads as pay.
    #[default]
    Auto,
    /// By the parallel executor always. On one thread it needs no prediction, and
    /// makes none unless a score is asked for.
    Parallel,
    /// In order always, without predicting unless a score is asked for.
    InOrder,
}

impl Default for Config {
    /// As many threads as the machine has, parallel where it pays.
    fn default() -> Self {
        let ParallelConfig { threads, policy, .. } = ParallelConfig::default();
        let (mode, predict) = (Mode::Auto, PredictOptions::default());
        Self {
            threads,
            policy,
            mode,
            predict,
            score: false,
            observe: false,
            access_list: false,
            timeline: false,
            costs: None,
        }
    }
}

impl Config {
    /// What executions report beside their output.
    pub(crate) const fn reports(&self) -> Reports {
        let Self { score, observe, access_list, timeline, .. } = *self;
        Reports { observed: score || observe, access_list, timeline }
    }
}
