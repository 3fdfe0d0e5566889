//! Storage slots, numbered in the order in which they are met.

use super::{AccountId, index::Index};
use alloy_primitives::{U256, map::DefaultHashBuilder};
use core::hash::{Hash, Hasher};

/// The number of a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SlotId(u32);

impl SlotId {
    /// The number as a word, to be kept in a register.
    pub(crate) const fn to_word(self) -> U256 {
        U256::from_limbs([self.0 as u64, 0, 0, 0])
    }

    /// The number in a register.
    pub(crate) const fn from_word(word: U256) -> Self {
        Self(word.as_limbs()[0] as u32)
    }
}

/// A storage slot. `start` belongs to the transaction numbered `stamp`.
///
/// What it is found by and whether it is warm stands in one line of the processor's caches, its
/// values in the next.
#[derive(Clone, Debug)]
#[repr(C, align(64))]
pub(crate) struct Slot {
    pub(crate) key: U256,
    pub(crate) account: AccountId,
    pub(crate) stamp: u32,
    /// The transaction in which the slot is warm, and on the access list.
    pub(crate) warm: u32,
    pub(crate) listed: u32,
    /// The transaction that last used its value for more than sums and comparisons.
    pub(crate) looked: u32,
    pub(crate) loaded: bool,
    /// Whether a transaction has changed it, be it for a while.
    pub(crate) changed: bool,
    /// The value now.
    pub(crate) value: U256,
    /// The value at the start of the transaction that touched the slot last.
    pub(crate) start: U256,
}

/// Two lines.
const _: () = assert!(size_of::<Slot>() == 128);

/// What a slot is found by.
struct Place(AccountId, U256);

impl Hash for Place {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let [a, b, c, d] = *self.1.as_limbs();
        state.write_u64(a ^ u64::from(self.0.number()) << 32);
        state.write_u64(b);
        state.write_u64(c);
        state.write_u64(d);
    }
}

/// All slots met so far.
#[derive(Debug, Default)]
pub(crate) struct Slots {
    index: Index<DefaultHashBuilder>,
    list: Vec<Slot>,
    /// Those that the transaction at hand touched.
    pub(crate) touched: Vec<SlotId>,
}

impl Slots {
    pub(crate) fn intern(&mut self, account: AccountId, key: U256) -> SlotId {
        let hash = self.index.hash(&Place(account, key));
        if let Some(id) = self.at(hash, account, key) {
            return id;
        }
        let number = self.list.len() as u32;
        self.list.push(Slot {
            account,
            key,
            loaded: false,
            changed: false,
            value: U256::ZERO,
            start: U256::ZERO,
            stamp: 0,
            warm: 0,
            listed: 0,
            looked: 0,
        });
        self.index.add(hash, number);
        SlotId(number)
    }

    fn at(&self, hash: u64, account: AccountId, key: U256) -> Option<SlotId> {
        let is = |number: u32| {
            let slot = &self.list[number as usize];
            slot.key == key && slot.account == account
        };
        self.index.find(hash, is).map(SlotId)
    }

    /// Prepares for a block.
    pub(super) fn begin(&mut self) {
        self.index.clear();
    }

    /// Forgets all slots; their memory is kept.
    pub(super) fn clear(&mut self) {
        self.list.clear();
        self.touched.clear();
    }

    pub(crate) fn find(&self, account: AccountId, key: U256) -> Option<SlotId> {
        self.at(self.index.hash(&Place(account, key)), account, key)
    }

    /// All of them, by number.
    pub(super) fn all(&self) -> &[Slot] {
        &self.list
    }

    pub(crate) fn get(&self, id: SlotId) -> &Slot {
        &self.list[id.0 as usize]
    }

    pub(crate) fn get_mut(&mut self, id: SlotId) -> &mut Slot {
        &mut self.list[id.0 as usize]
    }

    /// Zeroes every slot of a destroyed account.
    pub(crate) fn clear_account(&mut self, account: AccountId) {
        for slot in self.list.iter_mut().filter(|slot| slot.account == account) {
            slot.value = U256::ZERO;
            slot.loaded = true;
            slot.changed = true;
        }
    }
}
