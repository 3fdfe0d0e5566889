//! What must be the same after a shift.

use revm::primitives::U256;

/// A comparison whose answer must not change when the slot behind a claim has another value.
#[derive(Clone, Copy, Debug)]
pub(in crate::parallel) struct Condition {
    pub(super) claim: usize,
    pub(super) test: Test,
    pub(super) left: Operand,
    pub(super) right: Operand,
}

/// What is asked of two words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Test {
    Less,
    SignedLess,
    Equal,
}

/// A word that was compared.
#[derive(Clone, Copy, Debug)]
pub(super) struct Operand {
    /// As it was seen.
    pub(super) value: U256,
    /// How it moves with the slot; not at all if it is not marked.
    pub(super) sign: Option<Sign>,
}

/// How a marked word moves with its slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sign {
    /// By the shift.
    With,
    /// By its negative.
    Against,
}

impl Sign {
    pub(super) const fn turned(self) -> Self {
        match self {
            Self::With => Self::Against,
            Self::Against => Self::With,
        }
    }
}

impl Condition {
    /// Whether the answer is the same after the shift.
    pub(super) fn holds(&self, shift: U256) -> bool {
        let Self { test, left, right, .. } = self;
        let seen = test.answer(left.value, right.value);
        seen == test.answer(left.after(shift), right.after(shift))
    }
}

impl Operand {
    fn after(&self, shift: U256) -> U256 {
        match self.sign {
            None => self.value,
            Some(Sign::With) => self.value.wrapping_add(shift),
            Some(Sign::Against) => self.value.wrapping_sub(shift),
        }
    }
}

impl Test {
    fn answer(self, left: U256, right: U256) -> bool {
        // In two's complement, turning the sign bit makes order that of unsigned words.
        let sign = U256::ONE << 255;
        match self {
            Self::Less => left < right,
            Self::SignedLess => left ^ sign < right ^ sign,
            Self::Equal => left == right,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_condition_holds_as_long_as_its_answer_stays() {
        let condition = |test, left: (i64, Option<Sign>), right: (i64, Option<Sign>)| {
            let [left, right] =
                [left, right].map(|(value, sign)| Operand { value: word(value), sign });
            Condition { claim: 0, test, left, right }
        };
        let (with, against) = (Some(Sign::With), Some(Sign::Against));
        for (condition, shift, holds) in [
            // 5 < 9, 8 < 9, 9 < 9
            (condition(Test::Less, (5, with), (9, None)), 3, true),
            (condition(Test::Less, (5, with), (9, None)), 4, false),
            // 5 < 9, 5 < 6, 5 < 5
            (condition(Test::Less, (5, None), (9, against)), 3, true),
            (condition(Test::Less, (5, None), (9, against)), 4, false),
            // Both move: 7 < 5 is false until 7 wraps.
            (condition(Test::Less, (7, with), (5, with)), 1_000, true),
            (condition(Test::Less, (7, with), (5, with)), -7, false),
            (condition(Test::SignedLess, (-2, with), (0, None)), 1, true),
            (condition(Test::SignedLess, (-2, with), (0, None)), 2, false),
            (condition(Test::Equal, (0, with), (0, None)), 0, true),
            (condition(Test::Equal, (0, with), (0, None)), 1, false),
            (condition(Test::Equal, (4, with), (0, None)), -3, true),
            (condition(Test::Equal, (4, with), (0, None)), -4, false),
        ] {
            assert_eq!(condition.holds(word(shift)), holds, "{condition:?} {shift}");
        }
    }

    /// In two's complement.
    fn word(value: i64) -> U256 {
        let magnitude = U256::from(value.unsigned_abs());
        if value < 0 { magnitude.wrapping_neg() } else { magnitude }
    }
}
