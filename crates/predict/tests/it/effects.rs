//! What predicted transactions leave is what executing them leaves, whether their access sets
//! are collected or not.

use alloy_primitives::{Address, U256, map::AddressMap};
use foresee_execute::execute_in_order;
use foresee_predict::{BlockPredictor, Complete, PredictOptions, Prediction, ProgramCache};
use foresee_workload::{Scenario, generate};
use revm::{database::DbAccount, state::AccountInfo};
use std::collections::BTreeMap;

#[test]
fn effects_are_the_same_as_those_of_whole_predictions_and_of_executions() {
    for scenario in Scenario::ALL {
        let loaded = generate(scenario, 40, 5).unwrap().into_block().unwrap();
        let (block, db) = (&loaded.block, &loaded.state);
        let cache = ProgramCache::new();
        let options = PredictOptions::default();
        let predictor =
            || BlockPredictor::new(&cache, &block.cfg, &block.env, Complete(db), options);
        let (mut whole, mut effects) = (predictor(), predictor());
        let mut writes = false;
        for tx in &block.transactions {
            let predicted = whole.predict(tx).unwrap();
            let Prediction { gas_used, success, .. } = predicted;
            writes |= predicted.access.writes().any(|location| location.is_slot());
            let expected = Prediction { gas_used, success, ..Prediction::default() };
            assert_eq!(effects.predict_effects(tx).unwrap(), expected, "{scenario:?}");
        }
        let left = effects.left();
        assert_eq!(comparable(&left), comparable(&whole.left()), "{scenario:?}");
        let output = execute_in_order(block, db).unwrap();
        let mut compared = 0;
        for (address, account) in &left {
            // What was changed and changed back may be left out.
            let Some(after) = output.state.account(address) else { continue };
            compared += 1;
            let fields = after.info.as_ref().map(|info| (info.balance, info.nonce));
            assert_eq!(fields, Some((account.info.balance, account.info.nonce)), "{scenario:?}");
            for (slot, value) in &account.storage {
                let slot = after.storage.get(slot);
                assert!(slot.is_none_or(|slot| slot.present_value == *value), "{scenario:?}");
            }
        }
        // Whoever sends a transaction and whoever earns its fee.
        assert!(compared > 1, "{scenario:?}");
        assert_eq!(writes, left.values().any(|account| !account.storage.is_empty()));
    }
}

type Fields<'a> = (&'a AccountInfo, BTreeMap<U256, U256>);

/// What is left, but for whether accounts existed.
fn comparable(left: &AddressMap<DbAccount>) -> BTreeMap<Address, Fields<'_>> {
    let storage = |account: &DbAccount| account.storage.iter().map(|(k, v)| (*k, *v)).collect();
    left.iter().map(|(address, it)| (*address, (&it.info, storage(it)))).collect()
}
