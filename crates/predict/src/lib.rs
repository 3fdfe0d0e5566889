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
//! There are two tiers. *Blocks* are compiled from bytecode, each when it is first
//! entered, and are right for any path. *Slices* are made of the paths that frames of
//! one code and selector take often: what does not feed an access, a guard or a result
//! is gone from them. Where a guard fails, the frame goes back to blocks. Slices grow
//! between transactions and when a predictor is dropped ([`Learning`]). A frame that has
//! run longer than any slice goes on in *chains*, blocks along the likeliest way compiled
//! as one; where no slice is to be expected, it starts in them.
//!
//! Without storage an [`Outliner`] tells what a transaction accesses for certain, what it may
//! access, and what depends on storage and how.
//!
//! The pipeline, file by file: `program` finds where blocks start, `compile` makes
//! register code (`instruction`), `slice` the second tier, `machine` runs both over
//! the `world`, `predictor` adds what surrounds a transaction, `label` explains slots.

mod cache;
mod compile;
mod dependencies;
mod instruction;
mod label;
mod machine;
mod origins;
mod outline;
mod prediction;
mod predictor;
mod program;
mod rules;
mod slice;
mod state;
mod unknown;
mod world;

pub use cache::{CacheError, ProgramCache};
pub use dependencies::Dependencies;
pub use machine::{Frames, Instructions, PrecompileCall};
pub use outline::{Outline, Outliner, SymbolicAccess, SymbolicField};
pub use prediction::Prediction;
pub use predictor::{
    Ahead, BlockPredictor, Learning, Meeting, PredictOptions, Progress, TakenOver,
};
pub use state::{Complete, Lookup, StateView, Want, WithoutStorage};
pub use unknown::Unknown;
