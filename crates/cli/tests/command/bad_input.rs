//! Bad input: status 2 and one line that says which file, where in it, and why.

use crate::harness::{Snapshot, complaint, foresee, run, testdata};
use flate2::{Compression, write::GzEncoder};
use insta::assert_snapshot;
use serde_json::json;
use std::io::Write;

/// Predicts these bytes, which must fail.
fn of_bytes(bytes: impl AsRef<[u8]>) -> String {
    let snapshot = Snapshot::of("chain");
    let path = snapshot.write_bytes(bytes);
    complaint(&run(["predict".as_ref(), path.as_os_str()]), Some(snapshot.folder()))
}

#[test]
fn bytes_that_are_no_snapshot() {
    assert_snapshot!(of_bytes(""), @"foresee: DIR/block.json: empty");
    assert_snapshot!(of_bytes("hello"), @"foresee: DIR/block.json: line 1 column 1: expected value");
    assert_snapshot!(of_bytes("[1, 2]"), @"foresee: DIR/block.json: line 1 column 5: a chain's name, or an object with id and fork");
    assert_snapshot!(of_bytes("{}"), @"foresee: DIR/block.json: line 1 column 2: missing field `block`");
    assert_snapshot!(of_bytes("{\"block\": {\n  \"number\": \"0x\u{1b}[31m\"}}"), @r#"foresee: DIR/block.json: line 2 column 16: control character (\u0000-\u001F) found while parsing a string"#);
}

#[test]
fn truncated_gzip() {
    let whole = std::fs::read(testdata("chain")).unwrap();
    assert_snapshot!(of_bytes(&whole[..whole.len() / 2]), @"foresee: DIR/block.json: cannot read: incomplete deflate stream");
    // Only the checksum is missing.
    assert_snapshot!(of_bytes(&whole[..whole.len() - 4]), @"foresee: DIR/block.json: cannot read: unexpected end of file");
}

/// 300 MB of blanks in 300 KB: the limit is on what comes out.
#[test]
fn gzip_that_unpacks_to_too_much() {
    let mut bomb = GzEncoder::new(Vec::new(), Compression::fast());
    for _ in 0..300 {
        bomb.write_all(&vec![b' '; 1 << 20]).unwrap();
    }
    assert_snapshot!(of_bytes(bomb.finish().unwrap()), @"foresee: DIR/block.json: longer than 268435456 bytes");
}

#[test]
fn files_that_cannot_be_read() {
    let folder = Snapshot::of("chain");
    let of = |path: &std::path::Path| {
        complaint(&run(["predict".as_ref(), path.as_os_str()]), Some(folder.folder()))
    };
    assert_snapshot!(of(folder.folder()), @"foresee: DIR: cannot read: Is a directory (os error 21)");
    assert_snapshot!(of(&folder.folder().join("missing.json")), @"foresee: DIR/missing.json: cannot open: No such file or directory (os error 2)");
    assert_snapshot!(of(&folder.folder().join("line\nbreak.json")), @r#"foresee: DIR/line\nbreak.json: cannot open: No such file or directory (os error 2)"#);
}

/// A superuser may read everything, so the command runs as somebody else then,
/// from a place that somebody else can reach.
#[cfg(unix)]
#[test]
fn a_file_without_permission() {
    use std::{
        fs::{File, Permissions, set_permissions},
        os::unix::{fs::PermissionsExt, process::CommandExt},
        process::Command,
    };
    const NOBODY: u32 = 65_534;
    let snapshot = Snapshot::of("chain");
    let path = snapshot.write();
    set_permissions(&path, Permissions::from_mode(0o000)).unwrap();
    let mut command = foresee();
    if File::open(&path).is_ok() {
        let binary = snapshot.folder().join("foresee");
        // By another process: were it open for writing here, children that other tests are
        // starting would have it open for a moment as well, and it could not be executed.
        let copied = Command::new("cp").arg(env!("CARGO_BIN_EXE_foresee")).arg(&binary).status();
        assert!(copied.unwrap().success());
        set_permissions(snapshot.folder(), Permissions::from_mode(0o755)).unwrap();
        command = Command::new(binary);
        command.uid(NOBODY).current_dir("/");
    }
    let output = command.arg("predict").arg(&path).output().unwrap();
    assert_snapshot!(complaint(&output, Some(snapshot.folder())), @"foresee: DIR/block.json: cannot open: Permission denied (os error 13)");
}

#[test]
fn a_missing_field() {
    let mut snapshot = Snapshot::of("chain");
    snapshot.json["block"]["transactions"][1].as_object_mut().unwrap().remove("nonce");
    assert_snapshot!(snapshot.complaint(), @"foresee: DIR/block.json: line 1 column N: missing field `nonce`");

    let mut snapshot = Snapshot::of("chain");
    snapshot.json["block"].as_object_mut().unwrap().remove("baseFeePerGas");
    assert_snapshot!(snapshot.complaint(), @"foresee: DIR/block.json: block.baseFeePerGas: missing, Osaka demands it");

    let mut snapshot = Snapshot::of("chain");
    snapshot.json.as_object_mut().unwrap().remove("prestate");
    assert_snapshot!(snapshot.complaint(), @"foresee: DIR/block.json: line 1 column N: missing field `prestate`");
}

#[test]
fn a_transaction_type_that_the_fork_does_not_know() {
    let mut snapshot = Snapshot::of("chain");
    snapshot.json["block"]["transactions"][2]["type"] = json!("0x7f");
    assert_snapshot!(snapshot.complaint(), @"foresee: DIR/block.json: block.transactions[2].type: 0x7f does not exist");

    let mut snapshot = Snapshot::of("chain");
    snapshot.json["block"]["transactions"][2]["type"] = json!("0x2");
    snapshot.json["chain"] = json!({"id": 1337, "fork": "berlin"});
    assert_snapshot!(snapshot.complaint(), @"foresee: DIR/block.json: block.transactions[0].type: 0x2 does not exist before London, the fork is Berlin");
}

#[test]
fn an_unknown_chain_or_fork() {
    for chain in [json!("sidechain"), json!({"id": 1, "fork": "atlantis"}), json!(7)] {
        let mut snapshot = Snapshot::of("chain");
        snapshot.json["chain"] = chain;
        assert!(snapshot.complaint().starts_with("foresee: DIR/block.json: "));
    }
    let mut snapshot = Snapshot::of("chain");
    snapshot.json["chain"] = json!("sidechain");
    assert_snapshot!(snapshot.complaint(), @r#"foresee: DIR/block.json: chain: unknown chain "sidechain", known is "mainnet""#);
    snapshot.json["chain"] = json!({"id": 1, "fork": "atlantis"});
    assert_snapshot!(snapshot.complaint(), @r#"foresee: DIR/block.json: chain.fork: unknown fork "atlantis""#);
}

#[test]
fn numbers_that_are_too_large() {
    let mut snapshot = Snapshot::of("chain");
    snapshot.json["block"]["transactions"][0]["gas"] = json!("0x10000000000000000");
    assert_snapshot!(snapshot.complaint(), @r#"foresee: DIR/block.json: line 1 column N: invalid value: string "0x10000000000000000", expected a 8 byte hex string"#);

    let mut snapshot = Snapshot::of("chain");
    snapshot.json["block"]["number"] = json!(1e300);
    assert_snapshot!(snapshot.complaint(), @"foresee: DIR/block.json: line 1 column N: invalid type: floating point `1e+300`, expected a 8 byte hex string");
}

/// Not an error of the file: a length of 2 GB in calldata is a length like any
/// other, and executing it must not take 2 GB.
#[test]
fn a_length_of_two_gigabytes_in_calldata() {
    let mut snapshot = Snapshot::of("amm");
    for transaction in snapshot.json["block"]["transactions"].as_array_mut().unwrap() {
        let input = transaction["input"].as_str().unwrap().to_owned();
        if input.len() > 74 {
            let (selector, rest) = (&input[..10], &input[74..]);
            transaction["input"] = json!(format!("{selector}{:064x}{rest}", 1u64 << 31));
        }
    }
    let path = snapshot.write();
    for command in ["predict", "replay", "evaluate"] {
        let output = run([command.as_ref(), path.as_os_str()]);
        // The header is that of another block, so replay finds a difference.
        let expected = if command == "replay" { 1 } else { 0 };
        assert_eq!(output.status.code(), Some(expected), "{command}");
        assert!(output.stderr.is_empty(), "{command}");
    }
}

#[test]
fn arguments_that_do_not_fit_the_block() {
    let path = testdata("chain");
    let output = run(["predict".as_ref(), path.as_os_str(), "--tx".as_ref(), "60".as_ref()]);
    let root = crate::harness::root();
    assert_snapshot!(complaint(&output, Some(&root)), @"foresee: DIR/testdata/blocks/chain.json.gz: --tx: the block has 60 transactions, there is no 60");
}

#[test]
fn output_that_cannot_be_written() {
    let path = testdata("chain");
    let output =
        run(["predict".as_ref(), path.as_os_str(), "--out".as_ref(), "/missing/out".as_ref()]);
    assert_snapshot!(complaint(&output, None), @"foresee: /missing/out: cannot write: No such file or directory (os error 2)");
}

#[test]
fn a_second_bad_file_leaves_the_first_answer() {
    let path = testdata("chain");
    let args = ["evaluate", "--format", "json"].map(AsRef::as_ref);
    let output = run(args.into_iter().chain([path.as_os_str(), "missing.json".as_ref()]));
    assert_snapshot!(complaint(&output, None), @"foresee: missing.json: cannot open: No such file or directory (os error 2)");
    assert_eq!(String::from_utf8_lossy(&output.stdout).lines().count(), 1);
}
