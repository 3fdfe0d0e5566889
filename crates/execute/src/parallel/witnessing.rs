//! Instructions that fill a [`Witness`](crate::observe::witness::Witness) on request, so that what a transaction is
//! seen to access in parallel is what [`observe`](crate::observe) sees in order.
//!
//! Each notes what it names and hands over to the instruction that a worker uses
//! otherwise. A witness decides nothing; only [`Looks`](super::looks::Looks) do.

use super::looks::{self, Ictx, WorkerInstructions, address_operand, running};
use crate::observe::witness::Named;
use revm::{
    Database,
    bytecode::opcode::{
        BALANCE, CALL, CALLCODE, CREATE, CREATE2, DELEGATECALL, EXTCODECOPY, EXTCODEHASH,
        EXTCODESIZE, SELFBALANCE, SELFDESTRUCT, STATICCALL,
    },
    interpreter::{
        FrameInput, Instruction, InstructionContext, InstructionExecResult, InstructionResult,
        InterpreterAction, interpreter_types::LoopControl,
    },
    primitives::{Address, U256, hardfork::SpecId},
};

/// A worker's instructions, noting in addition what the code names.
pub(super) fn instructions<'a, D: Database>(spec: SpecId) -> WorkerInstructions<'a, D> {
    let mut instructions = looks::instructions(spec);
    let table = instructions.instruction_table_mut();
    macro_rules! witness {
        ($($opcode:ident),*) => {
            $(table[$opcode as usize] = Instruction::new(witnessed::<$opcode, D>);)*
        };
    }
    witness!(BALANCE, SELFBALANCE, EXTCODESIZE, EXTCODECOPY, EXTCODEHASH, SELFDESTRUCT);
    witness!(CALL, CALLCODE, DELEGATECALL, STATICCALL, CREATE, CREATE2);
    instructions
}

pub(super) fn witnessed<const OPCODE: u8, D: Database>(
    mut context: Ictx<'_, '_, D>,
) -> InstructionExecResult {
    name::<OPCODE, D>(&mut context);
    let reborrowed =
        InstructionContext { interpreter: &mut *context.interpreter, host: &mut *context.host };
    let result = execute::<OPCODE, D>(reborrowed);
    if result == Err(InstructionResult::Suspend) {
        enter(context);
    }
    result
}

/// Notes the accounts that the operands name. Nothing is known yet of gas.
fn name<const OPCODE: u8, D: Database>(context: &mut Ictx<'_, '_, D>) {
    let this = running(context);
    let [first, second] = [0, 1].map(|position| address_operand(context, position));
    let pays = context.interpreter.stack.peek(2).is_ok_and(|value: U256| !value.is_zero());
    let witness = &mut context.host.chain.looks.witness;
    let mut note = |address: Option<Address>, mark: fn(&mut Named)| {
        if let Some(address) = address {
            mark(witness.entry(address));
        }
    };
    match OPCODE {
        BALANCE => note(first, |named| named.balance = true),
        SELFBALANCE => note(Some(this), |named| named.balance = true),
        EXTCODESIZE | EXTCODECOPY => note(first, |named| named.code = true),
        EXTCODEHASH => note(first, |named| (named.code, named.existence) = (true, true)),
        CALL => {
            note(second, |named| named.called = true);
            note(second.filter(|_| pays), |named| named.existence = true);
        }
        CALLCODE | DELEGATECALL | STATICCALL => note(second, |named| named.called = true),
        SELFDESTRUCT => {
            note(first, |named| (named.code, named.existence) = (true, true));
            note(Some(this), |named| named.balance = true);
        }
        _ => {}
    }
}

/// The instruction as it is otherwise.
fn execute<const OPCODE: u8, D: Database>(context: Ictx<'_, '_, D>) -> InstructionExecResult {
    match OPCODE {
        BALANCE => looks::balance(context),
        SELFBALANCE => looks::self_balance(context),
        EXTCODESIZE => looks::ext_code_size(context),
        EXTCODECOPY => looks::ext_code_copy(context),
        EXTCODEHASH => looks::ext_code_hash(context),
        CALL => looks::call::<CALL, D>(context),
        CALLCODE => looks::call::<CALLCODE, D>(context),
        DELEGATECALL => looks::call_without_value::<DELEGATECALL, D>(context),
        STATICCALL => looks::call_without_value::<STATICCALL, D>(context),
        CREATE => looks::create::<false, D>(context),
        CREATE2 => looks::create::<true, D>(context),
        _ => looks::self_destruct(context),
    }
}

/// Notes what entering a call or creation depends on.
fn enter<D: Database>(context: Ictx<'_, '_, D>) {
    let Some(InterpreterAction::NewFrame(frame)) = context.interpreter.bytecode.action() else {
        return;
    };
    let witness = &mut context.host.chain.looks.witness;
    let loaded = &context.host.journaled_state.inner.state;
    match frame {
        FrameInput::Call(inputs) => {
            let owned = loaded.get(&inputs.caller).map(|account| account.info.balance);
            witness.pays(inputs.caller, inputs.transfer_value().unwrap_or_default(), owned);
        }
        FrameInput::Create(inputs) => {
            let caller = inputs.caller();
            let account = loaded.get(&caller).map(|account| &account.info);
            witness.entry(caller).nonce = true;
            witness.pays(caller, inputs.value(), account.map(|account| account.balance));
            if let Some(account) = account {
                witness.entry(inputs.created_address(account.nonce)).code = true;
            }
        }
        FrameInput::Empty => {}
    }
}
