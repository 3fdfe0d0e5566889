//! Small structured programs, and how they become bytecode.

use revm::primitives::hardfork::SpecId;
use revm_bytecode::opcode as op;

/// What puts one word on the stack.
#[derive(Clone, Debug)]
pub(crate) enum Expression {
    Number(u8),
    Word([u8; 32]),
    /// An opcode without operands.
    Environment(u8),
    /// An opcode with operands, the first on top of the stack.
    Apply(u8, Vec<Self>),
    /// The hash of two words, by way of memory.
    Hash(Box<[Self; 2]>),
    /// The address of one of the contracts.
    Contract(Box<Self>),
    /// A small number that depends on something.
    Small(Box<Self>),
}

/// What leaves the stack as it was.
#[derive(Clone, Debug)]
pub(crate) enum Statement {
    /// An opcode that takes operands, the first on top, and yields nothing.
    Do(u8, Vec<Expression>),
    /// A word goes to memory, and nowhere else.
    Keep(u8, Expression),
    /// A call, with what may be said about its gas, and where its success goes.
    Call {
        kind: u8,
        gas: Expression,
        to: Expression,
        value: u8,
        ranges: [Expression; 4],
    },
    /// A creation of a contract with the code of an account.
    Create {
        kind: u8,
        of: Expression,
        value: u8,
        salt: Expression,
    },
    If(Expression, Vec<Self>, Vec<Self>),
    /// So many times and one.
    Repeat(Expression, Vec<Self>),
    /// A function that is called twice.
    Twice(Vec<Self>),
    /// One of several, by a computed jump.
    Switch(Expression, Vec<Vec<Self>>),
    /// An end of the frame.
    End(u8, Vec<Expression>),
    Raw(Vec<u8>),
}

/// Bytecode of a program under a fork's opcodes.
pub(crate) fn assemble(program: &[Statement], fork: SpecId) -> Vec<u8> {
    let mut assembler = Assembler { code: Vec::new(), fork };
    assembler.block(program);
    assembler.code.push(op::STOP);
    assembler.code
}

struct Assembler {
    code: Vec<u8>,
    fork: SpecId,
}

impl Assembler {
    fn block(&mut self, statements: &[Statement]) {
        statements.iter().for_each(|statement| self.statement(statement));
    }

    fn push(&mut self, number: u8) {
        self.code.extend([op::PUSH1, number]);
    }

    /// Pushes a place in the code that is not known yet.
    fn push_label(&mut self) -> usize {
        self.code.extend([op::PUSH2, 0, 0]);
        self.code.len() - 2
    }

    /// Begins a block here, for whoever pushed a label.
    fn label(&mut self, labels: &[usize]) {
        let here = (self.code.len() as u16).to_be_bytes();
        labels.iter().for_each(|at| self.code[*at..at + 2].copy_from_slice(&here));
        self.code.push(op::JUMPDEST);
    }

    /// An opcode that the fork has, in place of one that it may lack.
    fn known(&self, opcode: u8) -> u8 {
        let (since, instead) = match opcode {
            op::SHL | op::SHR | op::SAR => (SpecId::PETERSBURG, op::ADD),
            op::CLZ => (SpecId::OSAKA, op::NOT),
            op::RETURNDATASIZE => (SpecId::BYZANTIUM, op::CALLDATASIZE),
            op::REVERT => (SpecId::BYZANTIUM, op::RETURN),
            op::STATICCALL => (SpecId::BYZANTIUM, op::DELEGATECALL),
            op::CREATE2 => (SpecId::PETERSBURG, op::CREATE),
            op::EXTCODEHASH => (SpecId::PETERSBURG, op::EXTCODESIZE),
            op::SELFBALANCE | op::CHAINID => (SpecId::ISTANBUL, op::ADDRESS),
            op::BASEFEE => (SpecId::LONDON, op::NUMBER),
            op::BLOBBASEFEE => (SpecId::CANCUN, op::NUMBER),
            op::TLOAD => (SpecId::CANCUN, op::SLOAD),
            op::TSTORE => (SpecId::CANCUN, op::SSTORE),
            op::MCOPY | op::RETURNDATACOPY => (SpecId::CANCUN, op::CALLDATACOPY),
            op::BLOBHASH => (SpecId::CANCUN, op::BLOCKHASH),
            other => (SpecId::FRONTIER, other),
        };
        let known = if self.fork.is_enabled_in(since) { opcode } else { instead };
        match known {
            op::DELEGATECALL if !self.fork.is_enabled_in(SpecId::HOMESTEAD) => op::CALLCODE,
            known => known,
        }
    }

    fn expressions(&mut self, expressions: &[Expression]) {
        expressions.iter().rev().for_each(|expression| self.expression(expression));
    }

    fn expression(&mut self, expression: &Expression) {
        match expression {
            Expression::Number(number) => self.push(*number),
            Expression::Word(word) => {
                self.code.push(op::PUSH32);
                self.code.extend(word);
            }
            Expression::Environment(opcode) => self.code.push(self.known(*opcode)),
            Expression::Apply(opcode, operands) => {
                self.expressions(operands);
                self.code.push(self.known(*opcode));
            }
            Expression::Hash(words) => {
                for (n, word) in words.iter().enumerate() {
                    self.expression(word);
                    self.push(0x20 * n as u8);
                    self.code.push(op::MSTORE);
                }
                self.push(0x40);
                self.push(0);
                self.code.push(op::KECCAK256);
            }
            Expression::Contract(which) => {
                self.expression(which);
                self.push(3);
                self.code.push(op::AND);
                self.push(0xa0);
                self.code.push(op::ADD);
            }
            Expression::Small(number) => {
                self.expression(number);
                self.push(7);
                self.code.push(op::AND);
            }
        }
    }

    fn statement(&mut self, statement: &Statement) {
        match statement {
            Statement::Do(opcode, operands) | Statement::End(opcode, operands) => {
                self.expressions(operands);
                self.code.push(self.known(*opcode));
            }
            Statement::Keep(at, expression) => {
                self.expression(expression);
                self.push(*at);
                self.code.push(op::MSTORE);
            }
            Statement::Call { kind, gas, to, value, ranges } => {
                let kind = self.known(*kind);
                self.expressions(ranges);
                if matches!(kind, op::CALL | op::CALLCODE) {
                    self.push(*value);
                }
                self.expression(to);
                self.expression(gas);
                self.code.push(kind);
                self.push(0x60);
                self.code.push(op::MSTORE);
            }
            Statement::Create { kind, of, value, salt } => self.create(*kind, of, *value, salt),
            Statement::If(condition, then, otherwise) => {
                self.expression(condition);
                let to_then = self.push_label();
                self.code.push(op::JUMPI);
                self.block(otherwise);
                let to_end = self.push_label();
                self.code.push(op::JUMP);
                self.label(&[to_then]);
                self.block(then);
                self.label(&[to_end]);
            }
            Statement::Repeat(times, body) => {
                self.expression(times);
                self.push(3);
                self.code.push(op::AND);
                let start = (self.code.len() as u16).to_be_bytes();
                self.code.push(op::JUMPDEST);
                self.block(body);
                self.code.push(op::DUP1);
                self.push(1);
                self.code.extend([op::SWAP1, op::SUB, op::SWAP1]);
                self.code.extend([op::PUSH2, start[0], start[1], op::JUMPI, op::POP]);
            }
            Statement::Switch(value, cases) => self.switch(value, cases),
            Statement::Twice(body) => self.twice(body),
            Statement::Raw(bytes) => self.code.extend(bytes),
        }
    }

    /// One body, entered twice, with where to go on kept on the stack.
    fn twice(&mut self, body: &[Statement]) {
        let first_return = self.push_label();
        let function = self.push_label();
        self.code.push(op::JUMP);
        self.label(&[first_return]);
        let second_return = self.push_label();
        self.label(&[function]);
        self.block(body);
        self.code.push(op::JUMP);
        self.label(&[second_return]);
    }

    fn switch(&mut self, value: &Expression, cases: &[Vec<Statement>]) {
        self.push(cases.len() as u8);
        self.expression(value);
        self.code.push(op::MOD);
        self.push(0);
        let mut to_cases = Vec::new();
        for case in 0..cases.len() {
            self.code.push(op::DUP2);
            self.push(case as u8);
            self.code.push(op::EQ);
            to_cases.push(self.push_label());
            self.code.extend([op::MUL, op::ADD]);
        }
        self.code.extend([op::SWAP1, op::POP, op::JUMP]);
        let mut to_end = Vec::new();
        for (case, to_case) in cases.iter().zip(to_cases) {
            self.label(&[to_case]);
            self.block(case);
            to_end.push(self.push_label());
            self.code.push(op::JUMP);
        }
        self.label(&to_end);
    }

    /// Puts init code in memory that returns the code of an account, and runs it.
    fn create(&mut self, kind: u8, of: &Expression, value: u8, salt: &Expression) {
        const AT: u8 = 0xa0;
        const ACCOUNT: [u8; 2] = [1, 9];
        let init = [
            [op::PUSH1, 0, op::EXTCODESIZE, op::DUP1].as_slice(),
            &[op::PUSH1, 0, op::PUSH1, 0, op::PUSH1, 0, op::EXTCODECOPY],
            &[op::PUSH1, 0, op::RETURN],
        ]
        .concat();
        let kind = self.known(kind);
        let mut word = [0; 32];
        word[..init.len()].copy_from_slice(&init);
        self.code.push(op::PUSH32);
        self.code.extend(word);
        self.code.extend([op::PUSH1, AT, op::MSTORE]);
        self.expression(of);
        for at in ACCOUNT {
            self.code.extend([op::DUP1, op::PUSH1, AT + at, op::MSTORE8]);
        }
        self.code.push(op::POP);
        if kind == op::CREATE2 {
            self.expression(salt);
        }
        self.code.extend([op::PUSH1, init.len() as u8, op::PUSH1, AT, op::PUSH1, value, kind]);
        self.code.extend([op::PUSH1, 0x60, op::MSTORE]);
    }
}
