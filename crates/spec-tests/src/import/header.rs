//! Whether a header follows from its parent's (Yellow Paper, section 4.3.4, and
//! the EIPs that added to it).

use alloy_consensus::{Header, constants::EMPTY_OMMER_ROOT_HASH};
use alloy_eips::eip1559::{BaseFeeParams, INITIAL_BASE_FEE};
use alloy_primitives::{B64, U256};
use foresee_source::Rules;
use revm::primitives::hardfork::SpecId;

/// A header's gas limit may differ from its parent's by less than this part.
const GAS_LIMIT_BOUND_DIVISOR: u64 = 1024;
/// The least gas limit.
const GAS_LIMIT_MIN: u64 = 5000;
/// The greatest gas limit ([EIP-1985](https://eips.ethereum.org/EIPS/eip-1985)).
const GAS_LIMIT_MAX: u64 = i64::MAX as u64;
/// London doubles the gas limit, so that the gas target stays as it was
/// ([EIP-1559](https://eips.ethereum.org/EIPS/eip-1559)).
const ELASTICITY: u64 = 2;
/// Longest extra data, in bytes.
const EXTRA_DATA_MAX: usize = 32;
/// Extra data of the first blocks of the DAO fork
/// ([EIP-779](https://eips.ethereum.org/EIPS/eip-779)).
const DAO_EXTRA_DATA: &[u8] = b"dao-hard-fork";
/// The blocks that must carry it.
const DAO_EXTRA_DATA_BLOCKS: u64 = 10;
/// The least difficulty.
const DIFFICULTY_MIN: u64 = 131_072;

/// What the validity of a header depends on besides its parent.
#[derive(Debug)]
pub(crate) struct Context<'a> {
    pub(crate) rules: &'a Rules,
    pub(crate) dao_block: Option<u64>,
    /// Whether this is the first block of London.
    pub(crate) london_starts: bool,
}

/// Checks a header against its parent's.
pub(crate) fn check(header: &Header, parent: &Header, context: &Context<'_>) -> Result<(), String> {
    let rules = context.rules;
    require(header.number == parent.number + 1, "number does not follow the parent's")?;
    require(header.timestamp > parent.timestamp, "timestamp is not after the parent's")?;
    require(header.gas_used <= header.gas_limit, "more gas used than the limit")?;
    require(header.extra_data.len() <= EXTRA_DATA_MAX, "extra data is too long")?;
    check_gas_limit(header, parent, context)?;
    check_dao(header, context.dao_block)?;
    check_seal(header, parent, rules)?;
    check_base_fee(header, parent, context)?;
    check_blob_gas(header, parent, rules)?;
    let spec = rules.spec;
    let shanghai = spec.is_enabled_in(SpecId::SHANGHAI);
    require(header.withdrawals_root.is_some() == shanghai, "withdrawals root of another fork")?;
    let cancun = spec.is_enabled_in(SpecId::CANCUN);
    require(header.parent_beacon_block_root.is_some() == cancun, "beacon root of another fork")?;
    let prague = spec.is_enabled_in(SpecId::PRAGUE);
    require(header.requests_hash.is_some() == prague, "requests hash of another fork")?;
    let access_list = header.block_access_list_hash.is_some();
    require(access_list == rules.access_list, "access list hash of another fork")
}

fn require(holds: bool, reason: &str) -> Result<(), String> {
    match holds {
        true => Ok(()),
        false => Err(reason.to_owned()),
    }
}

fn check_gas_limit(header: &Header, parent: &Header, context: &Context<'_>) -> Result<(), String> {
    let parent_limit = match context.london_starts {
        true => parent.gas_limit * ELASTICITY,
        false => parent.gas_limit,
    };
    let change = header.gas_limit.abs_diff(parent_limit);
    require(change < parent_limit / GAS_LIMIT_BOUND_DIVISOR, "gas limit changes too much")?;
    require(header.gas_limit >= GAS_LIMIT_MIN, "gas limit is too small")?;
    require(header.gas_limit <= GAS_LIMIT_MAX, "gas limit is too great")
}

fn check_dao(header: &Header, dao_block: Option<u64>) -> Result<(), String> {
    let Some(start) = dao_block else { return Ok(()) };
    let marked = (start..start + DAO_EXTRA_DATA_BLOCKS).contains(&header.number);
    require(!marked || header.extra_data[..] == *DAO_EXTRA_DATA, "extra data is not the DAO fork's")
}

/// Difficulty before the merge, its absence after it
/// ([EIP-3675](https://eips.ethereum.org/EIPS/eip-3675)). The tests' proofs of
/// work are not real ones.
fn check_seal(header: &Header, parent: &Header, rules: &Rules) -> Result<(), String> {
    if rules.spec.is_enabled_in(SpecId::MERGE) {
        require(header.difficulty.is_zero(), "difficulty after the merge")?;
        require(header.nonce == B64::ZERO, "nonce after the merge")?;
        return require(header.ommers_hash == EMPTY_OMMER_ROOT_HASH, "ommers after the merge");
    }
    require(header.difficulty == difficulty(header, parent, rules.spec), "wrong difficulty")
}

/// Difficulty of a proof-of-work block
/// ([EIP-2](https://eips.ethereum.org/EIPS/eip-2),
/// [EIP-100](https://eips.ethereum.org/EIPS/eip-100)). The bomb in it, which
/// starts at block 200,000, is left out: no test is that long.
fn difficulty(header: &Header, parent: &Header, spec: SpecId) -> U256 {
    let step = parent.difficulty / U256::from(2048);
    let seconds = i128::from(header.timestamp) - i128::from(parent.timestamp);
    let steps = if spec.is_enabled_in(SpecId::BYZANTIUM) {
        let ommers = i128::from(parent.ommers_hash != EMPTY_OMMER_ROOT_HASH);
        (1 + ommers - seconds / 9).max(-99)
    } else if spec.is_enabled_in(SpecId::HOMESTEAD) {
        (1 - seconds / 10).max(-99)
    } else if seconds < 13 {
        1
    } else {
        -1
    };
    let change = step * U256::from(steps.unsigned_abs());
    let difficulty = match steps < 0 {
        true => parent.difficulty.saturating_sub(change),
        false => parent.difficulty + change,
    };
    difficulty.max(U256::from(DIFFICULTY_MIN))
}

/// Base fee ([EIP-1559](https://eips.ethereum.org/EIPS/eip-1559)).
fn check_base_fee(header: &Header, parent: &Header, context: &Context<'_>) -> Result<(), String> {
    let expected = match context.rules.spec.is_enabled_in(SpecId::LONDON) {
        false => None,
        true if context.london_starts => Some(INITIAL_BASE_FEE),
        true => parent.next_block_base_fee(BaseFeeParams::ethereum()),
    };
    require(header.base_fee_per_gas == expected, "wrong base fee")
}

/// Blob gas ([EIP-4844](https://eips.ethereum.org/EIPS/eip-4844),
/// [EIP-7918](https://eips.ethereum.org/EIPS/eip-7918)).
fn check_blob_gas(header: &Header, parent: &Header, rules: &Rules) -> Result<(), String> {
    let Some(blobs) = &rules.blobs else {
        let absent = header.excess_blob_gas.is_none() && header.blob_gas_used.is_none();
        return require(absent, "blob gas before Cancun");
    };
    require(header.blob_gas_used.is_some(), "no blob gas used")?;
    let expected = blobs.next_block_excess_blob_gas_osaka(
        parent.excess_blob_gas.unwrap_or_default(),
        parent.blob_gas_used.unwrap_or_default(),
        parent.base_fee_per_gas.unwrap_or_default(),
    );
    require(header.excess_blob_gas == Some(expected), "wrong excess blob gas")
}
