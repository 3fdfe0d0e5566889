//! What served the frames of a block.

/// How many frames ended, by what they ran in. Counted when a frame ends, so it costs
/// nothing where instructions run. Calls of precompiles and of accounts without code
/// need no frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Frames {
    /// In a slice, from beginning to end.
    pub slices: u64,
    /// In blocks, all of which were compiled before.
    pub blocks: u64,
    /// In blocks of which some had to be compiled first: what a block builder would
    /// have met for the first time. Init code always is.
    pub compiled: u64,
}

impl Frames {
    /// Counts a frame.
    pub(super) const fn count(&mut self, in_slice: bool, compiled: bool) {
        let of_its_kind = match (in_slice, compiled) {
            (true, _) => &mut self.slices,
            (false, false) => &mut self.blocks,
            (false, true) => &mut self.compiled,
        };
        *of_its_kind += 1;
    }

    /// How many frames there were.
    pub const fn total(&self) -> u64 {
        self.slices + self.blocks + self.compiled
    }
}
