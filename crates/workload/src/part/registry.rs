//! Writes to every shape of storage: strings, arrays, packed structs, nested
//! mappings, a set and a bitmap.

use super::Part;
use crate::{
    Contract, GenerateError, REGISTRY, REGISTRY_IR, abi, draft::Draft, people::Person,
    setting::Setting,
};
use alloy_primitives::{Address, U256};
use alloy_sol_types::SolConstructor;

/// Gas that any single call finds enough.
const REGISTRY_GAS: u64 = 500_000;
/// Rows, ratings and members before the block.
const EARLIER: u64 = 4;

/// The contract, and the names that will be registered when the next
/// transaction executes.
#[derive(Debug)]
pub(crate) struct Registry {
    contract: Address,
    names: Vec<(Person, String)>,
}

impl Registry {
    /// A registry, compiled directly.
    ///
    /// # Errors
    /// If the set-up fails.
    pub(crate) fn new(setting: &mut Setting) -> Result<Self, GenerateError> {
        Self::at(setting, REGISTRY)
    }

    /// A registry, compiled through the IR.
    ///
    /// # Errors
    /// If the set-up fails.
    pub(crate) fn through_ir(setting: &mut Setting) -> Result<Self, GenerateError> {
        Self::at(setting, REGISTRY_IR)
    }

    fn at(setting: &mut Setting, contract: Contract) -> Result<Self, GenerateError> {
        let title = "A registry of names, with a title longer than one word".into();
        let arguments = abi::Registry::constructorCall { title };
        let contract = setting.create(contract, &arguments.abi_encode())?;
        for number in 0..EARLIER {
            let values = (0..number).map(U256::from).collect();
            setting.manage(contract, &abi::Registry::rowCall { values })?;
            setting.manage(contract, &abi::Registry::rateCall { stars: number as u8 })?;
            let member = setting.stranger()?;
            setting.prepare(member, contract, U256::ZERO, &abi::Registry::joinCall {})?;
        }
        Ok(Self { contract, names: Vec::new() })
    }

    /// Registers a name, or writes again about one.
    fn name(&mut self, setting: &mut Setting) -> Result<Draft, GenerateError> {
        let about = setting.random.text(0, 90);
        if !self.names.is_empty() && setting.random.chance(45) {
            let (owner, name) = self.names[setting.random.index(self.names.len())].clone();
            let call = abi::Registry::describeCall { name, about };
            return Ok(Draft::call(owner, self.contract, REGISTRY_GAS, &call));
        }
        let owner = setting.someone()?;
        let name = setting.random.text(2, 40);
        self.names.push((owner, name.clone()));
        let call = abi::Registry::registerCall { name, about };
        Ok(Draft::call(owner, self.contract, REGISTRY_GAS, &call))
    }

    fn array(&self, setting: &mut Setting) -> Result<Draft, GenerateError> {
        let (from, to, gas) = (setting.someone()?, self.contract, REGISTRY_GAS);
        let value = setting.random.below(60_000);
        Ok(match setting.random.below(7) {
            0 => {
                let place = U256::from(setting.random.below(20));
                Draft::call(from, to, gas, &abi::Registry::scoreCall { place, value: value as u16 })
            }
            1 => Draft::call(from, to, gas, &abi::Registry::rateCall { stars: value as u8 }),
            2 => Draft::call(from, to, gas, &abi::Registry::unrateCall {}),
            3 => {
                let values = (0..setting.random.below(5)).map(U256::from).collect();
                Draft::call(from, to, gas, &abi::Registry::rowCall { values })
            }
            4 => {
                let (place, value) = (U256::from(setting.random.below(EARLIER)), U256::from(value));
                Draft::call(from, to, gas, &abi::Registry::addToCall { place, value })
            }
            5 => {
                let entry = setting.random.text(0, 40).into_bytes().into();
                Draft::call(from, to, gas, &abi::Registry::writeCall { entry })
            }
            _ => {
                let entry = setting.random.text(0, 100).into_bytes().into();
                Draft::call(from, to, gas, &abi::Registry::rewriteCall { entry })
            }
        })
    }

    fn mapping(&self, setting: &mut Setting) -> Result<Draft, GenerateError> {
        let (from, to, gas) = (setting.someone()?, self.contract, REGISTRY_GAS);
        Ok(match setting.random.below(5) {
            0 | 1 => {
                let motion = U256::from(setting.random.below(6));
                let (round, yes) = (setting.random.below(3) as u8, setting.random.chance(50));
                let weight = u128::from(setting.random.below(1000));
                let call = abi::Registry::voteCall { motion, round, yes, weight };
                Draft::call(from, to, gas, &call)
            }
            2 => {
                let index = U256::from(setting.random.below(1024));
                Draft::call(from, to, gas, &abi::Registry::claimCall { index })
            }
            3 => {
                let (role, who) = (setting.random.word(), setting.recipient());
                Draft::call(from, to, gas, &abi::Registry::grantCall { role, who })
            }
            _ if setting.random.chance(70) => {
                Draft::call(from, to, gas, &abi::Registry::joinCall {})
            }
            _ => Draft::call(from, to, gas, &abi::Registry::resignCall {}),
        })
    }
}

impl Part for Registry {
    fn draft(&mut self, setting: &mut Setting) -> Result<Draft, GenerateError> {
        match setting.random.weighted(&[30, 35, 35]) {
            0 => self.name(setting),
            1 => self.array(setting),
            _ => self.mapping(setting),
        }
    }
}
