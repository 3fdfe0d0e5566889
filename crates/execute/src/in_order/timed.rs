//! The in-order run with a clock: how long a block or each transaction of it takes, and how
//! much of that its precompiles.
//!
//! Reading a clock around every transaction costs time of its own, so that is not the run
//! that ratios of whole blocks are taken against.

use super::{InOrderContext, admission::Included, build_evm, fatal, protocol, run};
use crate::{Block, ExecuteError};
use alloy_primitives::map::AddressSet;
use core::time::Duration;
use protocol::SystemCalls;
use revm::{
    DatabaseRef, ExecuteCommitEvm,
    context::result::EVMError,
    handler::{EthPrecompiles, PrecompileProvider},
    interpreter::{CallInputs, InterpreterResult},
    primitives::hardfork::SpecId,
};
use std::time::Instant;

/// How long something takes to execute and commit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ExecutionTime {
    /// All of it.
    pub total: Duration,
    /// What of that is spent in precompiles.
    pub precompiles: Duration,
}

/// How long a block takes to execute in order, as
/// [`execute_in_order`](super::execute_in_order) does, in one run.
///
/// # Errors
///
/// Those of [`execute_in_order`](super::execute_in_order).
pub fn time_in_order<DB: DatabaseRef>(
    block: &Block,
    db: &DB,
) -> Result<ExecutionTime, ExecuteError<DB::Error>> {
    let start = Instant::now();
    let calls = SystemCalls::new(block);
    let precompiles = TimedPrecompiles::new(EthPrecompiles::new(block.cfg.spec));
    let mut evm = build_evm(block, &calls, db, (), precompiles);
    let output = run(block, &calls, &mut evm)?;
    let precompiles = evm.precompiles.elapsed;
    // As whoever executes a block has its output, but no EVM any more.
    drop(evm);
    let total = start.elapsed();
    drop(output);
    Ok(ExecutionTime { total, precompiles })
}

/// How long each transaction of a block takes to execute and commit, in order, in one
/// run; one that cannot be included takes what refusing it takes.
///
/// # Errors
///
/// Those of [`execute_in_order`](super::execute_in_order).
pub fn time_transactions<DB: DatabaseRef>(
    block: &Block,
    db: &DB,
) -> Result<Vec<ExecutionTime>, ExecuteError<DB::Error>> {
    let calls = SystemCalls::new(block);
    let precompiles = TimedPrecompiles::new(EthPrecompiles::new(block.cfg.spec));
    let mut evm = build_evm(block, &calls, db, (), precompiles);
    protocol::before_transactions(block, &calls, &mut evm)?;
    let mut included = Included::new(block);
    let mut times = Vec::with_capacity(block.transactions.len());
    for tx in &block.transactions {
        evm.precompiles.elapsed = Duration::ZERO;
        let start = Instant::now();
        if included.admit(tx).is_ok() {
            match evm.transact_commit(tx) {
                Ok(result) => included.accept(tx, result),
                Err(EVMError::Transaction(_)) => {}
                Err(error) => return Err(fatal::<DB>(error)),
            }
        }
        let total = start.elapsed();
        times.push(ExecutionTime { total, precompiles: evm.precompiles.elapsed });
    }
    Ok(times)
}

/// revm's precompiles and the time spent in them.
struct TimedPrecompiles {
    inner: EthPrecompiles,
    elapsed: Duration,
}

impl TimedPrecompiles {
    const fn new(inner: EthPrecompiles) -> Self {
        Self { inner, elapsed: Duration::ZERO }
    }
}

impl<'a, DB: DatabaseRef> PrecompileProvider<InOrderContext<'a, DB>> for TimedPrecompiles {
    type Output = InterpreterResult;

    fn set_spec(&mut self, spec: SpecId) -> bool {
        PrecompileProvider::<InOrderContext<'a, DB>>::set_spec(&mut self.inner, spec)
    }

    fn run(
        &mut self,
        context: &mut InOrderContext<'a, DB>,
        inputs: &CallInputs,
    ) -> Result<Option<InterpreterResult>, String> {
        // Ordinary calls pass here too; they must not be charged for the clock.
        if !self.inner.contains(&inputs.bytecode_address) {
            return Ok(None);
        }
        let start = Instant::now();
        let output = self.inner.run(context, inputs);
        self.elapsed += start.elapsed();
        output
    }

    fn warm_addresses(&self) -> &AddressSet {
        self.inner.warm_addresses()
    }
}
