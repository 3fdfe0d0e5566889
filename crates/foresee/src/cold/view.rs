//! The state as far as it has been fetched, for predictions.

use alloy_primitives::{Address, B256, U256};
use core::{
    cell::{Cell, RefCell},
    convert::Infallible,
};
use foresee_execute::{Desk, StateKey, StateValue};
use foresee_predict::{Lookup, StateView, Want};
use revm::state::{AccountInfo, Bytecode};
use std::sync::Arc;

/// What has been handed in at a desk so far.
#[derive(Clone, Debug)]
pub(super) struct AtHand<'a> {
    desk: &'a Arc<Desk>,
    /// What a slot that is not at hand is taken to hold, where predictions only scout for
    /// keys.
    guess: Option<U256>,
    /// What was not at hand, where they do; else what is expected to be asked for.
    missing: RefCell<Vec<StateKey>>,
    /// Whether a precompile that takes long has to wait, the next time that one is met.
    defers: Cell<bool>,
}

impl<'a> AtHand<'a> {
    pub(super) const fn new(desk: &'a Arc<Desk>, guess: Option<U256>) -> Self {
        Self { desk, guess, missing: RefCell::new(Vec::new()), defers: Cell::new(true) }
    }

    /// Has missing slots hold a guess from here on, or none.
    pub(super) const fn set_guess(&mut self, guess: Option<U256>) {
        self.guess = guess;
    }

    /// Lets one precompile that takes long be computed. All others wait until this is
    /// called once more.
    pub(super) const fn compute_one(&mut self) {
        *self.defers.get_mut() = false;
    }

    /// What was not at hand, of what scouting predictions met, or other ones expect.
    pub(super) fn take_missing(&mut self) -> Vec<StateKey> {
        self.missing.take()
    }

    fn lookup<T>(
        &self,
        key: StateKey,
        take: impl FnOnce(StateValue) -> Option<T>,
    ) -> Result<Lookup<T>, Infallible> {
        let value = self.desk.get(&key).and_then(take);
        if value.is_none() && self.guess.is_some() {
            self.missing.borrow_mut().push(key);
        }
        Ok(value.map_or(Lookup::Missing, Lookup::Ready))
    }
}

impl StateView for AtHand<'_> {
    type Error = Infallible;

    fn account(&self, address: Address) -> Result<Lookup<Option<AccountInfo>>, Infallible> {
        self.lookup(StateKey::Account(address), |value| match value {
            StateValue::Account(info) => Some(info),
            _ => None,
        })
    }

    fn storage(&self, address: Address, slot: U256) -> Result<Lookup<U256>, Infallible> {
        self.lookup(StateKey::Slot(address, slot), |value| match value {
            StateValue::Slot(value) => Some(value),
            _ => None,
        })
    }

    fn code(&self, hash: B256) -> Result<Lookup<Bytecode>, Infallible> {
        self.lookup(StateKey::Code(hash), |value| match value {
            StateValue::Code(code) => Some(code),
            _ => None,
        })
    }

    fn block_hash(&self, number: u64) -> Result<Lookup<B256>, Infallible> {
        self.lookup(StateKey::BlockHash(number), |value| match value {
            StateValue::BlockHash(hash) => Some(hash),
            _ => None,
        })
    }

    fn guess(&self) -> Option<U256> {
        self.guess
    }

    fn defers(&self) -> bool {
        self.defers.replace(true)
    }

    /// Not on guesses: what follows from one is met by the prediction itself.
    fn fetches(&self) -> bool {
        self.guess.is_none()
    }

    fn expect(&self, want: Want) {
        self.missing.borrow_mut().extend(key_of(want));
    }
}

/// The key under which a value that a prediction wants is read, if it is one that is read.
pub(super) const fn key_of(want: Want) -> Option<StateKey> {
    Some(match want {
        Want::Account(address) => StateKey::Account(address),
        Want::Slot(address, slot) => StateKey::Slot(address, slot),
        Want::Code(hash) => StateKey::Code(hash),
        Want::BlockHash(number) => StateKey::BlockHash(number),
        Want::Precompile(_) => return None,
    })
}
