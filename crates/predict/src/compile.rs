//! Bytecode → register code, one basic block at a time, in one linear pass.
//!
//! A block reaches from its entry to the next: it ends with a jump, a call, an end of
//! the frame, or in front of a jump destination; a `chain` goes on where it can.
//!
//! What keeps it right: instructions appear in the order of their opcodes, and
//! only opcodes without effect are folded away; every effect knows the static gas
//! of what follows it, and what reaches beyond the frame's memory is preceded by the
//! stack check of all before it (a chain checks the stack for all of it at its start), so that
//! a transaction that runs out of gas or stack stops between the same two accesses as in
//! execution.

mod builder;
mod chain;
mod fold;

use crate::{
    instruction::{Block, Op, Register},
    program::{DISTANCE_MAX, Program, push_size},
};
use alloy_primitives::U256;
use builder::Builder;
use chain::Chain;
pub(crate) use fold::{bits, div, fold, mul, shl, shr, truth, unmul};
use revm_bytecode::opcode;

/// Compiles the block that starts at a position of the program's code.
pub(crate) fn compile(program: &Program, pc: usize) -> Block {
    run(program, pc, None)
}

/// Compiles the block that starts at a position of the program's code together with those
/// along the likeliest way on.
pub(crate) fn compile_chain(program: &Program, pc: usize) -> Block {
    run(program, pc, program.entry(pc).map(Chain::new))
}

fn run(program: &Program, pc: usize, chain: Option<Chain>) -> Block {
    let builder = Builder::new(chain.is_some());
    let mut compiler = Compiler { program, pc, opcodes: 0, builder, chain, arrived: pc };
    while compiler.step() {}
    let skipped = match (program.entry(pc), program.entry(compiler.pc + 1)) {
        (Some(at), Some(behind)) => behind.wrapping_sub(at + 1),
        _ => 0,
    };
    compiler.builder.finish(skipped as Register)
}

/// The pass over the opcodes of one block.
struct Compiler<'a> {
    program: &'a Program,
    pc: usize,
    /// Those compiled so far.
    opcodes: usize,
    builder: Builder,
    /// The chain that the block is part of, if it is one.
    chain: Option<Chain>,
    /// Where the last block of the chain started.
    arrived: usize,
}

impl Compiler<'_> {
    /// Compiles one opcode. False once the block has ended.
    fn step(&mut self) -> bool {
        let byte = self.program.code.get(self.pc).copied().unwrap_or(opcode::STOP);
        // What other entries there are, paths come to from elsewhere, if at all.
        let is_next = byte == opcode::JUMPDEST && self.pc != self.arrived;
        let may_end = is_next || self.opcodes >= DISTANCE_MAX;
        if may_end && let Some(entry) = self.program.entry(self.pc) {
            return self.go(Some(entry));
        }
        self.opcodes += 1;
        let rules = &self.program.rules;
        if !rules.has_opcode(byte) {
            return self.end(Op::Fail);
        }
        self.builder.charge(u32::from(rules.static_gas[byte as usize]));
        self.compile(byte)
    }

    /// Compiles an opcode that the fork has.
    fn compile(&mut self, byte: u8) -> bool {
        let b = &mut self.builder;
        match byte {
            opcode::JUMPDEST => {}
            opcode::PUSH0..=opcode::PUSH32 => {
                let value = push_value(&self.program.code, self.pc);
                b.push_constant(value);
            }
            opcode::POP => {
                b.pop();
            }
            opcode::DUP1..=opcode::DUP16 => b.dup((byte - opcode::DUP1) as usize),
            opcode::SWAP1..=opcode::SWAP16 => b.swap((byte - opcode::SWAP1) as usize + 1),
            opcode::PC => b.push_constant(U256::from(self.pc)),
            opcode::CODESIZE => b.push_constant(U256::from(self.program.code.len())),
            opcode::JUMP => return self.jump(),
            opcode::JUMPI => return self.jump_if(),
            opcode::STOP => return self.end(Op::Stop),
            opcode::RETURN | opcode::REVERT => {
                let op = if byte == opcode::RETURN { Op::Return } else { Op::Revert };
                let (offset, len) = (b.pop(), b.pop());
                b.effect(op, 0, offset, len, 0);
                return false;
            }
            opcode::SELFDESTRUCT => {
                let target = b.pop();
                b.effect(Op::SelfDestruct, 0, target, 0, 0);
                return false;
            }
            opcode::CALL | opcode::CALLCODE | opcode::DELEGATECALL | opcode::STATICCALL => {
                return self.leave_and_return(Op::Call, byte);
            }
            opcode::CREATE | opcode::CREATE2 => return self.leave_and_return(Op::Create, byte),
            opcode::LOG0..=opcode::LOG4 => {
                let topics = byte - opcode::LOG0;
                let (offset, len) = (b.pop(), b.pop());
                for _ in 0..topics {
                    b.pop();
                }
                b.effect(Op::Log, 0, offset, len, Register::from(topics));
            }
            opcode::EXTCODECOPY => {
                let (address, to, from, len) = (b.pop(), b.pop(), b.pop(), b.pop());
                b.effect(Op::ExtCodeCopy, address, to, from, len);
            }
            _ => match simple(byte) {
                Some((op, inputs, Kind::Pure)) => b.pure(op, inputs),
                Some((op, inputs, Kind::Value)) => b.value(op, inputs),
                Some((op, inputs, Kind::Effect)) => {
                    let [x, y, z] = b.pop_operands(inputs);
                    b.effect(op, 0, x, y, z);
                }
                None => return self.end(Op::Fail),
            },
        }
        self.pc += 1 + push_size(byte);
        true
    }

    /// Ends the block with an instruction that ends the frame.
    fn end(&mut self, op: Op) -> bool {
        self.builder.effect(op, 0, 0, 0, 0);
        false
    }

    /// JUMP.
    fn jump(&mut self) -> bool {
        let target = self.builder.pop();
        match self.builder.constant(target) {
            Some(target) => self.go(self.destination(target)),
            None => {
                self.builder.goto_dynamic(target);
                false
            }
        }
    }

    /// Goes to an entry: there the chain goes on if it can, else the block ends.
    fn go(&mut self, target: Option<u32>) -> bool {
        let goes_on = target.is_some_and(|entry| self.take(entry));
        if !goes_on {
            self.builder.goto(target);
        }
        goes_on
    }

    /// Goes on at an entry, if there is a chain that takes it.
    fn take(&mut self, entry: u32) -> bool {
        let has_room = self.opcodes < chain::OPCODES_MAX && self.builder.has_room();
        let takes = has_room && self.chain.as_mut().is_some_and(|chain| chain.add(entry));
        if takes {
            self.pc = self.program.position(entry);
            self.arrived = self.pc;
        }
        takes
    }

    /// JUMPI.
    fn jump_if(&mut self) -> bool {
        let (target, condition) = (self.builder.pop(), self.builder.pop());
        let Some(target) = self.builder.constant(target) else {
            self.builder.branch_dynamic(condition, target);
            return false;
        };
        let destination = self.destination(target);
        let behind = self.program.entry(self.pc + 1);
        match self.builder.constant(condition) {
            Some(condition) if condition.is_zero() => return self.go(behind),
            Some(_) => return self.go(destination),
            None => {}
        }
        // A loop that ends here mostly goes on.
        let goes_back = target <= U256::from(self.pc);
        if self.chain.is_some() && !goes_back {
            let jumps = destination.is_some() && chain::ends_soon(self.program, self.pc + 1);
            let (next, other) = if jumps { (destination, behind) } else { (behind, destination) };
            if next.is_some_and(|entry| self.take(entry)) {
                self.builder.leave(condition, !jumps, other);
                return true;
            }
        }
        self.builder.branch(condition, destination);
        false
    }

    /// Builds the whole stack, with the arguments on top, for an instruction that
    /// leaves the frame and comes back behind itself.
    fn leave_and_return(&mut self, op: Op, byte: u8) -> bool {
        self.builder.need_arguments(opcode::OPCODE_INFO[byte as usize].map_or(0, |i| i.inputs()));
        self.builder.call(op, byte);
        false
    }

    /// The entry at a constant jump target, if it is a valid one.
    fn destination(&self, target: U256) -> Option<u32> {
        self.program.jump_destination(usize::try_from(target).ok()?)
    }
}

/// The value of the PUSH at a position; bytes behind the code's end are zero.
fn push_value(code: &[u8], pc: usize) -> U256 {
    let size = push_size(code[pc]);
    let present = &code[pc + 1..code.len().min(pc + 1 + size)];
    let mut word = [0; 32];
    word[32 - size..][..present.len()].copy_from_slice(present);
    U256::from_be_bytes(word)
}

/// The operation of an opcode that computes a value from its inputs alone, and how many
/// they are.
pub(crate) const fn pure(byte: u8) -> Option<(Op, usize)> {
    match simple(byte) {
        Some((op, inputs, Kind::Pure)) => Some((op, inputs)),
        _ => None,
    }
}

/// What an opcode with at most three inputs and one output does to the world.
enum Kind {
    /// Computes a value from its inputs alone.
    Pure,
    /// Yields a value, and may look at gas, memory or state.
    Value,
    /// Yields nothing.
    Effect,
}

/// The opcodes that become one instruction each: operation, number of inputs, kind.
const fn simple(byte: u8) -> Option<(Op, usize, Kind)> {
    use Kind::{Effect, Pure, Value};
    Some(match byte {
        opcode::ADD => (Op::Add, 2, Pure),
        opcode::MUL => (Op::Mul, 2, Pure),
        opcode::SUB => (Op::Sub, 2, Pure),
        opcode::DIV => (Op::Div, 2, Pure),
        opcode::SDIV => (Op::SDiv, 2, Pure),
        opcode::MOD => (Op::Mod, 2, Pure),
        opcode::SMOD => (Op::SMod, 2, Pure),
        opcode::ADDMOD => (Op::AddMod, 3, Pure),
        opcode::MULMOD => (Op::MulMod, 3, Pure),
        opcode::SIGNEXTEND => (Op::SignExtend, 2, Pure),
        opcode::LT => (Op::Lt, 2, Pure),
        opcode::GT => (Op::Gt, 2, Pure),
        opcode::SLT => (Op::SLt, 2, Pure),
        opcode::SGT => (Op::SGt, 2, Pure),
        opcode::EQ => (Op::Eq, 2, Pure),
        opcode::ISZERO => (Op::IsZero, 1, Pure),
        opcode::AND => (Op::And, 2, Pure),
        opcode::OR => (Op::Or, 2, Pure),
        opcode::XOR => (Op::Xor, 2, Pure),
        opcode::NOT => (Op::Not, 1, Pure),
        opcode::BYTE => (Op::Byte, 2, Pure),
        opcode::SHL => (Op::Shl, 2, Pure),
        opcode::SHR => (Op::Shr, 2, Pure),
        opcode::SAR => (Op::Sar, 2, Pure),
        opcode::CLZ => (Op::Clz, 1, Pure),
        opcode::EXP => (Op::Exp, 2, Value),
        opcode::ADDRESS => (Op::Address, 0, Value),
        opcode::ORIGIN => (Op::Origin, 0, Value),
        opcode::CALLER => (Op::Caller, 0, Value),
        opcode::CALLVALUE => (Op::CallValue, 0, Value),
        opcode::CALLDATALOAD => (Op::CallDataLoad, 1, Value),
        opcode::CALLDATASIZE => (Op::CallDataSize, 0, Value),
        opcode::GASPRICE => (Op::GasPrice, 0, Value),
        opcode::RETURNDATASIZE => (Op::ReturnDataSize, 0, Value),
        opcode::COINBASE => (Op::Coinbase, 0, Value),
        opcode::TIMESTAMP => (Op::Timestamp, 0, Value),
        opcode::NUMBER => (Op::Number, 0, Value),
        opcode::DIFFICULTY => (Op::Difficulty, 0, Value),
        opcode::GASLIMIT => (Op::GasLimit, 0, Value),
        opcode::CHAINID => (Op::ChainId, 0, Value),
        opcode::BASEFEE => (Op::BaseFee, 0, Value),
        opcode::BLOBHASH => (Op::BlobHash, 1, Value),
        opcode::BLOBBASEFEE => (Op::BlobBaseFee, 0, Value),
        opcode::BLOCKHASH => (Op::BlockHash, 1, Value),
        opcode::GAS => (Op::Gas, 0, Value),
        opcode::MSIZE => (Op::MSize, 0, Value),
        opcode::MLOAD => (Op::MLoad, 1, Value),
        opcode::MSTORE => (Op::MStore, 2, Effect),
        opcode::MSTORE8 => (Op::MStore8, 2, Effect),
        opcode::MCOPY => (Op::MCopy, 3, Effect),
        opcode::KECCAK256 => (Op::Keccak256, 2, Value),
        opcode::CALLDATACOPY => (Op::CallDataCopy, 3, Effect),
        opcode::CODECOPY => (Op::CodeCopy, 3, Effect),
        opcode::RETURNDATACOPY => (Op::ReturnDataCopy, 3, Effect),
        opcode::BALANCE => (Op::Balance, 1, Value),
        opcode::SELFBALANCE => (Op::SelfBalance, 0, Value),
        opcode::EXTCODESIZE => (Op::ExtCodeSize, 1, Value),
        opcode::EXTCODEHASH => (Op::ExtCodeHash, 1, Value),
        opcode::SLOAD => (Op::SLoad, 1, Value),
        opcode::SSTORE => (Op::SStore, 2, Effect),
        opcode::TLOAD => (Op::TLoad, 1, Value),
        opcode::TSTORE => (Op::TStore, 2, Effect),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opcodes_and_operations_agree_on_what_is_a_computation() {
        let mut computations = 0;
        for (op, inputs, kind) in (0..=u8::MAX).filter_map(simple) {
            let is_pure = matches!(kind, Kind::Pure);
            assert_eq!(op.pure_inputs(), is_pure.then_some(inputs), "{op:?}");
            computations += usize::from(is_pure);
        }
        assert_eq!(computations, 25);
    }
}
