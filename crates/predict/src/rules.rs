//! What the fork decides: gas tables, which opcodes exist, which precompiles.

use revm::{
    context::CfgEnv,
    context_interface::{Cfg, cfg::GasParams},
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

    /// Whether the opcode exists under these rules.
    pub(crate) const fn has_opcode(&self, code: u8) -> bool {
        self.opcodes[code as usize]
    }
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
