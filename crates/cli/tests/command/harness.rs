//! Runs the command, and makes snapshots to run it on.

use flate2::read::GzDecoder;
use serde_json::Value;
use std::{
    fs::File,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};
use tempfile::TempDir;

/// The command.
pub(crate) fn foresee() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_foresee"));
    command.current_dir(root()).stdin(Stdio::null());
    command
}

/// The root of the repository, where the paths in help and README start.
pub(crate) fn root() -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "..", ".."].iter().collect()
}

/// A committed snapshot.
pub(crate) fn testdata(scenario: &str) -> PathBuf {
    root().join("testdata/blocks").join(format!("{scenario}.json.gz"))
}

/// Runs the command to its end.
pub(crate) fn run<S: AsRef<std::ffi::OsStr>>(args: impl IntoIterator<Item = S>) -> Output {
    foresee().args(args).output().expect("the command starts")
}

/// The output of a run that must succeed and complain of nothing.
pub(crate) fn succeed<S: AsRef<std::ffi::OsStr>>(args: impl IntoIterator<Item = S>) -> String {
    let output = run(args);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!((output.status.code(), &*errors), (Some(0), ""));
    String::from_utf8(output.stdout).expect("output is UTF-8")
}

/// An answer in JSON, without the time that it took.
pub(crate) fn answer(args: &[&str]) -> Value {
    let text = succeed(args.iter().chain(&["--format", "json"]));
    let mut answer: Value = serde_json::from_str(&text).expect("the answer is JSON");
    answer.as_object_mut().expect("it is an object").remove("elapsed_us");
    answer
}

/// The one line on standard error of a run that must fail with status 2. The path
/// of the folder is replaced, it differs from run to run.
pub(crate) fn complaint(output: &Output, folder: Option<&Path>) -> String {
    let errors = String::from_utf8(output.stderr.clone()).expect("errors are UTF-8");
    assert_eq!(output.status.code(), Some(2), "{errors}");
    assert_eq!(errors.lines().count(), 1, "{errors}");
    let line = errors.trim_end();
    folder.map_or(line.to_owned(), |folder| line.replace(&folder.display().to_string(), "DIR"))
}

/// A committed snapshot as JSON, to be changed and written elsewhere.
pub(crate) struct Snapshot {
    pub(crate) json: Value,
    folder: TempDir,
}

impl Snapshot {
    pub(crate) fn of(scenario: &str) -> Self {
        let file = File::open(testdata(scenario)).expect("testdata is there");
        let json = serde_json::from_reader(GzDecoder::new(file)).expect("testdata is JSON");
        Self { json, folder: TempDir::new().expect("a folder can be made") }
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Writes the snapshot as it is now.
    pub(crate) fn write(&self) -> PathBuf {
        self.write_bytes(self.json.to_string())
    }

    /// Writes something else instead.
    pub(crate) fn write_bytes(&self, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.folder.path().join("block.json");
        std::fs::write(&path, bytes).expect("the folder can be written");
        path
    }

    /// Predicts the block as it is now, which must fail. Columns are left out: they
    /// change whenever testdata is generated anew.
    pub(crate) fn complaint(&self) -> String {
        let path = self.write();
        let line = complaint(&run(["predict".as_ref(), path.as_os_str()]), Some(self.folder()));
        match line.split_once("column ") {
            Some((before, after)) => {
                let after = after.trim_start_matches(|digit: char| digit.is_ascii_digit());
                format!("{before}column N{after}")
            }
            None => line,
        }
    }
}
