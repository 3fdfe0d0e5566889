//! Ether put into contracts and taken out again: wrapped ether, and a bank with
//! a transient lock (EIP-1153) that also lends for the length of one call.

use super::Part;
use crate::{
    BANK, BANK_BORROWER, GenerateError, WRAPPED_ETHER,
    abi::{Bank, BankBorrower, WrappedEther},
    draft::Draft,
    people::Person,
    setting::Setting,
};
use alloy_primitives::{Address, U256};
use std::collections::BTreeSet;

/// What a depositor has put into each contract before the block, in wei.
const DEPOSIT_WEI: u64 = 10_u64.pow(16);
/// The most that moves at once, in wei.
const AMOUNT_MAX_WEI: u64 = 10_u64.pow(14);
/// What the borrower owns to pay with, in wei.
const BORROWER_WEI: u64 = 10_u64.pow(18);
/// Gas that any single call finds enough.
const VAULT_GAS: u64 = 250_000;

/// The contracts and those who have deposited.
#[derive(Debug)]
pub(crate) struct Vaults {
    wrapped: Address,
    bank: Address,
    borrower: Address,
    depositors: BTreeSet<Person>,
}

impl Vaults {
    /// Wrapped ether, a bank and a borrower.
    ///
    /// # Errors
    /// If the set-up fails.
    pub(crate) fn new(setting: &mut Setting) -> Result<Self, GenerateError> {
        let wrapped = setting.create(WRAPPED_ETHER, &[])?;
        let bank = setting.create(BANK, &[])?;
        let borrower = setting.create(BANK_BORROWER, &[])?;
        setting.world.fund(borrower, U256::from(BORROWER_WEI));
        Ok(Self { wrapped, bank, borrower, depositors: BTreeSet::new() })
    }

    /// Someone with deposits.
    fn depositor(&mut self, setting: &mut Setting) -> Result<Person, GenerateError> {
        let person = setting.someone()?;
        if self.depositors.insert(person) {
            let value = U256::from(DEPOSIT_WEI);
            setting.prepare(person, self.wrapped, value, &WrappedEther::depositCall {})?;
            setting.prepare(person, self.bank, value, &Bank::depositCall {})?;
        }
        Ok(person)
    }
}

impl Part for Vaults {
    fn draft(&mut self, setting: &mut Setting) -> Result<Draft, GenerateError> {
        let from = self.depositor(setting)?;
        let wei = setting.random.between(1, AMOUNT_MAX_WEI);
        let value = U256::from(wei);
        let (wrapped, bank, gas) = (self.wrapped, self.bank, VAULT_GAS);
        Ok(match setting.random.weighted(&[22, 20, 8, 18, 16, 16]) {
            0 => Draft::call(from, wrapped, gas, &WrappedEther::depositCall {}).with_value(wei),
            1 => Draft::call(from, wrapped, gas, &WrappedEther::withdrawCall { value }),
            // Plain ether is a deposit too.
            2 => {
                let to = if setting.random.chance(50) { wrapped } else { bank };
                Draft { gas_limit: gas, ..Draft::payment(from, to, wei) }
            }
            3 => Draft::call(from, bank, gas, &Bank::depositCall {}).with_value(wei),
            4 => Draft::call(from, bank, gas, &Bank::withdrawCall { value }),
            // Most borrowers repay; some keep what they got, some reenter.
            _ => {
                let trick = setting.random.weighted(&[70, 15, 15]) as u8;
                let call = BankBorrower::borrowCall { bank, value, trick };
                Draft::call(from, self.borrower, gas, &call)
            }
        })
    }
}
