//! A block, walked in order: which earlier transactions does each depend on?

use crate::{
    dag::{Additions, REASONS_MAX},
    writers::{Predecessor, Writers},
};
use foresee_access::{Touch, TxIndex};

/// What is known of the transactions so far.
#[derive(Debug)]
pub(crate) struct Walk {
    writers: Writers,
    unfollowed: Unfollowed,
    found: Vec<Predecessor>,
    /// How many reasons for edges there are so far.
    reasons: usize,
}

impl Walk {
    /// Begins with a block of at most so many writes.
    pub(crate) fn new(writes: usize, additions: Additions) -> Self {
        Self {
            writers: Writers::with_capacity(writes, additions),
            unfollowed: Unfollowed::default(),
            found: Vec::new(),
            reasons: 0,
        }
    }

    /// Takes in the next transaction, which does this with these locations, each once. Comes
    /// back with whether it has to come after all earlier ones, and with all reasons for it to
    /// come after one, by that. What of other's additions it need not wait for is passed on.
    pub(crate) fn next(
        &mut self,
        in_order: bool,
        touches: impl Iterator<Item = (u64, Touch)>,
        mut unordered: impl FnMut(u64),
    ) -> (bool, &[Predecessor]) {
        let Self { writers, unfollowed, found, reasons } = self;
        let tx = unfollowed.next();
        found.clear();
        touches.for_each(|touch| writers.touch(tx, touch, found, &mut unordered));
        let are_too_many = *reasons + found.len() > REASONS_MAX;
        if are_too_many {
            found.clear();
        }
        *reasons += found.len();
        let in_order = in_order || are_too_many;
        if in_order {
            found.extend(unfollowed.drain());
        }
        found.sort_by_key(|predecessor| predecessor.tx);
        found.iter().for_each(|predecessor| unfollowed.follow(predecessor.tx));
        unfollowed.push(tx);
        (in_order, found)
    }
}

/// The transactions that no edge leaves yet. All others reach one of these.
#[derive(Debug, Default)]
struct Unfollowed {
    candidates: Vec<TxIndex>,
    followed: Vec<bool>,
}

impl Unfollowed {
    /// The next transaction of the block.
    fn next(&self) -> TxIndex {
        TxIndex::new(self.followed.len())
    }

    /// Adds the next transaction of the block.
    fn push(&mut self, tx: TxIndex) {
        self.candidates.push(tx);
        self.followed.push(false);
    }

    /// Notes that an edge leaves a transaction.
    fn follow(&mut self, tx: TxIndex) {
        self.followed[tx.position()] = true;
    }

    /// Takes them all, for the next transaction to come after them.
    fn drain(&mut self) -> impl Iterator<Item = Predecessor> {
        let followed = &self.followed;
        let unfollowed = self.candidates.drain(..).filter(|tx| !followed[tx.position()]);
        unfollowed.map(|tx| Predecessor { tx, location: 0 })
    }
}
