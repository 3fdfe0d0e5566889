//! Constant folding, and the arithmetic that it shares with the machine.

use crate::instruction::Op;
use alloy_primitives::U256;
use core::cmp::Ordering;
use revm_interpreter::instructions::i256::{i256_cmp, i256_div, i256_mod};

/// The value of a computation.
pub(crate) fn fold(op: Op, [a, b, c]: [U256; 3]) -> U256 {
    match op {
        Op::Add => a.wrapping_add(b),
        Op::Mul => mul(&a, &b),
        Op::Sub => a.wrapping_sub(b),
        Op::Div => div(&a, &b),
        Op::SDiv => i256_div(a, b),
        Op::Mod => rem(a, b),
        Op::SMod => i256_mod(a, b),
        Op::AddMod => a.add_mod(b, c),
        Op::MulMod => a.mul_mod(b, c),
        Op::SignExtend => sign_extend(a, b),
        Op::Lt => truth(a < b),
        Op::Gt => truth(a > b),
        Op::SLt => truth(i256_cmp(&a, &b) == Ordering::Less),
        Op::SGt => truth(i256_cmp(&a, &b) == Ordering::Greater),
        Op::Eq => truth(a == b),
        Op::IsZero => truth(a.is_zero()),
        Op::And => a & b,
        Op::Or => a | b,
        Op::Xor => a ^ b,
        Op::Not => !a,
        Op::Byte => byte(a, b),
        Op::Shl => shl(&a, &b),
        Op::Shr => shr(&a, &b),
        Op::Sar => sar(a, b),
        Op::Clz => U256::from(a.leading_zeros()),
        _ => unreachable!("{op:?} is no computation"),
    }
}

/// A truth value as a word.
pub(crate) const fn truth(value: bool) -> U256 {
    U256::from_limbs([value as u64, 0, 0, 0])
}

/// MUL.
#[inline]
pub(crate) fn mul(a: &U256, b: &U256) -> U256 {
    match (a.as_limbs(), b.as_limbs()) {
        // Most numbers are small.
        ([a, 0, 0, 0], [b, 0, 0, 0]) => {
            let product = u128::from(*a) * u128::from(*b);
            U256::from_limbs([product as u64, (product >> 64) as u64, 0, 0])
        }
        _ => a.wrapping_mul(*b),
    }
}

/// DIV.
#[inline]
pub(crate) fn div(a: &U256, b: &U256) -> U256 {
    match (a.as_limbs(), b.as_limbs()) {
        (_, [0, 0, 0, 0]) => U256::ZERO,
        // Most numbers are small, and a selector is what a power of two leaves.
        ([a, 0, 0, 0], [b, 0, 0, 0]) => U256::from_limbs([a / b, 0, 0, 0]),
        (_, _) if b.is_power_of_two() => *a >> b.trailing_zeros(),
        _ => a.wrapping_div(*b),
    }
}

/// DIV of a product, modulo 2^256, by one of its two factors: most often the other one.
pub(crate) fn unmul(product: &U256, by: &U256, other: &U256) -> U256 {
    if !by.is_zero() && by.bit_len() + other.bit_len() <= 256 { *other } else { div(product, by) }
}

/// SHL.
#[inline]
pub(crate) fn shl(a: &U256, b: &U256) -> U256 {
    shift(a).map_or(U256::ZERO, |bits| *b << bits)
}

/// SHR.
#[inline]
pub(crate) fn shr(a: &U256, b: &U256) -> U256 {
    shift(a).map_or(U256::ZERO, |bits| *b >> bits)
}

/// What is asked for the most.
const ADDRESS_BITS: u32 = 160;

/// The bits of a word from one on, `count` of them at most.
#[inline(always)]
pub(crate) fn bits(word: &U256, first: u32, count: u32) -> U256 {
    if count > u64::BITS {
        return wide_bits(word, first, count);
    }
    let (limb, first) = (first / u64::BITS, first % u64::BITS);
    let limb = |n| word.as_limbs().get((limb + n) as usize).copied().unwrap_or_default();
    let low = limb(0) >> first | limb(1) << 1 << (63 - first);
    U256::from_limbs([low & u64::MAX.unbounded_shr(u64::BITS - count), 0, 0, 0])
}

/// The same where it may be more than a limb.
#[inline]
fn wide_bits(word: &U256, first: u32, count: u32) -> U256 {
    let shifted = if first == 0 { *word } else { *word >> first };
    let [a, b, c, d] = *shifted.as_limbs();
    if count == ADDRESS_BITS {
        return U256::from_limbs([a, b, c & u64::from(u32::MAX), 0]);
    }
    let mask = |below: u32| u64::MAX.unbounded_shr(64 - count.saturating_sub(below).min(64));
    U256::from_limbs([a, b & mask(64), c & mask(128), d & mask(192)])
}

fn rem(a: U256, b: U256) -> U256 {
    if b.is_zero() { U256::ZERO } else { a.wrapping_rem(b) }
}

/// A shift's width, unless everything is shifted out.
#[inline]
const fn shift(a: &U256) -> Option<usize> {
    match *a.as_limbs() {
        [bits, 0, 0, 0] if bits < 256 => Some(bits as usize),
        _ => None,
    }
}

fn sar(a: U256, b: U256) -> U256 {
    match shift(&a) {
        Some(bits) => b.arithmetic_shr(bits),
        None if b.bit(255) => U256::MAX,
        None => U256::ZERO,
    }
}

fn byte(a: U256, b: U256) -> U256 {
    match usize::try_from(a) {
        Ok(index) if index < 32 => U256::from(b.byte(31 - index)),
        _ => U256::ZERO,
    }
}

fn sign_extend(a: U256, b: U256) -> U256 {
    match usize::try_from(a) {
        Ok(index) if index < 31 => {
            let bit = 8 * index + 7;
            let mask = (U256::ONE << bit) - U256::ONE;
            if b.bit(bit) { b | !mask } else { b & mask }
        }
        _ => b,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_and_large_numbers_make_no_difference() {
        let numbers = [0, 1, 2, 63, 64, 65, 127, 128, 129, 192, 255, 256]
            .map(|bits| [U256::MAX.wrapping_shr(256 - bits), U256::ONE.wrapping_shl(bits)]);
        let numbers = numbers.as_flattened();
        for a in numbers {
            for b in numbers {
                assert_eq!(mul(a, b), a.wrapping_mul(*b), "{a} {b}");
                assert_eq!(div(a, b), a.checked_div(*b).unwrap_or_default(), "{a} {b}");
                let product = a.wrapping_mul(*b);
                assert_eq!(unmul(&product, a, b), div(&product, a), "{a} {b}");
            }
        }
    }

    #[test]
    fn bits_are_a_shift_and_a_mask() {
        let word = U256::from_limbs([0x0123_4567_89ab_cdef, u64::MAX, 0xf0f0, 1 << 63 | 5]);
        for first in 0..256u32 {
            for count in [0, 1, 8, 63, 64, 65, 112, 128, 159, 160, 161, 191, 192, 255, 256] {
                let mask = if count == 0 { U256::ZERO } else { U256::MAX >> (256 - count) };
                assert_eq!(bits(&word, first, count), (word >> first) & mask, "{first} {count}");
            }
        }
    }
}
