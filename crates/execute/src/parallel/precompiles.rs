//! Results of precompiled contracts that were computed before they are needed.
//!
//! A precompile is a function of its input alone, so whoever meets the same call
//! again may take the result; the gas is checked anew. That may be another transaction, or
//! the same, executed again because it had run ahead in vain.

use super::{Known, looks::WorkerContext};
use crate::PrecompileInput;
use alloy_primitives::{
    Address, Bytes,
    map::{AddressMap, AddressSet, HashMap},
};
use revm::{
    Database,
    handler::{EthPrecompiles, PrecompileProvider, precompile_output_to_interpreter_result},
    interpreter::{CallInputs, InterpreterResult},
    precompile::PrecompileOutput,
    primitives::hardfork::SpecId,
};
use std::sync::{PoisonError, RwLock};

/// Results cheaper than this, in gas, are computed again rather than kept.
const GAS_MIN: u64 = 1000;

/// The most bytes of inputs and outputs that are kept for one block.
const BYTES_MAX: usize = 64 << 20;

/// Results of precompiled contracts by address and input, under the rules of one
/// block. Filled while workers look into it.
#[derive(Debug, Default)]
pub struct PrecompileResults {
    inner: RwLock<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    results: AddressMap<HashMap<Bytes, PrecompileOutput>>,
    bytes: usize,
}

impl PrecompileResults {
    /// Takes in a result. It must be what the block's precompile of this address
    /// yields for the input when there is enough gas.
    pub fn insert(&self, address: Address, input: Bytes, output: PrecompileOutput) {
        let mut inner = self.inner.write().unwrap_or_else(PoisonError::into_inner);
        inner.bytes += input.len() + output.bytes.len();
        if output.is_success() && inner.bytes <= BYTES_MAX {
            inner.results.entry(address).or_default().insert(input, output);
        }
    }

    /// Whether nothing is known.
    pub fn is_empty(&self) -> bool {
        self.inner.read().unwrap_or_else(PoisonError::into_inner).results.is_empty()
    }

    /// The result for an input, if it is there and the gas suffices.
    fn get(&self, address: &Address, input: &[u8], gas: u64) -> Option<PrecompileOutput> {
        let inner = self.inner.read().unwrap_or_else(PoisonError::into_inner);
        let output = inner.results.get(address)?.get(input)?;
        (output.gas_used <= gas).then(|| output.clone())
    }
}

/// revm's precompiles, in front of which stands what is known already.
pub(super) struct KnownPrecompiles<'a> {
    inner: EthPrecompiles,
    known: Option<&'a Known>,
    /// Whether it is noted what they are called with.
    witnesses: bool,
}

impl<'a> KnownPrecompiles<'a> {
    pub(super) fn new(spec: SpecId, known: Option<&'a Known>, witnesses: bool) -> Self {
        Self { inner: EthPrecompiles::new(spec), known, witnesses }
    }

    /// What a call yields, as it is known or else computed; a result worth keeping is known
    /// from then on.
    fn compute<D: Database>(
        &mut self,
        context: &mut WorkerContext<'_, D>,
        inputs: &CallInputs,
    ) -> Result<Option<InterpreterResult>, String> {
        let address = inputs.bytecode_address;
        // State gas (EIP-8037) depends on more than the input.
        let known = self.known.filter(|_| inputs.reservoir == 0);
        let Some(known) = known else { return self.inner.run(context, inputs) };
        let output =
            known.precompiles.get(&address, &inputs.input.as_bytes(context), inputs.gas_limit);
        if let Some(output) = output {
            return Ok(Some(precompile_output_to_interpreter_result(output, inputs.gas_limit)));
        }
        let result = self.inner.run(context, inputs)?;
        if let Some(result) = result.as_ref().filter(|result| result.is_ok()) {
            let gas = inputs.gas_limit.saturating_sub(result.gas.remaining());
            if gas >= GAS_MIN {
                let input = Bytes::copy_from_slice(&inputs.input.as_bytes(context));
                let output = PrecompileOutput::new(gas, result.output.clone(), 0);
                known.precompiles.insert(address, input, output);
            }
        }
        Ok(result)
    }
}

impl<'a, D: Database> PrecompileProvider<WorkerContext<'a, D>> for KnownPrecompiles<'_> {
    type Output = InterpreterResult;

    fn set_spec(&mut self, spec: SpecId) -> bool {
        PrecompileProvider::<WorkerContext<'a, D>>::set_spec(&mut self.inner, spec)
    }

    fn run(
        &mut self,
        context: &mut WorkerContext<'a, D>,
        inputs: &CallInputs,
    ) -> Result<Option<InterpreterResult>, String> {
        let address = inputs.bytecode_address;
        if !self.inner.contains(&address) {
            return Ok(None);
        }
        let result = self.compute(context, inputs)?;
        if let Some(result) = result.as_ref().filter(|_| self.witnesses) {
            let input = inputs.input.as_bytes(context);
            let noted = PrecompileInput::noted(address, &input, inputs.gas_limit, result);
            drop(input);
            context.chain.looks.witness.precompiled.extend(noted);
        }
        Ok(result)
    }

    fn warm_addresses(&self) -> &AddressSet {
        self.inner.warm_addresses()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_result_is_found_by_address_input_and_gas() {
        let results = PrecompileResults::default();
        let [a, b] = [1, 2].map(Address::with_last_byte);
        let input = Bytes::from_static(b"input");
        results.insert(a, input.clone(), PrecompileOutput::new(100, Bytes::new(), 0));
        assert!(results.get(&a, &input, 100).is_some());
        assert!(results.get(&a, &input, 99).is_none());
        assert!(results.get(&b, &input, 100).is_none());
        assert!(results.get(&a, b"inpu", 100).is_none());
    }
}
