//! Accounts with code (EIP-7702): people delegate to the same contract, batch
//! calls as themselves, and let a session key spend for them.

use super::{Part, Tokens};
use crate::{
    ACCOUNT, GenerateError,
    abi::{Account, Token},
    draft::Draft,
    people::Person,
    setting::Setting,
};
use alloy_primitives::{Address, U256, aliases::U96};
use alloy_sol_types::SolCall;

/// Gas that any single call finds enough.
const ACCOUNT_GAS: u64 = 600_000;
/// The most one payment sends, in wei.
const PAYMENT_MAX_WEI: u64 = 10_u64.pow(12);
/// What a session key may spend, in wei.
const SESSION_WEI: u64 = 10_u64.pow(15);

/// People who delegate, and the code they delegate to.
#[derive(Debug)]
pub(crate) struct Accounts {
    code: Address,
    tokens: Tokens,
    /// Who has delegated before the block or earlier in it, with the session
    /// key if there is one.
    delegated: Vec<(Person, Option<Person>)>,
}

impl Accounts {
    /// The code, some tokens to move, and a few who delegated long ago.
    ///
    /// # Errors
    /// If the set-up fails.
    pub(crate) fn new(setting: &mut Setting, delegated: usize) -> Result<Self, GenerateError> {
        let code = setting.create(ACCOUNT, &[])?;
        let tokens = Tokens::mixed(setting)?;
        let mut accounts = Self { code, tokens, delegated: Vec::new() };
        for _ in 0..delegated {
            let (owner, session) = (setting.stranger()?, setting.someone()?);
            setting.world.delegate(setting.address(owner), code);
            let _ = setting.delegated.insert(setting.address(owner));
            let call = Account::openCall {
                session: setting.address(session),
                limit: U96::from(SESSION_WEI),
            };
            setting.prepare(owner, setting.address(owner), U256::ZERO, &call)?;
            accounts.delegated.push((owner, Some(session)));
        }
        Ok(accounts)
    }

    /// A few payments, in ether and in tokens.
    fn calls(
        &mut self,
        setting: &mut Setting,
    ) -> Result<(Person, Vec<Account::Call>), GenerateError> {
        let (token, owner) = self.tokens.holding(setting)?;
        let count = setting.random.between(1, 4);
        let calls = (0..count)
            .map(|_| {
                let amount = U256::from(setting.random.between(1, PAYMENT_MAX_WEI));
                let to = setting.recipient();
                if setting.random.chance(40) {
                    return Account::Call { to, value: amount, data: Default::default() };
                }
                let data = Token::transferCall { to, value: amount }.abi_encode().into();
                Account::Call { to: token, value: U256::ZERO, data }
            })
            .collect();
        Ok((owner, calls))
    }
}

impl Part for Accounts {
    fn draft(&mut self, setting: &mut Setting) -> Result<Draft, GenerateError> {
        match setting.random.weighted(&[50, 25, 15, 10]) {
            // Someone delegates and batches in one transaction.
            0 => {
                let (owner, calls) = self.calls(setting)?;
                let call = Account::executeCall { calls };
                self.delegated.push((owner, None));
                let _ = setting.delegated.insert(setting.address(owner));
                let draft = Draft::call(owner, setting.address(owner), ACCOUNT_GAS, &call);
                Ok(Draft { delegations: vec![(owner, self.code)], ..draft })
            }
            // A session key spends, as far as it may.
            1 if !self.delegated.is_empty() => {
                let (owner, session) = self.delegated[setting.random.index(self.delegated.len())];
                let from = match session {
                    Some(session) => session,
                    None => setting.someone()?,
                };
                let to = setting.recipient();
                let value = setting.random.between(1, SESSION_WEI / 2);
                let call = Account::spendCall { to, value: U96::from(value) };
                Ok(Draft::call(from, setting.address(owner), ACCOUNT_GAS, &call))
            }
            // Someone pays for another's delegation, or for its end.
            2 => {
                let (sponsor, owner) = (setting.someone()?, setting.stranger()?);
                let code = if setting.random.chance(70) { self.code } else { Address::ZERO };
                let wei = setting.random.between(1, PAYMENT_MAX_WEI);
                let payment = Draft::payment(sponsor, setting.address(owner), wei);
                let gas_limit = ACCOUNT_GAS;
                Ok(Draft { gas_limit, delegations: vec![(owner, code)], ..payment })
            }
            // Someone tries to batch for somebody else.
            _ => {
                let (_, calls) = self.calls(setting)?;
                let (from, owner) = (setting.someone()?, setting.recipient());
                Ok(Draft::call(from, owner, ACCOUNT_GAS, &Account::executeCall { calls }))
            }
        }
    }
}
