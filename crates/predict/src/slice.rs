//! The second tier: slices, straight-line code for the paths that frames take often
//! through a code.
//!
//! Frames of the same code whose calldata begin with the same selector and have the
//! same length mostly take one of a few paths. From the second on they log their
//! decisions while they run in blocks; the path is followed once more, and everything
//! is dropped from it that feeds no guard, key, call, stored value or return value. A
//! frame whose guards all hold does in its slice just what it would do in blocks, gas
//! included. Where one fails, the frame is undone and starts again in blocks, with its
//! callers if most of the work is lost by it, and its path joins the others.
//!
//! Following paths costs as much as many predictions. So they wait, and those that bring
//! the most come first (`learning`).

mod constants;
mod emit;
mod grow;
mod learning;
mod log;
mod memory;
mod path;
mod table;
mod tree;
mod value;

#[cfg(test)]
mod tests;

pub(crate) use constants::Constants;
pub(crate) use learning::{Allowance, Candidate, Candidates};
pub(crate) use log::{Log, PATH_MAX};
pub(crate) use path::Path;
pub(crate) use table::{KeyPaths, Plan, SliceKey, SliceTable, Slices, slice_of};

use crate::instruction::Instruction;
use alloy_primitives::U256;

/// The code of all paths of a key. It begins at position 1. Registers below 0 are
/// constants.
#[derive(Debug)]
pub(crate) struct Slice {
    pub(crate) code: Box<[Instruction]>,
    pub(crate) constants: Constants,
    /// Size of the memory that the frame needs, in bytes.
    pub(crate) memory: usize,
    /// How many registers the frame uses.
    pub(crate) registers: usize,
}

impl Slice {
    /// Where a slice begins; before it stands the way out.
    pub(crate) const START: usize = 1;

    /// The registers of a frame that runs in the slice, below them the constants; its own
    /// begin at `bottom`.
    pub(crate) fn registers_of<'a>(&self, all: &'a mut [U256], bottom: usize) -> &'a mut [U256] {
        &mut all[bottom - self.constants.len()..bottom + self.registers]
    }

    /// Size in bytes.
    pub(crate) fn size(&self) -> usize {
        size_of::<Self>() + size_of_val(&*self.code) + self.constants.size()
    }
}
