//! A worker's instructions, following the words that derive from claimed slots.
//!
//! Every instruction that takes operands is wrapped: pushing changes nothing that is
//! marked. The wrapper returns at once to the instruction itself unless an operand may be
//! marked. An instruction of which nothing is known here gives up what it takes.

use super::{
    Origin, Provenance,
    condition::{Sign, Test},
};
use crate::parallel::{
    hashing,
    looks::{Ictx, WorkerContext, WorkerInstructions, running},
    witnessing,
};
use revm::{
    Database,
    bytecode::opcode::*,
    interpreter::{
        Instruction, InstructionExecResult,
        instructions::{host, instruction_table},
        interpreter::EthInterpreter,
    },
    primitives::{U256, hardfork::SpecId},
};

/// A worker's instructions, following marked words. What the code names is witnessed
/// too, asked for or not.
pub(in crate::parallel) fn instructions<'a, D: Database>(
    spec: SpecId,
) -> WorkerInstructions<'a, D> {
    let mut instructions = witnessing::instructions(spec);
    let table = instructions.instruction_table_mut();
    wrap(&mut |opcode, instruction| table[opcode as usize] = instruction);
    instructions
}

/// Yields every wrapped instruction.
fn wrap<'a, D: Database>(
    set: &mut dyn FnMut(u8, Instruction<EthInterpreter, WorkerContext<'a, D>>),
) {
    macro_rules! wrap {
        ($wrapper:ident: $($opcode:ident)*) => {
            $(set($opcode, Instruction::new($wrapper::<$opcode, D>));)*
        };
    }
    macro_rules! spend {
        ($($operands:literal: $($opcode:ident)*;)*) => {
            $($(set($opcode, Instruction::new(spent::<$opcode, $operands, D>));)*)*
        };
    }
    spend! {
        1: BALANCE EXTCODESIZE EXTCODEHASH BLOCKHASH BLOBHASH CALLDATALOAD MLOAD TLOAD JUMP CLZ
            SELFDESTRUCT;
        2: MUL SDIV MOD SMOD EXP SIGNEXTEND XOR BYTE SHL SAR KECCAK256 MSTORE MSTORE8 TSTORE
            RETURN REVERT LOG0;
        3: ADDMOD MULMOD CALLDATACOPY CODECOPY RETURNDATACOPY MCOPY CREATE LOG1;
        4: EXTCODECOPY CREATE2 LOG2;
        5: LOG3;
        6: LOG4 DELEGATECALL STATICCALL;
        7: CALL CALLCODE;
    }
    // These name their operands in the code.
    wrap!(spent_all: DUPN SWAPN EXCHANGE);
    wrap!(added: ADD SUB);
    wrap!(compared: LT GT SLT SGT EQ);
    wrap!(divided: DIV SHR);
    wrap!(of_one: ISZERO NOT POP);
    wrap!(combined: AND OR);
    wrap!(duplicated: DUP1 DUP2 DUP3 DUP4 DUP5 DUP6 DUP7 DUP8);
    wrap!(duplicated: DUP9 DUP10 DUP11 DUP12 DUP13 DUP14 DUP15 DUP16);
    wrap!(swapped: SWAP1 SWAP2 SWAP3 SWAP4 SWAP5 SWAP6 SWAP7 SWAP8);
    wrap!(swapped: SWAP9 SWAP10 SWAP11 SWAP12 SWAP13 SWAP14 SWAP15 SWAP16);
    set(JUMPI, Instruction::new(branched));
    set(SLOAD, Instruction::new(loaded));
    set(SSTORE, Instruction::new(stored));
}

/// The instruction that is wrapped.
fn inner<const OPCODE: u8, D: Database>(context: Ictx<'_, '_, D>) -> InstructionExecResult {
    match OPCODE {
        BALANCE | EXTCODESIZE | EXTCODEHASH | EXTCODECOPY | SELFDESTRUCT | CREATE | CREATE2
        | CALL | CALLCODE | DELEGATECALL | STATICCALL => {
            witnessing::witnessed::<OPCODE, D>(context)
        }
        KECCAK256 => hashing::keccak256(context),
        _ => const { instruction_table()[OPCODE as usize] }.execute(context),
    }
}

/// What is followed, in the frame that runs, if any of so many operands may be marked.
#[inline]
fn met<'i, 'a, D: Database>(
    context: &'i mut Ictx<'_, 'a, D>,
    operands: usize,
) -> Option<Operands<'i, 'a>> {
    let depth = context.interpreter.input.depth;
    let stack = &context.interpreter.stack;
    let provenance = &mut context.host.chain.provenance;
    if !provenance.may_meet(depth, stack.len(), operands) {
        return None;
    }
    provenance.enter(depth);
    // A stack that is too short ends the frame.
    provenance.may_meet(depth, stack.len(), operands).then_some(())?;
    let bottom = stack.len().checked_sub(operands)?;
    Some(Operands { stack: stack.data(), bottom, provenance })
}

/// The operands of an instruction, one of which may be marked.
struct Operands<'i, 'a> {
    stack: &'i [U256],
    /// The position of the last of them.
    bottom: usize,
    provenance: &'i mut Provenance<'a>,
}

impl Operands<'_, '_> {
    /// Takes an operand, counted from the top of the stack, and its mark.
    fn take(&mut self, number: usize) -> (U256, Option<Origin>) {
        let at = self.stack.len() - 1 - number;
        let origin = self.provenance.origin(at);
        if origin.is_some() {
            self.provenance.mark(at, None);
        }
        (self.stack[at], origin)
    }

    /// Marks the result, which takes the place of the last operand.
    fn result(&mut self, origin: Origin) {
        self.provenance.mark(self.bottom, Some(origin));
    }

    /// The word must not become greater than this. No word is greater than the greatest.
    fn fits(&mut self, word: (U256, Option<Origin>), limit: U256) {
        if limit != U256::MAX {
            self.provenance.compare(Test::Less, [(limit, None), word]);
        }
    }

    fn give_up(&mut self, origins: [Option<Origin>; 2]) {
        for origin in origins.into_iter().flatten() {
            self.provenance.give_up(origin.claim);
        }
    }
}

/// An instruction that may do anything with its operands.
fn spent<const OPCODE: u8, const OPERANDS: usize, D: Database>(
    mut context: Ictx<'_, '_, D>,
) -> InstructionExecResult {
    if let Some(operands) = met(&mut context, OPERANDS) {
        operands.provenance.give_up_from(operands.bottom);
    }
    inner::<OPCODE, D>(context)
}

/// An instruction that may do anything with the whole stack.
fn spent_all<const OPCODE: u8, D: Database>(mut context: Ictx<'_, '_, D>) -> InstructionExecResult {
    let height = context.interpreter.stack.len();
    if let Some(operands) = met(&mut context, height) {
        operands.provenance.give_up_from(0);
    }
    inner::<OPCODE, D>(context)
}

/// A sum or difference with a word that is not marked moves as the marked one. Of two
/// words of one slot, the shift must cancel out.
fn added<const OPCODE: u8, D: Database>(mut context: Ictx<'_, '_, D>) -> InstructionExecResult {
    if let Some(mut operands) = met(&mut context, 2) {
        let [(_, left), (_, right)] = [0, 1].map(|number| operands.take(number));
        let turned = |origin: Origin| Origin { sign: origin.sign.turned(), ..origin };
        let right = if OPCODE == SUB { right.map(turned) } else { right };
        match (left, right) {
            (None, None) => {}
            (Some(origin), None) | (None, Some(origin)) => operands.result(origin),
            (Some(left), Some(right)) if left == turned(right) => {}
            (Some(_), Some(_)) => operands.give_up([left, right]),
        }
    }
    inner::<OPCODE, D>(context)
}

fn compared<const OPCODE: u8, D: Database>(mut context: Ictx<'_, '_, D>) -> InstructionExecResult {
    if let Some(mut operands) = met(&mut context, 2) {
        let [left, right] = [0, 1].map(|number| operands.take(number));
        let (test, words) = match OPCODE {
            LT => (Test::Less, [left, right]),
            GT => (Test::Less, [right, left]),
            SLT => (Test::SignedLess, [left, right]),
            SGT => (Test::SignedLess, [right, left]),
            _ => (Test::Equal, [left, right]),
        };
        operands.provenance.compare(test, words);
    }
    inner::<OPCODE, D>(context)
}

/// Of a word that is smaller than the divisor nothing is left, whatever it is.
fn divided<const OPCODE: u8, D: Database>(mut context: Ictx<'_, '_, D>) -> InstructionExecResult {
    if let Some(mut operands) = met(&mut context, 2) {
        let [first, second] = [0, 1].map(|number| operands.take(number));
        let (word, (by, mark)) = if OPCODE == DIV { (first, second) } else { (second, first) };
        let divisor = match OPCODE {
            DIV => Some(by),
            _ => usize::try_from(by).ok().and_then(|by| U256::ONE.checked_shl(by)),
        };
        match (word, mark, divisor) {
            ((_, None), None, _) => {}
            ((_, Some(origin)), None, Some(divisor)) if divisor == U256::ONE => {
                operands.result(origin);
            }
            ((value, Some(_)), None, Some(divisor)) if value < divisor => {
                operands.provenance.compare(Test::Less, [word, (divisor, None)]);
            }
            _ => operands.give_up([word.1, mark]),
        }
    }
    inner::<OPCODE, D>(context)
}

fn of_one<const OPCODE: u8, D: Database>(mut context: Ictx<'_, '_, D>) -> InstructionExecResult {
    if let Some(mut operands) = met(&mut context, 1) {
        let word = operands.take(0);
        match (OPCODE, word.1) {
            (ISZERO, _) => operands.provenance.compare(Test::Equal, [word, (U256::ZERO, None)]),
            // All ones less the word.
            (NOT, Some(origin)) => operands.result(Origin { sign: origin.sign.turned(), ..origin }),
            _ => {}
        }
    }
    inner::<OPCODE, D>(context)
}

/// Whether a mask consists of the lowest bits.
///
/// Not a closure, though it has one caller: as rustc 1.95 compiles it, a closure may
/// overwrite an argument that its caller goes on using, and this one did
/// ([rust-lang/rust#155241](https://github.com/rust-lang/rust/issues/155241)).
fn is_low(mask: U256) -> bool {
    (mask & mask.wrapping_add(U256::ONE)).is_zero()
}

/// Masks that a word fits into, as packed slots and narrow integers have them.
fn combined<const OPCODE: u8, D: Database>(mut context: Ictx<'_, '_, D>) -> InstructionExecResult {
    if let Some(mut operands) = met(&mut context, 2) {
        let [left, right] = [0, 1].map(|number| operands.take(number));
        let (word, (mask, mark)) = if left.1.is_some() { (left, right) } else { (right, left) };
        match (word.1, mark) {
            (None, _) => {}
            (Some(origin), None) if OPCODE == OR && mask.is_zero() => operands.result(origin),
            // All of the word is left.
            (Some(origin), None) if OPCODE == AND && is_low(mask) && word.0 <= mask => {
                operands.fits(word, mask);
                operands.result(origin);
            }
            // Nothing is left of it.
            (Some(_), None) if OPCODE == AND && is_low(!mask) && word.0 <= !mask => {
                operands.fits(word, !mask);
            }
            _ => operands.give_up([word.1, mark]),
        }
    }
    inner::<OPCODE, D>(context)
}

fn duplicated<const OPCODE: u8, D: Database>(
    mut context: Ictx<'_, '_, D>,
) -> InstructionExecResult {
    if let Some(operands) = met(&mut context, usize::from(OPCODE - DUP1) + 1)
        && let Some(origin) = operands.provenance.origin(operands.bottom)
    {
        operands.provenance.mark(operands.stack.len(), Some(origin));
    }
    inner::<OPCODE, D>(context)
}

fn swapped<const OPCODE: u8, D: Database>(mut context: Ictx<'_, '_, D>) -> InstructionExecResult {
    if let Some(mut operands) = met(&mut context, usize::from(OPCODE - SWAP1) + 2) {
        let (top, bottom) = (operands.stack.len() - 1, operands.bottom);
        let [(_, upper), (_, lower)] = [0, top - bottom].map(|number| operands.take(number));
        for (at, origin) in [(top, lower), (bottom, upper)] {
            if origin.is_some() {
                operands.provenance.mark(at, origin);
            }
        }
    }
    inner::<OPCODE, D>(context)
}

/// Whether to branch is a comparison with zero.
fn branched<D: Database>(mut context: Ictx<'_, '_, D>) -> InstructionExecResult {
    if let Some(mut operands) = met(&mut context, 2) {
        let [(_, target), condition] = [0, 1].map(|number| operands.take(number));
        operands.give_up([target, None]);
        operands.provenance.compare(Test::Equal, [condition, (U256::ZERO, None)]);
    }
    inner::<JUMPI, D>(context)
}

/// What a claimed slot holds is marked.
fn loaded<D: Database>(mut context: Ictx<'_, '_, D>) -> InstructionExecResult {
    if let Some(operands) = met(&mut context, 1) {
        operands.provenance.give_up_from(operands.bottom);
    }
    let address = running(&context);
    let slot = context.interpreter.stack.peek(0);
    let provenance = &mut context.host.chain.provenance;
    let claim = slot.ok().and_then(|slot| provenance.claim(address, slot));
    let Some(claim) = claim else { return host::sload(context) };
    // The slot's number is the operand whose place the result takes.
    provenance.enter(context.interpreter.input.depth);
    let at = context.interpreter.stack.len() - 1;
    provenance.mark(at, Some(Origin { claim, sign: Sign::With }));
    host::sload(context)
}

/// A claimed slot may take a word of its own. Whatever else is stored makes it exact.
fn stored<D: Database>(mut context: Ictx<'_, '_, D>) -> InstructionExecResult {
    let mut origin = None;
    if let Some(mut operands) = met(&mut context, 2) {
        operands.provenance.give_up_from(operands.stack.len() - 1);
        origin = operands.take(1).1;
    }
    let address = running(&context);
    let slot = context.interpreter.stack.peek(0);
    let provenance = &mut context.host.chain.provenance;
    let claim = slot.ok().and_then(|slot| provenance.claim(address, slot));
    let own = claim.map(|claim| Origin { claim, sign: Sign::With });
    if origin != own {
        for other in [origin, own].into_iter().flatten() {
            provenance.give_up(other.claim);
        }
        return host::sstore(context);
    }
    host::sstore_with_gas_accounting(context, |context, address, load| {
        if own.is_some() {
            let values = &load.data;
            for value in [values.original_value, values.present_value, values.new_value] {
                let provenance = &mut context.host.chain.provenance;
                provenance.compare(Test::Equal, [(value, own), (U256::ZERO, None)]);
            }
        }
        host::sstore_default_gas_accounting(context, address, load)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use revm::database::EmptyDB;

    /// What revm adds is not to go by unnoticed.
    #[test]
    fn every_instruction_with_operands_is_wrapped_once() {
        let mut wrapped = Vec::new();
        wrap::<EmptyDB>(&mut |opcode, _| wrapped.push(opcode));
        wrapped.sort_unstable();
        let takes = |opcode: &u8| OpCode::new(*opcode).is_some_and(|known| known.inputs() > 0);
        let named_in_code = [DUPN, SWAPN, EXCHANGE];
        let expected = (0..=u8::MAX).filter(|it| takes(it) || named_in_code.contains(it));
        assert_eq!(wrapped, expected.collect::<Vec<_>>());
    }
}
