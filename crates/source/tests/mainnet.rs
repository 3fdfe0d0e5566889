//! Every mainnet snapshot executes in order to what its header says.

use foresee_execute::execute_in_order;
use foresee_source::{HeaderMatch, Snapshot};
use std::path::PathBuf;

/// Folder of the data that is not part of the repository.
fn data() -> PathBuf {
    std::env::var_os("FORESEE_DATA").expect("FORESEE_DATA names the data folder").into()
}

#[test]
#[ignore = "needs FORESEE_DATA"]
fn mainnet_blocks_in_order_equal_their_headers() {
    let mut paths: Vec<_> = std::fs::read_dir(data().join("mainnet"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    assert_eq!(paths.len(), 41);
    for path in paths {
        let snapshot = Snapshot::open(&path).unwrap();
        let loaded = snapshot.into_block().unwrap();
        let output = execute_in_order(&loaded.block, &loaded.state).unwrap();
        assert_eq!(output.invalid, [], "{}", path.display());
        let spec = loaded.block.cfg.spec;
        let found = HeaderMatch::new(&output, loaded.expected.as_ref(), spec);
        assert!(found.holds(), "{} ({spec}): {found:?}", path.display());
        assert_eq!(found.gas_used.is_none(), loaded.number == 25_323_281);
    }
}
