//! A prediction that lacks a value stops there, names it, and goes on when it has
//! been fetched, to the same end as one that lacked nothing.

use alloy_primitives::{Address, B256, U256};
use core::convert::Infallible;
use foresee_predict::{
    BlockPredictor, Complete, Learning, Lookup, PredictOptions, ProgramCache, Progress, StateView,
    Unknown, Want, WithoutStorage,
};
use foresee_workload::{Scenario, generate};
use revm::{
    database::{CacheDB, EmptyDB},
    state::{AccountInfo, Bytecode},
};
use std::collections::BTreeSet;

/// A state of which only what was fetched is at hand.
struct Cold<'a> {
    all: Complete<&'a CacheDB<EmptyDB>>,
    fetched: BTreeSet<Want>,
}

impl Cold<'_> {
    fn if_fetched<T>(
        &self,
        want: Want,
        value: impl FnOnce() -> Result<Lookup<T>, Infallible>,
    ) -> Result<Lookup<T>, Infallible> {
        if self.fetched.contains(&want) { value() } else { Ok(Lookup::Missing) }
    }
}

impl StateView for Cold<'_> {
    type Error = Infallible;

    fn account(&self, address: Address) -> Result<Lookup<Option<AccountInfo>>, Infallible> {
        self.if_fetched(Want::Account(address), || self.all.account(address))
    }

    fn storage(&self, address: Address, slot: U256) -> Result<Lookup<U256>, Infallible> {
        self.if_fetched(Want::Slot(address, slot), || self.all.storage(address, slot))
    }

    fn code(&self, hash: B256) -> Result<Lookup<Bytecode>, Infallible> {
        self.if_fetched(Want::Code(hash), || self.all.code(hash))
    }

    fn block_hash(&self, number: u64) -> Result<Lookup<B256>, Infallible> {
        self.if_fetched(Want::BlockHash(number), || self.all.block_hash(number))
    }
}

#[test]
fn suspended_predictions_end_as_others_do() {
    let options = PredictOptions { learning: Learning::Everything, ..PredictOptions::default() };
    for scenario in Scenario::ALL {
        let loaded = generate(scenario, 40, 5).unwrap().into_block().unwrap();
        let (block, db) = (&loaded.block, &loaded.state);
        let cache = ProgramCache::new();
        let cold = Cold { all: Complete(db), fetched: BTreeSet::new() };
        let mut cold = BlockPredictor::new(&cache, &block.cfg, &block.env, cold, options);
        let mut warm = BlockPredictor::new(&cache, &block.cfg, &block.env, Complete(db), options);
        for tx in &block.transactions {
            let mut progress = cold.begin(tx).unwrap();
            let suspended = loop {
                match progress {
                    Progress::Done(prediction) => break prediction,
                    Progress::Suspended(want) => {
                        assert!(
                            cold.view_mut().fetched.insert(want),
                            "{want:?} is asked for twice"
                        );
                        progress = cold.resume().unwrap();
                    }
                }
            };
            assert_eq!(suspended, warm.predict(tx).unwrap(), "{scenario}");
        }
    }
}

#[test]
fn without_storage_a_prediction_says_what_it_lacks() {
    let loaded = generate(Scenario::Erc20Cold, 10, 5).unwrap().into_block().unwrap();
    let (block, db) = (&loaded.block, &loaded.state);
    let cache = ProgramCache::new();
    let options = PredictOptions::default();
    let view = WithoutStorage(db);
    let mut without = BlockPredictor::new(&cache, &block.cfg, &block.env, view, options);
    for tx in &block.transactions {
        let prediction = without.predict(tx).unwrap();
        assert!(matches!(prediction.unknown[..], [Unknown::Value(Want::Slot(..))]));
        assert!(!prediction.is_complete());
        assert!(!prediction.access.reads.is_empty());
    }
}

#[test]
fn steps_are_limited() {
    let loaded = generate(Scenario::Erc20Cold, 3, 5).unwrap().into_block().unwrap();
    let (block, db) = (&loaded.block, &loaded.state);
    let options = PredictOptions { steps_max: 2, ..PredictOptions::default() };
    let cache = ProgramCache::new();
    let mut few = BlockPredictor::new(&cache, &block.cfg, &block.env, Complete(db), options);
    for tx in &block.transactions {
        assert_eq!(few.predict(tx).unwrap().unknown, [Unknown::StepLimit]);
    }
}
