//! Predictions that go on as their values come in.
//!
//! Up to [`ALONE_MAX`] transactions are being predicted alone at a time, in block order;
//! each is either on its way to its next missing value or waits for one. Behind them one
//! predictor goes through the block in order, as far as all transactions are predicted
//! alone, and takes their predictions over or makes them anew. It may lack a value itself.
//!
//! Nothing waits for a value that will not come: a key that the source gave up, or is
//! silent about, ends the prediction that wants it as an incomplete one.

use super::{
    ColdReads, scout,
    view::{AtHand, key_of},
};
use alloy_primitives::map::HashMap;
use foresee_access::{Hashes, TxIndex};
use foresee_execute::{Block, Desk, Standing, StateKey};
use foresee_predict::{
    Ahead, BlockPredictor, PrecompileCall, PredictOptions, Prediction, ProgramCache, Progress, Want,
};
use revm::state::EvmState;
use std::{collections::VecDeque, sync::Arc};

/// How many transactions are predicted alone at a time; each takes some 100 KiB while it
/// waits.
const ALONE_MAX: usize = 64;

type Predictor<'a> = BlockPredictor<'a, AtHand<'a>>;

/// The predictions of a block on their way. See the module documentation.
pub(super) struct Chase<'a> {
    block: &'a Block,
    options: PredictOptions,
    desk: &'a Desk,
    /// By transaction, its prediction alone once it is there.
    alone: Vec<Option<Box<Ahead>>>,
    /// The next transaction to be predicted alone.
    next_alone: usize,
    /// Transactions that are being predicted alone, by position.
    running: HashMap<usize, Box<Run<'a>>>,
    /// Predictors without a transaction.
    spare: Vec<Predictor<'a>>,
    in_order: InOrder<'a>,
    /// Who waits for which key.
    waiting: HashMap<StateKey, Vec<Waiter>>,
    chased: Chased,
}

/// What came of it.
#[derive(Debug, Default)]
pub(super) struct Chased {
    /// One for each transaction.
    pub(super) predictions: Vec<Prediction>,
    /// How far the reads were foreseen; what became of them is not told here.
    pub(super) reads: ColdReads,
}

/// A transaction that is being predicted alone.
struct Run<'a> {
    predictor: Predictor<'a>,
    has_begun: bool,
    /// How often it had to wait.
    waits: usize,
}

/// The pass in block order.
struct InOrder<'a> {
    predictor: Predictor<'a>,
    /// Whether the transaction behind the last prediction is suspended.
    is_suspended: bool,
}

/// Who waits for a key.
#[derive(Clone, Copy, Debug)]
enum Waiter {
    /// The transaction of this position, predicted alone.
    Alone(usize),
    /// The pass in block order.
    InOrder,
}

/// What is told while predictions are made.
pub(super) enum News<'n> {
    /// Results of precompiles and hashes that the predictions of a transaction met.
    Results(TxIndex, &'n [PrecompileCall], Arc<Hashes>),
    /// So many transactions from the first on are predicted in block order.
    Predicted(usize),
}

/// Whoever is told.
pub(super) type Told<'t> = dyn FnMut(News<'_>) + 't;

impl<'a> Chase<'a> {
    pub(super) fn new(
        block: &'a Block,
        cache: &'a ProgramCache,
        options: PredictOptions,
        desk: &'a Desk,
    ) -> Self {
        let view = AtHand { desk, guess: None };
        let predictor = BlockPredictor::new(cache, &block.cfg, &block.env, view, options);
        Self {
            block,
            options,
            desk,
            alone: vec![None; block.transactions.len()],
            next_alone: 0,
            running: HashMap::default(),
            spare: Vec::new(),
            in_order: InOrder { predictor, is_suspended: false },
            waiting: HashMap::default(),
            chased: Chased::default(),
        }
    }

    /// Takes over what was changed before the first transaction.
    pub(super) fn apply(&mut self, changes: &[EvmState]) {
        changes.iter().for_each(|changes| self.in_order.predictor.apply(changes));
    }

    /// Predicts all transactions. Tells of what is known meanwhile.
    pub(super) fn run(&mut self, told: &mut Told<'_>) -> Chased {
        let mut arrivals = VecDeque::new();
        while self.chased.predictions.len() < self.block.transactions.len() {
            arrivals.extend(self.desk.arrivals());
            if let Some(key) = arrivals.pop_front() {
                self.arrived(key, told);
            } else if !self.begin_next(told) {
                arrivals.extend(self.desk.wait_for_arrivals());
                if arrivals.is_empty() {
                    self.waiting.keys().for_each(|key| self.desk.give_up(key));
                }
            }
        }
        core::mem::take(&mut self.chased)
    }

    /// Begins to predict one more transaction alone, or in order. False if nothing can be
    /// begun before something arrives.
    fn begin_next(&mut self, told: &mut Told<'_>) -> bool {
        if self.next_alone == self.alone.len() || self.running.len() >= ALONE_MAX {
            return self.follow(told);
        }
        let position = self.next_alone;
        self.next_alone += 1;
        let predictor = self.spare.pop().unwrap_or_else(|| self.predictor());
        self.go_on(position, Box::new(Run { predictor, has_begun: false, waits: 0 }));
        self.follow(told);
        true
    }

    /// A key is settled: goes on with those that wait for it.
    fn arrived(&mut self, key: StateKey, told: &mut Told<'_>) {
        for waiter in self.waiting.remove(&key).unwrap_or_default() {
            match waiter {
                Waiter::Alone(position) => {
                    if let Some(run) = self.running.remove(&position) {
                        self.go_on(position, run);
                    }
                }
                Waiter::InOrder => {
                    let progress = resume(&mut self.in_order.predictor);
                    self.go_on_in_order(progress, told);
                }
            }
        }
        self.follow(told);
    }

    /// Takes a prediction alone to its end, or to a value that is not there.
    fn go_on(&mut self, position: usize, mut run: Box<Run<'a>>) {
        // One memo serves all; each of their own would not fit into the processor's cache.
        self.in_order.predictor.swap_memo(&mut run.predictor);
        let stopped = self.advance(position, &mut run);
        self.in_order.predictor.swap_memo(&mut run.predictor);
        match stopped {
            Err(want) => {
                self.wait_for(want, Waiter::Alone(position));
                self.running.insert(position, run);
            }
            Ok(ahead) => {
                self.chased.reads.waits_max = self.chased.reads.waits_max.max(run.waits);
                self.alone[position] = Some(Box::new(ahead));
                self.spare.push(run.predictor);
            }
        }
    }

    /// Runs a prediction alone as far as it goes: to its end, or to what it wants.
    fn advance(&mut self, position: usize, run: &mut Run<'a>) -> Result<Ahead, Want> {
        let tx = &self.block.transactions[position];
        let predictor = &mut run.predictor;
        let mut progress = match core::mem::replace(&mut run.has_begun, true) {
            true => resume(predictor),
            false => {
                let Ok(progress) = predictor.begin_ahead(tx);
                progress
            }
        };
        loop {
            let want = match progress {
                Progress::Suspended(want) => want,
                Progress::Done(prediction) => return Ok(predictor.finish_ahead(prediction)),
            };
            match self.desk.await_key(key_of(want)) {
                Standing::Ready => progress = resume(predictor),
                Standing::Failed => progress = Progress::Done(predictor.give_up(want)),
                Standing::Posted => {
                    run.waits += 1;
                    if scout::is_due(run.waits) {
                        scout::scout(predictor, self.desk, tx, run.waits);
                        self.chased.reads.scouted += 1;
                    }
                    return Err(want);
                }
            }
        }
    }

    /// Follows in block order as far as transactions are predicted alone. False if nothing
    /// was to be done.
    fn follow(&mut self, told: &mut Told<'_>) -> bool {
        let before = self.chased.predictions.len();
        while !self.in_order.is_suspended {
            let position = self.chased.predictions.len();
            let Some(Some(ahead)) = self.alone.get(position) else { break };
            let (precompiled, hashes) = (&ahead.precompiled, ahead.hashes.clone());
            told(News::Results(TxIndex::new(position), precompiled, hashes));
            let tx = &self.block.transactions[position];
            let Ok(progress) = self.in_order.predictor.begin_again(tx, ahead);
            self.go_on_in_order(progress, told);
        }
        self.chased.predictions.len() > before
    }

    /// Takes the prediction in order to its end, or to a value that is not there.
    fn go_on_in_order(&mut self, mut progress: Progress, told: &mut Told<'_>) {
        self.in_order.is_suspended = false;
        let predictor = &mut self.in_order.predictor;
        loop {
            let want = match progress {
                Progress::Suspended(want) => want,
                Progress::Done(prediction) => {
                    let tx = TxIndex::new(self.chased.predictions.len());
                    let hashes = Arc::new(predictor.take_hashes());
                    told(News::Results(tx, &predictor.take_precompiled(), hashes));
                    self.chased.predictions.push(prediction);
                    told(News::Predicted(self.chased.predictions.len()));
                    return;
                }
            };
            match self.desk.await_key(key_of(want)) {
                Standing::Ready => progress = resume(predictor),
                Standing::Failed => progress = Progress::Done(predictor.give_up(want)),
                Standing::Posted => {
                    self.in_order.is_suspended = true;
                    self.chased.reads.waits_in_order += 1;
                    self.wait_for(want, Waiter::InOrder);
                    return;
                }
            }
        }
    }

    fn wait_for(&mut self, want: Want, waiter: Waiter) {
        self.waiting.entry(key_of(want)).or_default().push(waiter);
    }

    /// A predictor over what is at hand.
    fn predictor(&self) -> Predictor<'a> {
        let view = AtHand { desk: self.desk, guess: None };
        self.in_order.predictor.beside(view, self.options)
    }
}

fn resume(predictor: &mut Predictor<'_>) -> Progress {
    let Ok(progress) = predictor.resume();
    progress
}
