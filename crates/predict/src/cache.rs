//! Compiled programs, shared by transactions, blocks and threads.
//!
//! What keeps it bounded: past its limits those programs go that were not asked for the
//! longest. Whoever runs one of them keeps it; it is compiled again when it is next met.

mod file;
mod unlearnt;
mod wanted;

pub use file::CacheError;

use crate::{
    machine::Machine,
    program::Program,
    rules::Rules,
    slice::{Allowance, Candidate},
    world::Contents,
};
use alloy_primitives::{B256, map::HashMap};
use core::cmp::Reverse;
use revm::{primitives::hardfork::SpecId, state::Bytecode};
use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
};
use wanted::Wanted;

/// The most that a cache keeps.
#[derive(Clone, Copy, Debug)]
struct Limits {
    programs: usize,
    /// Code and everything compiled from it.
    bytes: usize,
}

const LIMITS: Limits = Limits { programs: 1 << 16, bytes: 1 << 30 };

impl Limits {
    /// What is left when a limit was passed, so that it is not passed again at once.
    const fn after_eviction(self) -> Self {
        Self { programs: self.programs / 4 * 3, bytes: self.bytes / 4 * 3 }
    }
}

/// How many blocks there are from one look at the size to the next: it is a sum over
/// all programs.
const BLOCKS_PER_LOOK: u64 = 32;

/// Idle buffers kept at most.
const BUFFERS_MAX: usize = 72;

/// What a predictor works with and hands on: its allocations, and the machine's memo
/// of hashes, serve the next block.
#[derive(Debug, Default)]
pub(crate) struct Buffers {
    pub(crate) machine: Machine,
    pub(crate) contents: Contents,
}

/// What a program is found by: code hash and fork.
type Key = (B256, SpecId);

/// A program, and the block for which it was last asked.
#[derive(Debug)]
struct Entry {
    program: Arc<Program>,
    used: AtomicU64,
}

/// Programs by code hash and fork. Cheap to clone; clones share one cache. A lock is
/// taken once per account and block, never while instructions run.
#[derive(Clone, Debug, Default)]
pub struct ProgramCache {
    programs: Arc<RwLock<HashMap<Key, Entry>>>,
    /// Blocks so far.
    blocks: Arc<AtomicU64>,
    /// What may be spent on learning.
    allowance: Arc<Allowance>,
    /// Buffers that nobody uses.
    idle: Arc<Mutex<Vec<Buffers>>>,
    /// Codes that are to be compiled when nobody waits.
    wanted: Arc<Mutex<Wanted>>,
    /// Paths that are to be learnt when nobody waits, the most worthwhile first.
    unlearnt: Arc<Mutex<VecDeque<Candidate>>>,
}

impl ProgramCache {
    /// An empty cache.
    pub fn new() -> Self {
        Self::default()
    }

    /// A cache with copies of all programs, which go their own way from here on.
    pub fn fork(&self) -> Self {
        let programs = self.programs.read().unwrap_or_else(PoisonError::into_inner);
        let copy = |entry: &Entry| Entry {
            program: Arc::new(entry.program.fork()),
            used: AtomicU64::new(entry.used.load(Ordering::Relaxed)),
        };
        let programs = programs.iter().map(|(key, entry)| (*key, copy(entry))).collect();
        Self {
            programs: Arc::new(RwLock::new(programs)),
            blocks: Arc::new(AtomicU64::new(self.blocks.load(Ordering::Relaxed))),
            allowance: Arc::new(self.allowance.fork()),
            idle: self.idle.clone(),
            wanted: Arc::default(),
            unlearnt: Arc::default(),
        }
    }

    /// What may be spent on learning.
    pub(crate) fn allowance(&self) -> &Allowance {
        &self.allowance
    }

    /// The number of programs in the cache.
    pub fn len(&self) -> usize {
        self.programs.read().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Whether the cache holds no program.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes held by the programs: code and what was compiled from it.
    pub fn size(&self) -> usize {
        self.sum(Program::size)
    }

    /// Bytes of bytecode that the programs were compiled from.
    pub fn code_size(&self) -> usize {
        self.sum(|program| program.code.len())
    }

    fn sum(&self, of: impl Fn(&Program) -> usize) -> usize {
        let programs = self.programs.read().unwrap_or_else(PoisonError::into_inner);
        programs.values().map(|entry| of(&entry.program)).sum()
    }

    /// Makes room if the cache has grown beyond its limits. Called between blocks.
    pub(crate) fn trim(&self) {
        let blocks = self.blocks.fetch_add(1, Ordering::Relaxed);
        let full = blocks.is_multiple_of(BLOCKS_PER_LOOK) && self.size() > LIMITS.bytes;
        if full || self.len() > LIMITS.programs {
            self.evict(LIMITS.after_eviction());
        }
    }

    /// Keeps within limits what was asked for last.
    fn evict(&self, limits: Limits) {
        let mut programs = self.programs.write().unwrap_or_else(PoisonError::into_inner);
        let mut newest_first: Vec<_> = programs
            .iter()
            .map(|(key, entry)| (Reverse(entry.used.load(Ordering::Relaxed)), *key))
            .collect();
        newest_first.sort_unstable();
        let mut bytes = 0usize;
        for (position, (_, key)) in newest_first.into_iter().enumerate() {
            bytes += programs.get(&key).map_or(0, |entry| entry.program.size());
            if position >= limits.programs || bytes > limits.bytes {
                programs.remove(&key);
            }
        }
    }

    /// Buffers, used before or new.
    pub(crate) fn buffers(&self) -> Buffers {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default()
    }

    /// Takes buffers back.
    pub(crate) fn keep(&self, mut buffers: Buffers) {
        buffers.contents.clear();
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < BUFFERS_MAX {
            idle.push(buffers);
        }
    }

    /// The program of a code, if there is one already.
    pub(crate) fn find(&self, hash: B256, rules: &Rules) -> Option<Arc<Program>> {
        let programs = self.programs.read().unwrap_or_else(PoisonError::into_inner);
        let entry = programs.get(&(hash, rules.spec))?;
        entry.used.store(self.blocks.load(Ordering::Relaxed), Ordering::Relaxed);
        Some(entry.program.clone())
    }

    /// The program of a code.
    pub(crate) fn program(&self, hash: B256, code: &Bytecode, rules: &Arc<Rules>) -> Arc<Program> {
        self.find(hash, rules)
            .unwrap_or_else(|| self.insert((hash, rules.spec), Program::new(code, rules.clone())))
    }

    /// Adds a program, unless there is one already; yields the one that is there.
    fn insert(&self, key: Key, program: Program) -> Arc<Program> {
        let used = AtomicU64::new(self.blocks.load(Ordering::Relaxed));
        let entry = Entry { program: Arc::new(program), used };
        let mut programs = self.programs.write().unwrap_or_else(PoisonError::into_inner);
        programs.entry(key).or_insert(entry).program.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::keccak256;
    use revm::context::CfgEnv;

    /// Asks for the program of a code of that many bytes.
    fn ask(cache: &ProgramCache, len: usize) -> Arc<Program> {
        let rules = Arc::new(Rules::new(&CfgEnv::new_with_spec(SpecId::OSAKA)));
        let code = vec![0; len];
        cache.program(keccak256(&code), &Bytecode::new_legacy(code.into()), &rules)
    }

    fn lens(cache: &ProgramCache) -> Vec<usize> {
        let programs = cache.programs.read().unwrap();
        let mut lens: Vec<_> = programs.values().map(|entry| entry.program.code.len()).collect();
        lens.sort_unstable();
        lens
    }

    #[test]
    fn forks_go_their_own_way() {
        let cache = ProgramCache::new();
        let program = ask(&cache, 1);
        let fork = cache.fork();
        assert_eq!((lens(&fork), fork.size()), (vec![1], cache.size()));
        program.block(0);
        assert!(cache.size() > fork.size());
        assert_eq!(cache.fork().size(), cache.size());
        ask(&fork, 2);
        assert_eq!(lens(&cache), [1]);
    }

    #[test]
    fn those_not_asked_for_the_longest_go_first() {
        let cache = ProgramCache::new();
        for len in [1, 2, 3, 4] {
            ask(&cache, len);
            cache.trim();
        }
        let first = ask(&cache, 1);
        cache.evict(Limits { programs: 3, bytes: usize::MAX });
        assert_eq!(lens(&cache), [1, 3, 4]);
        cache.evict(Limits { programs: 3, bytes: first.size() });
        assert_eq!(lens(&cache), [1]);
        cache.evict(Limits { programs: 3, bytes: 0 });
        assert!(cache.is_empty());
        assert!(!Arc::ptr_eq(&first, &ask(&cache, 1)), "whoever has it keeps it");
    }
}
