//! Execution by what is known of a block already: a record of it, or its access list.
//!
//! A guide takes the place of predictions and is trusted as little. Whatever it says,
//! the result is that of in-order execution, and where the guide is wrong that is said.

use crate::{
    ExecutedBlock, Foresee, Mode,
    choice::Work,
    outlook::{known, knows_results},
};
use alloy_eips::eip7928::BlockAccessListHashMismatch;
use foresee_access::{Difference, TxIndex};
use foresee_execute::{
    AccessList, AccessListFault, Block, BlockIdentity, Divergence, ExecuteError, Pace, PreBlock,
    Prefetched, Record, Status,
};
use foresee_predict::Ahead;
use foresee_schedule::Schedule;
use revm::DatabaseRef;
use std::sync::Arc;

/// What is known of a block before it is executed.
#[derive(Clone, Copy, Debug)]
pub enum Guide<'a> {
    /// A record of an earlier execution: it tells what waits for what.
    Record(&'a Record),
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
    #[error("transaction {index} accessed something else than recorded: {}", name(difference))]
    Access {
        /// The transaction.
        index: TxIndex,
        /// Where record and execution part; the record counts as predicted.
        difference: Box<Difference>,
    },
    /// The block has another access list.
    #[error("{0}")]
    AccessList(AccessListFault),
}

/// The first location in which two sets differ.
fn name(difference: &Difference) -> String {
    let Difference { missed_reads, extra_reads, missed_writes, extra_writes } = difference;
    let all = [missed_reads, extra_reads, missed_writes, extra_writes];
    let first = all.into_iter().flatten().min();
    first.map_or_else(|| "what is settled at commit".to_owned(), ToString::to_string)
}

impl Foresee {
    /// Reads what a list names on all threads at once, for states whose reads take long.
    /// The list may be one that came with the block, or a
    /// [predicted](crate::PredictedAccessList) one.
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
    /// this block is not followed; the block is executed as without one.
    ///
    /// Whoever has predicted the transactions [ahead](Self::predict_ahead) as well gives that
    /// too: a guide knows better what waits for what, but not the results of precompiles and
    /// the hashes that predictions have computed on the way.
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
        let decision = self.decide(block, |costs| match (guide, ahead) {
            (Guide::Record(record), _) => {
                Work::by_gas(block, |position| record.transactions[position].gas_used)
            }
            (Guide::AccessList(_), Some(ahead)) => {
                Work::by_gas(block, |position| ahead[position].prediction.gas_used)
            }
            (Guide::AccessList(_), None) => Work::by_limits(block, costs).predicted_already(),
        });
        let mut executor = self.executor().on(decision.threads);
        // Only the parallel executor can use results of precompiles, on one thread too.
        let uses_results = ahead.is_some_and(knows_results) && self.config().mode != Mode::InOrder;
        if !decision.parallel && !uses_results {
            let executed = self.execute_in_order(block, db, decision)?;
            let fault = guide.verify(&executed).err();
            return Ok((executed, fault));
        }
        if let Some(ahead) = ahead {
            executor = executor.knowing(Arc::new(known(block, ahead)));
        }
        let outcome = match guide {
            Guide::Record(record) => {
                // As from predictions, the schedule is made while execution has begun.
                let pre = PreBlock::run(block, db)?;
                let make = |_: &dyn Pace| Some(Schedule::from_dag(&record.true_dag()));
                executor.execute_while(pre, block, db, make, |_| {}, None)?
            }
            Guide::AccessList(list) => executor.execute_listed(block, db, list)?,
        };
        let executed = self.executed(outcome, decision, Vec::new());
        let fault = guide.verify(&executed).err();
        Ok((executed, fault))
    }
}

impl Guide<'_> {
    /// Whether the guide can be of this block at all.
    fn check(&self, block: &Block) -> Result<(), GuideFault> {
        match self {
            Self::Record(record) => {
                let (recorded, this) = (&record.block, BlockIdentity::of(block));
                let parts = [
                    ("the chain", recorded.chain_id == this.chain_id),
                    ("the number", recorded.number == this.number),
                    ("the parent", recorded.parent_hash == this.parent_hash),
                    ("the list of transactions", recorded.transactions == this.transactions),
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

    /// Compares the guide with what the execution showed.
    fn verify(&self, executed: &ExecutedBlock) -> Result<(), GuideFault> {
        match self {
            Self::Record(record) => verify_record(record, executed),
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
            return Err(GuideFault::Access { index, difference: Box::new(difference) });
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
