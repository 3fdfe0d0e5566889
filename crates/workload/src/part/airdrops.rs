//! Tokens for many: a list at once, or one each against a Merkle proof.

use super::{Part, tokens};
use crate::{
    AIRDROP, GenerateError,
    abi::{Airdrop, Token},
    draft::Draft,
    people::Person,
    setting::Setting,
};
use alloy_primitives::{Address, B256, U256, keccak256};
use alloy_sol_types::{SolConstructor, SolValue};

/// What the contract hands out, and each distributor owns, at first.
const HOLDING: u64 = 10_u64.pow(18);
/// What one place in the list is worth.
const SHARE: u64 = 1000;
/// The longest list.
const DROPS_MAX: u64 = 24;
/// Gas of a claim.
const CLAIM_GAS: u64 = 250_000;
/// Gas of a place in a list, and of a list without places.
const DROP_GAS: (u64, u64) = (45_000, 80_000);

/// A contract, and the tree of those who may claim.
#[derive(Debug)]
pub(crate) struct Airdrops {
    contract: Address,
    token: Address,
    distributors: Vec<Person>,
    places: Vec<Address>,
    /// Hashes of the tree, leaves first, the root last.
    layers: Vec<Vec<B256>>,
    claimed: usize,
}

impl Airdrops {
    /// A tree of at least `places` places.
    ///
    /// # Errors
    /// If the set-up fails.
    pub(crate) fn new(setting: &mut Setting, places: usize) -> Result<Self, GenerateError> {
        let places = (0..places.next_power_of_two()).map(|_| setting.recipient());
        let places: Vec<_> = places.collect();
        let leaves = places.iter().enumerate().map(|(index, &place)| leaf(index, place)).collect();
        let mut layers: Vec<Vec<B256>> = vec![leaves];
        while let Some(layer) = layers.last().filter(|layer| layer.len() > 1) {
            let next = layer.chunks_exact(2).map(|pair| join(pair[0], pair[1])).collect();
            layers.push(next);
        }
        let token = tokens::create_token(setting, 0)?;
        let root = layers.last().and_then(|layer| layer.first()).copied().unwrap_or_default();
        let arguments = Airdrop::constructorCall { token, root };
        let contract = setting.create(AIRDROP, &arguments.abi_encode())?;
        tokens::give(setting, token, contract, HOLDING)?;
        let distributors = (0..3).map(|_| distributor(setting, contract, token));
        let distributors = distributors.collect::<Result<_, _>>()?;
        Ok(Self { contract, token, distributors, places, layers, claimed: 0 })
    }

    fn drop_to_many(&self, setting: &mut Setting) -> Draft {
        let from = self.distributors[setting.random.index(self.distributors.len())];
        let count = setting.random.between(1, DROPS_MAX);
        let accounts: Vec<_> = (0..count).map(|_| setting.recipient()).collect();
        let amounts =
            accounts.iter().map(|_| U256::from(setting.random.between(1, SHARE))).collect();
        let gas_limit = DROP_GAS.0 * count + DROP_GAS.1;
        Draft::call(from, self.contract, gas_limit, &Airdrop::dropCall { accounts, amounts })
    }

    fn claim(&self, from: Person, index: usize, account: Address) -> Draft {
        let (mut position, mut proof) = (index, Vec::new());
        for layer in &self.layers[..self.layers.len() - 1] {
            proof.push(layer[position ^ 1]);
            position /= 2;
        }
        let (amount, index) = (U256::from(SHARE), U256::from(index));
        let call = Airdrop::claimCall { index, account, amount, proof };
        Draft::call(from, self.contract, CLAIM_GAS, &call)
    }
}

impl Part for Airdrops {
    fn draft(&mut self, setting: &mut Setting) -> Result<Draft, GenerateError> {
        let from = setting.someone()?;
        match setting.random.weighted(&[35, 55, 5, 5]) {
            1 if self.claimed < self.places.len() => {
                self.claimed += 1;
                Ok(self.claim(from, self.claimed - 1, self.places[self.claimed - 1]))
            }
            // Someone claims what is claimed already.
            2 if self.claimed > 0 => {
                let index = setting.random.index(self.claimed);
                Ok(self.claim(from, index, self.places[index]))
            }
            // Someone claims another's place.
            3 => Ok(self.claim(from, self.places.len() - 1, self.token)),
            _ => Ok(self.drop_to_many(setting)),
        }
    }
}

fn distributor(
    setting: &mut Setting,
    contract: Address,
    token: Address,
) -> Result<Person, GenerateError> {
    let person = setting.stranger()?;
    tokens::give(setting, token, setting.address(person), HOLDING)?;
    let approve = Token::approveCall { spender: contract, value: U256::MAX };
    setting.prepare(person, token, U256::ZERO, &approve)?;
    Ok(person)
}

fn leaf(index: usize, account: Address) -> B256 {
    keccak256((U256::from(index), account, U256::from(SHARE)).abi_encode())
}

/// The contract joins the smaller hash with the larger.
fn join(a: B256, b: B256) -> B256 {
    keccak256(if a < b { [a, b] } else { [b, a] }.concat())
}
