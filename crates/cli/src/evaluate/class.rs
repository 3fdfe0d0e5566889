//! What kind of transaction it was, told by what it did: accesses, gas, logs. No
//! selector, address or event name is looked at.

use alloy_primitives::{Address, Log, TxKind};
use foresee_access::{Field, Location};
use foresee_execute::Observation;
use serde::Serialize;
use std::collections::BTreeSet;

/// Topics of an event that names two parties, or an owner and a spender.
const TOPICS_OF_TWO_PARTIES: usize = 3;

/// The most slots that one transfer of a token changes: two balances, an allowance
/// and one for whatever the token counts.
const TRANSFER_SLOTS_MAX: usize = 4;

/// What a transaction asks for, as far as its class depends on it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked {
    pub(super) sender: Address,
    pub(super) kind: TxKind,
    /// Whether it sets the code of accounts by authorizations (EIP-7702).
    pub(super) authorizes: bool,
}

/// A kind of transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Class {
    /// No code ran that touched storage or logged.
    Payment,
    /// One contract logged two parties and changed two slots or a few more.
    TokenTransfer,
    /// One contract logged two parties and changed a slot at most.
    Approve,
    /// Several contracts changed and logged, at least three, or two and ether moved.
    Swap,
    /// It created a contract.
    Creation,
    /// Anything else, and whatever failed.
    Other,
}

impl Class {
    /// All classes, in the order in which they are listed.
    pub(super) const ALL: [Self; 6] = [
        Self::Payment,
        Self::TokenTransfer,
        Self::Approve,
        Self::Swap,
        Self::Creation,
        Self::Other,
    ];

    /// What it is called in a table.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Payment => "payment",
            Self::TokenTransfer => "token transfer",
            Self::Approve => "approve",
            Self::Swap => "swap",
            Self::Creation => "creation",
            Self::Other => "other",
        }
    }

    /// The class of a transaction, by what it was seen to do.
    pub(super) fn of(asked: Asked, observed: &Observation, logs: &[Log]) -> Self {
        let access = &observed.access;
        let writes_code = access.writes().any(|write| write.field == Field::Code);
        if asked.kind == TxKind::Create || writes_code && !asked.authorizes {
            return Self::Creation;
        }
        if !observed.success {
            return Self::Other;
        }
        if logs.is_empty() && !access.reads().any(|read| read.is_slot()) {
            return Self::Payment;
        }
        let loggers: BTreeSet<Address> = logs.iter().map(|log| log.address).collect();
        let slots: Vec<_> = access.writes().filter(Location::is_slot).collect();
        let changed: BTreeSet<Address> = slots.iter().map(|slot| slot.address).collect();
        let moves_ether = access
            .writes()
            .any(|write| write.field == Field::Balance && write.address != asked.sender);
        let of_two_parties = |log: &Log| log.topics().len() >= TOPICS_OF_TWO_PARTIES;
        if loggers.len() == 1 && changed.is_subset(&loggers) && !moves_ether {
            return match (logs.iter().all(of_two_parties), slots.len()) {
                (true, ..=1) => Self::Approve,
                (true, ..=TRANSFER_SLOTS_MAX) => Self::TokenTransfer,
                _ => Self::Other,
            };
        }
        let exchangers = loggers.intersection(&changed).count();
        if exchangers >= 3 || exchangers == 2 && moves_ether { Self::Swap } else { Self::Other }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::{B256, Bytes, U256};
    use foresee_access::AccessSet;

    fn class(slots: &[(u8, u64)], logs: &[(u8, usize)], ether: bool) -> Class {
        let account = Address::with_last_byte;
        let mut writes: Vec<_> =
            slots.iter().map(|(n, slot)| Location::slot(account(*n), U256::from(*slot))).collect();
        if ether {
            writes.push(Location::balance(account(9)));
        }
        let logs: Vec<_> = logs
            .iter()
            .map(|(n, topics)| {
                Log::new_unchecked(account(*n), vec![B256::ZERO; *topics], Bytes::new())
            })
            .collect();
        let access = AccessSet::new(writes.clone(), writes, []);
        let observed = Observation { access, success: true, ..Observation::default() };
        let kind = TxKind::Call(account(1));
        let asked = Asked { sender: account(8), kind, authorizes: false };
        Class::of(asked, &observed, &logs)
    }

    #[test]
    fn classes_follow_from_behaviour() {
        assert_eq!(class(&[], &[], true), Class::Payment);
        assert_eq!(class(&[(1, 0), (1, 1)], &[(1, 3)], false), Class::TokenTransfer);
        assert_eq!(class(&[(1, 0)], &[(1, 3)], false), Class::Approve);
        // Ether against a token in the same contract.
        assert_eq!(class(&[(1, 0)], &[(1, 2)], true), Class::Other);
        let tokens_and_pool = [(1, 0), (1, 1), (2, 0), (2, 1), (3, 8)];
        assert_eq!(class(&tokens_and_pool, &[(1, 3), (2, 3), (3, 3)], false), Class::Swap);
        assert_eq!(class(&tokens_and_pool, &[(1, 3), (3, 2)], true), Class::Swap);
        assert_eq!(class(&[(1, 0), (2, 0)], &[(1, 1)], false), Class::Other);
    }
}
