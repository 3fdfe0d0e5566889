//! A cache as bytes, to be kept from one run to the next.
//!
//! Nothing compiled is written: for each program its code, which of its blocks were
//! compiled, and of each slice what decided its paths. Reading follows these decisions
//! through the code and compiles again. So whatever a file says, no program comes out of
//! it that does anything but what the code does: code is found by its own hash, a block
//! that is not there is not compiled, a path that the code does not have is dropped.
//! The digest tells damage; it need not tell lies.

use super::{LIMITS, ProgramCache};
use crate::{
    program::Program,
    rules::Rules,
    slice::{KeyPaths, Path, SliceKey},
};
use alloy_primitives::{B256, Bytes, keccak256, map::HashMap};
use bitvec::vec::BitVec;
use revm::{context::CfgEnv, primitives::hardfork::SpecId, state::Bytecode};
use serde::{Deserialize, Serialize};
use std::sync::{Arc, PoisonError};

/// What every file begins with.
const MAGIC: &[u8; 16] = b"foresee programs";

/// Changes with any change of the form, and of what decides a path.
const VERSION: u32 = 4;

/// Magic, version, digest.
const HEADER: usize = MAGIC.len() + 4 + 32;

/// The most steps that are followed for all slices of a file. Where they are used up,
/// slices are missing until frames are run in blocks again.
const STEPS_MAX: usize = 1 << 26;

/// The longest code that is written, in bytes; no chain deploys longer ones.
const CODE_MAX: usize = 1 << 20;

/// Why bytes are no cache.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CacheError {
    /// They are something else.
    #[error("these are no compiled programs")]
    Foreign,
    /// Another version of this crate has written them.
    #[error("the programs are of version {0}, this is version {VERSION}")]
    Version(u32),
    /// They are not what was written.
    #[error("the programs are damaged: {0}")]
    Damaged(&'static str),
}

/// A program in a file.
#[derive(Serialize, Deserialize)]
struct StoredProgram {
    /// The fork, as revm numbers them.
    fork: u8,
    code: Bytes,
    /// The entries whose blocks are compiled.
    blocks: Vec<u32>,
    slices: Vec<StoredSlice>,
}

/// A slice in a file.
#[derive(Serialize, Deserialize)]
struct StoredSlice {
    selector: Option<[u8; 4]>,
    len: u32,
    is_static: bool,
    paths: Vec<StoredPath>,
}

/// A path in a file: how many guards, their outcomes in words of 64, and constants as
/// in [`Path`].
#[derive(Serialize, Deserialize)]
struct StoredPath {
    guards: u32,
    outcomes: Vec<u64>,
    constants: Vec<u8>,
}

impl ProgramCache {
    /// All programs as bytes. Equal programs give equal bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let programs = self.programs.read().unwrap_or_else(PoisonError::into_inner);
        let mut sorted: Vec<_> = programs
            .iter()
            .map(|(key, entry)| (*key, entry.program.clone()))
            .filter(|(_, program)| program.code.len() <= CODE_MAX)
            .collect();
        drop(programs);
        sorted.sort_unstable_by_key(|(key, _)| *key);
        let stored: Vec<_> = sorted.iter().map(|(_, program)| store(program)).collect();
        let mut bytes = vec![0; HEADER];
        bytes[..16].copy_from_slice(MAGIC);
        bytes[16..20].copy_from_slice(&VERSION.to_le_bytes());
        // Growing a vector does not fail, and nothing else could.
        bytes = postcard::to_extend(&stored, bytes).unwrap_or_default();
        if let Some((header, content)) = bytes.split_at_mut_checked(HEADER) {
            header[20..].copy_from_slice(keccak256(content).as_slice());
        }
        bytes
    }

    /// Adds the programs that bytes hold, compiled again. Those that are there stay.
    ///
    /// # Errors
    ///
    /// If the bytes are not what [`Self::to_bytes`] has made; the cache is as it was.
    pub fn load(&self, bytes: &[u8]) -> Result<(), CacheError> {
        let content = content(bytes)?;
        let stored: (Vec<StoredProgram>, &[u8]) = postcard::take_from_bytes(content)
            .map_err(|_| CacheError::Damaged("not as written"))?;
        let (stored, []) = stored else { return Err(CacheError::Damaged("longer than it says")) };
        let too_long = stored.iter().any(|program| program.code.len() > CODE_MAX);
        if too_long || stored.len() > LIMITS.programs {
            return Err(CacheError::Damaged("more than a cache holds"));
        }
        let mut bytes = 0;
        let mut rules = HashMap::<SpecId, Arc<Rules>>::default();
        let mut steps = STEPS_MAX;
        let mut programs = Vec::with_capacity(stored.len());
        for stored in stored {
            let fork = SpecId::try_from_u8(stored.fork);
            let fork = fork.ok_or(CacheError::Damaged("a fork that is not known"))?;
            let rules = rules
                .entry(fork)
                .or_insert_with(|| Arc::new(Rules::new(&CfgEnv::new_with_spec(fork))));
            let hash = keccak256(&stored.code);
            let program = restore(stored, rules, &mut steps)?;
            bytes += program.size();
            if bytes > LIMITS.bytes {
                return Err(CacheError::Damaged("more than a cache holds"));
            }
            programs.push(((hash, fork), program));
        }
        for (key, program) in programs {
            self.insert(key, program);
        }
        Ok(())
    }
}

/// What stands behind the header, if that is right.
fn content(bytes: &[u8]) -> Result<&[u8], CacheError> {
    let behind_magic = bytes.strip_prefix(MAGIC).ok_or(CacheError::Foreign)?;
    let truncated = CacheError::Damaged("truncated");
    let (version, rest) = behind_magic.split_first_chunk().ok_or(truncated.clone())?;
    let version = u32::from_le_bytes(*version);
    if version != VERSION {
        return Err(CacheError::Version(version));
    }
    let (digest, content) = rest.split_first_chunk::<32>().ok_or(truncated)?;
    if keccak256(content) != B256::from(*digest) {
        return Err(CacheError::Damaged("digest differs"));
    }
    Ok(content)
}

fn store(program: &Program) -> StoredProgram {
    let path = |path: &Path| StoredPath {
        guards: path.guards.len() as u32,
        outcomes: path.guards.as_raw_slice().to_vec(),
        constants: path.constants.to_vec(),
    };
    let slices = program.slices.paths().into_iter().map(|(key, paths)| StoredSlice {
        selector: key.selector,
        len: key.len,
        is_static: key.is_static,
        paths: paths.iter().map(path).collect(),
    });
    StoredProgram {
        fork: program.rules.spec as u8,
        code: program.code.clone(),
        blocks: program.compiled().collect(),
        slices: slices.collect(),
    }
}

fn restore(
    stored: StoredProgram,
    rules: &Arc<Rules>,
    steps: &mut usize,
) -> Result<Program, CacheError> {
    let StoredProgram { code, blocks, slices, .. } = stored;
    let program = Program::new(&Bytecode::new_legacy(code), rules.clone());
    let mut reachable = program.reachable();
    for entry in blocks {
        if !reachable.any(|reachable| reachable == entry) {
            return Err(CacheError::Damaged("a block that the code does not have"));
        }
        program.block(entry);
    }
    drop(reachable);
    let mut keys: Vec<KeyPaths> = Vec::with_capacity(slices.len());
    for StoredSlice { selector, len, is_static, paths } in slices {
        let paths: Option<Vec<_>> = paths.into_iter().map(restore_path).collect();
        let paths = paths.ok_or(CacheError::Damaged("a path that cannot be"))?;
        keys.push((SliceKey { selector, len, is_static }, paths));
    }
    program.slices.restore(keys, &program, steps);
    Ok(program)
}

fn restore_path(stored: StoredPath) -> Option<Path> {
    let StoredPath { guards, outcomes, constants } = stored;
    let mut bits = BitVec::from_vec(outcomes);
    let guards = guards as usize;
    if guards > bits.len() || guards.div_ceil(64) * 64 != bits.len() {
        return None;
    }
    bits.truncate(guards);
    bits.set_uninitialized(false);
    Some(Path { guards: bits.into_boxed_bitslice(), constants: constants.into() })
}
