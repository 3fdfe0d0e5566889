//! Words that are known, and words of which only the origin is known.

use super::data::Part;
use crate::compile::{fold, pure};
use alloy_primitives::U256;
use revm_bytecode::opcode;
use std::sync::Arc;

/// The largest symbol, in parts. A larger one is only known to depend on something.
pub(super) const SYMBOL_MAX: u32 = 96;

/// A word of the EVM.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Word {
    Known(U256),
    Symbol(Arc<Symbol>),
}

/// What is known of a word whose value is not.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Symbol {
    pub(super) kind: Kind,
    /// Of how many parts it is made.
    size: u32,
}

/// Where a word comes from. Equal kinds are equal values: what may have changed in between
/// carries a number.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// What a slot holds.
    Storage { account: Word, slot: Word, version: u32 },
    /// What an account has.
    Balance { account: Word, version: u32 },
    /// Gas left, which lies between two bounds.
    Gas { min: u64, max: u64, number: u32 },
    /// The result of an opcode.
    Computed(u8, [Word; 3]),
    /// A hash.
    Keccak(Box<[Part]>),
    /// A word read across the borders of others.
    Bytes(Box<[Part]>),
    /// Something else, told in words.
    Other(Arc<str>, u32),
}

impl Word {
    pub(super) const ZERO: Self = Self::Known(U256::ZERO);

    /// The value, if it is known.
    pub(super) const fn known(&self) -> Option<U256> {
        match self {
            Self::Known(value) => Some(*value),
            Self::Symbol(_) => None,
        }
    }

    /// A symbol, unless it would be too large.
    pub(super) fn symbol(kind: Kind) -> Option<Self> {
        let size = kind.size();
        (size <= SYMBOL_MAX).then(|| Self::Symbol(Arc::new(Symbol { kind, size })))
    }

    /// A symbol with no parts.
    pub(super) fn atom(kind: Kind) -> Self {
        Self::Symbol(Arc::new(Symbol { kind, size: 1 }))
    }

    fn size(&self) -> u32 {
        match self {
            Self::Known(_) => 1,
            Self::Symbol(symbol) => symbol.size,
        }
    }

    /// The operation behind it, if it is a computed one.
    pub(super) fn computed(&self) -> Option<(u8, &[Self; 3])> {
        match self {
            Self::Symbol(symbol) => match &symbol.kind {
                Kind::Computed(byte, arguments) => Some((*byte, arguments)),
                _ => None,
            },
            Self::Known(_) => None,
        }
    }

    /// The sum that it is, as something and a constant.
    pub(super) fn as_sum(&self) -> Option<(&Self, U256)> {
        match self.computed()? {
            (opcode::ADD, [x, Self::Known(n), _]) | (opcode::ADD, [Self::Known(n), x, _]) => {
                Some((x, *n))
            }
            _ => None,
        }
    }

    /// Whether it is a hash, or lies a little behind one: no number that somebody chose.
    pub(super) fn is_hash(&self) -> bool {
        match self {
            Self::Symbol(symbol) => match &symbol.kind {
                Kind::Keccak(_) => true,
                _ => self
                    .as_sum()
                    .is_some_and(|(base, offset)| offset < U256::from(u32::MAX) && base.is_hash()),
            },
            Self::Known(_) => false,
        }
    }

    /// The condition behind a truth value, and whether that is its negation.
    pub(super) fn condition(&self) -> (&Self, bool) {
        match self.computed() {
            Some((opcode::ISZERO, [of, ..])) => {
                let (condition, negated) = of.condition();
                (condition, !negated)
            }
            _ => (self, false),
        }
    }
}

impl Kind {
    fn size(&self) -> u32 {
        let parts = |parts: &[Part]| {
            let size = |part: &Part| match part {
                Part::Bytes(_) => 1,
                Part::Symbol { of, .. } => of.size,
            };
            parts.iter().map(size).fold(1, u32::saturating_add)
        };
        match self {
            Self::Storage { account, slot, .. } => 1 + account.size() + slot.size(),
            Self::Balance { account, .. } => 1 + account.size(),
            Self::Computed(_, [a, b, c]) => 1 + a.size() + b.size() + c.size(),
            Self::Keccak(list) | Self::Bytes(list) => parts(list),
            Self::Gas { .. } | Self::Other(..) => 1,
        }
    }
}

/// The result of an opcode that computes from its arguments alone, with what follows
/// without their values. None if it is too large a symbol.
pub(super) fn compute(byte: u8, arguments: [Word; 3]) -> Option<Word> {
    if let [Word::Known(a), Word::Known(b), Word::Known(c)] = arguments {
        return Some(Word::Known(match (byte, pure(byte)) {
            (opcode::EXP, _) => a.pow(b),
            (_, Some((op, _))) => fold(op, [a, b, c]),
            (_, None) => return None,
        }));
    }
    if let Some(word) = simplify(byte, &arguments) {
        return Some(word);
    }
    Word::symbol(Kind::Computed(byte, arguments))
}

fn simplify(byte: u8, [a, b, _]: &[Word; 3]) -> Option<Word> {
    let zero = |word: &Word| word.known().is_some_and(|value| value.is_zero());
    let one = |word: &Word| word.known() == Some(U256::ONE);
    let ones = |word: &Word| word.known() == Some(U256::MAX);
    let truth = |value: bool| Some(Word::Known(U256::from(value)));
    match byte {
        opcode::ADD | opcode::OR | opcode::XOR if zero(a) => Some(b.clone()),
        opcode::ADD | opcode::OR | opcode::XOR | opcode::SUB if zero(b) => Some(a.clone()),
        opcode::SUB | opcode::XOR if a == b => Some(Word::ZERO),
        opcode::MUL | opcode::AND if zero(a) || zero(b) => Some(Word::ZERO),
        opcode::AND if ones(a) || a == b => Some(b.clone()),
        opcode::AND if ones(b) => Some(a.clone()),
        opcode::MUL if one(a) => Some(b.clone()),
        opcode::MUL | opcode::DIV if one(b) => Some(a.clone()),
        opcode::DIV | opcode::MOD if zero(b) || zero(a) => Some(Word::ZERO),
        opcode::SHL | opcode::SHR | opcode::SAR if zero(a) => Some(b.clone()),
        opcode::SHL | opcode::SHR if zero(b) => Some(Word::ZERO),
        opcode::EQ if a == b => truth(true),
        opcode::LT | opcode::GT | opcode::SLT | opcode::SGT if a == b => truth(false),
        opcode::LT if zero(b) => truth(false),
        opcode::GT if zero(a) => truth(false),
        // A negation of a negation of a truth value.
        opcode::ISZERO => match a.computed()? {
            (opcode::ISZERO, [of, ..]) if of.is_truth() => Some(of.clone()),
            _ => None,
        },
        // Masks are applied over and over.
        opcode::AND => {
            let (mask, word) = if a.known().is_some() { (a, b) } else { (b, a) };
            mask.known()?;
            match word.computed()? {
                (opcode::AND, [x, y, _]) if x == mask || y == mask => Some(word.clone()),
                _ => None,
            }
        }
        opcode::ADD => {
            let (constant, word) = if a.known().is_some() { (a, b) } else { (b, a) };
            let (base, offset) = word.as_sum()?;
            let sum = Word::Known(offset.wrapping_add(constant.known()?));
            compute(opcode::ADD, [base.clone(), sum, Word::ZERO])
        }
        _ => None,
    }
}

impl Word {
    fn is_truth(&self) -> bool {
        let truths = [opcode::ISZERO, opcode::EQ, opcode::LT, opcode::GT, opcode::SLT, opcode::SGT];
        self.computed().is_some_and(|(byte, _)| truths.contains(&byte))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn other(number: u32) -> Word {
        Word::atom(Kind::Other("x".into(), number))
    }

    fn two(byte: u8, a: Word, b: Word) -> Word {
        compute(byte, [a, b, Word::ZERO]).unwrap()
    }

    #[test]
    fn what_follows_without_values_is_known() {
        let n = |n: u64| Word::Known(U256::from(n));
        let x = other(1);
        assert_eq!(two(opcode::ADD, n(2), n(3)), n(5));
        assert_eq!(two(opcode::ADD, n(0), x.clone()), x);
        assert_eq!(two(opcode::SUB, x.clone(), x.clone()), n(0));
        assert_eq!(two(opcode::EQ, x.clone(), x.clone()), n(1));
        assert_eq!(two(opcode::LT, x.clone(), n(0)), n(0));
        let sum = two(opcode::ADD, two(opcode::ADD, n(2), x.clone()), n(3));
        assert_eq!(sum.as_sum(), Some((&x, U256::from(5))));
        let masked = two(opcode::AND, x.clone(), n(255));
        assert_eq!(two(opcode::AND, n(255), masked.clone()), masked);
    }

    #[test]
    fn other_symbols_stay_apart() {
        let [x, y] = [1, 2].map(other);
        assert!(two(opcode::EQ, x.clone(), y.clone()).known().is_none());
        let not = two(opcode::ISZERO, x.clone(), Word::ZERO);
        // Not a truth value: its double negation is another word.
        let twice = two(opcode::ISZERO, not.clone(), Word::ZERO);
        assert_ne!(twice, x);
        assert_eq!(two(opcode::ISZERO, twice.clone(), Word::ZERO), not);
        assert_eq!(twice.condition(), (&x, false));
        assert_eq!(not.condition(), (&x, true));
    }

    #[test]
    fn symbols_stay_small() {
        let mut word = other(1);
        while let Some(larger) = compute(opcode::MUL, [word.clone(), word.clone(), Word::ZERO]) {
            word = larger;
        }
        assert!(word.size() <= SYMBOL_MAX);
    }
}
