//! What each transaction of a block really reads and writes, found by executing
//! the block in order under an inspector.
//!
//! This is the truth that predictions are scored against. Storage follows
//! [EIP-7928](https://eips.ethereum.org/EIPS/eip-7928): what revm loads into its
//! journal is accessed, reverted or not, and what a gas check kept it from
//! loading is not. The journal cannot tell why an account was loaded, so the
//! [`inspector`] notes which of its fields the code looked at.

mod inspector;
mod observed;
mod precompiled;
pub(crate) mod sets;
pub(crate) mod witness;

use crate::{
    Block, ExecuteError, InOrderOutcome, InvalidReason, Reports,
    in_order::{
        admission::Included,
        build_evm, build_list, fatal, finish,
        protocol::{SystemCalls, before_transactions},
        set_index, take_list,
    },
};
use foresee_access::{AccessSet, Location};
use foresee_schedule::{DependencyDag, Node};
use precompiled::NotedPrecompiles;
use revm::{DatabaseCommit, DatabaseRef, InspectEvm, context::result::EVMError};
use witness::Witness;

pub use observed::Observed;
pub use precompiled::PrecompileInput;

/// What one transaction did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Observation {
    /// What it read and wrote; empty if it was not included.
    pub access: AccessSet,
    /// What it called precompiled contracts with, as far as that took long: sorted, each once.
    pub precompiled: Vec<PrecompileInput>,
    /// Whether the block could include it.
    pub included: bool,
    /// Gas it used.
    pub gas_used: u64,
    /// Whether it succeeded.
    pub success: bool,
}

/// Executes a block in order and observes each of its transactions, one
/// [`Observation`] for each in block order.
///
/// # Errors
///
/// Those of [`execute_in_order`](crate::execute_in_order).
pub fn observe<DB: DatabaseRef>(
    block: &Block,
    db: &DB,
) -> Result<Vec<Observation>, ExecuteError<DB::Error>> {
    execute(block, db, Reports::default()).map(|(_, observations)| observations)
}

/// The dependencies that there really are between the transactions of a block. One that
/// looks at the balance that every transaction pays its fee into comes after all earlier
/// ones.
pub fn true_dag(block: &Block, observations: &[Observation]) -> DependencyDag {
    let fees = Location::balance(block.env.beneficiary);
    let nodes: Vec<_> = observations
        .iter()
        .map(|Observation { access, gas_used, .. }| Node {
            access,
            gas: *gas_used,
            in_order: access.orders_by(&fees),
        })
        .collect();
    DependencyDag::build(&nodes)
}

/// Executes a block in order under the inspector, without a clock: its outcome, and
/// the observations, which hold more than the sets in the outcome.
pub(crate) fn execute<DB: DatabaseRef>(
    block: &Block,
    db: &DB,
    reports: Reports,
) -> Result<(InOrderOutcome, Vec<Observation>), ExecuteError<DB::Error>> {
    let calls = SystemCalls::new(block);
    let precompiles = NotedPrecompiles::new(block.cfg.spec);
    let mut evm = build_evm(block, &calls, db, Witness::default(), precompiles);
    build_list(&mut evm, reports);
    before_transactions(block, &calls, &mut evm)?;
    let mut included = Included::new(block);
    let mut observations = Vec::with_capacity(block.transactions.len());
    for (position, tx) in block.transactions.iter().enumerate() {
        if let Err(reason) = included.admit(tx) {
            included.reject(position, reason);
            observations.push(Observation::default());
            continue;
        }
        set_index(&mut evm, &included);
        let outcome = evm.inspect_tx(tx);
        let mut witness = core::mem::take(&mut evm.inspector);
        witness.precompiled = core::mem::take(&mut evm.precompiles.noted);
        match outcome {
            Ok(mut outcome) => {
                let gas_used = outcome.result.tx_gas_used();
                let state = &mut outcome.state;
                let observed = sets::observed(block, tx, gas_used, &witness, state);
                let precompiled = observed.precompiled().to_vec();
                observations.push(Observation {
                    access: observed.into_set(),
                    precompiled,
                    included: true,
                    gas_used,
                    success: outcome.result.is_success(),
                });
                evm.ctx.journaled_state.database.commit(outcome.state);
                included.accept(tx, outcome.result);
            }
            Err(EVMError::Transaction(reason)) => {
                included.reject(position, InvalidReason::Transaction(reason));
                observations.push(Observation::default());
            }
            Err(error) => return Err(fatal::<DB>(error)),
        }
    }
    let output = finish(block, &calls, &mut evm, included)?;
    let observed = observations.iter().map(Observed::from).collect();
    let outcome = InOrderOutcome { output, observed, access_list: take_list(&mut evm) };
    Ok((outcome, observations))
}
