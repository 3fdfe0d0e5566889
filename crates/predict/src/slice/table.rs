//! The slices of one program: which exist, which are worth making, which have grown
//! enough.
//!
//! Readers hold a table that never changes; whoever adds a path publishes a new one.

use super::{
    Slice,
    emit::emit,
    grow::{Subject, grow},
    log::Log,
    tree::Tree,
};
use crate::rules::Rules;
use alloy_primitives::map::HashMap;
use core::hash::{Hash, Hasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How often a key has been run in blocks before its path is logged.
const SEEN_MIN: u32 = 1;

/// Keys kept per program at most.
const KEYS_MAX: usize = 256;

/// Paths and items of a key's tree at most.
const PATHS_MAX: usize = 24;
const ITEMS_MAX: usize = 4096;

/// The most bytes that the slices of a program take, for each byte of its code, and
/// of any code.
const SIZE_PER_CODE: usize = 4;
const SIZE_MIN: usize = 1 << 16;

/// What frames with the same slice have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SliceKey {
    /// The first four bytes of the calldata, if there are as many.
    selector: Option<[u8; 4]>,
    /// The length of the calldata.
    len: u32,
    is_static: bool,
}

impl Hash for SliceKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let selector = u64::from(u32::from_be_bytes(self.selector.unwrap_or_default()));
        state.write_u64(selector << 32 | u64::from(self.len << 1 | u32::from(self.is_static)));
    }
}

impl SliceKey {
    /// The key of a frame.
    pub(crate) fn new(calldata: &[u8], is_static: bool) -> Self {
        Self { selector: calldata.first_chunk().copied(), len: calldata.len() as u32, is_static }
    }
}

/// The slices of a program at one time.
pub(crate) type SliceTable = HashMap<SliceKey, Arc<Slice>>;

/// What is known of a key.
#[derive(Debug, Default)]
struct Growth {
    seen: u32,
    /// The paths so far; none before the first, and none once there will be no more.
    tree: Option<Tree>,
    sealed: bool,
}

#[derive(Debug, Default)]
struct Inner {
    table: Arc<SliceTable>,
    growth: HashMap<SliceKey, Growth>,
    size: usize,
}

/// All slices of a program, and what they grow from.
#[derive(Debug, Default)]
pub(crate) struct Slices {
    inner: Mutex<Inner>,
}

impl Slices {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The slices as they are now.
    pub(crate) fn table(&self) -> Arc<SliceTable> {
        self.lock().table.clone()
    }

    /// Whether a frame that is about to run in blocks should be logged.
    pub(crate) fn wants_log(&self, key: SliceKey) -> bool {
        let inner = &mut *self.lock();
        if inner.growth.len() >= KEYS_MAX && !inner.growth.contains_key(&key) {
            return false;
        }
        let growth = inner.growth.entry(key).or_default();
        growth.seen = growth.seen.saturating_add(1);
        growth.seen > SEEN_MIN && !growth.sealed
    }

    /// Takes in a frame's path, if it can be.
    pub(crate) fn learn(&self, key: SliceKey, log: &Log, code: &[u8], rules: &Rules) {
        let inner = &mut *self.lock();
        let growth = inner.growth.entry(key).or_default();
        if growth.sealed {
            return;
        }
        let tree = growth.tree.get_or_insert_with(|| Tree::new(key.selector));
        let subject = Subject { rules, calldata: key.len };
        let grown = if log.overflowed { Ok(None) } else { grow(tree, log, &subject).map(Some) };
        let slice = match grown {
            Ok(Some(false)) => return,
            Ok(Some(true)) => emit(tree),
            Ok(None) | Err(_) => None,
        };
        growth.sealed = slice.is_none() || tree.paths >= PATHS_MAX || tree.items >= ITEMS_MAX;
        if growth.sealed {
            growth.tree = None;
        }
        let Some(slice) = slice else { return };
        if inner.size + slice.size() > SIZE_MIN.max(SIZE_PER_CODE * code.len()) {
            (growth.sealed, growth.tree) = (true, None);
            return;
        }
        let mut table = SliceTable::clone(&inner.table);
        inner.size += slice.size();
        if let Some(old) = table.insert(key, Arc::new(slice)) {
            inner.size -= old.size();
        }
        inner.table = Arc::new(table);
    }

    /// Size in bytes of the slices and of what they grow from.
    pub(crate) fn size(&self) -> usize {
        let inner = self.lock();
        let trees = inner.growth.values().filter_map(|growth| growth.tree.as_ref());
        inner.size + trees.map(Tree::size).sum::<usize>()
    }
}
