//! Which calls of precompiled contracts are noted: whoever executes the transaction again
//! can have their results computed before.

use crate::in_order::InOrderContext;
use alloy_primitives::{Address, Bytes, map::AddressSet};
use revm::{
    DatabaseRef,
    handler::{EthPrecompiles, PrecompileProvider},
    interpreter::{CallInputs, InterpreterResult},
    primitives::hardfork::SpecId,
};
use serde::{Deserialize, Serialize};

/// Calls cheaper than this, in gas, are not noted.
const GAS_MIN: u64 = 1000;

/// Nor are those that cost less gas for a byte of their input: hashing and copying. So what
/// is noted of a block is bounded by its gas, as the data of its transactions is.
const GAS_PER_BYTE_MIN: u64 = 4;

/// What a precompiled contract was called with. The result follows from it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PrecompileInput {
    /// The contract.
    pub address: Address,
    /// Its input.
    pub input: Bytes,
}

impl PrecompileInput {
    /// A call with this input, if it succeeded and is worth noting.
    pub(crate) fn noted(
        address: Address,
        input: &[u8],
        gas_limit: u64,
        result: &InterpreterResult,
    ) -> Option<Self> {
        let gas = gas_limit.saturating_sub(result.gas.remaining());
        let is_dear = gas >= GAS_MIN && gas / GAS_PER_BYTE_MIN >= input.len() as u64;
        (is_dear && result.is_ok()).then(|| Self { address, input: Bytes::copy_from_slice(input) })
    }
}

/// revm's precompiles, and what they were called with since that was last taken.
#[derive(Debug)]
pub(super) struct NotedPrecompiles {
    inner: EthPrecompiles,
    pub(super) noted: Vec<PrecompileInput>,
}

impl NotedPrecompiles {
    pub(super) fn new(spec: SpecId) -> Self {
        Self { inner: EthPrecompiles::new(spec), noted: Vec::new() }
    }
}

impl<'a, DB: DatabaseRef> PrecompileProvider<InOrderContext<'a, DB>> for NotedPrecompiles {
    type Output = InterpreterResult;

    fn set_spec(&mut self, spec: SpecId) -> bool {
        PrecompileProvider::<InOrderContext<'a, DB>>::set_spec(&mut self.inner, spec)
    }

    fn run(
        &mut self,
        context: &mut InOrderContext<'a, DB>,
        inputs: &CallInputs,
    ) -> Result<Option<InterpreterResult>, String> {
        let result = self.inner.run(context, inputs)?;
        if let Some(result) = &result {
            let (address, input) = (inputs.bytecode_address, inputs.input.as_bytes(context));
            let noted = PrecompileInput::noted(address, &input, inputs.gas_limit, result);
            self.noted.extend(noted);
        }
        Ok(result)
    }

    fn warm_addresses(&self) -> &AddressSet {
        self.inner.warm_addresses()
    }
}
