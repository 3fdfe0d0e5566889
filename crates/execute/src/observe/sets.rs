//! From a transaction's journal and what its code looked at to what it accessed.
//!
//! The journal is walked once, in no order.

use super::{
    observed::{Accesses, AccountAccess, FieldUses, Use},
    witness::Witness,
};
use crate::Block;
use alloy_primitives::{Address, U256};
use revm::{
    context::TxEnv,
    context_interface::transaction::{AuthorizationTr, Transaction},
    primitives::{TxKind, hardfork::SpecId},
    state::{Account, EvmState},
};

/// What an included transaction read and wrote. The journal is not changed; revm lends
/// what an account was before only for that.
pub(crate) fn accesses(
    block: &Block,
    tx: &TxEnv,
    gas_used: u64,
    witness: &Witness,
    state: &mut EvmState,
) -> Accesses {
    let roles = Roles::new(tx, witness, state);
    let count = state.values().map(|account| account.storage.len()).sum();
    let mut noted =
        Accesses { accounts: Vec::with_capacity(state.len()), slots: Vec::with_capacity(count) };
    for (&address, account) in state {
        let fee = match address == block.env.beneficiary {
            true => fee(block, tx, gas_used),
            false => U256::ZERO,
        };
        let fields = fields(address, account, &roles, witness, fee);
        let is_destroyed = account.is_selfdestructed();
        noted.slots.extend(account.storage.iter().map(|(slot, value)| {
            let present = if is_destroyed { U256::ZERO } else { value.present_value };
            (*slot, value.original_value != present)
        }));
        let slots = account.storage.len() as u32;
        noted.accounts.push(AccountAccess { address, fields, slots });
    }
    noted
}

/// Which fields of an account were read and written.
fn fields(
    address: Address,
    account: &mut Account,
    roles: &Roles,
    witness: &Witness,
    fee: U256,
) -> FieldUses {
    let named = witness.at(&address);
    let is_destroyed = account.is_selfdestructed();
    let before = account.original_info_mut();
    let (balance, nonce, code_hash) = (before.balance, before.nonce, before.code_hash);
    let has_code = !before.is_empty_code_hash();
    // That it is empty was found out where the balance decides it: the surcharge for a
    // new account depends on earlier payments.
    let existence = named.existence && nonce == 0 && !has_code;
    let after = &account.info;
    let balance_changes = match is_destroyed {
        true => !balance.is_zero(),
        // Without the fee that it earned as beneficiary.
        false => balance != after.balance.saturating_sub(fee),
    };
    let nonce_changes = if is_destroyed { nonce != 0 } else { nonce != after.nonce };
    let code_changes = if is_destroyed { has_code } else { code_hash != after.code_hash };
    let is_caller = roles.caller == address;
    let is_authority = roles.authorities.contains(&address);
    let is_called = named.called || roles.target == address;
    let is_delegate = roles.delegates.contains(&address);
    // Changed without being looked at: it was credited and no more. The sender's
    // solvency and nonce are settled at commit too, unless its code looked at them:
    // with EIP-7702 a sender can have code. So is the solvency of whoever else pays.
    let credited_or_pays = (balance_changes || named.funds) && !existence;
    FieldUses::new([
        Use {
            reads: named.balance || named.funds || existence || is_caller,
            writes: balance_changes,
            settles: !named.balance && (is_caller || credited_or_pays),
        },
        Use {
            reads: named.nonce || is_caller || is_authority,
            writes: nonce_changes,
            settles: is_caller && !named.nonce && !is_authority,
        },
        Use {
            reads: named.code || is_called || is_authority || is_delegate,
            writes: code_changes,
            settles: false,
        },
    ])
}

/// What accounts are to a transaction, apart from what its code does with them.
struct Roles {
    caller: Address,
    /// The account called or created.
    target: Address,
    /// Those that authorize delegations
    /// ([EIP-7702](https://eips.ethereum.org/EIPS/eip-7702)).
    authorities: Vec<Address>,
    /// Those whose code runs in place of somebody's who was called.
    delegates: Vec<Address>,
}

impl Roles {
    fn new(tx: &TxEnv, witness: &Witness, state: &EvmState) -> Self {
        let target = match &tx.kind {
            TxKind::Call(to) => *to,
            TxKind::Create => tx.caller.create(tx.nonce),
        };
        let is_called = |address: &Address| {
            witness.at(address).called || (tx.kind.is_call() && *address == target)
        };
        let delegate = |(address, account): (&Address, &Account)| {
            let code = account.info.code.as_ref()?;
            code.eip7702_address().filter(|_| is_called(address))
        };
        let list = tx.authorization_list();
        Self {
            caller: tx.caller,
            target,
            authorities: list.filter_map(|authorization| authorization.authority()).collect(),
            delegates: state.iter().filter_map(delegate).collect(),
        }
    }
}

/// What the beneficiary earns by the transaction, in wei
/// ([EIP-1559](https://eips.ethereum.org/EIPS/eip-1559)).
fn fee(block: &Block, tx: &TxEnv, gas_used: u64) -> U256 {
    let base_fee = u128::from(block.env.basefee);
    let price = tx.effective_gas_price(base_fee);
    let earned = match block.cfg.spec.is_enabled_in(SpecId::LONDON) {
        true => price.saturating_sub(base_fee),
        false => price,
    };
    U256::from(earned) * U256::from(gas_used)
}
