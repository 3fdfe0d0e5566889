//! On a terminal: progress is drawn and taken away again, Ctrl-C ends the command
//! cleanly. The terminal is the one that `script` (util-linux) makes.

use crate::{
    fake_node::{Answer, FakeNode},
    harness::{Snapshot, root, testdata},
};
use std::{
    io::{Read, Write},
    process::{Child, Command, Stdio},
};
use tempfile::TempDir;

/// What clears a line.
const CLEAR: &str = "\u{1b}[2K";

/// Starts the command on a terminal of its own.
fn on_a_terminal(args: &[&str]) -> Child {
    let words = [&[env!("CARGO_BIN_EXE_foresee")], args].concat();
    let line: Vec<_> = words.iter().map(|word| format!("'{word}'")).collect();
    let mut command = Command::new("script");
    command.args(["--quiet", "--return", "--command", &line.join(" "), "/dev/null"]);
    command.current_dir(root()).env("TERM", "xterm").env("COLUMNS", "100");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("script is installed")
}

/// Status and everything that was drawn.
fn ended(mut child: Child) -> (Option<i32>, String) {
    let mut drawn = Vec::new();
    child.stdout.take().expect("it is piped").read_to_end(&mut drawn).unwrap();
    let status = child.wait().unwrap();
    (status.code(), String::from_utf8_lossy(&drawn).into_owned())
}

/// Whether what is left on the last line is nothing.
fn is_clear(drawn: &str) -> bool {
    let last = drawn.rsplit(CLEAR).next().unwrap_or_default();
    drawn.contains(CLEAR) && last.chars().all(|left| left.is_whitespace())
}

#[test]
fn progress_is_drawn_and_taken_away() {
    let folder = TempDir::new().unwrap();
    let out = folder.path().join("record.json");
    let block = testdata("mix").display().to_string();
    let out = out.display().to_string();
    for (args, said) in [
        (vec!["record", &block, "--out", &out], "executing"),
        (vec!["generate", "mix", "--txs", "300", "--seed", "1", "--out", &out], "300 transactions"),
    ] {
        let (status, drawn) = ended(on_a_terminal(&args));
        assert_eq!(status, Some(0), "{drawn}");
        assert!(drawn.contains(said) && drawn.contains("0/1"), "{args:?}: {drawn:?}");
        assert!(is_clear(&drawn), "{args:?}: {drawn:?}");
    }
}

#[test]
fn ctrl_c_ends_the_command_and_leaves_the_terminal_clean() {
    let node = FakeNode::start(Snapshot::of("chain"), |_| Answer::Never);
    let folder = TempDir::new().unwrap();
    let out = folder.path().join("blocks").display().to_string();
    let url = node.url();
    let args = ["fetch", "--rpc", &url, "--from", "1", "--to", "3", "--out", &out];
    let mut child = on_a_terminal(&args);
    // Wait until it waits for the node.
    while node.messages() == 0 {
        std::thread::yield_now();
    }
    // The terminal makes a signal of it.
    child.stdin.as_mut().expect("it is piped").write_all(b"\x03").unwrap();
    let (status, drawn) = ended(child);
    assert_eq!(status, Some(130), "{drawn:?}");
    assert!(drawn.contains("0/3"), "{drawn:?}");
    assert!(is_clear(&drawn.replace("^C", "")), "{drawn:?}");
    assert_eq!(std::fs::read_dir(&out).unwrap().count(), 0);
}
