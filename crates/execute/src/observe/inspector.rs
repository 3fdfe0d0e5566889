//! Fills a [`Witness`] from an inspected run.

use super::witness::Witness;
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
        match interpreter.bytecode.opcode() {
            opcode::BALANCE => self.balance.extend(operand(0)),
            opcode::SELFBALANCE => {
                self.balance.insert(interpreter.input.target_address());
            }
            opcode::EXTCODESIZE | opcode::EXTCODECOPY | opcode::EXTCODEHASH => {
                self.code.extend(operand(0));
            }
            byte
            @ (opcode::CALL | opcode::CALLCODE | opcode::DELEGATECALL | opcode::STATICCALL) => {
                self.called.extend(operand(1));
                let pays = interpreter.stack.peek(2).is_ok_and(|value: U256| !value.is_zero());
                if byte == opcode::CALL && pays {
                    self.existence.extend(operand(1));
                }
            }
            opcode::SELFDESTRUCT => {
                self.code.extend(operand(0));
                self.existence.extend(operand(0));
                self.balance.insert(interpreter.input.target_address());
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
        let by_code = context.journaled_state.depth > 0;
        let sends = matches!(inputs.value, CallValue::Transfer(value) if !value.is_zero());
        if by_code && sends {
            self.balance.insert(inputs.caller);
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
            self.nonce.insert(caller);
            if !inputs.value().is_zero() {
                self.balance.insert(caller);
            }
        }
        if let Some(account) = context.journaled_state.state.get(&caller) {
            self.code.insert(inputs.created_address(account.info.nonce));
        }
        None
    }
}
