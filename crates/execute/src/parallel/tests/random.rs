//! Random blocks over a few accounts and contracts that do everything that can
//! conflict.

use super::{
    super::LaneStart,
    lab::{
        BENEFICIARY, Lab, SplitMix, contract, in_lanes, in_lanes_expecting, interleave,
        left_before, user,
    },
};
use crate::{INCARNATIONS_MAX, ParallelConfig, ParallelExecutor, Policy, execute_in_order};
use foresee_access::TxIndex;
use foresee_schedule::Schedule;
use proptest::prelude::*;
use revm::{
    bytecode::opcode::*,
    database::DbAccount,
    primitives::{Address, AddressMap, TxKind, U256, hardfork::SpecId},
};

const SPECS: [SpecId; 8] = [
    SpecId::FRONTIER,
    SpecId::TANGERINE,
    SpecId::SPURIOUS_DRAGON,
    SpecId::PETERSBURG,
    SpecId::BERLIN,
    SpecId::LONDON,
    SpecId::CANCUN,
    SpecId::OSAKA,
];

/// Any of the accounts that a random block is about.
fn any_address(random: &mut SplitMix) -> Address {
    match random.next() % 12 {
        0 => BENEFICIARY,
        1..4 => contract((random.next() % 4) as u8),
        4 => contract((random.next() % 4) as u8).create(1 + random.next() % 3),
        _ => user(1 + (random.next() % 6) as u8),
    }
}

/// Code that does a few things to state one after the other.
fn any_code(random: &mut SplitMix) -> Vec<u8> {
    let mut code = Vec::new();
    for _ in 0..1 + random.next() % 5 {
        let address = any_address(random);
        let small = (random.next() % 4) as u8;
        let push_address = [&[PUSH20][..], address.as_slice()].concat();
        match random.next() % 12 {
            0..3 => code.extend([PUSH1, small, SLOAD, PUSH1, 1, ADD, PUSH1, small, SSTORE]),
            3 => code.extend([CALLVALUE, PUSH1, small, SSTORE]),
            4 => code.extend([&push_address[..], &[BALANCE, PUSH1, small, SSTORE]].concat()),
            5 => code.extend([ADDRESS, BALANCE, PUSH1, small, SSTORE]),
            6 => code.extend([&push_address[..], &[EXTCODESIZE, PUSH1, small, SSTORE]].concat()),
            7..9 => {
                code.extend([PUSH1, 0, PUSH1, 0, PUSH1, 0, PUSH1, 0, PUSH1, 3 * small]);
                code.extend(push_address);
                code.extend([PUSH3, 0, 0x80, 0, CALL, PUSH1, small, SSTORE]);
            }
            9 => code.extend([PUSH1, 0, PUSH1, 0, PUSH1, small, CREATE, PUSH1, small, SSTORE]),
            10 if random.next().is_multiple_of(3) => {
                code.extend(push_address);
                code.push(SELFDESTRUCT);
            }
            11 if random.next().is_multiple_of(3) => code.push(INVALID),
            _ => code.extend([PUSH1, small, SLOAD, PUSH1, 7, SSTORE]),
        }
    }
    code
}

fn any_block(seed: u64) -> Lab {
    let random = &mut SplitMix(seed);
    let mut lab = Lab::new(SPECS[random.next() as usize % SPECS.len()]);
    if random.next().is_multiple_of(4) {
        lab.block.env.beneficiary = any_address(random);
    }
    for number in 0..4 {
        let code = any_code(random);
        lab.deploy(contract(number), random.next() % 9, code);
        lab.stores(contract(number), random.next() % 4, random.next() % 9);
    }
    for number in 1..7 {
        if random.next().is_multiple_of(5) {
            lab.owns(user(number), random.next() % 9_000_000);
        }
    }
    for _ in 0..random.next() % 24 {
        let from = user(1 + (random.next() % 6) as u8);
        let to = match random.next() % 16 {
            0 => TxKind::Create,
            _ => TxKind::Call(any_address(random)),
        };
        let init_code = any_code(random);
        let tx = lab.send(from, to, random.next() % 12);
        if to.is_create() {
            tx.data = init_code.into();
        }
        match random.next() % 20 {
            0 => tx.nonce = random.next() % 4,
            1 => tx.gas_limit = 21_000 + random.next() % 60_000,
            2 => tx.value = U256::from(random.next()),
            _ => {}
        }
    }
    lab
}

/// Changes something of what is expected.
fn mistake(expected: &mut AddressMap<DbAccount>, which: usize) {
    let mut accounts: Vec<_> = expected.keys().copied().collect();
    accounts.sort_unstable();
    let Some(address) = accounts.get(which / 4 % accounts.len().max(1)) else { return };
    let Some(account) = expected.get_mut(address) else { return };
    match which % 4 {
        0 => account.info.balance += U256::ONE,
        1 => account.info.nonce += 1,
        2 => account.storage.values_mut().for_each(|value| *value += U256::ONE),
        _ => drop(expected.remove(address)),
    }
}

proptest! {
    #[test]
    fn any_lanes_that_keep_apart_equal_in_order(seed: u64, left in 1usize..6) {
        let mut lab = any_block(seed);
        // The fewer there are, the likelier they keep apart.
        lab.block.transactions.truncate(left);
        let expected = execute_in_order(&lab.block, &lab.db).unwrap();
        for middle in 0..=lab.block.transactions.len() {
            if let Some((output, _)) = in_lanes(&lab.block, &lab.db, middle).unwrap() {
                prop_assert_eq!(&output, &expected);
            }
        }
    }

    #[test]
    fn any_lanes_on_any_expectations_equal_in_order(
        seed: u64,
        cuts in proptest::collection::btree_set(1usize..12, 1..4),
        wrong in proptest::option::of(0usize..40),
    ) {
        let lab = any_block(seed);
        let expected = execute_in_order(&lab.block, &lab.db).unwrap();
        let n = lab.block.transactions.len();
        let cuts = cuts.into_iter().filter(|cut| *cut < n);
        let mut starts: Vec<_> = cuts.map(|position| {
            let expected = left_before(&lab.block, &lab.db, position);
            LaneStart { position, expected }
        }).collect();
        let spec = lab.block.cfg.spec;
        if starts.is_empty() || !spec.is_enabled_in(SpecId::SPURIOUS_DRAGON) {
            return Ok(());
        }
        // What is left at the end of a shorter block holds a reward before the merge.
        let is_wrong = wrong.is_some() || !spec.is_enabled_in(SpecId::MERGE);
        if let (Some(wrong), Some(start)) = (wrong, starts.last_mut()) {
            mistake(&mut start.expected, wrong);
        }
        let (output, are_right) = in_lanes_expecting(&lab.block, &lab.db, starts).unwrap().unwrap();
        prop_assert_eq!(&output, &expected);
        // A transaction that finds no room in the block may make a lane useless.
        prop_assert!(is_wrong || are_right || !output.invalid.is_empty());
    }

    #[test]
    fn any_interleaving_equals_in_order(seed: u64, interleavings in 1u64..9) {
        let lab = any_block(seed);
        let expected = execute_in_order(&lab.block, &lab.db).unwrap();
        for interleaving in 0..interleavings {
            let outcome = interleave(&lab.block, &lab.db, lab.plan(), seed ^ interleaving).unwrap();
            prop_assert_eq!(&outcome.output, &expected);
        }
    }

    #[test]
    fn any_schedule_on_any_threads_equals_in_order(
        seed: u64,
        threads in 1usize..5,
        by_layers: bool,
        edges: Vec<(u8, u8)>,
        is_precaution: bool,
    ) {
        let lab = any_block(seed);
        let n = lab.block.transactions.len();
        let expected = execute_in_order(&lab.block, &lab.db).unwrap();
        let edges = edges.iter().map(|(from, to)| (TxIndex(u32::from(from % 24)), TxIndex(u32::from(to % 24))));
        let schedule = match is_precaution {
            true => Schedule::precaution(edges, (0..n).map(|tx| (seed >> tx) & 7 == 0).collect()),
            false => Schedule::from_edges(n, edges, &[]),
        };
        let policy = if by_layers { Policy::Layers } else { Policy::Dataflow };
        let executor = ParallelExecutor::new(ParallelConfig { threads, policy }).unwrap();
        let outcome = executor.execute(&lab.block, &lab.db, &schedule).unwrap();
        prop_assert_eq!(outcome.output, expected);
        let mut incarnations = vec![1; n];
        for again in &outcome.stats.reexecuted {
            incarnations[again.index.position()] += 1;
        }
        prop_assert!(incarnations.iter().all(|count| *count <= INCARNATIONS_MAX));
    }
}
