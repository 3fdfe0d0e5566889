//! Block execution on revm: in order, and in parallel over a schedule; with access
//! lists and records of what was executed.

mod access_list;
mod block;
mod cancel;
mod in_order;
mod observe;
mod parallel;
mod prefetch;
mod record;
mod reports;
mod source;
mod sync;
mod whole_state;

pub use access_list::{
    AccessList, AccessListFault, AccessListRules, Divergence, Entry, read_access_list,
    verify_access_list,
};
pub use block::{Block, BlockOutput, ExecuteError, InvalidReason, InvalidTransaction, Protocol};
pub use cancel::CancelToken;
pub use in_order::{ExecutionTime, execute_in_order, time_in_order, time_transactions};
pub use observe::{Observation, Observed, PrecompileInput, observe, true_dag};
pub use parallel::{
    Activity, INCARNATIONS_MAX, Known, LaneStart, LastLane, Pace, ParallelConfig, ParallelExecutor,
    ParallelOutcome, ParallelStats, Policy, PreBlock, PrecompileResults, Reason, Reexecution, Task,
    pays_ahead,
};
pub use prefetch::Prefetched;
pub use record::{
    AccessListHash, Basis, BlockIdentity, Cause, Dependencies, Forecast, Incarnation,
    RECORD_VERSION, Record, RecordError, Run, Status, Stint, TransactionRecord,
};
pub use reports::{InOrderOutcome, Reports, execute_in_order_reporting};
pub use source::{
    Desk, Fetched, READERS, ReadStats, Readers, ReadersOver, Request, Standing, StateKey,
    StateSource, StateValue, Tray, Waited, reads_after, reads_before, reads_of,
};
pub use whole_state::{apply_changes, state_root};
