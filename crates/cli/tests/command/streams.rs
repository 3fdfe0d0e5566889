//! Standard input and output: `-`, files, gzip, and a reader that goes away.

use crate::harness::{foresee, run, succeed, testdata};
use std::{
    fs::File,
    io::{BufRead, BufReader},
    process::Stdio,
};
use tempfile::TempDir;

#[test]
fn a_dash_is_standard_input() {
    let path = testdata("chain");
    let from_file = succeed(["predict".as_ref(), path.as_os_str()]);
    let output =
        foresee().args(["predict", "-"]).stdin(File::open(&path).unwrap()).output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(String::from_utf8(output.stdout).unwrap(), from_file);
}

#[test]
fn nothing_on_standard_input_is_bad_input() {
    let output = run(["predict", "-"]);
    insta::assert_snapshot!(crate::harness::complaint(&output, None), @"foresee: -: empty");
}

#[test]
fn standard_input_is_there_once() {
    let output = run(["predict", "-", "-"]);
    insta::assert_snapshot!(crate::harness::complaint(&output, None), @"foresee: standard input can be read once, - is there twice");
}

#[test]
fn out_names_a_file() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("graph.dot");
    let path = testdata("chain");
    let predict = ["predict".as_ref(), path.as_os_str(), "--format".as_ref(), "dot".as_ref()];
    let printed = succeed(predict);
    assert_eq!(succeed(predict.into_iter().chain(["--out".as_ref(), file.as_os_str()])), "");
    assert_eq!(std::fs::read_to_string(file).unwrap(), printed);
}

#[test]
fn generated_blocks_are_equal_and_verify() {
    let folder = TempDir::new().unwrap();
    let files = ["a.json.gz", "b.json.gz", "c.json"].map(|name| folder.path().join(name));
    for file in &files {
        let args = ["generate", "erc20-hot", "--txs", "20", "--seed", "3", "--out"];
        assert_eq!(succeed(args.map(AsRef::as_ref).into_iter().chain([file.as_os_str()])), "");
    }
    let bytes = files.each_ref().map(|file| std::fs::read(file).unwrap());
    assert_eq!(bytes[0], bytes[1]);
    assert_eq!((&bytes[0][..2], bytes[2][0]), (&[0x1f, 0x8b][..], b'{'));
    let printed = succeed(["generate", "erc20-hot", "--txs", "20", "--seed", "3", "--out", "-"]);
    assert_eq!(printed.as_bytes(), bytes[2]);
    let equal = succeed(["replay".as_ref(), files[0].as_os_str(), files[2].as_os_str()]);
    assert!(equal.contains("equal") && !equal.contains("DIFFERS"), "{equal}");
}

/// Whoever reads only the first line does not make the command complain.
#[test]
fn a_closed_pipe_is_no_error() {
    let path = testdata("mix");
    let mut command = foresee();
    command.args(["predict", "--format", "json"]).args([&path; 8]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut first = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut first).unwrap();
    assert!(first.starts_with('{'));
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
}

/// Nor does it panic where nobody reads what it has to complain of.
#[test]
fn a_closed_pipe_for_complaints_is_no_panic() {
    let mut command = foresee();
    command.args(["predict", "missing.json"]).stderr(Stdio::piped());
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    drop(child.stderr.take());
    assert_eq!(child.wait().unwrap().code(), Some(2));
}

/// Files are there whole or not at all.
#[test]
fn a_failed_run_writes_no_file() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("page.html");
    let out = ["--format", "html", "--out", file.to_str().unwrap()];
    let output = run(["predict", "missing.json"].into_iter().chain(out));
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

/// What is no file is written to, not replaced.
#[cfg(unix)]
#[test]
fn a_link_stays_a_link() {
    let folder = TempDir::new().unwrap();
    let [file, link] = ["file", "link"].map(|name| folder.path().join(name));
    std::os::unix::fs::symlink(&file, &link).unwrap();
    let path = testdata("chain");
    succeed(["predict".as_ref(), path.as_os_str(), "--out".as_ref(), link.as_os_str()]);
    assert!(link.is_symlink());
    assert!(std::fs::metadata(file).unwrap().len() > 0);
}

/// An interrupted run ends at once and leaves nothing behind. The signal is not that of
/// Ctrl-C, which whoever runs the tests may have told their processes to ignore; the
/// command handles neither.
#[cfg(unix)]
#[test]
fn an_interrupt_ends_the_run() {
    use crate::{
        fake_node::{Answer, FakeNode},
        harness::Snapshot,
    };
    use std::os::unix::process::ExitStatusExt;
    const SIGTERM: i32 = 15;
    let (sender, asked) = std::sync::mpsc::channel();
    let node = FakeNode::start(Snapshot::of("chain"), move |method| {
        if method == "eth_getBalance" {
            let _ = sender.send(());
            return Answer::Never;
        }
        Answer::Right
    });
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("block.json");
    let mut command = foresee();
    command.args(["fetch", "--rpc", &node.url(), "--out", file.to_str().unwrap()]);
    let mut process = command.spawn().unwrap();
    asked.recv().unwrap();
    let kill = ["-TERM".to_owned(), process.id().to_string()];
    assert!(std::process::Command::new("kill").args(kill).status().unwrap().success());
    assert_eq!(process.wait().unwrap().signal(), Some(SIGTERM));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn stages_and_decisions_are_told_on_request() {
    let block = testdata("mix");
    // Two threads predict nothing inside the clock.
    let args = ["replay", "--verbose", "--mode", "parallel", "--threads", "3"];
    let output = run(args.iter().map(AsRef::as_ref).chain([block.as_os_str()]));
    let told = String::from_utf8(output.stderr).unwrap();
    for what in ["predict", "schedule", "execute", "commit", "block executed", "in parallel"] {
        assert!(told.contains(what), "{what}: {told}");
    }
    assert_eq!(output.status.code(), Some(0));
}
