//! Where the blocks of a code can start.
//!
//! To tell opcodes from the data of PUSHes, a code has to be walked from its start, opcode
//! by opcode. revm has done that for every code that it knows the jump destinations of, so
//! it need not be done again: whatever looks like an instruction that leaves its block is
//! taken for one, though it may be data. Entries behind data do no harm, since nothing leads
//! there: what goes on to the next opcode stops at JUMPDESTs only.

use super::push_size;
use bitvec::{order::Lsb0, vec::BitVec};
use core::array::from_fn;
use revm_bytecode::opcode;

/// The most opcodes between two entries. Straight-line code longer than this is
/// split, so that no block needs more registers than there are.
pub(crate) const DISTANCE_MAX: usize = 512;

/// Positions per word.
const WORD: usize = u64::BITS as usize;

/// Of each opcode: how many bytes of immediate data follow it, and whether a block can
/// start at it ([`STARTS`]) or behind it ([`RETURNS`]).
static SCAN: [u8; 256] = {
    let mut scan = [0; 256];
    let mut byte = 0;
    while byte < scan.len() {
        let starts = if byte as u8 == opcode::JUMPDEST { STARTS } else { 0 };
        let returns = if returns(byte as u8) { RETURNS } else { 0 };
        scan[byte] = push_size(byte as u8) as u8 | starts | returns;
        byte += 1;
    }
    scan
};

const STARTS: u8 = 1 << 6;
const RETURNS: u8 = 1 << 7;

/// Whether control leaves a block with this opcode and comes back behind it.
const fn returns(byte: u8) -> bool {
    // Without branches, for many bytes at once.
    (byte == opcode::JUMPI)
        | (byte == opcode::CALL)
        | (byte == opcode::CALLCODE)
        | (byte == opcode::DELEGATECALL)
        | (byte == opcode::STATICCALL)
        | (byte == opcode::CREATE)
        | (byte == opcode::CREATE2)
}

/// The positions at which a block can start, and no others.
pub(super) fn exact(code: &[u8]) -> BitVec<u64, Lsb0> {
    let mut words = vec![0; (code.len() + 1).div_ceil(WORD)];
    words[0] = 1;
    walk(code, 0, code.len(), &mut words);
    finish(words, code)
}

/// Which bytes of a code are opcodes, as far as somebody has asked.
#[derive(Debug, Default)]
pub(super) struct Opcodes {
    /// The first opcode that was not met yet.
    next: usize,
    met: BitVec<u64, Lsb0>,
}

impl Opcodes {
    /// Whether a byte of the code is an opcode, not the data of one. The code is always the
    /// same.
    pub(super) fn contains(&mut self, code: &[u8], pc: usize) -> bool {
        if self.next <= pc {
            self.met.resize(pc + 1, false);
        }
        while self.next <= pc {
            self.met.set(self.next, true);
            self.next += 1 + code.get(self.next).map_or(0, |byte| push_size(*byte));
        }
        self.met.get(pc).is_some_and(|met| *met)
    }
}

/// Marks the positions at which a block can start from an opcode on, up to one that starts
/// at or behind an end.
fn walk(code: &[u8], start: usize, end: usize, words: &mut [u64]) {
    let mut mark = |at: usize| words[at / WORD] |= 1 << (at % WORD);
    let mut distance = 0;
    let mut pc = start;
    while let Some(&byte) = code.get(pc).filter(|_| pc < end) {
        let scan = SCAN[byte as usize];
        distance += 1;
        if scan & (STARTS | RETURNS) != 0 || distance > DISTANCE_MAX {
            mark(pc + usize::from(scan & RETURNS != 0));
            distance = 0;
        }
        pc += 1 + (scan & (STARTS - 1)) as usize;
    }
}

/// The positions at which a block can start, and some others that are not JUMPDESTs, from
/// the code's valid jump destinations, a bit each. Only where these lie so far from each
/// other that a straight line may need splitting, the code is walked.
pub(super) fn likely(code: &[u8], jumps: &[u8]) -> BitVec<u64, Lsb0> {
    let len = (code.len() + 1).div_ceil(WORD);
    let mut words = Vec::with_capacity(len);
    let mut jumps = jumps.chunks(size_of::<u64>());
    let mut returned = 0;
    // Where the last jump destination is, and from where to where there are none for long.
    let (mut last, mut far) = (0, Vec::new());
    for (at, bytes) in (0..).step_by(WORD).zip(code.chunks(WORD)) {
        let jumps = jumps.next().map_or(0, |bytes| u64::from_le_bytes(padded(bytes)));
        if jumps != 0 {
            let first = at + jumps.trailing_zeros() as usize;
            if first - last > DISTANCE_MAX {
                far.push((last, first));
            }
            last = at + (WORD - 1) - jumps.leading_zeros() as usize;
        }
        let bytes = padded(bytes);
        let returns = mask(&bytes, returns);
        let data = mask(&bytes, |byte| byte == opcode::JUMPDEST) & !jumps;
        words.push((jumps | returns << 1 | returned) & !data);
        returned = returns >> (WORD - 1);
    }
    words.resize(len, returned);
    words[0] |= 1;
    if code.len() - last > DISTANCE_MAX {
        far.push((last, code.len()));
    }
    for (start, end) in far {
        walk(code, start, end, &mut words);
    }
    finish(words, code)
}

fn finish(words: Vec<u64>, code: &[u8]) -> BitVec<u64, Lsb0> {
    let mut entries = BitVec::from_vec(words);
    entries.truncate(code.len() + 1);
    entries
}

/// Bytes with zeros behind them.
fn padded<const N: usize>(bytes: &[u8]) -> [u8; N] {
    let mut padded = [0; N];
    padded[..bytes.len()].copy_from_slice(bytes);
    padded
}

/// A bit per byte.
fn mask(bytes: &[u8; WORD], is: impl Fn(u8) -> bool) -> u64 {
    let flags: [u8; WORD] = from_fn(|at| u8::from(is(bytes[at])));
    let (eights, _) = flags.as_chunks::<8>();
    let mut mask = 0;
    for (at, eight) in eights.iter().enumerate() {
        // Gathers the lowest bits of eight bytes in the highest byte.
        let bits = u64::from_le_bytes(*eight).wrapping_mul(0x0102_0408_1020_4080) >> 56;
        mask |= bits << (8 * at);
    }
    mask
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::{collection::vec, prelude::*};
    use revm::state::Bytecode;

    /// Code of the bytes that matter, and PUSHes.
    fn code() -> impl Strategy<Value = Vec<u8>> {
        let byte = prop_oneof![
            Just(opcode::JUMPDEST),
            Just(opcode::JUMPI),
            Just(opcode::STATICCALL),
            opcode::PUSH0..=opcode::PUSH32,
            any::<u8>(),
        ];
        // Lines that are too long for one block.
        let rare = prop_oneof![
            400 => Just(opcode::ADDRESS),
            1 => Just(opcode::JUMPDEST),
            1 => Just(opcode::JUMPI),
            1 => Just(opcode::PUSH32),
        ];
        prop_oneof![vec(byte, 0..400), vec(rare, 0..4 * DISTANCE_MAX)]
    }

    proptest! {
        #[test]
        fn likely_entries_are_all_and_jump_destinations_are_exact(code in code()) {
            let bytecode = Bytecode::new_legacy(code.clone().into());
            let jumps = bytecode.legacy_jump_table().unwrap();
            let exact = exact(&code);
            let likely = likely(&code, jumps.as_slice());
            prop_assert_eq!(likely.len(), exact.len());
            for pc in exact.iter_ones() {
                prop_assert!(likely[pc], "no entry at {}", pc);
            }
            for pc in likely.iter_ones() {
                let is_destination = code.get(pc) == Some(&opcode::JUMPDEST);
                prop_assert!(!is_destination || exact[pc], "no JUMPDEST at {}", pc);
            }
        }
    }

    proptest! {
        #[test]
        fn opcodes_are_those_whoever_asks_first(code in code(), asked in vec(0usize..400, 0..40)) {
            let mut expected = vec![false; code.len() + 1];
            let mut pc = 0;
            while pc < code.len() {
                expected[pc] = true;
                pc += 1 + push_size(code[pc]);
            }
            let mut opcodes = Opcodes::default();
            for pc in asked.into_iter().filter(|pc| *pc < code.len()).chain(0..code.len()) {
                prop_assert_eq!(opcodes.contains(&code, pc), expected[pc], "{}", pc);
            }
        }
    }

    #[test]
    fn straight_lines_that_may_be_long_are_walked() {
        let likely_is_exact = |code: &[u8]| {
            let bytecode = Bytecode::new_legacy(code.to_vec().into());
            let likely = likely(code, bytecode.legacy_jump_table().unwrap().as_slice());
            assert_eq!(likely, exact(code));
            likely.count_ones()
        };
        for len in DISTANCE_MAX - 1..DISTANCE_MAX + 3 {
            let mut code = vec![opcode::ADDRESS; 4 * len];
            for pc in (0..code.len()).step_by(len) {
                code[pc] = opcode::JUMPDEST;
            }
            // In front of each, but the first, and behind the last.
            let splits = if len > DISTANCE_MAX + 1 { 4 } else { 0 };
            assert_eq!(likely_is_exact(&code), 4 + splits, "{len}");
        }
        assert_eq!(likely_is_exact(&[opcode::ADDRESS; 3 * DISTANCE_MAX]), 3);
    }
}
