//! Several threads that predict one block together.
//!
//! Each transaction is predicted alone, so it does not matter who predicts which. They
//! are handed out from the last one on, but for those that have been executed
//! meanwhile: so none is predicted in vain. Nothing is predicted of a transaction that
//! runs no code; what it leaves behind is settled at commit.
//!
//! The thread that needs the outlook is one of the crew. It ends when nothing is left to
//! be handed out and no other is at a transaction; whoever comes later finds it closed.

mod view;

use crate::{
    choice,
    outlook::{Outlook, take_results},
};
use alloy_primitives::TxKind;
use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use foresee_access::{Footprint, TxIndex};
use foresee_execute::{Block, Known, Pace, pays_ahead};
use foresee_predict::{BlockPredictor, PredictOptions, Prediction, ProgramCache};
use revm::{DatabaseRef, context::TxEnv, state::EvmState};
use std::sync::{Condvar, Mutex, OnceLock, PoisonError};
use view::Timely;

/// The predictions of a block while they are made.
pub(crate) struct Crew<'a, DB> {
    block: &'a Block,
    db: &'a DB,
    /// The programs, and how they are used.
    cache: &'a ProgramCache,
    options: PredictOptions,
    /// The protocol's changes before the transactions.
    changes: Vec<EvmState>,
    /// Where results go that execution can use.
    known: &'a Known,
    /// The transactions before this one are not handed out yet.
    left: AtomicUsize,
    predictions: Vec<OnceLock<(Prediction, Footprint)>>,
    predicted: AtomicUsize,
    /// Transactions that were left alone because their code is not compiled yet.
    unseen: Mutex<Vec<TxIndex>>,
    /// Whether the state failed.
    failed: AtomicBool,
    members: Mutex<Members>,
    /// Told when a member ends.
    ended: Condvar,
}

#[derive(Default)]
struct Members {
    /// How many are predicting.
    working: usize,
    /// Whether nobody may join any more.
    closed: bool,
}

/// One of the crew, until it is dropped.
struct Member<'c> {
    members: &'c Mutex<Members>,
    ended: &'c Condvar,
}

impl Drop for Member<'_> {
    fn drop(&mut self) {
        self.members.lock().unwrap_or_else(PoisonError::into_inner).working -= 1;
        self.ended.notify_one();
    }
}

impl<'a, DB: DatabaseRef> Crew<'a, DB> {
    /// `changes` are the protocol's before the transactions.
    pub(crate) fn new(
        block: &'a Block,
        db: &'a DB,
        known: &'a Known,
        changes: &[EvmState],
        cache: &'a ProgramCache,
        options: PredictOptions,
    ) -> Self {
        let n = block.transactions.len();
        Self {
            block,
            db,
            cache,
            options: PredictOptions { keep_results: true, ..options },
            changes: changes.to_vec(),
            known,
            left: AtomicUsize::new(n),
            predictions: (0..n).map(|_| OnceLock::new()).collect(),
            predicted: AtomicUsize::new(0),
            unseen: Mutex::default(),
            failed: AtomicBool::new(false),
            members: Mutex::default(),
            ended: Condvar::new(),
        }
    }

    /// Predicts until there is an outlook. If after `sample` predictions those at the end
    /// of the block turn out to be a chain, the rest is left alone. Nothing is foreseen if
    /// the state fails.
    pub(crate) fn outlook(&self, pace: &dyn Pace, sample: usize) -> Option<Outlook<'_>> {
        let mut sampled = false;
        self.work(pace, || {
            if !sampled && self.predicted.load(Ordering::Relaxed) >= sample {
                sampled = true;
                let outlook = self.so_far();
                let (span, gas) = outlook.shape(&outlook.schedule(self.block, 2));
                if choice::is_serial(span, gas) {
                    self.left.store(0, Ordering::Relaxed);
                }
            }
        });
        let members = self.members.lock().unwrap_or_else(PoisonError::into_inner);
        let mut members = self
            .ended
            .wait_while(members, |members| members.working > 0)
            .unwrap_or_else(PoisonError::into_inner);
        members.closed = true;
        drop(members);
        (!self.failed.load(Ordering::Relaxed)).then(|| self.so_far())
    }

    /// Predicts with the others, if there is anything left.
    pub(crate) fn help(&self, pace: &dyn Pace) {
        self.work(pace, || {});
    }

    /// The transactions that were left alone because their code is not compiled yet.
    pub(crate) fn unseen(self) -> Vec<TxIndex> {
        let mut unseen = self.unseen.into_inner().unwrap_or_else(PoisonError::into_inner);
        unseen.sort_unstable();
        unseen
    }

    fn work(&self, pace: &dyn Pace, mut after_each: impl FnMut()) {
        let Some(_member) = self.join() else { return };
        let mut predictor = self.predictor(Timely::new(self.db, pace));
        while let Some(position) = self.take(pace) {
            let tx = &self.block.transactions[position];
            if !pays_ahead(tx) && !runs_code(tx, self.db) {
                continue;
            }
            predictor.view_mut().begin(position);
            let Ok(prediction) = predictor.predict_alone(tx) else {
                self.failed.store(true, Ordering::Relaxed);
                self.left.store(0, Ordering::Relaxed);
                return;
            };
            take_results(&mut predictor, self.known, position);
            if prediction.awaits_code() {
                // It runs on the chance that it meets no other.
                let mut unseen = self.unseen.lock().unwrap_or_else(PoisonError::into_inner);
                unseen.push(TxIndex::new(position));
                continue;
            }
            if prediction.awaits_result() {
                continue;
            }
            let footprint = Footprint::new(&prediction.access);
            // Each position is handed out once.
            let _ = self.predictions[position].set((prediction, footprint));
            self.predicted.fetch_add(1, Ordering::Relaxed);
            after_each();
        }
    }

    fn predictor<'p>(&self, view: Timely<'p, DB>) -> BlockPredictor<'a, Timely<'p, DB>> {
        let Block { cfg, env, .. } = self.block;
        let mut predictor = BlockPredictor::new(self.cache, cfg, env, view, self.options);
        self.changes.iter().for_each(|changes| predictor.apply(changes));
        predictor
    }

    fn join(&self) -> Option<Member<'_>> {
        let mut members = self.members.lock().unwrap_or_else(PoisonError::into_inner);
        if members.closed {
            return None;
        }
        members.working += 1;
        Some(Member { members: &self.members, ended: &self.ended })
    }

    /// The next transaction to predict, unless all are executed.
    fn take(&self, pace: &dyn Pace) -> Option<usize> {
        let one_less = |left: usize| left.checked_sub(1);
        let relaxed = Ordering::Relaxed;
        loop {
            let position = self.left.fetch_update(relaxed, relaxed, one_less).ok()? - 1;
            if position < pace.turn() {
                return None;
            }
            if pace.is_open(position) {
                return Some(position);
            }
        }
    }

    fn so_far(&self) -> Outlook<'_> {
        Outlook::new(self.predictions.iter().map(|one| Some(one.get()?.into())))
    }
}

/// Whether the recipient has code. If that cannot be told it has.
fn runs_code<DB: DatabaseRef>(tx: &TxEnv, db: &DB) -> bool {
    let TxKind::Call(to) = tx.kind else { return true };
    db.basic_ref(to).map_or(true, |to| to.is_some_and(|to| !to.is_empty_code_hash()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::{Address, hex};
    use foresee_workload::{Scenario, generate};
    use revm::state::{AccountInfo, Bytecode};

    /// A block in which three transactions have been settled, and two executed ahead.
    struct Halfway;

    impl Pace for Halfway {
        fn turn(&self) -> usize {
            3
        }

        fn is_open(&self, position: usize) -> bool {
            position >= 3 && ![4, 7].contains(&position)
        }
    }

    #[test]
    fn what_is_executed_already_is_not_predicted() {
        let loaded = generate(Scenario::Erc20Cold, 9, 1).unwrap().into_block().unwrap();
        let (block, db) = (&loaded.block, &loaded.state);
        let cache = ProgramCache::new();
        let known = Known::new(9);
        let crew = Crew::new(block, db, &known, &[], &cache, PredictOptions::default());
        assert!(crew.outlook(&Halfway, usize::MAX).is_some());
        let predicted = crew.predictions.iter().map(|prediction| prediction.get().is_some());
        let expected = [false, false, false, true, false, true, true, false, true];
        assert!(predicted.eq(expected));
    }

    /// A block whose second transaction is being executed.
    struct AtTheSecond;

    impl Pace for AtTheSecond {
        fn turn(&self) -> usize {
            0
        }

        fn is_begun(&self, position: usize) -> bool {
            position == 1
        }
    }

    #[test]
    fn what_execution_computes_already_is_not_computed_for_a_prediction() {
        let mut loaded = generate(Scenario::Erc20Cold, 4, 5).unwrap().into_block().unwrap();
        let pairing = Address::repeat_byte(0x77);
        // STATICCALL of the pairing check with no input.
        let code = Bytecode::new_legacy(hex!("5f 5f 5f 5f 6008 5a fa 00").into());
        let (code_hash, code) = (code.hash_slow(), Some(code));
        let info = AccountInfo { code_hash, code, ..Default::default() };
        loaded.state.insert_account_info(pairing, info);
        loaded.block.transactions[..2].iter_mut().for_each(|tx| tx.kind = pairing.into());
        let (block, db) = (&loaded.block, &loaded.state);
        let (cache, known) = (ProgramCache::new(), Known::new(4));
        let crew = Crew::new(block, db, &known, &[], &cache, PredictOptions::default());
        assert!(crew.outlook(&AtTheSecond, usize::MAX).is_some());
        let predicted = crew.predictions.iter().map(|prediction| prediction.get().is_some());
        assert!(predicted.eq([true, false, true, true]));
    }
}
