//! Gas, of which a path knows bounds: what depends on values that nobody has may cost the
//! least or the most that it can.

use super::walk::Walker;
use super::{
    path::{Gas, Path},
    step::{Stop, top},
    word::{Kind, Word},
};
use crate::{rules::Rules, state::StateView};
use alloy_primitives::{Address, U256};
use foresee_access::Location;
use revm::{context_interface::context::SStoreResult, primitives::hardfork::SpecId};
use revm_bytecode::opcode;

/// Offsets and lengths from here on cost more gas than any block has.
const LIMIT: u64 = 1 << 28;

/// The most memory of a frame that is followed, in bytes.
const MEMORY_MAX: usize = 1 << 18;

impl<S: StateView> Walker<'_, S> {
    /// Charges at least and at most so much. Who has less than the least fails; who may
    /// have less than the most may fail.
    pub(super) fn charge(&self, path: &mut Path, min: u64, max: u64) -> Result<(), Stop<S::Error>> {
        let gas = &mut top(path).gas;
        gas.max = gas.max.checked_sub(min).ok_or(Stop::Fail)?;
        let suffices = gas.min >= max;
        gas.min = gas.min.saturating_sub(max);
        path.needs(suffices);
        Ok(())
    }

    /// An offset or a length, unless no gas could pay for it, or nobody knows it.
    pub(super) fn small(&self, word: &Word, what: &'static str) -> Result<usize, Stop<S::Error>> {
        match word.known() {
            Some(word) if word < U256::from(LIMIT) => Ok(word.as_limbs()[0] as usize),
            Some(_) => Err(Stop::Fail),
            None => Err(Stop::Lost(what)),
        }
    }

    /// Makes sure that memory reaches over a range, and charges for it. Yields where the
    /// range begins.
    pub(super) fn expand(
        &self,
        path: &mut Path,
        offset: &Word,
        len: usize,
    ) -> Result<usize, Stop<S::Error>> {
        if len == 0 {
            return Ok(0);
        }
        let offset = self.small(offset, "where memory is used")?;
        let end = offset + len;
        let size = path.frame.memory.len();
        if end > size {
            let words = end.div_ceil(32);
            let gas = &self.rules.gas;
            let cost = gas.memory_cost(words) - gas.memory_cost(size / 32);
            self.charge(path, cost, cost)?;
            if words * 32 > MEMORY_MAX {
                return Err(Stop::Lost("much memory"));
            }
            top(path).memory.grow(words * 32);
        }
        Ok(offset)
    }

    /// Charges for the first access to an account, which becomes warm
    /// ([EIP-2929](https://eips.ethereum.org/EIPS/eip-2929)).
    pub(super) fn warm_account(
        &self,
        path: &mut Path,
        account: Address,
    ) -> Result<(), Stop<S::Error>> {
        let always = account == self.beneficiary && self.rules.at_least(SpecId::SHANGHAI)
            || self.rules.precompiles.contains(&account);
        let cost = self.rules.gas.cold_account_additional_cost();
        self.warm(path, Location::code(account), always, cost)
    }

    /// The same for a slot, with what an opcode pays for it when it is cold: SLOAD only the
    /// difference to a warm one, SSTORE all of it.
    pub(super) fn warm_slot(
        &self,
        path: &mut Path,
        account: Address,
        key: &Word,
        cost: u64,
    ) -> Result<(), Stop<S::Error>> {
        match key {
            Word::Known(key) => self.warm(path, Location::slot(account, *key), false, cost),
            Word::Symbol(_) => self.charge(path, 0, cost),
        }
    }

    fn warm(
        &self,
        path: &mut Path,
        location: Location,
        always: bool,
        cost: u64,
    ) -> Result<(), Stop<S::Error>> {
        if always || path.state.warm.contains(&location) {
            return Ok(());
        }
        let least = if path.state.blurred { 0 } else { cost };
        self.charge(path, least, cost)?;
        path.state.warm.insert(location);
        Ok(())
    }
}

/// The least and the most that SSTORE costs, apart from its static part and the surcharge
/// for a cold slot.
pub(super) fn sstore_cost(rules: &Rules, value: &Word) -> (u64, u64) {
    let cost = |original: u64, new: u64| {
        let [original, new] = [original, new].map(U256::from);
        let values =
            SStoreResult { original_value: original, present_value: original, new_value: new };
        rules.gas.sstore_dynamic_gas(rules.at_least(SpecId::ISTANBUL), &values, false)
    };
    let (nothing, change, creation) = (cost(1, 1), cost(1, 0), cost(0, 1));
    let most = if *value == Word::ZERO { change } else { change.max(creation) };
    (nothing.min(change), most.max(nothing))
}

/// How much gas a word is, at least and at most.
pub(super) fn amount(word: &Word) -> Gas {
    let clamped = |value: U256| u64::try_from(value).unwrap_or(u64::MAX);
    match word {
        Word::Known(value) => Gas::exactly(clamped(*value)),
        Word::Symbol(symbol) => match &symbol.kind {
            Kind::Gas { min, max, .. } => Gas { min: *min, max: *max },
            Kind::Computed(opcode::SUB, [Word::Symbol(of), Word::Known(less), _]) => {
                match &of.kind {
                    // Less than nothing is very much.
                    Kind::Gas { min, max, .. } if U256::from(*min) >= *less => {
                        let less = clamped(*less);
                        Gas { min: min - less, max: max - less }
                    }
                    _ => Gas { min: 0, max: u64::MAX },
                }
            }
            _ => Gas { min: 0, max: u64::MAX },
        },
    }
}
