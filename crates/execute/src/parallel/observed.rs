//! What the transactions of a parallel execution read and wrote, on request.
//!
//! The set of a transaction follows from what its result was validated by: revm's
//! journal and the [`Looks`]. It is made at its turn, when the journal has been
//! moved onto the authoritative state, so it is that of in-order execution.

use super::looks::Looks;
use alloy_primitives::U256;
use foresee_access::{AccessSet, Location};
use revm::{
    context::{Transaction, TxEnv},
    context_interface::transaction::AuthorizationTr,
    primitives::Address,
    state::EvmState,
};

/// What an included transaction read and wrote. The code of every loaded account
/// counts as read, because validation compares it: the journal does not tell
/// whether it was run, measured, or not looked at. A balance that was only compared
/// with a value to pay, and was enough, counts as settled at commit, because here it
/// is.
///
/// `fee` is what the beneficiary earns by the transaction.
pub(super) fn access_set(
    tx: &TxEnv,
    (beneficiary, fee): (Address, U256),
    looks: &Looks,
    changes: &EvmState,
) -> AccessSet {
    let (mut reads, mut writes, mut settled) = (Vec::new(), Vec::new(), Vec::new());
    let mut authorities = tx.authorization_list().filter_map(|it| it.authority());
    let authorizes_itself = authorities.any(|authority| authority == tx.caller);
    for (&address, account) in changes {
        let look = looks.at(&address);
        let is_sender = address == tx.caller;
        reads.push(Location::code(address));
        let before = account.original_info();
        // Whether an account without nonce and code is empty, its balance tells.
        let by_existence = look.existence && before.has_no_code_and_nonce();
        let by_balance = look.balance || by_existence;
        if by_balance || look.slack.is_some() || is_sender {
            reads.push(Location::balance(address));
        }
        if !by_balance {
            settled.push(Location::balance(address));
        }
        if look.nonce || is_sender || tx.authorization_list_len() != 0 {
            reads.push(Location::nonce(address));
        }
        if is_sender && !look.nonce && !authorizes_itself {
            settled.push(Location::nonce(address));
        }
        let mut after = account.info.clone();
        if address == beneficiary {
            after.balance = after.balance.saturating_sub(fee);
        }
        if account.is_selfdestructed() {
            after = Default::default();
        }
        let fields = [
            (before.balance != after.balance, Location::balance(address)),
            (before.nonce != after.nonce, Location::nonce(address)),
            (before.code_hash != after.code_hash, Location::code(address)),
        ];
        writes.extend(fields.into_iter().filter_map(|(is_new, field)| is_new.then_some(field)));
        for (&slot, value) in &account.storage {
            let location = Location::slot(address, slot);
            reads.push(location);
            let present = match account.is_selfdestructed() {
                true => U256::ZERO,
                false => value.present_value(),
            };
            if value.original_value() != present {
                writes.push(location);
            }
        }
    }
    let mut set = AccessSet::new(reads, writes, settled);
    let AccessSet { reads, writes, commutative } = &mut set;
    let is_in = |list: &[Location], it: &Location| list.binary_search(it).is_ok();
    commutative.retain(|location| is_in(reads, location) || is_in(writes, location));
    set
}
