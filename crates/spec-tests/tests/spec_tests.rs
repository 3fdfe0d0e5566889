//! Every case of the official tests comes out as it must, in order and in
//! parallel, but for those that are listed with the reason.

use foresee_spec_tests::{Case, Counts, Failure, expected_failures, for_each_case, run, unpack};
use std::path::{Path, PathBuf};

/// Exceptions that nothing but a block access list raises
/// ([EIP-7928](https://eips.ethereum.org/EIPS/eip-7928)). Execution does not
/// produce one yet, so cases that expect them are not run, but counted.
const ACCESS_LIST_EXCEPTIONS: [&str; 3] =
    ["INVALID_BLOCK_ACCESS_LIST", "BLOCK_ACCESS_LIST_GAS_LIMIT_EXCEEDED", "INVALID_BAL_HASH"];

/// Folder of the data that is not part of the repository.
fn data() -> PathBuf {
    std::env::var_os("FORESEE_DATA").expect("FORESEE_DATA names the data folder").into()
}

/// Runs all cases of an archive and reports on them.
#[expect(clippy::print_stdout, reason = "the counts are what this test reports")]
fn check(archive: &str) {
    let folder = unpack(&data(), archive, Path::new(env!("CARGO_TARGET_TMPDIR")));
    let results = for_each_case(&folder, |_, case| (!needs_access_list(&case)).then(|| run(&case)));
    let mut expected = expected_failures(archive);
    let (mut passed, mut listed, mut left_out, mut failed) = (0, 0, 0, Vec::new());
    let mut counts = Counts::default();
    for (name, result) in results {
        match (result, expected.remove(name.as_str())) {
            (None, _) => left_out += 1,
            (Some(Ok(case)), None) => {
                passed += 1;
                counts += case;
            }
            (Some(Err(failure @ Failure::ParallelDiffers(_))), Some(_)) => {
                failed.push(format!("{name}: listed for another reason: {failure}"));
            }
            (Some(Err(_)), Some(_)) => listed += 1,
            (Some(Ok(_)), Some(_)) => failed.push(format!("{name}: listed, but passes")),
            (Some(Err(failure)), None) => failed.push(format!("{name}: {failure}")),
        }
    }
    failed.extend(expected.keys().map(|name| format!("{name}: listed, but there is no such case")));
    println!(
        "{archive}: {passed} passed, {} failed, {listed} listed, {left_out} left out; {counts:?}",
        failed.len()
    );
    assert!(failed.is_empty(), "{archive}:\n{}", failed.join("\n"));
}

fn needs_access_list(case: &Case) -> bool {
    let exceptions = case.blocks.iter().filter_map(|block| block.expect_exception.as_ref());
    exceptions
        .into_iter()
        .any(|exception| ACCESS_LIST_EXCEPTIONS.iter().any(|name| exception.contains(name)))
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
