//! Blocks from snapshot files and standard input.

use crate::failure::Failure;
use foresee_source::{LoadedBlock, Snapshot, SourceError};
use std::{io, path::Path};

/// A block and the name of the file it came from.
#[derive(Debug)]
pub(crate) struct Input {
    /// The file, `-` for standard input.
    pub(crate) origin: String,
    pub(crate) loaded: LoadedBlock,
}

impl Input {
    /// Reads a snapshot file, or standard input if the path is `-`.
    pub(crate) fn open(path: &Path) -> Result<Self, Failure> {
        let origin = path.display().to_string();
        let snapshot = if is_stream(path) {
            Snapshot::read(io::stdin().lock(), &origin)?
        } else {
            Snapshot::open(path)?
        };
        match snapshot.into_block() {
            Ok(loaded) => Ok(Self { origin, loaded }),
            Err(fault) => Err(SourceError { origin, fault }.into()),
        }
    }
}

/// Whether a path stands for standard input or output.
pub(crate) fn is_stream(path: &Path) -> bool {
    path.as_os_str() == "-"
}

impl Input {
    /// Why this block cannot be worked on.
    pub(crate) fn failure(&self, place: &str, reason: impl ToString) -> Failure {
        Failure::block(&self.origin, format!("block {}, {place}", self.loaded.number), reason)
    }
}
