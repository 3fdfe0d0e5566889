//! One block, predicted and observed.

use core::convert::Infallible;
use foresee_access::{Difference, Location};
use foresee_execute::{Block, PreBlock, observe};
use foresee_predict::{BlockPredictor, Complete, PredictOptions, ProgramCache, Unknown};
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

/// Predicts a block twice with one cache, cold and warm, and compares both with the
/// observation of its in-order execution.
pub(crate) fn check<DB: DatabaseRef<Error = Infallible>>(
    block: &Block,
    db: &DB,
    name: &str,
    fields: Fields,
) {
    let cache = ProgramCache::new();
    let observed = observe(block, db).unwrap();
    for pass in ["cold", "warm"] {
        let pre = PreBlock::run(block, db).unwrap();
        let options = PredictOptions::default();
        let mut predictor =
            BlockPredictor::new(&cache, &block.cfg, &block.env, Complete(db), options);
        pre.changes().iter().for_each(|changes| predictor.apply(changes));
        for (index, (tx, observed)) in block.transactions.iter().zip(&observed).enumerate() {
            let predicted = predictor.predict(tx).unwrap();
            let at = format!("{name}, {pass}, transaction {index}");
            if !observed.included {
                assert!(matches!(predicted.unknown[..], [Unknown::Invalid(_)]), "{at}");
                continue;
            }
            assert_eq!(predicted.unknown, [], "{at}");
            let mut difference = Difference::between(&predicted.access, &observed.access);
            if fields == Fields::Named {
                difference.missed_reads.retain(Location::is_slot);
                let [predicted, observed] = [&predicted.access, &observed.access].map(|set| {
                    let mut accounts = set.accounts();
                    accounts.retain(|account| *account != block.env.beneficiary);
                    accounts
                });
                assert_eq!(predicted, observed, "{at}");
            } else {
                assert_eq!(predicted.access.commutative, observed.access.commutative, "{at}");
            }
            assert_eq!(difference, Difference::default(), "{at}");
            assert_eq!(predicted.gas_used, observed.gas_used, "{at}");
            assert_eq!(predicted.success, observed.success, "{at}");
        }
    }
}
