//! The constants of a slice.
//!
//! While a frame runs in a slice, they lie right below its registers, so that an operand is
//! found by one number whatever it is. Frames use few of them, most of them small.

use crate::instruction::Register;
use alloy_primitives::{U256, map::HashMap};

/// The most constants of a slice.
pub(crate) const CONSTANTS_MAX: usize = 1024;

/// The constants of a slice, as they lie one after the other.
#[derive(Debug, Default)]
pub(crate) struct Constants {
    /// The small ones, and 0 for the others.
    small: Box<[u16]>,
    /// The others, and where they are.
    wide: Box<[(u16, U256)]>,
}

impl Constants {
    /// How many there are.
    pub(crate) const fn len(&self) -> usize {
        self.small.len()
    }

    /// Writes them to where a frame finds them.
    pub(crate) fn write(&self, to: &mut [U256]) {
        for (to, &small) in to.iter_mut().zip(&self.small) {
            *to = U256::from_limbs([small.into(), 0, 0, 0]);
        }
        for &(at, wide) in &self.wide {
            to[usize::from(at)] = wide;
        }
    }

    /// Size in bytes, its own apart.
    pub(crate) fn size(&self) -> usize {
        size_of_val(&*self.small) + size_of_val(&*self.wide)
    }
}

/// Constants while a slice is emitted.
#[derive(Debug, Default)]
pub(super) struct Named {
    names: HashMap<U256, Register>,
    list: Vec<U256>,
}

impl Named {
    /// The register below the frame's own that holds a constant; none if there are too many.
    pub(super) fn name(&mut self, constant: U256) -> Option<Register> {
        if let Some(register) = self.names.get(&constant) {
            return Some(*register);
        }
        if self.list.len() == CONSTANTS_MAX {
            return None;
        }
        self.list.push(constant);
        let register = -(self.list.len() as Register);
        self.names.insert(constant, register);
        Some(register)
    }

    pub(super) fn finish(mut self) -> Constants {
        // The first lies next to the frame's registers.
        self.list.reverse();
        let small = |constant: &U256| u16::try_from(*constant);
        Constants {
            small: self.list.iter().map(|constant| small(constant).unwrap_or_default()).collect(),
            wide: (0..)
                .zip(&self.list)
                .filter(|(_, constant)| small(constant).is_err())
                .map(|(at, constant)| (at, *constant))
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constants_lie_below_the_registers_by_their_names() {
        let mut named = Named::default();
        let of = |n: u64| U256::from(n);
        let numbers = [of(0), of(0xffff), of(0x1_0000), U256::MAX, of(0), of(1)];
        let names = numbers.map(|number| named.name(number).unwrap());
        assert_eq!(names, [-1, -2, -3, -4, -1, -5]);
        let constants = named.finish();
        let mut registers = vec![of(9); constants.len() + 1];
        let bottom = constants.len();
        constants.write(&mut registers[..bottom]);
        for (name, number) in names.into_iter().zip(numbers) {
            assert_eq!(registers[bottom.wrapping_add_signed(name.into())], number);
        }
        assert_eq!(registers[bottom], of(9));
    }

    #[test]
    fn there_are_no_more_than_a_frame_has_room_for() {
        let mut named = Named::default();
        for n in 0..CONSTANTS_MAX {
            assert!(named.name(U256::MAX - U256::from(n)).is_some());
        }
        assert_eq!(named.name(U256::ZERO), None);
        assert_eq!(named.name(U256::MAX), Some(-1));
    }
}
