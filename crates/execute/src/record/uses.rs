//! How a transaction uses locations: the binary form of its set.
//!
//! A set is a list of pairs (number, flags), the numbers as differences, three bits for the
//! flags. A prediction is what differs in it from what was observed.

use super::{
    RecordError,
    numbers::{Ids, Numbers},
    varint,
};
use alloy_primitives::Bytes;
use foresee_access::{AccessSet, Location};

/// Flags: it is read, written, settled at commit.
const READ: u8 = 1;
const WRITE: u8 = 2;
const COMMUTATIVE: u8 = 4;

/// Bits that flags take.
const FLAG_BITS: u32 = 3;

/// Locations by id or number, and the flags of each.
pub(super) type Uses = Vec<(u32, u8)>;

/// The locations of a set, by id. Those of a set that is in order are in order.
pub(super) fn of<'a>(set: &'a AccessSet, ids: &mut Ids<'a>) -> Uses {
    let AccessSet { reads, writes, commutative } = set;
    let mut lists = [(&reads[..], READ), (&writes[..], WRITE), (&commutative[..], COMMUTATIVE)];
    let mut uses = Uses::with_capacity(reads.len() + writes.len());
    loop {
        let heads = lists.iter().filter_map(|(list, _)| list.first());
        let Some(next) = heads.min() else { return uses };
        let mut flags = 0;
        for (list, flag) in &mut lists {
            if let Some((first, rest)) = list.split_first()
                && first == next
            {
                (*list, flags) = (rest, flags | *flag);
            }
        }
        uses.push((ids.of(next), flags));
    }
}

/// The same by number, in order.
pub(super) fn numbered(uses: &mut Uses, numbers: &Numbers) {
    for (id, _) in uses.iter_mut() {
        *id = numbers.of(*id);
    }
    // Only of a set that somebody put together in another order is anything left to do.
    if !uses.is_sorted_by(|(a, _), (b, _)| a < b) {
        uses.sort_unstable();
        uses.dedup_by(|(number, flags), (kept, all)| {
            let is_same = number == kept;
            if is_same {
                *all |= *flags;
            }
            is_same
        });
    }
}

/// The locations whose flags differ from those observed, with the predicted flags.
pub(super) fn differences(observed: &Uses, predicted: &Uses) -> Uses {
    let both = merged(observed, predicted)
        .map(|(number, flags)| (number, flags.map(Option::unwrap_or_default)));
    let differs = both.filter(|(_, [observed, predicted])| observed != predicted);
    differs.map(|(number, [_, predicted])| (number, predicted)).collect()
}

/// The reverse of [`differences`].
pub(super) fn with_differences(observed: &Uses, differs: &Uses) -> Uses {
    let both = merged(observed, differs);
    both.filter_map(|(number, [observed, differs])| Some((number, differs.or(observed)?))).collect()
}

/// All locations in either, in order, and their flags in each.
fn merged<'a>(
    first: &'a Uses,
    second: &'a Uses,
) -> impl Iterator<Item = (u32, [Option<u8>; 2])> + 'a {
    let (mut first, mut second) = (first.iter().peekable(), second.iter().peekable());
    core::iter::from_fn(move || {
        let number = first.peek().into_iter().chain(second.peek()).map(|one| one.0).min()?;
        let flags = [&mut first, &mut second]
            .map(|uses| uses.next_if(|one| one.0 == number).map(|one| one.1));
        Some((number, flags))
    })
}

pub(super) fn pack(uses: &Uses) -> Bytes {
    let mut out = Vec::with_capacity(2 * uses.len());
    let mut next = 0;
    for (number, flags) in uses {
        varint::put(&mut out, u64::from(number - next) << FLAG_BITS | u64::from(*flags));
        next = number + 1;
    }
    out.into()
}

/// The reverse of [`pack`].
pub(super) fn unpack(mut bytes: &[u8], locations: usize) -> Result<Uses, RecordError> {
    let mut uses = Uses::with_capacity(bytes.len());
    let mut next = 0u64;
    while !bytes.is_empty() {
        let entry = varint::take(&mut bytes).ok_or_else(|| super::bad("a number does not end"))?;
        let number = next.saturating_add(entry >> FLAG_BITS);
        if number >= locations as u64 {
            return Err(super::bad("a location that is not listed"));
        }
        let flags = entry & ((1 << FLAG_BITS) - 1);
        uses.push((number as u32, flags as u8));
        next = number + 1;
    }
    Ok(uses)
}

/// The reverse of [`of`].
pub(super) fn access_set(uses: &Uses, locations: &[Location]) -> AccessSet {
    let with = |flag| {
        let used = uses.iter().filter(|(_, flags)| flags & flag != 0);
        used.map(|(number, _)| locations[*number as usize]).collect()
    };
    AccessSet { reads: with(READ), writes: with(WRITE), commutative: with(COMMUTATIVE) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::Address;

    /// Anybody can put a set together in any order; its binary form is that of the same set
    /// in order.
    #[test]
    fn sets_in_another_order_have_the_same_form() {
        let [a, b, c] = [1, 2, 3].map(|n| Location::balance(Address::with_last_byte(n)));
        let ordered = AccessSet { reads: vec![a, b], writes: vec![a, b, c], commutative: vec![b] };
        let other =
            AccessSet { reads: vec![b, a, b], writes: vec![c, b, a], commutative: vec![b, b] };
        let form = |set: &AccessSet| {
            let mut ids = Ids::default();
            let mut uses = of(set, &mut ids);
            let numbers = ids.into_numbers();
            numbered(&mut uses, &numbers);
            (pack(&uses), numbers.locations)
        };
        let (bytes, locations) = form(&ordered);
        assert_eq!(form(&other), (bytes.clone(), locations.clone()));
        let uses = unpack(&bytes, locations.len()).unwrap();
        assert_eq!(access_set(&uses, &locations), ordered);
        assert!(unpack(&bytes, 2).is_err());
    }

    #[test]
    fn differences_are_what_a_prediction_is_made_of_again() {
        let observed = vec![(0, READ), (3, READ | WRITE), (4, READ)];
        for predicted in
            [observed.clone(), vec![], vec![(1, READ), (3, READ), (4, READ), (7, COMMUTATIVE)]]
        {
            let differs = differences(&observed, &predicted);
            let again = with_differences(&observed, &differs);
            let used: Uses = again.into_iter().filter(|(_, flags)| *flags != 0).collect();
            assert_eq!(used, predicted);
        }
    }
}
