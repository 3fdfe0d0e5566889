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

/// What the executions of a block go by.
enum Guide<'a> {
    Schedule(Box<Schedule>),
    AccessList(&'a AccessList),
}

/// Executes a block in parallel, knowing nothing, all dependencies, its access list, or
/// the list that came with it, which may be wrong, and compares everything with the in-order
/// run.
pub(super) fn compare(
    spec: &SpecBlock,
    came_with_it: Option<&AccessList>,
    in_order: &Result<(BlockOutput, AccessList), ExecuteError<Infallible>>,
) -> Result<(), Failure> {
    let independent = Schedule::independent(spec.block.transactions.len());
    let mut guides = vec![("independent schedule", Guide::Schedule(independent.into()))];
    if let Ok(observations) = observe(&spec.block, &spec.state) {
        guides.push(("perfect schedule", Guide::Schedule(perfect(spec, &observations).into())));
    }
    if let Ok((_, list)) = in_order {
        guides.push(("its list", Guide::AccessList(list)));
        let other = came_with_it.filter(|it| *it != list);
        guides.extend(other.map(|list| ("a wrong list", Guide::AccessList(list))));
    }
    EXECUTORS.with(|executors| {
        for (name, guide) in &guides {
            for executor in executors {
                let SpecBlock { block, state, .. } = spec;
                let parallel = match guide {
                    Guide::Schedule(schedule) => executor.execute(block, state, schedule),
                    Guide::AccessList(list) => executor.execute_listed(block, state, list),
                };
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
                    let place = format!("by {name}, {config:?}");
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
            in_order: observation.access.ordering_reads().any(|read| read == earned),
        })
        .collect();
    Schedule::from_dag(&DependencyDag::build(&nodes))
}
