//! Results of precompiles that the block at hand has met: none is computed twice, and
//! whoever executes the block can have them.

use alloy_primitives::{
    Address, Bytes,
    map::{AddressMap, HashMap},
};
use revm::precompile::{PrecompileId, PrecompileOutput};

/// Results cheaper than this, in gas, are computed again rather than kept.
const GAS_MIN: u64 = 1000;

/// The most bytes of inputs and outputs that are kept.
const BYTES_MAX: usize = 64 << 20;

/// Whether a precompile may take longer than a read from a disk.
pub(super) const fn is_dear(id: &PrecompileId) -> bool {
    !matches!(
        id,
        PrecompileId::Identity
            | PrecompileId::Sha256
            | PrecompileId::Ripemd160
            | PrecompileId::EcRec
            | PrecompileId::Bn254Add
            | PrecompileId::Blake2F
    )
}

/// A call of a precompiled contract that succeeded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PrecompileCall {
    /// The contract.
    pub address: Address,
    /// Its input.
    pub input: Bytes,
    /// What it yielded.
    pub output: PrecompileOutput,
}

/// The results of one block. Nothing is kept unless that is asked for.
#[derive(Debug, Default)]
pub(crate) struct Precompiled {
    keeps: bool,
    results: AddressMap<HashMap<Bytes, PrecompileOutput>>,
    bytes: usize,
    /// Those that nobody has taken yet.
    fresh: Vec<PrecompileCall>,
}

impl Precompiled {
    /// Forgets everything, and sets whether results are kept.
    pub(crate) fn begin(&mut self, keeps: bool) {
        *self = Self { keeps, ..Self::default() };
    }

    /// A result that is known, if the gas suffices.
    pub(super) fn find(
        &self,
        address: Address,
        input: &[u8],
        gas: u64,
    ) -> Option<PrecompileOutput> {
        let output = self.results.get(&address)?.get(input)?;
        (output.gas_used <= gas).then(|| output.clone())
    }

    /// Keeps a result, if it is worth it.
    pub(super) fn keep(&mut self, address: Address, input: &[u8], output: &PrecompileOutput) {
        if !self.keeps || !output.is_success() || output.gas_used < GAS_MIN {
            return;
        }
        let input = Bytes::copy_from_slice(input);
        let call = PrecompileCall { address, input, output: output.clone() };
        self.know(&call);
        self.fresh.push(call);
    }

    /// Exchanges the results, but for those that nobody has taken yet.
    pub(crate) const fn swap(&mut self, other: &mut Self) {
        core::mem::swap(&mut self.results, &mut other.results);
        core::mem::swap(&mut self.bytes, &mut other.bytes);
    }

    /// Takes in a result that was computed elsewhere under the same rules.
    pub(crate) fn know(&mut self, call: &PrecompileCall) {
        self.bytes += call.input.len() + call.output.bytes.len();
        if self.bytes <= BYTES_MAX {
            let results = self.results.entry(call.address).or_default();
            results.insert(call.input.clone(), call.output.clone());
        }
    }

    /// The results that nobody has taken yet.
    pub(crate) fn take(&mut self) -> Vec<PrecompileCall> {
        core::mem::take(&mut self.fresh)
    }
}
