//! Compiled programs, shared by transactions, blocks and threads.

use crate::{machine::Machine, program::Program, rules::Rules, world::Contents};
use alloy_primitives::{B256, map::HashMap};
use revm::{primitives::hardfork::SpecId, state::Bytecode};
use std::sync::{
    Arc, Mutex, PoisonError, RwLock,
    atomic::{AtomicUsize, Ordering},
};

/// Programs kept at most. Past it the cache is emptied: the few that are in use are
/// found again at once.
const PROGRAMS_MAX: usize = 1 << 16;

/// Bytes kept at most, code and everything compiled from it.
const BYTES_MAX: usize = 1 << 30;

/// How many blocks there are from one look at the size to the next: it is a sum over
/// all programs.
const BLOCKS_PER_LOOK: usize = 32;

/// Idle buffers kept at most.
const BUFFERS_MAX: usize = 8;

/// What a predictor works with and hands on: its allocations, and the machine's memo
/// of hashes, serve the next block.
#[derive(Debug, Default)]
pub(crate) struct Buffers {
    pub(crate) machine: Machine,
    pub(crate) contents: Contents,
}

/// Programs by code hash and fork.
type Programs = HashMap<(B256, SpecId), Arc<Program>>;

/// Programs by code hash and fork. Cheap to clone; clones share one cache. A lock is
/// taken once per account and block, never while instructions run.
#[derive(Clone, Debug, Default)]
pub struct ProgramCache {
    programs: Arc<RwLock<Programs>>,
    /// Blocks since the size was looked at.
    blocks: Arc<AtomicUsize>,
    /// Buffers that nobody uses.
    idle: Arc<Mutex<Vec<Buffers>>>,
}

impl ProgramCache {
    /// An empty cache.
    pub fn new() -> Self {
        Self::default()
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
        let programs = self.programs.read().unwrap_or_else(PoisonError::into_inner);
        programs.values().map(|program| program.size()).sum()
    }

    /// Bytes of bytecode that the programs were compiled from.
    pub fn code_size(&self) -> usize {
        let programs = self.programs.read().unwrap_or_else(PoisonError::into_inner);
        programs.values().map(|program| program.code.len()).sum()
    }

    /// Empties the cache if it has grown beyond its limit. Called between blocks.
    pub(crate) fn trim(&self) {
        let blocks = self.blocks.fetch_add(1, Ordering::Relaxed);
        let full = blocks.is_multiple_of(BLOCKS_PER_LOOK) && self.size() > BYTES_MAX;
        if full || self.len() > PROGRAMS_MAX {
            self.programs.write().unwrap_or_else(PoisonError::into_inner).clear();
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

    /// The program of a code.
    pub(crate) fn program(&self, hash: B256, code: &Bytecode, rules: &Arc<Rules>) -> Arc<Program> {
        let key = (hash, rules.spec);
        let programs = self.programs.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(program) = programs.get(&key) {
            return program.clone();
        }
        drop(programs);
        let program = Arc::new(Program::new(code.original_bytes(), rules.clone()));
        let mut programs = self.programs.write().unwrap_or_else(PoisonError::into_inner);
        programs.entry(key).or_insert(program).clone()
    }
}
