//! What is committed under `testdata` is what the generator makes and what the
//! comments in it say.

use foresee_execute::execute_in_order;
use foresee_source::Snapshot;
use foresee_workload::{Program, generate};
use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

fn testdata() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata")
}

fn files(folder: &str) -> BTreeSet<PathBuf> {
    let entries = fs::read_dir(testdata().join(folder)).unwrap();
    entries.map(|entry| entry.unwrap().path()).collect()
}

/// The commands that the folder's README gives.
fn commands() -> Vec<Vec<String>> {
    let readme = fs::read_to_string(testdata().join("README.md")).unwrap();
    readme
        .lines()
        .filter_map(|line| line.strip_prefix("cargo run --release -- generate "))
        .map(|rest| rest.split_whitespace().map(str::to_owned).collect())
        .collect()
}

#[test]
fn committed_blocks_are_what_the_readme_generates() {
    let mut expected = BTreeSet::new();
    for words in commands() {
        let words: Vec<_> = words.iter().map(String::as_str).collect();
        let [scenario, "--txs", txs, "--seed", seed, "--out", out] = words.as_slice() else {
            panic!("not a command: {words:?}");
        };
        let path = testdata().join("..").join(out);
        let generated =
            generate(scenario.parse().unwrap(), txs.parse().unwrap(), seed.parse().unwrap());
        assert!(
            Snapshot::open(&path).unwrap() == generated.unwrap(),
            "{out} is stale: run the command in testdata/README.md"
        );
        let _ = expected.insert(fs::canonicalize(path).unwrap());
    }
    assert!(!expected.is_empty());
    let present: BTreeSet<_> =
        files("blocks").iter().map(|path| fs::canonicalize(path).unwrap()).collect();
    assert_eq!(present, expected, "the README and the folder list different blocks");
}

/// Senders and hashes in the file are those of the signatures.
#[test]
fn committed_blocks_are_really_signed() {
    for path in files("blocks") {
        let snapshot = Snapshot::open(&path).unwrap();
        let mut bare = snapshot.clone();
        for transaction in &mut bare.block.transactions {
            (transaction.from, transaction.hash) = (None, None);
        }
        let [snapshot, bare] = [snapshot, bare].map(|snapshot| snapshot.into_block().unwrap());
        assert_eq!(bare.block.transactions, snapshot.block.transactions, "{}", path.display());
        assert_eq!(bare.hashes, snapshot.hashes, "{}", path.display());
    }
}

#[test]
fn programs_do_what_they_say() {
    let programs = files("bytecode");
    assert!(programs.len() > 30);
    for path in programs {
        let text = fs::read_to_string(&path).unwrap();
        let name = path.display();
        assert!(text.starts_with("; "), "{name} begins with a comment on what it does");
        let program = Program::parse(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(!program.calls.is_empty(), "{name} has no calls");
        let block = program.block().unwrap_or_else(|error| panic!("{name}: {error}"));
        let loaded = block.into_block().unwrap();
        let output = execute_in_order(&loaded.block, &loaded.state).unwrap();
        let outcomes: Vec<_> = output.receipts.iter().map(|receipt| receipt.success).collect();
        let expected: Vec<_> = program.calls.iter().map(|call| call.success).collect();
        assert_eq!(outcomes, expected, "{name}");
    }
}
