//! Transactions that the block cannot include.

use super::lab::{Lab, contract, user};
use crate::InvalidReason;
use revm::{
    bytecode::opcode::*,
    context::result::InvalidTransaction,
    primitives::{B256, TxKind, hardfork::SpecId},
};

/// Burns all gas.
const BURN: [u8; 1] = [INVALID];

#[test]
fn what_exceeds_the_gas_of_the_block_is_left_out() {
    let mut lab = Lab::new(SpecId::PRAGUE);
    lab.block.env.gas_limit = 500_000;
    lab.deploy(contract(1), 0, BURN.to_vec());
    lab.send(user(1), contract(1), 0);
    lab.send(user(2), contract(1), 0);
    lab.send(user(3), contract(1), 0);
    lab.send(user(4), user(5), 3).gas_limit = 50_000;
    lab.send(user(3), user(5), 4).nonce = 0;
    lab.send(user(3), user(5), 4).gas_limit = 50_000;
    let output = lab.check();
    let expected = InvalidReason::BlockGas { gas_limit: 200_000, available: 100_000 };
    assert_eq!(output.invalid[0].index.0, 2);
    assert_eq!(output.invalid[0].reason, expected);
}

#[test]
fn what_exceeds_the_blob_gas_of_the_block_is_left_out() {
    let mut lab = Lab::new(SpecId::PRAGUE);
    lab.block.protocol.max_blob_gas = Some(3 << 17);
    for number in 1..4 {
        let tx = lab.send(user(number), user(9), 1);
        tx.tx_type = 3;
        tx.gas_priority_fee = Some(0);
        tx.max_fee_per_blob_gas = 10;
        let mut hash = B256::ZERO;
        hash[0] = 1;
        tx.blob_hashes = vec![hash; 2];
    }
    let output = lab.check();
    assert_eq!(output.blob_gas_used, 2 << 17);
    assert!(matches!(output.invalid[0].reason, InvalidReason::BlobGas { .. }));
    assert_eq!(output.invalid.len(), 2);
}

#[test]
fn every_reason_is_reported_in_order() {
    let mut lab = Lab::new(SpecId::LONDON);
    lab.deploy(user(9), 1 << 50, vec![STOP]);
    lab.send(user(1), user(2), 1).gas_price = 1;
    lab.send(user(2), user(1), 1).gas_limit = 20_000;
    lab.send(user(3), user(1), 1).tx_type = 3;
    lab.send(user(4), user(1), 1).tx_type = 9;
    lab.send(user(5), user(1), 1).chain_id = Some(9);
    lab.send(user(6), TxKind::Create, 1).tx_type = 4;
    lab.send(user(7), user(1), 1).nonce = u64::MAX;
    lab.send(user(8), user(1), 1).gas_limit = 30_000_001;
    lab.send(user(9), user(1), 1).nonce = 1;
    lab.send(user(10), user(1), u64::MAX);
    lab.send(user(11), user(1), 1);
    let output = lab.check();
    let invalid: Vec<_> = output.invalid.iter().map(|invalid| invalid.index.0).collect();
    assert_eq!(invalid, (0..10).collect::<Vec<_>>());
    assert_eq!(
        output.invalid[8].reason,
        InvalidReason::Transaction(InvalidTransaction::RejectCallerWithCode)
    );
}

#[test]
fn an_empty_block_and_a_block_of_nothing_valid() {
    for spec in [SpecId::FRONTIER, SpecId::MERGE, SpecId::PRAGUE] {
        let mut lab = Lab::new(spec);
        lab.check();
        lab.send(user(1), user(2), 1).nonce = 3;
        lab.send(user(2), user(1), 1).nonce = 4;
        assert_eq!(lab.check().invalid.len(), 2);
    }
}
