//! Progress where the schedule is a precaution.

use foresee_access::TxIndex;

/// So many transactions that are tried against a precaution may turn out wrong, and one in
/// so many beyond that, before precautions are kept.
const WRONG_TRIES_MAX: usize = 1;
const TRIES_PER_WRONG: usize = 32;

/// Progress where the schedule is a precaution.
pub(super) struct Precaution {
    /// By transaction, whether it was begun although it was held.
    tried: Vec<bool>,
    /// Before this one none is held any more.
    held_from: usize,
    /// How many were begun, and how many of them turned out wrong.
    tries: usize,
    wrong: usize,
}

impl Precaution {
    pub(super) fn new(transactions: usize) -> Self {
        Self { tried: vec![false; transactions], held_from: 0, tries: 0, wrong: 0 }
    }

    /// Begins the first transaction that is held, from this one on, as long as that goes
    /// well.
    pub(super) fn try_held(
        &mut self,
        from: usize,
        is_held: impl Fn(usize) -> bool,
    ) -> Option<TxIndex> {
        if self.wrong > WRONG_TRIES_MAX + self.tries / TRIES_PER_WRONG {
            return None;
        }
        let mut positions = self.held_from.max(from)..self.tried.len();
        let held = positions.find(|position| is_held(*position));
        self.held_from = positions.start;
        let position = held?;
        self.tried[position] = true;
        self.tries += 1;
        Some(TxIndex::new(position))
    }

    /// What this transaction yielded ahead of its turn was wrong.
    pub(super) fn was_wrong(&mut self, tx: TxIndex) {
        self.wrong += usize::from(self.tried[tx.position()]);
    }
}
