//! Compiled programs in a file, from one run to the next.

use crate::{
    args::Kept, failure::Failure, input::is_stream, output::complain, snapshot_file::write_whole,
};
use foresee_predict::ProgramCache;
use std::{fs, io::ErrorKind, path::Path};

impl Kept {
    /// Fills the cache with the programs that an earlier run has left. A file that holds
    /// none is told on standard error, and no obstacle: it will be replaced.
    pub(crate) fn load(&self, cache: &ProgramCache) -> Result<(), Failure> {
        let Some(file) = self.cache.as_deref() else { return Ok(()) };
        if is_stream(file) {
            return Err(Failure::Usage("--cache needs a file, not a stream".to_owned()));
        }
        let bytes = match fs::read(file) {
            Ok(bytes) => bytes,
            // One is made at the end; that it cannot be is told at the beginning.
            Err(error) if error.kind() == ErrorKind::NotFound && folder(file).is_dir() => {
                return Ok(());
            }
            Err(error) => return Err(failure(file, format!("cannot read: {error}"))),
        };
        if let Err(error) = cache.load(&bytes) {
            complain(&failure(file, format!("{error}; they are compiled anew")));
        }
        Ok(())
    }

    /// Leaves the programs for the next run.
    pub(crate) fn save(&self, cache: &ProgramCache) -> Result<(), Failure> {
        let Some(file) = self.cache.as_deref() else { return Ok(()) };
        write_whole(&cache.to_bytes(), file)
    }
}

/// The folder of a file.
fn folder(file: &Path) -> &Path {
    match file.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

fn failure(file: &Path, reason: String) -> Failure {
    Failure::block(&file.display().to_string(), "cache", reason)
}
