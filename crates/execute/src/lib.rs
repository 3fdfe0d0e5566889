//! Block execution on revm: in order, and in parallel over a schedule.

mod block;

pub use block::{
    Block, BlockOutput, ExecuteError, InvalidReason, InvalidTransaction, Protocol,
};
