//! The values of a slice: what the stack held, as expressions over calldata,
//! environment and the results of effects. Equal expressions are one value.

use crate::{
    compile::{fold, truth},
    instruction::Op,
};
use alloy_primitives::{U256, map::HashMap};
use core::hash::{Hash, Hasher};

/// The number of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct ValueId(pub(super) u32);

/// A value: how it follows from others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Value {
    /// A constant.
    Constant(U256),
    /// What an opcode of the environment yields, the same throughout the frame.
    Environment(Op),
    /// The calldata word at an offset.
    CallData(u32),
    /// The calldata word at an offset that is no constant, or a blob hash.
    Lookup(Op, ValueId),
    /// A computation.
    Pure(Op, [ValueId; 3]),
    /// The hash of one word.
    HashOne(ValueId),
    /// The hash of two words.
    HashTwo(ValueId, ValueId),
    /// What an effect yields; each is different.
    Result(u32),
}

/// In as few writes as it takes: growing is mostly looking for values.
impl Hash for Value {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let pair = |a: u32, b: u32| u64::from(a) << 32 | u64::from(b);
        let (first, second) = match *self {
            Self::Constant(constant) => {
                let [a, b, c, d] = *constant.as_limbs();
                state.write_u64(c);
                state.write_u64(d);
                (a, b)
            }
            Self::Environment(op) => (pair(1, op as u32), 0),
            Self::CallData(offset) => (pair(2, offset), 0),
            Self::Lookup(op, a) => (pair(3, op as u32), a.0.into()),
            Self::Pure(op, [a, b, c]) => (pair(op as u32, a.0) ^ 4 << 56, pair(b.0, c.0)),
            Self::HashOne(a) => (5, a.0.into()),
            Self::HashTwo(a, b) => (6, pair(a.0, b.0)),
            Self::Result(number) => (7, number.into()),
        };
        state.write_u64(first);
        state.write_u64(second);
    }
}

/// All values of a tree of paths.
#[derive(Debug)]
pub(super) struct Values {
    list: Vec<Value>,
    index: HashMap<Value, ValueId>,
    /// What the calldata begins with, for whoever calls the slice.
    selector: Option<[u8; 4]>,
    results: u32,
}

impl Values {
    /// No values yet, for calldata that begins with a selector.
    pub(super) fn new(selector: Option<[u8; 4]>) -> Self {
        let mut values = Self { list: Vec::new(), index: HashMap::default(), selector, results: 0 };
        values.constant(U256::ZERO);
        values
    }

    /// Constant zero.
    pub(super) const ZERO: ValueId = ValueId(0);

    pub(super) const fn len(&self) -> usize {
        self.list.len()
    }

    pub(super) fn get(&self, id: ValueId) -> Value {
        self.list[id.0 as usize]
    }

    pub(super) fn intern(&mut self, value: Value) -> ValueId {
        *self.index.entry(value).or_insert_with(|| {
            self.list.push(value);
            ValueId(self.list.len() as u32 - 1)
        })
    }

    pub(super) fn constant(&mut self, value: U256) -> ValueId {
        self.intern(Value::Constant(value))
    }

    /// A value that no other equals.
    pub(super) fn result(&mut self) -> ValueId {
        self.results += 1;
        self.intern(Value::Result(self.results))
    }

    /// The constant that a value is, if it is one.
    pub(super) fn as_constant(&self, id: ValueId) -> Option<U256> {
        match self.get(id) {
            Value::Constant(value) => Some(value),
            _ => None,
        }
    }

    /// The value of a computation, in its simplest form.
    pub(super) fn pure(&mut self, op: Op, inputs: usize, mut operands: [ValueId; 3]) -> ValueId {
        operands[inputs..].fill(Self::ZERO);
        let constants = operands.map(|operand| self.as_constant(operand));
        if let [Some(a), Some(b), Some(c)] = constants {
            return self.constant(fold(op, [a, b, c]));
        }
        // A constant comes first where the order does not matter.
        if matches!(op, Op::Add | Op::Mul | Op::And | Op::Or | Op::Xor | Op::Eq)
            && (constants[1].is_some() || constants[0].is_none() && operands[1] < operands[0])
        {
            operands.swap(0, 1);
        }
        // What a power of two does, a shift does faster.
        let op = match (op, constants) {
            (Op::Mul, _) | (Op::Div, [_, Some(_), _]) => self.shift(op, &mut operands),
            _ => op,
        };
        let [a, b, _] = operands;
        let first = self.as_constant(a);
        let second = self.as_constant(b);
        match (op, first, self.get(b)) {
            (Op::Add | Op::Or | Op::Xor | Op::Shl | Op::Shr | Op::Sar, Some(U256::ZERO), _) => {
                return b;
            }
            (Op::And | Op::Mul, Some(U256::ZERO), _) => return Self::ZERO,
            (Op::And, Some(mask), Value::Environment(Op::Address | Op::Caller | Op::Origin))
                if mask == address_mask() =>
            {
                return b;
            }
            (Op::And, Some(outer), Value::Pure(Op::And, [inner, x, _])) => {
                if let Some(inner) = self.as_constant(inner) {
                    let mask = self.constant(outer & inner);
                    return self.intern(Value::Pure(Op::And, [mask, x, Self::ZERO]));
                }
            }
            (Op::Shr, Some(bits), Value::CallData(0)) if bits == U256::from(224) => {
                if let Some(selector) = self.selector {
                    return self.constant(U256::from(u32::from_be_bytes(selector)));
                }
            }
            _ => {}
        }
        match (op, self.get(a), second) {
            (Op::Sub, _, Some(U256::ZERO)) => return a,
            (Op::IsZero, Value::Pure(Op::IsZero, [inner, ..]), _) if self.is_truth(inner) => {
                return inner;
            }
            _ => {}
        }
        if a == b {
            match op {
                Op::Eq => return self.constant(truth(true)),
                Op::Sub | Op::Xor | Op::Lt | Op::Gt | Op::SLt | Op::SGt => return Self::ZERO,
                Op::And | Op::Or => return a,
                _ => {}
            }
        }
        self.intern(Value::Pure(op, operands))
    }

    /// A multiplication or a division as a shift, if it is by a power of two.
    fn shift(&mut self, op: Op, operands: &mut [ValueId; 3]) -> Op {
        let (shift, [by, of]) = match op {
            Op::Mul => (Op::Shl, [operands[0], operands[1]]),
            _ => (Op::Shr, [operands[1], operands[0]]),
        };
        match self.as_constant(by) {
            Some(power) if power.is_power_of_two() => {
                *operands = [self.constant(U256::from(power.trailing_zeros())), of, Self::ZERO];
                shift
            }
            _ => op,
        }
    }

    /// The bits that a value is of another: from which on, and how many.
    pub(super) fn as_bits(&self, value: Value) -> Option<(ValueId, u32, u32)> {
        let number = |id| self.as_constant(id).filter(|bits| *bits < U256::from(256));
        match value {
            Value::Pure(Op::Shr, [by, of, _]) => Some((of, number(by)?.to(), 256)),
            Value::Pure(Op::And, [mask, of, _]) => {
                let mask = self.as_constant(mask)?;
                let count = mask.trailing_ones() as u32;
                if mask.bit_len() as u32 != count {
                    return None;
                }
                match self.get(of) {
                    Value::Pure(Op::Shr, _) => {
                        let (of, first, _) = self.as_bits(self.get(of))?;
                        Some((of, first, count))
                    }
                    _ => Some((of, 0, count)),
                }
            }
            _ => None,
        }
    }

    /// The other factor, where a value is a product divided by one of its factors: how
    /// overflows are found.
    pub(super) fn as_unmul(&self, value: Value) -> Option<ValueId> {
        let Value::Pure(Op::Div, [product, by, _]) = value else { return None };
        match self.get(product) {
            Value::Pure(Op::Mul, [a, b, _]) if a == by => Some(b),
            Value::Pure(Op::Mul, [a, b, _]) if b == by => Some(a),
            _ => None,
        }
    }

    /// Whether a value can only be 0 or 1.
    fn is_truth(&self, id: ValueId) -> bool {
        match self.get(id) {
            Value::Pure(op, _) => {
                matches!(op, Op::Lt | Op::Gt | Op::SLt | Op::SGt | Op::Eq | Op::IsZero)
            }
            _ => false,
        }
    }

    /// Whether two storage keys differ whatever the transaction: two constants, or a
    /// small constant and a hash, which nobody can make small.
    pub(super) fn are_distinct(&self, a: ValueId, b: ValueId) -> bool {
        match (self.get(a), self.get(b)) {
            (Value::Constant(a), Value::Constant(b)) => a != b,
            (Value::Constant(small), Value::HashOne(_) | Value::HashTwo(..))
            | (Value::HashOne(_) | Value::HashTwo(..), Value::Constant(small)) => {
                small.bit_len() <= 128
            }
            _ => false,
        }
    }
}

/// The low 20 bytes of a word.
fn address_mask() -> U256 {
    U256::MAX >> 96
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_computations_are_one_value_in_its_simplest_form() {
        let mut values = Values::new(Some([1, 2, 3, 4]));
        let zero = Values::ZERO;
        let [caller, address] =
            [Op::Caller, Op::Address].map(|op| values.intern(Value::Environment(op)));
        let sum = values.pure(Op::Add, 2, [caller, address, zero]);
        assert_eq!(values.pure(Op::Add, 2, [address, caller, zero]), sum);
        let mask = values.constant(address_mask());
        assert_eq!(values.pure(Op::And, 2, [caller, mask, zero]), caller);
        let word = values.intern(Value::CallData(4));
        let masked = values.pure(Op::And, 2, [mask, word, zero]);
        assert_eq!(values.pure(Op::And, 2, [masked, mask, zero]), masked);
        let [two, three] = [2, 3].map(|n| values.constant(U256::from(n)));
        let five = values.pure(Op::Add, 2, [two, three, zero]);
        assert_eq!(values.as_constant(five), Some(U256::from(5)));
    }

    #[test]
    fn the_selector_is_known() {
        let mut values = Values::new(Some([1, 2, 3, 4]));
        let word = values.intern(Value::CallData(0));
        let shift = values.constant(U256::from(224));
        let shifted = values.pure(Op::Shr, 2, [shift, word, Values::ZERO]);
        assert_eq!(values.as_constant(shifted), Some(U256::from(0x0102_0304)));
        let divisor = values.constant(U256::ONE << 224);
        assert_eq!(values.pure(Op::Div, 2, [word, divisor, Values::ZERO]), shifted);
    }

    #[test]
    fn powers_of_two_shift_low_masks_take_bits_and_factors_are_found() {
        let mut values = Values::new(None);
        let zero = Values::ZERO;
        let word = values.intern(Value::CallData(4));
        let [eight, byte, three] = [8, 0xff, 3].map(|n| values.constant(U256::from(n)));
        let power = values.constant(U256::from(256));
        let quotient = values.pure(Op::Div, 2, [word, power, zero]);
        assert_eq!(quotient, values.pure(Op::Shr, 2, [eight, word, zero]));
        let product = values.pure(Op::Mul, 2, [word, power, zero]);
        assert_eq!(product, values.pure(Op::Shl, 2, [eight, word, zero]));
        let other = values.pure(Op::Div, 2, [word, three, zero]);
        assert_eq!(values.get(other), Value::Pure(Op::Div, [word, three, zero]));
        let one = values.constant(U256::ONE);
        assert_eq!(values.pure(Op::Mul, 2, [word, one, zero]), word);
        let second_byte = values.pure(Op::And, 2, [quotient, byte, zero]);
        assert_eq!(values.as_bits(values.get(second_byte)), Some((word, 8, 8)));
        assert_eq!(values.as_bits(values.get(quotient)), Some((word, 8, 256)));
        let triple = values.pure(Op::Mul, 2, [word, three, zero]);
        for (by, other) in [(word, three), (three, word)] {
            let quotient = values.pure(Op::Div, 2, [triple, by, zero]);
            assert_eq!(values.as_unmul(values.get(quotient)), Some(other));
        }
        assert_eq!(values.as_unmul(values.get(other)), None);
        let odd = values.constant(U256::from(0xf0));
        let masked = values.pure(Op::And, 2, [word, odd, zero]);
        assert_eq!(values.as_bits(values.get(masked)), None);
        assert_eq!(values.as_bits(values.get(product)), None);
    }

    #[test]
    fn only_keys_that_cannot_meet_are_distinct() {
        let mut values = Values::new(None);
        let caller = values.intern(Value::Environment(Op::Caller));
        let hash = values.intern(Value::HashTwo(caller, Values::ZERO));
        let other = values.intern(Value::HashOne(caller));
        let [small, large] = [U256::ONE, U256::MAX].map(|n| values.constant(n));
        assert!(values.are_distinct(small, large));
        assert!(values.are_distinct(small, hash));
        assert!(!values.are_distinct(large, hash));
        assert!(!values.are_distinct(hash, other));
        assert!(!values.are_distinct(caller, small));
    }
}
