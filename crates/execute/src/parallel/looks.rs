//! What a transaction looks at beyond what revm's journal tells.
//!
//! The journal of a finished transaction names every account and slot that was
//! loaded, with the value it had. It does not tell whether the *balance* or the
//! *nonce* of a loaded account mattered: a plain payment loads its recipient, but
//! would do the same whatever the recipient owns. The few instructions for which
//! it matters are wrapped here: the wrapper notes the look and hands over to
//! revm's own instruction. Neither does it tell whether the *code* of an account was run or
//! looked at, which is wanted of the sender alone: it is always loaded, and with
//! [EIP-7702](https://eips.ethereum.org/EIPS/eip-7702) its code may change. Looks are never taken back, not even when the frame
//! reverts, so there can be too many but never too few.

use super::{hashing, known::Recall, provenance::Provenance};
use crate::observe::witness::Witness;
use revm::{
    Database,
    bytecode::opcode,
    context::{BlockEnv, CfgEnv, Context, Journal, TxEnv},
    handler::instructions::EthInstructions,
    interpreter::{
        Instruction, InstructionContext, InstructionExecResult,
        instructions::{contract, host, utility::IntoAddress},
        interpreter::EthInterpreter,
        interpreter_types::InputsTr,
    },
    primitives::{Address, AddressMap, U256, hardfork::SpecId},
};

/// revm's context for a worker: everything of the block is borrowed, and what
/// belongs to the current transaction rides along.
pub(super) type WorkerContext<'a, D> =
    Context<&'a BlockEnv, &'a TxEnv, &'a CfgEnv, D, Journal<D>, Aside<'a>>;

pub(super) type WorkerInstructions<'a, D> = EthInstructions<EthInterpreter, WorkerContext<'a, D>>;
pub(super) type Ictx<'i, 'a, D> = InstructionContext<'i, WorkerContext<'a, D>, EthInterpreter>;

/// What rides along with the transaction that is executed.
#[derive(Debug, Default)]
pub(super) struct Aside<'a> {
    pub(super) looks: Looks,
    pub(super) recall: Recall<'a>,
    pub(super) provenance: Provenance<'a>,
}

/// What one transaction looked at, by account.
#[derive(Clone, Debug, Default)]
pub(super) struct Looks {
    accounts: AddressMap<Look>,
    /// Whether an instruction tried to create a contract: the address it would
    /// have was then checked to be free.
    pub(super) creates: bool,
    /// Whether an instruction named the sender as something with code: it may have been
    /// called, or its code looked at.
    pub(super) sender_code: bool,
    /// What the code named, if that is [witnessed](super::witnessing).
    pub(super) witness: Witness,
}

/// What one transaction looked at in one account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Look {
    /// The exact balance.
    pub(super) balance: bool,
    /// That the balance suffices: by how much it could have been smaller.
    pub(super) slack: Option<U256>,
    /// Whether the account is empty or missing.
    pub(super) existence: bool,
    /// The exact nonce.
    pub(super) nonce: bool,
}

impl Looks {
    /// What was looked at in this account.
    pub(super) fn at(&self, address: &Address) -> Look {
        self.accounts.get(address).copied().unwrap_or_default()
    }

    fn entry(&mut self, address: Address) -> &mut Look {
        self.accounts.entry(address).or_default()
    }
}

/// The fork's instructions, with those wrapped that look at balances, nonces or
/// existence.
pub(super) fn instructions<'a, D: Database>(spec: SpecId) -> WorkerInstructions<'a, D> {
    let mut instructions = WorkerInstructions::new_mainnet_with_spec(spec);
    let table = instructions.instruction_table_mut();
    table[opcode::BALANCE as usize] = Instruction::new(balance);
    table[opcode::SELFBALANCE as usize] = Instruction::new(self_balance);
    table[opcode::EXTCODEHASH as usize] = Instruction::new(ext_code_hash);
    table[opcode::EXTCODESIZE as usize] = Instruction::new(ext_code_size);
    table[opcode::EXTCODECOPY as usize] = Instruction::new(ext_code_copy);
    table[opcode::CALL as usize] = Instruction::new(call::<{ opcode::CALL }, D>);
    table[opcode::CALLCODE as usize] = Instruction::new(call::<{ opcode::CALLCODE }, D>);
    table[opcode::DELEGATECALL as usize] =
        Instruction::new(call_without_value::<{ opcode::DELEGATECALL }, D>);
    table[opcode::STATICCALL as usize] =
        Instruction::new(call_without_value::<{ opcode::STATICCALL }, D>);
    table[opcode::CREATE as usize] = Instruction::new(create::<false, D>);
    table[opcode::CREATE2 as usize] = Instruction::new(create::<true, D>);
    table[opcode::SELFDESTRUCT as usize] = Instruction::new(self_destruct);
    table[opcode::KECCAK256 as usize] = Instruction::new(hashing::keccak256);
    instructions
}

/// The account whose code or storage context runs.
pub(super) fn running<D: Database>(context: &Ictx<'_, '_, D>) -> Address {
    context.interpreter.input.target_address()
}

/// An address operand, counted from the top of the stack; `None` if the stack is
/// too short, which ends the frame.
pub(super) fn address_operand<D: Database>(
    context: &Ictx<'_, '_, D>,
    position: usize,
) -> Option<Address> {
    context.interpreter.stack.peek(position).ok().map(IntoAddress::into_address)
}

pub(super) fn balance<D: Database>(context: Ictx<'_, '_, D>) -> InstructionExecResult {
    if let Some(address) = address_operand(&context, 0) {
        context.host.chain.looks.entry(address).balance = true;
    }
    host::balance(context)
}

pub(super) fn self_balance<D: Database>(context: Ictx<'_, '_, D>) -> InstructionExecResult {
    let address = running(&context);
    context.host.chain.looks.entry(address).balance = true;
    host::selfbalance(context)
}

/// The hash of an empty account's code is zero
/// ([EIP-1052](https://eips.ethereum.org/EIPS/eip-1052)).
pub(super) fn ext_code_hash<D: Database>(mut context: Ictx<'_, '_, D>) -> InstructionExecResult {
    if let Some(address) = address_operand(&context, 0) {
        context.host.chain.looks.entry(address).existence = true;
    }
    names_code::<0, D>(&mut context);
    host::extcodehash(context)
}

pub(super) fn ext_code_size<D: Database>(mut context: Ictx<'_, '_, D>) -> InstructionExecResult {
    names_code::<0, D>(&mut context);
    host::extcodesize(context)
}

pub(super) fn ext_code_copy<D: Database>(mut context: Ictx<'_, '_, D>) -> InstructionExecResult {
    names_code::<0, D>(&mut context);
    host::extcodecopy(context)
}

/// Notes whether an operand is the sender, whose code matters then.
fn names_code<const POSITION: usize, D: Database>(context: &mut Ictx<'_, '_, D>) {
    let sender = context.host.tx.caller;
    context.host.chain.looks.sender_code |= address_operand(context, POSITION) == Some(sender);
}

/// A call with value looks whether the caller can pay, and CALL whether the
/// recipient has to be made ([EIP-161](https://eips.ethereum.org/EIPS/eip-161)).
pub(super) fn call<const KIND: u8, D: Database>(
    mut context: Ictx<'_, '_, D>,
) -> InstructionExecResult {
    names_code::<1, D>(&mut context);
    if let Ok(value) = context.interpreter.stack.peek(2)
        && !value.is_zero()
    {
        if let (opcode::CALL, Some(to)) = (KIND, address_operand(&context, 1)) {
            context.host.chain.looks.entry(to).existence = true;
        }
        pays(context.host, context.interpreter.input.target_address(), value);
    }
    contract::call::<KIND, _, _>(context)
}

pub(super) fn call_without_value<const KIND: u8, D: Database>(
    mut context: Ictx<'_, '_, D>,
) -> InstructionExecResult {
    names_code::<1, D>(&mut context);
    contract::call::<KIND, _, _>(context)
}

/// A creation looks whether the creator can pay, CREATE derives the address from
/// the creator's nonce, and either checks that the address is free.
pub(super) fn create<const IS_CREATE2: bool, D: Database>(
    context: Ictx<'_, '_, D>,
) -> InstructionExecResult {
    let creator = running(&context);
    context.host.chain.looks.creates = true;
    if !IS_CREATE2 {
        context.host.chain.looks.entry(creator).nonce = true;
    }
    if let Ok(value) = context.interpreter.stack.peek(0)
        && !value.is_zero()
    {
        pays(context.host, creator, value);
    }
    contract::create::<IS_CREATE2, _, _>(context)
}

/// The balance that is handed on shows in the heir, and a destruction that makes
/// its heir costs more ([EIP-161](https://eips.ethereum.org/EIPS/eip-161)).
pub(super) fn self_destruct<D: Database>(context: Ictx<'_, '_, D>) -> InstructionExecResult {
    let address = running(&context);
    context.host.chain.looks.entry(address).balance = true;
    if let Some(heir) = address_operand(&context, 0) {
        context.host.chain.looks.entry(heir).existence = true;
    }
    host::selfdestruct(context)
}

/// Notes that the payer's balance was compared with a value to pay.
fn pays<D: Database>(host: &mut WorkerContext<'_, D>, payer: Address, value: U256) {
    let owned = host.journaled_state.inner.state.get(&payer).map(|account| account.info.balance);
    let look = host.chain.looks.entry(payer);
    match owned.and_then(|owned| owned.checked_sub(value)) {
        Some(rest) => look.slack = Some(look.slack.map_or(rest, |slack| slack.min(rest))),
        // That it does not suffice is told from the exact balance alone.
        None => look.balance = true,
    }
}
