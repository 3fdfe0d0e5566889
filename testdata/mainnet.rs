//! The mainnet blocks that are no part of the repository, for the tests of all crates.

use foresee_source::{LoadedBlock, Snapshot};
use std::{fs, path::PathBuf};

/// Each with the name of its file, in the order of these.
pub(crate) fn blocks() -> impl Iterator<Item = (String, LoadedBlock)> {
    let data = std::env::var_os("FORESEE_DATA").expect("FORESEE_DATA names the data folder");
    let folder = PathBuf::from(data).join("mainnet");
    let files = fs::read_dir(&folder).expect("FORESEE_DATA holds a folder of mainnet blocks");
    let mut paths: Vec<_> = files.map(|file| file.unwrap().path()).collect();
    paths.sort();
    assert!(paths.len() >= 41, "{} holds {} blocks", folder.display(), paths.len());
    paths.into_iter().map(|path| {
        let loaded = Snapshot::open(&path).unwrap().into_block().unwrap();
        (path.display().to_string(), loaded)
    })
}
