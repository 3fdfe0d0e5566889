//! A state in memory behind a sleep per read. Code is a read of its own, as it is in the
//! databases of nodes.

use crate::measure::Meter;
use alloy_primitives::{Address, B256, U256};
use revm::{
    DatabaseRef,
    database::{CacheDB, EmptyDB},
    state::{AccountInfo, Bytecode},
};
use std::{convert::Infallible, thread, time::Duration};

pub(crate) struct Slow<'a> {
    state: &'a CacheDB<EmptyDB>,
    sleep: Duration,
    meter: &'a Meter,
}

impl<'a> Slow<'a> {
    pub(crate) const fn new(
        state: &'a CacheDB<EmptyDB>,
        sleep: Duration,
        meter: &'a Meter,
    ) -> Self {
        Self { state, sleep, meter }
    }

    /// The state, read at once.
    pub(crate) const fn without_delay(&self) -> &'a CacheDB<EmptyDB> {
        self.state
    }

    /// What is asked for per read.
    pub(crate) const fn latency(&self) -> Duration {
        self.sleep
    }

    pub(crate) const fn meter(&self) -> &'a Meter {
        self.meter
    }

    fn wait(&self) {
        self.meter.time(|| sleep_for(self.sleep));
    }
}

impl DatabaseRef for Slow<'_> {
    type Error = Infallible;

    fn basic_ref(&self, address: Address) -> Result<Option<AccountInfo>, Infallible> {
        self.wait();
        let info = self.state.basic_ref(address)?;
        Ok(info.map(|info| AccountInfo { code: None, ..info }))
    }

    fn code_by_hash_ref(&self, hash: B256) -> Result<Bytecode, Infallible> {
        self.wait();
        self.state.code_by_hash_ref(hash)
    }

    fn storage_ref(&self, address: Address, slot: U256) -> Result<U256, Infallible> {
        self.wait();
        self.state.storage_ref(address, slot)
    }

    fn block_hash_ref(&self, number: u64) -> Result<B256, Infallible> {
        self.wait();
        self.state.block_hash_ref(number)
    }
}

#[expect(clippy::disallowed_methods, reason = "the sleep is what is measured")]
pub(crate) fn sleep_for(time: Duration) {
    thread::sleep(time);
}
