//! The state of all blocks in one embedded database on disk, among so much else that none
//! of its caches could hold it.
//!
//! Values of a block lie under the block's number and the hash of their key, so they are
//! spread over the whole file as they are in a node's. Before an execution the database is
//! opened anew, with a small cache of its own, and the kernel is told to drop its pages of
//! the file.

use crate::measure::Meter;
use alloy_primitives::{Address, B256, U256, keccak256};
use redb::{Builder, Database, ReadOnlyTable, ReadableDatabase, TableDefinition};
use revm::{
    DatabaseRef,
    database::{CacheDB, EmptyDB},
    database_interface::DBErrorMarker,
    state::{AccountInfo, Bytecode},
};
use rustix::fs::{Advice, fadvise};
use std::{
    borrow::Cow,
    fs::{self, File},
    io::ErrorKind,
    path::Path,
};

/// Values by key hash.
const VALUES: TableDefinition<'_, [u8; 32], &[u8]> = TableDefinition::new("values");

/// Other values in the database, about 150 bytes each with their keys.
const FILLER: u64 = 4_000_000;

/// Bytes of a value that is filler.
const FILLER_SIZE: usize = 96;

/// Bytes that the database may keep in its own cache.
const CACHE_SIZE: usize = 16 << 20;

/// A read that failed.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct DiskError(String);

impl DBErrorMarker for DiskError {}

fn failed(error: impl std::fmt::Display) -> DiskError {
    DiskError(error.to_string())
}

/// What is read.
#[derive(Clone, Copy)]
enum Kind {
    Account,
    Slot,
    Code,
    BlockHash,
}

/// Where a value lies.
fn place(block: u32, kind: Kind, key: &[u8]) -> [u8; 32] {
    keccak256([&block.to_be_bytes(), &[kind as u8][..], key].concat()).0
}

/// Writes the database, unless it is there: in the order of its keys, so that every page is
/// written once.
pub(crate) fn fill(file: &Path, states: &[&CacheDB<EmptyDB>]) -> Result<(), DiskError> {
    if file.exists() {
        return Ok(());
    }
    // Whoever is interrupted leaves nothing that looks like a database of all values.
    let unfinished = file.with_extension("unfinished");
    fs::remove_file(&unfinished).or_else(|error| match error.kind() {
        ErrorKind::NotFound => Ok(()),
        _ => Err(failed(error)),
    })?;
    let filler = (0..FILLER)
        .map(|number| (keccak256(number.to_be_bytes()).0, Cow::Borrowed(&[0; FILLER_SIZE][..])));
    let blocks = (0..).zip(states).flat_map(|(block, state)| values(block, state));
    let blocks = blocks.map(|(key, value)| (key, Cow::Owned(value)));
    let mut all: Vec<_> = blocks.chain(filler).collect();
    all.sort_unstable();
    let database = Database::create(&unfinished).map_err(failed)?;
    let transaction = database.begin_write().map_err(failed)?;
    {
        let mut table = transaction.open_table(VALUES).map_err(failed)?;
        for (key, value) in all {
            table.insert(key, &*value).map_err(failed)?;
        }
    }
    transaction.commit().map_err(failed)?;
    drop(database);
    fs::rename(&unfinished, file).map_err(failed)
}

/// All values of a state. Block hashes are few and kept with the rest.
fn values(block: u32, state: &CacheDB<EmptyDB>) -> Vec<([u8; 32], Vec<u8>)> {
    let mut values = Vec::new();
    for (address, account) in &state.cache.accounts {
        if let Some(info) = account.info() {
            let mut bytes = info.balance.to_be_bytes::<32>().to_vec();
            bytes.extend(info.nonce.to_be_bytes());
            bytes.extend(info.code_hash);
            values.push((place(block, Kind::Account, &address[..]), bytes));
        }
        for (slot, value) in &account.storage {
            let key = [&address[..], &slot.to_be_bytes::<32>()].concat();
            values.push((place(block, Kind::Slot, &key), value.to_be_bytes::<32>().to_vec()));
        }
    }
    for (hash, code) in &state.cache.contracts {
        values.push((place(block, Kind::Code, &hash[..]), code.original_bytes().to_vec()));
    }
    for (number, hash) in &state.cache.block_hashes {
        let key = number.to_be_bytes::<32>();
        values.push((place(block, Kind::BlockHash, &key), hash.to_vec()));
    }
    values
}

/// The size of a database.
pub(crate) fn describe(file: &Path) -> String {
    let size = file.metadata().map_or(0, |metadata| metadata.len());
    format!("{} MiB, of which {} MiB may be cached", size >> 20, CACHE_SIZE >> 20)
}

/// The state of one block in a database of which nothing is in memory.
pub(crate) struct Disk<'a> {
    table: ReadOnlyTable<[u8; 32], &'static [u8]>,
    _database: Database,
    block: u32,
    meter: &'a Meter,
}

impl<'a> Disk<'a> {
    pub(crate) fn open_cold(file: &Path, block: u32, meter: &'a Meter) -> Result<Self, DiskError> {
        let database = Builder::new().set_cache_size(CACHE_SIZE).open(file).map_err(failed)?;
        let transaction = database.begin_read().map_err(failed)?;
        let table = transaction.open_table(VALUES).map_err(failed)?;
        let handle = File::open(file).map_err(failed)?;
        handle.sync_all().map_err(failed)?;
        fadvise(&handle, 0, None, Advice::DontNeed).map_err(failed)?;
        Ok(Self { table, _database: database, block, meter })
    }

    fn read<T>(
        &self,
        kind: Kind,
        key: &[u8],
        take: impl FnOnce(&[u8]) -> T,
    ) -> Result<Option<T>, DiskError> {
        let place = place(self.block, kind, key);
        let value = self.meter.time(|| self.table.get(place)).map_err(failed)?;
        Ok(value.map(|value| take(value.value())))
    }
}

impl DatabaseRef for Disk<'_> {
    type Error = DiskError;

    fn basic_ref(&self, address: Address) -> Result<Option<AccountInfo>, DiskError> {
        self.read(Kind::Account, &address[..], |bytes| {
            AccountInfo {
                balance: U256::from_be_slice(&bytes[..32]),
                nonce: bytes[32..40].iter().fold(0, |nonce, byte| nonce << 8 | u64::from(*byte)),
                code_hash: B256::from_slice(&bytes[40..72]),
                ..AccountInfo::default()
            }
            .without_code()
        })
    }

    fn code_by_hash_ref(&self, hash: B256) -> Result<Bytecode, DiskError> {
        let code = self.read(Kind::Code, &hash[..], |bytes| {
            Bytecode::new_raw_checked(bytes.to_vec().into()).map_err(failed)
        })?;
        code.unwrap_or_else(|| Ok(Bytecode::default()))
    }

    fn storage_ref(&self, address: Address, slot: U256) -> Result<U256, DiskError> {
        let key = [&address[..], &slot.to_be_bytes::<32>()].concat();
        let value = self.read(Kind::Slot, &key, U256::from_be_slice)?;
        Ok(value.unwrap_or_default())
    }

    fn block_hash_ref(&self, number: u64) -> Result<B256, DiskError> {
        let key = U256::from(number).to_be_bytes::<32>();
        let hash = self.read(Kind::BlockHash, &key, B256::from_slice)?;
        Ok(hash.unwrap_or_default())
    }
}
