//! Transfers, allowances and signed approvals of tokens (EIP-20, EIP-2612).

use super::Part;
use crate::{
    GenerateError, TOKEN, TOKEN_IR,
    abi::{Permit, Token},
    draft::Draft,
    people::Person,
    random::Zipf,
    setting::{CHAIN_ID, NEVER, Setting},
};
use alloy_eips::eip2930::{AccessList, AccessListItem};
use alloy_primitives::{Address, U256};
use alloy_sol_types::{Eip712Domain, SolConstructor, SolStruct};
use std::collections::{BTreeMap, BTreeSet};

/// What a holder owns at first.
const HOLDING: u64 = 10_u64.pow(18);
/// The most one transfer moves.
const TRANSFER_MAX: u64 = 10_u64.pow(12);
/// Gas that any single token call finds enough.
const TOKEN_GAS: u64 = 100_000;
/// Of 100 calls: transfers, transfers by a spender, approvals, permits, burns,
/// and transfers of more than the sender owns.
const HOT: [u64; 6] = [74, 12, 6, 3, 2, 3];
/// The same without what meets in one slot.
const COLD: [u64; 6] = [82, 10, 5, 3, 0, 0];

/// A few tokens, the first of them used most.
#[derive(Debug)]
pub(crate) struct Tokens {
    tokens: Vec<Address>,
    popularity: Zipf,
    weights: [u64; 6],
    holders: BTreeSet<(Address, Person)>,
    permits: BTreeMap<(Address, Person), u64>,
}

impl Tokens {
    /// One token for everyone.
    ///
    /// # Errors
    /// If the set-up fails.
    pub(crate) fn hot(setting: &mut Setting) -> Result<Self, GenerateError> {
        Self::new(setting, 1, HOT)
    }

    /// Several tokens, some of them compiled through the IR.
    ///
    /// # Errors
    /// If the set-up fails.
    pub(crate) fn cold(setting: &mut Setting) -> Result<Self, GenerateError> {
        Self::new(setting, 6, COLD)
    }

    /// Several tokens with everything that is done with them.
    ///
    /// # Errors
    /// If the set-up fails.
    pub(crate) fn mixed(setting: &mut Setting) -> Result<Self, GenerateError> {
        Self::new(setting, 6, HOT)
    }

    fn new(setting: &mut Setting, count: usize, weights: [u64; 6]) -> Result<Self, GenerateError> {
        let tokens = (0..count).map(|i| create_token(setting, i)).collect::<Result<_, _>>()?;
        let popularity = Zipf::new(count);
        let (holders, permits) = (BTreeSet::new(), BTreeMap::new());
        Ok(Self { tokens, popularity, weights, holders, permits })
    }

    /// A token, and someone who owns some of it.
    ///
    /// # Errors
    /// If the set-up fails.
    pub(crate) fn holding(
        &mut self,
        setting: &mut Setting,
    ) -> Result<(Address, Person), GenerateError> {
        let token = self.tokens[self.popularity.draw(&mut setting.random)];
        let owner = setting.someone()?;
        self.ensure(setting, token, owner)?;
        Ok((token, owner))
    }

    /// Mints to someone who owns nothing yet.
    fn ensure(
        &mut self,
        setting: &mut Setting,
        token: Address,
        owner: Person,
    ) -> Result<(), GenerateError> {
        if self.holders.insert((token, owner)) {
            give(setting, token, setting.address(owner), HOLDING)?;
        }
        Ok(())
    }

    fn permit(
        &mut self,
        setting: &mut Setting,
        token: Address,
        owner: Person,
        sender: Person,
    ) -> Result<Draft, GenerateError> {
        let nonce = self.permits.entry((token, owner)).or_default();
        let permit = Permit {
            owner: setting.address(owner),
            spender: setting.address(sender),
            value: U256::from(setting.random.between(1, TRANSFER_MAX)),
            nonce: U256::from(*nonce),
            deadline: U256::from(NEVER),
        };
        *nonce += 1;
        let (chain_id, contract) = (Some(U256::from(CHAIN_ID)), Some(token));
        let domain = Eip712Domain::new(None, None, chain_id, contract, None);
        let signature = setting.people.sign(owner, permit.eip712_signing_hash(&domain))?;
        let Permit { owner, spender, value, deadline, .. } = permit;
        let v = 27 + u8::from(signature.v());
        let (r, s) = (signature.r().into(), signature.s().into());
        let call = Token::permitCall { owner, spender, value, deadline, v, r, s };
        Ok(Draft::call(sender, token, TOKEN_GAS + 20_000, &call))
    }
}

impl Part for Tokens {
    fn draft(&mut self, setting: &mut Setting) -> Result<Draft, GenerateError> {
        let (token, owner) = self.holding(setting)?;
        let to = setting.recipient();
        let value = U256::from(setting.random.between(1, TRANSFER_MAX));
        let kind = setting.random.weighted(&self.weights);
        let mut draft = match kind {
            1 => {
                let from = setting.address(owner);
                let sender = setting.someone()?;
                let spender = setting.address(sender);
                let approve = Token::approveCall { spender, value: U256::from(HOLDING) };
                setting.prepare(owner, token, U256::ZERO, &approve)?;
                let call = Token::transferFromCall { from, to, value };
                Draft::call(sender, token, TOKEN_GAS, &call)
            }
            2 => Draft::call(owner, token, TOKEN_GAS, &Token::approveCall { spender: to, value }),
            3 => {
                let sender = setting.someone()?;
                self.permit(setting, token, owner, sender)?
            }
            4 => Draft::call(owner, token, TOKEN_GAS, &Token::burnCall { value }),
            5 => {
                let value = U256::MAX;
                Draft::call(owner, token, TOKEN_GAS, &Token::transferCall { to, value })
            }
            _ => Draft::call(owner, token, TOKEN_GAS, &Token::transferCall { to, value }),
        };
        if setting.random.chance(8) {
            draft.access_list = hint(setting, token);
        }
        Ok(draft)
    }
}

/// Creates a token, every third through the IR.
///
/// # Errors
/// If the set-up fails.
pub(crate) fn create_token(setting: &mut Setting, index: usize) -> Result<Address, GenerateError> {
    let contract = if index % 3 == 2 { TOKEN_IR } else { TOKEN };
    let arguments = Token::constructorCall {
        name: format!("Token number {index}"),
        symbol: format!("T{index}"),
        owner: setting.deployer(),
    };
    setting.create(contract, &arguments.abi_encode())
}

/// Mints in the state before the block.
///
/// # Errors
/// If the set-up fails.
pub(crate) fn give(
    setting: &mut Setting,
    token: Address,
    to: Address,
    value: u64,
) -> Result<(), GenerateError> {
    setting.manage(token, &Token::mintCall { to, value: U256::from(value) }).map(drop)
}

/// An access list that names the token and slots that are not necessarily used,
/// as lists in the wild do.
fn hint(setting: &mut Setting, token: Address) -> AccessList {
    let slots = setting.random.between(0, 2);
    let storage_keys = (0..slots).map(|slot| U256::from(slot).into()).collect();
    AccessList(vec![AccessListItem { address: token, storage_keys }])
}
