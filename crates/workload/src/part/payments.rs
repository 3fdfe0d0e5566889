//! Plain payments of ether, with and without blobs.

use super::Part;
use crate::{GenerateError, draft::Draft, setting::Setting};

/// The most a payment sends: a hundredth of an ether.
const PAYMENT_MAX_WEI: u64 = 10_u64.pow(16);

/// Gas for a payment to an account with code.
const CODE_GAS: u64 = 50_000;

/// Payments from whoever acts to whoever receives.
#[derive(Debug)]
pub(crate) struct Payments;

impl Part for Payments {
    fn draft(&mut self, setting: &mut Setting) -> Result<Draft, GenerateError> {
        let from = setting.someone()?;
        let to = setting.recipient();
        let wei = setting.random.between(1, PAYMENT_MAX_WEI);
        let payment = Draft::payment(from, to, wei);
        let has_code = setting.delegated.contains(&to);
        Ok(Draft { gas_limit: if has_code { CODE_GAS } else { payment.gas_limit }, ..payment })
    }
}

/// Data for a rollup: blobs, and nothing else worth mentioning.
#[derive(Debug)]
pub(crate) struct Blobs {
    left: usize,
}

impl Blobs {
    /// As many blobs as a block may carry.
    pub(crate) const fn new(max: usize) -> Self {
        Self { left: max }
    }
}

impl Part for Blobs {
    fn draft(&mut self, setting: &mut Setting) -> Result<Draft, GenerateError> {
        let blobs = self.left.min(1 + setting.random.index(2));
        self.left -= blobs;
        Ok(Draft { blobs, ..Payments.draft(setting)? })
    }
}
