//! What is known of a frame's memory along a path.

use super::value::ValueId;
use bitvec::{order::Lsb0, vec::BitVec};

/// What a piece of memory holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Content {
    /// A word.
    Word(ValueId),
    /// A stretch of calldata from this offset on.
    CallData(u32),
}

/// A piece of memory whose content is known.
#[derive(Clone, Copy, Debug)]
struct Piece {
    at: u32,
    len: u32,
    content: Content,
}

/// What a word of memory is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Word {
    Zero,
    Value(ValueId),
    CallData(u32),
}

/// A frame's memory: the pieces that are known, and which bytes were ever written.
#[derive(Debug, Default)]
pub(super) struct Memory {
    pieces: Vec<Piece>,
    written: BitVec<u64, Lsb0>,
    /// Size in bytes.
    pub(super) size: u32,
}

impl Memory {
    /// Grows to a size in bytes.
    pub(super) fn grow(&mut self, size: u32) {
        self.size = size;
        self.written.resize(size as usize, false);
    }

    /// Forgets what was known of a range.
    pub(super) fn overwrite(&mut self, at: u32, len: u32) {
        self.pieces.retain(|piece| piece.at + piece.len <= at || at + len <= piece.at);
        self.written[at as usize..(at + len) as usize].fill(true);
    }

    pub(super) fn write_word(&mut self, at: u32, value: ValueId) {
        self.overwrite(at, 32);
        self.pieces.push(Piece { at, len: 32, content: Content::Word(value) });
    }

    pub(super) fn write_calldata(&mut self, at: u32, from: u32, len: u32) {
        self.overwrite(at, len);
        self.pieces.push(Piece { at, len, content: Content::CallData(from) });
    }

    /// What the word at an offset is, if that is known.
    pub(super) fn read_word(&self, at: u32) -> Option<Word> {
        if self.written[at as usize..at as usize + 32].not_any() {
            return Some(Word::Zero);
        }
        self.pieces.iter().find_map(|piece| match piece.content {
            Content::Word(value) if piece.at == at => Some(Word::Value(value)),
            Content::CallData(from) if piece.at <= at && at + 32 <= piece.at + piece.len => {
                Some(Word::CallData(from + (at - piece.at)))
            }
            _ => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_known_until_something_overlaps_them() {
        let mut memory = Memory::default();
        memory.grow(128);
        assert_eq!(memory.read_word(64), Some(Word::Zero));
        memory.write_word(0, ValueId(7));
        assert_eq!(memory.read_word(0), Some(Word::Value(ValueId(7))));
        assert_eq!(memory.read_word(1), None);
        memory.write_calldata(32, 4, 64);
        assert_eq!(memory.read_word(40), Some(Word::CallData(12)));
        assert_eq!(memory.read_word(16), None);
        memory.overwrite(31, 1);
        assert_eq!(memory.read_word(0), None);
        assert_eq!(memory.read_word(32), Some(Word::CallData(4)));
        assert_eq!(memory.read_word(96), Some(Word::Zero));
    }
}
