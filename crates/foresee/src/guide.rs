//! Execution by what is known of a block already: a record of it, or its access list.
//!
//! A guide takes the place of predictions and is trusted as little. Whatever it says,
//! the result is that of in-order execution, and where the guide is wrong that is said.

use crate::{
    Decision, DecisionReason, ExecutedBlock, Foresee, Mode, Rerun,
    choice::Work,
    outlook::{know, known, knows_results},
    telemetry,
};
use alloy_eips::eip7928::BlockAccessListHashMismatch;
use foresee_access::{Difference, TxIndex};
use foresee_execute::{
    AccessList, AccessListFault, Block, BlockIdentity, Divergence, ExecuteError, Known, Observed,
    Pace, PreBlock, PrecompileInput, Prefetched, Record, Status,
};
use foresee_predict::{Ahead, PrecompileCall};
use revm::DatabaseRef;
use std::{sync::Arc, time::Instant};

/// What is known of a block before it is executed.
#[derive(Clone, Copy, Debug)]
pub enum Guide<'a> {
    /// A record of an earlier execution: it tells what waits for what.
    Record(&'a Rerun),
    /// The block access list: it tells what each transaction leaves behind.
    AccessList(&'a AccessList),
}

/// In what a guide is wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GuideFault {
    /// The record is of another block; it was not followed.
    #[error("the record is of another block: {0} differs")]
    OtherBlock(&'static str),
    /// A transaction ended in another way.
    #[error("transaction {index}: recorded {recorded}, executed {executed}")]
    Ending {
        /// The transaction.
        index: TxIndex,
        /// Status and gas in the record.
        recorded: String,
        /// Status and gas now.
        executed: String,
    },
    /// A transaction accessed something else.
    #[error("transaction {index}, {}", first(difference))]
    Access {
        /// The transaction.
        index: TxIndex,
        /// Where record and execution part; the record counts as predicted.
        difference: Box<Difference>,
    },
    /// A transaction called precompiled contracts with something else.
    #[error("transaction {index}, precompiled contract {}: {how}, {} bytes", of.address, of.input.len())]
    Precompiled {
        /// The transaction.
        index: TxIndex,
        /// What it was called with.
        of: PrecompileInput,
        /// Whether that is recorded and was not executed, or the other way round.
        how: &'static str,
    },
    /// The block has another access list.
    #[error("{0}")]
    AccessList(AccessListFault),
}

/// The first location in which a record and an execution part, and how.
fn first(difference: &Difference) -> String {
    let Difference { missed_reads, extra_reads, missed_writes, extra_writes } = difference;
    let parts = [
        (missed_reads, "recorded nothing, executed a read"),
        (extra_reads, "recorded a read, executed nothing"),
        (missed_writes, "recorded nothing, executed a write"),
        (extra_writes, "recorded a write, executed nothing"),
    ];
    let all = parts.iter().flat_map(|(list, how)| list.iter().map(move |location| (location, how)));
    all.min_by_key(|(location, _)| *location).map_or_else(
        || "what is settled at commit: recorded and executed differ".to_owned(),
        |(location, how)| format!("{location}: {how}"),
    )
}

impl Foresee {
    /// Reads what a list names on all threads at once, for states whose reads take long.
    /// The list may be one that came with the block, a
    /// [predicted](crate::PredictedAccessList) one, or what a [record](Rerun::named) names.
    pub fn prefetch<'a, DB>(&self, db: &'a DB, list: &AccessList) -> Prefetched<'a, DB>
    where
        DB: DatabaseRef + Sync,
    {
        self.executor().prefetch(db, list)
    }

    /// Executes a block by a guide instead of predictions, and tells in what the guide
    /// is wrong, as far as that is seen: a record's access sets are compared if
    /// [`Config::observe`](crate::Config::observe) is set, its access list and any other if
    /// [`Config::access_list`](crate::Config::access_list) is. A guide that cannot be of
    /// this block is not followed; the block is executed as without one, or in order if no
    /// more than the transactions are another's, which takes a while to find out.
    ///
    /// Whoever has predicted the transactions [ahead](Self::predict_ahead) as well gives that
    /// too: a guide knows better what waits for what, but not the hashes that predictions have
    /// computed on the way, nor, if it is a list, the results of precompiled contracts.
    ///
    /// # Errors
    ///
    /// As [`execute_block`](Self::execute_block). A wrong guide is no error.
    ///
    /// # Panics
    ///
    /// If `ahead` is there and not one prediction for each transaction.
    pub fn execute_guided<DB: DatabaseRef + Sync>(
        &self,
        block: &Block,
        db: &DB,
        guide: Guide<'_>,
        ahead: Option<&[Ahead]>,
    ) -> Result<(ExecutedBlock, Option<GuideFault>), ExecuteError<DB::Error>> {
        let _busy = self.busy();
        if let Err(fault) = guide.check(block) {
            let executed = match ahead {
                Some(ahead) => self.execute_ahead(block, db, ahead)?,
                None => self.execute_block(block, db)?,
            };
            return Ok((executed, Some(fault)));
        }
        let mut decision = self.decide(block, |costs| match (guide, ahead) {
            (Guide::Record(rerun), _) => rerun.work(block),
            (Guide::AccessList(_), Some(ahead)) => {
                Work::by_gas(block, |position| ahead[position].prediction.gas_used)
            }
            (Guide::AccessList(_), None) => Work::by_limits(block, costs).predicted_already(),
        });
        if let Guide::Record(rerun) = guide
            && decision.parallel
            && self.config().mode == Mode::Auto
            && rerun.is_serial(decision.threads)
        {
            let in_order = Decision::in_order(DecisionReason::Dependent);
            decision = Decision { estimate: decision.estimate, ..in_order };
        }
        let start = Instant::now();
        let mut executor = self.executor().on(decision.threads);
        // Only the parallel executor can use results of precompiles, on one thread too.
        let knows_results = ahead.is_some_and(knows_results) || !guide.results().is_empty();
        let uses_results = knows_results && self.config().mode != Mode::InOrder;
        if !decision.parallel && !uses_results {
            let executed = self.execute_in_order(block, db, decision)?;
            let fault = guide.check_transactions(block).and_then(|()| guide.verify(&executed));
            return Ok((executed, fault.err()));
        }
        let known = match ahead {
            Some(ahead) => known(block, ahead),
            None => Known::new(block.transactions.len()),
        };
        know(&known, guide.results());
        executor = executor.knowing(Arc::new(known));
        let mut checked = Ok(());
        let outcome = match guide {
            Guide::Record(rerun) => {
                let threads = executor.config().threads;
                // Other threads take about as long to wake up.
                let make = |_: &dyn Pace| {
                    checked = guide.check_transactions(block);
                    checked.is_ok().then(|| rerun.schedule(threads).clone())
                };
                executor.execute_while(PreBlock::run(block, db)?, block, db, make, |_| {}, None)?
            }
            Guide::AccessList(list) => executor.execute_listed(block, db, list)?,
        };
        self.learned.parallel(block, &outcome.output, outcome.stats.executing);
        let executed = ExecutedBlock::in_parallel(outcome, decision, Vec::new());
        telemetry::block(&executed, start.elapsed());
        let fault = checked.and_then(|()| guide.verify(&executed));
        Ok((executed, fault.err()))
    }
}

impl Guide<'_> {
    /// Results of precompiled contracts, under the rules of the guide's block.
    fn results(&self) -> &[PrecompileCall] {
        match self {
            Self::Record(rerun) => rerun.results(),
            Self::AccessList(_) => &[],
        }
    }

    /// Whether the guide can be of this block at all, but for its transactions.
    fn check(&self, block: &Block) -> Result<(), GuideFault> {
        match self {
            Self::Record(rerun) => {
                let record = rerun.record();
                let (recorded, this) = (&record.block, BlockIdentity::without_transactions(block));
                let this = BlockIdentity { transactions: recorded.transactions, ..this };
                let parts = [
                    ("the chain", recorded.chain_id == this.chain_id),
                    ("the number", recorded.number == this.number),
                    ("the parent", recorded.parent_hash == this.parent_hash),
                    (
                        "the number of transactions",
                        record.transactions.len() == block.transactions.len(),
                    ),
                    ("the environment", *recorded == this),
                ];
                match parts.into_iter().find(|(_, equal)| !equal) {
                    Some((part, _)) => Err(GuideFault::OtherBlock(part)),
                    None => Ok(()),
                }
            }
            Self::AccessList(list) => list
                .validate_structure(block.transactions.len())
                .map_err(|fault| GuideFault::AccessList(fault.into())),
        }
    }

    /// Whether a record is of this block's transactions.
    fn check_transactions(&self, block: &Block) -> Result<(), GuideFault> {
        match self {
            Self::Record(rerun)
                if rerun.record().block.transactions != BlockIdentity::transactions_of(block) =>
            {
                Err(GuideFault::OtherBlock("the list of transactions"))
            }
            _ => Ok(()),
        }
    }

    /// Compares the guide with what the execution showed.
    fn verify(&self, executed: &ExecutedBlock) -> Result<(), GuideFault> {
        match self {
            Self::Record(rerun) => verify_record(rerun.record(), executed),
            Self::AccessList(list) => {
                let shown = executed.access_list.as_ref();
                match shown.and_then(|shown| Divergence::first(list, shown)) {
                    None => Ok(()),
                    Some(divergence) => {
                        let fault = AccessListFault::Divergence(Box::new(divergence));
                        Err(GuideFault::AccessList(fault))
                    }
                }
            }
        }
    }
}

/// The first call of a precompiled contract that is not in both, and where it is.
fn called_differently<'o>(
    recorded: &'o Observed,
    executed: &'o Observed,
) -> Option<(&'o PrecompileInput, &'static str)> {
    let [recorded, executed] = [recorded, executed].map(Observed::precompiled);
    let alone = |these: &'o [PrecompileInput], those: &[PrecompileInput], how| {
        let one = these.iter().find(|call| those.binary_search(call).is_err())?;
        Some((one, how))
    };
    alone(recorded, executed, "recorded a call, executed none")
        .or_else(|| alone(executed, recorded, "recorded none, executed a call"))
}

fn verify_record(record: &Record, executed: &ExecutedBlock) -> Result<(), GuideFault> {
    let endings = executed.output.statuses().zip(executed.output.gas_by_transaction());
    let text = |status: &Status, gas: u64| match status {
        Status::Succeeded => format!("succeeded with {gas} gas"),
        Status::Failed => format!("failed with {gas} gas"),
        Status::Refused(reason) => format!("refused: {reason}"),
    };
    for (position, (recorded, (status, gas))) in record.transactions.iter().zip(endings).enumerate()
    {
        let index = TxIndex::new(position);
        let gas = gas.unwrap_or_default();
        if (&recorded.status, recorded.gas_used) != (&status, gas) {
            let recorded = text(&recorded.status, recorded.gas_used);
            return Err(GuideFault::Ending { index, recorded, executed: text(&status, gas) });
        }
        if let Some(observed) = executed.observed.get(position)
            && *observed != recorded.observed
        {
            let difference = Difference::between(&recorded.observed, observed);
            return Err(match called_differently(&recorded.observed, observed) {
                Some((of, how)) if difference.is_empty() => {
                    GuideFault::Precompiled { index, of: of.clone(), how }
                }
                _ => GuideFault::Access { index, difference: Box::new(difference) },
            });
        }
    }
    let hash = executed.access_list.as_ref().map(AccessList::compute_hash);
    match hash {
        Some(computed) if computed != record.access_list_hash.get() => {
            let expected = record.access_list_hash.get();
            let fault = BlockAccessListHashMismatch { computed, expected };
            Err(GuideFault::AccessList(fault.into()))
        }
        _ => Ok(()),
    }
}
