//! Hand-written programs with the state they need and the calls to try on them,
//! in one text, and the block that makes those calls.
//!
//! Besides the instructions of [`assemble`](crate::assemble) a text has lines
//! that begin with a dot:
//!
//! * `.account 0x…` begins the next account and its code. The first needs none:
//!   it is at [`Program::ADDRESS`] and the one that is called.
//! * `.balance 1000` and `.storage SLOT VALUE` say what the account owns.
//! * `.call ok 0xa9059cbb 1 2` calls the first account and expects success;
//!   `.call fail` expects a revert or a halt. Hex goes into the calldata as it
//!   is, decimal numbers as words of 32 bytes. `gas=100000` and `value=5` may
//!   stand among them.

use crate::{
    AssembleError, AssembleFault, GenerateError,
    assemble::{assemble_lines, parse_number, without_comment},
    draft::Draft,
    seal::seal,
    setting::Setting,
    sign::sign,
};
use alloy_primitives::{Address, Bytes, TxKind, U256, address, hex};
use foresee_source::Snapshot;
use std::collections::BTreeMap;

/// Gas limit of a call that names none.
const CALL_GAS: u64 = 1_000_000;

/// A program, its surroundings and the calls to try.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Program {
    /// The account that is called, then others.
    pub accounts: Vec<ProgramAccount>,
    /// Calls of the first account, in order. What one writes the next one sees.
    pub calls: Vec<ProgramCall>,
}

/// An account with code.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProgramAccount {
    /// Where it is.
    pub address: Address,
    /// Its code.
    pub code: Bytes,
    /// Its balance in wei.
    pub balance: U256,
    /// Its storage before the first call.
    pub storage: BTreeMap<U256, U256>,
}

/// A call of the first account.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProgramCall {
    /// Calldata.
    pub data: Bytes,
    /// Wei sent along.
    pub value: U256,
    /// Gas limit of the transaction.
    pub gas_limit: u64,
    /// Whether it succeeds.
    pub success: bool,
}

impl Program {
    /// The address of the account that is called.
    pub const ADDRESS: Address = address!("0xc0de000000000000000000000000000000000001");

    /// Reads a program's text.
    ///
    /// # Errors
    /// Says which line is not an instruction or directive, and why.
    pub fn parse(text: &str) -> Result<Self, AssembleError> {
        let mut sections = vec![Section::new(Self::ADDRESS)];
        let mut calls = Vec::new();
        for (line, content) in (1..).zip(text.lines()) {
            let content = without_comment(content);
            let Some(directive) = content.strip_prefix('.') else {
                if let Some(section) = sections.last_mut() {
                    section.lines.push((line, content));
                }
                continue;
            };
            let words: Vec<_> = directive.split_whitespace().collect();
            apply(&words, &mut sections, &mut calls)
                .map_err(|fault| AssembleError { line, fault })?;
        }
        let accounts = sections.into_iter().map(Section::finish).collect::<Result<_, _>>()?;
        Ok(Self { accounts, calls })
    }

    /// A block that makes the calls, each by someone else, with true results in
    /// its header.
    ///
    /// # Errors
    /// If the block cannot be executed: a call's gas limit is below what any
    /// transaction costs, or above what one may use.
    pub fn block(&self) -> Result<Snapshot, GenerateError> {
        let mut setting = Setting::of_strangers("program", 0);
        for ProgramAccount { address, code, balance, storage } in &self.accounts {
            setting.world.place(*address, code.clone());
            setting.world.fund(*address, *balance);
            setting.world.store(*address, storage);
        }
        let drafts = self
            .calls
            .iter()
            .map(|call| {
                let payment = Draft::payment(setting.stranger()?, Self::ADDRESS, 0);
                Ok(Draft {
                    to: TxKind::Call(Self::ADDRESS),
                    value: call.value,
                    input: call.data.clone(),
                    gas_limit: call.gas_limit,
                    ..payment
                })
            })
            .collect::<Result<_, GenerateError>>()?;
        let transactions = sign(&mut setting, drafts)?;
        seal(&mut setting, transactions)
    }
}

/// An account and the lines of its code.
struct Section<'a> {
    account: ProgramAccount,
    lines: Vec<(usize, &'a str)>,
}

impl Section<'_> {
    fn new(address: Address) -> Self {
        Self { account: ProgramAccount { address, ..Default::default() }, lines: Vec::new() }
    }

    fn finish(self) -> Result<ProgramAccount, AssembleError> {
        Ok(ProgramAccount { code: assemble_lines(self.lines)?, ..self.account })
    }
}

fn apply(
    words: &[&str],
    sections: &mut Vec<Section<'_>>,
    calls: &mut Vec<ProgramCall>,
) -> Result<(), AssembleFault> {
    let Some(section) = sections.last_mut() else { return Ok(()) };
    match words {
        ["account", address] => {
            let address = address.parse();
            let address = address.map_err(|_| AssembleFault::NotANumber(words[1].into()))?;
            sections.push(Section::new(address));
        }
        ["balance", wei] => section.account.balance = parse_number(wei)?,
        ["storage", slot, value] => {
            let (slot, value) = (parse_number(slot)?, parse_number(value)?);
            let _ = section.account.storage.insert(slot, value);
        }
        ["call", "ok", items @ ..] => calls.push(call(items, true)?),
        ["call", "fail", items @ ..] => calls.push(call(items, false)?),
        _ => return Err(AssembleFault::UnknownInstruction(format!(".{}", words.join(" ")))),
    }
    Ok(())
}

fn call(items: &[&str], success: bool) -> Result<ProgramCall, AssembleFault> {
    let (mut data, mut value, mut gas_limit) = (Vec::new(), U256::ZERO, CALL_GAS);
    for item in items {
        let not_a_number = || AssembleFault::NotANumber((*item).into());
        if let Some(gas) = item.strip_prefix("gas=") {
            gas_limit = gas.parse().map_err(|_| not_a_number())?;
        } else if let Some(wei) = item.strip_prefix("value=") {
            value = parse_number(wei)?;
        } else if let Some(bytes) = item.strip_prefix("0x") {
            data.extend(hex::decode(bytes).map_err(|_| not_a_number())?);
        } else {
            data.extend(parse_number(item)?.to_be_bytes::<32>());
        }
    }
    Ok(ProgramCall { data: data.into(), value, gas_limit, success })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_accounts_and_calls() {
        let program = Program::parse(
            "CALLER ; who
             .storage 1 0x2
             .call ok 0xff 1 gas=50000 value=3
             .call fail
             .account 0x0000000000000000000000000000000000000abc
             .balance 5
             STOP",
        )
        .unwrap();
        let [main, other] = program.accounts.as_slice() else { panic!("{program:?}") };
        assert_eq!((main.address, main.code.to_string()), (Program::ADDRESS, "0x33".into()));
        assert_eq!(main.storage, BTreeMap::from([(U256::ONE, U256::from(2))]));
        assert_eq!((other.code.to_string(), other.balance), ("0x00".into(), U256::from(5)));
        let [first, second] = program.calls.as_slice() else { panic!("{program:?}") };
        assert_eq!(first.data.len(), 33);
        assert_eq!((first.gas_limit, first.value, first.success), (50_000, U256::from(3), true));
        assert_eq!((second.gas_limit, second.success), (CALL_GAS, false));
    }

    #[test]
    fn faults_name_the_line() {
        let fault = |text| Program::parse(text).unwrap_err().to_string();
        assert_eq!(fault("STOP\n.code 1"), r#"line 2: unknown instruction ".code 1""#);
        assert_eq!(fault(".call ok 0x1"), r#"line 1: "0x1" is not a number"#);
        assert_eq!(fault(".account x\n"), r#"line 1: "x" is not a number"#);
        assert_eq!(fault("\nNOP"), r#"line 2: unknown instruction "NOP""#);
    }
}
