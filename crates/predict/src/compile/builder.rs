//! The symbolic stack, the registers and the gas of a block in the making.

use super::fold::fold;
use crate::instruction::{
    Block, CONSTANTS, CONSTANTS_MAX, Compare, Instruction, NO_ENTRY, NUMBERS, Op, Register, SMALL,
    TEMPORARIES, TEMPORARIES_MAX,
};
use alloy_primitives::U256;
use revm::primitives::STACK_LIMIT;

/// How many recent constants are searched before a new one is added.
const CONSTANTS_SEARCHED: usize = 16;

/// What has room without growing: more than most blocks have.
const INSTRUCTIONS_EXPECTED: usize = 32;
const STACK_EXPECTED: usize = 32;
const LOOKING_EXPECTED: usize = 16;

/// A block in the making.
pub(super) struct Builder {
    code: Vec<Instruction>,
    constants: Vec<U256>,
    /// The stack above the lowest entry item used so far, as registers.
    stack: Vec<Register>,
    /// How many entry items `stack` replaces.
    consumed: usize,
    temporaries: usize,
    /// Most items ever needed below, and added above, the entry height; and the
    /// same as far as checks were emitted.
    growth: i32,
    checked: (usize, i32),
    /// The same as far as the block checks it at its start.
    entry: (usize, i32),
    /// Static gas so far.
    gas: u32,
    /// Instructions that look at gas, with the gas charged up to and including them.
    looking: Vec<(usize, u32)>,
    /// The same of instructions that leave a chain.
    leaving: Vec<(usize, u32)>,
    /// Whether anything has happened that counts even if the stack turns out not to
    /// suffice for what follows.
    happened: bool,
    /// Whether the stack is checked for all of it at the start: a chain, which is not entered
    /// where it does not fit.
    is_chain: bool,
}

impl Builder {
    pub(super) fn new(is_chain: bool) -> Self {
        Self {
            code: Vec::with_capacity(INSTRUCTIONS_EXPECTED),
            constants: Vec::new(),
            stack: Vec::with_capacity(STACK_EXPECTED),
            consumed: 0,
            temporaries: 0,
            growth: 0,
            checked: (0, 0),
            entry: (0, 0),
            gas: 0,
            looking: Vec::with_capacity(LOOKING_EXPECTED),
            leaving: Vec::new(),
            happened: false,
            is_chain,
        }
    }

    /// Adds static gas.
    pub(super) const fn charge(&mut self, gas: u32) {
        self.gas += gas;
    }

    /// Takes the topmost item.
    pub(super) fn pop(&mut self) -> Register {
        self.stack.pop().unwrap_or_else(|| self.consume())
    }

    /// The next item of the entry stack. Behind the last that a stack can hold it
    /// does not matter which: the stack check stops the block.
    fn consume(&mut self) -> Register {
        self.consumed += 1;
        -(self.consumed.min(STACK_LIMIT) as Register)
    }

    /// Takes up to three items, topmost first.
    pub(super) fn pop_operands(&mut self, count: usize) -> [Register; 3] {
        let mut operands = [0; 3];
        for operand in &mut operands[..count] {
            *operand = self.pop();
        }
        operands
    }

    fn push(&mut self, register: Register) {
        self.stack.push(register);
        self.growth = self.growth.max(self.stack.len() as i32 - self.consumed as i32);
    }

    /// Pushes a constant.
    pub(super) fn push_constant(&mut self, value: U256) {
        if let Ok(number) = usize::try_from(value)
            && number < SMALL.len()
        {
            return self.push(NUMBERS - number as Register);
        }
        let recent = self.constants.len().saturating_sub(CONSTANTS_SEARCHED);
        let index = self.constants[recent..]
            .iter()
            .position(|constant| *constant == value)
            .map_or(self.constants.len(), |position| recent + position);
        if index == self.constants.len() {
            self.constants.push(value);
        }
        debug_assert!(index < CONSTANTS_MAX);
        self.push(CONSTANTS - index as Register);
    }

    /// The value of a register that is a constant.
    pub(super) fn constant(&self, register: Register) -> Option<U256> {
        if register <= NUMBERS {
            Some(SMALL[(NUMBERS - register) as usize])
        } else if register <= CONSTANTS {
            Some(self.constants[(CONSTANTS - register) as usize])
        } else {
            None
        }
    }

    /// Makes sure that at least this many items are on the symbolic stack.
    fn ensure(&mut self, items: usize) {
        while self.stack.len() < items {
            let item = self.consume();
            self.stack.insert(0, item);
        }
    }

    pub(super) fn dup(&mut self, depth: usize) {
        self.ensure(depth + 1);
        self.push(self.stack[self.stack.len() - 1 - depth]);
    }

    pub(super) fn swap(&mut self, depth: usize) {
        self.ensure(depth + 1);
        let top = self.stack.len() - 1;
        self.stack.swap(top, top - depth);
    }

    /// Makes sure that the arguments of a call are on the symbolic stack.
    pub(super) fn need_arguments(&mut self, count: u8) {
        self.ensure(count as usize);
    }

    /// Emits a computation, or folds it if its operands are constants.
    pub(super) fn pure(&mut self, op: Op, inputs: usize) {
        let operands = self.pop_operands(inputs);
        let mut values = [U256::ZERO; 3];
        let known = operands[..inputs].iter().zip(&mut values).all(|(operand, value)| {
            self.constant(*operand).is_some_and(|constant| {
                *value = constant;
                true
            })
        });
        if known {
            return self.push_constant(fold(op, values));
        }
        let to = self.temporary();
        let [a, b, c] = operands;
        self.code.push(Instruction { op, to, a, b, c, gas: 0 });
        self.push(to);
    }

    /// Emits an instruction that yields a value and may look at the world.
    pub(super) fn value(&mut self, op: Op, inputs: usize) {
        let [a, b, c] = self.pop_operands(inputs);
        let to = self.temporary();
        self.effect(op, to, a, b, c);
        self.push(to);
    }

    /// Emits an instruction that looks at the frame or, behind the stack check of
    /// everything up to it, at the world.
    pub(super) fn effect(&mut self, op: Op, to: Register, a: Register, b: Register, c: Register) {
        if !op.is_local() {
            self.check_stack();
            self.happened = true;
        }
        self.looking.push((self.code.len(), self.gas));
        self.code.push(Instruction { op, to, a, b, c, gas: 0 });
    }

    /// Ends the block: builds the stack, and goes to an entry, or fails if there is
    /// none, if the condition holds, else to the entry behind the block. A comparison
    /// that only feeds the branch is fused into it.
    pub(super) fn branch(&mut self, condition: Register, target: Option<u32>) {
        self.check_stack();
        let moves = self.moves();
        let (compare, holds, [a, b]) = self.take_comparison(condition, &moves);
        let (a, b) = (self.save(a, &moves), self.save(b, &moves));
        self.emit_moves(&moves);
        let (op, to) = (Op::branch_on(compare, holds), self.height());
        let gas = target.unwrap_or(NO_ENTRY);
        self.code.push(Instruction { op, to, a, b, c: 0, gas });
    }

    /// Whether there are registers for another block of a chain.
    pub(super) const fn has_room(&self) -> bool {
        self.temporaries + self.stack.len() < TEMPORARIES_MAX / 4
    }

    /// Leaves the chain if the condition holds, or if it does not: builds the stack, and
    /// goes to an entry, or fails if there is none.
    pub(super) fn leave(&mut self, condition: Register, if_it_holds: bool, target: Option<u32>) {
        self.check_stack();
        // What is free behind the chain's way out is free on its way on.
        let temporaries = self.temporaries;
        let moves = self.moves();
        let (compare, holds, [a, b]) = self.take_comparison(condition, &moves);
        let op = Op::skip_on(compare, holds != if_it_holds);
        let skip = self.code.len();
        self.code.push(Instruction { op, to: 0, a, b, c: NUMBERS, gas: 0 });
        self.emit_moves(&moves);
        let (op, gas) = target.map_or((Op::Fail, 0), |entry| (Op::Leave, entry));
        if op == Op::Leave {
            self.leaving.push((self.code.len(), self.gas));
        }
        self.code.push(Instruction { op, to: self.height(), a: NUMBERS, b: 0, c: 0, gas });
        self.code[skip].gas = self.code.len() as u32;
        self.temporaries = temporaries;
    }

    /// Takes back the comparison that feeds only a branch on a condition. Yields what is
    /// compared, and whether the condition is that it holds.
    fn take_comparison(
        &mut self,
        condition: Register,
        moves: &[(Register, Register)],
    ) -> (Compare, bool, [Register; 2]) {
        let (mut a, mut is_zero) = (condition, false);
        while let Some(last) = self.code.last().copied()
            && let Some(compare) = last.op.comparison()
            && self.feeds_only(last.to, a, moves)
        {
            self.code.pop();
            if compare != Compare::Zero {
                return (compare, !is_zero, [last.a, last.b]);
            }
            (a, is_zero) = (last.a, !is_zero);
        }
        (Compare::Zero, is_zero, [a, NUMBERS])
    }

    /// Whether a result is a temporary that is one operand, and nothing on the stack.
    fn feeds_only(
        &self,
        result: Register,
        operand: Register,
        moves: &[(Register, Register)],
    ) -> bool {
        result == operand
            && result >= TEMPORARIES
            && !self.stack.contains(&result)
            && moves.iter().all(|(_, from)| *from != result)
    }

    /// Ends the block: builds the stack, and goes to a computed destination if the
    /// condition holds, else to the entry behind the block.
    pub(super) fn branch_dynamic(&mut self, condition: Register, target: Register) {
        self.check_stack();
        let moves = self.moves();
        let (a, b) = (self.save(condition, &moves), self.save(target, &moves));
        self.emit_moves(&moves);
        let (op, to) = (Op::BranchDynamic, self.height());
        self.code.push(Instruction { op, to, a, b, c: 0, gas: 0 });
    }

    /// Ends the block: builds the stack, and goes to another entry, or fails if
    /// there is none.
    pub(super) fn goto(&mut self, target: Option<u32>) {
        self.check_stack();
        let moves = self.moves();
        self.emit_moves(&moves);
        let to = self.height();
        let (op, gas) = target.map_or((Op::Fail, 0), |entry| (Op::Goto, entry));
        self.code.push(Instruction { op, to, a: 0, b: 0, c: 0, gas });
    }

    /// Ends the block: builds the stack, and goes to a computed destination.
    pub(super) fn goto_dynamic(&mut self, target: Register) {
        self.check_stack();
        let moves = self.moves();
        let b = self.save(target, &moves);
        self.emit_moves(&moves);
        let (op, to) = (Op::GotoDynamic, self.height());
        self.code.push(Instruction { op, to, a: 0, b, c: 0, gas: 0 });
    }

    /// Ends the block: builds the stack, and calls or creates. The entry behind the
    /// block comes after that.
    pub(super) fn call(&mut self, op: Op, opcode: u8) {
        self.check_stack();
        let moves = self.moves();
        self.emit_moves(&moves);
        let (to, b) = (self.height(), Register::from(opcode));
        self.code.push(Instruction { op, to, a: 0, b, c: 0, gas: 0 });
    }

    /// Checks the stack as far as it was not checked yet. Comparisons stay last, so
    /// that a branch can still fuse them.
    fn check_stack(&mut self) {
        let (need, growth) = self.checked;
        if self.consumed > need || self.growth > growth {
            self.checked = (self.consumed.max(need), self.growth.max(growth));
            let (a, b) = (self.checked.0 as Register, self.checked.1 as Register);
            if !self.happened || self.is_chain {
                // It may as well fail at once, or not be entered.
                self.entry = self.checked;
                return;
            }
            let check = Instruction { op: Op::StackCheck, to: 0, a, b, c: 0, gas: 0 };
            // Pure instructions may run before or after a check.
            let mut at = self.code.len();
            while at > 0 && matches!(self.code[at - 1].op, Op::IsZero | Op::Eq | Op::Lt | Op::Gt) {
                at -= 1;
            }
            self.code.insert(at, check);
        }
    }

    /// By how much the stack has grown since the block was entered.
    fn height(&self) -> Register {
        (self.stack.len() as i32 - self.consumed as i32) as Register
    }

    /// The moves, as `(to, from)`, that build the stack as it is now, in an order in
    /// which no source is overwritten early.
    fn moves(&mut self) -> Vec<(Register, Register)> {
        let bottom = -(self.consumed.min(STACK_LIMIT) as Register);
        let mut pending: Vec<_> = self
            .stack
            .iter()
            .enumerate()
            .map(|(position, from)| (bottom + position as Register, *from))
            .filter(|(to, from)| to != from)
            .collect();
        // Mostly what is read lies above or below all that is set, and any order will do.
        let top = bottom + self.stack.len() as Register;
        if pending.iter().all(|(_, from)| *from < bottom || *from >= top) {
            return pending;
        }
        let mut moves = Vec::with_capacity(pending.len());
        while !pending.is_empty() {
            let free =
                pending.iter().position(|(to, _)| pending.iter().all(|(_, from)| from != to));
            if let Some(free) = free {
                moves.push(pending.swap_remove(free));
            } else {
                let (to, _) = pending[0];
                let saved = self.temporary();
                moves.push((saved, to));
                for (_, from) in &mut pending {
                    if *from == to {
                        *from = saved;
                    }
                }
            }
        }
        moves
    }

    /// A register with the same content that the moves leave alone.
    fn save(&mut self, register: Register, moves: &[(Register, Register)]) -> Register {
        if moves.iter().all(|(to, _)| *to != register) {
            return register;
        }
        let to = self.temporary();
        self.code.push(Instruction { op: Op::Move, to, a: register, b: 0, c: 0, gas: 0 });
        to
    }

    fn emit_moves(&mut self, moves: &[(Register, Register)]) {
        for pair in moves.chunks(2) {
            self.code.push(match *pair {
                [(to, a), (b, c)] => Instruction { op: Op::MoveTwo, to, a, b, c, gas: 0 },
                [(to, a), ..] => Instruction { op: Op::Move, to, a, b: 0, c: 0, gas: 0 },
                [] => continue,
            });
        }
    }

    fn temporary(&mut self) -> Register {
        debug_assert!(self.temporaries < TEMPORARIES_MAX);
        self.temporaries += 1;
        TEMPORARIES + self.temporaries as Register - 1
    }

    /// The finished block, which has so many entries in its data.
    pub(super) fn finish(mut self, skipped: Register) -> Block {
        if let Some(last) = self.code.last_mut().filter(|last| last.op.comes_back()) {
            last.c = skipped;
        }
        for (index, charged) in self.looking {
            self.code[index].gas = self.gas - charged;
        }
        for (index, charged) in self.leaving {
            self.code[index] = self.code[index].with_len(self.gas - charged);
        }
        let (need, growth) = self.entry;
        Block {
            code: self.code.into(),
            constants: self.constants.into(),
            gas: self.gas,
            // A stack holds fewer than a number of 16 bits can say.
            need: u16::try_from(need).unwrap_or(u16::MAX),
            growth: u16::try_from(growth).unwrap_or(u16::MAX),
        }
    }
}
