//! Every case of the official tests comes out as it must, in order and in
//! parallel, but for those that are listed with the reason.

use foresee_spec_tests::{Counts, Failure, expected_failures, for_each_case, run, unpack};
use std::path::{Path, PathBuf};

/// Folder of the data that is not part of the repository.
fn data() -> PathBuf {
    std::env::var_os("FORESEE_DATA").expect("FORESEE_DATA names the data folder").into()
}

/// Runs all cases of an archive and reports on them.
#[expect(clippy::print_stdout, reason = "the counts are what this test reports")]
fn check(archive: &str) {
    let folder = unpack(&data(), archive, Path::new(env!("CARGO_TARGET_TMPDIR")));
    let results = for_each_case(&folder, |_, case| run(&case));
    let mut expected = expected_failures(archive);
    let (mut passed, mut listed, mut failed) = (0, 0, Vec::new());
    let mut counts = Counts::default();
    for (name, result) in results {
        match (result, expected.remove(name.as_str())) {
            (Ok(case), None) => {
                passed += 1;
                counts += case;
            }
            (Err(failure @ Failure::ParallelDiffers(_)), Some(_)) => {
                failed.push(format!("{name}: listed for another reason: {failure}"));
            }
            (Err(_), Some(_)) => listed += 1,
            (Ok(_), Some(_)) => failed.push(format!("{name}: listed, but passes")),
            (Err(failure), None) => failed.push(format!("{name}: {failure}")),
        }
    }
    failed.extend(expected.keys().map(|name| format!("{name}: listed, but there is no such case")));
    println!("{archive}: {passed} passed, {} failed, {listed} listed; {counts:?}", failed.len());
    assert!(failed.is_empty(), "{archive}:\n{}", failed.join("\n"));
}

#[test]
#[ignore = "needs FORESEE_DATA"]
fn execution_spec_tests() {
    check("eest-v5.4.0");
}

#[test]
#[ignore = "needs FORESEE_DATA"]
fn ethereum_tests() {
    check("ethereum-tests");
}

#[test]
#[ignore = "needs FORESEE_DATA"]
fn amsterdam_block_access_lists() {
    check("amsterdam-bal");
}
