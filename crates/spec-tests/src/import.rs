//! The import of one block, step by step: decoding, header, ommers, body,
//! execution, results.

pub(crate) mod body;
pub(crate) mod execution;
pub(crate) mod header;
pub(crate) mod ommers;
mod parallel;
pub(crate) mod rejection;
