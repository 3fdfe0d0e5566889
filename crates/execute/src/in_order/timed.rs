//! The in-order run with the time spent in precompiles taken apart.
//!
//! Reading a clock around every precompile call costs time of its own, so this
//! is not the run that ratios are taken against.

use super::{InOrderContext, build_evm, protocol::SystemCalls, run};
use crate::{Block, BlockOutput, ExecuteError};
use alloy_primitives::map::AddressSet;
use core::time::Duration;
use revm::{
    DatabaseRef,
    handler::{EthPrecompiles, PrecompileProvider},
    interpreter::{CallInputs, InterpreterResult},
    primitives::hardfork::SpecId,
};
use std::time::Instant;

/// Executes a block in order and measures how long it spends in precompiles.
///
/// # Errors
///
/// Those of [`execute_in_order`](super::execute_in_order).
pub fn execute_in_order_timing_precompiles<DB: DatabaseRef>(
    block: &Block,
    db: &DB,
) -> Result<(BlockOutput, Duration), ExecuteError<DB::Error>> {
    let calls = SystemCalls::new(block);
    let precompiles = TimedPrecompiles::new(EthPrecompiles::new(block.cfg.spec));
    let mut evm = build_evm(block, &calls, db, (), precompiles);
    let output = run(block, &calls, &mut evm)?;
    Ok((output, evm.precompiles.elapsed))
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
