//! Whatever is wrong with a snapshot is told in one line with file, place and
//! reason, and nothing panics.

use alloy_primitives::{Address, B256, U256};
use flate2::{Compression, write::GzEncoder};
use foresee_execute::execute_in_order;
use foresee_source::{
    ChainRules, ForkRules, Snapshot, SnapshotAccount, SnapshotBlock, SnapshotTransaction,
    SourceError,
};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::{collections::BTreeMap, fs, io::Write};

const SENDER: Address = Address::repeat_byte(1);
const RECIPIENT: Address = Address::repeat_byte(2);

/// A block of two payments.
fn snapshot() -> Snapshot {
    let header = alloy_consensus::Header {
        number: 7,
        gas_limit: 100_000,
        timestamp: 70,
        base_fee_per_gas: Some(1),
        excess_blob_gas: Some(0),
        parent_beacon_block_root: Some(B256::ZERO),
        ..Default::default()
    };
    let payment = |nonce| SnapshotTransaction {
        tx_type: 2,
        from: Some(SENDER),
        to: Some(RECIPIENT),
        nonce,
        gas: 21_000,
        value: U256::from(5),
        chain_id: Some(1),
        max_fee_per_gas: Some(3),
        max_priority_fee_per_gas: Some(1),
        ..Default::default()
    };
    let mut block = SnapshotBlock::from(header);
    block.receipts_root = B256::ZERO;
    block.transactions = vec![payment(0), payment(1)];
    let rich = SnapshotAccount {
        balance: U256::from(1_000_000_000),
        storage: BTreeMap::from([(U256::from(1), U256::from(2))]),
        ..Default::default()
    };
    Snapshot {
        chain: ChainRules::Fork(ForkRules {
            id: 1,
            fork: "osaka".into(),
            blob_schedule: None,
            access_list: false,
        }),
        block,
        prestate: BTreeMap::from([(SENDER, rich)]),
        block_hashes: BTreeMap::from([(5, B256::repeat_byte(5))]),
    }
}

fn text() -> Vec<u8> {
    let mut text = Vec::new();
    snapshot().write(&mut text).unwrap();
    text
}

fn gzip(data: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

/// Reads and loads, and executes what can be loaded.
fn process(data: &[u8]) -> Result<(), String> {
    let snapshot = Snapshot::read(data, "-").map_err(|error| error.to_string())?;
    let loaded = snapshot
        .into_block()
        .map_err(|fault| SourceError { origin: "-".into(), fault }.to_string())?;
    // Whether it can be executed is another matter; it must not panic.
    let _ = execute_in_order(&loaded.block, &loaded.state);
    Ok(())
}

fn check(data: &[u8], expect: &str) {
    let found = process(data).unwrap_err();
    assert!(found.starts_with(expect), "{found:?} instead of {expect:?}");
    assert!(!found.contains('\n'), "{found:?}");
}

/// Checks the snapshot with one JSON value replaced, or removed by null.
fn check_with(pointer: &str, value: Value, expect: &str) {
    let mut json: Value = serde_json::from_slice(&text()).unwrap();
    let (parent, field) = pointer.rsplit_once('/').unwrap();
    let object = json.pointer_mut(parent).unwrap().as_object_mut().unwrap();
    match value {
        Value::Null => object.remove(field),
        value => object.insert(field.to_owned(), value),
    };
    check(&serde_json::to_vec(&json).unwrap(), expect);
}

#[test]
fn a_snapshot_survives_writing_and_reading() {
    let read = Snapshot::read(&text()[..], "-").unwrap();
    assert_eq!(read, snapshot());
    assert_eq!(Snapshot::read(&gzip(&text())[..], "-").unwrap(), read);
    let loaded = read.into_block().unwrap();
    let output = execute_in_order(&loaded.block, &loaded.state).unwrap();
    assert_eq!((output.gas_used, output.invalid.len()), (42_000, 0));
    assert!(loaded.expected.is_none());
}

#[test]
fn data_that_is_no_snapshot() {
    check(b"", "-: empty");
    check(b"hello", "-: line 1 column 1: expected value");
    check(b"[1]", "-: line 1 column 3: a chain's name, or an object with id and fork");
    check(b"{}", "-: line 1 column 2: missing field `block`");
    check(&text()[..100], "-: line 1 column 100: EOF while parsing");
    check(&[&text()[..], b"x"].concat(), "-: line 2 column 1: trailing characters");
    let packed = gzip(&text());
    check(&packed[..packed.len() / 2], "-: cannot read: ");
    check(&packed[..packed.len() - 1], "-: cannot read: ");
    check(&[&packed[..], b"garbage"].concat(), "-: cannot read: ");
    check(&gzip(b""), "-: line 1 column 0: EOF while parsing a value");
    check(&[0x1f, 0x8b], "-: cannot read: ");
    let deep = format!("{{\"chain\":{}", "[".repeat(100_000));
    check(deep.as_bytes(), "-: line 1 column 136: recursion limit exceeded");
    let repeated = br#"{"prestate":{"0x00000000000000000000000000000000000000aB":{},
        "0x00000000000000000000000000000000000000Ab":{}}}"#;
    check(
        repeated,
        "-: line 2 column 53: 0x00000000000000000000000000000000000000ab appears twice",
    );
}

#[test]
fn fields_that_are_missing_or_wrong() {
    check_with("/block", Value::Null, "-: line 1 column 243: missing field `block`");
    check_with("/block/gasLimit", Value::Null, "-: line 1 column ");
    check_with("/block/gasLimit", json!(true), "-: line 1 column ");
    check_with("/block/gasLimit", json!("0x10000000000000000"), "-: line 1 column ");
    check_with("/block/timestamp", json!("soon"), "-: line 1 column ");
    check_with("/block/baseFeePerGas", Value::Null, "-: block.baseFeePerGas: missing, Osaka");
    check_with("/block/excessBlobGas", Value::Null, "-: block.excessBlobGas: missing, Osaka");
    check_with("/block/mixHash", Value::Null, "-: block.mixHash: missing, Osaka");
    check_with(
        "/block/parentBeaconBlockRoot",
        Value::Null,
        "-: block.parentBeaconBlockRoot: missing, Osaka",
    );
    check_with("/block/transactions/1/gas", Value::Null, "-: line 1 column ");
    let first = "/block/transactions/0";
    let field = |name: &str| format!("{first}/{name}");
    check_with(&field("maxFeePerGas"), Value::Null, "-: block.transactions[0].maxFeePerGas: miss");
    check_with(&field("chainId"), Value::Null, "-: block.transactions[0].chainId: missing");
    check_with(&field("from"), Value::Null, "-: block.transactions[0].from: missing, and no sig");
    check_with(&field("type"), json!("0x5"), "-: block.transactions[0].type: 0x5 does not exist");
    check_with(
        &field("type"),
        json!("0x4"),
        "-: block.transactions[0].authorizationList: missing in a transaction of type",
    );
}

#[test]
fn rules_that_are_not_known() {
    check_with("/chain", json!("moonnet"), "-: chain: unknown chain \"moonnet\", known is");
    check_with("/chain", json!(1), "-: line 1 column 1");
    check_with("/chain", json!({"id": 1}), "-: line 1 column 1");
    check_with("/chain/fork", json!("atlantis"), "-: chain.fork: unknown fork \"atlantis\"");
    check_with("/chain/fork", json!("amsterdam"), "-: chain.fork: the rules of Amsterdam");
    check_with(
        "/chain/fork",
        json!("berlin"),
        "-: block.transactions[0].type: 0x2 does not exist before London, the fork is Berlin",
    );
    check_with(
        "/chain/blobSchedule",
        json!({"target": 1, "max": 2, "baseFeeUpdateFraction": 0}),
        "-: chain.blobSchedule.baseFeeUpdateFraction: is zero",
    );
}

#[test]
fn files_that_cannot_be_read() {
    let folder = tempfile::tempdir().unwrap();
    let open = |name: &str| Snapshot::open(folder.path().join(name)).unwrap_err().to_string();
    assert!(open("").ends_with("cannot read: Is a directory (os error 21)"), "{}", open(""));
    assert!(open("none").contains("none: cannot open: No such file"), "{}", open("none"));
    fs::write(folder.path().join("two\nlines"), "").unwrap();
    assert!(open("two\nlines").ends_with("two\\nlines: empty"), "{}", open("two\nlines"));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    /// Bytes changed anywhere, plain or packed, never panic.
    #[test]
    fn damaged_data_is_an_error_of_one_line_or_another_block(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        cut in any::<prop::sample::Index>(),
        packed: bool,
    ) {
        let mut data = if packed { gzip(&text()) } else { text() };
        for (position, value) in changes {
            let position = position.index(data.len());
            data[position] = value;
        }
        data.truncate(cut.index(2 * data.len()).max(1));
        if let Err(error) = process(&data) {
            prop_assert!(!error.contains('\n'), "{error:?}");
        }
    }

    /// Any number in any place never panics, not even when it is executed.
    #[test]
    fn absurd_numbers_do_not_panic(
        place in any::<prop::sample::Index>(),
        number in prop_oneof![
            Just("0x0"), Just("0x1"), Just("0x7fffffff"), Just("0xffffffffffffffff"),
            Just("0xffffffffffffffffffffffffffffffff"),
            Just("0xffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"),
        ],
    ) {
        let mut json: Value = serde_json::from_slice(&text()).unwrap();
        let mut places = Vec::new();
        collect_strings(&mut json, &mut places);
        let position = place.index(places.len());
        *places[position] = json!(number);
        let data = serde_json::to_vec(&json).unwrap();
        if let Err(error) = process(&data) {
            prop_assert!(!error.contains('\n'), "{error:?}");
        }
    }
}

/// Every string in a value.
fn collect_strings<'a>(value: &'a mut Value, places: &mut Vec<&'a mut Value>) {
    match value {
        Value::Object(fields) => fields.values_mut().for_each(|v| collect_strings(v, places)),
        Value::Array(items) => items.iter_mut().for_each(|v| collect_strings(v, places)),
        Value::String(_) => places.push(value),
        _ => {}
    }
}
