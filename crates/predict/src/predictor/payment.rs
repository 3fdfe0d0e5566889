//! Payments: calls of accounts without code, and without data.
//!
//! They are most transactions of many blocks. Nothing in them runs, warms, is undone or waits,
//! so what is made for that is left out; what they do is the same. Whatever is, or may be,
//! something else is left to the stages of all transactions.

use super::{BlockPredictor, Current, Place};
use crate::{prediction::Prediction, state::StateView, world::Stop};
use alloy_primitives::Address;
use foresee_access::{AccessSet, AccessSetBuilder, Touch};
use revm::{
    context_interface::transaction::TransactionType,
    primitives::{TxKind, hardfork::SpecId},
    state::Bytecode,
};

impl<S: StateView> BlockPredictor<'_, S> {
    /// Predicts the transaction at hand, if it is a payment. Nothing has changed if a value is
    /// missing, or if it is none.
    pub(super) fn pay(
        &mut self,
        current: &Current<'_>,
    ) -> Result<Option<Prediction>, Stop<S::Error>> {
        let &Current { tx, ref fees, gas, .. } = current;
        let TxKind::Call(to) = tx.kind else { return Ok(None) };
        let is_plain = match TransactionType::from(tx.tx_type) {
            TransactionType::Legacy => true,
            TransactionType::Eip2930 | TransactionType::Eip1559 => tx.access_list.is_empty(),
            _ => false,
        };
        // Before EIP-161 accounts may exist and be empty. Alone, a sender has what it needs.
        let spec = self.rules.spec;
        let is_known = spec.is_enabled_in(SpecId::SPURIOUS_DRAGON)
            && !spec.is_enabled_in(SpecId::AMSTERDAM)
            && !self.place.is_alone()
            && !self.options.dependencies;
        // Whoever sends data mostly calls a contract, whose account would be looked at for nothing.
        if !is_plain || !is_known || to == tx.caller || !tx.data.is_empty() {
            return Ok(None);
        }
        let gas_used = gas.initial_total_gas().max(gas.floor_gas());
        let sender = self.world.intern(tx.caller);
        self.world.load(sender)?;
        let account = self.world.account(sender);
        let has_no_code = |code: &Option<Bytecode>| code.as_ref().is_some_and(Bytecode::is_empty);
        let is_valid = account.nonce == tx.nonce
            && tx.nonce != u64::MAX
            && has_no_code(&account.code)
            && fees.affordable(account.balance).is_ok()
            && gas_used <= tx.gas_limit
            && i64::try_from(tx.gas_limit).is_ok();
        if !is_valid {
            return Ok(None);
        }
        let receiver = self.world.intern(to);
        self.world.load(receiver)?;
        let account = self.world.account(receiver);
        let may_fail = account.precompile || account.balance.checked_add(tx.value).is_none();
        if !has_no_code(&account.code) || may_fail {
            return Ok(None);
        }
        self.world.load(self.world.beneficiary)?;
        let fee = fees.price_of(gas_used);
        self.world.pay(sender, fee, receiver, tx.value, fees.reward(gas_used));
        let access = match self.place {
            Place::InOrderUnseen => AccessSet::default(),
            _ => {
                let transfers = !tx.value.is_zero();
                access_set(tx.caller, transfers || !fee.is_zero(), to, transfers)
            }
        };
        Ok(Some(Prediction { access, gas_used, success: true, ..Prediction::default() }))
    }
}

/// What a payment reads, writes, and leaves to be settled at commit. Who pays nothing changes its
/// nonce alone.
fn access_set(payer: Address, pays: bool, receiver: Address, transfers: bool) -> AccessSet {
    let (used, settled) = (Touch::READ.and(Touch::COMMUTATIVE), Touch::COMMUTATIVE);
    let paid = used.and(Touch::WRITE.only_if(pays));
    let credited = settled.and(Touch::WRITE).only_if(transfers);
    let payer = (payer, [paid, used.and(Touch::WRITE), Touch::NONE]);
    let receiver = (receiver, [credited, Touch::NONE, Touch::READ]);
    let accounts = if payer.0 < receiver.0 { [payer, receiver] } else { [receiver, payer] };
    let mut set = AccessSetBuilder::with_capacity(accounts.len(), 0);
    accounts.into_iter().for_each(|(address, fields)| set.account(address, fields));
    set.finish()
}
