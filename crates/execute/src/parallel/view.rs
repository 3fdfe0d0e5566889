//! The state as a worker's revm instance sees it.
//!
//! Usually a worker speculates: it reads the newest versions below its
//! transaction, else the state before the block. While it settles turns it owns
//! the authoritative state and reads that instead. One revm instance serves both,
//! because building one costs more than a payment takes to execute, and because
//! it must not travel between threads.

use super::{
    authority::Authority,
    early::Early,
    versions::{SlotChange, Versions},
};
use foresee_access::Location;
use revm::{
    Database, DatabaseRef,
    context::{Transaction, TxEnv},
    database_interface::bal::EvmDatabaseError,
    primitives::{Address, AddressMap, B256, StorageKey, StorageValue, U256},
    state::{AccountInfo, Bytecode},
};

/// The database below a worker's revm instance.
pub(super) struct View<'a, DB: DatabaseRef> {
    base: &'a DB,
    versions: &'a Versions,
    /// Present while this worker executes a transaction at its turn.
    pub(super) authority: Option<Box<Authority<'a, DB>>>,
    reader: Reader,
    /// What the current transaction is said to add to without looking, sorted.
    claims: &'a [Location],
    /// Present while this worker executes a transaction before those that it waits for have
    /// ended.
    pub(super) early: Option<Early<'a>>,
    /// What the current transaction was told that differs from the base.
    pub(super) overlay: Overlay,
}

/// Which speculating transaction reads, and what its sender is taken to have.
#[derive(Clone, Copy, Debug, Default)]
struct Reader {
    version: u32,
    sender: Address,
    nonce: u64,
    /// What the sender must own at least for the transaction to be valid.
    funds: U256,
}

/// The reads of a speculating transaction that were not served from the base:
/// only these have to be looked up there when the transaction is settled.
#[derive(Debug, Default)]
pub(super) struct Overlay {
    /// Accounts, as the base has them.
    pub(super) accounts: AddressMap<Option<AccountInfo>>,
    /// Slots.
    pub(super) slots: Vec<(Address, StorageKey)>,
}

impl<'a, DB: DatabaseRef> View<'a, DB> {
    pub(super) fn new(base: &'a DB, versions: &'a Versions) -> Self {
        Self {
            base,
            versions,
            authority: None,
            reader: Reader::default(),
            claims: &[],
            early: None,
            overlay: Overlay::default(),
        }
    }

    /// From now on a transaction speculates: it sees the versions below its own.
    ///
    /// Its sender's nonce and funds need not wait for the sender's earlier
    /// transactions: the nonce is the one the transaction states, the balance at
    /// least what the transaction may cost. Both are checked at its turn. Of a slot that it
    /// claims to add to without looking it sees what it was before others did so.
    pub(super) fn speculate(&mut self, version: u32, tx: &TxEnv, claims: &'a [Location]) {
        self.claims = claims;
        self.reader = Reader {
            version,
            sender: tx.caller,
            nonce: tx.nonce,
            funds: tx.max_balance_spending().unwrap_or_default(),
        };
        self.overlay = Overlay::default();
    }

    fn speculative_basic(&mut self, address: Address) -> Result<Option<AccountInfo>, DB::Error> {
        if let Some(early) = &mut self.early {
            early.meet_fields(address);
        }
        let change = self.versions.account(&address, self.reader.version);
        let base = self.base.basic_ref(address)?;
        let is_sender = address == self.reader.sender;
        if change.is_none() && !is_sender {
            return Ok(base);
        }
        let mut info = match change {
            Some(change) => change.apply(base.clone()),
            None => base.clone(),
        };
        if is_sender {
            let sender = info.get_or_insert_default();
            sender.nonce = self.reader.nonce;
            sender.balance = sender.balance.max(self.reader.funds);
        }
        self.overlay.accounts.insert(address, base);
        Ok(info)
    }

    fn speculative_storage(
        &mut self,
        address: Address,
        slot: StorageKey,
    ) -> Result<StorageValue, DB::Error> {
        if let Some(early) = &mut self.early {
            early.meet_slot(address, slot);
        }
        let version = self.reader.version;
        let is_claimed = self.claims.binary_search(&Location::slot(address, slot)).is_ok();
        let change = match is_claimed {
            true => self.versions.value(&address, slot, version).map(SlotChange::To),
            false => self.versions.slot(&address, slot, version),
        };
        if change.is_some() {
            self.overlay.slots.push((address, slot));
        }
        Ok(match change {
            Some(SlotChange::To(value)) => value,
            Some(SlotChange::By(added)) => {
                self.base.storage_ref(address, slot)?.wrapping_add(added)
            }
            None => self.base.storage_ref(address, slot)?,
        })
    }
}

impl<DB: DatabaseRef> Database for View<'_, DB> {
    type Error = EvmDatabaseError<DB::Error>;

    fn basic(&mut self, address: Address) -> Result<Option<AccountInfo>, Self::Error> {
        match &mut self.authority {
            Some(authority) => authority.state.basic(address),
            None => self.speculative_basic(address).map_err(EvmDatabaseError::Database),
        }
    }

    fn code_by_hash(&mut self, code_hash: B256) -> Result<Bytecode, Self::Error> {
        match &mut self.authority {
            Some(authority) => authority.state.code_by_hash(code_hash),
            None => self.base.code_by_hash_ref(code_hash).map_err(EvmDatabaseError::Database),
        }
    }

    fn storage(&mut self, address: Address, slot: StorageKey) -> Result<StorageValue, Self::Error> {
        match &mut self.authority {
            Some(authority) => Database::storage(&mut authority.state, address, slot),
            None => self.speculative_storage(address, slot).map_err(EvmDatabaseError::Database),
        }
    }

    fn block_hash(&mut self, number: u64) -> Result<B256, Self::Error> {
        match &mut self.authority {
            Some(authority) => authority.state.block_hash(number),
            None => self.base.block_hash_ref(number).map_err(EvmDatabaseError::Database),
        }
    }
}
