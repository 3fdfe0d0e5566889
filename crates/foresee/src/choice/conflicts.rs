//! Who turned out to depend on more than its sender and recipient tell.
//!
//! Some contracts are called to follow up on what came just before: whoever runs ahead
//! with such a call is wrong nearly always. A recipient whose call had to be executed
//! again is held back for a while, for longer each time, and tried again then.
//!
//! And there are blocks in which hardly anything that was executed ahead could be used. While
//! nearly all calls of a block are to recipients of such blocks, it is executed in order: for
//! twice as many blocks each time, since a second thread that is missing looks the same.
//!
//! This decides who is tried ahead of its turn and nothing else, like all that is learned
//! here.

use alloy_primitives::map::{AddressMap, AddressSet};
use foresee_execute::{Block, ParallelStats, pays_ahead};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Recipients that are remembered; beyond that all are forgotten.
const RECIPIENTS_MAX: usize = 1 << 13;

/// A recipient is held back for a power of this many calls.
const CALLS: u32 = 16;

/// The highest power.
const STRIKES_MAX: u32 = 3;

/// If less than one in so many parts of a block's gas was settled as it had been executed ahead,
/// and no time was saved, it was shared in vain.
const USED_DIVISOR: u64 = 10;

/// So often at most the blocks double that are executed in order for it.
const DOUBLINGS_MAX: u32 = 5;

/// The recipients whose calls were wrong lately, or in blocks that were shared in vain.
#[derive(Debug, Default)]
pub(crate) struct Conflicts(Mutex<AddressMap<Recipient>>);

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Recipient {
    strikes: Strikes,
    vain: Vain,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Strikes {
    /// How often its calls were wrong, less how often they were right again.
    count: u32,
    /// Calls for which it is held back from now on.
    calls_left: u32,
}

/// For how long something is not tried that was tried in vain.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Vain {
    /// Blocks in a row that were shared in vain.
    count: u32,
    /// Blocks to be executed in order from now on.
    blocks_left: u32,
}

/// What is remembered of the calls of a block.
#[derive(Debug, Default)]
pub(crate) struct Remembered {
    /// By transaction, whether it runs code and had better wait for its turn.
    pub(crate) held_back: Vec<bool>,
    /// How many run code; none if nothing is remembered.
    pub(crate) with_code: usize,
    /// How many of them had better wait.
    pub(crate) kept: usize,
    /// Transactions with code whose recipients are those of blocks that were shared in vain.
    pub(crate) in_vain: usize,
}

impl Conflicts {
    /// What is remembered of the calls of a block.
    pub(crate) fn of(&self, block: &Block) -> Remembered {
        let mut remembered = Remembered::default();
        remembered.held_back.resize(block.transactions.len(), false);
        let recipients = self.lock();
        if recipients.is_empty() {
            return remembered;
        }
        for (tx, is_held) in block.transactions.iter().zip(&mut remembered.held_back) {
            if !pays_ahead(tx) {
                continue;
            }
            remembered.with_code += 1;
            let Some(recipient) = tx.kind.to() else { continue };
            let Some(recipient) = recipients.get(recipient) else { continue };
            *is_held = recipient.strikes.calls_left > 0;
            remembered.kept += usize::from(*is_held);
            remembered.in_vain += usize::from(recipient.vain.blocks_left > 0);
        }
        remembered
    }

    /// Learns from a block that was executed with nothing but these precautions, used so much gas,
    /// and has saved time by it or not.
    pub(crate) fn learn(&self, block: &Block, gas: u64, stats: &ParallelStats, saved: bool) {
        let in_vain = !saved && stats.ahead_gas.saturating_mul(USED_DIVISOR) < gas;
        let reexecuted = &stats.reexecuted;
        let mut recipients = self.lock();
        if recipients.is_empty() && reexecuted.is_empty() && !in_vain {
            return;
        }
        let mut wrong = reexecuted.iter().map(|again| again.index.position()).peekable();
        for (position, tx) in block.transactions.iter().enumerate() {
            let is_wrong = wrong.next_if_eq(&position).is_some();
            let Some(recipient) = tx.kind.to() else { continue };
            if is_wrong {
                recipients.entry(*recipient).or_default().strikes.strike();
            } else if let Some(recipient) = recipients.get_mut(recipient) {
                recipient.strikes.pass();
            }
        }
        for called in called(block) {
            if in_vain {
                recipients.entry(called).or_default().vain.again();
            } else if let Some(recipient) = recipients.get_mut(&called) {
                recipient.vain = Vain::default();
            }
        }
        forget(&mut recipients);
    }

    /// Lets recipients serve some of their time: they were called in a block that was
    /// executed in order because of them.
    pub(crate) fn waited(&self, block: &Block) {
        let mut recipients = self.lock();
        for tx in &block.transactions {
            if let Some(recipient) = tx.kind.to().and_then(|to| recipients.get_mut(to)) {
                recipient.strikes.pass();
            }
        }
        for called in called(block) {
            if let Some(recipient) = recipients.get_mut(&called) {
                recipient.vain.blocks_left = recipient.vain.blocks_left.saturating_sub(1);
            }
        }
        forget(&mut recipients);
    }

    fn lock(&self) -> MutexGuard<'_, AddressMap<Recipient>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Who is called by transactions with code, each once.
fn called(block: &Block) -> AddressSet {
    let with_code = block.transactions.iter().filter(|tx| pays_ahead(tx));
    with_code.filter_map(|tx| tx.kind.to().copied()).collect()
}

/// Forgets recipients of whom nothing is left to remember, and all if they are too many.
fn forget(recipients: &mut AddressMap<Recipient>) {
    recipients.retain(|_, recipient| *recipient != Recipient::default());
    if recipients.len() > RECIPIENTS_MAX {
        recipients.clear();
    }
}

impl Strikes {
    fn strike(&mut self) {
        self.count = (self.count + 1).min(STRIKES_MAX);
        self.calls_left = CALLS.pow(self.count);
    }

    /// Another call that was not wrong.
    const fn pass(&mut self) {
        match self.calls_left.checked_sub(1) {
            Some(left) => self.calls_left = left,
            None => self.count = self.count.saturating_sub(1),
        }
    }
}

impl Vain {
    /// Whether it is not tried with this block.
    pub(crate) fn waits(&mut self) -> bool {
        let waits = self.blocks_left > 0;
        self.blocks_left = self.blocks_left.saturating_sub(1);
        waits
    }

    pub(crate) fn again(&mut self) {
        self.count = (self.count + 1).min(DOUBLINGS_MAX);
        self.blocks_left = 1 << self.count;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::Address;
    use foresee_access::TxIndex;
    use foresee_execute::{Reason, Reexecution};
    use foresee_workload::{Scenario, generate};

    /// A block of calls to one token, and to another recipient second if there is one.
    fn calls(count: usize, second: Option<Address>) -> Block {
        let mut block = generate(Scenario::Erc20Hot, count, 1).unwrap().into_block().unwrap().block;
        block.transactions.iter_mut().for_each(|tx| tx.kind = Address::ZERO.into());
        if let Some(second) = second {
            block.transactions[1].kind = second.into();
        }
        block
    }

    const GAS: u64 = 100_000;

    /// All is used that was executed ahead, but these were wrong.
    fn wrong(positions: &[usize]) -> ParallelStats {
        let again = |position: &usize| Reexecution {
            index: TxIndex::new(*position),
            reason: Reason::Undecided,
            gas: 0,
        };
        let reexecuted = positions.iter().map(again).collect();
        ParallelStats { ahead_gas: GAS, reexecuted, ..ParallelStats::default() }
    }

    #[test]
    fn who_was_wrong_is_held_back_for_longer_each_time_and_forgiven() {
        let (five, four) = (calls(5, None), calls(4, None));
        let others = calls(5, Some(Address::repeat_byte(7)));
        let conflicts = Conflicts::default();
        let learn = |block: &Block, positions: &[usize]| {
            conflicts.learn(block, GAS, &wrong(positions), true);
        };
        let holds_back = || {
            let Remembered { held_back, kept, in_vain, .. } = conflicts.of(&others);
            assert!([0, 4].contains(&kept) && !held_back[1] && in_vain == 0);
            held_back[0]
        };
        assert!(!holds_back());
        learn(&five, &[]);
        assert!(!holds_back());
        // The last call of five: sixteen more are held back.
        learn(&five, &[4]);
        assert!(holds_back());
        (0..3).for_each(|_| learn(&four, &[]));
        assert!(holds_back());
        conflicts.waited(&four);
        assert!(!holds_back());
        // The next is wrong once more: 256, of which three have come.
        learn(&four, &[0]);
        (0..63).for_each(|_| learn(&four, &[]));
        assert!(holds_back());
        // The last of them, and two right calls: it is forgotten.
        learn(&four, &[]);
        assert!(conflicts.lock().is_empty());
    }

    #[test]
    fn who_is_called_in_blocks_shared_in_vain_is_waited_for_twice_as_long_each_time() {
        let (block, other) = (calls(5, None), calls(5, Some(Address::repeat_byte(7))));
        let conflicts = Conflicts::default();
        let nothing = ParallelStats::default();
        // Nothing was used, but time was saved; little time was, but much was used.
        conflicts.learn(&block, GAS, &nothing, true);
        conflicts.learn(&block, GAS, &wrong(&[]), false);
        assert!(conflicts.lock().is_empty());
        for blocks in [2, 4, 8, 16, 32, 32] {
            conflicts.learn(&block, GAS, &nothing, false);
            for _ in 0..blocks {
                assert_eq!((conflicts.of(&block).in_vain, conflicts.of(&other).in_vain), (5, 4));
                assert_eq!(conflicts.of(&block).kept, 0);
                conflicts.waited(&block);
            }
            assert_eq!(conflicts.of(&block).in_vain, 0);
        }
        conflicts.learn(&block, GAS, &wrong(&[]), true);
        assert!(conflicts.lock().is_empty());
    }
}
