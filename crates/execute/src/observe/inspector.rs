//! Fills a [`Witness`] from an inspected run.

use super::witness::{Named, Witness};
use crate::in_order::InOrderContext;
use alloy_primitives::Address;
use revm::{
    DatabaseRef, Inspector,
    bytecode::opcode,
    interpreter::{
        CallInputs, CallOutcome, CallValue, CreateInputs, CreateOutcome, Interpreter,
        interpreter_types::{InputsTr, Jumps},
    },
    primitives::U256,
};

impl<DB: DatabaseRef> Inspector<InOrderContext<'_, DB>> for Witness {
    fn step(&mut self, interpreter: &mut Interpreter, _: &mut InOrderContext<'_, DB>) {
        let operand = |position: usize| {
            let value: U256 = interpreter.stack.peek(position).ok()?;
            Some(Address::from_word(value.into()))
        };
        let mut note = |address: Option<Address>, mark: fn(&mut Named)| {
            if let Some(address) = address {
                mark(self.entry(address));
            }
        };
        match interpreter.bytecode.opcode() {
            opcode::BALANCE => note(operand(0), |named| named.balance = true),
            opcode::SELFBALANCE => {
                note(Some(interpreter.input.target_address()), |named| named.balance = true);
            }
            opcode::EXTCODESIZE | opcode::EXTCODECOPY => {
                note(operand(0), |named| named.code = true);
            }
            opcode::EXTCODEHASH => {
                note(operand(0), |named| (named.code, named.existence) = (true, true));
            }
            byte
            @ (opcode::CALL | opcode::CALLCODE | opcode::DELEGATECALL | opcode::STATICCALL) => {
                note(operand(1), |named| named.called = true);
                let pays = interpreter.stack.peek(2).is_ok_and(|value: U256| !value.is_zero());
                if byte == opcode::CALL && pays {
                    note(operand(1), |named| named.existence = true);
                }
            }
            opcode::SELFDESTRUCT => {
                note(operand(0), |named| (named.code, named.existence) = (true, true));
                note(Some(interpreter.input.target_address()), |named| named.balance = true);
            }
            _ => {}
        }
    }

    fn call(
        &mut self,
        context: &mut InOrderContext<'_, DB>,
        inputs: &mut CallInputs,
    ) -> Option<CallOutcome> {
        // What the sender itself sends is a matter of its solvency.
        if let CallValue::Transfer(value) = inputs.value
            && context.journaled_state.depth > 0
        {
            self.pays(inputs.caller, value, balance(context, &inputs.caller));
        }
        None
    }

    fn create(
        &mut self,
        context: &mut InOrderContext<'_, DB>,
        inputs: &mut CreateInputs,
    ) -> Option<CreateOutcome> {
        let caller = inputs.caller();
        if context.journaled_state.depth > 0 {
            self.entry(caller).nonce = true;
            self.pays(caller, inputs.value(), balance(context, &caller));
        }
        if let Some(account) = context.journaled_state.state.get(&caller) {
            self.entry(inputs.created_address(account.info.nonce)).code = true;
        }
        None
    }
}

/// What an account owns, if it is loaded.
fn balance<DB: DatabaseRef>(context: &InOrderContext<'_, DB>, address: &Address) -> Option<U256> {
    context.journaled_state.state.get(address).map(|account| account.info.balance)
}
