//! Programs that are called often enough for their paths to become slices, against
//! what in-order execution does: under guards that fail, with little gas, with calls
//! that come back.

use crate::strategy;
use proptest::{prelude::*, test_runner::TestRunner};
use std::time::{Duration, Instant};

/// How long cases are chosen at random, beside those that are counted below.
const BUDGET: Duration = Duration::from_secs(5);

/// How many of them there are from one look at the clock to the next.
const CASES_PER_LOOK: u32 = 25;

/// As many cases as the time allows: the faster the machine, the more.
#[test]
fn cases_until_the_time_is_up() {
    let begun = Instant::now();
    while begun.elapsed() < BUDGET {
        let config = ProptestConfig {
            cases: CASES_PER_LOOK,
            source_file: Some(file!()),
            ..ProptestConfig::default()
        };
        let cases = (strategy::case(), prop::collection::vec(any::<u8>(), 0..64), any::<bool>());
        let run = TestRunner::new(config).run(&cases, |(case, code, late)| {
            let case = case.with_code(&code);
            if late { case.behind_long_loops() } else { case }.check();
            Ok(())
        });
        run.unwrap();
    }
}

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
