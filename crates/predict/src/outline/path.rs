//! One path through a transaction: its frames, what it has changed, and what it touched.

use super::{
    code::Code,
    data::Data,
    store::Store,
    word::{Kind, Word, compute},
};
use alloy_primitives::{Address, Bytes, U256};
use foresee_access::Location;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// What a path may lack.
pub(super) const GAS: &str = "whether gas suffices";

/// What is told in other words.
pub(super) const CALLEE: &str = "what a call does";

/// A location, as far as it is known.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Place {
    Known(Location),
    /// An account's balance or code, where the account is not known.
    Balance(Word),
    Code(Word),
    /// A slot whose key is not known.
    Slot(Address, Word),
}

/// Gas left: at least and at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Gas {
    pub(super) min: u64,
    pub(super) max: u64,
}

/// A path. See the module documentation.
#[derive(Clone, Debug)]
pub(super) struct Path {
    /// The frame that runs. Shared until changed.
    pub(super) frame: Arc<Frame>,
    /// Those that wait for it, the first one first: whoever sent the transaction, who has
    /// no code, and the frames in between.
    callers: Vec<Arc<Frame>>,
    pub(super) returned: Arc<Data>,
    pub(super) state: State,
    pub(super) reads: BTreeMap<Place, bool>,
    /// Conditions that were decided on the way here.
    decided: BTreeMap<Word, bool>,
    /// Why it may not go on like this, apart from its decisions: the first reason.
    pub(super) doubt: Option<&'static str>,
    numbers: u32,
}

/// What a frame that fails takes back.
#[derive(Clone, Debug)]
pub(super) struct State {
    pub(super) storage: Store,
    pub(super) transient: Store,
    pub(super) moved: BTreeMap<Address, Moved>,
    /// Accounts whose nonce or code changes.
    pub(super) fields: BTreeSet<Location>,
    /// Code of accounts that were created; none if it is not known.
    pub(super) created: BTreeMap<Address, Option<Bytes>>,
    pub(super) warm: BTreeSet<Location>,
    /// Whether something was touched of which nobody knows what it is.
    pub(super) blurred: bool,
    /// When balances changed last.
    pub(super) balances: u32,
}

/// What was added to a balance, modulo 2^256.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Moved {
    pub(super) sum: U256,
    /// Whether there was more, nobody knows how much.
    pub(super) more: bool,
}

/// What becomes of the result of a frame.
#[derive(Clone, Copy, Debug)]
pub(super) enum Role {
    /// A call: the range of memory that it is written to.
    Call {
        to: usize,
        len: usize,
    },
    Create(Address),
}

/// A call or creation in progress.
#[derive(Clone, Debug)]
pub(super) struct Frame {
    pub(super) code: Arc<Code>,
    pub(super) pc: usize,
    pub(super) stack: Vec<Word>,
    pub(super) memory: Data,
    pub(super) input: Arc<Data>,
    pub(super) address: Address,
    pub(super) caller: Address,
    pub(super) value: Word,
    pub(super) is_static: bool,
    pub(super) gas: Gas,
    /// The most that is left when a call comes back.
    pub(super) gas_max: u64,
    pub(super) role: Role,
    pub(super) before: Arc<State>,
}

impl Path {
    pub(super) fn new() -> Self {
        let state = State {
            storage: Store::default(),
            transient: Store::transient(),
            moved: BTreeMap::new(),
            fields: BTreeSet::new(),
            created: BTreeMap::new(),
            warm: BTreeSet::new(),
            blurred: false,
            balances: 0,
        };
        let sender = Frame {
            code: Arc::new(Code::new(Bytes::new(), None)),
            pc: 0,
            stack: Vec::new(),
            memory: Data::default(),
            input: Arc::default(),
            address: Address::ZERO,
            caller: Address::ZERO,
            value: Word::ZERO,
            is_static: false,
            gas: Gas::exactly(0),
            gas_max: 0,
            role: Role::Call { to: 0, len: 0 },
            before: Arc::new(state.clone()),
        };
        Self {
            frame: Arc::new(sender),
            callers: Vec::new(),
            returned: Arc::default(),
            state,
            reads: BTreeMap::new(),
            decided: BTreeMap::new(),
            doubt: None,
            numbers: 0,
        }
    }

    /// How many calls and creations are in progress.
    pub(super) const fn depth(&self) -> usize {
        self.callers.len()
    }

    /// Enters a call or creation.
    pub(super) fn enter(&mut self, frame: Frame) {
        self.callers.push(core::mem::replace(&mut self.frame, Arc::new(frame)));
    }

    /// Leaves the frame that runs, if one does: the one below it goes on.
    pub(super) fn leave(&mut self) -> Option<Arc<Frame>> {
        let caller = self.callers.pop()?;
        Some(core::mem::replace(&mut self.frame, caller))
    }

    /// A number that this path has not used before.
    pub(super) const fn number(&mut self) -> u32 {
        self.numbers += 1;
        self.numbers
    }

    /// A word of which only this is known.
    pub(super) fn other(&mut self, what: &str) -> Word {
        let number = self.number();
        Word::atom(Kind::Other(what.into(), number))
    }

    /// The result of an opcode that computes from its arguments alone.
    pub(super) fn compute(&mut self, byte: u8, arguments: [Word; 3]) -> Word {
        compute(byte, arguments).unwrap_or_else(|| self.other("a long computation"))
    }

    /// Whether it goes on like this for sure, up to its decisions.
    pub(super) const fn is_sure(&self) -> bool {
        self.doubt.is_none()
    }

    /// Nobody knows whether it goes on like this.
    pub(super) fn doubt(&mut self, what: &'static str) {
        self.doubt.get_or_insert(what);
    }

    /// It goes on like this if gas suffices.
    pub(super) fn needs(&mut self, suffices: bool) {
        if !suffices {
            self.doubt(GAS);
        }
    }

    /// Notes a read. What is touched on a path that may not be taken is so only perhaps.
    pub(super) fn read(&mut self, place: Place) {
        if !matches!(place, Place::Known(_)) {
            self.state.blurred = true;
        }
        let sure = self.is_sure();
        *self.reads.entry(place).or_insert(sure) |= sure;
    }

    /// How a condition was decided before.
    pub(super) fn decision(&self, condition: &Word) -> Option<bool> {
        let (condition, negated) = condition.condition();
        match condition {
            Word::Known(value) => Some(value.is_zero() == negated),
            condition => Some(self.decided.get(condition)? ^ negated),
        }
    }

    /// Decides a condition.
    pub(super) fn decide(&mut self, condition: &Word, outcome: bool) {
        let (condition, negated) = condition.condition();
        self.decided.insert(condition.clone(), outcome ^ negated);
    }

    /// Whether an account surely has so much, because it got it just now. Nobody knows what
    /// accounts own.
    pub(super) fn can_pay(&self, account: Address, value: &Word) -> bool {
        let has = self.state.moved.get(&account).copied().unwrap_or_default();
        value.known().is_some_and(|value| {
            value.is_zero() || !has.more && !has.sum.bit(255) && has.sum >= value
        })
    }

    /// Moves value.
    pub(super) fn transfer(&mut self, from: Address, to: Address, value: &Word) {
        if value == &Word::ZERO {
            return;
        }
        self.state.balances = self.number();
        if from == to {
            return;
        }
        let amount = value.known();
        for (account, is_payer) in [(from, true), (to, false)] {
            let moved = self.state.moved.entry(account).or_default();
            match amount {
                Some(amount) if is_payer => moved.sum = moved.sum.wrapping_sub(amount),
                Some(amount) => moved.sum = moved.sum.wrapping_add(amount),
                None => moved.more = true,
            }
        }
    }
}

impl Gas {
    pub(super) const fn exactly(gas: u64) -> Self {
        Self { min: gas, max: gas }
    }
}
