//! What is foreseen of a block for its schedule: predictions of some of its
//! transactions, each made alone on the state before the block.

use crate::{choice, pipeline::Predictor};
use alloy_primitives::TxKind;
use foresee_access::{AccessSet, Hashes, Location, TxIndex};
use foresee_execute::{Block, Known, Pace, pays_ahead};
use foresee_predict::{Ahead, PrecompileCall, Prediction};
use foresee_schedule::{DependencyDag, Node, Schedule};
use revm::{DatabaseRef, context::TxEnv};
use std::{borrow::Cow, sync::Arc};

/// The gas of a payment (Yellow Paper, appendix G).
const PAYMENT_GAS: u64 = 21_000;

/// Predictions made alone, by transaction; none where nothing had to be foreseen.
pub(crate) struct Outlook<'p> {
    predictions: Vec<Option<Cow<'p, Prediction>>>,
}

/// How far the block is while it is being predicted.
pub(crate) struct Progress<'p> {
    /// Whose turn it is.
    pub(crate) pace: &'p dyn Pace,
    /// Where results go that execution can use.
    pub(crate) known: &'p Known,
    /// After how many predictions to see whether the block is a chain.
    pub(crate) sample: usize,
}

impl<'p> Outlook<'p> {
    /// From predictions of all transactions.
    pub(crate) fn of(ahead: &'p [Ahead]) -> Self {
        let predictions =
            ahead.iter().map(|ahead| Some(cautious(Cow::Borrowed(&ahead.prediction))));
        Self { predictions: predictions.collect() }
    }

    /// Predicts transactions alone, the last one first, until it meets those that have
    /// been executed meanwhile: so none is predicted in vain. Nothing is predicted of a
    /// transaction that runs no code; what it leaves behind is settled at commit. If those
    /// at the end of the block turn out to be a chain, the rest is left alone. Nothing is
    /// foreseen if the state fails.
    pub(crate) fn predict<DB: DatabaseRef>(
        block: &'p Block,
        db: &'p DB,
        mut predictor: Predictor<'p, DB>,
        progress: &Progress<'_>,
    ) -> Option<Self> {
        let mut outlook = Self { predictions: vec![None; block.transactions.len()] };
        let mut predicted = 0;
        for (position, tx) in block.transactions.iter().enumerate().rev() {
            if position < progress.pace.turn() {
                break;
            }
            if !pays_ahead(tx) && !runs_code(tx, db) {
                continue;
            }
            let prediction = predictor.predict_alone(tx).ok()?;
            outlook.predictions[position] = Some(cautious(Cow::Owned(prediction)));
            take_results(&mut predictor, progress.known, position);
            predicted += 1;
            if predicted == progress.sample {
                let (span, gas) = outlook.shape(&outlook.schedule(block));
                if choice::is_serial(span, gas) {
                    break;
                }
            }
        }
        Some(outlook)
    }

    /// The schedule that follows.
    pub(crate) fn schedule(&self, block: &Block) -> Schedule {
        let predictions = self.predictions.iter();
        let nodes: Vec<_> =
            predictions.map(|prediction| node_alone(block, prediction.as_deref())).collect();
        Schedule::from_dag(&DependencyDag::build(&nodes))
    }

    /// Of the transactions that were predicted, the gas on the longest path and of all.
    pub(crate) fn shape(&self, schedule: &Schedule) -> (u64, u64) {
        let predicted = self.predictions.iter().enumerate();
        let predicted = predicted.filter_map(|(at, prediction)| Some((at, prediction.as_ref()?)));
        predicted.fold((0, 0u64), |(span, gas), (at, prediction)| {
            let path = schedule.priority(TxIndex::new(at));
            (span.max(path), gas.saturating_add(prediction.gas_used))
        })
    }
}

/// A prediction made alone, as a schedule has to see it. A transaction that fails alone
/// may do otherwise after those before it: it waits for them, and what it has read by then
/// it may write.
fn cautious(prediction: Cow<'_, Prediction>) -> Cow<'_, Prediction> {
    if prediction.success {
        return prediction;
    }
    let AccessSet { reads, writes, commutative } = prediction.access.clone();
    let writes = [reads.as_slice(), &writes].concat();
    let access = AccessSet::new(reads, writes, commutative);
    Cow::Owned(Prediction { access, ..prediction.into_owned() })
}

/// What the DAG has to know of a transaction that was predicted alone, if it was.
fn node_alone<'p>(block: &Block, prediction: Option<&'p Prediction>) -> Node<'p> {
    static NOTHING: AccessSet =
        AccessSet { reads: Vec::new(), writes: Vec::new(), commutative: Vec::new() };
    let Some(prediction) = prediction else {
        return Node { access: &NOTHING, gas: PAYMENT_GAS, in_order: false };
    };
    let node = node(block, prediction);
    Node { in_order: node.in_order || !prediction.success, ..node }
}

/// What the DAG has to know of a transaction that was predicted in its place.
pub(crate) fn node<'p>(block: &Block, prediction: &'p Prediction) -> Node<'p> {
    let fees = Location::balance(block.env.beneficiary);
    let mut ordering = prediction.access.ordering_reads();
    Node {
        access: &prediction.access,
        gas: prediction.gas_used,
        in_order: !prediction.is_complete() || ordering.any(|read| *read == fees),
    }
}

/// Whether the recipient has code. If that cannot be told it has.
fn runs_code<DB: DatabaseRef>(tx: &TxEnv, db: &DB) -> bool {
    let TxKind::Call(to) = tx.kind else { return true };
    db.basic_ref(to).map_or(true, |to| to.is_some_and(|to| !to.is_empty_code_hash()))
}

/// Hands what a predictor computed for a transaction to whoever executes it.
pub(crate) fn take_results<DB: DatabaseRef>(
    predictor: &mut Predictor<'_, DB>,
    known: &Known,
    tx: usize,
) {
    let hashes = Arc::new(predictor.take_hashes());
    know(known, TxIndex::new(tx), &predictor.take_precompiled(), hashes);
}

/// Hands what was computed for a transaction to whoever executes it.
pub(crate) fn know(known: &Known, tx: TxIndex, calls: &[PrecompileCall], hashes: Arc<Hashes>) {
    for PrecompileCall { address, input, output } in calls {
        known.precompiles.insert(*address, input.clone(), output.clone());
    }
    if !hashes.is_empty() {
        known.hashes(tx, hashes);
    }
}
