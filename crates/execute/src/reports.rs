//! What an execution reports beside its output, on request.

use crate::{AccessList, Block, BlockOutput, ExecuteError, Observed, in_order, observe};
use revm::DatabaseRef;

/// What an execution is to report beside its output. Each costs time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reports {
    /// What each transaction read and wrote.
    pub observed: bool,
    /// The block access list
    /// ([EIP-7928](https://eips.ethereum.org/EIPS/eip-7928)).
    pub access_list: bool,
    /// What each thread did when, of a parallel execution.
    pub timeline: bool,
}

/// A block executed in order, with what was asked for.
#[derive(Clone, Debug)]
pub struct InOrderOutcome {
    /// What [`execute_in_order`](crate::execute_in_order) yields.
    pub output: BlockOutput,
    /// What each transaction read and wrote, in block order and empty if it was not
    /// included; nothing unless asked for.
    pub observed: Vec<Observed>,
    /// The block access list, if asked for.
    pub access_list: Option<AccessList>,
}

/// Executes a block in order and reports more of it than its output.
///
/// # Errors
///
/// Those of [`execute_in_order`](crate::execute_in_order).
pub fn execute_in_order_reporting<DB: DatabaseRef>(
    block: &Block,
    db: &DB,
    reports: Reports,
) -> Result<InOrderOutcome, ExecuteError<DB::Error>> {
    match reports.observed {
        true => observe::execute(block, db, reports).map(|(outcome, _)| outcome),
        false => in_order::execute(block, db, reports),
    }
}
