//! One block, predicted and observed.

use alloy_primitives::Address;
use core::convert::Infallible;
use foresee_access::{Difference, Location};
use foresee_execute::{Block, Observation, PreBlock, observe};
use foresee_predict::{
    BlockPredictor, Complete, Learning, PredictOptions, Prediction, ProgramCache, Unknown,
};
use revm::DatabaseRef;

/// What an observation says of the account fields that code looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fields {
    /// Those it looked at.
    Exact,
    /// Those it named: an opcode that then failed, for want of gas or because the
    /// fork lacks it, has looked at nothing, but an inspector cannot tell.
    Named,
}

/// Predicts a block with one cache, as it is, warm and without dependencies, and after each
/// transaction was predicted alone, and compares all with each other and with the observation
/// of its in-order execution.
pub(crate) fn check<DB: DatabaseRef<Error = Infallible>>(
    cache: &ProgramCache,
    block: &Block,
    db: &DB,
    name: &str,
    fields: Fields,
) {
    let observed = observe(block, db).unwrap();
    let predictor = |learning, dependencies| {
        let options = PredictOptions { learning, dependencies, ..PredictOptions::default() };
        BlockPredictor::new(cache, &block.cfg, &block.env, Complete(db), options)
    };
    let mut first = Vec::new();
    for pass in ["first", "second", "ahead"] {
        // What is learnt at once serves the very block; what waits does so to its end.
        let learning = if pass == "first" { Learning::Everything } else { Learning::Bounded };
        let dependencies = pass != "second";
        let mut alone = predictor(learning, dependencies);
        let ahead: Option<Vec<_>> = (pass == "ahead").then(|| {
            block.transactions.iter().map(|tx| alone.predict_ahead(tx).unwrap()).collect()
        });
        let mut predictor = predictor(learning, dependencies);
        let pre = PreBlock::run(block, db).unwrap();
        pre.changes().iter().for_each(|changes| predictor.apply(changes));
        for (index, (tx, observed)) in block.transactions.iter().zip(&observed).enumerate() {
            let predicted = match &ahead {
                Some(ahead) => predictor.predict_again(tx, &ahead[index]).unwrap(),
                None => predictor.predict(tx).unwrap(),
            };
            let at = format!("{name}, {pass}, transaction {index}");
            compare(&predicted, observed, fields, block.env.beneficiary, &at);
            if pass == "first" {
                first.push(predicted);
                continue;
            }
            let mut expected = first[index].clone();
            expected.dependencies.take_if(|_| !dependencies);
            assert_eq!(predicted, expected, "{at}");
        }
    }
}

/// Compares one prediction with the observation.
fn compare(
    predicted: &Prediction,
    observed: &Observation,
    fields: Fields,
    beneficiary: Address,
    at: &str,
) {
    if !observed.included {
        assert!(matches!(predicted.unknown[..], [Unknown::Invalid(_)]), "{at}");
        return;
    }
    assert_eq!(predicted.unknown, [], "{at}");
    let mut difference = Difference::between(&predicted.access, &observed.access);
    if fields == Fields::Named {
        difference.missed_reads.retain(Location::is_slot);
        let [predicted, observed] = [&predicted.access, &observed.access].map(|set| {
            let accounts = set.accounts().map(|account| account.address);
            accounts.filter(|account| *account != beneficiary).collect::<Vec<_>>()
        });
        assert_eq!(predicted, observed, "{at}");
    } else {
        // What a transaction merely adds to is not observed.
        let predicted = predicted.access.commutative().filter(|location| !location.is_slot());
        let observed: Vec<_> = observed.access.commutative().collect();
        assert_eq!(predicted.collect::<Vec<_>>(), observed, "{at}");
    }
    assert_eq!(difference, Difference::default(), "{at}");
    assert_eq!(predicted.gas_used, observed.gas_used, "{at}");
    assert_eq!(predicted.success, observed.success, "{at}");
}
