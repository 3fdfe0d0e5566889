//! Where a scenario plays: a state under construction, the people in it, and the
//! draw of who acts next.

use crate::{
    Contract, GenerateError,
    people::{People, Person},
    random::{Random, Zipf},
    world::World,
};
use alloy_primitives::{Address, Bytes, U256, address};
use alloy_sol_types::SolCall;
use revm::primitives::hardfork::SpecId;
use std::collections::BTreeSet;

/// Chain id of generated blocks.
pub(crate) const CHAIN_ID: u64 = 1337;
/// Rules of generated blocks.
pub(crate) const SPEC: SpecId = SpecId::OSAKA;
/// Time of the block, in seconds.
pub(crate) const TIMESTAMP: u64 = 1_800_000_000;
/// A time that no block reaches.
pub(crate) const NEVER: u64 = u64::MAX;
/// Creates and owns the contracts.
const DEPLOYER: Address = address!("0xde9107e400000000000000000000000000000001");
/// Time of the set-up, an hour before the block.
const SETUP_TIMESTAMP: u64 = TIMESTAMP - 3600;

/// Where a scenario plays.
pub(crate) struct Setting {
    /// The state before the block.
    pub(crate) world: World,
    /// The source of chance.
    pub(crate) random: Random,
    /// Everyone with a key.
    pub(crate) people: People,
    /// People whose accounts have code, or will have when the next transaction
    /// executes, so that paying them takes more gas.
    pub(crate) delegated: BTreeSet<Address>,
    crowd: Crowd,
}

/// Who acts.
#[derive(Debug)]
enum Crowd {
    /// Always someone new, paying someone new.
    Strangers,
    /// The same people again and again, a few of them much more often.
    Regulars(Vec<Person>, Zipf),
}

impl Setting {
    /// An empty setting in which everyone acts once.
    pub(crate) fn of_strangers(label: &str, seed: u64) -> Self {
        Self {
            world: World::new(CHAIN_ID, SPEC, SETUP_TIMESTAMP),
            random: Random::new(label, seed),
            people: People::new(seed),
            delegated: BTreeSet::new(),
            crowd: Crowd::Strangers,
        }
    }

    /// An empty setting in which `count` people act, a few of them much more often.
    ///
    /// # Errors
    /// If a key cannot be derived.
    pub(crate) fn of_regulars(label: &str, seed: u64, count: usize) -> Result<Self, GenerateError> {
        let mut setting = Self::of_strangers(label, seed);
        let people = (0..count).map(|_| setting.stranger()).collect::<Result<_, _>>()?;
        setting.crowd = Crowd::Regulars(people, Zipf::new(count));
        Ok(setting)
    }

    /// Whoever acts next.
    ///
    /// # Errors
    /// If a key cannot be derived.
    pub(crate) fn someone(&mut self) -> Result<Person, GenerateError> {
        match &self.crowd {
            Crowd::Strangers => self.stranger(),
            Crowd::Regulars(people, zipf) => Ok(people[zipf.draw(&mut self.random)]),
        }
    }

    /// Someone who has not acted and will not act again by chance.
    ///
    /// # Errors
    /// If a key cannot be derived.
    pub(crate) fn stranger(&mut self) -> Result<Person, GenerateError> {
        self.people.arrive(&mut self.world)
    }

    /// Whoever receives next: among regulars one of them or, now and then, a new
    /// address; among strangers always a new address.
    pub(crate) fn recipient(&mut self) -> Address {
        match &self.crowd {
            Crowd::Regulars(people, zipf) if !self.random.chance(15) => {
                self.people.address(people[zipf.draw(&mut self.random)])
            }
            _ => self.random.address(),
        }
    }

    /// The address of someone.
    pub(crate) fn address(&self, person: Person) -> Address {
        self.people.address(person)
    }

    /// Creates a contract in the state before the block.
    ///
    /// # Errors
    /// If the constructor fails.
    pub(crate) fn create(
        &mut self,
        contract: Contract,
        arguments: &[u8],
    ) -> Result<Address, GenerateError> {
        self.world.create(DEPLOYER, contract, arguments)
    }

    /// Calls a contract, as its owner, in the state before the block.
    ///
    /// # Errors
    /// If the call fails.
    pub(crate) fn manage(
        &mut self,
        to: Address,
        call: &impl SolCall,
    ) -> Result<Bytes, GenerateError> {
        self.world.call(DEPLOYER, to, U256::ZERO, call.abi_encode())
    }

    /// Calls a contract, as someone, in the state before the block.
    ///
    /// # Errors
    /// If the call fails.
    pub(crate) fn prepare(
        &mut self,
        person: Person,
        to: Address,
        value: U256,
        call: &impl SolCall,
    ) -> Result<(), GenerateError> {
        self.world.call(self.people.address(person), to, value, call.abi_encode()).map(drop)
    }

    /// Who creates and owns the contracts.
    pub(crate) const fn deployer(&self) -> Address {
        DEPLOYER
    }
}
