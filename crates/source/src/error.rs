//! What is wrong with a block's source, told in one line.

use core::fmt;
use std::{io, path::Path};

/// Why a block could not be had from a source: where it was read from, the
/// place in it, and the reason, displayed on one line whatever they contain.
#[derive(Debug)]
pub struct SourceError {
    /// The file, or `-` for a stream.
    pub origin: String,
    /// Where in it, and why.
    pub fault: Fault,
}

/// A place in a source and what is wrong there.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The file cannot be opened.
    #[error("cannot open: {0}")]
    Open(io::Error),
    /// The data cannot be read or decompressed.
    #[error("cannot read: {0}")]
    Read(io::Error),
    /// There is no data at all.
    #[error("empty")]
    Empty,
    /// The data, decompressed, is longer than any snapshot.
    #[error("longer than {limit} bytes")]
    TooLong {
        /// The limit in bytes.
        limit: u64,
    },
    /// The data is not JSON, or not the JSON of a snapshot.
    #[error("line {line} column {column}: {reason}")]
    Json {
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
        /// What is wrong there.
        reason: String,
    },
    /// A field has a value that makes no sense.
    #[error("{field}: {reason}")]
    Field {
        /// Path of the field, such as `block.transactions[3].gas`.
        field: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The snapshot cannot be written.
    #[error("cannot write: {0}")]
    Write(io::Error),
}

impl SourceError {
    pub(crate) fn at(path: &Path, fault: Fault) -> Self {
        Self { origin: path.display().to_string(), fault }
    }
}

impl Fault {
    pub(crate) fn field(field: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::Field { field: field.into(), reason: reason.into() }
    }

    /// Puts the name of an outer field before the name of the field.
    pub(crate) fn within(self, outer: &str) -> Self {
        match self {
            Self::Field { field, reason } => {
                Self::Field { field: format!("{outer}.{field}"), reason }
            }
            other => other,
        }
    }

    /// Tells a failure to read from a failure to understand what was read.
    pub(crate) fn json(error: serde_json::Error) -> Self {
        if error.is_io() {
            let error = io::Error::from(error);
            return match error.get_ref().and_then(|e| e.downcast_ref::<TooLong>()) {
                Some(TooLong(limit)) => Self::TooLong { limit: *limit },
                None => Self::Read(error),
            };
        }
        let (line, column) = (error.line(), error.column());
        let text = error.to_string();
        let place = format!(" at line {line} column {column}");
        let reason = text.strip_suffix(&place).unwrap_or(&text).to_owned();
        Self::Json { line, column, reason }
    }
}

impl fmt::Display for SourceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = format!("{}: {}", self.origin, self.fault);
        for character in text.chars() {
            match character.is_control() {
                true => write!(f, "{}", character.escape_default())?,
                false => write!(f, "{character}")?,
            }
        }
        Ok(())
    }
}

impl core::error::Error for SourceError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        self.fault.source()
    }
}

/// The limit that a reader was stopped by, carried through its `io::Error`.
#[derive(Debug, thiserror::Error)]
#[error("longer than {0} bytes")]
pub(crate) struct TooLong(pub(crate) u64);
