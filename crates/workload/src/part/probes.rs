//! Calls whose course hangs on block, account, gas and precompiles, and calls
//! that fail in every way there is.

use super::Part;
use crate::{GenerateError, PROBE, abi::Probe, draft::Draft, setting::Setting};
use alloy_primitives::{Address, U256};

/// Gas that any single call finds enough.
const PROBE_GAS: u64 = 300_000;

/// The contract that asks.
#[derive(Debug)]
pub(crate) struct Probes {
    contract: Address,
}

impl Probes {
    /// A contract that asks.
    ///
    /// # Errors
    /// If the set-up fails.
    pub(crate) fn new(setting: &mut Setting) -> Result<Self, GenerateError> {
        Ok(Self { contract: setting.create(PROBE, &[])? })
    }
}

impl Part for Probes {
    fn draft(&mut self, setting: &mut Setting) -> Result<Draft, GenerateError> {
        let from = setting.someone()?;
        let to = self.contract;
        let kind = setting.random.weighted(&[20, 20, 15, 10, 15, 20]);
        Ok(match kind {
            0 => {
                let sides = U256::from(setting.random.between(2, 100));
                Draft::call(from, to, PROBE_GAS, &Probe::drawCall { sides })
            }
            1 => {
                let who = setting.recipient();
                Draft::call(from, to, PROBE_GAS, &Probe::lookCall { who })
            }
            2 => {
                let data = setting.random.text(0, 200).into_bytes().into();
                Draft::call(from, to, PROBE_GAS, &Probe::hashCall { data })
            }
            3 => {
                let [base, exponent, modulus] = [(); 3].map(|()| setting.random.word().into());
                Draft::call(from, to, PROBE_GAS, &Probe::powerCall { base, exponent, modulus })
            }
            4 => {
                let left = U256::from(setting.random.between(60_000, 150_000));
                let gas_limit = setting.random.between(180_000, 250_000);
                Draft::call(from, to, gas_limit, &Probe::spendCall { left })
            }
            _ => {
                let code = U256::from(setting.random.below(7));
                Draft::call(from, to, PROBE_GAS, &Probe::failCall { code })
            }
        })
    }
}
