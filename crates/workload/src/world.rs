//! The state before the block, made the way a chain makes it: contracts are
//! created and called on revm, and what they leave behind is the prestate. So
//! storage layouts are the compiler's and appear nowhere in this crate.

use crate::{Contract, GenerateError};
use alloy_eips::{eip2935, eip4788, eip7002, eip7251};
use alloy_primitives::{Address, Bytes, TxKind, U256};
use foresee_source::SnapshotAccount;
use revm::{
    Context, ExecuteCommitEvm, MainBuilder, MainContext, MainnetEvm,
    context::{BlockEnv, CfgEnv, TxEnv},
    context_interface::result::{ExecutionResult, Output},
    database::{AccountState, CacheDB, EmptyDB},
    handler::MainnetContext,
    primitives::hardfork::SpecId,
    state::{AccountInfo, Bytecode},
};
use std::collections::BTreeMap;

/// Gas of one call of the set-up.
const SETUP_GAS: u64 = 30_000_000;

/// A state under construction.
pub(crate) struct World {
    evm: MainnetEvm<MainnetContext<CacheDB<EmptyDB>>>,
}

impl World {
    /// A state that holds nothing but the system contracts.
    pub(crate) fn new(chain_id: u64, spec: SpecId, timestamp: u64) -> Self {
        let mut cfg = CfgEnv::new_with_spec(spec).with_chain_id(chain_id);
        // Callers of the set-up do not sign, count or pay.
        cfg.disable_nonce_check = true;
        cfg.tx_gas_limit_cap = Some(u64::MAX);
        let block = BlockEnv {
            timestamp: U256::from(timestamp),
            gas_limit: SETUP_GAS,
            basefee: 0,
            ..BlockEnv::default()
        };
        let context = Context::mainnet().with_db(CacheDB::default());
        let evm = context.with_cfg(cfg).with_block(block).build_mainnet();
        let mut world = Self { evm };
        for (address, code) in [
            (eip2935::HISTORY_STORAGE_ADDRESS, &eip2935::HISTORY_STORAGE_CODE),
            (eip4788::BEACON_ROOTS_ADDRESS, &eip4788::BEACON_ROOTS_CODE),
            (
                eip7002::WITHDRAWAL_REQUEST_PREDEPLOY_ADDRESS,
                &eip7002::WITHDRAWAL_REQUEST_PREDEPLOY_CODE,
            ),
            (
                eip7251::CONSOLIDATION_REQUEST_PREDEPLOY_ADDRESS,
                &eip7251::CONSOLIDATION_REQUEST_PREDEPLOY_CODE,
            ),
        ] {
            world.place(address, code.clone());
        }
        world
    }

    /// Puts code at an address as it is, without creating it.
    pub(crate) fn place(&mut self, address: Address, code: Bytes) {
        let info = AccountInfo::from_bytecode(Bytecode::new_raw(code)).with_nonce(1);
        self.evm.ctx.journaled_state.database.insert_account_info(address, info);
    }

    /// Makes an account delegate to a contract, as if it had signed for it
    /// ([EIP-7702](https://eips.ethereum.org/EIPS/eip-7702)).
    pub(crate) fn delegate(&mut self, account: Address, contract: Address) {
        let database = &mut self.evm.ctx.journaled_state.database;
        let mut info = database.cache.accounts.entry(account).or_default().info.clone();
        info.set_code(Bytecode::new_eip7702(contract));
        info.nonce += 1;
        database.insert_account_info(account, info);
    }

    /// Gives an account a balance in wei.
    pub(crate) fn fund(&mut self, address: Address, balance: U256) {
        let database = &mut self.evm.ctx.journaled_state.database;
        let account = database.cache.accounts.entry(address).or_default();
        account.info.balance = balance;
        account.account_state = AccountState::Touched;
    }

    /// Puts values into an account's storage.
    pub(crate) fn store(&mut self, address: Address, storage: &BTreeMap<U256, U256>) {
        let database = &mut self.evm.ctx.journaled_state.database;
        database.cache.accounts.entry(address).or_default().storage.extend(storage);
    }

    /// The nonce that an account's next transaction carries.
    pub(crate) fn nonce(&self, address: Address) -> u64 {
        let accounts = &self.evm.ctx.journaled_state.database.cache.accounts;
        accounts.get(&address).map_or(0, |account| account.info.nonce)
    }

    /// Creates a contract.
    ///
    /// # Errors
    /// If the constructor fails.
    pub(crate) fn create(
        &mut self,
        creator: Address,
        contract: Contract,
        arguments: &[u8],
    ) -> Result<Address, GenerateError> {
        let code = [&contract.creation()?, arguments].concat();
        match self.transact(creator, TxKind::Create, U256::ZERO, code.into())? {
            Output::Create(_, Some(address)) => Ok(address),
            output => Err(GenerateError::Setup { to: None, reason: format!("{output:?}") }),
        }
    }

    /// Calls a contract and returns what it returns.
    ///
    /// # Errors
    /// If the call fails.
    pub(crate) fn call(
        &mut self,
        caller: Address,
        to: Address,
        value: U256,
        input: Vec<u8>,
    ) -> Result<Bytes, GenerateError> {
        Ok(self.transact(caller, TxKind::Call(to), value, input.into())?.into_data())
    }

    /// The state as it is now. Empty accounts do not exist
    /// ([EIP-161](https://eips.ethereum.org/EIPS/eip-161)).
    pub(crate) fn state(&self) -> BTreeMap<Address, SnapshotAccount> {
        let cache = &self.evm.ctx.journaled_state.database.cache;
        let mut state = BTreeMap::new();
        for (&address, account) in &cache.accounts {
            if account.info.is_empty() {
                continue;
            }
            let code = cache.contracts.get(&account.info.code_hash);
            let code = account.info.code.as_ref().or(code);
            let nonzero = account.storage.iter().filter(|(_, value)| !value.is_zero());
            let storage = nonzero.map(|(&slot, &value)| (slot, value)).collect();
            let _ = state.insert(
                address,
                SnapshotAccount {
                    balance: account.info.balance,
                    nonce: account.info.nonce,
                    code: code.map(Bytecode::original_bytes).unwrap_or_default(),
                    storage,
                },
            );
        }
        state
    }

    fn transact(
        &mut self,
        caller: Address,
        kind: TxKind,
        value: U256,
        data: Bytes,
    ) -> Result<Output, GenerateError> {
        let to = kind.to().copied();
        let chain_id = Some(self.evm.ctx.cfg.chain_id);
        let transaction = TxEnv {
            caller,
            kind,
            value,
            data,
            gas_limit: SETUP_GAS,
            gas_price: 0,
            chain_id,
            ..TxEnv::default()
        };
        match self.evm.transact_commit(transaction) {
            Ok(ExecutionResult::Success { output, .. }) => Ok(output),
            Ok(result) => Err(GenerateError::Setup { to, reason: format!("{result:?}") }),
            Err(error) => Err(GenerateError::Setup { to, reason: error.to_string() }),
        }
    }
}
