//! The archives of tests, unpacked once and read from there.

use crate::Case;
use lzma_rust2::XzReader;
use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::BufReader,
    path::{Path, PathBuf},
    sync::atomic::{AtomicUsize, Ordering},
};

/// Unpacks `spec-tests/NAME.tar.xz` of the data folder into a folder of its own
/// under `into`, unless that has been done, and returns that folder.
///
/// # Panics
///
/// If the archive is missing or damaged; without it there is nothing to test.
pub fn unpack(data: &Path, name: &str, into: &Path) -> PathBuf {
    let archive = data.join("spec-tests").join(name).with_added_extension("tar.xz");
    let length = fs::metadata(&archive)
        .unwrap_or_else(|error| panic!("{}: {error}", archive.display()))
        .len();
    let folder = into.join(format!("{name}-{length}"));
    if folder.exists() {
        return folder;
    }
    // Tests run at the same time: whoever renames first wins, the others find
    // the same files.
    let unfinished = into.join(format!("{name}-{length}.{}", std::process::id()));
    let file = BufReader::new(File::open(&archive).expect("the archive was there"));
    tar::Archive::new(XzReader::new(file, true))
        .unpack(&unfinished)
        .unwrap_or_else(|error| panic!("{}: {error}", archive.display()));
    if fs::rename(&unfinished, &folder).is_err() {
        assert!(folder.exists(), "{} cannot be renamed", unfinished.display());
        fs::remove_dir_all(&unfinished).expect("our own folder can be removed");
    }
    folder
}

/// Does something with every case in a folder and below, on as many threads as
/// the machine has, and returns what came of them in the order of files and names.
///
/// The threads are not rayon's: a rayon thread that waits for an executor's
/// helpers takes up the next case meanwhile, and the next within that, until its
/// stack is full.
///
/// # Panics
///
/// If a file is not a file of cases, or `action` panics.
pub fn for_each_case<T: Send>(
    folder: &Path,
    action: impl Fn(&str, Case) -> T + Sync,
) -> Vec<(String, T)> {
    let files = files(folder);
    let next = AtomicUsize::new(0);
    let work = || {
        let mut done = Vec::new();
        while let Some(path) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
            for (name, case) in cases(path) {
                let outcome = action(&name, case);
                done.push((path, name, outcome));
            }
        }
        done
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let mut done = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        workers.into_iter().flat_map(|worker| worker.join().expect("an action")).collect::<Vec<_>>()
    });
    done.sort_by(|(a_file, a, _), (b_file, b, _)| (a_file, a).cmp(&(b_file, b)));
    done.into_iter().map(|(_, name, outcome)| (name, outcome)).collect()
}

/// The JSON files in a folder and below, sorted.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("an unpacked folder can be read") {
            let path = entry.expect("an unpacked folder can be read").path();
            match path.extension() {
                _ if path.is_dir() => folders.push(path),
                Some(extension) if extension == "json" => found.push(path),
                _ => {}
            }
        }
    }
    found.sort();
    found
}

/// The cases in a file, by name.
fn cases(path: &Path) -> BTreeMap<String, Case> {
    let text = fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_slice(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
