//! Where words on the stack come from, so that a transaction that merely adds to a
//! slot need not have seen the slot's right value.
//!
//! A *claim* says that a transaction uses a slot for nothing but `slot := slot ± d` and
//! comparisons. Nobody believes it: while the transaction is executed ahead of its turn,
//! the [`instructions`] mark every word that derives from a claimed slot and follow it.
//! If the slot's true value is the one that was seen plus a *shift*, a marked word is
//! what was seen plus the shift, or less it. What is done with it
//!
//! * moves it (DUP, SWAP, POP, and ADD, SUB and NOT with words that are not marked),
//! * compares it, which leaves a [`Condition`]: the answer must be the same after the
//!   shift,
//! * stores it in its own slot, unless its sign is turned. Then what the slot holds is
//!   again what was seen plus the shift. SSTORE's gas depends on which of original,
//!   present and new value are equal, which no shift changes, and on which are zero:
//!   three conditions ([EIP-2200](https://eips.ethereum.org/EIPS/eip-2200),
//!   [EIP-3529](https://eips.ethereum.org/EIPS/eip-3529),
//!   [EIP-8037](https://eips.ethereum.org/EIPS/eip-8037)),
//! * or anything else: then the claim is given up, and the slot is compared by value as
//!   every other.
//!
//! So by induction over its instructions, a transaction all of whose conditions hold for
//! the true values does with them what it did with those that it saw: same path, gas,
//! logs and other writes, and to the claimed slots it adds the same. Conditions speak of
//! one slot each; words of two slots that meet give both claims up.
//!
//! What a slot holds is not kept here: revm's journal has it and takes back what a frame
//! that reverts has done, and the difference to the original value tells what was added.
//! Conditions are not taken back: there may be too many, never too few. Words belong to
//! frames, which are told apart by their depth; two frames of equal depth are separated
//! by an instruction of the caller's, which is where the words of the first are dropped.

mod condition;
mod instructions;

pub(super) use condition::Condition;
pub(super) use instructions::instructions;

use condition::{Operand, Sign, Test};
use foresee_access::Location;
use revm::primitives::{Address, U256};

/// Claims of one transaction that are followed; it is exact in the rest.
const CLAIMS_MAX: usize = u64::BITS as usize;

/// Marked words at one time. Real code has a handful.
const WORDS_MAX: usize = 32;

/// Conditions of one transaction.
const CONDITIONS_MAX: usize = 1 << 10;

/// What is followed while a transaction is executed.
#[derive(Clone, Debug, Default)]
pub(super) struct Provenance<'a> {
    /// Sorted slots.
    claims: &'a [Location],
    /// The depth of the frame that `top` is about.
    depth: usize,
    /// One more than the position of that frame's highest marked word, counted from the
    /// bottom of the stack; 0 if it has none. Instructions that stay above are of no
    /// interest.
    top: usize,
    /// Of all frames that are under way.
    words: Vec<Word>,
    proof: Proof,
}

/// A word on a stack that derives from a claimed slot.
#[derive(Clone, Copy, Debug)]
struct Word {
    depth: usize,
    /// Its position, counted from the bottom.
    at: usize,
    origin: Origin,
}

/// How a word derives from a claimed slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Origin {
    claim: usize,
    sign: Sign,
}

/// What has been found out of a transaction's claims.
#[derive(Clone, Debug, Default)]
pub(super) struct Proof {
    /// By claim, whether nothing has refuted it.
    stands: u64,
    conditions: Vec<Condition>,
}

impl Proof {
    /// Whether a claim to this slot stands.
    pub(super) fn covers(&self, claims: &[Location], slot: &Location) -> bool {
        self.claim(claims, slot).is_some()
    }

    /// By how much the slot's changes are to be moved, if its value is not the one seen and
    /// yet all would have come out the same.
    pub(super) fn shift(
        &self,
        claims: &[Location],
        slot: &Location,
        seen: U256,
        value: U256,
    ) -> Option<U256> {
        let claim = self.claim(claims, slot)?;
        let shift = value.wrapping_sub(seen);
        let mut conditions = self.conditions.iter().filter(|condition| condition.claim == claim);
        conditions.all(|condition| condition.holds(shift)).then_some(shift)
    }

    /// The number of the claim to this slot that stands, if one does.
    fn claim(&self, claims: &[Location], slot: &Location) -> Option<usize> {
        if self.stands == 0 {
            return None;
        }
        let claim = claims.binary_search(slot).ok()?;
        (claim < CLAIMS_MAX && self.stands & (1 << claim) != 0).then_some(claim)
    }
}

impl<'a> Provenance<'a> {
    /// For a transaction with these claims, which are sorted.
    pub(super) fn new(claims: &'a [Location]) -> Self {
        let followed = claims.len().min(CLAIMS_MAX) as u32;
        let stands = u64::MAX.checked_shr(u64::BITS - followed).unwrap_or(0);
        Self { claims, proof: Proof { stands, ..Proof::default() }, ..Self::default() }
    }

    /// What has been found out.
    pub(super) fn take_proof(&mut self) -> Proof {
        core::mem::take(self).proof
    }

    /// Whether an instruction that takes so many operands off a stack this high may meet a
    /// marked word, or is the first of its frame that is asked about.
    #[inline]
    const fn may_meet(&self, depth: usize, height: usize, operands: usize) -> bool {
        depth != self.depth || height < self.top + operands
    }

    /// Goes on in the frame of this depth.
    fn enter(&mut self, depth: usize) {
        if depth != self.depth {
            self.words.retain(|word| word.depth <= depth);
            self.depth = depth;
            self.find_top();
        }
    }

    fn find_top(&mut self) {
        let words = self.words.iter().filter(|word| word.depth == self.depth);
        self.top = words.map(|word| word.at + 1).max().unwrap_or(0);
    }

    /// The claim to this slot that stands, if one does.
    fn claim(&self, address: Address, slot: U256) -> Option<usize> {
        self.proof.claim(self.claims, &Location::slot(address, slot))
    }

    /// Where the word at this position comes from, if it is marked.
    fn origin(&self, at: usize) -> Option<Origin> {
        let mut words = self.words.iter().rev();
        words.find(|word| word.at == at && word.depth == self.depth).map(|word| word.origin)
    }

    /// Marks the word at this position, unless its claim has been given up, or lifts its
    /// mark.
    fn mark(&mut self, at: usize, origin: Option<Origin>) {
        let depth = self.depth;
        self.words.retain(|word| word.at != at || word.depth != depth);
        match origin {
            Some(origin) if self.proof.stands & (1 << origin.claim) == 0 => {}
            Some(origin) if self.words.len() < WORDS_MAX => {
                self.words.push(Word { depth, at, origin });
            }
            Some(origin) => self.give_up(origin.claim),
            None => {}
        }
        self.find_top();
    }

    /// The slot has to have the value that was seen.
    fn give_up(&mut self, claim: usize) {
        self.proof.stands &= !(1 << claim);
        self.words.retain(|word| word.origin.claim != claim);
        self.proof.conditions.retain(|condition| condition.claim != claim);
        self.find_top();
    }

    /// Gives up whatever is marked from this position on.
    fn give_up_from(&mut self, at: usize) {
        let depth = self.depth;
        while let Some(word) = self.words.iter().find(|word| word.depth == depth && word.at >= at) {
            self.give_up(word.origin.claim);
        }
    }

    /// The answer of this comparison must not change.
    fn compare(&mut self, test: Test, [left, right]: [(U256, Option<Origin>); 2]) {
        let claims = [left.1, right.1].map(|origin| origin.map(|origin| origin.claim));
        match claims {
            [None, None] => {}
            [Some(one), Some(other)] if one != other => {
                self.give_up(one);
                self.give_up(other);
            }
            [Some(claim), _] | [None, Some(claim)] => {
                if self.proof.conditions.len() == CONDITIONS_MAX {
                    return self.give_up(claim);
                }
                let [left, right] = [left, right].map(|(value, origin)| Operand {
                    value,
                    sign: origin.map(|origin| origin.sign),
                });
                self.proof.conditions.push(Condition { claim, test, left, right });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_first_claims_are_followed() {
        let address = Address::with_last_byte(1);
        let claims: Vec<_> = (0..70).map(|n| Location::slot(address, U256::from(n))).collect();
        for n in [0, 1, 63, 64, 70] {
            let provenance = Provenance::new(&claims[..n]);
            let followed =
                (0..70).filter(|slot| provenance.claim(address, U256::from(*slot)).is_some());
            assert_eq!(followed.count(), n.min(64), "{n}");
        }
    }

    #[test]
    fn words_of_a_frame_are_dropped_when_its_caller_goes_on() {
        let claims = [Location::slot(Address::ZERO, U256::ZERO)];
        let mut provenance = Provenance::new(&claims);
        let origin = Some(Origin { claim: 0, sign: Sign::With });
        provenance.mark(3, origin);
        assert!(!provenance.may_meet(0, 6, 2) && provenance.may_meet(0, 6, 3));
        // A frame below sees nothing of it, and its own words end with it.
        assert!(provenance.may_meet(1, 2, 1));
        provenance.enter(1);
        assert!(!provenance.may_meet(1, 2, 1));
        provenance.mark(0, origin);
        assert!(provenance.may_meet(0, 6, 1));
        provenance.enter(0);
        assert!(!provenance.may_meet(0, 6, 2) && provenance.may_meet(0, 6, 3));
        provenance.enter(1);
        assert_eq!(provenance.origin(0), None);
    }

    #[test]
    fn too_many_words_or_conditions_give_a_claim_up() {
        let claims = [Location::slot(Address::ZERO, U256::ZERO)];
        let origin = Some(Origin { claim: 0, sign: Sign::With });
        let mut provenance = Provenance::new(&claims);
        (0..WORDS_MAX).for_each(|at| provenance.mark(at, origin));
        assert!(provenance.proof.covers(&claims, &claims[0]));
        provenance.mark(WORDS_MAX, origin);
        assert!(!provenance.proof.covers(&claims, &claims[0]));
        assert_eq!((provenance.top, provenance.words.len()), (0, 0));
        let mut provenance = Provenance::new(&claims);
        let mut compare = || {
            provenance.compare(Test::Less, [(U256::ZERO, origin), (U256::ONE, None)]);
            provenance.proof.covers(&claims, &claims[0])
        };
        assert!((0..CONDITIONS_MAX).all(|_| compare()));
        assert!(!compare());
    }
}
