//! A record, made ready for its block to be executed again.
//!
//! What waits for what follows from the record alone, and so do the results of the precompiled
//! contracts that were called, from what they were called with. Both are found out when the
//! record is there and not when the block is: as predictions are made before the block comes.

use crate::{
    choice::{self, Work},
    outlook::{better, sampled_shape},
    predicted_list::named,
};
use alloy_primitives::map::HashSet;
use core::str::FromStr;
use foresee_access::TxIndex;
use foresee_execute::{AccessList, Block, PrecompileInput, Record};
use foresee_predict::PrecompileCall;
use foresee_schedule::{Additions, Schedule};
use revm::{
    precompile::{PrecompileSpecId, Precompiles},
    primitives::hardfork::SpecId,
};

/// The most gas that is spent on results of precompiled contracts, whatever gas limit a
/// record claims.
const RESULTS_GAS_MAX: u64 = 300_000_000;

/// A record, and the schedules that follow from it.
#[derive(Clone, Debug)]
pub struct Rerun {
    record: Record,
    /// Additions to a slot wait for each other,
    ordered: Schedule,
    /// or they do not.
    free: Schedule,
    /// Gas of all transactions.
    gas: u64,
    /// Results of precompiled contracts, under the rules of the record's block.
    results: Vec<PrecompileCall>,
}

impl Rerun {
    /// Makes a record ready. It may be anybody's: nothing of it is trusted.
    pub fn new(record: Record) -> Self {
        let nodes = record.true_nodes();
        let [ordered, free] =
            [Additions::Ordered, Additions::Free].map(|additions| Schedule::of(&nodes, additions));
        let gas = nodes.iter().fold(0, |sum: u64, node| sum.saturating_add(node.gas));
        drop(nodes);
        let results = results(&record);
        Self { record, ordered, free, gas, results }
    }

    /// The record.
    pub const fn record(&self) -> &Record {
        &self.record
    }

    /// What its transactions called precompiled contracts with, as far as that took long, and
    /// what these yield: computed, not taken from the record.
    pub fn results(&self) -> &[PrecompileCall] {
        &self.results
    }

    /// What its transactions accessed, in the shape of an access list without values: to be
    /// [read ahead](crate::Foresee::prefetch) where reads take long.
    pub fn named(&self) -> AccessList {
        named(self.record.transactions.iter().map(|transaction| &*transaction.observed))
    }

    /// The schedule for so many threads.
    pub(crate) fn schedule(&self, threads: usize) -> &Schedule {
        let schedule = |additions| match additions {
            Additions::Ordered => &self.ordered,
            Additions::Free => &self.free,
        };
        better(threads, schedule, |schedule| self.shape(schedule))
    }

    /// The work in its block, and how far the transactions wait for each other. It must be
    /// the record of this block.
    pub(crate) fn work(&self, block: &Block) -> Work {
        let Record { transactions, .. } = &self.record;
        let shape = sampled_shape(block, |sample| {
            let sample: Vec<_> = sample.iter().map(|at| self.record.true_node(*at)).collect();
            Schedule::of(&sample, Additions::Ordered)
        });
        Work::by_gas(block, |position| transactions[position].gas_used).shaped(shape)
    }

    /// Whether nearly every transaction waits for another.
    pub(crate) fn is_serial(&self, threads: usize) -> bool {
        let (span, gas) = self.shape(self.schedule(threads));
        choice::is_serial(span, gas)
    }

    /// Gas on the longest path of a schedule, and of all transactions.
    fn shape(&self, schedule: &Schedule) -> (u64, u64) {
        let each = (0..schedule.len()).map(|at| schedule.priority(TxIndex::new(at)));
        (each.max().unwrap_or_default(), self.gas)
    }
}

/// Computes what precompiled contracts yield for what they were called with: each once, and
/// no more than a block can pay for. A record of rules or of calls that there cannot be ends
/// it.
fn results(record: &Record) -> Vec<PrecompileCall> {
    let Ok(spec) = SpecId::from_str(&record.block.fork) else { return Vec::new() };
    let precompiles = Precompiles::new(PrecompileSpecId::from_spec_id(spec));
    let calls = record.transactions.iter().flat_map(|tx| tx.observed.precompiled());
    let mut gas = record.block.gas_limit.min(RESULTS_GAS_MAX);
    let mut done: HashSet<&PrecompileInput> = HashSet::default();
    calls
        .filter(|call| done.insert(*call))
        .map_while(|PrecompileInput { address, input }| {
            let output = precompiles.get(address)?.execute(input, gas, 0).ok()?;
            gas = gas.checked_sub(output.gas_used).filter(|_| output.is_success())?;
            Some(PrecompileCall { address: *address, input: input.clone(), output })
        })
        .collect()
}

impl From<Record> for Rerun {
    fn from(record: Record) -> Self {
        Self::new(record)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::{Address, B256, Bytes};
    use foresee_access::AccessSet;
    use foresee_execute::{Basis, BlockIdentity, Observed, Run, Status, TransactionRecord};

    const ECRECOVER: u8 = 1;
    const PAIRING: u8 = 8;

    fn call(address: u8, input: impl Into<Bytes>) -> PrecompileInput {
        PrecompileInput { address: Address::with_last_byte(address), input: input.into() }
    }

    /// The contracts that yield something, in a record of transactions that called these.
    fn answered(fork: &str, gas_limit: u64, calls: &[&[PrecompileInput]]) -> Vec<Address> {
        let transactions = calls.iter().map(|calls| TransactionRecord {
            status: Status::Succeeded,
            gas_used: 0,
            observed: Observed::new(AccessSet::default(), calls.to_vec()),
            predicted: None,
        });
        let record = Record {
            block: BlockIdentity {
                chain_id: 1,
                number: 2,
                timestamp: 3,
                fork: fork.to_owned(),
                parent_hash: B256::ZERO,
                beneficiary: Address::ZERO,
                gas_limit,
                transactions: 4,
            },
            access_list_hash: B256::ZERO.into(),
            basis: Basis::default(),
            transactions: transactions.collect(),
            run: Run::default(),
        };
        Rerun::new(record).results().iter().map(|result| result.address).collect()
    }

    #[test]
    fn results_are_computed_for_no_more_than_a_block_can_pay() {
        let [one, two, three] = [1, 2, 3].map(|byte| call(ECRECOVER, vec![byte; 128]));
        let empty = call(PAIRING, Bytes::new());
        let all = [&[one.clone(), two][..], &[one, three.clone()], core::slice::from_ref(&empty)];
        let count = |gas_limit| answered("Osaka", gas_limit, &all).len();
        // Three recoveries of 3,000 gas, and 45,000 for no pairs (EIP-1108).
        assert_eq!([0, 2_999, 3_000, 8_999, 9_000].map(count), [0, 0, 1, 2, 3]);
        assert_eq!([53_999, 54_000, u64::MAX].map(count), [3, 4, 4]);
        // What modexp would take is known before (EIP-7883): more than any block can pay.
        let sizes = [[0; 31].as_slice(), &[1], &[0xff; 32], &[0; 31], &[1]].concat();
        assert_eq!(answered("Osaka", u64::MAX, &[&[call(5, sizes), three]]).len(), 0);
    }

    #[test]
    fn what_cannot_be_ends_it() {
        let good = call(PAIRING, Bytes::new());
        let many = |bad| answered("Osaka", u64::MAX, &[&[bad, good.clone()]]).len();
        assert_eq!(many(call(0xee, vec![1])), 0, "there is no such contract");
        assert_eq!(many(call(PAIRING, vec![1])), 0, "no number of pairs has this length");
        assert_eq!(answered("Nowhere", u64::MAX, &[core::slice::from_ref(&good)]).len(), 0);
        assert_eq!(answered("Frontier", u64::MAX, &[&[good]]).len(), 0, "not there yet");
    }
}
