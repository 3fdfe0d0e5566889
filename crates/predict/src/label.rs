//! What a storage slot is, from the hashes that led to it.
//!
//! `mapping(slot 3)[k]` is keccak(k ‖ 3) as Solidity hashes it, or keccak(3 ‖ k) as
//! Vyper does; `array(slot 7)[2]` is keccak(7) + 2. Fixed slots of proxies are known
//! by the hashes that their standards define.

use crate::machine::Preimages;
use alloy_primitives::{U256, uint};

/// Slots below this are declared variables, not hashes.
const DECLARED_MAX: U256 = uint!(0x1_0000_U256);

/// How far into a struct or array a slot may lie.
const OFFSET_MAX: u64 = 1 << 12;

/// How deep mappings may be nested.
const DEPTH_MAX: usize = 8;

/// Slots that standards define as a hash less one.
const STANDARD: [(U256, &str); 4] = [
    (
        uint!(0x360894a13ba1a3210667c828492db98dca3e2076cc3735a920a3ca505d382bbc_U256),
        "EIP-1967 implementation",
    ),
    (
        uint!(0xb53127684a568b3173ae13b9f8a6016e243e63b6e8ee1178d6a717850b5d6103_U256),
        "EIP-1967 admin",
    ),
    (
        uint!(0xa3f0ad74e5423aebfd80d3ef4346578335a9a72aeaee59ff6cb3582b35133d50_U256),
        "EIP-1967 beacon",
    ),
    (
        uint!(0xc5f16f0fcc639fa48a6947836d9850f504798523bf8c9a3a87d5876cf622bcf7_U256),
        "EIP-1822 implementation",
    ),
];

/// The label of a slot, if its shape is known.
pub(crate) fn label(slot: U256, preimages: &Preimages) -> Option<String> {
    describe(slot, preimages, DEPTH_MAX)
}

fn describe(slot: U256, preimages: &Preimages, depth: usize) -> Option<String> {
    if slot < DECLARED_MAX {
        return Some(format!("slot {slot}"));
    }
    if let Some((_, name)) = STANDARD.iter().find(|(standard, _)| *standard == slot) {
        return Some((*name).to_owned());
    }
    let depth = depth.checked_sub(1)?;
    let (offset, preimage) = (0..OFFSET_MAX).find_map(|offset| {
        Some((offset, preimages.get(&slot.checked_sub(U256::from(offset))?)?))
    })?;
    let words: Vec<_> = preimage.chunks_exact(32).map(U256::from_be_slice).collect();
    match (&words[..], preimage.len()) {
        ([base], 32) => {
            let base = describe(*base, preimages, depth)?;
            Some(format!("array({base})[{offset}]"))
        }
        ([first, second], 64) => {
            // Solidity hashes the key first, Vyper the slot; the one that is itself a
            // known slot is the slot, declared variables before nested ones.
            let solidity = describe(*second, preimages, depth);
            let vyper = || describe(*first, preimages, depth);
            let (base, key) = match solidity {
                Some(base) => (base, first),
                None => (vyper()?, second),
            };
            let member = if offset == 0 { String::new() } else { format!(" + {offset}") };
            Some(format!("mapping({base})[{key:#x}]{member}"))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::{B256, keccak256};

    fn hash(words: &[U256], preimages: &mut Preimages) -> U256 {
        let input: Vec<u8> = words.iter().flat_map(|word| word.to_be_bytes::<32>()).collect();
        let hash: U256 = keccak256(&input).into();
        preimages.insert(hash, input.into());
        hash
    }

    #[test]
    fn standard_slots_are_the_hashes_that_define_them() {
        let defined = |name: &str| U256::from_be_bytes(keccak256(name).0);
        assert_eq!(STANDARD[0].0, defined("eip1967.proxy.implementation") - U256::ONE);
        assert_eq!(STANDARD[1].0, defined("eip1967.proxy.admin") - U256::ONE);
        assert_eq!(STANDARD[2].0, defined("eip1967.proxy.beacon") - U256::ONE);
        assert_eq!(STANDARD[3].0, defined("PROXIABLE"));
    }

    #[test]
    fn shapes_are_told_from_the_hashes() {
        let mut preimages = Preimages::default();
        let key: U256 = B256::repeat_byte(0xaa).into();
        let word = U256::from;
        let mapping = hash(&[key, word(3)], &mut preimages);
        let nested = hash(&[word(0x1_0001), mapping], &mut preimages);
        let vyper = hash(&[word(4), key], &mut preimages);
        let array = hash(&[word(7)], &mut preimages);
        let of = |slot| label(slot, &preimages).unwrap_or_default();
        let a = format!("{key:#x}");
        assert_eq!(of(word(5)), "slot 5");
        assert_eq!(of(mapping), format!("mapping(slot 3)[{a}]"));
        assert_eq!(of(mapping + U256::ONE), format!("mapping(slot 3)[{a}] + 1"));
        assert_eq!(of(nested), format!("mapping(mapping(slot 3)[{a}])[0x10001]"));
        assert_eq!(of(vyper), format!("mapping(slot 4)[{a}]"));
        assert_eq!(of(array + word(2)), "array(slot 7)[2]");
        assert_eq!(of(key), "");
    }
}
