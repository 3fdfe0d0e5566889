//! Running ahead of missing values.
//!
//! Most keys that a transaction reads do not depend on the values that it lacks. A
//! transaction whose chain of reads is long is therefore run ahead in a throw-away
//! prediction, in which missing slots hold a guess: what it asks for on the way is
//! fetched meanwhile. A wrong guess costs reads in vain and nothing else. How often a
//! transaction is scouted for grows with the logarithm of its chain's length.

use super::view::AtHand;
use alloy_primitives::U256;
use foresee_execute::Desk;
use foresee_predict::{BlockPredictor, Learning, PredictOptions};
use revm::context::TxEnv;

/// After how many waits of a transaction it is scouted for the first time. The next time
/// comes when it has waited twice as often.
const WAITS_MIN: usize = 2;

/// A scout goes only so far, and what it does on a wrong guess is no path to learn from.
const OPTIONS: PredictOptions = PredictOptions {
    labels: false,
    time_precompiles: false,
    keep_results: false,
    learning: Learning::Nothing,
    steps_max: 100_000,
};

/// What missing slots are taken to hold, by turns: a flag that is set, much of whatever is
/// counted, nothing.
const GUESSES: [U256; 3] = [U256::ONE, U256::from_limbs([0, 1 << 32, 0, 0]), U256::ZERO];

/// Whether a transaction is to be scouted for that has waited so often.
pub(super) const fn is_due(waits: usize) -> bool {
    waits >= WAITS_MIN && (waits / WAITS_MIN).is_power_of_two() && waits.is_multiple_of(WAITS_MIN)
}

/// Runs a transaction ahead on a guess, which changes with every wait, and asks for what
/// it lacks. The predictor is the transaction's own, and stays where it is.
pub(super) fn scout<'a>(
    predictor: &mut BlockPredictor<'a, AtHand<'a>>,
    desk: &'a Desk,
    tx: &'a TxEnv,
    waits: usize,
) {
    let guess = GUESSES[waits.ilog2() as usize % GUESSES.len()];
    let view = AtHand { desk, guess: Some(guess) };
    let mut scout = predictor.beside(view, OPTIONS);
    scout.swap_memo(predictor);
    let Ok(_) = scout.predict_ahead(tx);
    scout.swap_memo(predictor);
}
