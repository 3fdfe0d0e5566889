//! What decides a path: on which side of each guard it goes on, and which constant
//! each value is that must be one.
//!
//! With the code this is all that it takes to follow the path again, so it is all that
//! is kept of it, in memory and in a file. Whatever the decisions are, following them
//! yields a path that the code has, or none.

use alloy_primitives::U256;
use bitvec::{boxed::BitBox, order::Lsb0, vec::BitVec};

/// The decisions along a path, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Path {
    /// Whether each guard's condition held.
    pub(crate) guards: BitBox<u64, Lsb0>,
    /// What each value was that had to be a constant: mostly small numbers, so each is
    /// as many bytes as it needs, the highest first, behind their number.
    pub(crate) constants: Box<[u8]>,
}

impl Path {
    /// Size in bytes.
    pub(crate) fn size(&self) -> usize {
        size_of::<Self>() + size_of_val(self.guards.as_raw_slice()) + self.constants.len()
    }
}

fn put(constants: &mut Vec<u8>, constant: U256) {
    let bytes = constant.to_be_bytes_trimmed_vec();
    constants.push(bytes.len() as u8);
    constants.extend(bytes);
}

/// The constant at the front, and the rest.
fn take(constants: &[u8]) -> Option<(U256, &[u8])> {
    let (len, rest) = constants.split_first()?;
    let (bytes, rest) = rest.split_at_checked(*len as usize)?;
    Some((U256::try_from_be_slice(bytes)?, rest))
}

/// Where the decisions along a path come from.
#[derive(Debug)]
pub(super) enum Decisions<'a> {
    /// From a log; they are written down.
    Seen { guards: BitVec<u64, Lsb0>, constants: Vec<u8> },
    /// From a path that was written down.
    Told { path: &'a Path, guards: usize, constants: &'a [u8] },
}

impl<'a> Decisions<'a> {
    /// Those that a log will show.
    pub(super) const fn seen() -> Self {
        Self::Seen { guards: BitVec::EMPTY, constants: Vec::new() }
    }

    /// Those of a path.
    pub(super) fn told(path: &'a Path) -> Self {
        Self::Told { path, guards: 0, constants: &path.constants }
    }

    /// Whether the next guard's condition holds; none if nobody knows.
    pub(super) fn guard(&mut self, seen: bool) -> Option<bool> {
        match self {
            Self::Seen { guards, .. } => {
                guards.push(seen);
                Some(seen)
            }
            Self::Told { path, guards, .. } => {
                let told = path.guards.get(*guards).as_deref().copied();
                *guards += 1;
                told
            }
        }
    }

    /// What the next value is that must be a constant; none if nobody knows.
    pub(super) fn constant(&mut self, seen: U256) -> Option<U256> {
        match self {
            Self::Seen { constants, .. } => {
                put(constants, seen);
                Some(seen)
            }
            Self::Told { constants, .. } => {
                let (told, rest) = take(constants)?;
                *constants = rest;
                Some(told)
            }
        }
    }

    /// Whether something that follows from earlier decisions is as it was seen.
    pub(super) fn agree<T: PartialEq>(&self, known: &T, seen: &T) -> bool {
        match self {
            Self::Seen { .. } => known == seen,
            Self::Told { .. } => true,
        }
    }

    /// The path, once it was followed to its end; none if it was told and there is
    /// more of it.
    pub(super) fn into_path(self) -> Option<Path> {
        match self {
            Self::Seen { guards, constants } => {
                let guards = guards.into_boxed_bitslice();
                Some(Path { guards, constants: constants.into() })
            }
            Self::Told { path, guards, constants } => {
                let ended = guards == path.guards.len() && constants.is_empty();
                ended.then(|| path.clone())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_seen_is_told_in_order_and_no_more() {
        let mut seen = Decisions::seen();
        let numbers = [U256::ZERO, U256::from(0x80), U256::MAX];
        for number in numbers {
            assert_eq!(seen.constant(number), Some(number));
            assert_eq!(seen.guard(number.is_zero()), Some(number.is_zero()));
        }
        let path = seen.into_path().unwrap();
        assert_eq!(path.constants.len(), 1 + 2 + 33);
        let mut told = Decisions::told(&path);
        for number in numbers {
            assert_eq!(told.constant(U256::ONE), Some(number));
            assert_eq!(told.guard(false), Some(number.is_zero()));
        }
        assert_eq!((told.constant(U256::ZERO), told.guard(true)), (None, None));
        assert_eq!(Decisions::told(&path).into_path(), None, "there is more of it");
    }

    #[test]
    fn constants_that_cannot_be_are_none() {
        for bad in [&[1][..], &[33; 40], &[2, 0]] {
            let path = Path { constants: bad.into(), ..Path::default() };
            assert_eq!(Decisions::told(&path).constant(U256::ZERO), None, "{bad:?}");
        }
    }
}
