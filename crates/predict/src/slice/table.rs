//! The slices of one program: which exist, what they could grow from, which have grown
//! enough.
//!
//! Readers hold a table that never changes; whoever adds paths publishes a new one.

use super::{
    Slice,
    emit::emit,
    grow::{Pace, Refusal, Route, Subject, follow},
    log::Log,
    path::Path,
    tree::Tree,
};
use crate::program::Program;
use alloy_primitives::map::HashMap;
use core::hash::{Hash, Hasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How often a key has been run in blocks before its path is logged.
const SEEN_MIN: u8 = 1;

/// Keys kept per program at most.
const KEYS_MAX: usize = 256;

/// Logs that wait per key at most.
const WAITING_MAX: usize = 4;

/// How many logs of a key may turn out not to become paths.
const REFUSALS_MAX: u8 = 4;

/// How many frames in a row may be logged in vain before only one of so many still is.
const VAIN_MAX: u8 = 4;
const LOGGED_OF: u8 = 16;

/// Paths and items of a key's tree at most.
const PATHS_MAX: usize = 24;
const ITEMS_MAX: usize = 4096;

/// The most bytes that the slices of a program take, for each byte of its code, and
/// of any code.
const SIZE_PER_CODE: usize = 16;
const SIZE_MIN: usize = 1 << 16;

/// What frames with the same slice have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct SliceKey {
    /// The first four bytes of the calldata, if there are as many.
    pub(crate) selector: Option<[u8; 4]>,
    /// The length of the calldata.
    pub(crate) len: u32,
    pub(crate) is_static: bool,
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

/// The slices of a program at one time, in the order of their keys: few, and met once in a
/// while, so that what matters is how little memory is met.
pub(crate) type SliceTable = [(SliceKey, Arc<Slice>)];

/// The slice of a key, if there is one.
pub(crate) fn slice_of<'a>(table: &'a SliceTable, key: &SliceKey) -> Option<&'a Arc<Slice>> {
    let at = table.binary_search_by(|(there, _)| there.cmp(key)).ok()?;
    table.get(at).map(|(_, slice)| slice)
}

/// How a frame without a slice runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Plan {
    /// It is logged.
    pub(crate) logs: bool,
    /// It runs in chains from the start, since there will be no slice for it.
    pub(crate) chains: bool,
}

/// The paths of a key.
pub(crate) type KeyPaths = (SliceKey, Vec<Path>);

/// What is known of a key.
#[derive(Clone, Debug, Default)]
struct Growth {
    seen: u8,
    /// No path will be added.
    sealed: bool,
    /// Whether somebody has it among the candidates for learning.
    listed: bool,
    refusals: u8,
    /// How many frames in a row were logged in vain, because they failed or did too much for
    /// a path; from the most on, which frame it is of those of which one is logged.
    vain: u8,
    /// How many steps it takes to follow the paths so far.
    steps: u32,
    paths: Vec<Path>,
    /// What may become paths; nothing has been logged since there was growth if there is
    /// none.
    waiting: Option<Box<Waiting>>,
}

/// What may become paths.
#[derive(Clone, Debug, Default)]
struct Waiting {
    logs: Vec<Log>,
    /// Steps that ran in blocks meanwhile.
    lost: u64,
}

impl Waiting {
    fn size(&self) -> usize {
        size_of::<Self>() + self.logs.iter().map(Log::size).sum::<usize>()
    }
}

/// What growing a key would cost and bring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Offer {
    /// Steps to follow.
    pub(crate) cost: usize,
    /// Steps that ran in blocks, for want of a slice.
    pub(crate) gain: u64,
}

#[derive(Clone, Debug, Default)]
struct Inner {
    table: Arc<SliceTable>,
    growth: HashMap<SliceKey, Growth>,
    /// Bytes of slices, of paths, and of logs that wait.
    slices: usize,
    paths: usize,
    waiting: usize,
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

    /// A copy that goes its own way.
    pub(crate) fn fork(&self) -> Self {
        let mut inner = self.lock().clone();
        // Whoever has candidates has those of the original.
        inner.growth.values_mut().for_each(|growth| growth.listed = false);
        Self { inner: Mutex::new(inner) }
    }

    /// The slices as they are now.
    pub(crate) fn table(&self) -> Arc<SliceTable> {
        self.lock().table.clone()
    }

    /// How a frame is to run that has no slice.
    pub(crate) fn plan(&self, key: SliceKey) -> Plan {
        let inner = &mut *self.lock();
        if inner.growth.len() >= KEYS_MAX && !inner.growth.contains_key(&key) {
            return Plan::default();
        }
        let growth = inner.growth.entry(key).or_default();
        growth.seen = growth.seen.saturating_add(1);
        let logs = growth.seen > SEEN_MIN && !growth.sealed && growth.is_worth_a_log();
        Plan { logs, chains: !logs && (growth.sealed || growth.vain >= VAIN_MAX) }
    }

    /// Takes in what a frame did in blocks. Yields whether the key became a candidate for
    /// learning by it.
    pub(crate) fn note(&self, key: SliceKey, mut log: Log) -> bool {
        let inner = &mut *self.lock();
        let Some(growth) = inner.growth.get_mut(&key).filter(|growth| !growth.sealed) else {
            return false;
        };
        if log.overflowed() {
            growth.refuse(Refusal::TooLarge);
            if growth.sealed {
                inner.waiting -= growth.waiting.take().map_or(0, |waiting| waiting.size());
            }
            return false;
        }
        growth.vain = 0;
        let waiting = growth.waiting.get_or_insert_with(|| {
            inner.waiting += size_of::<Waiting>();
            Box::default()
        });
        waiting.lost += log.steps as u64;
        if waiting.logs.len() < WAITING_MAX && !waiting.logs.contains(&log) {
            log.shrink();
            inner.waiting += log.size();
            waiting.logs.push(log);
        }
        !core::mem::replace(&mut growth.listed, true)
    }

    /// A frame failed that was logged.
    pub(crate) fn note_failure(&self, key: SliceKey) {
        if let Some(growth) = self.lock().growth.get_mut(&key) {
            growth.vain = growth.vain.max((growth.vain + 1).min(VAIN_MAX));
        }
    }

    /// Takes a key off the candidates.
    pub(crate) fn unlist(&self, key: SliceKey) {
        if let Some(growth) = self.lock().growth.get_mut(&key) {
            growth.listed = false;
        }
    }

    /// What growing a candidate would cost and bring; none if it is one no longer.
    pub(crate) fn offer(&self, key: SliceKey) -> Option<Offer> {
        let inner = &mut *self.lock();
        let growth = inner.growth.get_mut(&key)?;
        let Some(waiting) = growth.waiting.as_ref().filter(|_| !growth.sealed) else {
            growth.listed = false;
            return None;
        };
        let steps: usize = waiting.logs.iter().map(|log| log.steps).sum();
        Some(Offer { cost: growth.steps as usize + steps, gain: waiting.lost })
    }

    /// Gives up on a key that costs too much.
    pub(crate) fn seal(&self, key: SliceKey) {
        let inner = &mut *self.lock();
        if let Some(growth) = inner.growth.get_mut(&key) {
            growth.listed = false;
            growth.sealed = true;
            inner.waiting -= growth.waiting.take().map_or(0, |waiting| waiting.size());
        }
    }

    /// Makes paths of the logs that wait, if they can be. Yields how many steps had to be
    /// followed.
    pub(crate) fn grow(&self, key: SliceKey, program: &Program) -> usize {
        self.grow_while(key, program, &|| true).unwrap_or_default()
    }

    /// The same as long as it `goes_on`. Nothing if it does not: the logs wait on, and the key
    /// is still among the candidates.
    pub(crate) fn grow_while(
        &self,
        key: SliceKey,
        program: &Program,
        goes_on: &dyn Fn() -> bool,
    ) -> Option<usize> {
        let mut pace = Pace { steps: 0, goes_on };
        let inner = &mut *self.lock();
        let Some(growth) = inner.growth.get_mut(&key) else { return Some(0) };
        growth.listed = false;
        let Some(waiting) = growth.waiting.take() else { return Some(0) };
        inner.waiting -= waiting.size();
        if growth.sealed {
            return Some(0);
        }
        // The tree of a key that has settled would take more memory than all its code:
        // it is grown anew where a path comes to it, which soon ends.
        let (before, refusals) = (growth.paths.len(), growth.refusals);
        let tree = match growth.extend(key, &waiting.logs, program, &mut pace) {
            Ok(Some(tree)) => tree,
            Ok(None) => return Some(pace.steps),
            Err(Refusal::Interrupted) => {
                growth.paths.truncate(before);
                (growth.refusals, growth.sealed, growth.listed) = (refusals, false, true);
                inner.waiting += waiting.size();
                growth.waiting = Some(waiting);
                return None;
            }
            Err(_) => {
                growth.paths.truncate(before);
                growth.sealed = true;
                return Some(pace.steps);
            }
        };
        let Some(slice) = emit(&tree).filter(|slice| inner.slices + slice.size() <= most(program))
        else {
            growth.paths.truncate(before);
            growth.sealed = true;
            return Some(pace.steps);
        };
        growth.sealed |= is_full(&tree);
        inner.paths += growth.paths[before..].iter().map(Path::size).sum::<usize>();
        inner.slices += slice.size();
        if let Some(old) = slice_of(&inner.table, &key) {
            inner.slices -= old.size();
        }
        let others = inner.table.iter().filter(|(other, _)| *other != key).cloned();
        inner.table = in_order(others.chain([(key, Arc::new(slice))]).collect());
        Some(pace.steps)
    }

    /// The paths of all slices, in the order of their keys.
    pub(crate) fn paths(&self) -> Vec<KeyPaths> {
        let inner = self.lock();
        let with_paths = inner.growth.iter().filter(|(_, growth)| !growth.paths.is_empty());
        let mut keys: Vec<_> =
            with_paths.map(|(key, growth)| (*key, growth.paths.clone())).collect();
        keys.sort_unstable_by_key(|(key, _)| *key);
        keys
    }

    /// Makes slices of paths that were written down, as far as the code has them and so
    /// many steps suffice. There must be none yet.
    pub(crate) fn restore(&self, keys: Vec<KeyPaths>, program: &Program, steps_left: &mut usize) {
        let inner = &mut *self.lock();
        let mut table = Vec::new();
        for (key, mut paths) in keys {
            if inner.growth.len() >= KEYS_MAX || paths.len() > PATHS_MAX || *steps_left == 0 {
                break;
            }
            if inner.growth.contains_key(&key) {
                continue;
            }
            let mut pace = Pace::unlimited();
            let tree = regrow(key, &paths, program, &mut pace);
            *steps_left = steps_left.saturating_sub(pace.steps + 1);
            let Some((tree, slice)) = tree.ok().and_then(|tree| {
                let slice = emit(&tree)?;
                (inner.slices + slice.size() <= most(program)).then_some((tree, slice))
            }) else {
                continue;
            };
            inner.slices += slice.size();
            inner.paths += paths.iter().map(Path::size).sum::<usize>();
            paths.shrink_to_fit();
            table.push((key, Arc::new(slice)));
            let sealed = is_full(&tree);
            let steps = u32::try_from(pace.steps).unwrap_or(u32::MAX);
            let growth = Growth { seen: SEEN_MIN, sealed, steps, paths, ..Growth::default() };
            inner.growth.insert(key, growth);
        }
        inner.table = in_order(table);
    }

    /// Size in bytes of the slices and of what they grow from.
    pub(crate) fn size(&self) -> usize {
        let inner = self.lock();
        inner.slices
            + inner.paths
            + inner.waiting
            + inner.growth.capacity() * size_of::<(SliceKey, Growth)>()
            + size_of_val(&*inner.table)
    }
}

impl Growth {
    /// Adds the paths of logs. Yields the tree of all paths, if there are new ones.
    fn extend(
        &mut self,
        key: SliceKey,
        logs: &[Log],
        program: &Program,
        pace: &mut Pace<'_>,
    ) -> Result<Option<Tree>, Refusal> {
        let before = self.paths.len();
        let mut tree = regrow(key, &self.paths, program, pace)?;
        let subject = Subject { rules: &program.rules, calldata: key.len };
        self.steps = u32::try_from(pace.steps).unwrap_or(u32::MAX);
        for log in logs {
            if is_full(&tree) {
                break;
            }
            match follow(&mut tree, Route::Seen(log), program, &subject, pace) {
                Ok(Some(path)) => {
                    self.paths.reserve_exact(1);
                    self.paths.push(path);
                    self.steps = self.steps.saturating_add(log.steps as u32);
                }
                Ok(None) => {}
                Err(Refusal::Interrupted) => return Err(Refusal::Interrupted),
                Err(refusal) => {
                    self.refuse(refusal);
                    // What it has left in the tree leads nowhere.
                    tree = regrow(key, &self.paths, program, pace)?;
                }
            }
        }
        Ok((self.paths.len() > before).then_some(tree))
    }

    /// Whether the next frame is worth a log. After many in vain, few are.
    const fn is_worth_a_log(&mut self) -> bool {
        if self.vain < VAIN_MAX {
            return true;
        }
        self.vain = VAIN_MAX + (self.vain + 1 - VAIN_MAX) % LOGGED_OF;
        self.vain == VAIN_MAX
    }

    /// A log did not become a path. If it was too large, those of the next frames will be.
    fn refuse(&mut self, refusal: Refusal) {
        if refusal == Refusal::TooLarge {
            self.vain = VAIN_MAX;
        }
        self.refusals = self.refusals.saturating_add(1);
        self.sealed |= self.refusals >= REFUSALS_MAX;
    }
}

/// The table of some slices.
fn in_order(mut slices: Vec<(SliceKey, Arc<Slice>)>) -> Arc<SliceTable> {
    slices.sort_unstable_by_key(|(key, _)| *key);
    slices.into()
}

/// The most bytes that the slices of a program may take.
fn most(program: &Program) -> usize {
    SIZE_MIN.max(SIZE_PER_CODE * program.code.len())
}

/// Whether a tree takes no more paths.
const fn is_full(tree: &Tree) -> bool {
    tree.paths >= PATHS_MAX || tree.items >= ITEMS_MAX
}

/// The tree of some paths, which are followed once more; none if one cannot be.
fn regrow(
    key: SliceKey,
    paths: &[Path],
    program: &Program,
    pace: &mut Pace<'_>,
) -> Result<Tree, Refusal> {
    let subject = Subject { rules: &program.rules, calldata: key.len };
    let mut tree = Tree::new(key.selector);
    for path in paths {
        let path = follow(&mut tree, Route::Told(path), program, &subject, pace)?;
        path.ok_or(Refusal::Foreign)?;
    }
    Ok(tree)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::slice::PATH_MAX;

    #[test]
    fn of_keys_whose_frames_fail_few_frames_are_logged() {
        let slices = Slices::default();
        let key = SliceKey::new(&[0xa9, 0x05, 0x9c, 0xbb], false);
        assert_eq!(slices.plan(key), Plan::default(), "met for the first time");
        for _ in 0..VAIN_MAX {
            assert_eq!(slices.plan(key), Plan { logs: true, chains: false });
            slices.note_failure(key);
        }
        let fails = |frames: usize| {
            let plans = (0..frames).map(|_| slices.plan(key)).inspect(|plan| {
                assert_ne!(plan.logs, plan.chains);
                if plan.logs {
                    slices.note_failure(key);
                }
            });
            plans.filter(|plan| plan.logs).count()
        };
        assert_eq!(fails(10 * usize::from(LOGGED_OF)), 10);
        // As if many had been logged side by side.
        (0..1000).for_each(|_| slices.note_failure(key));
        assert_eq!(fails(10 * usize::from(LOGGED_OF)), 10);
        while !slices.plan(key).logs {}
        slices.note(key, Log::default());
        assert!(slices.plan(key).logs, "one that did not fail");
        let mut long = Log::default();
        long.enter(PATH_MAX + 1);
        slices.note(key, long);
        assert_eq!(slices.plan(key), Plan { logs: false, chains: true }, "one that runs for long");
    }
}
