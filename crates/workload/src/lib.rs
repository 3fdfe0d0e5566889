//! Seeded blocks from our own contracts, for tests, benches and demonstrations.
//!
//! [`generate`] makes a [`Snapshot`](foresee_source::Snapshot) of a [`Scenario`]:
//! contracts are created and people are given what they need in a set-up run on
//! revm, whose state becomes the prestate; then people draft transactions, which
//! get nonces, fees and types and are really signed; then the block is executed
//! in order once, so that its header carries true results. Equal arguments give
//! equal blocks on every machine.
//!
//! ```
//! use foresee_workload::{Scenario, generate};
//!
//! let snapshot = generate(Scenario::Mix, 20, 7)?;
//! assert_eq!(snapshot.block.transactions.len(), 20);
//! assert_eq!(generate("mix".parse()?, 20, 7)?, snapshot);
//! # Ok::<(), foresee_workload::GenerateError>(())
//! ```
//!
//! For tests of hand-written programs, [`assemble`] turns text into bytecode, and
//! a [`Program`] adds the state around it and the calls to try.

mod abi;
mod assemble;
mod contracts;
mod draft;
mod error;
mod generate;
mod part;
mod people;
mod program;
mod random;
mod scenario;
mod seal;
mod setting;
mod sign;
mod world;

pub use assemble::{AssembleError, AssembleFault, assemble};
pub use contracts::*;
pub use error::GenerateError;
pub use generate::{TXS_MAX, generate};
pub use program::{Program, ProgramAccount, ProgramCall};
pub use scenario::Scenario;
