//! A source made of any database: threads that read, one value each at a time.
//!
//! A thread that reads sleeps most of the time, so there are many more of them than
//! cores. They are started once. A read that fails or panics leaves its request
//! unfulfilled; whoever needs the value reads it again and meets the failure there.

use super::{Desk, StateSource, read};
use alloy_primitives::{Address, B256, U256};
use rayon::{ThreadPool, ThreadPoolBuildError, ThreadPoolBuilder};
use revm::{
    DatabaseRef,
    state::{AccountInfo, Bytecode},
};
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

/// How many reads are in flight at once, unless another number is asked for: a disk
/// serves some dozens side by side, and a thread costs little while it sleeps.
pub const READERS: usize = 64;

/// Threads that read. Cheap to clone; clones share the threads, but serve one block at a
/// time.
#[derive(Clone, Debug)]
pub struct Readers {
    pool: Arc<ThreadPool>,
}

/// A database with threads that read it.
#[derive(Clone, Debug)]
pub struct ReadersOver<DB> {
    readers: Readers,
    db: DB,
}

impl Readers {
    /// Starts so many threads, one at least.
    ///
    /// # Errors
    ///
    /// If the system refuses them.
    pub fn new(threads: usize) -> Result<Self, ThreadPoolBuildError> {
        let pool = ThreadPoolBuilder::new()
            .num_threads(threads.max(1))
            .thread_name(|index| format!("foresee-reader-{index}"))
            .build()?;
        Ok(Self { pool: Arc::new(pool) })
    }

    /// A source that reads a database on these threads.
    pub fn over<DB: DatabaseRef + Sync>(&self, db: DB) -> ReadersOver<DB> {
        ReadersOver { readers: self.clone(), db }
    }
}

impl<DB: DatabaseRef + Sync> StateSource for ReadersOver<DB> {
    fn serve<R>(&self, desk: &Arc<Desk>, work: impl FnOnce() -> R) -> R {
        let pool = &self.readers.pool;
        pool.in_place_scope(|scope| {
            let _close = CloseOnDrop(desk);
            for _ in 0..pool.current_num_threads() {
                scope.spawn(|_| read_for(desk, &self.db));
            }
            work()
        })
    }
}

/// Reads what a desk is asked for until it is closed.
fn read_for<DB: DatabaseRef>(desk: &Arc<Desk>, db: &DB) {
    while let Some(request) = desk.next() {
        // Nothing of ours is left half done by a panic in the database.
        let value = catch_unwind(AssertUnwindSafe(|| read(db, request.key())));
        if let Ok(Ok(value)) = value {
            request.fulfil(value);
        }
    }
}

/// Sends the readers home, also if the work panics.
struct CloseOnDrop<'a>(&'a Desk);

impl Drop for CloseOnDrop<'_> {
    fn drop(&mut self) {
        self.0.close();
    }
}

impl<DB: DatabaseRef> DatabaseRef for ReadersOver<DB> {
    type Error = DB::Error;

    fn basic_ref(&self, address: Address) -> Result<Option<AccountInfo>, DB::Error> {
        self.db.basic_ref(address)
    }

    fn code_by_hash_ref(&self, hash: B256) -> Result<Bytecode, DB::Error> {
        self.db.code_by_hash_ref(hash)
    }

    fn storage_ref(&self, address: Address, slot: U256) -> Result<U256, DB::Error> {
        self.db.storage_ref(address, slot)
    }

    fn block_hash_ref(&self, number: u64) -> Result<B256, DB::Error> {
        self.db.block_hash_ref(number)
    }
}
