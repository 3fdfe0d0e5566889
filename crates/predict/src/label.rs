//! What a storage slot is, from the hashes that led to it.
//!
//! `mapping(slot 3)[k]` is keccak(k ‖ 3) as Solidity hashes it, or keccak(3 ‖ k) as
//! Vyper does; `array(slot 7)[2]` is keccak(7) + 2; `mapping(seed 0x87a211a2)[k]` is the
//! hash of an address and a seed, packed, as Solady does. Fixed slots of proxies and
//! namespaces ([ERC-7201](https://eips.ethereum.org/EIPS/eip-7201)) are known by the
//! hashes that their standards define.
//!
//! A key is named as the frame sees it that came first to the slot: `caller`, `origin`,
//! `this` (its own address), `arg0` (a word of its calldata), or a number. Labels are for
//! people; nothing is predicted from them.

mod names;
mod standard;

use crate::machine::Preimages;
use alloy_primitives::{U256, uint};
pub(crate) use names::Names;
use standard::standard;

/// Slots below this are declared variables, not hashes.
const DECLARED_MAX: U256 = uint!(0x1_0000_U256);

/// How far into a struct or array a slot may lie.
const OFFSET_MAX: u64 = 1 << 12;

/// How deep mappings may be nested.
const DEPTH_MAX: usize = 8;

/// The label of a slot, if its shape is known.
pub(crate) fn label(slot: U256, preimages: &Preimages, names: &Names) -> Option<String> {
    Some(Labeller { preimages, names }.describe(slot, DEPTH_MAX)?.text)
}

/// What a slot is.
struct Description {
    text: String,
    /// Whether it is a mapping's value, so that another key can follow.
    is_value: bool,
}

impl Description {
    /// One that is no mapping's value.
    const fn plain(text: String) -> Self {
        Self { text, is_value: false }
    }

    /// The value of a key in what this describes, or a later member of that value.
    fn at(self, key: &str, offset: u64) -> Self {
        let value = match self.is_value {
            true => format!("{}[{key}]", self.text),
            false => format!("mapping({})[{key}]", self.text),
        };
        match offset {
            0 => Self { text: value, is_value: true },
            _ => Self::plain(format!("{value} + {offset}")),
        }
    }
}

struct Labeller<'a> {
    preimages: &'a Preimages,
    names: &'a Names,
}

impl Labeller<'_> {
    fn describe(&self, slot: U256, depth: usize) -> Option<Description> {
        if slot < DECLARED_MAX {
            return Some(Description::plain(format!("slot {slot}")));
        }
        if let Some(text) = standard(slot) {
            return Some(Description::plain(text));
        }
        let depth = depth.checked_sub(1)?;
        let (offset, preimage) = (0..OFFSET_MAX).find_map(|offset| {
            Some((offset, self.preimages.get(&slot.checked_sub(U256::from(offset))?)?))
        })?;
        let words: Vec<_> = preimage.chunks_exact(32).map(U256::from_be_slice).collect();
        match (&words[..], preimage.len()) {
            ([base], 32) => {
                if let Some(described) = self.describe(*base, depth) {
                    let text = format!("array({})[{offset}]", described.text);
                    return Some(Description::plain(text));
                }
                self.seeded(preimage, offset)
            }
            ([_], 52) => self.seeded(preimage, offset),
            ([first, second], 64) => self.mapping(*first, *second, offset, depth),
            _ => None,
        }
    }

    /// Solidity hashes the key first, Vyper the slot; the one that is itself a known slot
    /// is the slot, declared variables before nested ones. Where neither is, but one is a
    /// word that the frame knows, that is the key, and the other a constant of the code.
    fn mapping(&self, first: U256, second: U256, offset: u64, depth: usize) -> Option<Description> {
        let solidity = || Some((self.describe(second, depth)?, first));
        let vyper = || Some((self.describe(first, depth)?, second));
        let named = || {
            let (base, key) = match [first, second].map(|word| self.names.name(word).is_some()) {
                [true, false] => (second, first),
                [false, true] => (first, second),
                _ => return None,
            };
            Some((Description::plain(format!("slot {base:#x}")), key))
        };
        let (base, key) = solidity().or_else(vyper).or_else(named)?;
        Some(base.at(&self.names.written(key), offset))
    }

    /// An address, twelve bytes of which the last four are a seed, and maybe another
    /// address.
    fn seeded(&self, preimage: &[u8], offset: u64) -> Option<Description> {
        let (owner, rest) = preimage.split_first_chunk::<20>()?;
        let (zeros, rest) = rest.split_first_chunk::<8>()?;
        let (seed, second) = rest.split_first_chunk::<4>()?;
        let is_seeded = zeros == &[0; 8] && seed[0] != 0 && owner[..4] != [0; 4];
        if !is_seeded {
            return None;
        }
        let key = |bytes: &[u8]| self.names.written(U256::from_be_slice(bytes));
        let base = format!("seed {:#010x}", u32::from_be_bytes(*seed));
        let value = Description::plain(base);
        Some(match second {
            [] => value.at(&key(owner), offset),
            second => value.at(&key(owner), 0).at(&key(second), offset),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::{B256, hex, keccak256};

    fn hash_bytes(input: &[u8], preimages: &mut Preimages) -> U256 {
        let hash: U256 = keccak256(input).into();
        preimages.insert(hash, input.into());
        hash
    }

    fn hash(words: &[U256], preimages: &mut Preimages) -> U256 {
        let input: Vec<u8> = words.iter().flat_map(|word| word.to_be_bytes::<32>()).collect();
        hash_bytes(&input, preimages)
    }

    #[test]
    fn shapes_are_told_from_the_hashes() {
        let mut preimages = Preimages::default();
        let key: U256 = B256::repeat_byte(0xaa).into();
        let word = U256::from;
        let mapping = hash(&[key, word(3)], &mut preimages);
        let nested = hash(&[word(0x1_0001), mapping], &mut preimages);
        let member = hash(&[word(7), mapping + word(2)], &mut preimages);
        let vyper = hash(&[word(4), key], &mut preimages);
        let array = hash(&[word(7)], &mut preimages);
        let names = Names::default();
        let of = |slot| label(slot, &preimages, &names).unwrap_or_default();
        let a = format!("{key:#x}");
        assert_eq!(of(word(5)), "slot 5");
        assert_eq!(of(mapping), format!("mapping(slot 3)[{a}]"));
        assert_eq!(of(mapping + U256::ONE), format!("mapping(slot 3)[{a}] + 1"));
        assert_eq!(of(nested), format!("mapping(slot 3)[{a}][0x10001]"));
        assert_eq!(of(member), format!("mapping(mapping(slot 3)[{a}] + 2)[7]"));
        assert_eq!(of(vyper), format!("mapping(slot 4)[{a}]"));
        assert_eq!(of(array + word(2)), "array(slot 7)[2]");
        assert_eq!(of(key), "");
    }

    #[test]
    fn keys_are_named_as_the_frame_sees_them() {
        let mut preimages = Preimages::default();
        let [caller, origin, this, owner] =
            [0xca, 0x01, 0x75, 0x0e].map(|byte| U256::from_be_slice(&[byte; 20]));
        let calldata = [&[1, 2, 3, 4][..], &owner.to_be_bytes::<32>(), &[0; 31], &[9]].concat();
        let names = Names::new(caller, origin, this, &calldata);
        let mapping = hash(&[owner, U256::from(4)], &mut preimages);
        let allowance = hash(&[caller, mapping], &mut preimages);
        let of_origin = hash(&[origin, U256::from(1)], &mut preimages);
        let of_this = hash(&[U256::from(1), this], &mut preimages);
        let base: U256 = B256::repeat_byte(0x52).into();
        let constant = hash(&[caller, base], &mut preimages);
        let of = |slot| label(slot, &preimages, &names).unwrap_or_default();
        assert_eq!(of(mapping), "mapping(slot 4)[arg0]");
        assert_eq!(of(allowance), "mapping(slot 4)[arg0][caller]");
        assert_eq!(of(of_origin), "mapping(slot 1)[origin]");
        assert_eq!(of(of_this), "mapping(slot 1)[this]");
        assert_eq!(of(constant), format!("mapping(slot {base:#x})[caller]"));
    }

    #[test]
    fn packed_seeds_are_told_from_arrays() {
        let mut preimages = Preimages::default();
        let [owner, spender] = [[0xaa; 20], [0xbb; 20]];
        let seed = hex!("000000000000000087a211a2");
        let balance = hash_bytes(&[&owner[..], &seed].concat(), &mut preimages);
        let allowance = hash_bytes(&[&owner[..], &seed, &spender].concat(), &mut preimages);
        let names = Names::new(U256::from_be_slice(&owner), U256::ZERO, U256::ZERO, &[]);
        let of = |slot| label(slot, &preimages, &names).unwrap_or_default();
        assert_eq!(of(balance), "mapping(seed 0x87a211a2)[caller]");
        let spender = format!("{:#x}", U256::from_be_slice(&spender));
        assert_eq!(of(allowance), format!("mapping(seed 0x87a211a2)[caller][{spender}]"));
    }
}
