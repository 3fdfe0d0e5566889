//! Random structured programs, and blocks that call them many times.

use crate::{
    check::{Fields, check},
    programs::{FORKS, LONG_LOOP_GAS, block_of_calls, code, contract, long_loop},
    syntax::{Expression, Statement, assemble},
};
use alloy_primitives::{Bytes, U256};
use foresee_execute::Block;
use foresee_predict::{BlockPredictor, Complete, PredictOptions, Prediction, ProgramCache};
use proptest::{collection::vec, prelude::*, sample::select};
use revm::{
    database::{CacheDB, EmptyDB},
    primitives::hardfork::SpecId,
};
use revm_bytecode::opcode as op;

/// Contracts in a block.
const CONTRACTS: usize = 4;

/// Steps that are too few for some.
const LIMITS: [u64; 3] = [3, 40, 3_000];

/// Programs that call one another, and calls of them.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    fork: SpecId,
    programs: Vec<Program>,
    calls: Vec<Call>,
}

/// A program: written with structure, or bytes as they come.
#[derive(Clone, Debug)]
enum Program {
    Written(Vec<Statement>),
    Bytes(Vec<u8>),
}

/// A transaction.
#[derive(Clone, Debug)]
struct Call {
    to: usize,
    selector: u8,
    words: Vec<u8>,
    /// Bytes of the calldata that are missing at its end.
    cut: usize,
    gas: u64,
    value: u64,
}

impl Case {
    /// The same calls, with this bytecode in the place of the first program; as it is if
    /// there is none.
    pub(crate) fn with_code(mut self, code: &[u8]) -> Self {
        if !code.is_empty() {
            self.programs[0] = Program::Bytes(code.to_vec());
        }
        self
    }

    /// The first calls, of programs that loop for so long that chains of blocks run the rest.
    pub(crate) fn behind_long_loops(mut self) -> Self {
        for program in &mut self.programs {
            match program {
                Program::Written(statements) => {
                    statements.insert(0, Statement::Raw(long_loop()));
                }
                Program::Bytes(bytes) => *bytes = [long_loop(), bytes.clone()].concat(),
            }
        }
        self.calls.truncate(6);
        self.calls.iter_mut().for_each(|call| call.gas += LONG_LOOP_GAS);
        self
    }

    /// Predicts the block several times with one cache, so that slices are made and
    /// used, and then with what is left of it in a file; compares with execution.
    pub(crate) fn check(&self) {
        let (block, state) = self.block();
        let cache = ProgramCache::new();
        for round in 0..2 {
            check(&cache, &block, &state, &format!("round {round}"), Fields::Named);
        }
        let loaded = ProgramCache::new();
        loaded.load(&cache.to_bytes()).unwrap();
        assert_eq!(loaded.to_bytes(), cache.to_bytes(), "every path is found again");
        check(&loaded, &block, &state, "loaded", Fields::Named);
        for steps_max in LIMITS {
            let cold = limited(&ProgramCache::new(), &block, &state, steps_max);
            for cache in [&cache, &loaded] {
                assert_eq!(limited(cache, &block, &state, steps_max), cold, "{steps_max} steps");
            }
        }
    }

    /// The block, and the state before it.
    pub(crate) fn block(&self) -> (Block, CacheDB<EmptyDB>) {
        let codes: Vec<_> = self.programs.iter().map(|program| program.code(self.fork)).collect();
        let calls: Vec<_> = self
            .calls
            .iter()
            .map(|call| (contract(call.to), call.data(), call.gas, U256::from(call.value)))
            .collect();
        block_of_calls(self.fork, &codes, &calls)
    }
}

/// Predicts a block, no transaction further than so many steps.
fn limited(
    cache: &ProgramCache,
    block: &Block,
    state: &CacheDB<EmptyDB>,
    steps_max: u64,
) -> Vec<Prediction> {
    let options = PredictOptions { steps_max, dependencies: true, ..PredictOptions::default() };
    let mut predictor =
        BlockPredictor::new(cache, &block.cfg, &block.env, Complete(state), options);
    block.transactions.iter().map(|tx| predictor.predict(tx).unwrap()).collect()
}

impl Program {
    fn code(&self, fork: SpecId) -> Vec<u8> {
        match self {
            Self::Written(statements) => assemble(statements, fork),
            Self::Bytes(bytes) => bytes.clone(),
        }
    }
}

impl Call {
    fn data(&self) -> Bytes {
        let mut data = vec![self.selector; 4];
        for word in &self.words {
            data.extend(U256::from(*word).to_be_bytes::<32>());
        }
        data.truncate(data.len().saturating_sub(self.cut));
        data.into()
    }
}

/// Random cases.
pub(crate) fn case() -> impl Strategy<Value = Case> {
    let fork = prop_oneof![1 => select(FORKS), 1 => select(&FORKS[FORKS.len() - 4..])];
    (fork, vec(program(), CONTRACTS), vec(call(), 4..28)).prop_map(|(fork, programs, calls)| Case {
        fork,
        programs,
        calls,
    })
}

fn call() -> impl Strategy<Value = Call> {
    let to = prop_oneof![3 => Just(0), 1 => 0..CONTRACTS];
    let words = prop_oneof![4 => vec(0..4u8, 2), 1 => vec(any::<u8>(), 0..4)];
    let cut = prop_oneof![6 => Just(0usize), 1 => 0..40usize];
    // Enough; hardly enough; anything between.
    let gas = prop_oneof![
        5 => Just(400_000u64),
        2 => 21_000..30_000u64,
        2 => 21_000..120_000u64,
    ];
    (to, 0..2u8, words, cut, gas, prop_oneof![3 => Just(0u64), 1 => 0..3u64]).prop_map(
        |(to, selector, words, cut, gas, value)| Call { to, selector, words, cut, gas, value },
    )
}

fn program() -> impl Strategy<Value = Program> {
    prop_oneof![
        12 => block(statement()).prop_map(Program::Written),
        1 => code().prop_map(Program::Bytes),
    ]
}

fn block(
    statement: impl Strategy<Value = Statement> + 'static,
) -> impl Strategy<Value = Vec<Statement>> {
    vec(statement, 1..9)
}

/// What a statement that contains others is made of.
fn statement() -> impl Strategy<Value = Statement> {
    simple().prop_recursive(3, 24, 4, |inner| {
        let some = vec(inner.clone(), 0..4);
        prop_oneof![
            3 => (expression(), some.clone(), some.clone())
                .prop_map(|(condition, then, other)| Statement::If(condition, then, other)),
            2 => (expression(), some.clone()).prop_map(|(n, body)| Statement::Repeat(n, body)),
            1 => some.clone().prop_map(Statement::Twice),
            1 => (expression(), vec(some, 1..4))
                .prop_map(|(value, cases)| Statement::Switch(value, cases)),
            3 => inner,
        ]
    })
}

/// A statement that contains no others.
fn simple() -> impl Strategy<Value = Statement> {
    let act = |opcode, operands: Vec<BoxedStrategy<Expression>>| {
        operands.prop_map(move |operands| Statement::Do(opcode, operands)).boxed()
    };
    let any = || expression().boxed();
    let at = || offset().boxed();
    let len = || length().boxed();
    let key = || key().boxed();
    prop_oneof![
        5 => act(op::SSTORE, vec![key(), any()]),
        2 => act(op::TSTORE, vec![key(), any()]),
        5 => act(op::MSTORE, vec![at(), any()]),
        2 => act(op::MSTORE8, vec![at(), any()]),
        2 => act(op::MCOPY, vec![at(), at(), len()]),
        2 => act(op::CALLDATACOPY, vec![at(), at(), len()]),
        1 => act(op::CODECOPY, vec![at(), at(), len()]),
        2 => act(op::RETURNDATACOPY, vec![at(), at(), len()]),
        1 => act(op::RETURNDATACOPY, vec![at(), Just(Expression::Number(0)).boxed(), {
            Just(Expression::Environment(op::RETURNDATASIZE)).boxed()
        }]),
        1 => act(op::EXTCODECOPY, vec![any_contract().boxed(), at(), at(), len()]),
        1 => act(op::LOG1, vec![at(), len(), any()]),
        2 => (0..5u8, expression()).prop_map(|(n, value)| Statement::Keep(0x20 * n, value)),
        5 => a_call(),
        1 => a_creation(),
        2 => an_end(),
        1 => select(vec![
            vec![op::INVALID],
            vec![op::POP],
            vec![op::PUSH1, 3, op::JUMP],
            vec![op::GAS, op::POP],
            vec![op::JUMPDEST],
            vec![op::PC, op::MSIZE, op::MSTORE],
        ])
        .prop_map(Statement::Raw),
    ]
}

fn a_call() -> impl Strategy<Value = Statement> {
    let gas = prop_oneof![
        3 => Just(Expression::Environment(op::GAS)),
        2 => any::<u16>().prop_map(|gas| {
            let mut word = [0; 32];
            word[30..].copy_from_slice(&gas.to_be_bytes());
            Expression::Word(word)
        }),
        1 => expression(),
    ];
    let to = prop_oneof![8 => any_contract(), 2 => (1..12u8).prop_map(Expression::Number), 1 => expression()];
    let kind = select(vec![op::CALL, op::CALL, op::STATICCALL, op::DELEGATECALL, op::CALLCODE]);
    let value = prop_oneof![5 => Just(0u8), 1 => 0..3u8];
    (kind, gas, to, value, (offset(), length()), (offset(), length())).prop_map(
        |(kind, gas, to, value, (a, b), (c, d))| Statement::Call {
            kind,
            gas,
            to,
            value,
            ranges: [a, b, c, d],
        },
    )
}

fn a_creation() -> impl Strategy<Value = Statement> {
    (select(vec![op::CREATE, op::CREATE2]), any_contract(), 0..2u8, expression())
        .prop_map(|(kind, of, value, salt)| Statement::Create { kind, of, value, salt })
}

fn an_end() -> impl Strategy<Value = Statement> {
    prop_oneof![
        1 => Just(Statement::End(op::STOP, vec![])),
        3 => (offset(), length()).prop_map(|(at, len)| Statement::End(op::RETURN, vec![at, len])),
        2 => (offset(), length()).prop_map(|(at, len)| Statement::End(op::REVERT, vec![at, len])),
        1 => any_contract().prop_map(|to| Statement::End(op::SELFDESTRUCT, vec![to])),
    ]
}

fn any_contract() -> impl Strategy<Value = Expression> {
    prop_oneof![
        3 => (0xa0..0xa0 + CONTRACTS as u8).prop_map(Expression::Number),
        1 => expression().prop_map(|which| Expression::Contract(Box::new(which))),
    ]
}

/// A place in memory, calldata or code: mostly constant, overlapping others.
fn offset() -> impl Strategy<Value = Expression> {
    prop_oneof![
        6 => select(vec![0u8, 0x20, 0x40, 0x60, 0x80, 0, 0x20, 4, 0x24, 1, 0x1f, 0x21, 0x3c])
            .prop_map(Expression::Number),
        1 => expression().prop_map(|number| Expression::Small(Box::new(number))),
    ]
}

fn length() -> impl Strategy<Value = Expression> {
    prop_oneof![
        6 => select(vec![0x20u8, 0x40, 0, 0x20, 4, 1, 0x24, 0x44, 0x1f, 0x60]).prop_map(Expression::Number),
        1 => expression().prop_map(|number| Expression::Small(Box::new(number))),
    ]
}

/// A storage key: few, so that they meet.
fn key() -> impl Strategy<Value = Expression> {
    prop_oneof![
        3 => (0..4u8).prop_map(Expression::Number),
        2 => expression().prop_map(|number| Expression::Small(Box::new(number))),
        2 => (expression(), 0..3u8).prop_map(|(key, slot)| {
            Expression::Hash(Box::new([key, Expression::Number(slot)]))
        }),
        1 => expression(),
    ]
}

fn expression() -> impl Strategy<Value = Expression> {
    let environment = select(vec![
        op::ADDRESS,
        op::ORIGIN,
        op::CALLER,
        op::CALLVALUE,
        op::CALLDATASIZE,
        op::GASPRICE,
        op::RETURNDATASIZE,
        op::COINBASE,
        op::TIMESTAMP,
        op::NUMBER,
        op::DIFFICULTY,
        op::GASLIMIT,
        op::CHAINID,
        op::SELFBALANCE,
        op::BASEFEE,
        op::BLOBBASEFEE,
        op::MSIZE,
        op::CODESIZE,
        op::PC,
        op::GAS,
    ]);
    let calldata = select(vec![4u8, 0x24, 0, 0x44, 3, 0x40])
        .prop_map(|at| Expression::Apply(op::CALLDATALOAD, vec![Expression::Number(at)]));
    let leaf = prop_oneof![
        6 => (0..4u8).prop_map(Expression::Number),
        1 => any::<u8>().prop_map(Expression::Number),
        1 => any::<[u8; 32]>().prop_map(Expression::Word),
        1 => Just(Expression::Word([0xff; 32])),
        4 => calldata,
        2 => environment.prop_map(Expression::Environment),
        1 => (0xa0..0xa0 + CONTRACTS as u8).prop_map(Expression::Number),
    ];
    leaf.prop_recursive(3, 8, 3, |inner| {
        let apply = |opcodes: Vec<u8>, operands: usize| {
            (select(opcodes), vec(inner.clone(), operands))
                .prop_map(|(opcode, operands)| Expression::Apply(opcode, operands))
        };
        let memory = prop_oneof![
            5 => select(vec![0u8, 0x20, 0x40, 0x60, 1, 0x1f, 0x30]).prop_map(Expression::Number),
            1 => inner.clone().prop_map(|at| Expression::Small(Box::new(at))),
        ];
        let lengths = select(vec![0u8, 0x20, 0x40, 0x24, 1, 0x60]).prop_map(Expression::Number);
        prop_oneof![
            3 => apply(vec![op::ISZERO, op::NOT, op::CLZ], 1),
            4 => apply((op::ADD..=op::SMOD).chain(op::LT..=op::EQ).chain(op::AND..=op::XOR).collect(), 2),
            2 => apply(vec![op::EXP, op::SIGNEXTEND, op::BYTE, op::SHL, op::SHR, op::SAR], 2),
            1 => apply(vec![op::ADDMOD, op::MULMOD], 3),
            1 => apply(vec![op::CALLDATALOAD, op::BLOBHASH, op::BLOCKHASH], 1),
            2 => apply(vec![op::BALANCE, op::EXTCODESIZE, op::EXTCODEHASH], 1),
            4 => apply(vec![op::SLOAD, op::SLOAD, op::TLOAD], 1),
            3 => memory.clone().prop_map(|at| Expression::Apply(op::MLOAD, vec![at])),
            2 => (memory, lengths)
                .prop_map(|(at, len)| Expression::Apply(op::KECCAK256, vec![at, len])),
            2 => (inner.clone(), inner.clone())
                .prop_map(|(a, b)| Expression::Hash(Box::new([a, b]))),
            2 => inner.clone().prop_map(|number| Expression::Small(Box::new(number))),
        ]
    })
}
