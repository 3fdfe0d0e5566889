//! Running ahead of missing values.
//!
//! Most keys that a transaction reads do not depend on the values that it lacks. A
//! transaction whose chain of reads is long is therefore run ahead in a throw-away
//! prediction, in which missing slots hold a guess: what it asks for on the way is
//! fetched meanwhile. A wrong guess costs reads in vain and nothing else.

use super::view::AtHand;
use alloy_primitives::U256;
use foresee_execute::Desk;
use foresee_predict::{BlockPredictor, Learning, PrecompileCall, PredictOptions};
use revm::context::TxEnv;
use std::sync::Arc;

/// How far a scout goes, in blocks of register code.
pub(super) const STEPS_MAX: u64 = 100_000;

/// A scout goes only so far, and what it does on a wrong guess is no path to learn from.
const OPTIONS: PredictOptions = PredictOptions {
    labels: false,
    dependencies: false,
    time_precompiles: false,
    keep_results: true,
    keep_inputs: false,
    learning: Learning::Nothing,
    steps_max: STEPS_MAX,
    compile_max: usize::MAX,
};

/// What missing slots are taken to hold, by turns: a flag that is set, much of whatever is
/// counted, nothing.
pub(super) const GUESSES: [U256; 3] = [U256::ONE, U256::from_limbs([0, 1 << 32, 0, 0]), U256::ZERO];

/// Runs a transaction ahead on a guess, which changes with every wait, and asks for what
/// it lacks. The predictor lends its memo, and stays where it is. Tells how many keys that
/// nobody had asked for it found, and results of precompiles that were computed on the way.
pub(super) fn scout<'a>(
    predictor: &mut BlockPredictor<'a, AtHand<'a>>,
    desk: &'a Arc<Desk>,
    tx: &'a TxEnv,
    scouts: usize,
) -> (usize, Vec<PrecompileCall>) {
    let guess = GUESSES[scouts % GUESSES.len()];
    let view = AtHand::new(desk, Some(guess));
    let mut scout = predictor.beside(view, OPTIONS);
    scout.swap_memo(predictor);
    let Ok(_) = scout.predict_ahead(tx);
    scout.swap_memo(predictor);
    let found = desk.post(scout.view_mut().take_missing());
    (found, scout.take_precompiled())
}
