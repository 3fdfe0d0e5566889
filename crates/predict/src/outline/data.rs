//! Bytes of which some belong to words that are not known: memory, calldata, what a call
//! returns.

use super::word::{Kind, Symbol, Word};
use alloy_primitives::U256;
use std::{collections::BTreeMap, sync::Arc};

/// Bytes. Those that belong to symbols are zero in `bytes`.
#[derive(Clone, Debug, Default)]
pub(super) struct Data {
    bytes: Vec<u8>,
    /// By where they begin, pieces of symbols. They do not overlap.
    symbols: BTreeMap<usize, Piece>,
}

/// Consecutive bytes of a symbol.
#[derive(Clone, Debug)]
struct Piece {
    of: Arc<Symbol>,
    from: usize,
    len: usize,
}

/// A part of some bytes, as a symbol is made of it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Part {
    Bytes(Box<[u8]>),
    Symbol { of: Arc<Symbol>, from: usize, len: usize },
}

impl Data {
    pub(super) const fn new(bytes: Vec<u8>) -> Self {
        Self { bytes, symbols: BTreeMap::new() }
    }

    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// The bytes, zero where they are not known.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The bytes, if all are known.
    pub(super) fn known(&self) -> Option<&[u8]> {
        self.symbols.is_empty().then_some(&self.bytes)
    }

    /// Makes it so long, with zeros, if it is shorter.
    pub(super) fn grow(&mut self, len: usize) {
        if len > self.bytes.len() {
            self.bytes.resize(len, 0);
        }
    }

    /// The pieces of symbols in a range, cut to it, by where they begin in it.
    fn pieces(&self, at: usize, len: usize) -> impl Iterator<Item = (usize, Piece)> {
        let end = at.saturating_add(len);
        // No piece is longer than a word.
        let near = self.symbols.range(at.saturating_sub(31)..end);
        near.filter_map(move |(&start, piece)| {
            let (first, last) = (start.max(at), (start + piece.len).min(end));
            (first < last).then(|| {
                let from = piece.from + (first - start);
                (first - at, Piece { of: piece.of.clone(), from, len: last - first })
            })
        })
    }

    /// The word at a position; zeros behind the end. None if it is too large a symbol.
    pub(super) fn word(&self, at: usize) -> Option<Word> {
        let mut pieces = self.pieces(at, 32);
        match pieces.next() {
            None => {
                let mut word = [0; 32];
                if at < self.bytes.len() {
                    let present = (self.bytes.len() - at).min(32);
                    word[..present].copy_from_slice(&self.bytes[at..at + present]);
                }
                Some(Word::Known(U256::from_be_bytes(word)))
            }
            Some((0, Piece { of, from: 0, len: 32 })) => Some(Word::Symbol(of)),
            Some(_) => Word::symbol(Kind::Bytes(self.slice(at, 32).parts())),
        }
    }

    /// Some of it; zeros behind the end.
    pub(super) fn slice(&self, at: usize, len: usize) -> Self {
        let mut slice = Self::new(vec![0; len]);
        slice.copy(0, self, at, len);
        slice
    }

    /// Its parts in order.
    pub(super) fn parts(&self) -> Box<[Part]> {
        let (mut parts, mut at) = (Vec::new(), 0);
        for (&start, Piece { of, from, len }) in &self.symbols {
            if at < start {
                parts.push(Part::Bytes(self.bytes[at..start].into()));
            }
            parts.push(Part::Symbol { of: of.clone(), from: *from, len: *len });
            at = start + len;
        }
        if at < self.bytes.len() {
            parts.push(Part::Bytes(self.bytes[at..].into()));
        }
        parts.into()
    }

    /// Forgets the symbols in a range.
    fn clear(&mut self, at: usize, len: usize) {
        let end = at + len;
        let near = self.symbols.range(at.saturating_sub(31)..end);
        let touched: Vec<_> = near
            .filter(|(start, piece)| **start + piece.len > at)
            .map(|(start, _)| *start)
            .collect();
        for start in touched {
            let Some(Piece { of, from, len }) = self.symbols.remove(&start) else { continue };
            if start < at {
                self.symbols.insert(start, Piece { of: of.clone(), from, len: at - start });
            }
            if start + len > end {
                let cut = end - start;
                self.symbols.insert(end, Piece { of, from: from + cut, len: len - cut });
            }
        }
    }

    /// Writes a word, which must lie inside.
    pub(super) fn write(&mut self, at: usize, word: &Word) {
        self.clear(at, 32);
        let value = word.known().unwrap_or_default();
        self.bytes[at..at + 32].copy_from_slice(&value.to_be_bytes::<32>());
        if let Word::Symbol(of) = word {
            self.symbols.insert(at, Piece { of: of.clone(), from: 0, len: 32 });
        }
    }

    /// Writes the last byte of a word.
    pub(super) fn write_byte(&mut self, at: usize, word: &Word) {
        self.clear(at, 1);
        self.bytes[at] = word.known().unwrap_or_default().byte(0);
        if let Word::Symbol(of) = word {
            self.symbols.insert(at, Piece { of: of.clone(), from: 31, len: 1 });
        }
    }

    /// Copies from elsewhere; zeros behind its end. The target must lie inside.
    pub(super) fn copy(&mut self, to: usize, source: &Self, from: usize, len: usize) {
        self.clear(to, len);
        let present = source.len().saturating_sub(from).min(len);
        if present > 0 {
            self.bytes[to..to + present].copy_from_slice(&source.bytes[from..from + present]);
        }
        self.bytes[to + present..to + len].fill(0);
        let pieces: Vec<_> = source.pieces(from, present).collect();
        self.symbols.extend(pieces.into_iter().map(|(at, piece)| (to + at, piece)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn other(number: u32) -> Word {
        Word::atom(Kind::Other("x".into(), number))
    }

    #[test]
    fn words_are_read_as_they_were_written() {
        let mut data = Data::new(vec![0; 96]);
        let [x, y] = [1, 2].map(other);
        data.write(0, &x);
        data.write(32, &Word::Known(U256::from(7)));
        assert_eq!(data.word(0), Some(x.clone()));
        assert_eq!(data.word(32), Some(Word::Known(U256::from(7))));
        assert_eq!(data.word(64), Some(Word::ZERO));
        assert_eq!(data.word(1000), Some(Word::ZERO));
        assert!(data.known().is_none());
        // Over a part of the first.
        data.write(16, &y);
        assert_eq!(data.word(16), Some(y));
        assert!(
            matches!(data.word(0), Some(Word::Symbol(of)) if matches!(of.kind, Kind::Bytes(_)))
        );
        data.write(0, &Word::ZERO);
        data.write(32, &Word::ZERO);
        assert_eq!(data.known(), Some(&[0; 96][..]));
    }

    #[test]
    fn copies_keep_what_symbols_are() {
        let mut data = Data::new(vec![9; 64]);
        let x = other(1);
        data.write(32, &x);
        let slice = data.slice(4, 80);
        assert_eq!((slice.len(), slice.word(28)), (80, Some(x.clone())));
        assert_eq!(slice.word(60), Some(Word::ZERO));
        let mut memory = Data::new(vec![1; 64]);
        memory.copy(10, &slice, 28, 32);
        assert_eq!(memory.word(10), Some(x));
        assert_eq!(memory.parts().len(), 3);
        memory.write_byte(20, &Word::ZERO);
        assert_eq!(memory.parts().len(), 5);
    }
}
