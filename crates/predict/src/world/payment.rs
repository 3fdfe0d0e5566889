//! What a payment changes.

use super::{AccountId, World};
use crate::state::StateView;
use alloy_primitives::U256;

impl<S: StateView> World<S> {
    /// Carries out a transaction that moves a value between two accounts, which were loaded, and
    /// does nothing else: who pays has enough for value and fee, and uses up a nonce. Nothing of
    /// it can be undone. From [EIP-161](https://eips.ethereum.org/EIPS/eip-161) on.
    pub(crate) fn pay(
        &mut self,
        payer: AccountId,
        fee: U256,
        receiver: AccountId,
        value: U256,
        reward: U256,
    ) {
        let accounts = &mut self.contents.accounts;
        let account = accounts.get_mut(payer);
        account.change();
        account.balance -= fee + value;
        account.nonce += 1;
        let account = accounts.get_mut(receiver);
        account.change();
        account.balance += value;
        self.pay_fee(reward);
        for id in [payer, receiver] {
            let account = self.contents.accounts.get_mut(id);
            account.exists = !account.is_empty();
        }
    }
}
