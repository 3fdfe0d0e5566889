//! Who wrote a location last, while a block is walked in order.
//!
//! Per location the table keeps the last transaction that overwrote it and the
//! transactions that credited it since. A reader depends on all of these: credits
//! commute with each other, so none of them stands for the others. A transaction that
//! credits a slot depends on the overwriter alone, one that credits a field on nobody.
//!
//! Locations are numbers here. If two share a number, whoever reads the one comes after whoever
//! wrote the other, too. Nothing is lost by that but where somebody overwrites what it does not
//! read, which no slot is: whoever reads and overwrites a location comes after those that wrote
//! it before, and stands for them.
//!
//! This is the hot path of making a schedule: one flat table, credits are a linked list in
//! one arena, and nothing is allocated per location.

use crate::{dag::Additions, filter::Filter};
use foresee_access::{Touch, TxIndex};

/// The end of a list of credits, and nobody.
const NONE: u32 = u32::MAX;

/// An odd number without a pattern (2^64 over the golden ratio).
const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;

/// Why a transaction comes after an earlier one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Predecessor {
    pub(crate) tx: TxIndex,
    /// The number of what it reads of the earlier one's writes; 0 if it merely comes later.
    pub(crate) location: u64,
}

/// The latest writers of every location written so far.
#[derive(Debug)]
pub(crate) struct Writers {
    /// Places for locations, a power of two of them and more than there are locations.
    table: Box<[Latest]>,
    /// How far a spread number is shifted to be a position in the table.
    shift: u32,
    /// The locations in the table, and perhaps others.
    written: Filter,
    credits: Vec<Credit>,
    /// What is to be done, by [`Touch`].
    rules: [Rule; Touch::COUNT],
}

#[derive(Clone, Copy, Debug)]
struct Latest {
    /// 0 if the place is free.
    location: u64,
    /// The last transaction that overwrote the location, if any did.
    overwriter: u32,
    /// The newest credit after that, an index into the arena or [`NONE`].
    newest_credit: u32,
}

const FREE: Latest = Latest { location: 0, overwriter: NONE, newest_credit: NONE };

#[derive(Debug)]
struct Credit {
    by: TxIndex,
    /// The credit before this one, an index into the arena or [`NONE`].
    older: u32,
}

/// What a touch of a location asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Rule {
    read: Read,
    write: Write,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Read {
    /// It depends on nobody.
    No,
    /// On the overwriter, not on those that credit.
    Overwriter,
    /// On all.
    All,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Write {
    No,
    Credits,
    Overwrites,
}

impl Rule {
    fn of(touch: Touch, additions: Additions) -> Self {
        let is_slot = touch.has(Touch::SLOT);
        // What it does to the location adds up in any order.
        let commutes = touch.has(Touch::COMMUTATIVE) && (additions == Additions::Free || !is_slot);
        let read = match (touch.has(Touch::READ), commutes) {
            (true, false) => Read::All,
            (true, true) if is_slot => Read::Overwriter,
            _ => Read::No,
        };
        let write = match (touch.has(Touch::WRITE), commutes) {
            (true, false) => Write::Overwrites,
            (true, true) => Write::Credits,
            (false, _) => Write::No,
        };
        Self { read, write }
    }
}

impl Writers {
    /// A table for at most so many writes.
    pub(crate) fn with_capacity(writes: usize, additions: Additions) -> Self {
        let places = (writes + writes / 2 + 2).next_power_of_two();
        Self {
            table: vec![FREE; places].into(),
            shift: u64::BITS - places.trailing_zeros(),
            written: Filter::default(),
            credits: Vec::new(),
            rules: Touch::all().map(|touch| Rule::of(touch, additions)),
        }
    }

    /// Takes in what a transaction does with a location: appends what it reads of earlier writes,
    /// and notes if it writes. What it settles at commit is left out. Slots of which credits
    /// are left out are passed on.
    #[inline]
    pub(crate) fn touch(
        &mut self,
        tx: TxIndex,
        (location, touch): (u64, Touch),
        found: &mut Vec<Predecessor>,
        unordered: impl FnOnce(u64),
    ) {
        let rule = self.rules[touch.number()];
        let spread = location.wrapping_mul(SPREAD);
        if rule.write == Write::No {
            // Most locations have no writer, so that is found out first.
            if rule.read == Read::No || !self.written.may_hold(spread) {
                return;
            }
        } else {
            self.written.add(spread);
        }
        let latest = &mut self.table[place(&self.table, location, spread >> self.shift)];
        if rule.read != Read::No {
            let mut credit = latest.newest_credit;
            if rule.read == Read::Overwriter {
                if credit != NONE {
                    unordered(location);
                }
                credit = NONE;
            }
            let by = |by| (by != tx).then_some(Predecessor { tx: by, location });
            if latest.overwriter != NONE {
                found.extend(by(TxIndex(latest.overwriter)));
            }
            while let Some(&Credit { by: writer, older }) = self.credits.get(credit as usize) {
                found.extend(by(writer));
                credit = older;
            }
        }
        match rule.write {
            Write::No => return,
            Write::Credits => {
                let older = latest.newest_credit;
                latest.newest_credit = self.credits.len() as u32;
                self.credits.push(Credit { by: tx, older });
            }
            Write::Overwrites => {
                latest.overwriter = tx.0;
                latest.newest_credit = NONE;
            }
        }
        latest.location = location;
    }
}

/// Where a location is in the table, or where it belongs: here, or at the next free place.
fn place(table: &[Latest], location: u64, here: u64) -> usize {
    let mut place = here as usize;
    while table[place].location != location && table[place].location != 0 {
        place = (place + 1) & (table.len() - 1);
    }
    place
}
