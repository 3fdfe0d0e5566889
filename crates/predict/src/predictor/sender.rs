//! What is done for a transaction before its first frame: its sender is charged, what its access
//! list names is warmed, and its authorizations are carried out.

use super::{BlockPredictor, Current};
use crate::{
    machine::Interrupt,
    state::StateView,
    unknown::Unknown,
    world::{Look, Stop},
};
use alloy_primitives::{Address, U256};
use revm::{
    context::TxEnv,
    context_interface::{
        result::InvalidTransaction,
        transaction::{AccessListItemTr, AuthorizationTr, Transaction, TransactionType},
    },
    primitives::{TxKind, hardfork::SpecId},
    state::Bytecode,
};

impl<S: StateView> BlockPredictor<'_, S> {
    /// Validates the transaction against the predicted state, and takes the price of
    /// its gas limit and its nonce from the sender.
    pub(super) fn charge_sender(
        &mut self,
        current: &mut Current<'_>,
    ) -> Result<(), Interrupt<S::Error>> {
        if self.rules.at_least(SpecId::AMSTERDAM) {
            return Err(Interrupt::Unknown(Unknown::Fork));
        }
        let tx = current.tx;
        let sender = self.world.intern(tx.caller);
        self.world.load_code(sender)?;
        if self.place.is_alone() {
            self.world.grant(sender, tx.nonce, current.fees.max_cost());
        }
        self.list_access(tx);
        self.world.touch(sender, Look::empty());
        let account = self.world.account(sender);
        let invalid = |reason| Err(Interrupt::Unknown(Unknown::Invalid(reason)));
        if let Err(reason) = current.fees.affordable(account.balance) {
            return invalid(reason);
        }
        if tx.nonce == u64::MAX && account.nonce == u64::MAX {
            return invalid(InvalidTransaction::NonceOverflowInTransaction);
        }
        if account.nonce != tx.nonce {
            let (tx, state) = (tx.nonce, account.nonce);
            return invalid(if tx > state {
                InvalidTransaction::NonceTooHigh { tx, state }
            } else {
                InvalidTransaction::NonceTooLow { tx, state }
            });
        }
        let code = account.code.as_ref();
        if code.is_some_and(|code| !code.is_empty() && !code.is_eip7702()) {
            return invalid(InvalidTransaction::RejectCallerWithCode);
        }
        let (initial_gas, gas_limit) = (current.gas.initial_total_gas(), tx.gas_limit);
        if initial_gas.max(current.gas.floor_gas()) > gas_limit {
            return invalid(InvalidTransaction::CallGasCostMoreThanGasLimit {
                initial_gas,
                gas_limit,
            });
        }
        let (balance, nonce) = (account.balance, account.nonce);
        self.world.set_balance(sender, balance.saturating_sub(current.fees.prepaid()));
        if matches!(tx.kind, TxKind::Call(_)) {
            self.world.set_nonce(sender, nonce + 1);
        }
        current.sender = Some(sender);
        Ok(())
    }

    /// Warms what the transaction's access list names
    /// ([EIP-2930](https://eips.ethereum.org/EIPS/eip-2930)).
    fn list_access(&mut self, tx: &TxEnv) {
        if tx.tx_type() == TransactionType::Legacy {
            return;
        }
        for item in tx.access_list.iter() {
            let id = self.world.intern(*item.address());
            self.world.list_account(id);
            for key in item.storage_slots() {
                self.world.list_slot(id, (*key).into());
            }
        }
    }

    /// Sets the delegation that an authorization asks for, if it is valid
    /// ([EIP-7702](https://eips.ethereum.org/EIPS/eip-7702)).
    pub(super) fn authorize(
        &mut self,
        authorization: &impl AuthorizationTr,
        current: &mut Current<'_>,
    ) -> Result<(), Stop<S::Error>> {
        let chain_id = authorization.chain_id();
        if !chain_id.is_zero() && chain_id != U256::from(self.rules.chain_id)
            || authorization.nonce() == u64::MAX
        {
            return Ok(());
        }
        let Some(authority) = authorization.authority() else { return Ok(()) };
        let id = self.world.intern(authority);
        self.world.load_code(id)?;
        self.world.touch(id, Look::NONCE | Look::CODE);
        let account = self.world.account(id);
        let foreign =
            account.code.as_ref().is_some_and(|code| !code.is_empty() && !code.is_eip7702());
        if foreign || account.nonce != authorization.nonce() {
            return Ok(());
        }
        if account.exists || account.modified || !account.is_empty() {
            current.authorities_refunded += 1;
        }
        let nonce = account.nonce;
        let target = authorization.address();
        let code = if target == Address::ZERO {
            Bytecode::default()
        } else {
            Bytecode::new_eip7702(target)
        };
        self.world.set_code(id, code);
        self.world.set_nonce(id, nonce + 1);
        Ok(())
    }
}
