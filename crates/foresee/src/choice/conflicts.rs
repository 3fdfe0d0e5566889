//! Who turned out to depend on more than its sender and recipient tell.
//!
//! Some contracts are called to follow up on what came just before: whoever runs ahead
//! with such a call is wrong nearly always. A recipient whose call had to be executed
//! again is held back for a while, for longer each time, and tried again then. This
//! decides who is tried ahead of its turn and nothing else, like all that is learned here.

use alloy_primitives::map::AddressMap;
use foresee_execute::{Block, Reexecution, pays_ahead};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Recipients that are remembered; beyond that all are forgotten.
const RECIPIENTS_MAX: usize = 1 << 13;

/// A recipient is held back for a power of this many calls.
const CALLS: u32 = 16;

/// The highest power.
const STRIKES_MAX: u32 = 3;

/// The recipients whose calls were wrong lately.
#[derive(Debug, Default)]
pub(crate) struct Conflicts(Mutex<AddressMap<Strikes>>);

#[derive(Clone, Copy, Debug, Default)]
struct Strikes {
    /// How often its calls were wrong, less how often they were right again.
    count: u32,
    /// Calls for which it is held back from now on.
    calls_left: u32,
}

impl Conflicts {
    /// By transaction, whether it runs code and had better wait for its turn.
    pub(crate) fn held_back(&self, block: &Block) -> Vec<bool> {
        let recipients = self.lock();
        if recipients.is_empty() {
            return vec![false; block.transactions.len()];
        }
        let is_held = |recipient| {
            recipients.get(recipient).is_some_and(|strikes: &Strikes| strikes.calls_left > 0)
        };
        let each = block.transactions.iter();
        each.map(|tx| pays_ahead(tx) && tx.kind.to().is_some_and(is_held)).collect()
    }

    /// Learns from a block that was executed with nothing but these precautions.
    pub(crate) fn learn(&self, block: &Block, reexecuted: &[Reexecution]) {
        let mut recipients = self.lock();
        if recipients.is_empty() && reexecuted.is_empty() {
            return;
        }
        let mut wrong = reexecuted.iter().map(|again| again.index.position()).peekable();
        for (position, tx) in block.transactions.iter().enumerate() {
            let is_wrong = wrong.next_if_eq(&position).is_some();
            let Some(recipient) = tx.kind.to() else { continue };
            if is_wrong {
                recipients.entry(*recipient).or_default().strike();
            } else if let Some(strikes) = recipients.get_mut(recipient)
                && strikes.pass()
            {
                recipients.remove(recipient);
            }
        }
        if recipients.len() > RECIPIENTS_MAX {
            recipients.clear();
        }
    }

    fn lock(&self) -> MutexGuard<'_, AddressMap<Strikes>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Strikes {
    fn strike(&mut self) {
        self.count = (self.count + 1).min(STRIKES_MAX);
        self.calls_left = CALLS.pow(self.count);
    }

    /// Another call that was not wrong. Whether all is forgiven.
    const fn pass(&mut self) -> bool {
        match self.calls_left.checked_sub(1) {
            Some(left) => self.calls_left = left,
            None => self.count -= 1,
        }
        self.count == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::Address;
    use foresee_access::TxIndex;
    use foresee_execute::Reason;
    use foresee_workload::{Scenario, generate};

    fn again(position: usize) -> Reexecution {
        Reexecution { index: TxIndex::new(position), reason: Reason::Undecided, gas: 0 }
    }

    #[test]
    fn who_was_wrong_is_held_back_for_longer_each_time_and_forgiven() {
        // All of these call one token.
        let mut block = generate(Scenario::Erc20Hot, 5, 1).unwrap().into_block().unwrap().block;
        let token = *block.transactions[0].kind.to().unwrap();
        block.transactions.iter_mut().for_each(|tx| tx.kind = token.into());
        let conflicts = Conflicts::default();
        let mut others = block.clone();
        others.transactions[1].kind = Address::repeat_byte(7).into();
        let holds_back = |conflicts: &Conflicts| {
            let [first, second, ..] = conflicts.held_back(&others)[..] else { panic!("all five") };
            assert!(!second);
            first
        };
        assert!(!holds_back(&conflicts));
        conflicts.learn(&block, &[]);
        assert!(!holds_back(&conflicts));
        // The last call of five: sixteen more are held back.
        conflicts.learn(&block, &[again(4)]);
        assert!(holds_back(&conflicts));
        block.transactions.truncate(4);
        (0..3).for_each(|_| conflicts.learn(&block, &[]));
        assert!(holds_back(&conflicts));
        conflicts.learn(&block, &[]);
        assert!(!holds_back(&conflicts));
        // The next is wrong once more: 256, of which three have come.
        conflicts.learn(&block, &[again(0)]);
        (0..63).for_each(|_| conflicts.learn(&block, &[]));
        assert!(holds_back(&conflicts));
        // The last of them, and two right calls: it is forgotten.
        conflicts.learn(&block, &[]);
        assert!(conflicts.lock().is_empty());
    }
}
