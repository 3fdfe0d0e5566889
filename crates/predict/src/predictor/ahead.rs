//! Predictions made ahead of the block, each transaction alone on the pre-block
//! state, and how they are taken over in block order: one whose every input is
//! still what it was keeps its prediction, the others are predicted again.

use super::{BlockPredictor, Place, Progress};
use crate::{
    machine::PrecompileCall,
    prediction::Prediction,
    state::{StateView, Want},
    unknown::Unknown,
    world::Trace,
};
use foresee_access::{Footprint, Hashes};
use revm::context::TxEnv;
use std::sync::Arc;

/// The prediction of a transaction alone on the pre-block state, as it can be made
/// when the transaction enters the mempool, with the inputs that it depends on.
#[derive(Clone, Debug, Default)]
pub struct Ahead {
    /// The prediction.
    pub prediction: Prediction,
    /// What it accesses, as it was when it was made.
    pub footprint: Footprint,
    /// Inputs and effects; none if the prediction cannot be taken over, because it is
    /// incomplete or changes code, or they were not [to be kept](crate::PredictOptions::keep_inputs).
    trace: Option<Trace>,
    /// Results of precompiles that it met first; none unless they are
    /// [kept](crate::PredictOptions::keep_results).
    pub precompiled: Vec<PrecompileCall>,
    /// What it hashed, on the same condition.
    pub hashes: Arc<Hashes>,
}

/// Where a transaction may meet what earlier ones have changed, for its prediction made alone
/// to be taken over nevertheless.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meeting {
    /// Anywhere, if only what it looks at is the same.
    Anywhere,
    /// Anywhere, and slots that it merely adds to need not be the same. What it compares them
    /// with may tell something else then, which is not noticed.
    Additions,
}

/// Whether a prediction made alone was taken over in its place in the block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TakenOver {
    /// It holds there, and its effects are in place now.
    Yes,
    /// It does not, or that cannot be told.
    No,
    /// This value has to be at hand first.
    Waits(Want),
}

impl<'a, S: StateView> BlockPredictor<'a, S> {
    /// Predicts a transaction alone on the pre-block state. The sender is taken to
    /// have the nonce that the transaction states, and enough to pay for it. Nothing
    /// of it remains for later predictions.
    ///
    /// # Errors
    ///
    /// If the underlying state fails.
    pub fn predict_ahead(&mut self, tx: &'a TxEnv) -> Result<Ahead, S::Error> {
        let prediction = match self.begin_ahead(tx)? {
            Progress::Done(prediction) => prediction,
            Progress::Suspended(want) => self.abandon(Unknown::Value(want)),
        };
        Ok(self.finish_ahead(prediction))
    }

    /// Begins to predict a transaction alone, up to its end or to a value that is not
    /// at hand; [`resume`](Self::resume) goes on from there. What comes of it belongs
    /// to [`finish_ahead`](Self::finish_ahead).
    ///
    /// # Errors
    ///
    /// If the underlying state fails.
    pub fn begin_ahead(&mut self, tx: &'a TxEnv) -> Result<Progress, S::Error> {
        self.trace = None;
        let place = if self.options.keep_inputs { Place::AloneTraced } else { Place::Alone };
        self.begin_as(tx, place)
    }

    /// The prediction that [`begin_ahead`](Self::begin_ahead) has come to, with what it
    /// depends on.
    pub fn finish_ahead(&mut self, prediction: Prediction) -> Ahead {
        let (trace, precompiled) = (self.trace.take(), self.take_precompiled());
        let mut hashes = self.take_hashes();
        // They are there until the block has come, and those of a whole block at once.
        hashes.shrink_to_fit();
        let footprint = Footprint::new(&prediction.access);
        Ahead { prediction, footprint, trace, precompiled, hashes: Arc::new(hashes) }
    }

    /// Predicts as [`predict_ahead`](Self::predict_ahead) does what will not be
    /// [taken over](Self::predict_again).
    ///
    /// # Errors
    ///
    /// If the underlying state fails.
    pub fn predict_alone(&mut self, tx: &'a TxEnv) -> Result<Prediction, S::Error> {
        match self.begin_as(tx, Place::Alone)? {
            Progress::Done(prediction) => Ok(prediction),
            Progress::Suspended(want) => Ok(self.abandon(Unknown::Value(want))),
        }
    }

    /// Predicts the next transaction in block order, given its prediction alone: takes
    /// that over if nothing it saw has been changed since by the predicted writes of
    /// earlier transactions, else predicts anew.
    ///
    /// # Errors
    ///
    /// If the underlying state fails.
    pub fn predict_again(&mut self, tx: &'a TxEnv, ahead: &Ahead) -> Result<Prediction, S::Error> {
        match self.begin_again(tx, ahead)? {
            Progress::Done(prediction) => Ok(prediction),
            Progress::Suspended(want) => Ok(self.abandon(Unknown::Value(want))),
        }
    }

    /// Begins what [`predict_again`](Self::predict_again) does, up to its end or to a
    /// value that is not at hand; [`resume`](Self::resume) goes on from there.
    ///
    /// # Errors
    ///
    /// If the underlying state fails.
    pub fn begin_again(&mut self, tx: &'a TxEnv, ahead: &Ahead) -> Result<Progress, S::Error> {
        match self.take_over(tx, ahead, Meeting::Anywhere)? {
            TakenOver::Yes => Ok(Progress::Done(ahead.prediction.clone())),
            TakenOver::No | TakenOver::Waits(_) => self.begin_anew(tx, ahead),
        }
    }

    /// Begins to predict the next transaction in block order anew, given its prediction
    /// alone, which does not hold there; as [`begin`](Self::begin), but that results of
    /// precompiles are not computed twice.
    ///
    /// # Errors
    ///
    /// If the underlying state fails.
    pub fn begin_anew(&mut self, tx: &'a TxEnv, ahead: &Ahead) -> Result<Progress, S::Error> {
        self.know_precompiled(ahead);
        self.begin(tx)
    }

    /// Takes over the results of precompiles that a prediction made alone has computed.
    pub(super) fn know_precompiled(&mut self, ahead: &Ahead) {
        ahead.precompiled.iter().for_each(|call| self.machine.precompiled.know(call));
    }

    /// Ends the suspended transaction where it stands, because what it wants cannot be
    /// had: an incomplete prediction.
    pub fn give_up(&mut self, want: Want) -> Prediction {
        self.abandon(Unknown::Value(want))
    }

    /// Takes over the prediction of the next transaction in block order, if it holds there:
    /// nothing it saw has been changed since by the predicted writes of earlier ones, as far as
    /// it `may_meet` these.
    ///
    /// # Errors
    ///
    /// If the underlying state fails.
    pub fn take_over(
        &mut self,
        tx: &TxEnv,
        ahead: &Ahead,
        may_meet: Meeting,
    ) -> Result<TakenOver, S::Error> {
        let Some(trace) = &ahead.trace else { return Ok(TakenOver::No) };
        let fees = super::Fees::new(tx, &self.entrance.block, &self.rules);
        let sender = self.world.intern(tx.caller);
        for id in [sender, self.world.beneficiary] {
            if let Some(want) = self.world.load_account(id)? {
                return Ok(TakenOver::Waits(want));
            }
        }
        let account = self.world.account(sender);
        let valid = account.nonce == tx.nonce
            && fees.affordable(account.balance).is_ok()
            && self.entrance.refuses(tx).is_none();
        let additions = may_meet == Meeting::Additions;
        if !valid || !self.world.still_holds(sender, trace, additions) {
            return Ok(TakenOver::No);
        }
        self.world.begin();
        self.world.repeat(trace);
        self.world.pay_fee(fees.reward(ahead.prediction.gas_used));
        Ok(TakenOver::Yes)
    }

    /// Keeps what the transaction at hand saw and leaves, if that is asked for, and undoes
    /// the latter.
    pub(super) fn finish_alone(&mut self) {
        if self.place == Place::AloneTraced {
            self.trace = self.world.trace();
        }
        self.world.revert(0);
        self.world.commit();
    }
}
