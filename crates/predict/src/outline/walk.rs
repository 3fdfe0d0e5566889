//! Follows all paths through a transaction, as far as the limits allow.
//!
//! Where a condition is not known the path parts in two. Paths are followed in the order
//! in which they part, so that a loop nobody knows the end of does not keep others from
//! being followed. A path that cannot be followed to its end counts with what it touched
//! until there.

use super::{
    code::Code,
    data::Data,
    name::Namer,
    path::{CALLEE, Gas, Path, Place, Role},
    step::{Flow, Stop, top},
    store::{surely_changed, surely_unchanged},
    word::Word,
};
use crate::{machine::TxContext, rules::Rules, state::StateView, unknown::Unknown};
use alloy_primitives::{Address, Bytes, U256};
use foresee_access::Location;
use revm::context::TxEnv;
use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

/// Paths through one transaction that are followed at most.
pub(super) const PATHS_MAX: usize = 256;

/// Opcodes that are followed for one transaction, on all its paths; what takes longer
/// counts more.
pub(super) const STEPS_MAX: u64 = 400_000;

/// Opcodes from one parting of the way to the next.
const STRETCH_MAX: u64 = 100_000;

/// Locations that one path may touch.
const TOUCHED_MAX: usize = 4096;

/// What a path shows when it has come to its end.
#[derive(Debug, Default)]
pub(super) struct Leaf {
    /// What it read, and whether it did so for sure.
    pub(super) reads: BTreeMap<Place, bool>,
    /// The same of what it leaves changed.
    pub(super) writes: BTreeMap<Place, bool>,
}

/// Follows the paths of a transaction. See the module documentation.
pub(super) struct Walker<'a, S> {
    pub(super) view: &'a S,
    pub(super) rules: &'a Rules,
    pub(super) context: &'a TxContext,
    pub(super) tx: &'a TxEnv,
    pub(super) beneficiary: Address,
    /// Code as it was before the block, by account; none if it is not at hand.
    pub(super) codes: BTreeMap<Address, Option<Arc<Code>>>,
    pub(super) namer: Namer,
    /// Why something may be missing.
    pub(super) unknown: Vec<Unknown>,
    pub(super) steps: u64,
    pub(super) waiting: VecDeque<Path>,
    pub(super) leaves: Vec<Leaf>,
}

impl<S: StateView> Walker<'_, S> {
    /// Follows a path and all that part from it.
    pub(super) fn walk(&mut self, first: Path) -> Result<(), S::Error> {
        self.waiting.push_back(first);
        while let Some(path) = self.waiting.pop_front() {
            self.follow(path)?;
        }
        Ok(())
    }

    /// Follows a path to its end, or to where it parts.
    fn follow(&mut self, mut path: Path) -> Result<(), S::Error> {
        let last = self.steps.saturating_add(STRETCH_MAX).min(STEPS_MAX);
        loop {
            if path.depth() == 0 {
                self.leaf(path, true);
                return Ok(());
            }
            if self.steps >= last || path.reads.len() > TOUCHED_MAX {
                self.cut(path, Unknown::StepLimit);
                return Ok(());
            }
            self.steps += 1;
            match self.step(&mut path) {
                Ok(Flow::On) => {}
                Ok(Flow::Part(others)) => {
                    if self.waiting.len() + self.leaves.len() >= PATHS_MAX {
                        self.cut(path, Unknown::PathLimit);
                        return Ok(());
                    }
                    self.waiting.push_back(path);
                    self.waiting.extend(others);
                    return Ok(());
                }
                Ok(Flow::End(success, output)) => self.end_frame(&mut path, success, output),
                Err(Stop::Fail) => self.fail_frame(&mut path),
                Err(Stop::Lost(what)) => {
                    self.cut(path, Unknown::Depends(what));
                    return Ok(());
                }
                Err(Stop::Failed(error)) => return Err(error),
            }
        }
    }

    /// Notes why something may be missing.
    pub(super) fn lacks(&mut self, unknown: Unknown) {
        if !self.unknown.contains(&unknown) {
            self.unknown.push(unknown);
        }
    }

    /// Ends a path that cannot be followed.
    fn cut(&mut self, path: Path, unknown: Unknown) {
        self.lacks(unknown);
        self.leaf(path, false);
    }

    /// Ends a path. What it has changed may not last if it could not be followed.
    fn leaf(&mut self, path: Path, followed: bool) {
        let sure = path.is_sure() && followed;
        if let Some(what) = path.doubt.filter(|what| *what != CALLEE) {
            self.lacks(Unknown::Depends(what));
        }
        let state = &path.state;
        let mut writes = BTreeMap::new();
        for (account, key, value) in state.storage.entries() {
            let fresh = state.storage.is_fresh(account);
            if !surely_unchanged(fresh, account, key, value) {
                let place = slot_place(account, key);
                writes.insert(place, sure && surely_changed(fresh, account, key, value));
            }
        }
        for (account, moved) in &state.moved {
            if moved.more || !moved.sum.is_zero() {
                // The sender pays for gas as well, and may come out even.
                let even = *account == self.tx.caller && !moved.sum.bit(255);
                let place = Place::Known(Location::balance(*account));
                writes.insert(place, sure && !moved.more && !even);
            }
        }
        for location in &state.fields {
            writes.insert(Place::Known(*location), sure);
        }
        self.leaves.push(Leaf { reads: path.reads, writes });
    }

    /// Ends the last frame with what it returns; none if that is not known.
    fn end_frame(&mut self, path: &mut Path, mut success: bool, output: Data) {
        let Some(frame) = path.leave() else { return };
        let mut gas = frame.gas;
        let mut output = output;
        if let (Role::Create(account), true) = (frame.role, success) {
            let cost = self.rules.gas.code_deposit_cost(output.len());
            let reserved = output.known().is_some_and(|code| code.first() == Some(&0xef));
            if output.len() > self.rules.code_size_max || reserved || gas.max < cost {
                success = false;
                gas = Gas::exactly(0);
                output = Data::default();
            } else {
                path.needs(gas.min >= cost);
                gas = Gas { min: gas.min.saturating_sub(cost), max: gas.max - cost };
                let code = output.known().map(Bytes::copy_from_slice);
                path.state.created.insert(account, code);
                if output.len() > 0 {
                    path.state.fields.insert(Location::code(account));
                }
                output = Data::default();
            }
        }
        if !success {
            path.state = (*frame.before).clone();
        }
        self.hand_back(path, frame.role, success, gas, output);
    }

    /// Ends the last frame as one that fails.
    pub(super) fn fail_frame(&self, path: &mut Path) {
        let Some(frame) = path.leave() else { return };
        path.state = (*frame.before).clone();
        self.hand_back(path, frame.role, false, Gas::exactly(0), Data::default());
    }

    /// Hands the result of a call to whoever made it.
    pub(super) fn hand_back(
        &self,
        path: &mut Path,
        role: Role,
        success: bool,
        gas: Gas,
        output: Data,
    ) {
        let result = match role {
            Role::Create(account) if success => Word::Known(account.into_word().into()),
            _ => Word::Known(U256::from(success)),
        };
        hand_back(path, role, result, gas, output);
    }

    /// The code of an account as a path sees it: none if nobody knows it.
    pub(super) fn code(
        &mut self,
        path: &Path,
        account: Address,
    ) -> Result<Option<Arc<Code>>, S::Error> {
        if let Some(created) = path.state.created.get(&account) {
            return Ok(created.clone().map(|code| Arc::new(Code::new(code, None))));
        }
        if let Some(code) = self.codes.get(&account) {
            return Ok(code.clone());
        }
        let code = super::code_before(self.view, account)?.map(Arc::new);
        self.codes.insert(account, code.clone());
        Ok(code)
    }
}

/// Hands the result of a call to whoever made it.
pub(super) fn hand_back(path: &mut Path, role: Role, result: Word, gas: Gas, output: Data) {
    let frame = top(path);
    frame.gas.min += gas.min;
    // What was forwarded is within bounds too: their sum may not be.
    frame.gas.max = frame.gas.max.saturating_add(gas.max).min(frame.gas_max);
    frame.stack.push(result);
    if let Role::Call { to, len } = role {
        frame.memory.copy(to, &output, 0, len.min(output.len()));
    }
    path.returned = Arc::new(output);
}

/// The place of a slot.
pub(super) fn slot_place(account: Address, key: &Word) -> Place {
    match key {
        Word::Known(key) => Place::Known(Location::slot(account, *key)),
        key => Place::Slot(account, key.clone()),
    }
}
