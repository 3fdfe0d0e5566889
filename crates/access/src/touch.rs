//! What a transaction does with a location.

/// What a transaction does with a location: any of [`READ`](Self::READ),
/// [`WRITE`](Self::WRITE) and [`COMMUTATIVE`](Self::COMMUTATIVE), as explained at
/// [`AccessSet`](crate::AccessSet).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Touch(u8);

impl Touch {
    /// Nothing.
    pub const NONE: Self = Self(0);
    /// It reads it.
    pub const READ: Self = Self(1);
    /// It writes it.
    pub const WRITE: Self = Self(2);
    /// It settles it at commit.
    pub const COMMUTATIVE: Self = Self(4);
    /// The location is a slot.
    pub const SLOT: Self = Self(8);
    /// So many there are.
    pub const COUNT: usize = 16;

    /// What is done with the location, without whether it is a slot.
    const ANY: Self = Self(7);

    /// Both.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// This, or nothing.
    #[must_use]
    pub const fn only_if(self, condition: bool) -> Self {
        if condition { self } else { Self::NONE }
    }

    /// Whether all of the other is part of this.
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether nothing is done with the location.
    pub const fn is_none(self) -> bool {
        self.0 & Self::ANY.0 == 0
    }

    /// Whether it is a read that an earlier write of the same location must precede.
    pub const fn is_ordering_read(self) -> bool {
        self.has(Self::READ) && !self.has(Self::COMMUTATIVE)
    }

    /// A number below [`COUNT`](Self::COUNT).
    pub const fn number(self) -> usize {
        (self.0 & 15) as usize
    }

    /// What is done with the location, without whether it is a slot: a number below 8.
    pub const fn bits(self) -> u8 {
        self.0 & Self::ANY.0
    }

    /// The reverse of [`bits`](Self::bits); all other bits are ignored.
    pub const fn from_bits(bits: u8) -> Self {
        Self(bits & Self::ANY.0)
    }

    /// All there are, by number.
    pub fn all() -> [Self; Self::COUNT] {
        core::array::from_fn(|number| Self(number as u8))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_touch_has_a_number() {
        assert!(Touch::all().iter().map(|touch| touch.number()).eq(0..Touch::COUNT));
        for touch in Touch::all() {
            let is_slot = Touch::SLOT.only_if(touch.has(Touch::SLOT));
            assert_eq!(Touch::from_bits(touch.bits()).and(is_slot), touch);
            assert_eq!(touch.is_none(), touch.bits() == 0);
        }
    }
}
