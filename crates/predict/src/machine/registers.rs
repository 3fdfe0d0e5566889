//! The registers that a block works on.

use super::{REGISTERS_BELOW, REGISTERS_PER_FRAME};
use crate::instruction::{CONSTANTS, NUMBERS, Register, SMALL, TEMPORARIES, TEMPORARIES_MAX};
use alloy_primitives::U256;

/// The registers that a block can name: as many below the stack top at its entry as a stack
/// holds, and those above it. A power of two, so that no index needs a look at the length.
pub(crate) type Window = [U256; WINDOW];
const WINDOW: usize = TOP + TEMPORARIES as usize + TEMPORARIES_MAX;
const _: () = assert!(WINDOW.is_power_of_two() && WINDOW <= REGISTERS_PER_FRAME);

/// Where the stack top at block entry lies in a window.
pub(super) const TOP: usize = REGISTERS_BELOW;

/// Where a register lies in a window.
#[inline(always)]
pub(super) const fn place(register: Register) -> usize {
    (register as usize).wrapping_add(TOP) % WINDOW
}

/// A register of any kind.
#[inline(always)]
pub(crate) fn read<'a>(window: &'a Window, constants: &'a [U256], register: Register) -> &'a U256 {
    if register > CONSTANTS {
        return &window[place(register)];
    }
    // Chosen first and indexed once.
    let (table, index) = if register > NUMBERS {
        (constants, (CONSTANTS - register) as usize)
    } else {
        (&SMALL[..], (NUMBERS - register) as usize)
    };
    &table[index]
}
