//! What calldata and bytecode tell without storage: what is called certain really happens,
//! whatever storage holds, and where nothing is said to be missing nothing else happens.

use crate::mainnet;
use crate::programs::{FORKS, block_of_calls, code, contract};
use alloy_primitives::{Bytes, U256};
use core::{convert::Infallible, fmt::Write};
use foresee_access::{AccessSet, Location, Touch};
use foresee_execute::{Block, Observation, observe};
use foresee_predict::{Outline, Outliner, SymbolicAccess, SymbolicField, WithoutStorage};
use foresee_source::Snapshot;
use foresee_workload::{Program, Scenario, generate};
use proptest::prelude::*;
use revm::{DatabaseRef, primitives::hardfork::SpecId};
use std::{
    fs,
    path::{Path, PathBuf},
};

/// How many accesses there really are, and of how many what is known.
#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    transactions: usize,
    /// Of which nothing is missing.
    closed: usize,
    slots: usize,
    certain: usize,
    possible: usize,
    /// Others that may be one that is named by its symbol.
    symbolic: usize,
    /// Those that nothing is said of.
    missed: usize,
}

/// Outlines a block and compares it with the observation of its execution.
fn check<DB: DatabaseRef<Error = Infallible>>(
    block: &Block,
    db: &DB,
    observed: &[Observation],
    name: &str,
) -> Counts {
    let mut outliner = Outliner::new(&block.cfg, &block.env, WithoutStorage(db));
    let mut counts = Counts::default();
    for (index, (tx, observed)) in block.transactions.iter().zip(observed).enumerate() {
        let outline = outliner.outline(tx).unwrap();
        if !observed.included {
            continue;
        }
        let at = format!("{name}, transaction {index}: {outline:#?}");
        let (certain, all, truth) = (&outline.certain, outline.all(), &observed.access);
        assert_within(certain.reads(), truth.reads(), &format!("certain reads, {at}"));
        assert_within(certain.writes(), truth.writes(), &format!("certain writes, {at}"));
        counts.closed += usize::from(outline.is_closed());
        // Before Cancun an earlier transaction may have taken code away, and another be
        // created in its place: code is taken as it was before the block.
        if outline.is_closed() && block.cfg.spec.is_enabled_in(SpecId::CANCUN) {
            let slots = truth.reads().filter(Location::is_slot);
            assert_within(slots, all.reads(), &format!("all reads, {at}"));
            assert_within(truth.writes(), all.writes(), &format!("all writes, {at}"));
        }
        counts.transactions += 1;
        for slot in truth.reads().filter(Location::is_slot) {
            counts.slots += 1;
            let is_named = |access: &SymbolicAccess| {
                access.address == Some(slot.address) || access.address.is_none()
            };
            *if certain.touch(&slot).has(Touch::READ) {
                &mut counts.certain
            } else if all.touch(&slot).has(Touch::READ) {
                &mut counts.possible
            } else if outline.symbolic.iter().any(is_named) {
                &mut counts.symbolic
            } else {
                &mut counts.missed
            } += 1;
        }
    }
    counts
}

#[track_caller]
fn assert_within(
    part: impl Iterator<Item = Location>,
    whole: impl Iterator<Item = Location>,
    at: &str,
) {
    let whole: Vec<_> = whole.collect();
    for location in part {
        assert!(whole.binary_search(&location).is_ok(), "{location} of {at}");
    }
}

/// An outline as text.
fn render(outline: &Outline) -> String {
    let mut text = String::new();
    let mut sets = |title: &str, set: &AccessSet| {
        let hows =
            [("read", Touch::READ), ("written", Touch::WRITE), ("settled", Touch::COMMUTATIVE)];
        for (how, touch) in hows {
            for (location, _) in set.touches().filter(|(_, it)| it.has(touch)) {
                let label = outline.label(&location).unwrap_or_default();
                let _ = writeln!(text, "{title} {how}: {location} {label}");
            }
        }
    };
    sets("certain", &outline.certain);
    sets("possible", &outline.possible);
    for access in &outline.symbolic {
        let account = access.address.map(|address| address.to_string());
        let account = account.or(access.account.clone()).unwrap_or_default();
        let field = match &access.field {
            SymbolicField::Balance => "balance",
            SymbolicField::Code => "code",
            SymbolicField::Slot(slot) => slot,
        };
        let how = if access.written { "written" } else { "read" };
        let _ = writeln!(text, "symbolic {how}: {account} {field}");
    }
    for unknown in &outline.unknown {
        let _ = writeln!(text, "unknown: {unknown}");
    }
    let lines = text.lines().map(str::trim_end);
    lines.collect::<Vec<_>>().join("\n")
}

/// Hashes the key on the stack with the position of a mapping, as Solidity does.
fn key_of_mapping(position: u8) -> String {
    format!(
        "
        PUSH 0
        MSTORE
        PUSH {position}
        PUSH 32
        MSTORE
        PUSH 64
        PUSH 0
        KECCAK256
        "
    )
}

/// The snapshots in a folder, in the order of their names.
fn snapshots_in(folder: &Path) -> Vec<PathBuf> {
    let files = fs::read_dir(folder).expect("a folder of blocks");
    let mut paths: Vec<_> = files.map(|file| file.unwrap().path()).collect();
    paths.sort();
    assert!(!paths.is_empty(), "{} holds no blocks", folder.display());
    paths
}

/// Outlines the calls of a program, and compares them with their execution.
fn outlines(text: &str) -> Vec<String> {
    let program = Program::parse(text).unwrap();
    let loaded = program.block().unwrap().into_block().unwrap();
    let (block, db) = (&loaded.block, &loaded.state);
    check(block, db, &observe(block, db).unwrap(), "a program");
    let mut outliner = Outliner::new(&block.cfg, &block.env, WithoutStorage(db));
    block.transactions.iter().map(|tx| render(&outliner.outline(tx).unwrap())).collect()
}

#[test]
fn a_token_that_may_be_paused() {
    // transfer(to, amount) of a token: slot 0 the flag, slot 3 the balances.
    let balance = key_of_mapping(3);
    let told = outlines(&format!(
        "
        PUSH 0
        SLOAD
        PUSH @paused
        JUMPI
        ; balances[caller], which has to suffice
        CALLER
        {balance}
        DUP1
        SLOAD               ; balance key
        PUSH 36
        CALLDATALOAD        ; amount balance key
        DUP1
        DUP3
        LT
        PUSH @paused
        JUMPI
        SWAP1
        SUB                 ; left key
        SWAP1
        SSTORE
        PUSH 4
        CALLDATALOAD
        PUSH 0
        MSTORE
        PUSH 64
        PUSH 0
        KECCAK256
        DUP1
        SLOAD
        PUSH 36
        CALLDATALOAD
        ADD
        SWAP1
        SSTORE
        STOP
        paused:
        PUSH 0
        PUSH 0
        REVERT
        .storage 0 1
        .call fail 0xa9059cbb 4660 5
        "
    ));
    insta::assert_snapshot!(told[0]);
}

#[test]
fn a_proxy_whose_implementation_is_stored() {
    let told = outlines(
        "
        CALLDATASIZE
        PUSH 0
        PUSH 0
        CALLDATACOPY
        PUSH 0
        PUSH 0
        CALLDATASIZE
        PUSH 0
        PUSH 0x360894a13ba1a3210667c828492db98dca3e2076cc3735a920a3ca505d382bbc
        SLOAD
        GAS
        DELEGATECALL
        RETURNDATASIZE
        PUSH 0
        PUSH 0
        RETURNDATACOPY
        PUSH @ok
        JUMPI
        RETURNDATASIZE
        PUSH 0
        REVERT
        ok:
        RETURNDATASIZE
        PUSH 0
        RETURN
        .call ok 0xa9059cbb 4660 5
        ",
    );
    insta::assert_snapshot!(told[0]);
}

#[test]
fn a_router_that_finds_its_pair_in_a_mapping() {
    // pairs[arg0] at slot 2; the pair's reserves are asked for, and noted by pair.
    let pair = key_of_mapping(2);
    let note = key_of_mapping(5);
    let told = outlines(&format!(
        "
        PUSH 4
        CALLDATALOAD
        {pair}
        SLOAD
        PUSH 0xffffffffffffffffffffffffffffffffffffffff
        AND                 ; pair
        PUSH 32
        PUSH 0
        PUSH 0
        PUSH 0
        DUP5
        GAS
        STATICCALL          ; success pair
        PUSH @ok
        JUMPI
        PUSH 0
        PUSH 0
        REVERT
        ok:
        ; noted[pair] = what it said
        PUSH 0
        MLOAD
        SWAP1
        {note}
        SSTORE
        STOP
        .call ok 0xa9059cbb 4660
        "
    ));
    insta::assert_snapshot!(told[0]);
}

#[test]
fn what_depends_on_no_storage_is_certain() {
    // A deposit: balances[caller] += value, and an array at a stored index.
    let balance = key_of_mapping(3);
    let told = outlines(&format!(
        "
        CALLER
        {balance}
        DUP1
        SLOAD
        CALLVALUE
        ADD
        SWAP1
        SSTORE
        PUSH 7
        PUSH 0
        MSTORE
        PUSH 32
        PUSH 0
        KECCAK256
        PUSH 9
        SLOAD
        ADD
        SLOAD
        POP
        STOP
        .call ok value=5 0xd0e30db0
        "
    ));
    insta::assert_snapshot!(told[0]);
}

#[test]
fn a_loop_that_storage_ends_is_followed_so_far() {
    let told = outlines(
        "
        PUSH 0
        again:
        DUP1
        SLOAD
        PUSH @done
        JUMPI
        PUSH 1
        ADD
        PUSH @again
        JUMP
        done:
        STOP
        .storage 3 1
        .call ok
        ",
    );
    assert!(told[0].ends_with("unknown: the limit on paths was reached"), "{}", told[0]);
    assert!(
        told[0].contains("certain read: 0xC0de000000000000000000000000000000000001[0x0] slot 0")
    );
    assert!(
        told[0].contains("possible read: 0xC0de000000000000000000000000000000000001[0x3] slot 3")
    );
}

#[test]
fn generated_blocks_are_outlined_rightly() {
    for scenario in Scenario::ALL {
        for seed in [1, 2] {
            let loaded = generate(scenario, 60, seed).unwrap().into_block().unwrap();
            let observed = observe(&loaded.block, &loaded.state).unwrap();
            check(&loaded.block, &loaded.state, &observed, &format!("{scenario} seed {seed}"));
        }
    }
}

#[test]
fn snapshots_are_outlined_rightly_and_the_same_each_time() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../testdata/blocks");
    let mut told = String::new();
    for path in snapshots_in(&folder) {
        let loaded = Snapshot::open(&path).unwrap().into_block().unwrap();
        let (block, db) = (&loaded.block, &loaded.state);
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let counts = check(block, db, &observe(block, db).unwrap(), &name);
        let _ = writeln!(told, "{name}: {counts:?}");
        let outliner = || Outliner::new(&block.cfg, &block.env, WithoutStorage(db));
        let (mut forwards, mut backwards) = (outliner(), outliner());
        let ahead: Vec<_> =
            block.transactions.iter().map(|tx| forwards.outline(tx).unwrap()).collect();
        for (tx, outline) in block.transactions.iter().zip(&ahead).rev() {
            assert_eq!(backwards.outline(tx).unwrap(), *outline, "{name}");
        }
    }
    insta::assert_snapshot!(told);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, ..ProptestConfig::default() })]

    /// Programs of random opcodes over small operands, whose storage is not empty.
    #[test]
    fn random_programs_are_outlined_rightly(
        fork in prop::sample::select(FORKS),
        codes in prop::collection::vec(code(), 3),
        calls in prop::collection::vec((0..3usize, any::<[u8; 40]>(), 21_000..400_000u64, 0..3u64), 1..6),
        stored in prop::collection::vec((0..3usize, 0..8u64, 0..8u64), 0..12),
    ) {
        let calls: Vec<_> = calls
            .into_iter()
            .map(|(to, data, gas, value)| {
                (contract(to), Bytes::copy_from_slice(&data), gas, U256::from(value))
            })
            .collect();
        // Before Cancun a contract may be gone when it is called again: code is taken as it
        // was before the block.
        let calls = if fork.is_enabled_in(SpecId::CANCUN) { &calls[..] } else { &calls[..1] };
        let (block, mut state) = block_of_calls(fork, &codes, calls);
        for (account, slot, value) in stored {
            let [slot, value] = [slot, value].map(U256::from);
            state.insert_account_storage(contract(account), slot, value).unwrap();
        }
        let observed = observe(&block, &state).unwrap();
        check(&block, &state, &observed, "random programs");
    }
}

/// Symptom: the read of a slot was called certain though gas ran out before it. Mechanism: a
/// cold SSTORE was taken to pay what a cold SLOAD pays more than a warm one, 2,000, where it
/// pays 2,100, so that the stipend of EIP-2200 seemed to be left. Fix: each pays its own.
#[test]
fn a_cold_sstore_pays_for_the_slot_in_full() {
    use revm_bytecode::opcode::{PUSH1, SSTORE};
    let store = |slot: u8| [PUSH1, 1, PUSH1, slot, SSTORE];
    let code = [store(0x20), store(2), store(0)].concat();
    // What two of them cost, and with little more than the stipend left, or that.
    for left in (2_000..2_600).step_by(20) {
        let gas = 21_000 + 2 * (22_100 + 6) + 6 + left;
        let calls = [(contract(0), Bytes::new(), gas, U256::ZERO)];
        let (block, state) = block_of_calls(SpecId::BERLIN, std::slice::from_ref(&code), &calls);
        let observed = observe(&block, &state).unwrap();
        check(&block, &state, &observed, "three stores");
    }
}

#[test]
#[ignore = "needs FORESEE_DATA"]
fn mainnet_blocks_are_outlined_rightly() {
    let mut all = Counts::default();
    for (name, loaded) in mainnet::blocks() {
        let observed = observe(&loaded.block, &loaded.state).unwrap();
        let counts = check(&loaded.block, &loaded.state, &observed, &name);
        all.transactions += counts.transactions;
        all.closed += counts.closed;
        all.slots += counts.slots;
        all.certain += counts.certain;
        all.possible += counts.possible;
        all.symbolic += counts.symbolic;
        all.missed += counts.missed;
    }
    #[expect(clippy::print_stdout, reason = "figures, shown by --nocapture")]
    {
        println!("{all:?}");
    }
}
