//! Compiled programs are kept in a file from one run to the next; a file that holds none
//! is told of and replaced.

use crate::harness::{complaint, run, testdata};
use serde_json::Value;
use std::{ffi::OsStr, fs, path::Path, process::Output};
use tempfile::TempDir;

fn predict(cache: &Path) -> Output {
    let block = testdata("amm");
    let options = ["predict", "--format", "json", "--cache"].map(OsStr::new);
    run(options.into_iter().chain([cache.as_os_str(), block.as_os_str()]))
}

/// The answer of a run that succeeded, without the time it took.
fn answer(output: &Output) -> Value {
    assert_eq!(output.status.code(), Some(0));
    let mut answer: Value = serde_json::from_slice(&output.stdout).expect("a line of JSON");
    answer["elapsed_us"].take();
    answer
}

#[test]
fn programs_are_kept_and_whatever_else_is_in_the_file_is_replaced() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("programs");
    let first = predict(&file);
    assert_eq!(first.stderr, b"");
    let written = fs::read(&file).unwrap();
    let second = predict(&file);
    assert_eq!((answer(&second), &*second.stderr), (answer(&first), &b""[..]));
    let mut damaged = fs::read(&file).unwrap();
    *damaged.last_mut().unwrap() ^= 1;
    let mut newer = written.clone();
    newer[16] = 99;
    for bad in [&damaged[..], &newer, &written[..30], b"", b"something else"] {
        fs::write(&file, bad).unwrap();
        let output = predict(&file);
        assert_eq!(answer(&output), answer(&first));
        let errors = String::from_utf8(output.stderr).unwrap();
        assert_eq!(errors.lines().count(), 1, "{errors}");
        assert!(errors.ends_with("; they are compiled anew\n"), "{errors}");
        assert_eq!(fs::read(&file).unwrap(), written);
    }
}

#[test]
fn the_other_commands_keep_programs_too() {
    let folder = TempDir::new().unwrap();
    let block = testdata("amm");
    for command in ["replay", "evaluate"] {
        let file = folder.path().join(command);
        let args = [OsStr::new(command), OsStr::new("--cache"), file.as_os_str()];
        let args = args.into_iter().chain(["--runs", "1"].map(OsStr::new));
        for _ in 0..2 {
            let output = run(args.clone().chain([block.as_os_str()]));
            assert_eq!((output.status.code(), &*output.stderr), (Some(0), &b""[..]));
        }
        assert!(fs::metadata(&file).unwrap().len() > 1000);
    }
}

#[test]
fn what_is_no_file_is_refused() {
    let folder = TempDir::new().unwrap();
    let line = complaint(&predict(folder.path()), Some(folder.path()));
    assert!(line.starts_with("foresee: DIR: cache: cannot read: "), "{line}");
    // Before anything is done, not after all of it.
    let output = predict(&folder.path().join("missing/programs"));
    assert!(output.stdout.is_empty());
    insta::assert_snapshot!(complaint(&output, Some(folder.path())), @"foresee: DIR/missing/programs: cache: cannot read: No such file or directory (os error 2)");
    let line = complaint(&predict("-".as_ref()), None);
    insta::assert_snapshot!(line, @"foresee: --cache needs a file, not a stream");
}
