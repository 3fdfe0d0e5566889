//! How a transaction uses locations: the binary form of its set.
//!
//! A set is a list of locations by number, as differences, with three bits each for what is done
//! with it. A prediction is what differs in it from what was observed.

use super::{
    RecordError,
    numbers::{Ids, Numbers},
    varint,
};
use alloy_primitives::Bytes;
use foresee_access::{AccessSet, Location, Touch};

/// Bits that what is done with a location takes.
const TOUCH_BITS: u32 = 3;

/// Locations by id or number, and what is done with each.
pub(super) type Uses = Vec<(u32, Touch)>;

/// The locations of a set, by id, in order.
pub(super) fn of(set: &AccessSet, ids: &mut Ids) -> Uses {
    set.touches()
        .map(|(location, touch)| (ids.of(location), Touch::from_bits(touch.bits())))
        .collect()
}

/// The same by number, in order.
pub(super) fn numbered(uses: &mut Uses, numbers: &Numbers) {
    for (id, _) in uses {
        *id = numbers.of(*id);
    }
}

/// The locations with which something else was predicted than observed, and what.
pub(super) fn differences(observed: &Uses, predicted: &Uses) -> Uses {
    let both = merged(observed, predicted)
        .map(|(number, touches)| (number, touches.map(Option::unwrap_or_default)));
    let differs = both.filter(|(_, [observed, predicted])| observed != predicted);
    differs.map(|(number, [_, predicted])| (number, predicted)).collect()
}

/// The reverse of [`differences`].
pub(super) fn with_differences(observed: &Uses, differs: &Uses) -> Uses {
    let both = merged(observed, differs);
    both.filter_map(|(number, [observed, differs])| Some((number, differs.or(observed)?))).collect()
}

/// All locations in either, in order, and what is done with them in each.
fn merged<'a>(
    first: &'a Uses,
    second: &'a Uses,
) -> impl Iterator<Item = (u32, [Option<Touch>; 2])> + 'a {
    let (mut first, mut second) = (first.iter().peekable(), second.iter().peekable());
    core::iter::from_fn(move || {
        let number = first.peek().into_iter().chain(second.peek()).map(|one| one.0).min()?;
        let touches = [&mut first, &mut second]
            .map(|uses| uses.next_if(|one| one.0 == number).map(|one| one.1));
        Some((number, touches))
    })
}

pub(super) fn pack(uses: &Uses) -> Bytes {
    let mut out = Vec::with_capacity(2 * uses.len());
    let mut next = 0;
    for (number, touch) in uses {
        varint::put(&mut out, u64::from(number - next) << TOUCH_BITS | u64::from(touch.bits()));
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
        let number = next.saturating_add(entry >> TOUCH_BITS);
        if number >= locations as u64 {
            return Err(super::bad("a location that is not listed"));
        }
        uses.push((number as u32, Touch::from_bits(entry as u8)));
        next = number + 1;
    }
    Ok(uses)
}

/// The reverse of [`of`].
pub(super) fn access_set(uses: &Uses, locations: &[Location]) -> AccessSet {
    uses.iter().map(|(number, touch)| (locations[*number as usize], *touch)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::{Address, U256};

    const READ: Touch = Touch::READ;
    const COMMUTATIVE: Touch = Touch::COMMUTATIVE;

    #[test]
    fn a_set_is_made_again_of_its_form() {
        let [a, b] = [1, 2].map(Address::with_last_byte);
        let (balance, slot) = (Location::balance(b), Location::slot(a, U256::ONE));
        let set = AccessSet::new([slot, balance], [slot], [balance]);
        let mut ids = Ids::default();
        let mut uses = of(&set, &mut ids);
        let numbers = ids.into_numbers();
        numbered(&mut uses, &numbers);
        let bytes = pack(&uses);
        assert_eq!(bytes[..], [0b011, 0b101]);
        let uses = unpack(&bytes, 2).unwrap();
        assert_eq!(access_set(&uses, &numbers.locations), set);
        assert!(unpack(&bytes, 1).is_err());
    }

    #[test]
    fn differences_are_what_a_prediction_is_made_of_again() {
        let observed = vec![(0, READ), (3, READ.and(Touch::WRITE)), (4, READ)];
        for predicted in
            [observed.clone(), vec![], vec![(1, READ), (3, READ), (4, READ), (7, COMMUTATIVE)]]
        {
            let differs = differences(&observed, &predicted);
            let again = with_differences(&observed, &differs);
            let used: Uses = again.into_iter().filter(|(_, touch)| !touch.is_none()).collect();
            assert_eq!(used, predicted);
        }
    }
}
