//! Which words of a frame derive from which slots, to tell the slots that a transaction
//! merely adds to: a slot whose value is used for nothing but sums that are stored in the
//! slot again, and comparisons, which a range check is.
//!
//! Every instruction that a frame runs in blocks is followed. What it does with a word
//! that derives from a slot is a [`Finding`] about the slot. The same pass over a log, when
//! the log becomes a path of a slice, leaves the findings behind as instructions; so both
//! tiers find the same. What a slice has dropped because nobody needs it counts too.
//!
//! Words are not followed through memory, calls or logs: what is put there is looked at.
//! (The topics of a log leave no instruction; they go unseen.) An execution that relies on
//! what was found proves it for itself.

use crate::instruction::Op;
use alloy_primitives::U256;

/// A register as seen from the bottom of the frame's stack; none for a constant.
pub(crate) type Place = Option<u32>;

/// An instruction, as far as it matters here.
#[derive(Clone, Debug)]
pub(crate) struct Uses {
    pub(crate) op: Op,
    pub(crate) to: Place,
    pub(crate) from: [Place; 4],
    /// What operands are that are constants.
    pub(crate) values: [U256; 4],
    /// The arguments of a call or creation.
    pub(crate) arguments: Vec<Place>,
}

/// Words that are followed in a frame at one time. Real code has a handful.
const WORDS_MAX: usize = 32;

/// The words of a frame that derive from slots, which are told apart by `H`.
#[derive(Debug)]
pub(crate) struct Origins<H> {
    words: Vec<Word<H>>,
    /// The bits of their places.
    places: u64,
}

/// A word that is the value of a slot and something added, or, turned, something less it.
#[derive(Clone, Copy, Debug)]
struct Word<H> {
    /// Its place, counted from the bottom of the frame's stack.
    at: u32,
    slot: H,
    turned: bool,
}

/// What a transaction did with a slot's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Finding<H> {
    /// It looked at it.
    Looked(H),
    /// It looked at both, unless they are one.
    Met(H, H),
    /// It looked at it, unless the result of the instruction is zero.
    LookedUnlessZero(H),
    /// It looked at it, unless the result is this operand.
    LookedUnlessKept(H, usize),
}

impl<H> Default for Origins<H> {
    fn default() -> Self {
        Self { words: Vec::new(), places: 0 }
    }
}

impl<H: Copy + PartialEq> Origins<H> {
    /// Whether no word is followed.
    #[inline]
    pub(crate) const fn is_empty(&self) -> bool {
        self.places == 0
    }

    /// Whether a word may be followed in one of the places with these [bits](place_bit).
    #[inline]
    pub(crate) const fn may_be_at(&self, places: u64) -> bool {
        self.places & places != 0
    }

    /// A block is entered with a stack this high. What lies above is of no use any more.
    pub(crate) fn enter(&mut self, height: u32) {
        self.forget(|word| word.at >= height);
    }

    /// Follows an instruction, up to what SLOAD and SSTORE do with their slot.
    pub(crate) fn step(&mut self, step: &Uses, mut found: impl FnMut(Finding<H>)) {
        if self.is_empty() {
            return;
        }
        let [a, b, ..] = step.from.map(|place| self.at(place));
        let constant = |n: usize| step.from[n].is_none().then_some(step.values[n]);
        let mut result = None;
        match step.op {
            // Copied otherwise, or compared with zero.
            Op::Move | Op::BranchIf | Op::BranchUnless => return,
            Op::BranchEq
            | Op::BranchNe
            | Op::BranchLt
            | Op::BranchGe
            | Op::BranchGt
            | Op::BranchLe
            | Op::SkipEq
            | Op::SkipNe
            | Op::SkipLt
            | Op::SkipGe
            | Op::SkipGt
            | Op::SkipLe => return meet(a, b, &mut found),
            Op::BranchDynamic => return self.look(b, &mut found),
            Op::Not => result = a.map(Word::turned),
            Op::Add | Op::Sub => {
                let b = if step.op == Op::Sub { b.map(Word::turned) } else { b };
                match (a, b) {
                    (Some(a), Some(b)) if a.turned != b.turned => {
                        meet(Some(a), Some(b), &mut found);
                    }
                    (Some(_), Some(_)) => {
                        self.look(a, &mut found);
                        self.look(b, &mut found);
                    }
                    (a, b) => result = a.or(b),
                }
            }
            Op::Lt | Op::Gt | Op::SLt | Op::SGt | Op::Eq => meet(a, b, &mut found),
            Op::IsZero => {}
            // A mask that the value fits into, and the rest of a slot beside it.
            Op::And => match (a, b, constant(0).or(constant(1))) {
                (None, None, _) => {}
                (Some(word), None, Some(mask)) | (None, Some(word), Some(mask)) if is_low(mask) => {
                    result = Some(word);
                    found(Finding::LookedUnlessKept(word.slot, usize::from(a.is_none())));
                }
                (Some(word), None, Some(mask)) | (None, Some(word), Some(mask))
                    if is_low(!mask) =>
                {
                    found(Finding::LookedUnlessZero(word.slot));
                }
                _ => {
                    self.look(a, &mut found);
                    self.look(b, &mut found);
                }
            },
            Op::Or => match (a, b) {
                (Some(word), None) | (None, Some(word)) => {
                    result = Some(word);
                    found(Finding::LookedUnlessKept(word.slot, usize::from(a.is_none())));
                }
                (a, b) => {
                    self.look(a, &mut found);
                    self.look(b, &mut found);
                }
            },
            Op::Div | Op::Shr => {
                let (word, by, at) = if step.op == Op::Div { (a, b, 0) } else { (b, a, 1) };
                let nothing = if step.op == Op::Div { U256::ONE } else { U256::ZERO };
                match (word, by) {
                    (Some(word), None) if constant(1 - at) == Some(nothing) => result = Some(word),
                    (Some(word), None) => found(Finding::LookedUnlessZero(word.slot)),
                    (word, by) => {
                        self.look(word, &mut found);
                        self.look(by, &mut found);
                    }
                }
            }
            // What is stored is the slot's matter.
            Op::SStore => self.look(a, &mut found),
            _ => {
                let arguments = step.arguments.iter().copied();
                for place in step.from.into_iter().chain(arguments) {
                    self.look(self.at(place), &mut found);
                }
            }
        }
        self.set(step.to, result, &mut found);
    }

    /// A word is moved.
    pub(crate) fn copy(&mut self, to: Place, from: Place, mut found: impl FnMut(Finding<H>)) {
        if !self.is_empty() {
            self.set(to, self.at(from), &mut found);
        }
    }

    /// A slot was loaded.
    pub(crate) fn load(&mut self, to: Place, slot: H, mut found: impl FnMut(Finding<H>)) {
        let Some(at) = to else { return };
        self.set(to, Some(Word { at, slot, turned: false }), &mut found);
    }

    /// A word was stored in a slot.
    pub(crate) fn store(&mut self, from: Place, slot: H, mut found: impl FnMut(Finding<H>)) {
        match self.at(from) {
            Some(word) if word.turned => {
                self.look(Some(word), &mut found);
                found(Finding::Looked(slot));
            }
            Some(word) if word.slot == slot => {}
            Some(word) => found(Finding::Met(word.slot, slot)),
            None => found(Finding::Looked(slot)),
        }
    }

    fn at(&self, place: Place) -> Option<Word<H>> {
        self.words.iter().find(|word| Some(word.at) == place).copied()
    }

    fn set(&mut self, to: Place, word: Option<Word<H>>, found: &mut impl FnMut(Finding<H>)) {
        let Some(at) = to else { return };
        self.forget(|word| word.at == at);
        match word {
            Some(word) if self.words.len() < WORDS_MAX => {
                self.words.push(Word { at, ..word });
                self.places |= place_bit(at);
            }
            word => self.look(word, found),
        }
    }

    fn forget(&mut self, is_gone: impl Fn(&Word<H>) -> bool) {
        self.words.retain(|word| !is_gone(word));
        self.places = self.words.iter().fold(0, |places, word| places | place_bit(word.at));
    }

    /// A word is used in a way that depends on the slot's value.
    fn look(&mut self, word: Option<Word<H>>, found: &mut impl FnMut(Finding<H>)) {
        if let Some(Word { slot, .. }) = word {
            self.forget(|word| word.slot == slot);
            found(Finding::Looked(slot));
        }
    }
}

/// The bit of a place, which it shares with others.
#[inline]
pub(crate) const fn place_bit(at: u32) -> u64 {
    1 << (at % u64::BITS)
}

impl<H> Word<H> {
    fn turned(self) -> Self {
        Self { turned: !self.turned, ..self }
    }
}

/// Two words are compared. Those of one slot move with each other.
fn meet<H: PartialEq>(a: Option<Word<H>>, b: Option<Word<H>>, found: &mut impl FnMut(Finding<H>)) {
    if let (Some(a), Some(b)) = (a, b)
        && a.slot != b.slot
    {
        found(Finding::Met(a.slot, b.slot));
    }
}

/// Whether a word is all ones from some bit down.
fn is_low(mask: U256) -> bool {
    (mask & mask.wrapping_add(U256::ONE)).is_zero()
}
