//! Where predictions read state from: values at hand, and values that are not.

use alloy_primitives::{Address, B256, U256};
use foresee_access::Location;
use revm::{
    DatabaseRef,
    state::{AccountInfo, Bytecode},
};

/// A value that was asked for: at hand, or not (yet).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lookup<T> {
    /// The value.
    Ready(T),
    /// Nobody has fetched it.
    Missing,
}

/// What a suspended prediction needs in order to go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Want {
    /// An account's balance, nonce and code hash.
    Account(Address),
    /// A storage slot.
    Slot(Address, U256),
    /// The code of a hash.
    Code(B256),
    /// The hash of an earlier block.
    BlockHash(u64),
    /// The result of a precompiled contract that takes long, which the view wants to be
    /// [deferred](StateView::defers).
    Precompile(Address),
}

impl Want {
    /// The location whose value is wanted, where it is one.
    pub const fn location(&self) -> Option<Location> {
        match *self {
            Self::Account(address) => Some(Location::code(address)),
            Self::Slot(address, slot) => Some(Location::slot(address, slot)),
            Self::Code(_) | Self::BlockHash(_) | Self::Precompile(_) => None,
        }
    }
}

/// A read-only view of the state before the block, of which parts may not be at
/// hand. Every [`DatabaseRef`] is one through [`Complete`], in which nothing is
/// missing.
pub trait StateView {
    /// Why a read failed.
    type Error;

    /// An account; `None` if it does not exist.
    ///
    /// # Errors
    ///
    /// If the underlying storage fails.
    fn account(&self, address: Address) -> Result<Lookup<Option<AccountInfo>>, Self::Error>;

    /// A storage slot.
    ///
    /// # Errors
    ///
    /// If the underlying storage fails.
    fn storage(&self, address: Address, slot: U256) -> Result<Lookup<U256>, Self::Error>;

    /// The code of a hash.
    ///
    /// # Errors
    ///
    /// If the underlying storage fails.
    fn code(&self, hash: B256) -> Result<Lookup<Bytecode>, Self::Error>;

    /// The hash of an earlier block.
    ///
    /// # Errors
    ///
    /// If the underlying storage fails.
    fn block_hash(&self, number: u64) -> Result<Lookup<B256>, Self::Error>;

    /// What a slot that is missing is taken to hold, for the transaction at hand only, where
    /// predictions are made to find out keys; asked each time that one is met.
    fn guess(&self) -> Option<U256> {
        None
    }

    /// Whether a prediction that comes to a precompiled contract which takes long, and
    /// whose result is not known, is to be suspended there. Asked once each time that it
    /// comes there, the time after it was suspended included.
    fn defers(&self) -> bool {
        false
    }

    /// Whether [`expect`](Self::expect) is of any use: finding out costs some time.
    fn fetches(&self) -> bool {
        false
    }

    /// Whether it is to be counted [what instructions serve](crate::Instructions), which
    /// slows predictions.
    fn counts(&self) -> bool {
        false
    }

    /// Tells of a value that is not at hand and will probably be asked for soon.
    fn expect(&self, _want: Want) {}
}

/// A database in which every value is at hand.
#[derive(Clone, Copy, Debug)]
pub struct Complete<DB>(pub DB);

impl<DB: DatabaseRef> StateView for Complete<DB> {
    type Error = DB::Error;

    fn account(&self, address: Address) -> Result<Lookup<Option<AccountInfo>>, DB::Error> {
        self.0.basic_ref(address).map(Lookup::Ready)
    }

    fn storage(&self, address: Address, slot: U256) -> Result<Lookup<U256>, DB::Error> {
        self.0.storage_ref(address, slot).map(Lookup::Ready)
    }

    fn code(&self, hash: B256) -> Result<Lookup<Bytecode>, DB::Error> {
        self.0.code_by_hash_ref(hash).map(Lookup::Ready)
    }

    fn block_hash(&self, number: u64) -> Result<Lookup<B256>, DB::Error> {
        self.0.block_hash_ref(number).map(Lookup::Ready)
    }
}

/// Accounts and their code, but no storage: what calldata and code alone determine.
#[derive(Clone, Copy, Debug)]
pub struct WithoutStorage<DB>(pub DB);

impl<DB: DatabaseRef> StateView for WithoutStorage<DB> {
    type Error = DB::Error;

    fn account(&self, address: Address) -> Result<Lookup<Option<AccountInfo>>, DB::Error> {
        Complete(&self.0).account(address)
    }

    fn storage(&self, _: Address, _: U256) -> Result<Lookup<U256>, DB::Error> {
        Ok(Lookup::Missing)
    }

    fn code(&self, hash: B256) -> Result<Lookup<Bytecode>, DB::Error> {
        Complete(&self.0).code(hash)
    }

    fn block_hash(&self, number: u64) -> Result<Lookup<B256>, DB::Error> {
        Complete(&self.0).block_hash(number)
    }
}
