//! What the fork decides: gas tables, which opcodes exist, which precompiles.

use alloy_primitives::U256;
use revm::{
    context::{CfgEnv, TxEnv},
    context_interface::{
        Cfg,
        cfg::{GasParams, gas::InitialAndFloorGas},
        context::SStoreResult,
        transaction::TransactionType,
    },
    precompile::{PrecompileSpecId, Precompiles},
    primitives::hardfork::SpecId,
};
use revm_bytecode::opcode;
use revm_interpreter::instructions::{GasTable, gas_table_spec};

/// The rules under which bytecode is compiled and transactions are instantiated.
#[derive(Clone, Debug)]
pub(crate) struct Rules {
    /// The fork.
    pub(crate) spec: SpecId,
    /// Which opcodes exist.
    opcodes: [bool; 256],
    /// Static gas per opcode.
    pub(crate) static_gas: GasTable,
    /// Parameters of dynamic gas.
    pub(crate) gas: GasParams,
    /// What a call without data and lists costs before it runs, and at least.
    bare_call: InitialAndFloorGas,
    /// What SSTORE costs, by [`sstore_class`].
    sstore: Box<[SStoreGas; SSTORE_CLASSES]>,
    /// Precompiled contracts.
    pub(crate) precompiles: &'static Precompiles,
    /// Chain id.
    pub(crate) chain_id: u64,
    /// The longest code that can be deployed
    /// ([EIP-170](https://eips.ethereum.org/EIPS/eip-170)).
    pub(crate) code_size_max: usize,
    /// The longest init code
    /// ([EIP-3860](https://eips.ethereum.org/EIPS/eip-3860)).
    pub(crate) initcode_size_max: usize,
}

impl Rules {
    /// The rules of a configuration.
    pub(crate) fn new(cfg: &CfgEnv) -> Self {
        let (spec, gas) = (cfg.spec, cfg.gas_params.clone());
        Self {
            spec,
            opcodes: core::array::from_fn(|code| exists(code as u8, spec)),
            static_gas: gas_table_spec(spec),
            bare_call: gas.initial_tx_gas(&[], false, 0, 0, 0, None),
            sstore: sstore_gas(&gas, spec.is_enabled_in(SpecId::ISTANBUL)),
            gas,
            precompiles: Precompiles::new(PrecompileSpecId::from_spec_id(spec)),
            chain_id: cfg.chain_id,
            code_size_max: cfg.max_code_size(),
            initcode_size_max: cfg.max_initcode_size(),
        }
    }

    /// Whether a fork's rules apply.
    pub(crate) const fn at_least(&self, spec: SpecId) -> bool {
        self.spec.is_enabled_in(spec)
    }

    /// What a transaction costs before it runs, and at least. As revm has it, but the
    /// calldata is counted once, and many bytes at a time.
    pub(crate) fn initial_gas(&self, tx: &TxEnv) -> InitialAndFloorGas {
        let gas = &self.gas;
        let (mut accounts, mut slots) = (0, 0);
        if tx.tx_type != TransactionType::Legacy as u8 {
            accounts = tx.access_list.len() as u64;
            slots = tx.access_list.iter().map(|item| item.storage_keys.len() as u64).sum();
        }
        let data = tx.data.as_ref();
        let is_create = tx.kind.is_create();
        let authorizations = tx.authorization_list.len() as u64;
        let bare = match is_create || accounts | slots | authorizations != 0 {
            false => self.bare_call,
            true => gas.initial_tx_gas(&[], is_create, accounts, slots, authorizations, None),
        };
        let zeros = zeros(data);
        let (zero, other) =
            (gas.tx_floor_token_zero_byte_multiplier(), gas.tx_token_non_zero_byte_multiplier());
        let others = (data.len() as u64 - zeros) * other;
        let (tokens, floor_tokens) = (zeros + others, zeros * zero + others);
        let init_code = if is_create { gas.tx_initcode_cost(data.len()) } else { 0 };
        InitialAndFloorGas::default()
            .with_initial_regular_gas(
                bare.initial_total_gas() + tokens * gas.tx_token_cost() + init_code,
            )
            .with_floor_gas(bare.floor_gas() + floor_tokens * gas.tx_floor_cost_per_token())
    }

    /// What SSTORE costs that changes values so, beside its static gas.
    pub(crate) fn sstore_gas(&self, values: &SStoreResult, is_cold: bool) -> SStoreGas {
        self.sstore[sstore_class(values, is_cold)]
    }

    /// Whether the opcode exists under these rules.
    pub(crate) const fn has_opcode(&self, code: u8) -> bool {
        self.opcodes[code as usize]
    }
}

/// What SSTORE costs, beside its static gas.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct SStoreGas {
    pub(crate) gas: u64,
    pub(crate) refund: i64,
}

/// So many classes there are of what SSTORE may do.
const SSTORE_CLASSES: usize = 1 << 7;

/// All that gas and refund of SSTORE depend on
/// ([EIP-2200](https://eips.ethereum.org/EIPS/eip-2200),
/// [EIP-2929](https://eips.ethereum.org/EIPS/eip-2929)), as a number: each comparison once.
fn sstore_class(values: &SStoreResult, is_cold: bool) -> usize {
    let &SStoreResult { original_value: original, present_value: present, new_value: new } = values;
    let conditions = [
        is_cold,
        original.is_zero(),
        present.is_zero(),
        new.is_zero(),
        original == present,
        present == new,
        new == original,
    ];
    conditions.into_iter().fold(0, |class, holds| class << 1 | usize::from(holds))
}

/// By class, as revm has it for some values of that class.
fn sstore_gas(gas: &GasParams, is_istanbul: bool) -> Box<[SStoreGas; SSTORE_CLASSES]> {
    let mut table = Box::new([SStoreGas::default(); SSTORE_CLASSES]);
    // Each value is zero, one of those before it, or another: two bits tell.
    for number in 0..1u8 << 6 {
        let [original_value, present_value, new_value] =
            [0, 2, 4].map(|shift| U256::from(number >> shift & 3));
        let values = SStoreResult { original_value, present_value, new_value };
        for is_cold in [false, true] {
            table[sstore_class(&values, is_cold)] = SStoreGas {
                gas: gas.sstore_dynamic_gas(is_istanbul, &values, is_cold),
                refund: gas.sstore_refund(is_istanbul, &values),
            };
        }
    }
    table
}

/// How many bytes are zero.
fn zeros(data: &[u8]) -> u64 {
    // A byte counts as many as there are in a chunk.
    let in_chunk = |chunk: &[u8]| chunk.iter().map(|byte| u8::from(*byte == 0)).sum::<u8>();
    data.chunks(u8::MAX as usize).map(|chunk| u64::from(in_chunk(chunk))).sum()
}

/// Whether an opcode exists in a fork.
const fn exists(code: u8, spec: SpecId) -> bool {
    let since = match code {
        opcode::DELEGATECALL => SpecId::HOMESTEAD,
        opcode::STATICCALL | opcode::REVERT | opcode::RETURNDATASIZE | opcode::RETURNDATACOPY => {
            SpecId::BYZANTIUM
        }
        opcode::SHL | opcode::SHR | opcode::SAR | opcode::CREATE2 | opcode::EXTCODEHASH => {
            SpecId::PETERSBURG
        }
        opcode::CHAINID | opcode::SELFBALANCE => SpecId::ISTANBUL,
        opcode::BASEFEE => SpecId::LONDON,
        opcode::PUSH0 => SpecId::SHANGHAI,
        opcode::TLOAD | opcode::TSTORE | opcode::MCOPY | opcode::BLOBHASH | opcode::BLOBBASEFEE => {
            SpecId::CANCUN
        }
        opcode::CLZ => SpecId::OSAKA,
        _ => return opcode::OPCODE_INFO[code as usize].is_some(),
    };
    spec.is_enabled_in(since)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::{Address, TxKind};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn sstore_costs_what_revm_says(values in any::<[Option<u64>; 3]>(), is_cold: bool) {
            // Many are zero or the same.
            let value = |value: Option<u64>| U256::from(value.unwrap_or_default() % 4);
            let [original_value, present_value, new_value] = values.map(value);
            let large = |small: U256| small << 200;
            for spec in [SpecId::FRONTIER, SpecId::ISTANBUL, SpecId::BERLIN, SpecId::OSAKA] {
                let rules = Rules::new(&CfgEnv::new_with_spec(spec));
                let values = SStoreResult {
                    original_value: large(original_value),
                    present_value: large(present_value),
                    new_value: large(new_value),
                };
                let is_istanbul = spec.is_enabled_in(SpecId::ISTANBUL);
                let expected = SStoreGas {
                    gas: rules.gas.sstore_dynamic_gas(is_istanbul, &values, is_cold),
                    refund: rules.gas.sstore_refund(is_istanbul, &values),
                };
                prop_assert_eq!(rules.sstore_gas(&values, is_cold), expected);
            }
        }
    }

    #[test]
    fn what_a_transaction_costs_before_it_runs_is_what_revm_says() {
        let data: Vec<u8> = (0..2000u32).map(|n| (n * n % 7) as u8).collect();
        for spec in [SpecId::FRONTIER, SpecId::HOMESTEAD, SpecId::BERLIN, SpecId::OSAKA] {
            let rules = Rules::new(&CfgEnv::new_with_spec(spec));
            for (len, kind) in [
                (0, TxKind::Create),
                (0, TxKind::Call(Address::ZERO)),
                (255, TxKind::Call(Address::ZERO)),
                (256, TxKind::Create),
                (2000, TxKind::Call(Address::ZERO)),
            ] {
                let data = data[..len].to_vec().into();
                let tx = TxEnv { kind, data, tx_type: 2, ..TxEnv::default() };
                let expected = rules.gas.initial_tx_gas_for_tx(&tx, None);
                assert_eq!(rules.initial_gas(&tx), expected, "{spec:?} {len} {kind:?}");
            }
        }
        assert_eq!(zeros(&[0; 1000]), 1000);
    }
}
