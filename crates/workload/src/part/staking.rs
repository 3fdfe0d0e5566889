//! Stakes rewarded by the second: every change settles one running sum.

use super::{Part, tokens};
use crate::{
    GenerateError, STAKING,
    abi::{Staking as Contract, Token},
    draft::Draft,
    people::Person,
    setting::Setting,
};
use alloy_primitives::{Address, U256};
use alloy_sol_types::SolConstructor;
use std::collections::BTreeSet;

/// What a staker, and the contract for rewards, owns at first.
const HOLDING: u64 = 10_u64.pow(18);
/// What a staker has staked before the block.
const STAKED: u128 = 10_u128.pow(15);
/// Reward a second, for all stakes together.
const RATE: u64 = 10_u64.pow(9);
/// Gas that any single call finds enough.
const STAKING_GAS: u64 = 400_000;

/// The contract and its stakers.
#[derive(Debug)]
pub(crate) struct Staking {
    contract: Address,
    token: Address,
    stakers: BTreeSet<Person>,
}

impl Staking {
    /// A contract with rewards to give.
    ///
    /// # Errors
    /// If the set-up fails.
    pub(crate) fn new(setting: &mut Setting) -> Result<Self, GenerateError> {
        let token = tokens::create_token(setting, 0)?;
        let arguments = Contract::constructorCall { token, rate: U256::from(RATE) };
        let contract = setting.create(STAKING, &arguments.abi_encode())?;
        tokens::give(setting, token, contract, HOLDING)?;
        Ok(Self { contract, token, stakers: BTreeSet::new() })
    }

    /// Someone with a stake.
    fn staker(&mut self, setting: &mut Setting) -> Result<Person, GenerateError> {
        let person = setting.someone()?;
        if self.stakers.insert(person) {
            tokens::give(setting, self.token, setting.address(person), HOLDING)?;
            let approve = Token::approveCall { spender: self.contract, value: U256::MAX };
            setting.prepare(person, self.token, U256::ZERO, &approve)?;
            let call = Contract::stakeCall { amount: STAKED };
            setting.prepare(person, self.contract, U256::ZERO, &call)?;
        }
        Ok(person)
    }
}

impl Part for Staking {
    fn draft(&mut self, setting: &mut Setting) -> Result<Draft, GenerateError> {
        let from = self.staker(setting)?;
        let amount = u128::from(setting.random.between(1, 10_u64.pow(14)));
        let (to, gas) = (self.contract, STAKING_GAS);
        Ok(match setting.random.weighted(&[40, 25, 30, 5]) {
            0 => Draft::call(from, to, gas, &Contract::stakeCall { amount }),
            1 => Draft::call(from, to, gas, &Contract::unstakeCall { amount }),
            2 => Draft::call(from, to, gas, &Contract::harvestCall {}),
            // Someone wants more than was staked.
            _ => Draft::call(from, to, gas, &Contract::unstakeCall { amount: u128::MAX }),
        })
    }
}
