//! Programs that are called often enough for their paths to become slices, against
//! what in-order execution does: under guards that fail, with little gas, with calls
//! that come back.

#[expect(dead_code, reason = "shared with tests that use all of it")]
#[path = "differential/check.rs"]
mod check;
#[path = "differential/programs.rs"]
mod programs;
#[path = "slices/strategy.rs"]
mod strategy;
#[path = "slices/syntax.rs"]
mod syntax;

use check::{Fields, check};
use foresee_predict::ProgramCache;
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn frequent_paths_are_predicted_exactly(case in strategy::case()) {
        let (block, state) = case.block();
        let cache = ProgramCache::new();
        for round in 0..2 {
            check(&cache, &block, &state, &format!("round {round}"), Fields::Named);
        }
    }
}
