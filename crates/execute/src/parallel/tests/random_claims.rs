//! Random programs over a few slots, every slot claimed at random: what claims are wrong
//! costs time and changes nothing.

use super::lab::{Lab, SplitMix, contract, interleave, user};
use crate::{ParallelConfig, ParallelExecutor, Policy, execute_in_order};
use foresee_access::{Location, TxIndex};
use foresee_schedule::Schedule;
use proptest::prelude::*;
use revm::{
    bytecode::opcode::*,
    primitives::{U256, hardfork::SpecId},
};
use std::sync::LazyLock;

const SPECS: [SpecId; 5] =
    [SpecId::BYZANTIUM, SpecId::ISTANBUL, SpecId::LONDON, SpecId::OSAKA, SpecId::AMSTERDAM];

/// Contracts of a block, and slots of each.
const CONTRACTS: u64 = 2;
const SLOTS: u64 = 3;

/// A slot that is never claimed: what is stored here shows in the output.
const WITNESS: u8 = 9;

/// Instructions that leave one word of two; a claim outlives some of the first.
const LENIENT: [u8; 5] = [AND, OR, SHR, DIV, NOT];
const STRICT: [u8; 9] = [MUL, XOR, SHL, SAR, MOD, BYTE, SIGNEXTEND, SDIV, EXP];
const COMPARISONS: [u8; 5] = [LT, GT, SLT, SGT, EQ];

fn any_of(random: &mut SplitMix, opcodes: &[u8]) -> u8 {
    opcodes[random.next() as usize % opcodes.len()]
}

/// A word that comparisons and masks turn on.
fn any_push(random: &mut SplitMix) -> Vec<u8> {
    match random.next() % 12 {
        0 => vec![PUSH1, 0, NOT],
        1 => vec![PUSH1, 0xff],
        2 => vec![PUSH1, 20, NOT],
        3 => vec![PUSH1, 1, PUSH1, 255, SHL],
        4 => vec![PUSH1, 0],
        5 | 6 => vec![PUSH1, 0, CALLDATALOAD],
        7 => vec![PUSH1, 250],
        _ => vec![PUSH1, (random.next() % 40) as u8],
    }
}

/// A program under construction that never takes more off the stack than is there.
struct Program {
    code: Vec<u8>,
    height: usize,
}

impl Program {
    fn does(&mut self, code: &[u8]) {
        self.code.extend(code);
    }

    /// Puts something on the stack that mostly derives from this slot.
    fn value(&mut self, random: &mut SplitMix, slot: u8) {
        match random.next() % 6 {
            0 if (1..16).contains(&self.height) => {
                let depth = random.next() as usize % self.height;
                self.does(&[DUP1 + depth as u8]);
            }
            _ => self.does(&[PUSH1, slot, SLOAD]),
        }
        self.height += 1;
        for _ in 0..random.next() % 3 {
            let push = any_push(random);
            match random.next() % 24 {
                0..12 => {
                    self.does(&push);
                    if random.next().is_multiple_of(3) {
                        self.does(&[SWAP1]);
                    }
                    self.does(&[any_of(random, &[ADD, SUB])]);
                }
                12..15 => self.does(&[NOT]),
                15..20 => {
                    self.does(&push);
                    if random.next().is_multiple_of(2) {
                        self.does(&[SWAP1]);
                    }
                    self.does(&[any_of(random, &LENIENT)]);
                    // One of them takes one word.
                    self.height += usize::from(self.code.last() == Some(&NOT));
                }
                20 => {
                    self.does(&push);
                    self.does(&[any_of(random, &STRICT)]);
                }
                21 => self.does(&[PUSH1, slot, SLOAD, any_of(random, &[ADD, SUB])]),
                _ => {}
            }
        }
    }

    /// Takes a word off the stack; what becomes of it may show.
    fn sink(&mut self, random: &mut SplitMix, slot: u8) {
        match random.next() % 24 {
            0..10 => self.does(&[PUSH1, slot, SSTORE]),
            10..14 => {
                if random.next().is_multiple_of(3) {
                    self.value(random, slot);
                    self.height -= 1;
                } else {
                    self.does(&any_push(random));
                }
                let kind = (random.next() % 3) as u8;
                self.does(&[any_of(random, &COMPARISONS), PUSH1, WITNESS + kind, SSTORE]);
            }
            14 => self.does(&[ISZERO, PUSH1, WITNESS, SSTORE]),
            15..18 => {
                let after = self.code.len() as u8 + 5;
                let end = any_of(random, &[STOP, INVALID, STOP]);
                self.does(&[PUSH1, after, JUMPI, end, STOP, JUMPDEST]);
            }
            18 => self.does(&[PUSH1, 0, MSTORE]),
            19 => self.does(&[PUSH1, 0, PUSH1, 0, LOG1]),
            20 => self.does(&[PUSH1, WITNESS, SSTORE]),
            21 => self.does(&[any_of(random, &[BALANCE, EXTCODESIZE, CALLDATALOAD, MLOAD]), POP]),
            _ => self.does(&[POP]),
        }
        self.height -= 1;
    }

    fn call(&mut self, random: &mut SplitMix) {
        let kind = any_of(random, &[CALL, CALL, CALLCODE, DELEGATECALL, STATICCALL]);
        self.does(&[PUSH1, 32, PUSH1, 0, PUSH1, 32, PUSH1, 0]);
        if matches!(kind, CALL | CALLCODE) {
            self.does(&[PUSH1, 0]);
        }
        self.does(&[PUSH20]);
        self.does(contract((random.next() % CONTRACTS) as u8).as_slice());
        self.does(&[PUSH2, 0x80, 0, kind]);
        self.height += 1;
    }
}

fn any_code(random: &mut SplitMix) -> Vec<u8> {
    let mut program = Program { code: Vec::new(), height: 0 };
    for _ in 0..3 + random.next() % 12 {
        let slot = (random.next() % SLOTS) as u8;
        match random.next() % 12 {
            0..5 => {
                program.value(random, slot);
                program.sink(random, slot);
            }
            5..7 => program.value(random, slot),
            7..9 if program.height > 0 => program.sink(random, slot),
            9 if (2..17).contains(&program.height) => {
                let depth = random.next() as usize % (program.height - 1);
                program.does(&[SWAP1 + depth as u8]);
            }
            10 => program.call(random),
            _ => {}
        }
        if program.code.len() > 200 {
            break;
        }
    }
    match random.next() % 6 {
        0 => program.does(&[PUSH1, 0, PUSH1, 0, REVERT]),
        1 => program.does(&[PUSH1, 32, PUSH1, 0, RETURN]),
        _ => {}
    }
    program.code
}

fn any_block(seed: u64) -> Lab {
    let random = &mut SplitMix(seed);
    let mut lab = Lab::new(SPECS[random.next() as usize % SPECS.len()]);
    for number in 0..CONTRACTS as u8 {
        lab.deploy(contract(number), 0, any_code(random));
        for slot in 0..SLOTS {
            let value = match random.next() % 8 {
                0 => U256::MAX - U256::from(random.next() % 20),
                1 => U256::ZERO,
                2 => U256::from(220 + random.next() % 40),
                _ => U256::from(random.next() % 40),
            };
            lab.db.insert_account_storage(contract(number), U256::from(slot), value).unwrap();
        }
    }
    for number in 1..2 + (random.next() % 8) as u8 {
        let to = contract((random.next() % CONTRACTS) as u8);
        let word = match random.next() % 4 {
            0 => U256::from(random.next() % 6).wrapping_neg(),
            _ => U256::from(random.next() % 6),
        };
        lab.call(user(number), to, 0, [word]);
        for number in 0..CONTRACTS as u8 {
            for slot in 0..SLOTS {
                if !random.next().is_multiple_of(4) {
                    lab.claim(lab.block.transactions.len() - 1, contract(number), slot);
                }
            }
        }
    }
    lab
}

/// Anybody may wait for anybody before it because of anything, which is hardly ever true.
fn any_early(seed: u64, n: usize) -> Schedule {
    let random = &mut SplitMix(seed);
    let mut reasons = Vec::new();
    for to in 1..n {
        for _ in 0..random.next() % 3 {
            let from = TxIndex::new(random.next() as usize % to);
            let address = contract((random.next() % CONTRACTS) as u8);
            let location = match random.next() % 6 {
                0 => Location::balance(address),
                1 => Location::code(user((random.next() % 9) as u8)),
                _ => Location::slot(address, U256::from(random.next() % SLOTS)),
            };
            reasons.push((from, TxIndex::new(to), location));
        }
    }
    // Not all of these are edges, and not all edges have a reason.
    let edges = reasons.iter().map(|(from, to, _)| (*from, *to));
    let edges = edges.filter(|(from, _)| from.position() % 4 != 3);
    let others = (2..n).step_by(3).map(|to| (TxIndex::new(to - 2), TxIndex::new(to)));
    let schedule = Schedule::from_edges(n, edges.chain(others), &vec![1; n]);
    schedule.starting_early(reasons.iter().copied())
}

static EXECUTORS: LazyLock<[ParallelExecutor; 5]> = LazyLock::new(|| {
    let config = |threads| ParallelConfig { threads, policy: Policy::Dataflow };
    [1, 2, 3, 8, 64].map(|threads| ParallelExecutor::new(config(threads)).unwrap())
});

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn any_claims_in_any_order_equal_in_order(seed: u64) {
        let lab = any_block(seed);
        let expected = execute_in_order(&lab.block, &lab.db).unwrap();
        for interleaving in 0..4 {
            let outcome = interleave(&lab.block, &lab.db, lab.plan(), seed ^ interleaving).unwrap();
            prop_assert_eq!(&outcome.output, &expected);
        }
    }
}

proptest! {
    #[test]
    fn any_claims_on_any_threads_equal_in_order(seed: u64) {
        let lab = any_block(seed);
        let expected = execute_in_order(&lab.block, &lab.db).unwrap();
        let n = lab.block.transactions.len();
        for executor in EXECUTORS.iter() {
            for schedule in [Schedule::independent(n), any_early(seed, n)] {
                let schedule = lab.claiming(schedule);
                let outcome = executor.execute(&lab.block, &lab.db, &schedule).unwrap();
                prop_assert_eq!(&outcome.output, &expected);
            }
        }
    }
}
