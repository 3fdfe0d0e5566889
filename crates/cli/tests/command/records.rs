//! Records and access lists are written, read again and followed; wrong ones are found
//! out: status 1 if they can be read, status 2 if not.

use crate::{
    fake_node::{Answer, FakeNode},
    harness::{Snapshot, complaint, run, succeed, testdata},
};
use alloy_eips::eip7928::AccountChanges;
use alloy_primitives::{Address, B256, U256, keccak256};
use foresee_access::{AccessSet, Location};
use foresee_execute::{AccessList, Record, read_access_list};
use serde_json::{Value, json};
use std::{
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
    process::Output,
};
use tempfile::TempDir;

/// Writes a record or list of a scenario into a folder.
fn written(folder: &TempDir, scenario: &str, format: &str) -> PathBuf {
    let file = folder.path().join(format!("{scenario}.{format}"));
    let (block, out) = (testdata(scenario), file.display().to_string());
    let block = block.display().to_string();
    assert_eq!(succeed(["record", &block, "--format", format, "--out", &out]), "");
    file
}

fn replay(scenario: &str, option: &str, file: &Path) -> Output {
    replay_with(scenario, option, file, &[])
}

fn replay_with(scenario: &str, option: &str, file: &Path, more: &[&str]) -> Output {
    let (block, file) = (testdata(scenario).display().to_string(), file.display().to_string());
    let args = ["replay", "--format", "json", "--runs", "1", "--threads", "2", &block];
    run([&args[..], &[option, &file], more].concat())
}

/// What a replay says of the file that it followed.
fn said(output: &Output) -> Value {
    let answer: Value = serde_json::from_slice(&output.stdout).expect("a line of JSON");
    assert_eq!(answer["matches_sequential"], true);
    answer["guide"].clone()
}

#[test]
fn what_was_written_can_be_followed() {
    let folder = TempDir::new().unwrap();
    for (format, option, kind) in [
        ("json", "--record", "record"),
        ("binary", "--record", "record"),
        ("rlp", "--access-list", "access list"),
    ] {
        let file = written(&folder, "mix", format);
        for more in [&[][..], &["--ahead"]] {
            let output = replay_with("mix", option, &file, more);
            assert_eq!(output.status.code(), Some(0), "{format}");
            let guide = said(&output);
            assert_eq!((&guide["kind"], &guide["fault"]), (&kind.into(), &Value::Null));
            let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
            assert_eq!(answer["predicted_ahead"] == true, !more.is_empty());
            assert_eq!(answer["predict_us"].is_null(), more.is_empty());
        }
    }
}

#[test]
fn what_is_of_another_block_is_found_out() {
    let folder = TempDir::new().unwrap();
    for (format, option) in [("json", "--record"), ("rlp", "--access-list")] {
        let file = written(&folder, "amm", format);
        let output = replay("nft", option, &file);
        assert_eq!(output.status.code(), Some(1), "{format}");
        assert!(said(&output)["fault"].is_string());
    }
}

#[test]
fn what_was_damaged_is_bad_input() {
    let folder = TempDir::new().unwrap();
    let file = written(&folder, "payments", "binary");
    let mut bytes = fs::read(&file).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&file, &bytes).unwrap();
    let told = complaint(&replay("payments", "--record", &file), Some(folder.path()));
    insta::assert_snapshot!(told, @"foresee: DIR/payments.binary: execution record: the record was altered: the digest is not that of the content");
    let file = written(&folder, "payments", "rlp");
    let bytes = fs::read(&file).unwrap();
    fs::write(&file, &bytes[..bytes.len() / 2]).unwrap();
    let told = complaint(&replay("payments", "--access-list", &file), Some(folder.path()));
    insta::assert_snapshot!(told, @"foresee: DIR/payments.rlp: access list: input too short");
}

#[test]
fn the_header_names_the_access_list() {
    let folder = TempDir::new().unwrap();
    let list = fs::read(written(&folder, "vault", "rlp")).unwrap();
    let mut snapshot = Snapshot::of("vault");
    snapshot.json["chain"]["accessList"] = true.into();
    snapshot.json["block"]["blockAccessListHash"] = keccak256(&list).to_string().into();
    let right = snapshot.write();
    let record = |path: &Path| run([OsStr::new("record"), path.as_os_str()]);
    assert_eq!(record(&right).status.code(), Some(0));
    let replay = |path: &Path| {
        let path = path.display().to_string();
        let output = run(["replay", &path, "--runs", "1", "--threads", "2", "--format", "json"]);
        let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
        (output.status.code(), answer["header"]["block_access_list_hash"].clone())
    };
    assert_eq!(replay(&right), (Some(0), true.into()));
    snapshot.json["block"]["blockAccessListHash"] = B256::ZERO.to_string().into();
    // A header that names a list is enough.
    snapshot.json["chain"].as_object_mut().unwrap().remove("accessList");
    let wrong = snapshot.write();
    assert_eq!(replay(&wrong), (Some(1), false.into()));
    let output = record(&wrong);
    assert_eq!(output.status.code(), Some(1));
    let errors = String::from_utf8(output.stderr).unwrap();
    assert_eq!(errors.lines().count(), 1, "{errors}");
    assert!(errors.contains("block access list hash mismatch"), "{errors}");
}

/// A list that names more than the block's gas pays for is refused for that, whatever else
/// is wrong with it.
#[test]
fn a_list_that_is_too_long_is_told_so() {
    let folder = TempDir::new().unwrap();
    let honest = fs::read(written(&folder, "vault", "rlp")).unwrap();
    let mut accounts = read_access_list(&honest).unwrap().to_vec();
    let slots = (0..31_000).map(U256::from);
    accounts.push(AccountChanges::new(Address::repeat_byte(0xff)).extend_storage_reads(slots));
    let file = folder.path().join("long.rlp");
    fs::write(&file, alloy_rlp::encode(AccessList::new(accounts))).unwrap();
    let mut snapshot = Snapshot::of("vault");
    let faults = [false, true].map(|rules| {
        snapshot.json["chain"]["accessList"] = rules.into();
        let block = snapshot.write();
        let args = ["replay", "--format", "json", "--runs", "1", "--threads", "2"];
        let files = [block.as_os_str(), "--access-list".as_ref(), file.as_os_str()];
        let output = run(args.iter().map(AsRef::as_ref).chain(files));
        assert_eq!(output.status.code(), Some(1));
        said(&output)["fault"].as_str().unwrap().to_owned()
    });
    insta::assert_snapshot!(faults.join("\n"), @r"
    account 0xFFfFfFffFFfffFFfFFfFFFFFffFFFffffFfFFFfF: listed as accessed, executed nothing
    block access list item cost exceeds gas limit: items=31103, max_items=30000, gas_limit=60000000
    ");
}

/// What a record says that is not so is named: transaction, location, recorded, executed.
#[test]
fn where_a_record_is_wrong_is_named() {
    let folder = TempDir::new().unwrap();
    let file = written(&folder, "vault", "binary");
    let honest = Record::read(&fs::read(&file).unwrap()).unwrap();
    let forged = |change: &dyn Fn([&mut Vec<Location>; 3])| {
        let mut record = honest.clone();
        let observed = &mut record.transactions[7].observed;
        let (mut reads, mut writes) = (observed.reads().collect(), observed.writes().collect());
        let mut commutative = observed.commutative().collect();
        change([&mut reads, &mut writes, &mut commutative]);
        *observed = AccessSet::new(reads, writes, commutative).into();
        fs::write(&file, record.to_bytes()).unwrap();
        let output = replay("vault", "--record", &file);
        assert_eq!(output.status.code(), Some(1));
        said(&output)["fault"].as_str().unwrap().to_owned()
    };
    let faults = [
        forged(&|[reads, ..]| _ = reads.pop()),
        forged(&|[_, writes, _]| _ = writes.remove(0)),
        forged(&|[_, writes, _]| {
            writes.push(Location::slot(Address::repeat_byte(0xff), U256::ONE));
        }),
        forged(&|[.., commutative]| commutative.clear()),
    ];
    insta::assert_snapshot!(faults.join("\n"), @r"
    transaction 7, 0xD3f55223cE072e9A9fE8B5BaD8692b440CB6Ba84.code: recorded nothing, executed a read
    transaction 7, 0xd001cd419BDa1F413C008559d3D00f74dbB995B6.balance: recorded nothing, executed a write
    transaction 7, 0xFFfFfFffFFfffFFfFFfFFFFFffFFFffffFfFFFfF[0x1]: recorded a write, executed nothing
    transaction 7, what is settled at commit: recorded and executed differ
    ");
}

#[test]
fn a_record_is_of_one_block() {
    let [a, b] = ["amm", "nft"].map(|scenario| testdata(scenario).display().to_string());
    let told = complaint(&run(["replay", &a, &b, "--record", "x"]), None);
    insta::assert_snapshot!(told, @"foresee: --record is of one block, name one");
}

#[test]
fn a_predicted_list_is_marked_and_read_ahead_by() {
    let folder = TempDir::new().unwrap();
    let [block, file] = [testdata("erc20-cold"), folder.path().join("list.json")]
        .map(|it| it.display().to_string());
    assert_eq!(succeed(["record", "--predicted", &block, "--out", &file]), "");
    let document: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    assert_eq!(document["complete"], true);
    let predicted = document["predicted"].as_array().unwrap();
    assert!(predicted.iter().all(|account| account["storageChanges"] == json!([])));

    // A node is asked less often if what is needed is known beforehand.
    let node = || FakeNode::start(Snapshot::of("erc20-cold"), |_| Answer::Right);
    let [without, with] = [node(), node()];
    let predict = |node: &FakeNode, args: &[&str]| {
        let url = node.url();
        succeed([&["predict", "--format", "dot", "--rpc", &url], args].concat())
    };
    assert_eq!(predict(&without, &[]), predict(&with, &["--prefetch", &file]));
    assert!(with.messages() < without.messages());
    // So it is by the list that the block really has, and by a record.
    for format in ["rlp", "json", "binary"] {
        let file = written(&folder, "erc20-cold", format).display().to_string();
        let node = node();
        predict(&node, &["--prefetch", &file]);
        assert!(node.messages() < without.messages(), "{format}");
    }

    // It is not what the block accesses.
    let told =
        complaint(&replay("erc20-cold", "--access-list", file.as_ref()), Some(folder.path()));
    insta::assert_snapshot!(told, @"foresee: DIR/list.json: access list: this is no block's list; a predicted one is to read ahead by, with --prefetch");
    let args = ["record", "--predicted", &block, "--format", "rlp"];
    insta::assert_snapshot!(complaint(&run(args), None), @"foresee: --predicted: a predicted list is JSON, the other forms do not tell that it is predicted");
}
