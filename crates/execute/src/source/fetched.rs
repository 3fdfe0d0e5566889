//! What has been handed in at a desk, as a state: the one that a block is executed on
//! while its reads are still on their way.

use super::{Desk, StateKey, StateSource, StateValue, desk::FirstLook, read};
use alloy_primitives::{Address, B256, U256};
use core::sync::atomic::{AtomicUsize, Ordering};
use revm::{
    DatabaseRef,
    state::{AccountInfo, Bytecode},
};
use std::sync::Arc;

/// A state of which values come in while it is looked at. A value on its way is waited
/// for; one that nobody asked for, or that was given up, is read here and now.
#[derive(Debug)]
pub struct Fetched<'a, S> {
    source: &'a S,
    desk: &'a Arc<Desk>,
    ready: AtomicUsize,
    waited: AtomicUsize,
    on_demand: AtomicUsize,
}

/// How the reads of a block went. Numbers but for `requested` count values once, the
/// first time that execution looks at them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReadStats {
    /// Values that the source was at beforehand, needed or not.
    pub requested: usize,
    /// Values that were there when execution needed them.
    pub ready: usize,
    /// Values that were on their way then.
    pub waited: usize,
    /// Values that nobody had asked for, or whose read had failed.
    pub on_demand: usize,
}

impl ReadStats {
    /// Values that execution looked at.
    pub const fn used(&self) -> usize {
        self.ready + self.waited + self.on_demand
    }

    /// The part of them that was asked for beforehand; 1 if there are none.
    pub fn foreseen(&self) -> f64 {
        match self.used() {
            0 => 1.0,
            used => (self.ready + self.waited) as f64 / used as f64,
        }
    }
}

impl<'a, S: StateSource> Fetched<'a, S> {
    /// The state that a source serves a desk from.
    pub const fn new(source: &'a S, desk: &'a Arc<Desk>) -> Self {
        let [ready, waited, on_demand] = [const { AtomicUsize::new(0) }; 3];
        Self { source, desk, ready, waited, on_demand }
    }

    /// How the reads went so far.
    pub fn stats(&self) -> ReadStats {
        let count = |counter: &AtomicUsize| counter.load(Ordering::Relaxed);
        ReadStats {
            requested: self.desk.taken_total(),
            ready: count(&self.ready),
            waited: count(&self.waited),
            on_demand: count(&self.on_demand),
        }
    }

    fn value(&self, key: StateKey) -> Result<StateValue, S::Error> {
        let add = |counter: &AtomicUsize| counter.fetch_add(1, Ordering::Relaxed);
        match self.desk.wait(key) {
            Ok((value, first)) => {
                match first {
                    Some(FirstLook::Ready) => add(&self.ready),
                    Some(FirstLook::Posted) => add(&self.waited),
                    None => 0,
                };
                Ok(value)
            }
            Err(request) => {
                let value = read(self.source, key)?;
                add(&self.on_demand);
                request.fulfil(value.clone());
                Ok(value)
            }
        }
    }
}

impl<S: StateSource> DatabaseRef for Fetched<'_, S> {
    type Error = S::Error;

    fn basic_ref(&self, address: Address) -> Result<Option<AccountInfo>, S::Error> {
        match self.value(StateKey::Account(address))? {
            StateValue::Account(info) => Ok(info),
            _ => self.source.basic_ref(address),
        }
    }

    fn code_by_hash_ref(&self, hash: B256) -> Result<Bytecode, S::Error> {
        match self.value(StateKey::Code(hash))? {
            StateValue::Code(code) => Ok(code),
            _ => self.source.code_by_hash_ref(hash),
        }
    }

    fn storage_ref(&self, address: Address, slot: U256) -> Result<U256, S::Error> {
        match self.value(StateKey::Slot(address, slot))? {
            StateValue::Slot(value) => Ok(value),
            _ => self.source.storage_ref(address, slot),
        }
    }

    fn block_hash_ref(&self, number: u64) -> Result<B256, S::Error> {
        match self.value(StateKey::BlockHash(number))? {
            StateValue::BlockHash(hash) => Ok(hash),
            _ => self.source.block_hash_ref(number),
        }
    }
}
