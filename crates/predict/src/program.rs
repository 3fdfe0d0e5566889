//! A contract's code with the blocks that have been compiled from it so far.

use crate::{compile::compile, instruction::Block, rules::Rules, slice::Slices};
use alloy_primitives::Bytes;
use bitvec::{order::Lsb0, vec::BitVec};
use revm_bytecode::opcode;
use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicUsize, Ordering},
};

/// Entries per page.
const PAGE: u32 = 8;

/// The blocks of consecutive entries.
type Page = Box<[OnceLock<Box<Block>>; PAGE as usize]>;

/// Size of a page in bytes, its blocks apart.
const PAGE_SIZE: usize = size_of::<[OnceLock<Box<Block>>; PAGE as usize]>();

/// One contract's code under one set of rules, compiled block by block when a
/// block is first entered. Shared by all transactions, blocks and threads.
#[derive(Debug)]
pub(crate) struct Program {
    /// The bytecode.
    pub(crate) code: Bytes,
    /// The rules it is compiled under.
    pub(crate) rules: Arc<Rules>,
    /// Where a block can start: at 0, at each JUMPDEST, and behind each
    /// instruction that leaves its block and comes back.
    entries: BitVec<u64, Lsb0>,
    /// How many entries lie before each pair of words of `entries`.
    ranks: Box<[u32]>,
    /// Per entry, its block once it is compiled; in pages, because most of a code is
    /// never entered.
    pages: Box<[OnceLock<Page>]>,
    /// Size of the compiled blocks in bytes.
    size: AtomicUsize,
    /// The slices for its most frequent paths.
    pub(crate) slices: Slices,
}

impl Program {
    /// Finds the entries of a piece of code. No block is compiled yet.
    pub(crate) fn new(code: Bytes, rules: Arc<Rules>) -> Self {
        let entries = find_entries(&code);
        let mut total = 0;
        let ranks = entries
            .as_raw_slice()
            .chunks(2)
            .map(|words| {
                let before = total;
                total += words.iter().map(|word| word.count_ones()).sum::<u32>();
                before
            })
            .collect();
        let pages = (0..total.div_ceil(PAGE)).map(|_| OnceLock::new()).collect();
        Self {
            code,
            rules,
            entries,
            ranks,
            pages,
            size: AtomicUsize::new(0),
            slices: Slices::default(),
        }
    }

    /// A copy that goes its own way from here on.
    pub(crate) fn fork(&self) -> Self {
        let fork = Self {
            code: self.code.clone(),
            rules: self.rules.clone(),
            entries: self.entries.clone(),
            ranks: self.ranks.clone(),
            pages: self.pages.clone(),
            size: AtomicUsize::new(0),
            slices: self.slices.fork(),
        };
        // Somebody may compile meanwhile: what was copied counts.
        let pages = fork.pages.iter().filter_map(OnceLock::get);
        let blocks = |page: &Page| -> usize {
            page.iter().filter_map(OnceLock::get).map(|block| block.size()).sum()
        };
        let size = pages.map(|page| PAGE_SIZE + blocks(page)).sum();
        fork.size.store(size, Ordering::Relaxed);
        fork
    }

    /// The number of the entry at a position of the code.
    pub(crate) fn entry(&self, pc: usize) -> Option<u32> {
        let (word, bit) = (pc / 64, pc % 64);
        let words = self.entries.as_raw_slice();
        let bits = *words.get(word)?;
        if bits >> bit & 1 == 0 {
            return None;
        }
        let before = if word % 2 == 0 { 0 } else { words[word - 1].count_ones() };
        Some(self.ranks[word / 2] + before + (bits & ((1 << bit) - 1)).count_ones())
    }

    /// The number of the entry at a jump destination, if it is a valid one.
    pub(crate) fn jump_destination(&self, pc: usize) -> Option<u32> {
        if self.code.get(pc) != Some(&opcode::JUMPDEST) { None } else { self.entry(pc) }
    }

    /// The block of an entry, compiled now if this is its first use.
    pub(crate) fn block(&self, entry: u32) -> &Block {
        let page = self.pages[(entry / PAGE) as usize].get_or_init(|| {
            self.size.fetch_add(PAGE_SIZE, Ordering::Relaxed);
            Page::default()
        });
        page[(entry % PAGE) as usize].get_or_init(|| {
            let block = compile(self, self.position(entry));
            self.size.fetch_add(block.size(), Ordering::Relaxed);
            Box::new(block)
        })
    }

    /// How many entries there are.
    pub(crate) fn entries(&self) -> u32 {
        self.entries.count_ones() as u32
    }

    /// The entries whose blocks are compiled.
    pub(crate) fn compiled(&self) -> impl Iterator<Item = u32> {
        let pages = (0..).step_by(PAGE as usize).zip(&self.pages);
        let pages = pages.filter_map(|(first, page)| Some((first, page.get()?)));
        pages.flat_map(|(first, page)| {
            (first..).zip(&**page).filter_map(|(entry, block)| block.get().map(|_| entry))
        })
    }

    /// The position of an entry in the code.
    fn position(&self, entry: u32) -> usize {
        let pair = self.ranks.partition_point(|&rank| rank <= entry) - 1;
        let (words, mut word) = (self.entries.as_raw_slice(), 2 * pair);
        let mut before = entry - self.ranks[pair];
        if let Some(rest) = before.checked_sub(words[word].count_ones()) {
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
        self.size.load(Ordering::Relaxed)
    }

    /// Size in bytes of the code and everything compiled from it.
    pub(crate) fn size(&self) -> usize {
        self.code.len()
            + size_of_val(&*self.pages)
            + size_of_val(self.entries.as_raw_slice())
            + size_of_val(&*self.ranks)
            + self.compiled_size()
            + self.slices.size()
    }
}

/// The most opcodes between two entries. Straight-line code longer than this is
/// split, so that no block needs more registers than there are.
pub(crate) const ENTRY_DISTANCE_MAX: usize = 512;

/// Of each opcode: how many bytes of immediate data follow it, and whether a block can
/// start at it ([`STARTS`]) or behind it ([`RETURNS`]).
static SCAN: [u8; 256] = {
    let mut scan = [0; 256];
    let mut byte = 0;
    while byte < scan.len() {
        let starts = match byte as u8 {
            opcode::JUMPDEST => STARTS,
            opcode::JUMPI
            | opcode::CALL
            | opcode::CALLCODE
            | opcode::DELEGATECALL
            | opcode::STATICCALL
            | opcode::CREATE
            | opcode::CREATE2 => RETURNS,
            _ => 0,
        };
        scan[byte] = push_size(byte as u8) as u8 | starts;
        byte += 1;
    }
    scan
};

const STARTS: u8 = 1 << 6;
const RETURNS: u8 = 1 << 7;

/// Marks the positions at which a block can start.
fn find_entries(code: &[u8]) -> BitVec<u64, Lsb0> {
    let mut words = vec![0u64; (code.len() + 1).div_ceil(64)];
    let mut mark = |at: usize| words[at / 64] |= 1 << (at % 64);
    mark(0);
    let mut distance = 0;
    let mut pc = 0;
    while let Some(&byte) = code.get(pc) {
        let scan = SCAN[byte as usize];
        distance += 1;
        if scan & (STARTS | RETURNS) != 0 || distance > ENTRY_DISTANCE_MAX {
            mark(pc + usize::from(scan & RETURNS != 0));
            distance = 0;
        }
        pc += 1 + (scan & (STARTS - 1)) as usize;
    }
    let mut entries = BitVec::from_vec(words);
    entries.truncate(code.len() + 1);
    entries
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
        Program::new(Bytes::copy_from_slice(code), rules)
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
        let program = program(&[opcode::ADDRESS; 3 * ENTRY_DISTANCE_MAX]);
        assert_eq!(program.entries.count_ones(), 3);
        assert_eq!(program.position(1), ENTRY_DISTANCE_MAX);
    }
}
