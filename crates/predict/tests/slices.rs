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

use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn frequent_paths_are_predicted_exactly(case in strategy::case()) {
        case.check();
    }

    /// What the fuzz target does with its input.
    #[test]
    fn any_bytes_are_predicted_exactly(
        case in strategy::case(),
        code in prop::collection::vec(any::<u8>(), 0..64),
    ) {
        case.with_code(&code).check();
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, ..ProptestConfig::default() })]

    #[test]
    fn paths_behind_long_loops_are_predicted_exactly(case in strategy::case()) {
        case.behind_long_loops().check();
    }
}
