//! Codes that predictions had to leave alone, because compiling them would have kept a
//! block waiting. They are compiled when nobody waits.

use super::{Key, ProgramCache};
use crate::{program::Program, rules::Rules};
use alloy_primitives::map::HashSet;
use revm::state::Bytecode;
use std::{
    collections::VecDeque,
    sync::{Arc, MutexGuard, PoisonError},
};

/// The most bytes of code that wait to be compiled: what one block may leave to be done
/// after it. What is wanted beyond that is wanted again by the next that calls it.
const WANTED_MAX: usize = 1 << 20;

/// Codes to compile, in the order in which they were wanted.
#[derive(Debug, Default)]
pub(super) struct Wanted {
    codes: VecDeque<(Key, Bytecode, Arc<Rules>)>,
    keys: HashSet<Key>,
    bytes: usize,
}

impl Wanted {
    fn add(&mut self, key: Key, code: &Bytecode, rules: &Arc<Rules>) {
        let bytes = self.bytes.saturating_add(code.len());
        if bytes <= WANTED_MAX && self.keys.insert(key) {
            self.bytes = bytes;
            self.codes.push_back((key, code.clone(), rules.clone()));
        }
    }

    fn first(&self) -> Option<(Key, Bytecode, Arc<Rules>)> {
        self.codes.front().cloned()
    }

    fn remove(&mut self, key: &Key) {
        if self.keys.remove(key)
            && let Some(at) = self.codes.iter().position(|(other, ..)| other == key)
            && let Some((_, code, _)) = self.codes.remove(at)
        {
            self.bytes -= code.len();
        }
    }
}

impl ProgramCache {
    /// Notes that a code was met which may not be compiled now.
    pub(crate) fn want(&self, key: Key, code: &Bytecode, rules: &Arc<Rules>) {
        self.lock_wanted().add(key, code, rules);
    }

    /// How many codes predictions had to leave alone
    /// ([`Unknown::NotCompiled`](crate::Unknown::NotCompiled)) that are not compiled since.
    pub fn wanted(&self) -> usize {
        self.lock_wanted().codes.len()
    }

    /// Compiles the codes that predictions had to leave alone, one after the other, as long
    /// as it `goes_on`, which is asked every few microseconds; what is left then stays
    /// wanted. How many were compiled.
    ///
    /// For whoever knows of a moment in which nobody waits for a thread. Several may do it
    /// at a time, but to no avail.
    pub fn compile_wanted(&self, goes_on: impl Fn() -> bool) -> usize {
        let mut compiled = 0;
        while goes_on() {
            let Some((key, code, rules)) = self.lock_wanted().first() else { break };
            if !self.program(key.0, &code, &rules).compile_all(&goes_on) {
                break;
            }
            self.lock_wanted().remove(&key);
            compiled += 1;
        }
        compiled
    }

    /// Nothing of what is done under the lock can panic, except for want of memory.
    fn lock_wanted(&self) -> MutexGuard<'_, Wanted> {
        self.wanted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Program {
    /// Compiles all that a path can lead to, as long as it `goes_on`; whether that is all.
    fn compile_all(&self, goes_on: impl Fn() -> bool) -> bool {
        self.reachable().all(|entry| {
            let goes_on = goes_on();
            if goes_on {
                self.block(entry);
            }
            goes_on
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::keccak256;
    use core::cell::Cell;
    use revm::{bytecode::opcode as op, context::CfgEnv, primitives::hardfork::SpecId};

    fn want(cache: &ProgramCache, n: u8, len: usize) {
        let rules = Arc::new(Rules::new(&CfgEnv::new_with_spec(SpecId::OSAKA)));
        let code = [vec![op::PUSH1, n], vec![op::JUMPDEST; len - 2]].concat();
        let key = (keccak256(&code), rules.spec);
        cache.want(key, &Bytecode::new_legacy(code.into()), &rules);
    }

    #[test]
    fn what_is_wanted_is_compiled_once() {
        let cache = ProgramCache::new();
        for n in [1, 2, 1] {
            want(&cache, n, 100);
        }
        assert_eq!((cache.wanted(), cache.len()), (2, 0));
        assert_eq!((cache.compile_wanted(|| true), cache.wanted(), cache.len()), (2, 0, 2));
        let size = cache.size();
        want(&cache, 1, 100);
        assert_eq!((cache.compile_wanted(|| true), cache.size()), (1, size));
    }

    #[test]
    fn it_ends_between_two_blocks_of_a_code_and_goes_on_there() {
        let cache = ProgramCache::new();
        want(&cache, 1, 100);
        let left = Cell::new(50);
        let some = || left.replace(left.get() - 1) > 0;
        assert_eq!((cache.compile_wanted(some), cache.wanted(), cache.len()), (0, 1, 1));
        let half = cache.size();
        assert_eq!((cache.compile_wanted(|| false), cache.size()), (0, half));
        assert_eq!((cache.compile_wanted(|| true), cache.wanted()), (1, 0));
        assert!(cache.size() > half);
    }

    #[test]
    fn no_more_is_wanted_than_the_limit() {
        let cache = ProgramCache::new();
        let len = 24_576;
        (0..=u8::MAX).for_each(|n| want(&cache, n, len));
        assert_eq!(cache.wanted(), WANTED_MAX / len);
        assert_eq!(cache.compile_wanted(|| true), WANTED_MAX / len);
        want(&cache, 255, len);
        assert_eq!(cache.wanted(), 1, "there is room again");
    }
}
