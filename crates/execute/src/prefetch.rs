//! Reading ahead what a block is said to access.
//!
//! Where a read takes longer than a transaction, whoever knows the keys beforehand need
//! not wait for one after the other. What is read ahead is a copy of what the state
//! holds, so it does not matter who made the list: what it names in vain is read in
//! vain, and what it does not name is read when it is needed.

use crate::{AccessList, ParallelExecutor};
use alloy_primitives::{
    Address, B256, U256,
    map::{AddressMap, B256Map, HashMap},
};
use rayon::iter::{IntoParallelIterator, ParallelIterator};
use revm::{
    DatabaseRef,
    state::{AccountInfo, Bytecode},
};

/// A state, and what has been read of it ahead.
#[derive(Clone, Debug)]
pub struct Prefetched<'a, DB> {
    db: &'a DB,
    accounts: AddressMap<Option<AccountInfo>>,
    contracts: B256Map<Bytecode>,
    slots: HashMap<(Address, U256), U256>,
}

/// Something to be read.
#[derive(Clone, Copy, Debug)]
enum Want {
    Account(Address),
    Slot(Address, U256),
}

/// Something that was read.
enum Got {
    Account(Address, Option<AccountInfo>, Option<Bytecode>),
    Slot(Address, U256, U256),
    /// Nothing: the state failed. Execution meets the failure if it needs this.
    Failed,
}

impl ParallelExecutor {
    /// Reads what a list names, on as many threads as there are.
    pub fn prefetch<'a, DB>(&self, db: &'a DB, list: &AccessList) -> Prefetched<'a, DB>
    where
        DB: DatabaseRef + Sync,
    {
        let wants = list.iter().flat_map(|account| {
            let slots = account.storage_slots().map(|slot| Want::Slot(account.address, slot));
            slots.chain([Want::Account(account.address)])
        });
        let wants: Vec<_> = wants.collect();
        let got: Vec<_> = match self.helpers() {
            None => wants.into_iter().map(|want| read(db, want)).collect(),
            Some(pool) => {
                pool.install(|| wants.into_par_iter().map(|want| read(db, want)).collect())
            }
        };
        Prefetched::new(db, got)
    }
}

fn read<DB: DatabaseRef>(db: &DB, want: Want) -> Got {
    match want {
        Want::Slot(address, slot) => db
            .storage_ref(address, slot)
            .map_or(Got::Failed, |value| Got::Slot(address, slot, value)),
        Want::Account(address) => {
            let Ok(info) = db.basic_ref(address) else { return Got::Failed };
            let coded = info.as_ref().filter(|info| !info.is_empty_code_hash());
            let code = coded.and_then(|info| match &info.code {
                Some(code) => Some(code.clone()),
                None => db.code_by_hash_ref(info.code_hash).ok(),
            });
            Got::Account(address, info, code)
        }
    }
}

impl<'a, DB> Prefetched<'a, DB> {
    fn new(db: &'a DB, got: Vec<Got>) -> Self {
        let mut all = Self {
            db,
            accounts: AddressMap::default(),
            contracts: B256Map::default(),
            slots: HashMap::default(),
        };
        for one in got {
            match one {
                Got::Slot(address, slot, value) => {
                    all.slots.insert((address, slot), value);
                }
                Got::Account(address, info, code) => {
                    if let (Some(info), Some(code)) = (&info, code) {
                        all.contracts.insert(info.code_hash, code);
                    }
                    all.accounts.insert(address, info);
                }
                Got::Failed => {}
            }
        }
        all
    }

    /// How many accounts and slots were read ahead.
    pub fn len(&self) -> usize {
        self.accounts.len() + self.slots.len()
    }

    /// Whether nothing was.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<DB: DatabaseRef> DatabaseRef for Prefetched<'_, DB> {
    type Error = DB::Error;

    fn basic_ref(&self, address: Address) -> Result<Option<AccountInfo>, DB::Error> {
        match self.accounts.get(&address) {
            Some(info) => Ok(info.clone()),
            None => self.db.basic_ref(address),
        }
    }

    fn code_by_hash_ref(&self, hash: B256) -> Result<Bytecode, DB::Error> {
        match self.contracts.get(&hash) {
            Some(code) => Ok(code.clone()),
            None => self.db.code_by_hash_ref(hash),
        }
    }

    fn storage_ref(&self, address: Address, slot: U256) -> Result<U256, DB::Error> {
        match self.slots.get(&(address, slot)) {
            Some(value) => Ok(*value),
            None => self.db.storage_ref(address, slot),
        }
    }

    fn block_hash_ref(&self, number: u64) -> Result<B256, DB::Error> {
        self.db.block_hash_ref(number)
    }
}
