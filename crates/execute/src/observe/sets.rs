//! From a transaction's journal and what its code looked at to what it accessed.
//!
//! The journal is walked once, in no order.

use super::{
    Observed,
    witness::{Named, Witness},
};
use crate::Block;
use alloy_primitives::{Address, U256};
use foresee_access::{AccessSetBuilder, Touch};
use revm::{
    context::TxEnv,
    context_interface::transaction::{AuthorizationTr, Transaction},
    primitives::{KECCAK_EMPTY, TxKind, hardfork::SpecId},
    state::{Account, Bytecode, EvmState},
};

/// What an included transaction read and wrote. The journal is not changed; revm lends
/// what an account was before only for that.
pub(crate) fn observed(
    block: &Block,
    tx: &TxEnv,
    gas_used: u64,
    witness: &Witness,
    state: &mut EvmState,
) -> Observed {
    let roles = Roles::new(tx);
    let mut precompiled = witness.precompiled.clone();
    precompiled.sort_unstable();
    precompiled.dedup();
    let mut noted = AccessSetBuilder::with_capacity(state.len(), 0);
    // Those whose code runs in place of somebody's who is called.
    let mut delegates = Vec::new();
    for (&address, account) in state.iter_mut() {
        let is_beneficiary = address == block.env.beneficiary;
        let fee = is_beneficiary.then(|| fee(block, tx, gas_used));
        let named = witness.at(&address);
        noted.account(address, fields(address, account, &roles, named, fee));
        if let Some(delegate) = account.info.code.as_ref().and_then(Bytecode::eip7702_address) {
            let is_called = named.called || (tx.kind.is_call() && roles.target == address);
            delegates.extend(is_called.then_some(delegate));
        }
        let is_destroyed = account.is_selfdestructed();
        for (slot, value) in &account.storage {
            let is_written = match is_destroyed {
                true => !value.original_value.is_zero(),
                false => value.original_value != value.present_value,
            };
            noted.slot(*slot, Touch::READ.and(Touch::WRITE.only_if(is_written)));
        }
    }
    for delegate in delegates.iter().filter(|delegate| state.contains_key(*delegate)) {
        noted.amend(*delegate, [Touch::NONE, Touch::NONE, Touch::READ]);
    }
    Observed::noted(noted, precompiled)
}

/// Which fields of an account were read and written.
fn fields(
    address: Address,
    account: &mut Account,
    roles: &Roles,
    named: Named,
    fee: Option<U256>,
) -> [Touch; 3] {
    let is_destroyed = account.is_selfdestructed();
    let before = account.original_info_mut();
    let (balance, nonce, code_hash) = (before.balance, before.nonce, before.code_hash);
    let has_code = || code_hash != KECCAK_EMPTY;
    // That it is empty was found out where the balance decides it: the surcharge for a
    // new account depends on earlier payments, and so does the hash of no code.
    let existence = named.existence && nonce == 0 && !has_code();
    let after = &account.info;
    let balance_changes = match fee {
        _ if is_destroyed => !balance.is_zero(),
        // Without what it earned as beneficiary.
        Some(fee) => balance != after.balance.saturating_sub(fee),
        None => balance != after.balance,
    };
    let nonce_changes = if is_destroyed { nonce != 0 } else { nonce != after.nonce };
    let code_changes = if is_destroyed { has_code() } else { code_hash != after.code_hash };
    let is_caller = roles.caller == address;
    let is_authority = roles.authorities.contains(&address);
    let is_called = named.called || roles.target == address;
    // Changed without being looked at: it was credited and no more. The sender's
    // solvency and nonce are settled at commit too, unless its code looked at them:
    // with EIP-7702 a sender can have code. So is the solvency of whoever else pays.
    let credited_or_pays = (balance_changes || named.funds) && !existence;
    let touch = |reads, writes, settles| {
        let touch = Touch::READ.only_if(reads).and(Touch::WRITE.only_if(writes));
        touch.and(Touch::COMMUTATIVE.only_if(settles))
    };
    [
        touch(
            named.balance || named.funds || existence || is_caller,
            balance_changes,
            !named.balance && (is_caller || credited_or_pays),
        ),
        touch(
            named.nonce || is_caller || is_authority,
            nonce_changes,
            is_caller && !named.nonce && !is_authority,
        ),
        touch(named.code || is_called || is_authority, code_changes, false),
    ]
}

/// What accounts are to a transaction, apart from what its code does with them.
struct Roles {
    caller: Address,
    /// The account called or created.
    target: Address,
    /// Those that authorize delegations
    /// ([EIP-7702](https://eips.ethereum.org/EIPS/eip-7702)).
    authorities: Vec<Address>,
}

impl Roles {
    fn new(tx: &TxEnv) -> Self {
        let target = match &tx.kind {
            TxKind::Call(to) => *to,
            TxKind::Create => tx.caller.create(tx.nonce),
        };
        let list = tx.authorization_list();
        let authorities = list.filter_map(|authorization| authorization.authority()).collect();
        Self { caller: tx.caller, target, authorities }
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
