//! A contract's code with the blocks that have been compiled from it so far.

mod blocks;
mod entries;

pub(crate) use entries::DISTANCE_MAX;

use crate::{
    compile::{compile, compile_chain},
    instruction::Block,
    rules::Rules,
    slice::Slices,
};
use alloy_primitives::Bytes;
use bitvec::{order::Lsb0, vec::BitVec};
use blocks::Blocks;
use entries::Opcodes;
use revm::state::Bytecode;
use revm_bytecode::opcode;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// Words of the entries' bits per rank.
const GROUP: usize = 4;

/// The bytes that chains take for each byte of code, and for any code, before there are no
/// more: an entry's block stands for its chain then.
const CHAINS_PER_CODE: usize = 16;
const CHAINS_MIN: usize = 1 << 16;

/// One contract's code under one set of rules, compiled block by block when a
/// block is first entered. Shared by all transactions, blocks and threads.
#[derive(Debug)]
pub(crate) struct Program {
    /// The bytecode.
    pub(crate) code: Bytes,
    /// The rules it is compiled under.
    pub(crate) rules: Arc<Rules>,
    /// Where a block can start: at 0, at each JUMPDEST, and behind each instruction that
    /// leaves its block and comes back. There may be more, to which nothing leads.
    entries: BitVec<u64, Lsb0>,
    /// Where any JUMPDEST is an entry, be it data or not: which bytes are opcodes.
    opcodes: Option<Mutex<Opcodes>>,
    /// How many entries lie before each [`GROUP`] of words of `entries`.
    ranks: Box<[u32]>,
    /// How many entries there are.
    count: u32,
    blocks: Blocks,
    /// Per entry, the blocks along the likeliest way on, as one; for frames that have run
    /// for long.
    chains: OnceLock<Blocks>,
    /// The slices for its most frequent paths.
    pub(crate) slices: Slices,
}

impl Program {
    /// The program of a contract's code. No block is compiled yet.
    pub(crate) fn new(code: &Bytecode, rules: Arc<Rules>) -> Self {
        let jumps = code.legacy_jump_table();
        let code = code.original_bytes();
        let entries = match jumps {
            Some(jumps) => entries::likely(&code, jumps.as_slice()),
            None => entries::exact(&code),
        };
        Self::with_entries(code, entries, rules)
    }

    /// The program of code that runs but once. Most of it is the code that it deploys, so it
    /// is walked only as far as jumps go, and until then a block can start anywhere.
    pub(crate) fn of_init_code(code: Bytes, rules: Arc<Rules>) -> Self {
        let entries = BitVec::repeat(true, code.len() + 1);
        let opcodes = Some(Mutex::new(Opcodes::default()));
        Self { opcodes, ..Self::with_entries(code, entries, rules) }
    }

    fn with_entries(code: Bytes, entries: BitVec<u64, Lsb0>, rules: Arc<Rules>) -> Self {
        let mut total = 0;
        let ranks = entries
            .as_raw_slice()
            .chunks(GROUP)
            .map(|words| {
                let before = total;
                total += words.iter().map(|word| word.count_ones()).sum::<u32>();
                before
            })
            .collect();
        Self {
            code,
            rules,
            entries,
            opcodes: None,
            ranks,
            count: total,
            blocks: Blocks::new(total),
            chains: OnceLock::new(),
            slices: Slices::default(),
        }
    }

    /// A copy that goes its own way from here on.
    pub(crate) fn fork(&self) -> Self {
        let chains = self.chains.get().map(Blocks::fork);
        Self {
            code: self.code.clone(),
            rules: self.rules.clone(),
            entries: self.entries.clone(),
            opcodes: self.opcodes.as_ref().map(|_| Mutex::default()),
            ranks: self.ranks.clone(),
            count: self.count,
            blocks: self.blocks.fork(),
            chains: chains.map_or_else(OnceLock::new, OnceLock::from),
            slices: self.slices.fork(),
        }
    }

    /// The number of the entry at a position of the code.
    pub(crate) fn entry(&self, pc: usize) -> Option<u32> {
        let (word, bit) = (pc / 64, pc % 64);
        let words = self.entries.as_raw_slice();
        let bits = *words.get(word)?;
        if bits >> bit & 1 == 0 {
            return None;
        }
        let before = &words[word - word % GROUP..word];
        let before = before.iter().map(|word| word.count_ones()).sum::<u32>();
        Some(self.ranks[word / GROUP] + before + (bits & ((1 << bit) - 1)).count_ones())
    }

    /// The number of the entry at a jump destination, if it is a valid one.
    pub(crate) fn jump_destination(&self, pc: usize) -> Option<u32> {
        let is_opcode = |opcodes: &Mutex<Opcodes>| {
            opcodes.lock().unwrap_or_else(PoisonError::into_inner).contains(&self.code, pc)
        };
        let is_there = self.code.get(pc) == Some(&opcode::JUMPDEST);
        if is_there && self.opcodes.as_ref().is_none_or(is_opcode) { self.entry(pc) } else { None }
    }

    /// The block of an entry, compiled now if this is its first use.
    #[inline]
    pub(crate) fn block(&self, entry: u32) -> &Block {
        self.blocks.get(entry, || compile(self, self.position(entry)))
    }

    /// The chain of an entry, compiled now if this is its first use.
    pub(crate) fn chain(&self, entry: u32) -> &Block {
        let chains = self.chains.get_or_init(|| Blocks::new(self.count));
        chains.get(entry, || {
            let pc = self.position(entry);
            if chains.compiled_size() < CHAINS_MIN.max(CHAINS_PER_CODE * self.code.len()) {
                compile_chain(self, pc)
            } else {
                compile(self, pc)
            }
        })
    }

    /// The entries that a path can lead to, from the first on.
    pub(crate) fn reachable(&self) -> impl Iterator<Item = u32> {
        let exact = entries::exact(&self.code);
        let mut entry = 0..;
        let all = self.entries.iter_ones().map(move |pc| (pc, entry.next()));
        all.filter_map(move |(pc, entry)| if exact[pc] { entry } else { None })
    }

    /// The entries whose blocks are compiled.
    pub(crate) fn compiled(&self) -> impl Iterator<Item = u32> {
        self.blocks.compiled()
    }

    /// The position of an entry in the code.
    pub(crate) fn position(&self, entry: u32) -> usize {
        let group = self.ranks.partition_point(|&rank| rank <= entry) - 1;
        let (words, mut word) = (self.entries.as_raw_slice(), GROUP * group);
        let mut before = entry - self.ranks[group];
        while let Some(rest) = before.checked_sub(words[word].count_ones()) {
            (word, before) = (word + 1, rest);
        }
        let mut bits = words[word];
        for _ in 0..before {
            bits &= bits - 1;
        }
        word * 64 + bits.trailing_zeros() as usize
    }

    /// Size in bytes of the blocks that are compiled.
    pub(crate) fn compiled_size(&self) -> usize {
        self.blocks.compiled_size() + self.chains.get().map_or(0, Blocks::compiled_size)
    }

    /// Size in bytes of the code and everything compiled from it.
    pub(crate) fn size(&self) -> usize {
        self.code.len()
            + size_of_val(self.entries.as_raw_slice())
            + size_of_val(&*self.ranks)
            + self.blocks.size()
            + self.chains.get().map_or(0, Blocks::size)
            + self.slices.size()
    }
}

/// How many bytes of immediate data follow an opcode.
pub(crate) const fn push_size(byte: u8) -> usize {
    match byte {
        opcode::PUSH1..=opcode::PUSH32 => (byte - opcode::PUSH0) as usize,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use revm::{context::CfgEnv, primitives::hardfork::SpecId};

    fn program(code: &[u8]) -> Program {
        let rules = Arc::new(Rules::new(&CfgEnv::new_with_spec(SpecId::OSAKA)));
        Program::new(&Bytecode::new_legacy(Bytes::copy_from_slice(code)), rules)
    }

    #[test]
    fn entries_are_ranked_in_order_and_found_again() {
        let mut code = vec![opcode::JUMPDEST; 200];
        code[10] = opcode::PUSH2; // hides two JUMPDESTs in its data
        code[100] = opcode::JUMPI;
        let program = program(&code);
        assert_eq!(program.jump_destination(11), None);
        assert_eq!(program.jump_destination(12), None);
        assert_eq!(program.jump_destination(10), None);
        assert_eq!(program.jump_destination(usize::MAX), None);
        for pc in (0..10).chain(13..100).chain(101..200) {
            let entry = program.jump_destination(pc).unwrap();
            assert_eq!(program.position(entry), pc);
        }
    }

    #[test]
    fn long_straight_lines_are_split() {
        let program = program(&[opcode::ADDRESS; 3 * entries::DISTANCE_MAX]);
        assert_eq!(program.entries.count_ones(), 3);
        assert_eq!(program.position(1), entries::DISTANCE_MAX);
    }
}
