//! Reading what a block needs in rounds, instead of value by value.
//!
//! Every transaction is predicted alone until it lacks a value. What all of them lack
//! is read together, in batches, and those that lacked something go on from where they
//! stopped. So a block waits for as many answers as the longest chain of reads in one
//! transaction, not for as many as there are reads. What a transaction reads only
//! because of an earlier one in the block shows later, when they are predicted in
//! order.

use alloy_primitives::{Address, B256, U256};
use core::convert::Infallible;
use foresee_execute::Block;
use foresee_predict::{
    BlockPredictor, Lookup, PredictOptions, ProgramCache, Progress, StateView, Want,
};
use foresee_source::{
    RpcError,
    rpc::{RpcState, StateRead},
};
use revm::state::{AccountInfo, Bytecode};
use std::collections::BTreeSet;

/// After so many rounds whatever is left is read one by one.
const ROUNDS_MAX: usize = 1_000;

/// What has been read of a state so far.
struct AtHand<'a>(&'a RpcState);

fn lookup<T>(held: Option<T>) -> Result<Lookup<T>, Infallible> {
    Ok(held.map_or(Lookup::Missing, Lookup::Ready))
}

impl StateView for AtHand<'_> {
    type Error = Infallible;

    fn account(&self, address: Address) -> Result<Lookup<Option<AccountInfo>>, Infallible> {
        lookup(self.0.held_account(address))
    }

    fn storage(&self, address: Address, slot: U256) -> Result<Lookup<U256>, Infallible> {
        lookup(self.0.held_slot(address, slot))
    }

    fn code(&self, hash: B256) -> Result<Lookup<Bytecode>, Infallible> {
        // Code comes with its account.
        Ok(Lookup::Ready(self.0.held_code(hash).unwrap_or_default()))
    }

    fn block_hash(&self, number: u64) -> Result<Lookup<B256>, Infallible> {
        lookup(self.0.held_block_hash(number))
    }
}

/// Reads what the transactions of a block look at, each alone on the pre-block state.
/// Says when a round begins, and yields how many there were.
///
/// # Errors
///
/// If the node fails.
pub(super) fn read(
    block: &Block,
    state: &RpcState,
    cache: &ProgramCache,
    mut say: impl FnMut(usize),
) -> Result<usize, RpcError> {
    let options = PredictOptions::default();
    let mut suspended: Vec<_> = block
        .transactions
        .iter()
        .map(|tx| {
            let view = AtHand(state);
            (tx, BlockPredictor::new(cache, &block.cfg, &block.env, view, options), false)
        })
        .collect();
    for round in 1..=ROUNDS_MAX {
        let mut wanted = BTreeSet::new();
        suspended.retain_mut(|(tx, predictor, begun)| {
            let Ok(progress) = match core::mem::replace(begun, true) {
                false => predictor.begin(tx),
                true => predictor.resume(),
            };
            match progress {
                Progress::Suspended(want) => {
                    wanted.extend(read_for(want));
                    true
                }
                Progress::Done(_) => false,
            }
        });
        if wanted.is_empty() {
            return Ok(round - 1);
        }
        say(round);
        state.fetch(&wanted)?;
    }
    Ok(ROUNDS_MAX)
}

/// The read that yields a value.
const fn read_for(want: Want) -> Option<StateRead> {
    match want {
        Want::Account(address) => Some(StateRead::Account(address)),
        Want::Slot(address, slot) => Some(StateRead::Slot(address, slot)),
        Want::BlockHash(number) => Some(StateRead::BlockHash(number)),
        Want::Code(_) | Want::Precompile(_) => None,
    }
}
