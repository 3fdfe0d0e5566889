//! About how long transactions take, by what was predicted of them or what they say of
//! themselves: enough to divide a block.

use crate::choice::{PAYMENT_GAS, limit, mul_div};
use foresee_execute::{Block, LastLane};
use foresee_predict::Ahead;
use std::time::Instant;

/// Blocks that take less in order than this are not divided: calling a thread costs a good
/// part of it.
const IN_ORDER_MIN_NS: u64 = 1_000_000;

/// What a transaction takes, as measured on mainnet blocks: for each location that it touches,
/// for each hash of two words, as contracts look up what they keep, and for the rest of its gas.
const LOCATION_NS: u64 = 300;
const HASH_NS: u64 = 3_000;
const GAS_PER_NS: u64 = 10;

/// The locations of a payment; and of other transactions, what gas takes with all that is done
/// for it, and what is used of its limit.
const PAYMENT_LOCATIONS: u64 = 6;
const LIMIT_GAS_PER_NS: u64 = 3;
const LIMIT_PERCENT: u64 = 60;

/// Where transactions take less than this on average, executing one ahead of its turn and
/// settling it takes about as long as executing it. Where they are nearly all payments, so does
/// foreseeing them with what has to be done for two lanes.
const SMALL_NS: u64 = 5_000;
const PAYMENTS_NS: u64 = 2_500;

/// Whether a block is worth a second lane. If much of it is, the rest need not be looked at.
pub(super) fn is_worth_it(ahead: &[Ahead]) -> bool {
    let mut total = 0u64;
    let is_long = ahead.iter().any(|ahead| {
        total = total.saturating_add(time(ahead));
        total >= IN_ORDER_MIN_NS
    });
    is_long && ahead.len() > 1
}

/// How large a block and its transactions are, as far as it says itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Size {
    /// It is not worth a second lane, or nearly all are payments.
    NotWorthIt,
    /// Most of its transactions are payments, but not nearly all.
    Small,
    /// Most are not.
    Large,
}

/// How large a block is that was not predicted ahead.
pub(super) fn size_by_limits(block: &Block) -> Size {
    let transactions = block.transactions.len() as u64;
    let total = times_by_limit(block).fold(0, u64::saturating_add);
    match total.checked_div(transactions).unwrap_or_default() {
        _ if total < IN_ORDER_MIN_NS || transactions < 2 => Size::NotWorthIt,
        ..PAYMENTS_NS => Size::NotWorthIt,
        PAYMENTS_NS..SMALL_NS => Size::Small,
        _ => Size::Large,
    }
}

/// About what a transaction takes, in nanoseconds: gas alone is too much for what is written and
/// too little for what is computed.
fn time(Ahead { prediction, footprint, hashes, .. }: &Ahead) -> u64 {
    let gas = prediction.gas_used.saturating_sub(PAYMENT_GAS);
    let locations = footprint.steps().len() as u64 * LOCATION_NS;
    locations + hashes.len() as u64 * HASH_NS + gas / GAS_PER_NS
}

/// About what transactions take of which nothing is known but what they say of themselves, in
/// nanoseconds. Whoever says nothing of code is taken for a payment.
fn times_by_limit(block: &Block) -> impl Iterator<Item = u64> {
    let gas = block.transactions.iter().map(|tx| limit(block, tx).unwrap_or(0));
    gas.map(|gas| {
        PAYMENT_LOCATIONS * LOCATION_NS + mul_div(gas, LIMIT_PERCENT, 100) / LIMIT_GAS_PER_NS
    })
}

/// What a block takes, by position: all transactions before it, in nanoseconds.
pub(super) struct Times(Vec<u64>);

impl Times {
    pub(super) fn new(ahead: &[Ahead]) -> Self {
        Self::of(ahead.iter().map(time))
    }

    /// Of a block that was not predicted ahead.
    pub(super) fn by_limits(block: &Block) -> Self {
        Self::of(times_by_limit(block))
    }

    fn of(times: impl Iterator<Item = u64>) -> Self {
        let mut before = 0u64;
        let times = times.map(|time| {
            before = before.saturating_add(time);
            before
        });
        Self(core::iter::once(0).chain(times).collect())
    }

    fn before(&self, position: usize) -> u64 {
        self.0.get(position).or(self.0.last()).copied().unwrap_or_default()
    }

    pub(super) fn after(&self, position: usize) -> u64 {
        self.before(usize::MAX) - self.before(position)
    }

    /// Whether a lane that begins at `start` takes no longer than the last one takes to come
    /// there. Where the block ends any does.
    pub(super) fn meet(&self, last: Reached, start: usize) -> bool {
        let Reached { position, since } = last;
        let until = self.before(start).saturating_sub(self.before(position));
        let begun = self.before(position + 1) - self.before(position);
        start > position && self.after(start) <= until.saturating_sub(begun.min(since))
    }

    /// Where another lane begins if it begins now.
    pub(super) fn middle(&self, last: Reached) -> usize {
        let at = last.position;
        (at..self.0.len()).find(|start| self.meet(last, *start)).unwrap_or(at)
    }
}

/// How far a lane has come: the position of the transaction that it executes, and for how many
/// nanoseconds it has done so at least.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reached {
    pub(super) position: usize,
    pub(super) since: u64,
}

/// Looks from time to time how far a lane has come.
pub(super) struct Watch<'l> {
    lane: &'l LastLane,
    position: usize,
    since: Instant,
}

impl<'l> Watch<'l> {
    pub(super) fn new(lane: &'l LastLane) -> Self {
        Self { lane, position: lane.position(), since: Instant::now() }
    }

    pub(super) fn look(&mut self) -> Reached {
        let (position, now) = (self.lane.position(), Instant::now());
        if position != self.position {
            (self.position, self.since) = (position, now);
        }
        let since = now.duration_since(self.since).as_nanos();
        Reached { position, since: u64::try_from(since).unwrap_or(u64::MAX) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_single_transaction_is_not_divided() {
        let mut large = Ahead::default();
        large.prediction.gas_used = 30_000_000;
        assert!(!is_worth_it(&[large.clone()]) && is_worth_it(&[large.clone(), large]));
        assert!(!is_worth_it(&[Ahead::default(), Ahead::default()]));
    }

    #[test]
    fn lanes_that_begin_where_they_meet_end_together() {
        // A second, a second, four seconds, a second, a second.
        let times = Times(vec![0, 1, 2, 6, 7, 8]);
        let at = |position| Reached { position, since: 0 };
        assert_eq!([0, 2, 3, 5, 9].map(|at| times.after(at)), [8, 6, 2, 0, 0]);
        assert_eq!(times.middle(at(0)), 3);
        // What the first has done by now cannot be divided any more.
        assert_eq!(times.middle(at(3)), 4);
        assert_eq!(times.middle(at(4)), 5);
        // Nothing is taken from whoever is there already, or has ended.
        assert!(!times.meet(at(3), 3) && !times.meet(at(5), 5));
        // What is done of a transaction is not still to come.
        assert_eq!(
            [0, 2, 3, 9].map(|since| times.middle(Reached { since, ..at(2) })),
            [3, 3, 4, 4]
        );
    }
}
