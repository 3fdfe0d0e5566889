//! Storage along one path: what was written to it, over values that nobody has.
//!
//! Two keys that are not known may be the same. A write forgets whatever it may have
//! overwritten, and what is read from there later is another symbol than before.

use super::word::{Kind, Word};
use alloy_primitives::{Address, U256};
use std::collections::{BTreeMap, BTreeSet};

/// Keys from here on may be hashes; those below are declared variables.
const DECLARED_BITS: usize = 64;

/// What was written, by account and key.
#[derive(Clone, Debug, Default)]
pub(super) struct Store {
    entries: BTreeMap<(Address, Word), Word>,
    /// Accounts whose slots are zero unless written; all of them in transient storage.
    fresh: BTreeSet<Address>,
    all_fresh: bool,
    /// When a slot of which nobody knows the key was written that may be declared, that
    /// may be a hash, and when any slot was.
    wild_declared: u32,
    wild_hashed: u32,
    written: u32,
}

impl Store {
    /// Transient storage ([EIP-1153](https://eips.ethereum.org/EIPS/eip-1153)).
    pub(super) fn transient() -> Self {
        Self { all_fresh: true, ..Self::default() }
    }

    /// An account's slots are zero from now on.
    pub(super) fn create(&mut self, account: Address) {
        self.fresh.insert(account);
    }

    /// What a slot holds.
    pub(super) fn load(&self, account: Address, key: &Word) -> Option<Word> {
        if let Some(value) = self.entries.get(&(account, key.clone())) {
            return Some(value.clone());
        }
        let version = match key {
            Word::Known(key) if is_declared(*key) => self.wild_declared,
            Word::Known(_) => self.wild_hashed,
            Word::Symbol(_) => self.written,
        };
        if version == 0 && self.is_fresh(account) {
            return Some(Word::ZERO);
        }
        let account = Word::Known(account.into_word().into());
        Word::symbol(Kind::Storage { account, slot: key.clone(), version })
    }

    /// Whether a slot that was not written is zero.
    pub(super) fn is_fresh(&self, account: Address) -> bool {
        self.all_fresh || self.fresh.contains(&account)
    }

    /// Writes a slot; `now` is a number that was not used before.
    pub(super) fn store(&mut self, account: Address, key: Word, value: Word, now: u32) {
        self.written = now;
        match &key {
            Word::Known(key) => {
                let declared = is_declared(*key);
                self.forget(account, |other| match other {
                    Word::Known(_) => false,
                    other => !(declared && other.is_hash()),
                });
            }
            key => {
                let hash = key.is_hash();
                self.wild_hashed = now;
                if !hash {
                    self.wild_declared = now;
                }
                self.forget(account, |other| match other {
                    Word::Known(other) => !(hash && is_declared(*other)),
                    other => other != key,
                });
            }
        }
        self.entries.insert((account, key), value);
    }

    fn forget(&mut self, account: Address, overwritten: impl Fn(&Word) -> bool) {
        self.entries.retain(|(of, key), _| *of != account || !overwritten(key));
    }

    /// What was written and not overwritten.
    pub(super) fn entries(&self) -> impl Iterator<Item = (Address, &Word, &Word)> {
        self.entries.iter().map(|((account, key), value)| (*account, key, value))
    }
}

fn is_declared(key: U256) -> bool {
    key.bit_len() <= DECLARED_BITS
}

/// Whether a value is surely not what a slot held before the transaction.
pub(super) fn surely_changed(fresh: bool, account: Address, key: &Word, value: &Word) -> bool {
    let before = |word: &Word| is_before(account, key, word);
    match value {
        Word::Known(value) => fresh && !value.is_zero(),
        value => value.as_sum().is_some_and(|(base, added)| before(base) && !added.is_zero()),
    }
}

/// Whether a value is surely what a slot held before the transaction.
pub(super) fn surely_unchanged(fresh: bool, account: Address, key: &Word, value: &Word) -> bool {
    is_before(account, key, value) || fresh && *value == Word::ZERO
}

fn is_before(of: Address, key: &Word, value: &Word) -> bool {
    let Word::Symbol(symbol) = value else { return false };
    match &symbol.kind {
        Kind::Storage { account, slot, version: 0 } => {
            *account == Word::Known(of.into_word().into()) && slot == key
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: Address = Address::repeat_byte(1);

    fn known(value: u64) -> Word {
        Word::Known(U256::from(value))
    }

    fn hash(number: u32) -> Word {
        let other = Word::atom(Kind::Other("x".into(), number));
        let mut data = super::super::data::Data::new(vec![0; 32]);
        data.write(0, &other);
        Word::symbol(Kind::Keccak(data.parts())).unwrap()
    }

    #[test]
    fn a_slot_holds_what_was_written_last() {
        let mut store = Store::default();
        let before = store.load(A, &known(5)).unwrap();
        assert!(before.known().is_none());
        assert_eq!(store.load(A, &known(5)).unwrap(), before);
        store.store(A, known(5), known(7), 1);
        assert_eq!(store.load(A, &known(5)).unwrap(), known(7));
        assert_eq!(store.load(A, &known(6)).unwrap().known(), None);
        store.create(A);
        assert_eq!(store.load(A, &known(6)).unwrap(), known(0));
        assert_eq!(Store::transient().load(A, &known(6)).unwrap(), known(0));
    }

    #[test]
    fn a_write_forgets_what_it_may_have_overwritten() {
        let mut store = Store::default();
        let large = Word::Known(U256::MAX);
        for key in [known(5), large.clone(), hash(1)] {
            store.store(A, key, known(7), 1);
        }
        // One hash may be the other, and a large number a hash; none is declared.
        store.store(A, hash(2), known(8), 2);
        assert_eq!(store.load(A, &known(5)).unwrap(), known(7));
        assert_eq!(store.load(A, &hash(2)).unwrap(), known(8));
        assert_eq!(store.load(A, &hash(1)).unwrap().known(), None);
        assert_eq!(store.load(A, &large).unwrap().known(), None);
        // Anything may be overwritten where nobody knows anything of the key.
        store.store(A, Word::atom(Kind::Other("x".into(), 9)), known(9), 3);
        assert_eq!(store.load(A, &known(5)).unwrap().known(), None);
        store.store(A, known(5), known(1), 4);
        assert_eq!(store.load(A, &hash(2)).unwrap().known(), None);
    }

    #[test]
    fn changes_are_sure_or_not() {
        let store = Store::default();
        let key = known(5);
        let before = store.load(A, &key).unwrap();
        let sum = |n| {
            super::super::word::compute(
                revm_bytecode::opcode::ADD,
                [before.clone(), known(n), Word::ZERO],
            )
            .unwrap()
        };
        assert!(surely_changed(false, A, &key, &sum(1)));
        assert!(!surely_changed(false, A, &key, &known(1)));
        assert!(!surely_changed(false, A, &known(6), &sum(1)));
        assert!(surely_changed(true, A, &key, &known(1)));
        assert!(surely_unchanged(false, A, &key, &before));
        assert!(!surely_unchanged(false, A, &key, &known(0)));
    }
}
