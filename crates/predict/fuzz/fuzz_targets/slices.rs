//! The random programs of `tests/slices.rs`, with a fuzzer in the place of chance.

#![no_main]

#[path = "../../tests/differential/check.rs"]
mod check;
#[path = "../../tests/differential/programs.rs"]
mod programs;
#[path = "../../tests/slices/strategy.rs"]
mod strategy;
#[path = "../../tests/slices/syntax.rs"]
mod syntax;

use libfuzzer_sys::fuzz_target;
use proptest::{
    strategy::{Strategy, ValueTree},
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};

fuzz_target!(|bytes: &[u8]| {
    let rng = TestRng::from_seed(RngAlgorithm::PassThrough, bytes);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    if let Ok(tree) = strategy::case().new_tree(&mut runner) {
        tree.current().check();
    }
});
