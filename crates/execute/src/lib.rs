//! Block execution on revm: in order, and in parallel over a schedule.

mod block;
mod in_order;
mod observe;
mod parallel;
mod whole_state;

pub use block::{Block, BlockOutput, ExecuteError, InvalidReason, InvalidTransaction, Protocol};
pub use in_order::{execute_in_order, execute_in_order_timing_precompiles};
pub use observe::{Observation, execute_in_order_observing, observe};
pub use parallel::{
    ParallelConfig, ParallelExecutor, ParallelOutcome, ParallelStats, Policy, PreBlock, Reason,
    Reexecution,
};
pub use whole_state::{apply_changes, state_root};
