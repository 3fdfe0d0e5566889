//! The cases that are known to fail, by name and with the reason.

use std::collections::BTreeMap;

/// Archive, case and reason, separated by tabs.
const EXPECTED_FAILURES: &str = include_str!("expected_failures.tsv");

/// The cases of an archive that are known to fail, and why.
///
/// # Panics
///
/// If a line of the list does not have three fields.
pub fn expected_failures(archive: &str) -> BTreeMap<&'static str, &'static str> {
    EXPECTED_FAILURES
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| line.split('\t').collect::<Vec<_>>())
        .map(|fields| match fields[..] {
            [archive, case, reason] => (archive, case, reason),
            _ => panic!("three fields expected in {fields:?}"),
        })
        .filter(|(of, _, _)| *of == archive)
        .map(|(_, case, reason)| (case, reason))
        .collect()
}
