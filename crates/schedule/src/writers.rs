//! Who wrote a location last, while a block is walked in order.
//!
//! Per location the table keeps the last transaction that overwrote it and the
//! transactions that credited it since. A reader depends on all of these: credits
//! commute with each other, so none of them stands for the others. A transaction that
//! credits a slot depends on the overwriter alone, one that credits a field on nobody.
//!
//! This is the hot path of building a DAG, so keys are borrowed, credits are a
//! linked list in one arena, and nothing is allocated per location. A location is
//! copied once, when the first read meets it.

use crate::{dag::Additions, filter::Filter};
use foresee_access::{AccessSet, Location, TxIndex};
use rustc_hash::FxHashMap;

/// The end of a list of credits.
const END: u32 = u32::MAX;

/// A location that was read after a write: its place in [`Writers::into_locations`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LocationId(u32);

impl LocationId {
    /// The id of a location that no read has met.
    const NONE: Self = Self(u32::MAX);

    pub(crate) const fn position(self) -> usize {
        self.0 as usize
    }
}

/// Why a transaction comes after an earlier one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Predecessor {
    pub(crate) tx: TxIndex,
    /// What it reads of the earlier one's writes; nothing if it merely comes later.
    pub(crate) location: Option<LocationId>,
}

/// The latest writers of every location written so far.
#[derive(Debug, Default)]
pub(crate) struct Writers<'a> {
    latest: FxHashMap<&'a Location, Latest>,
    /// The locations in `latest`, and perhaps others.
    written: Filter,
    credits: Vec<Credit>,
    /// The locations that were read after a write, by id.
    locations: Vec<Location>,
    additions: Additions,
}

#[derive(Debug)]
struct Latest {
    /// The last transaction that overwrote the location, if any did.
    overwriter: Option<TxIndex>,
    /// The newest credit after that, an index into the arena or [`END`].
    newest_credit: u32,
    id: LocationId,
}

#[derive(Debug)]
struct Credit {
    by: TxIndex,
    /// The credit before this one, an index into the arena or [`END`].
    older: u32,
}

impl<'a> Writers<'a> {
    /// A table with room for about so many locations.
    pub(crate) fn with_capacity(locations: usize, additions: Additions) -> Self {
        let mut latest = FxHashMap::default();
        latest.reserve(locations);
        Self { latest, additions, ..Self::default() }
    }

    /// Appends what a transaction with this set reads of earlier writes, by
    /// location; what it settles at commit is left out. Slots of which credits are left out
    /// are passed on.
    pub(crate) fn read(
        &mut self,
        access: &AccessSet,
        found: &mut Vec<Predecessor>,
        mut unordered: impl FnMut(Location),
    ) {
        for location in &access.reads {
            // Most locations have no writer, so that is found out first.
            if !self.written.may_hold(location) {
                continue;
            }
            let additions = self.additions;
            let Some(latest) = self.latest.get_mut(location) else { continue };
            let commutes = commutes(additions, access, location);
            if commutes && latest.newest_credit != END && location.is_slot() {
                unordered(*location);
            }
            if commutes && (latest.overwriter.is_none() || !location.is_slot()) {
                continue;
            }
            if latest.id == LocationId::NONE {
                latest.id = LocationId(self.locations.len() as u32);
                self.locations.push(*location);
            }
            let by = |tx| Predecessor { tx, location: Some(latest.id) };
            found.extend(latest.overwriter.map(by));
            let mut credit = if commutes { END } else { latest.newest_credit };
            while let Some(&Credit { by: writer, older }) = self.credits.get(credit as usize) {
                found.push(by(writer));
                credit = older;
            }
        }
    }

    /// Notes what a transaction with this set writes.
    pub(crate) fn write(&mut self, tx: TxIndex, access: &'a AccessSet) {
        for location in &access.writes {
            self.written.add(location);
            let commutes = commutes(self.additions, access, location);
            let latest = self.latest.entry(location).or_insert(Latest {
                overwriter: None,
                newest_credit: END,
                id: LocationId::NONE,
            });
            if commutes {
                let older = latest.newest_credit;
                latest.newest_credit = self.credits.len() as u32;
                self.credits.push(Credit { by: tx, older });
            } else {
                latest.overwriter = Some(tx);
                latest.newest_credit = END;
            }
        }
    }

    /// The locations behind all reads found, in the order of their ids.
    pub(crate) fn into_locations(self) -> Vec<Location> {
        self.locations
    }
}

/// Whether what this set does to the location adds up in any order.
fn commutes(additions: Additions, access: &AccessSet, location: &Location) -> bool {
    (additions == Additions::Free || !location.is_slot()) && access.is_commutative(location)
}
