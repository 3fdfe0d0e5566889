//! The constants of a slice.
//!
//! While a frame runs in a slice, they lie right below its registers, so that an operand is
//! found by one number whatever it is. Frames use few of them, most of them small.

use crate::instruction::Register;
use alloy_primitives::{U256, map::HashMap};

/// The most constants of a slice.
pub(crate) const CONSTANTS_MAX: usize = 1024;

/// Entries from here on are one of the wide constants.
const WIDE: u16 = 1 << 15;

/// The constants of a slice, by number.
#[derive(Debug, Default)]
pub(crate) struct Constants {
    entries: Box<[u16]>,
    wide: Box<[U256]>,
}

impl Constants {
    /// How many there are.
    pub(crate) const fn len(&self) -> usize {
        self.entries.len()
    }

    /// Writes them to where a frame finds them, the first one last.
    pub(crate) fn write(&self, to: &mut [U256]) {
        for (to, &entry) in to.iter_mut().rev().zip(&self.entries) {
            *to = match entry.checked_sub(WIDE) {
                None => U256::from(entry),
                Some(wide) => self.wide[usize::from(wide)],
            };
        }
    }

    /// Size in bytes, its own apart.
    pub(crate) fn size(&self) -> usize {
        size_of_val(&*self.entries) + size_of_val(&*self.wide)
    }
}

/// Constants while a slice is emitted.
#[derive(Debug, Default)]
pub(super) struct Named {
    names: HashMap<U256, Register>,
    entries: Vec<u16>,
    wide: Vec<U256>,
}

impl Named {
    /// The register below the frame's own that holds a constant; none if there are too many.
    pub(super) fn name(&mut self, constant: U256) -> Option<Register> {
        if let Some(register) = self.names.get(&constant) {
            return Some(*register);
        }
        if self.entries.len() == CONSTANTS_MAX {
            return None;
        }
        let entry = u16::try_from(constant).ok().filter(|number| *number < WIDE);
        self.entries.push(entry.unwrap_or_else(|| {
            self.wide.push(constant);
            WIDE + (self.wide.len() - 1) as u16
        }));
        let register = -(self.entries.len() as Register);
        self.names.insert(constant, register);
        Some(register)
    }

    pub(super) fn finish(self) -> Constants {
        Constants { entries: self.entries.into(), wide: self.wide.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constants_lie_below_the_registers_by_their_names() {
        let mut named = Named::default();
        let of = |n: u64| U256::from(n);
        let numbers = [of(0), of(0x7fff), of(0x8000), U256::MAX, of(0), of(1)];
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
