//! What a place is called whose key or account is not known, and what known slots are.
//!
//! `mapping(slot 3)[storage(0x…, slot 5)]` is the value of a key that is stored elsewhere.

use super::{
    data::Part,
    path::{Frame, Place},
    word::{Kind, Symbol, Word},
};
use crate::{
    label::{Names, label},
    machine::{Preimages, TxContext},
};
use alloy_primitives::{Address, B256, U256};
use foresee_access::Location;
use revm_bytecode::opcode;
use std::collections::BTreeMap;

/// The longest hash input that is recorded, as [`crate::machine`] does.
const RECORDED_MAX: usize = 96;

/// How far into a struct a slot may lie.
const OFFSET_MAX: u64 = 1 << 12;

/// The longest name, in bytes.
const NAME_MAX: usize = 400;

/// Names places, each as the frame sees it that comes first to it.
#[derive(Debug, Default)]
pub(super) struct Namer {
    preimages: Preimages,
    names: BTreeMap<Place, String>,
}

impl Namer {
    /// Notes what was hashed.
    pub(super) fn hashed(&mut self, hash: U256, input: &[u8]) {
        if input.len() <= RECORDED_MAX {
            self.preimages.entry(hash).or_insert_with(|| input.into());
        }
    }

    /// Names a place, unless it has a name. Yields it; empty if there is nothing to say.
    pub(super) fn name(&mut self, place: &Place, frame: &Frame, context: &TxContext) -> String {
        if let Some(name) = self.names.get(place) {
            return name.clone();
        }
        let word = |address: Address| U256::from_be_bytes(address.into_word().0);
        let (caller, this) = (word(frame.caller), word(frame.address));
        let names = Names::new(caller, context.origin, this, frame.input.bytes());
        let writer = Writer { preimages: &self.preimages, names: &names };
        let mut name = match place {
            Place::Known(location) => location
                .as_slot()
                .and_then(|slot| label(slot, &self.preimages, &names))
                .unwrap_or_default(),
            Place::Balance(account) | Place::Code(account) => writer.value(account),
            Place::Slot(_, key) => writer.slot(key),
        };
        if name.len() > NAME_MAX {
            let end = (0..=NAME_MAX).rev().find(|end| name.is_char_boundary(*end));
            name.truncate(end.unwrap_or_default());
            name.push('…');
        }
        self.names.insert(place.clone(), name.clone());
        name
    }

    /// The name of a place.
    pub(super) fn of(&self, place: &Place) -> &str {
        self.names.get(place).map_or("", |name| name)
    }

    /// The names of known slots.
    pub(super) fn labels(&self) -> impl Iterator<Item = (Location, &str)> {
        self.names.iter().filter_map(|(place, name)| match place {
            Place::Known(location) if !name.is_empty() => Some((*location, &**name)),
            _ => None,
        })
    }
}

struct Writer<'a> {
    preimages: &'a Preimages,
    names: &'a Names,
}

impl Writer<'_> {
    /// A storage key.
    fn slot(&self, key: &Word) -> String {
        match key {
            Word::Known(key) => {
                label(*key, self.preimages, self.names).unwrap_or_else(|| format!("{key:#x}"))
            }
            Word::Symbol(symbol) => self
                .hashed(symbol, U256::ZERO)
                .or_else(|| self.behind(key))
                .unwrap_or_else(|| self.value(key)),
        }
    }

    /// A key a little behind a hash, or at an index behind a known one.
    fn behind(&self, key: &Word) -> Option<String> {
        if let Some((Word::Symbol(base), offset)) = key.as_sum() {
            if offset < U256::from(OFFSET_MAX) {
                return self.hashed(base, offset);
            }
            if self.preimages.get(&offset).is_some_and(|input| input.len() == 32) {
                let array = label(offset, self.preimages, self.names)?;
                let array = array.strip_suffix("[0]")?;
                return Some(format!("{array}[{}]", self.symbol(base)));
            }
        }
        None
    }

    /// What is at a hash of which not everything is known.
    fn hashed(&self, symbol: &Symbol, offset: U256) -> Option<String> {
        let Kind::Keccak(parts) = &symbol.kind else { return None };
        let words = words(parts)?;
        let suffix = if offset.is_zero() { String::new() } else { format!(" + {offset}") };
        match &words[..] {
            [base] => Some(format!("array({})[{offset}]", self.slot(base))),
            [first, second] => {
                let (base, key) = if self.is_slot(second) {
                    (second, first)
                } else if self.is_slot(first) {
                    (first, second)
                } else {
                    return None;
                };
                let (base_name, key) = (self.slot(base), self.value(key));
                let nested = base_name.starts_with("mapping(") && base_name.ends_with(']');
                Some(match nested {
                    true => format!("{base_name}[{key}]{suffix}"),
                    false => format!("mapping({base_name})[{key}]{suffix}"),
                })
            }
            _ => None,
        }
    }

    /// Whether a word looks like a slot that a mapping is declared at.
    fn is_slot(&self, word: &Word) -> bool {
        match word {
            Word::Known(slot) => label(*slot, self.preimages, self.names).is_some(),
            word => word.is_hash(),
        }
    }

    /// A word that is no key.
    fn value(&self, word: &Word) -> String {
        match word {
            Word::Known(word) => self.names.written(*word),
            Word::Symbol(symbol) => self.symbol(symbol),
        }
    }

    fn symbol(&self, symbol: &Symbol) -> String {
        match &symbol.kind {
            Kind::Storage { account, slot, .. } => {
                format!("storage({}, {})", account_name(account), self.slot(slot))
            }
            Kind::Balance { account, .. } => format!("balance({})", account_name(account)),
            Kind::Gas { .. } => "gas".to_owned(),
            Kind::Other(what, _) => (**what).to_owned(),
            Kind::Keccak(parts) => match words(parts) {
                Some(words) => {
                    let list: Vec<_> = words.iter().map(|word| self.value(word)).collect();
                    format!("keccak({})", list.join(", "))
                }
                None => "keccak(…)".to_owned(),
            },
            Kind::Bytes(_) => "bytes of several words".to_owned(),
            Kind::Computed(byte, arguments) => self.computed(*byte, arguments),
        }
    }

    fn computed(&self, byte: u8, [a, b, c]: &[Word; 3]) -> String {
        let name = |word: &Word| self.value(word);
        let infix = |sign: &str| format!("({} {sign} {})", name(a), name(b));
        match byte {
            opcode::ADD => infix("+"),
            opcode::SUB => infix("-"),
            opcode::MUL => infix("*"),
            opcode::DIV => infix("/"),
            opcode::MOD => infix("%"),
            opcode::OR => infix("|"),
            opcode::XOR => infix("^"),
            // A mask takes an address or a small number out of a word.
            opcode::AND => match (a.known(), b.known()) {
                (Some(mask), None) if is_mask(mask) => name(b),
                (None, Some(mask)) if is_mask(mask) => name(a),
                _ => infix("&"),
            },
            opcode::SHR => format!("({} >> {})", name(b), name(a)),
            opcode::SHL => format!("({} << {})", name(b), name(a)),
            _ => {
                let info = opcode::OPCODE_INFO[usize::from(byte)];
                let (op, inputs) =
                    info.map_or(("op", 3), |info| (info.name(), usize::from(info.inputs())));
                let list: Vec<_> = [a, b, c].into_iter().take(inputs).map(name).collect();
                format!("{}({})", op.to_ascii_lowercase(), list.join(", "))
            }
        }
    }
}

/// Whether a word has ones at its lower end and nothing else, a byte at least.
fn is_mask(word: U256) -> bool {
    let ones = word.count_ones();
    ones >= 8 && word.bit_len() == ones
}

fn account_name(account: &Word) -> String {
    let address = account.known().map(|word| Address::from_word(B256::from(word)));
    address.map_or("?".to_owned(), |address| address.to_string())
}

/// The words that some bytes consist of, if they do.
fn words(parts: &[Part]) -> Option<Vec<Word>> {
    let mut words = Vec::new();
    for part in parts {
        match part {
            Part::Symbol { of, from: 0, len: 32 } => words.push(Word::Symbol(of.clone())),
            Part::Symbol { .. } => return None,
            Part::Bytes(bytes) => {
                let (chunks, rest) = bytes.as_chunks::<32>();
                if !rest.is_empty() {
                    return None;
                }
                words.extend(chunks.iter().map(|word| Word::Known(U256::from_be_bytes(*word))));
            }
        }
    }
    Some(words)
}
