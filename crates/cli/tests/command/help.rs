//! The examples in the help and in the README run as they stand.

use crate::harness::{root, succeed};
use std::{path::Path, process::Command};
use tempfile::TempDir;

/// Runs a command line under a shell, in a folder where `testdata` is.
#[cfg(unix)]
fn shell(line: &str, folder: &Path) {
    let binary = Path::new(env!("CARGO_BIN_EXE_foresee"));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let before = [binary.parent().unwrap().to_owned()];
    let path = std::env::join_paths(before.into_iter().chain(std::env::split_paths(&path)));
    let output = Command::new("sh")
        .args(["-c", line])
        .current_dir(folder)
        .env("PATH", path.unwrap())
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!((output.status.code(), &*errors), (Some(0), ""), "{line}");
}

#[cfg(unix)]
fn folder() -> TempDir {
    let folder = TempDir::new().unwrap();
    let testdata = root().canonicalize().unwrap().join("testdata");
    std::os::unix::fs::symlink(testdata, folder.path().join("testdata")).unwrap();
    folder
}

#[cfg(unix)]
#[test]
fn examples_in_the_help_run() {
    let folder = folder();
    for command in ["predict", "replay", "evaluate", "record", "generate", "completions", "man"] {
        let help = succeed([command, "--help"]);
        let (_, examples) = help.split_once("Example:\n").expect("every command has an example");
        for line in examples.lines() {
            // What the output is piped into need not be installed.
            let (example, _) = line.split_once('|').unwrap_or((line, ""));
            shell(example, folder.path());
        }
    }
}

#[cfg(unix)]
#[test]
fn commands_in_the_readme_run() {
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    let commands: Vec<_> = readme
        .lines()
        .filter_map(|line| line.strip_prefix("cargo run --release -- "))
        .map(|line| line.split_once('#').map_or(line, |(command, _)| command))
        .collect();
    assert!(commands.len() >= 4, "{commands:?}");
    let folder = folder();
    for command in commands {
        shell(&format!("foresee {command}"), folder.path());
    }
}

#[test]
fn what_is_not_there_yet_is_not_offered() {
    let help = succeed(["--help"]);
    let offered = ["predict", "replay", "evaluate", "record", "fetch", "generate"];
    assert!(offered.iter().all(|command| help.contains(command)));
}

#[test]
fn manual_pages_and_completions_name_the_options() {
    let page = succeed(["man", "predict"]);
    assert!(page.contains("foresee") && page.contains("rpc"), "{page}");
    assert!(succeed(["man"]).contains("evaluate"));
    for shell in ["bash", "zsh", "fish"] {
        assert!(succeed(["completions", shell]).contains("no-state"), "{shell}");
    }
}

/// The picture in the README is what the command beside it draws.
#[test]
fn the_picture_in_the_readme_is_up_to_date() {
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    assert!(readme.contains("predict testdata/blocks/mix.json.gz --format svg --out mix.svg"));
    assert!(readme.contains("(docs/mix.svg)"));
    let drawn = succeed(["predict", "testdata/blocks/mix.json.gz", "--format", "svg"]);
    let committed = std::fs::read_to_string(root().join("docs/mix.svg")).unwrap();
    assert!(drawn == committed, "draw docs/mix.svg again");
}
