//! What accesses depend on: whatever else changes in the state, they are still there.

use crate::mainnet;
use crate::strategy;
use alloy_primitives::{Address, B256, Bytes, U256};
use core::{convert::Infallible, fmt::Write as _};
use foresee_access::{Field, Location, Touch};
use foresee_execute::Block;
use foresee_predict::{
    BlockPredictor, Complete, Dependencies, PredictOptions, Prediction, ProgramCache,
};
use foresee_source::LoadedBlock;
use foresee_workload::{Scenario, generate};
use proptest::prelude::*;
use revm::{
    DatabaseRef,
    context::TxEnv,
    state::{AccountInfo, Bytecode},
};
use revm_bytecode::opcode as op;

/// A state with another value in one place.
#[derive(Clone, Copy, Debug)]
struct Altered<'a, DB> {
    inner: &'a DB,
    location: Location,
    value: U256,
}

impl<DB: DatabaseRef<Error = Infallible>> DatabaseRef for Altered<'_, DB> {
    type Error = Infallible;

    fn basic_ref(&self, address: Address) -> Result<Option<AccountInfo>, Infallible> {
        let info = self.inner.basic_ref(address)?;
        if address != self.location.address {
            return Ok(info);
        }
        let mut altered = info.clone().unwrap_or_default();
        match self.location.field {
            Field::Balance => altered.balance = self.value,
            Field::Nonce => altered.nonce = self.value.saturating_to(),
            Field::Code if self.value.is_zero() => {
                altered = altered.with_code(Bytecode::default());
            }
            // Looks at other things, and fails.
            Field::Code => {
                let code = [op::ADDRESS, op::BALANCE, op::PUSH0, op::SLOAD, op::INVALID];
                altered = altered.with_code(Bytecode::new_legacy(Bytes::from(code)));
            }
            Field::Slot(_) => return Ok(info),
        }
        Ok(Some(altered))
    }

    fn code_by_hash_ref(&self, hash: B256) -> Result<Bytecode, Infallible> {
        self.inner.code_by_hash_ref(hash)
    }

    fn storage_ref(&self, address: Address, slot: U256) -> Result<U256, Infallible> {
        if self.location == Location::slot(address, slot) {
            return Ok(self.value);
        }
        self.inner.storage_ref(address, slot)
    }

    fn block_hash_ref(&self, number: u64) -> Result<B256, Infallible> {
        self.inner.block_hash_ref(number)
    }
}

/// Predicts a transaction alone.
fn predict<DB: DatabaseRef<Error = Infallible>>(
    cache: &ProgramCache,
    block: &Block,
    db: DB,
    tx: &TxEnv,
) -> Prediction {
    let options = PredictOptions { dependencies: true, ..PredictOptions::default() };
    let mut predictor = BlockPredictor::new(cache, &block.cfg, &block.env, Complete(db), options);
    predictor.predict_alone(tx).unwrap()
}

/// Changes one place after the other, some of those that a transaction has to do with and some
/// that the one before it has, and looks whether the accesses that do not depend on it are
/// still there. Yields how many were looked for.
fn check_all<DB: DatabaseRef<Error = Infallible>>(
    block: &Block,
    db: &DB,
    places_max: usize,
    name: &str,
) -> usize {
    let cache = ProgramCache::new();
    let mut looked_for = 0;
    let mut others = Vec::new();
    for (index, tx) in block.transactions.iter().enumerate() {
        let expected = predict(&cache, block, db, tx);
        let Some(dependencies) = &expected.dependencies else { panic!("they were asked for") };
        let Prediction { access, .. } = &expected;
        consistent(&expected, dependencies);
        let accessed = access.touches().map(|(location, _)| location);
        let mut places: Vec<_> = accessed.chain(dependencies.inputs.iter().copied()).collect();
        places.sort_unstable();
        places.dedup();
        let all = places.iter().chain(&others);
        let all = all.filter(|place| may_change(place, db, tx, dependencies));
        let step = 1 + (places.len() + others.len()) / places_max;
        for (position, &location) in all.step_by(step).enumerate() {
            let values = [U256::ZERO, U256::ONE, U256::from(1u64 << 40), U256::MAX >> 100];
            let value = values[(index + position) % values.len()];
            let altered = predict(&cache, block, Altered { inner: db, location, value }, tx);
            let at = format!("{name}, transaction {index}, {location} holds {value:#x}");
            looked_for += still_there(&expected, dependencies, &altered, &location, &at);
        }
        others = places;
        others.truncate(4);
    }
    looked_for
}

/// Whether a place may be changed: a transaction that is invalid afterwards is none, and
/// nonces are looked at by creations alone. Where there is nobody yet, one takes the place of
/// a contract to be created.
fn may_change<DB: DatabaseRef<Error = Infallible>>(
    place: &Location,
    db: &DB,
    tx: &TxEnv,
    dependencies: &Dependencies,
) -> bool {
    match place.field {
        Field::Balance | Field::Slot(_) => true,
        Field::Code => place.address != tx.caller,
        Field::Nonce => {
            place.address != tx.caller
                && dependencies.inputs.contains(place)
                && db.basic_ref(place.address).unwrap().is_some()
        }
    }
}

/// What holds for any transaction.
fn consistent(prediction: &Prediction, dependencies: &Dependencies) {
    let Dependencies { inputs, reads } = dependencies;
    let access = &prediction.access;
    assert_eq!(reads.len(), access.reads().count());
    assert!(reads.iter().all(|before| *before as usize <= inputs.len()));
    for (position, input) in inputs.iter().enumerate() {
        assert!(!inputs[..position].contains(input), "{input} is looked at first once");
        // Nothing is looked at before it is come to; but for a balance that tells whether
        // an account is empty, where sets name the code.
        let read = access.reads().position(|read| read == *input).map(|at| reads[at] as usize);
        let is_read_first = read.is_some_and(|before| before <= position);
        assert!(is_read_first || input.field == Field::Balance, "{input}");
    }
}

/// Asserts that what does not depend on a location is accessed still.
fn still_there(
    expected: &Prediction,
    dependencies: &Dependencies,
    altered: &Prediction,
    location: &Location,
    at: &str,
) -> usize {
    let mut looked_for = 0;
    let access = &expected.access;
    for read in access.reads() {
        if !dependencies.of(access, &read).unwrap().contains(location) {
            let is_read = altered.access.touch(&read).has(Touch::READ);
            assert!(is_read, "{at}: {read} is not read");
            looked_for += 1;
        }
    }
    if !dependencies.of_writes().contains(location) {
        for write in access.writes() {
            let is_written = altered.access.touch(&write).has(Touch::WRITE);
            assert!(is_written, "{at}: {write} is not written");
            looked_for += 1;
        }
    }
    looked_for
}

#[test]
fn accesses_of_generated_blocks_depend_on_nothing_else() {
    for scenario in Scenario::ALL {
        let loaded = generate(scenario, 40, 3).unwrap().into_block().unwrap();
        let looked_for = check_all(&loaded.block, &loaded.state, 24, &scenario.to_string());
        assert!(looked_for > 400, "{scenario}: {looked_for}");
    }
}

#[test]
#[ignore = "needs FORESEE_DATA"]
fn accesses_of_mainnet_blocks_depend_on_nothing_else() {
    for (name, LoadedBlock { block, state, .. }) in mainnet::blocks() {
        check_all(&block, &state, 6, &name);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn accesses_of_random_programs_depend_on_nothing_else(case in strategy::case()) {
        let (block, state) = case.block();
        check_all(&block, &state, 12, "random");
    }
}

/// A transaction's accesses, each with what it depends on.
fn render(prediction: &Prediction) -> String {
    let dependencies = prediction.dependencies.as_ref().unwrap();
    let name = |location: &Location| match prediction.label(location) {
        Some(label) => format!("{} {label}", location.address),
        None => location.to_string(),
    };
    let mut text = String::from("looks at\n");
    for (position, input) in dependencies.inputs.iter().enumerate() {
        writeln!(text, "  {:2} {}", position + 1, name(input)).unwrap();
    }
    text += "reads\n";
    for (read, before) in prediction.access.reads().zip(&dependencies.reads) {
        let on = match *before {
            before if before <= dependencies.code_alone() => "calldata and code".to_owned(),
            before => format!("1 to {before}"),
        };
        writeln!(text, "  {} <- {on}", name(&read)).unwrap();
    }
    text
}

/// The transaction of a generated block that reads the most.
fn longest(scenario: Scenario) -> String {
    let LoadedBlock { block, state, .. } = generate(scenario, 12, 4).unwrap().into_block().unwrap();
    let options = PredictOptions { dependencies: true, labels: true, ..PredictOptions::default() };
    let cache = ProgramCache::new();
    let mut predictor =
        BlockPredictor::new(&cache, &block.cfg, &block.env, Complete(&state), options);
    let predictions = block.transactions.iter().map(|tx| predictor.predict(tx).unwrap());
    let longest = predictions.max_by_key(|prediction| prediction.access.reads().count());
    render(&longest.unwrap())
}

#[test]
fn a_payment() {
    insta::assert_snapshot!(longest(Scenario::Payments));
}

#[test]
fn a_token_with_a_fee() {
    insta::assert_snapshot!(longest(Scenario::Erc20Cold));
}

#[test]
fn a_proxy() {
    insta::assert_snapshot!(longest(Scenario::Proxy));
}

#[test]
fn a_swap() {
    insta::assert_snapshot!(longest(Scenario::Amm));
}
