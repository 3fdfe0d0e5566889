//! From access sets to a dependency DAG, and from the DAG to a schedule.
//!
//! [`DependencyDag::build`] takes one [`Node`] per transaction, in block order,
//! and draws an edge wherever a transaction reads what an earlier one writes. The
//! DAG answers what a person wants to know of a block: its layers, groups,
//! critical path, and how fast it could run on so many cores. [`Schedule`] is the
//! part of it that an executor needs.
//!
//! Nothing here knows an EVM, a clock or a thread; equal input gives equal output.
//! An edge is advice: it decides when a transaction is tried, never whether its
//! result is right. An executor validates what it ran, whatever the DAG says.
//!
//! ```
//! use alloy_primitives::{Address, U256};
//! use foresee_access::{AccessSet, Location, TxIndex};
//! use foresee_schedule::{DependencyDag, Node, Schedule};
//!
//! let slot = Location::slot(Address::with_last_byte(1), U256::from(7));
//! let set = AccessSet::new([slot], [slot], []);
//! let node = Node { access: &set, gas: 21_000, in_order: false };
//! let dag = DependencyDag::build(&[node, node]);
//! assert_eq!(dag.layers().len(), 2);
//! assert_eq!(dag.makespan(2), 42_000);
//! assert_eq!(Schedule::from_dag(&dag).predecessor_count(TxIndex(1)), 1);
//! ```

mod dag;
mod early;
mod export;
mod filter;
mod makespan;
mod paths;
mod prepared;
mod schedule;
mod simulate;
mod structure;
mod walk;
mod writers;

pub use dag::{Additions, Dependency, DependencyDag, Edge, Node, REASONS_MAX, TransactionNode};
pub use early::EARLY_REASONS_MAX;
pub use export::{View, dot, mermaid};
pub use makespan::{CORES, Slot, Timeline};
pub use prepared::Prepared;
pub use schedule::Schedule;
pub use simulate::{Measured, Scheduling, Simulated};
pub use structure::{CriticalPath, Speedups, Structure};
