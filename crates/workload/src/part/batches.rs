//! Several calls in one transaction, to other contracts and to itself.

use super::{Part, Tokens};
use crate::{
    GenerateError, MULTICALL,
    abi::{Multicall, Token},
    draft::Draft,
    people::Person,
    setting::Setting,
};
use alloy_primitives::{Address, Bytes, U256};
use alloy_sol_types::SolCall;
use std::collections::BTreeSet;

/// The most calls in one batch.
const CALLS_MAX: u64 = 8;
/// The most one call moves, in wei or in a token.
const AMOUNT_MAX: u64 = 10_u64.pow(12);
/// What a user has loaded at first, in wei.
const CREDIT_WEI: u64 = 10_u64.pow(15);
/// Gas of each call in a batch, and of an empty batch.
const BATCH_GAS: (u64, u64) = (80_000, 80_000);

/// The batching contract, and tokens to move through it.
#[derive(Debug)]
pub(crate) struct Batches {
    contract: Address,
    tokens: Tokens,
    approved: BTreeSet<(Address, Person)>,
    loaded: BTreeSet<Person>,
}

impl Batches {
    /// A batching contract.
    ///
    /// # Errors
    /// If the set-up fails.
    pub(crate) fn new(setting: &mut Setting) -> Result<Self, GenerateError> {
        let contract = setting.create(MULTICALL, &[])?;
        let tokens = Tokens::mixed(setting)?;
        Ok(Self { contract, tokens, approved: BTreeSet::new(), loaded: BTreeSet::new() })
    }

    /// Calls to tokens and to people, some of which may fail and do.
    fn aggregate(&mut self, setting: &mut Setting) -> Result<Draft, GenerateError> {
        let (token, owner) = self.tokens.holding(setting)?;
        if self.approved.insert((token, owner)) {
            let approve = Token::approveCall { spender: self.contract, value: U256::MAX };
            setting.prepare(owner, token, U256::ZERO, &approve)?;
        }
        let count = setting.random.between(1, CALLS_MAX);
        let (from, mut total) = (setting.address(owner), 0);
        let calls = (0..count)
            .map(|_| {
                let (to, amount) = (setting.recipient(), setting.random.between(1, AMOUNT_MAX));
                let value = U256::from(amount);
                match setting.random.weighted(&[55, 20, 15, 10]) {
                    0 => token_call(token, &Token::transferFromCall { from, to, value }),
                    1 => token_call(token, &Token::balanceOfCall { owner: to }),
                    2 => {
                        total += amount;
                        Multicall::Call { to, mayFail: true, value, data: Bytes::new() }
                    }
                    // The contract itself owns nothing.
                    _ => token_call(token, &Token::transferCall { to, value }),
                }
            })
            .collect();
        let gas_limit = BATCH_GAS.0 * count + BATCH_GAS.1;
        let call = Multicall::aggregateCall { calls };
        Ok(Draft::call(owner, self.contract, gas_limit, &call).with_value(total))
    }

    /// Calls of the contract to itself, in the caller's name.
    fn multicall(&mut self, setting: &mut Setting) -> Result<Draft, GenerateError> {
        let from = setting.someone()?;
        if self.loaded.insert(from) {
            let call = Multicall::loadCall {};
            setting.prepare(from, self.contract, U256::from(CREDIT_WEI), &call)?;
        }
        let count = setting.random.between(1, CALLS_MAX);
        let calls = (0..count)
            .map(|_| {
                if setting.random.chance(30) {
                    return Multicall::noteCall { text: setting.random.word() }.abi_encode().into();
                }
                let to = setting.recipient();
                let value = U256::from(setting.random.between(1, CREDIT_WEI / 6));
                Multicall::giveCall { to, value }.abi_encode().into()
            })
            .collect();
        let gas_limit = BATCH_GAS.0 * count + BATCH_GAS.1;
        Ok(Draft::call(from, self.contract, gas_limit, &Multicall::multicallCall { calls }))
    }
}

impl Part for Batches {
    fn draft(&mut self, setting: &mut Setting) -> Result<Draft, GenerateError> {
        if setting.random.chance(60) { self.aggregate(setting) } else { self.multicall(setting) }
    }
}

fn token_call(token: Address, call: &impl SolCall) -> Multicall::Call {
    let data = call.abi_encode().into();
    Multicall::Call { to: token, mayFail: true, value: U256::ZERO, data }
}
