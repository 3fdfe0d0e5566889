//! The random programs of `tests/it/slices.rs`, with a fuzzer in the place of chance: the
//! first eight bytes of the input choose a case, the others are the bytecode of its first
//! program, if there are any.

#![no_main]

#[expect(dead_code, reason = "shared with tests that use all of it")]
#[path = "../../tests/it/check.rs"]
mod check;
#[path = "../../tests/it/programs.rs"]
mod programs;
#[path = "../../tests/it/strategy.rs"]
mod strategy;
#[path = "../../tests/it/syntax.rs"]
mod syntax;

use libfuzzer_sys::fuzz_target;
use proptest::{
    strategy::{Strategy, ValueTree},
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};

/// Bytes of the input that choose a case.
const CHOICE: usize = 8;

fuzz_target!(|bytes: &[u8]| {
    let (choice, code) = bytes.split_at(bytes.len().min(CHOICE));
    let mut seed = [0; 32];
    seed[..choice.len()].copy_from_slice(choice);
    // A generator that passes the input through runs out of bytes: proptest halves what is
    // left at every union, and zeros are rejected for ever where a range is drawn from.
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &seed);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    if let Ok(tree) = strategy::case().new_tree(&mut runner) {
        let case = tree.current().with_code(code);
        // Chains of blocks take long to be reached.
        let late = choice.last().is_some_and(|byte| byte % 8 == 1);
        if late { case.behind_long_loops() } else { case }.check();
    }
});
