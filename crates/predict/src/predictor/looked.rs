//! From the order in which a transaction came to what it touched to what its accesses
//! depend on.

use crate::{
    dependencies::Dependencies,
    state::StateView,
    world::{AccountId, Look, Met, World},
};
use alloy_primitives::{
    Address,
    map::{HashMap, HashSet},
};
use foresee_access::Location;

/// What a transaction looked at, and when it came to each location.
#[derive(Debug)]
pub(super) struct Looked {
    inputs: Vec<Location>,
    /// The same as a set.
    seen: HashSet<Location>,
    /// How many inputs there were when a location was accessed first.
    before: HashMap<Location, u32>,
}

impl Looked {
    /// What the transaction at hand has looked at, if that is asked for. It must not be put
    /// in the order of access sets yet.
    pub(super) fn new<S: StateView>(world: &World<S>, sender: AccountId) -> Option<Self> {
        let met = world.met_in_order()?;
        let sender = world.account(sender).address;
        let mut looked = Self {
            inputs: Vec::new(),
            seen: HashSet::default(),
            // Its own account a transaction comes to before anything else.
            before: [Location::balance(sender), Location::nonce(sender)]
                .map(|at| (at, 0))
                .into_iter()
                .collect(),
        };
        for met in met {
            match met {
                Met::Slot(account, key) => {
                    looked.look(Location::slot(account.address, key));
                }
                Met::Account(account, look) => {
                    let decides = account.address != sender && world.existed_by_balance(account);
                    looked.look_at_account(account.address, look, decides);
                }
            }
        }
        Some(looked)
    }

    /// Adds a look at fields of an account, of which the balance may decide whether it is
    /// empty.
    fn look_at_account(&mut self, address: Address, look: Look, balance_decides: bool) {
        if look.contains(Look::CODE) {
            self.look(Location::code(address));
        }
        if look.contains(Look::NONCE) {
            self.look(Location::nonce(address));
        }
        let balance = Location::balance(address);
        let exists = look.contains(Look::EXISTENCE) && balance_decides;
        if look.intersects(Look::BALANCE | Look::FUNDS) || exists {
            self.look(balance);
        }
        if look.contains(Look::VACANCY) && balance_decides {
            // In no set: the balance is read by whoever comes to it later, if at all.
            self.add(balance);
        }
    }

    /// Adds a look at a location, which is a read.
    fn look(&mut self, location: Location) {
        self.before.entry(location).or_insert(self.inputs.len() as u32);
        self.add(location);
    }

    /// Adds an input.
    fn add(&mut self, location: Location) {
        if self.seen.insert(location) {
            self.inputs.push(location);
        }
    }

    /// What these reads depend on.
    pub(super) fn dependencies(self, reads: impl Iterator<Item = Location>) -> Dependencies {
        let before = |read| {
            let before = self.before.get(&read);
            debug_assert!(before.is_some(), "{read} is read, but nobody came to it");
            before.copied().unwrap_or(self.inputs.len() as u32)
        };
        let reads = reads.map(before).collect();
        Dependencies { reads, inputs: self.inputs }
    }
}
