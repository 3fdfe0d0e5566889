//! Access sets from bytecode, before execution.
//!
//! A [`BlockPredictor`] tells, transaction by transaction in block order, which
//! accounts and storage slots each will read and write and how much gas it will
//! burn. It never executes a transaction on an EVM: bytecode is compiled, block by
//! block and once per code hash, into register code from which the stack is gone
//! ([`ProgramCache`] keeps it across blocks), and this is instantiated with a
//! transaction's calldata over the pre-block state and the predicted writes of the
//! transactions before it.
//!
//! A prediction cannot fail. What it could not find out it names
//! ([`Prediction::unknown`]); only a failing state is an error. Where a value is not
//! at hand, prediction is suspended and can be resumed ([`Progress`]).
//!
//! The pipeline, file by file: `program` finds where blocks start, `compile` makes
//! register code (`instruction`), `machine` runs it over the `world`, `predictor`
//! adds what surrounds a transaction, `label` explains slots.

mod cache;
mod compile;
mod instruction;
mod label;
mod machine;
mod prediction;
mod predictor;
mod program;
mod rules;
mod slice;
mod state;
mod unknown;
mod world;

pub use cache::ProgramCache;
pub use machine::PrecompileCall;
pub use prediction::Prediction;
pub use predictor::{Ahead, BlockPredictor, PredictOptions, Progress};
pub use state::{Complete, Lookup, StateView, Want, WithoutStorage};
pub use unknown::Unknown;
