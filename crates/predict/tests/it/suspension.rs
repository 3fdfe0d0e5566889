//! A prediction that lacks a value stops there, names it, and goes on when it has
//! been fetched, to the same end as one that lacked nothing.

use alloy_primitives::{Address, B256, U256, hex};
use core::{
    cell::{Cell, RefCell},
    convert::Infallible,
};
use foresee_predict::{
    BlockPredictor, Complete, Learning, Lookup, PredictOptions, Prediction, ProgramCache, Progress,
    StateView, Unknown, Want, WithoutStorage,
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
    for (scenario, dependencies) in
        Scenario::ALL.into_iter().flat_map(|it| [(it, true), (it, false)])
    {
        let learning = Learning::Everything;
        let options = PredictOptions { learning, dependencies, ..PredictOptions::default() };
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
        assert!(!prediction.access.is_empty());
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

#[test]
fn unseen_code_ends_a_prediction_where_no_more_may_be_compiled() {
    let loaded = generate(Scenario::Erc20Cold, 3, 5).unwrap().into_block().unwrap();
    let (block, db) = (&loaded.block, &loaded.state);
    let cache = ProgramCache::new();
    let predict = |compile_max| -> Vec<_> {
        let options = PredictOptions { compile_max, ..PredictOptions::default() };
        let view = Complete(db);
        let mut predictor = BlockPredictor::new(&cache, &block.cfg, &block.env, view, options);
        block.transactions.iter().map(|tx| predictor.predict(tx).unwrap()).collect()
    };
    // Neither is the code taken in, nor, where it is, are its blocks compiled.
    for compile_max in [0, 5000] {
        for prediction in predict(compile_max) {
            assert!(prediction.awaits_code(), "{compile_max}: {prediction:?}");
            assert!(matches!(prediction.unknown[..], [Unknown::NotCompiled(..)]));
            assert!(!prediction.access.is_empty());
        }
        assert_eq!(cache.is_empty(), compile_max == 0);
    }
    let complete = predict(usize::MAX);
    assert!(complete.iter().all(Prediction::is_complete));
    // Nothing is left to compile.
    assert_eq!(predict(0), complete);
}

/// A state that hears beforehand what is going to be read, and defers precompiles.
struct Told<'a> {
    cold: Cold<'a>,
    told: RefCell<Vec<Want>>,
    defers: Cell<bool>,
}

impl<'a> Told<'a> {
    fn new(db: &'a CacheDB<EmptyDB>) -> Self {
        let cold = Cold { all: Complete(db), fetched: BTreeSet::new() };
        Self { cold, told: RefCell::default(), defers: Cell::new(false) }
    }
}

impl StateView for Told<'_> {
    type Error = Infallible;

    fn account(&self, address: Address) -> Result<Lookup<Option<AccountInfo>>, Infallible> {
        self.cold.account(address)
    }

    fn storage(&self, address: Address, slot: U256) -> Result<Lookup<U256>, Infallible> {
        self.cold.storage(address, slot)
    }

    fn code(&self, hash: B256) -> Result<Lookup<Bytecode>, Infallible> {
        self.cold.code(hash)
    }

    fn block_hash(&self, number: u64) -> Result<Lookup<B256>, Infallible> {
        self.cold.block_hash(number)
    }

    fn defers(&self) -> bool {
        self.defers.get()
    }

    fn fetches(&self) -> bool {
        true
    }

    fn expect(&self, want: Want) {
        self.told.borrow_mut().push(want);
    }
}

/// What a slice reads is told before it reads the first of it, and nothing else is said of
/// the transaction for that.
#[test]
fn reads_are_told_beforehand() {
    let options = PredictOptions { learning: Learning::Everything, ..PredictOptions::default() };
    for scenario in [Scenario::Erc20Cold, Scenario::Amm, Scenario::Mix, Scenario::Nft] {
        let loaded = generate(scenario, 40, 5).unwrap().into_block().unwrap();
        let (block, db) = (&loaded.block, &loaded.state);
        let cache = ProgramCache::new();
        let mut warm = BlockPredictor::new(&cache, &block.cfg, &block.env, Complete(db), options);
        for tx in block.transactions.iter().cycle().take(5 * block.transactions.len()) {
            warm.predict_ahead(tx).unwrap();
        }
        let (mut slots, mut told_first, mut told_in_vain) = (0, 0, 0);
        for tx in &block.transactions {
            let view = Told::new(db);
            let mut told = BlockPredictor::new(&cache, &block.cfg, &block.env, view, options);
            let mut progress = told.begin_ahead(tx).unwrap();
            let prediction = loop {
                match progress {
                    Progress::Done(prediction) => break prediction,
                    Progress::Suspended(want) => {
                        let view = told.view_mut();
                        if matches!(want, Want::Slot(..)) {
                            slots += 1;
                            told_first += usize::from(view.told.get_mut().contains(&want));
                        }
                        view.cold.fetched.insert(want);
                        progress = told.resume().unwrap();
                    }
                }
            };
            let expected = warm.predict_ahead(tx).unwrap().prediction;
            assert_eq!(prediction, expected, "{scenario}");
            let touched: BTreeSet<_> = expected.access.reads().collect();
            let in_vain = told.view_mut().told.get_mut().iter().filter(|want| {
                want.location().is_some_and(|it| it.as_slot().is_some() && !touched.contains(&it))
            });
            told_in_vain += in_vain.count();
        }
        // The rest follows from values that are not at hand, or from memory.
        assert!(told_first * 2 >= slots, "{scenario}: {told_first} of {slots}");
        assert!(told_in_vain * 10 <= slots, "{scenario}: {told_in_vain} of {slots}");
    }
}

/// A precompile that takes long is waited for as long as the view says so, and the
/// prediction ends as if it had not been.
#[test]
fn precompiles_are_deferred() {
    let mut loaded = generate(Scenario::Erc20Cold, 1, 5).unwrap().into_block().unwrap();
    let to = Address::repeat_byte(0x77);
    // STATICCALL of the pairing check with no input; what it returns is a slot's key.
    let code = hex!("6020 5f 5f 5f 6008 5a fa 50 5f 51 54 00");
    let code = Bytecode::new_legacy(code.to_vec().into());
    let info = AccountInfo { code_hash: code.hash_slow(), code: Some(code), ..Default::default() };
    loaded.state.insert_account_info(to, info);
    let mut tx = loaded.block.transactions[0].clone();
    tx.kind = to.into();
    let (block, db) = (&loaded.block, &loaded.state);
    let cache = ProgramCache::new();
    let options = PredictOptions::default();
    let mut whole = BlockPredictor::new(&cache, &block.cfg, &block.env, Complete(db), options);
    let expected = whole.predict_ahead(&tx).unwrap().prediction;
    assert!(expected.access.reads().any(|it| it == foresee_access::Location::slot(to, U256::ONE)));

    let view = Told { defers: Cell::new(true), ..Told::new(db) };
    let mut deferred = BlockPredictor::new(&cache, &block.cfg, &block.env, view, options);
    let mut progress = deferred.begin_ahead(&tx).unwrap();
    let mut waits = 0;
    let prediction = loop {
        match progress {
            Progress::Done(prediction) => break prediction,
            Progress::Suspended(Want::Precompile(address)) => {
                assert_eq!(address, Address::with_last_byte(8));
                waits += 1;
                deferred.view_mut().defers.set(waits < 3);
            }
            Progress::Suspended(want) => {
                deferred.view_mut().cold.fetched.insert(want);
            }
        }
        progress = deferred.resume().unwrap();
    };
    assert_eq!((prediction, waits), (expected, 3));
}
