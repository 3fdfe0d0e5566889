//! What lanes leave behind, foreseen from one to the next.

use super::{
    CHAIN_PERCENT, Foreknowledge, SAMPLE,
    times::{Reached, Times, Watch},
};
use crate::{
    Foresee,
    choice::parallelism_percent,
    outlook::{Outlook, know, take_results, tell},
    pipeline::{COMPILE_INSIDE_MAX, Predictor},
};
use foresee_access::Footprint;
use foresee_execute::{Block, Known, LaneStart, LastLane, PreBlock};
use foresee_predict::{Ahead, Meeting, PredictOptions, Prediction, TakenOver, Unknown};
use revm::{DatabaseRef, context::TxEnv};

/// A lane that has less left than this is not divided: what a lane has done is put together
/// with what all others have.
const LANE_MIN_NS: u64 = 500_000;

/// Foresees what transactions leave, from one lane to the next.
pub(super) struct Foresight<'a, DB> {
    foresee: &'a Foresee,
    block: &'a Block,
    db: &'a DB,
    before: Foreknowledge<'a>,
    known: &'a Known,
    /// There from the first lane on.
    times: Option<Times>,
    /// What predicts in block order, once something has to be.
    following: Option<Following<'a, DB>>,
    /// Whether nothing can be foreseen any more.
    is_blind: bool,
    /// Whether nothing is foreseen because nearly every transaction needs what the one before it
    /// leaves.
    is_chain: bool,
}

/// Predicts in block order.
struct Following<'a, DB> {
    predictor: Predictor<'a, DB>,
    /// The next transaction.
    position: usize,
    /// The first predictions, if they are to tell whether the block is a chain.
    sample: Option<Vec<(Prediction, Footprint)>>,
}

impl<'a, DB: DatabaseRef> Foresight<'a, DB> {
    pub(super) fn new(
        foresee: &'a Foresee,
        (block, db): (&'a Block, &'a DB),
        before: Foreknowledge<'a>,
        known: &'a Known,
    ) -> Self {
        let (times, following, is_blind, is_chain) = (None, None, false, false);
        Self { foresee, block, db, before, known, times, following, is_blind, is_chain }
    }

    /// Whether the block turned out to be a chain, so that a second thread would burn time for
    /// little.
    pub(super) const fn is_chain(&self) -> bool {
        self.is_chain
    }

    /// Where the next lane begins and what is there. Nothing if that cannot be told, or if the
    /// last lane has next to nothing left.
    pub(super) fn next(&mut self, last: &LastLane) -> Option<LaneStart> {
        if self.is_blind || self.is_chain {
            return None;
        }
        // Whoever is done first takes over a part of what the other has left, which has to be
        // behind its own.
        let times = match self.times.take() {
            Some(times) if times.after(last.position()) < LANE_MIN_NS => return None,
            Some(times) => times,
            None => {
                if let Some(ahead) = self.before.ahead() {
                    // Whoever executes already does so without what is told here.
                    tell(self.known, ahead);
                }
                self.before.times(self.block)
            }
        };
        let start = if let Foreknowledge::Apart(_) = self.before {
            let position = times.middle(Reached { position: last.position(), since: 0 });
            Some(LaneStart { position, ..LaneStart::default() })
        } else {
            self.foreseen(last, &times)
        };
        self.times = Some(times);
        start.filter(|start| start.position < self.block.transactions.len())
    }

    /// The next lane, by what those before it leave.
    fn foreseen(&mut self, last: &LastLane, times: &Times) -> Option<LaneStart> {
        let mut following = match self.following.take() {
            Some(following) => following,
            None => Following::begin(self.foresee, self.block, self.db, self.before)?,
        };
        let mut watch = Watch::new(last);
        loop {
            let reached = watch.look();
            if times.meet(reached, following.position) {
                break;
            }
            if last.is_over() || times.after(reached.position) < LANE_MIN_NS {
                return None;
            }
            if following.is_chain(self.block) {
                self.is_chain = true;
                return None;
            }
            let position = following.position;
            let tx = self.block.transactions.get(position)?;
            let followed = match self.before.ahead() {
                Some(ahead) => following.follow(tx, &ahead[position], self.known),
                None => following.predict(tx, self.known),
            };
            if followed.is_none() {
                // As far as it is foreseen.
                self.is_blind = true;
                break;
            }
        }
        let (position, expected) = (following.position, following.predictor.left());
        self.following = Some(following);
        Some(LaneStart { position, expected })
    }
}

impl<'a, DB: DatabaseRef> Following<'a, DB> {
    /// Begins with a block. Nothing if its state cannot be read.
    fn begin(
        foresee: &Foresee,
        block: &'a Block,
        db: &'a DB,
        before: Foreknowledge<'a>,
    ) -> Option<Self> {
        let pre = PreBlock::run(block, db).ok()?;
        let predict = foresee.config().predict;
        // Little is predicted where most was ahead, and what is takes another path in its place
        // than alone.
        let learning = before.ahead().map_or(predict.learning, |_| predict.learning.aside());
        let compile_max = predict.compile_max.min(COMPILE_INSIDE_MAX);
        let options = PredictOptions { learning, compile_max, ..predict };
        let mut predictor = foresee.predictor(block, db, options);
        pre.changes().iter().for_each(|changes| predictor.apply(changes));
        let sample = matches!(before, Foreknowledge::Waiting).then(Vec::new);
        Some(Self { predictor, position: 0, sample })
    }

    /// Goes on by a transaction. Nothing if it is not known what it leaves.
    fn follow(&mut self, tx: &'a TxEnv, ahead: &Ahead, known: &Known) -> Option<()> {
        let predictor = &mut self.predictor;
        if predictor.take_over(tx, ahead, Meeting::Additions).ok()? != TakenOver::Yes {
            let prediction = predictor.predict_effects_anew(tx, ahead).ok()?;
            know(known, &predictor.take_precompiled());
            if !is_foreseen(&prediction) {
                return None;
            }
        }
        self.position += 1;
        Some(())
    }

    /// Goes on by a transaction that was not predicted before. Nothing if it is not known what
    /// it leaves.
    fn predict(&mut self, tx: &'a TxEnv, known: &Known) -> Option<()> {
        let Self { predictor, position, sample, .. } = self;
        let prediction = match sample {
            Some(_) => predictor.predict(tx).ok()?,
            None => predictor.predict_effects(tx).ok()?,
        };
        if !is_foreseen(&prediction) {
            return None;
        }
        take_results(predictor, known, *position);
        *position += 1;
        if let Some(sample) = sample {
            let footprint = Footprint::new(&prediction.access);
            sample.push((prediction, footprint));
        }
        Some(())
    }

    /// Whether the first transactions, once there are enough, show that nearly every one needs
    /// what the one before it leaves. Looked at once.
    fn is_chain(&mut self, block: &Block) -> bool {
        let Some(sample) = self.sample.take_if(|sample| sample.len() >= SAMPLE) else {
            return false;
        };
        let outlook = Outlook::new(sample.iter().map(|one| Some(one.into())));
        let layers = outlook.ordered(block).layers().len();
        parallelism_percent(layers as u64, sample.len() as u64) <= CHAIN_PERCENT
    }
}

/// Whether it is known what a transaction leaves: nothing if it cannot be included.
fn is_foreseen(prediction: &Prediction) -> bool {
    prediction.is_complete() || matches!(prediction.unknown[..], [Unknown::Invalid(_)])
}
