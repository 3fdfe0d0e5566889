//! What a transaction accesses as far as calldata, caller and bytecode tell, without storage.
//!
//! Bytecode is followed with values that are known or *symbols*: what a slot holds, what is
//! computed from that. Where a condition is a symbol the way parts, and both ways are
//! followed. What all ways touch is certain, whatever storage holds; what some touch is
//! possible; and where a key or an account is itself a symbol, its place is known by name
//! only.
//!
//! Code is taken as it was before the block; balances are not taken for granted, since they
//! change within it. Gas is known between two bounds.
//!
//! What keeps it honest: a way that nobody can follow (a call of code that is not known, a
//! jump or an offset that is a symbol, one of the limits) counts with what it touched until
//! there, and behind a point from where execution may not go on nothing is certain. Opcodes
//! that compute, their gas and names of slots are the ones that predictions use.

mod call;
mod code;
mod data;
mod gas;
mod name;
mod path;
mod state;
mod step;
mod store;
mod walk;
mod word;

use crate::{
    machine::TxContext,
    rules::Rules,
    state::{Lookup, StateView},
    unknown::Unknown,
};
use alloy_primitives::{Address, Bytes, TxKind, U256};
use code::{Code, delegation};
use data::Data;
use foresee_access::{AccessSet, Field, Location};
use name::Namer;
use path::{Frame, Gas, Path, Place, Role};
use revm::{
    context::{BlockEnv, CfgEnv, TxEnv},
    context_interface::transaction::{AuthorizationTr, Transaction},
    primitives::hardfork::SpecId,
};
use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};
use walk::{Leaf, Walker};
use word::Word;

/// What is known of the accesses of a transaction without storage.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outline {
    /// What it accesses whatever storage holds.
    pub certain: AccessSet,
    /// What it accesses for some values in storage, sorted; not what is certain.
    pub possible: AccessSet,
    /// What it may access of which storage tells where it is, sorted.
    pub symbolic: Vec<SymbolicAccess>,
    /// What the slots are, for those whose shape is known, sorted by location.
    pub labels: Vec<(Location, String)>,
    /// Why there may be more. If it is empty, there are no other accesses.
    pub unknown: Vec<Unknown>,
}

/// An access to a place that depends on storage.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SymbolicAccess {
    /// The account, if it is known.
    pub address: Option<Address>,
    /// The account in words, if it is not.
    pub account: Option<String>,
    /// What of the account.
    pub field: SymbolicField,
    /// Whether it may be written.
    pub written: bool,
}

/// A part of an account, as far as it is known.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SymbolicField {
    /// The balance.
    Balance,
    /// The code.
    Code,
    /// A slot, in words.
    Slot(String),
}

impl Outline {
    /// Whether there can be no access but those that are certain or possible.
    pub fn is_closed(&self) -> bool {
        self.symbolic.is_empty() && self.unknown.is_empty()
    }

    /// Certain and possible accesses together.
    pub fn all(&self) -> AccessSet {
        self.certain.touches().chain(self.possible.touches()).collect()
    }

    /// The label of a location.
    pub fn label(&self, location: &Location) -> Option<&str> {
        let found = self.labels.binary_search_by_key(location, |(labelled, _)| *labelled);
        Some(&self.labels[found.ok()?].1)
    }
}

/// Tells what the transactions of a block access, each alone, over a state without storage.
#[derive(Debug)]
pub struct Outliner<S> {
    rules: Rules,
    block: BlockEnv,
    view: S,
    /// Code by account, for all transactions.
    codes: BTreeMap<Address, Option<Arc<Code>>>,
}

impl<S: StateView> Outliner<S> {
    /// An outliner for a block. Of the state it looks at code alone.
    pub fn new(cfg: &CfgEnv, block: &BlockEnv, view: S) -> Self {
        Self { rules: Rules::new(cfg), block: block.clone(), view, codes: BTreeMap::new() }
    }

    /// What a transaction accesses, if it is valid.
    ///
    /// # Errors
    ///
    /// If the underlying state fails.
    pub fn outline(&mut self, tx: &TxEnv) -> Result<Outline, S::Error> {
        let mut context = TxContext::of_block(&self.block, &self.rules);
        context.set_transaction(tx, &self.block);
        let mut walker = Walker {
            view: &self.view,
            rules: &self.rules,
            context: &context,
            tx,
            beneficiary: self.block.beneficiary,
            codes: core::mem::take(&mut self.codes),
            namer: Namer::default(),
            unknown: Vec::new(),
            steps: 0,
            waiting: VecDeque::new(),
            leaves: Vec::new(),
        };
        let walked = match self.rules.at_least(SpecId::AMSTERDAM) {
            true => {
                walker.unknown.push(Unknown::Fork);
                Ok(())
            }
            false => walker.begin().and_then(|path| walker.walk(path)),
        };
        self.codes = core::mem::take(&mut walker.codes);
        walked?;
        Ok(merge(walker))
    }
}

/// The code of an account before the block; none if it is not at hand.
fn code_before<S: StateView>(view: &S, account: Address) -> Result<Option<Code>, S::Error> {
    let info = match view.account(account)? {
        Lookup::Ready(info) => info.unwrap_or_default(),
        Lookup::Missing => return Ok(None),
    };
    let hash = info.code_hash();
    let code = match info.code {
        Some(code) => code,
        None if info.is_empty_code_hash() => return Ok(Some(Code::new(Bytes::new(), None))),
        None => match view.code(hash)? {
            Lookup::Ready(code) => code,
            Lookup::Missing => return Ok(None),
        },
    };
    Ok(Some(Code::new(code.original_bytes(), Some(hash))))
}

impl<S: StateView> Walker<'_, S> {
    /// The path that a transaction begins with.
    fn begin(&mut self) -> Result<Path, S::Error> {
        let tx = self.tx;
        let mut path = Path::new();
        let sender = tx.caller;
        self.warm_list(&mut path);
        path.state.warm.insert(Location::code(sender));
        self.authorize(&mut path);
        let gas = tx.gas_limit.saturating_sub(self.rules.initial_gas(tx).initial_total_gas());
        let gas = Gas::exactly(gas);
        let value = Word::Known(tx.value);
        let to = match tx.kind {
            TxKind::Create => {
                let account = sender.create(tx.nonce);
                path.read(Place::Known(Location::code(account)));
                path.state.warm.insert(Location::code(account));
                self.enter_creation(&mut path, (sender, account), value, tx.data.clone(), gas);
                return Ok(path);
            }
            TxKind::Call(to) => to,
        };
        path.read(Place::Known(Location::code(to)));
        path.state.warm.insert(Location::code(to));
        let mut code = self.code(&path, to)?;
        if let Some(delegate) = code.as_ref().and_then(|code| code.delegate) {
            path.read(Place::Known(Location::code(delegate)));
            path.state.warm.insert(Location::code(delegate));
            code = self.code(&path, delegate)?;
        }
        let before = Arc::new(path.state.clone());
        path.transfer(sender, to, &value);
        // A precompiled contract touches nothing more.
        match code {
            None => self.lacks(Unknown::Callee(to.to_string())),
            Some(_) if self.rules.precompiles.contains(&to) => {
                path.doubt("what a precompiled contract computes");
            }
            Some(code) if code.bytes.is_empty() && tx.data.is_empty() => {}
            Some(code) if code.bytes.is_empty() => {
                let name = format!("{to}, which had no code before the block");
                self.lacks(Unknown::Callee(name));
            }
            Some(code) => path.enter(Frame {
                code,
                pc: 0,
                stack: Vec::new(),
                memory: Data::default(),
                input: Arc::new(Data::new(tx.data.to_vec())),
                address: to,
                caller: sender,
                value,
                is_static: false,
                gas,
                gas_max: gas.max,
                role: Role::Call { to: 0, len: 0 },
                before,
            }),
        }
        Ok(path)
    }

    /// Sets the delegations that authorizations ask for, as if they were valid, which
    /// depends on nonces: nothing behind them is certain
    /// ([EIP-7702](https://eips.ethereum.org/EIPS/eip-7702)).
    fn authorize(&self, path: &mut Path) {
        for authorization in self.tx.authorization_list() {
            let chain_id = authorization.chain_id();
            let ours = chain_id.is_zero() || chain_id == U256::from(self.rules.chain_id);
            let Some(authority) = authorization.authority() else { continue };
            if !ours || authorization.nonce() == u64::MAX {
                continue;
            }
            path.doubt("whether an authorization is valid");
            path.read(Place::Known(Location::nonce(authority)));
            path.read(Place::Known(Location::code(authority)));
            let target = authorization.address();
            let code = if target.is_zero() { Bytes::new() } else { delegation(target) };
            path.state.warm.insert(Location::code(authority));
            path.state.created.insert(authority, Some(code));
            path.state.fields.extend([Location::nonce(authority), Location::code(authority)]);
        }
    }
}

/// What all paths together say.
fn merge<S>(walker: Walker<'_, S>) -> Outline {
    let Walker { leaves, namer, tx, unknown, .. } = walker;
    let mut reads = merged(&leaves, |leaf| &leaf.reads);
    let mut writes = merged(&leaves, |leaf| &leaf.writes);
    // Whatever happens, the sender's nonce goes up, and it pays. It may get that back.
    let [balance, nonce] = [Location::balance(tx.caller), Location::nonce(tx.caller)];
    writes.insert(Place::Known(nonce), true);
    if tx.gas_price != 0 {
        writes.entry(Place::Known(balance)).or_insert(true);
    }
    // Credits are settled at commit, and the sender's part, unless code looks at them.
    let mut settled: Vec<_> = located(&writes).map(|(location, _)| location).collect();
    settled.push(balance);
    settled.retain(|location| {
        let settles = location.field == Field::Balance || *location == nonce;
        settles && !reads.contains_key(&Place::Known(*location))
    });
    reads.extend([balance, nonce].map(|location| (Place::Known(location), true)));
    let [certain, possible] = [true, false].map(|sure| {
        let of = |places| {
            let those = located(places).filter(|(_, certain)| *certain == sure);
            those.map(|(location, _)| location).collect::<Vec<_>>()
        };
        let (reads, writes) = (of(&reads), of(&writes));
        let mut settled = settled.clone();
        settled.retain(|location| reads.contains(location) || writes.contains(location));
        AccessSet::new(reads, writes, settled)
    });
    let mut symbolic = BTreeMap::<SymbolicAccess, bool>::new();
    for (places, written) in [(&reads, false), (&writes, true)] {
        for access in places.keys().filter_map(|place| symbolic_access(place, &namer)) {
            *symbolic.entry(access).or_default() |= written;
        }
    }
    let labels = namer.labels().filter(|(location, _)| {
        let place = Place::Known(*location);
        reads.contains_key(&place) || writes.contains_key(&place)
    });
    Outline {
        certain,
        possible,
        symbolic: symbolic
            .into_iter()
            .map(|(access, written)| SymbolicAccess { written, ..access })
            .collect(),
        labels: labels.map(|(location, label)| (location, label.to_owned())).collect(),
        unknown,
    }
}

/// The places whose location is known.
fn located(places: &BTreeMap<Place, bool>) -> impl Iterator<Item = (Location, bool)> {
    places.iter().filter_map(|(place, certain)| match place {
        Place::Known(location) => Some((*location, *certain)),
        _ => None,
    })
}

/// What any path does, and whether all do so for sure.
fn merged(leaves: &[Leaf], of: fn(&Leaf) -> &BTreeMap<Place, bool>) -> BTreeMap<Place, bool> {
    let mut counts = BTreeMap::<&Place, usize>::new();
    for (place, sure) in leaves.iter().flat_map(of) {
        *counts.entry(place).or_default() += usize::from(*sure);
    }
    counts.into_iter().map(|(place, sure)| (place.clone(), sure == leaves.len())).collect()
}

fn symbolic_access(place: &Place, namer: &Namer) -> Option<SymbolicAccess> {
    let name = || namer.of(place).to_owned();
    let (address, account, field) = match place {
        Place::Known(_) => return None,
        Place::Balance(_) => (None, Some(name()), SymbolicField::Balance),
        Place::Code(_) => (None, Some(name()), SymbolicField::Code),
        Place::Slot(address, _) => (Some(*address), None, SymbolicField::Slot(name())),
    };
    Some(SymbolicAccess { address, account, field, written: false })
}
