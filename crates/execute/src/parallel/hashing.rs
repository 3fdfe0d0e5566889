//! KECCAK256 of what a prediction has hashed already.

use super::looks::Ictx;
use revm::{
    Database,
    context_interface::Host,
    interpreter::{InstructionExecResult, instructions::system, interpreter_types::MemoryTr},
    primitives::U256,
};

/// The length of two words, the input that most hashes have.
const TWO_WORDS: usize = 64;

/// revm's own instruction, unless the hash is known.
pub(super) fn keccak256<D: Database>(mut context: Ictx<'_, '_, D>) -> InstructionExecResult {
    if !context.host.chain.recall.is_empty()
        && let Some(hash) = recall(&mut context)
        && let Some(top) = context.interpreter.stack.top()
    {
        *top = hash;
        return Ok(());
    }
    system::keccak256(context)
}

/// The hash, if it is known. Then it is paid for, and its first operand is gone; else
/// nothing has changed. Memory that would have to grow is left to revm.
fn recall<D: Database>(context: &mut Ictx<'_, '_, D>) -> Option<U256> {
    let interpreter = &mut *context.interpreter;
    let [offset, len] = [0, 1].map(|position| interpreter.stack.peek(position));
    let offset = usize::try_from(offset.ok()?).ok()?;
    if len.ok()? != U256::from(TWO_WORDS)
        || offset.checked_add(TWO_WORDS)? > interpreter.memory.size()
    {
        return None;
    }
    let input = interpreter.memory.slice_len(offset, TWO_WORDS);
    let hash = context.host.chain.recall.find(&input)?;
    drop(input);
    let cost = context.host.gas_params().keccak256_cost(TWO_WORDS);
    if !interpreter.gas.record_regular_cost(cost) {
        return None;
    }
    interpreter.stack.pop().ok()?;
    Some(hash.into())
}
