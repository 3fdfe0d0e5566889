//! A state in memory that asks before each read whether there is an answer.

use alloy_primitives::{Address, B256, U256};
use core::convert::Infallible;
use foresee_execute::StateKey;
use revm::{
    DatabaseRef,
    database::{CacheDB, EmptyDB},
    database_interface::DBErrorMarker,
    state::{AccountInfo, Bytecode},
};

/// There is none.
#[derive(Debug, thiserror::Error)]
#[error("the disk is gone")]
pub(crate) struct Gone;

impl DBErrorMarker for Gone {}

/// One type whatever is asked, since whatever executes is compiled for each.
pub(crate) struct Asking<'a> {
    state: &'a CacheDB<EmptyDB>,
    ask: Box<dyn Fn(StateKey) -> Result<(), Gone> + Send + Sync + 'a>,
}

impl<'a> Asking<'a> {
    pub(crate) fn new(
        state: &'a CacheDB<EmptyDB>,
        ask: impl Fn(StateKey) -> Result<(), Gone> + Send + Sync + 'a,
    ) -> Self {
        Self { state, ask: Box::new(ask) }
    }

    fn read<T>(&self, key: StateKey, value: Result<T, Infallible>) -> Result<T, Gone> {
        (self.ask)(key).map(|()| value.unwrap_or_else(|never| match never {}))
    }
}

impl DatabaseRef for Asking<'_> {
    type Error = Gone;

    fn basic_ref(&self, address: Address) -> Result<Option<AccountInfo>, Gone> {
        self.read(StateKey::Account(address), self.state.basic_ref(address))
    }

    fn code_by_hash_ref(&self, hash: B256) -> Result<Bytecode, Gone> {
        self.read(StateKey::Code(hash), self.state.code_by_hash_ref(hash))
    }

    fn storage_ref(&self, address: Address, slot: U256) -> Result<U256, Gone> {
        self.read(StateKey::Slot(address, slot), self.state.storage_ref(address, slot))
    }

    fn block_hash_ref(&self, number: u64) -> Result<B256, Gone> {
        self.read(StateKey::BlockHash(number), self.state.block_hash_ref(number))
    }
}
