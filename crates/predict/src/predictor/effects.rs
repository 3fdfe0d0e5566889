//! What the transactions predicted so far leave behind.

use super::{Ahead, BlockPredictor, Place, Progress};
use crate::{prediction::Prediction, state::StateView, unknown::Unknown};
use alloy_primitives::map::AddressMap;
use revm::{context::TxEnv, database::DbAccount};

impl<'a, S: StateView> BlockPredictor<'a, S> {
    /// Predicts as [`predict`](Self::predict) does, for what the transaction
    /// [leaves](Self::left) alone: what it accesses is not collected, the prediction's access
    /// set stays empty.
    ///
    /// # Errors
    ///
    /// If the underlying state fails.
    pub fn predict_effects(&mut self, tx: &'a TxEnv) -> Result<Prediction, S::Error> {
        match self.begin_as(tx, Place::InOrderUnseen)? {
            Progress::Done(prediction) => Ok(prediction),
            Progress::Suspended(want) => Ok(self.abandon(Unknown::Value(want))),
        }
    }

    /// As [`predict_effects`](Self::predict_effects), given the transaction's prediction alone,
    /// which does not hold there: results of precompiles are not computed twice.
    ///
    /// # Errors
    ///
    /// If the underlying state fails.
    pub fn predict_effects_anew(
        &mut self,
        tx: &'a TxEnv,
        ahead: &Ahead,
    ) -> Result<Prediction, S::Error> {
        self.know_precompiled(ahead);
        self.predict_effects(tx)
    }

    /// What the transactions predicted or taken over in block order so far leave behind, and the
    /// system calls that were [applied](Self::apply): every account changed since the state
    /// before the block, with the slots that were.
    pub fn left(&self) -> AddressMap<DbAccount> {
        self.world.left()
    }
}
