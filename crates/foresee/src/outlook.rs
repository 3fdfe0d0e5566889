//! What is foreseen of a block for its schedule: predictions of some of its
//! transactions, each made alone on the state before the block.

use crate::choice::{PAYMENT_GAS, Shape, mul_div, parallelism_percent};
use core::borrow::Borrow;
use foresee_access::{AccessSet, Fingerprint, Footprint, Hashes, Location, TxIndex};
use foresee_execute::{Block, Known, pays_ahead};
use foresee_predict::{Ahead, BlockPredictor, PrecompileCall, Prediction, StateView};
use foresee_schedule::{Additions, Node, Prepared, Schedule};
use std::sync::{Arc, LazyLock};

/// So many times as many threads have to be kept busy for additions to go unordered.
const FREEDOM_GAIN_MIN: u64 = 2;

/// So many samples of so many transactions each show how far those of a block wait for
/// each other.
const SAMPLES: usize = 4;
const SAMPLE: usize = 16;

/// A prediction made alone, and its footprint.
#[derive(Clone, Copy)]
pub(crate) struct Foreseen<'p> {
    pub(crate) prediction: &'p Prediction,
    pub(crate) footprint: &'p Footprint,
}

impl<'p> From<&'p Ahead> for Foreseen<'p> {
    fn from(Ahead { prediction, footprint, .. }: &'p Ahead) -> Self {
        Self { prediction, footprint }
    }
}

impl<'p> From<&'p (Prediction, Footprint)> for Foreseen<'p> {
    fn from((prediction, footprint): &'p (Prediction, Footprint)) -> Self {
        Self { prediction, footprint }
    }
}

/// Predictions made alone, by transaction; none where nothing had to be foreseen.
pub(crate) struct Outlook<'p> {
    foreseen: Vec<Option<Foreseen<'p>>>,
}

impl<'p> Outlook<'p> {
    /// From predictions of some transactions.
    pub(crate) fn new(foreseen: impl Iterator<Item = Option<Foreseen<'p>>>) -> Self {
        Self { foreseen: foreseen.collect() }
    }

    /// From predictions of all transactions.
    pub(crate) fn of(ahead: &'p [Ahead]) -> Self {
        Self::new(ahead.iter().map(|ahead| Some(ahead.into())))
    }

    /// The schedule that follows, for so many threads.
    pub(crate) fn schedule(&self, block: &Block, threads: usize) -> Schedule {
        let nodes = self.nodes(block);
        better(
            threads,
            |additions| Schedule::build(&nodes, additions),
            |schedule| self.shape(schedule),
        )
    }

    /// The schedule that follows if additions are ordered as everything else.
    pub(crate) fn ordered(&self, block: &Block) -> Schedule {
        Schedule::build(&self.nodes(block), Additions::Ordered)
    }

    fn nodes(&self, block: &Block) -> Vec<Prepared<'p>> {
        let fees = Fingerprint::of(&Location::balance(block.env.beneficiary));
        self.foreseen.iter().map(|foreseen| prepared(*foreseen, fees)).collect()
    }

    /// Of the transactions that were predicted, the gas on the longest path and of all.
    pub(crate) fn shape(&self, schedule: &Schedule) -> (u64, u64) {
        let foreseen = self.foreseen.iter().enumerate();
        let foreseen = foreseen.filter_map(|(at, foreseen)| Some((at, (*foreseen)?)));
        foreseen.fold((0, 0u64), |(span, gas), (at, foreseen)| {
            let path = schedule.priority(TxIndex::new(at));
            (span.max(path), gas.saturating_add(foreseen.prediction.gas_used))
        })
    }
}

/// The better of a block's two schedules for so many threads; `shape` tells of one the gas
/// on the longest path and of all. That additions to a slot need no order takes an
/// execution time to find out, which is spent where it is needed to keep the threads busy.
pub(crate) fn better<S: Borrow<Schedule>>(
    threads: usize,
    schedule: impl Fn(Additions) -> S,
    shape: impl Fn(&Schedule) -> (u64, u64),
) -> S {
    // No more threads can be kept busy than there are.
    let most = (threads as u64).saturating_mul(100);
    let parallelism = |schedule: &S| {
        let (span, gas) = shape(schedule.borrow());
        parallelism_percent(span, gas).min(most)
    };
    let ordered = schedule(Additions::Ordered);
    let by_order = parallelism(&ordered);
    if by_order.saturating_mul(FREEDOM_GAIN_MIN) > most {
        return ordered;
    }
    let free = schedule(Additions::Free);
    let pays = parallelism(&free) >= by_order.saturating_mul(FREEDOM_GAIN_MIN);
    if pays { free } else { ordered }
}

/// How far the transactions with code wait for each other, as far as samples from all over
/// the block show: a look at all of them would take a block of small ones longer than it
/// could gain. Transactions are counted, not their gas, because a single large one in a
/// sample says nothing about the block. `schedule` is called with positions in the block.
pub(crate) fn sampled_shape(block: &Block, schedule: impl Fn(&[usize]) -> Schedule) -> Shape {
    let length = block.transactions.len().div_ceil(SAMPLES).max(1);
    let (mut count, mut layers, mut following) = (0, 0, 0);
    for (sample, txs) in block.transactions.chunks(length).enumerate() {
        let each = txs.iter().zip(sample * length..);
        let with_code = each.filter(|(tx, _)| pays_ahead(tx)).take(SAMPLE);
        let with_code: Vec<_> = with_code.map(|(_, position)| position).collect();
        let schedule = schedule(&with_code);
        let layered = schedule.layers();
        let first = layered.first().map_or(0, Vec::len);
        count += schedule.len() as u64;
        layers += layered.len() as u64;
        following += (schedule.len() - first) as u64;
    }
    Shape {
        parallelism_percent: mul_div(100, count, layers),
        following_percent: mul_div(100, following, count),
    }
}

/// What a schedule has to know of a transaction that was predicted alone, if it was. One that
/// fails alone may do otherwise after those before it: it waits for them, and what it has read
/// by then, code apart, it may write.
fn prepared(foreseen: Option<Foreseen<'_>>, fees: Fingerprint) -> Prepared<'_> {
    static NOTHING: LazyLock<(AccessSet, Footprint)> = LazyLock::new(Default::default);
    let Some(Foreseen { prediction, footprint }) = foreseen else {
        let (access, footprint) = &*NOTHING;
        let gas = PAYMENT_GAS;
        return Prepared { access, footprint, gas, in_order: false, may_write_all: false };
    };
    let Prediction { access, gas_used, success, .. } = prediction;
    Prepared {
        access,
        footprint,
        gas: *gas_used,
        in_order: !success || is_unknown(prediction) || footprint.orders_by(fees),
        may_write_all: !success,
    }
}

/// Whether something else is missing of a prediction than code that is not compiled yet.
fn is_unknown(prediction: &Prediction) -> bool {
    !prediction.is_complete() && !prediction.awaits_code()
}

/// What the DAG has to know of a transaction that was predicted in its place.
pub(crate) fn node<'p>(block: &Block, prediction: &'p Prediction) -> Node<'p> {
    let fees = Location::balance(block.env.beneficiary);
    Node {
        access: &prediction.access,
        gas: prediction.gas_used,
        in_order: is_unknown(prediction) || prediction.access.orders_by(&fees),
    }
}

/// The transactions that could not be predicted because their code is not compiled yet:
/// they are executed on the chance that they meet no other.
pub(crate) fn unseen<'p>(
    predictions: impl Iterator<Item = Option<&'p Prediction>>,
) -> Vec<TxIndex> {
    let each = predictions.enumerate();
    let unseen = each.filter(|(_, it)| it.is_some_and(Prediction::awaits_code));
    unseen.map(|(position, _)| TxIndex::new(position)).collect()
}

/// What predictions made ahead have computed on the way.
///
/// # Panics
///
/// If they are not one for each transaction.
pub(crate) fn known(block: &Block, ahead: &[Ahead]) -> Known {
    assert_eq!(ahead.len(), block.transactions.len(), "one prediction for each transaction");
    let known = Known::new(ahead.len());
    tell(&known, ahead);
    known
}

/// Tells what predictions made ahead have computed on the way to whoever executes.
pub(crate) fn tell(known: &Known, ahead: &[Ahead]) {
    for (position, ahead) in ahead.iter().enumerate() {
        know(known, &ahead.precompiled);
        know_hashes(known, TxIndex::new(position), &ahead.hashes);
    }
}

/// Whether predictions made ahead have computed what is worth having on one thread as well:
/// results of precompiles are, hashes are not.
pub(crate) fn knows_results(ahead: &[Ahead]) -> bool {
    ahead.iter().any(|ahead| !ahead.precompiled.is_empty())
}

/// Hands what a predictor computed for a transaction to whoever executes it.
pub(crate) fn take_results<S: StateView>(
    predictor: &mut BlockPredictor<'_, S>,
    known: &Known,
    tx: usize,
) {
    know(known, &predictor.take_precompiled());
    let hashes = predictor.take_hashes();
    if !hashes.is_empty() {
        known.hashes(TxIndex::new(tx), Arc::new(hashes));
    }
}

/// Hands results of precompiles to whoever executes.
pub(crate) fn know(known: &Known, calls: &[PrecompileCall]) {
    for PrecompileCall { address, input, output } in calls {
        known.precompiles.insert(*address, input.clone(), output.clone());
    }
}

/// Hands what a transaction hashes to whoever executes it.
pub(crate) fn know_hashes(known: &Known, tx: TxIndex, hashes: &Arc<Hashes>) {
    if !hashes.is_empty() {
        known.hashes(tx, hashes.clone());
    }
}
