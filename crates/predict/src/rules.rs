//! What the fork decides: gas tables, which opcodes exist, which precompiles.

use revm::{
    context::{CfgEnv, TxEnv},
    context_interface::{
        Cfg,
        cfg::{GasParams, gas::InitialAndFloorGas},
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
        let spec = cfg.spec;
        Self {
            spec,
            opcodes: core::array::from_fn(|code| exists(code as u8, spec)),
            static_gas: gas_table_spec(spec),
            gas: cfg.gas_params.clone(),
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
        let bare = gas.initial_tx_gas(&[], is_create, accounts, slots, authorizations, None);
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

    /// Whether the opcode exists under these rules.
    pub(crate) const fn has_opcode(&self, code: u8) -> bool {
        self.opcodes[code as usize]
    }
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

    #[test]
    fn what_a_transaction_costs_before_it_runs_is_what_revm_says() {
        let data: Vec<u8> = (0..2000u32).map(|n| (n * n % 7) as u8).collect();
        for spec in [SpecId::FRONTIER, SpecId::HOMESTEAD, SpecId::BERLIN, SpecId::OSAKA] {
            let rules = Rules::new(&CfgEnv::new_with_spec(spec));
            for (len, kind) in [
                (0, TxKind::Create),
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
