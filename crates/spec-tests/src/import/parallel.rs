//! Executing a block in parallel, which must yield all that in-order execution
//! does, error or not. Two errors are the same if they are of one kind: each
//! path words its own.

use super::execution::SpecBlock;
use crate::Failure;
use core::{convert::Infallible, mem::discriminant};
use foresee_access::Location;
use foresee_execute::{
    AccessList, BlockOutput, Divergence, ExecuteError, Observation, ParallelConfig,
    ParallelExecutor, Policy, Reports, observe,
};
use foresee_schedule::{DependencyDag, Node, Schedule};

thread_local! {
    /// Executors of this thread: cases run on several threads, and starting
    /// threads for each block would take longer than executing it.
    static EXECUTORS: [ParallelExecutor; 3] =
        [(1, Policy::Dataflow), (2, Policy::Layers), (8, Policy::Dataflow)].map(
            |(threads, policy)| {
                let config = ParallelConfig { threads, policy };
                ParallelExecutor::new(config).expect("threads can start").reporting(Reports { access_list: true, ..Reports::default() })
            },
        );
}

/// Executes a block in parallel, knowing nothing and knowing all dependencies,
/// and compares everything with the in-order run.
pub(super) fn compare(
    spec: &SpecBlock,
    in_order: &Result<(BlockOutput, AccessList), ExecuteError<Infallible>>,
) -> Result<(), Failure> {
    let mut schedules = vec![("independent", Schedule::independent(spec.block.transactions.len()))];
    if let Ok(observations) = observe(&spec.block, &spec.state) {
        schedules.push(("perfect", perfect(spec, &observations)));
    }
    EXECUTORS.with(|executors| {
        for (name, schedule) in &schedules {
            for executor in executors {
                let parallel = executor.execute(&spec.block, &spec.state, schedule);
                let difference = match (in_order, &parallel) {
                    (Ok((expected, _)), Ok(found)) if *expected != found.output => {
                        output_difference(expected, &found.output)
                    }
                    (Ok((_, expected)), Ok(found)) => found
                        .access_list
                        .as_ref()
                        .and_then(|list| Divergence::first(list, expected))
                        .map(|divergence| divergence.to_string()),
                    (Err(expected), Err(found))
                        if discriminant(expected) == discriminant(found) =>
                    {
                        None
                    }
                    (Err(expected), Err(found)) => Some(format!("{found} instead of {expected}")),
                    (Ok(_), Err(found)) => Some(format!("fails: {found}")),
                    (Err(expected), Ok(_)) => Some(format!("does not fail: {expected}")),
                };
                if let Some(difference) = difference {
                    let config = executor.config();
                    let place = format!("{name} schedule, {config:?}");
                    return Err(Failure::ParallelDiffers(format!("{place}: {difference}")));
                }
            }
        }
        Ok(())
    })
}

/// The first part of the output that differs.
fn output_difference(expected: &BlockOutput, found: &BlockOutput) -> Option<String> {
    let parts = [
        ("receipts", expected.receipts == found.receipts),
        ("invalid transactions", expected.invalid == found.invalid),
        ("requests", expected.requests == found.requests),
        ("gas used", expected.gas_used == found.gas_used),
        ("blob gas used", expected.blob_gas_used == found.blob_gas_used),
        ("state", expected.state == found.state),
    ];
    parts.iter().find(|(_, equal)| !equal).map(|(part, _)| format!("{part} differ"))
}

/// The schedule of the dependencies that there really are.
fn perfect(spec: &SpecBlock, observations: &[Observation]) -> Schedule {
    let earned = Location::balance(spec.block.env.beneficiary);
    let nodes: Vec<_> = observations
        .iter()
        .map(|observation| Node {
            access: &observation.access,
            gas: observation.gas_used,
            in_order: observation.access.ordering_reads().any(|read| *read == earned),
        })
        .collect();
    Schedule::from_dag(&DependencyDag::build(&nodes))
}
