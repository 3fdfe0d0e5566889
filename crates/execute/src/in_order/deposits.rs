//! Deposit requests ([EIP-6110](https://eips.ethereum.org/EIPS/eip-6110)): the
//! logs of the deposit contract, checked to have exactly the layout that the
//! contract gives them, and concatenated.
//!
//! The data of such a log is the ABI encoding of five byte strings of fixed
//! sizes. The EIP makes a block with any other layout invalid, where an ABI
//! decoder would be lenient.

use alloy_consensus::EthereumReceipt;
use alloy_primitives::{Address, B256, Log, U256, b256};

/// First topic of `DepositEvent(bytes,bytes,bytes,bytes,bytes)`.
const DEPOSIT_EVENT_SIGNATURE_HASH: B256 =
    b256!("649bbc62d0e31342afea4e5cd82d4049e7e1ee912fc0889aa790803be39038c5");

/// Length of the data of a deposit log.
const DATA_SIZE: usize = 576;

/// Offset and size of public key, withdrawal credentials, amount, signature and
/// index in the data of a deposit log.
const FIELDS: [(usize, usize); 5] = [(160, 48), (256, 32), (320, 8), (384, 96), (512, 8)];

/// Concatenates the deposits that the contract logged, in block order.
pub(super) fn collect(contract: Address, receipts: &[EthereumReceipt]) -> Result<Vec<u8>, String> {
    let mut deposits = Vec::new();
    for log in receipts.iter().flat_map(|receipt| &receipt.logs) {
        let is_deposit =
            log.address == contract && log.topics().first() == Some(&DEPOSIT_EVENT_SIGNATURE_HASH);
        if is_deposit {
            append(log, &mut deposits)?;
        }
    }
    Ok(deposits)
}

/// Appends the five fields of one log.
fn append(log: &Log, deposits: &mut Vec<u8>) -> Result<(), String> {
    let data = &log.data.data[..];
    if data.len() != DATA_SIZE {
        return Err(format!("{} bytes of data instead of {DATA_SIZE}", data.len()));
    }
    let word = |offset: usize| U256::from_be_slice(&data[offset..offset + 32]);
    for (position, (offset, size)) in FIELDS.into_iter().enumerate() {
        if word(32 * position) != U256::from(offset) || word(offset) != U256::from(size) {
            return Err(format!("field {position} is not {size} bytes at offset {offset}"));
        }
        deposits.extend_from_slice(&data[offset + 32..offset + 32 + size]);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_consensus::TxType;

    const CONTRACT: Address = Address::repeat_byte(7);

    /// A log as the deposit contract writes it, every field filled with its position.
    fn data() -> Vec<u8> {
        let mut data = vec![0; DATA_SIZE];
        for (position, (offset, size)) in FIELDS.into_iter().enumerate() {
            let mut put = |at: usize, value: usize| {
                data[at..at + 32].copy_from_slice(&U256::from(value).to_be_bytes::<32>());
            };
            put(32 * position, offset);
            put(offset, size);
            data[offset + 32..offset + 32 + size].fill(position as u8);
        }
        data
    }

    fn check(address: Address, topics: Vec<B256>, data: Vec<u8>, expect: Result<usize, &str>) {
        let log = Log::new_unchecked(address, topics, data.into());
        let receipt = EthereumReceipt {
            tx_type: TxType::Legacy,
            success: true,
            cumulative_gas_used: 0,
            logs: vec![log],
        };
        let found = collect(CONTRACT, &[receipt]).map(|deposits| deposits.len());
        assert_eq!(found, expect.map_err(str::to_owned));
    }

    #[test]
    fn only_exact_deposit_events_of_the_contract_are_deposits() {
        let topics = || vec![DEPOSIT_EVENT_SIGNATURE_HASH];
        check(CONTRACT, topics(), data(), Ok(192));
        check(Address::ZERO, topics(), vec![], Ok(0));
        check(CONTRACT, vec![], vec![], Ok(0));
        check(CONTRACT, topics(), vec![], Err("0 bytes of data instead of 576"));
        let mut shifted = data();
        shifted[31] += 1;
        check(CONTRACT, topics(), shifted, Err("field 0 is not 48 bytes at offset 160"));
        let mut resized = data();
        resized[512 + 31] += 1;
        check(CONTRACT, topics(), resized, Err("field 4 is not 8 bytes at offset 512"));
    }
}
