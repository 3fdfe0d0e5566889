//! Changes that a reverted frame takes back.

use super::{AccountId, SlotId, account::Accounts, slot::Slots};
use alloy_primitives::{B256, U256, map::HashMap};
use revm::state::Bytecode;

/// What a code and its hash were before a change.
pub(crate) type OldCode = (B256, Option<Bytecode>);

/// One change, with what was there before.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Undo {
    AccountWarm(AccountId, u32),
    SlotWarm(SlotId, u32),
    SlotValue(SlotId, U256),
    SlotLoaded(SlotId),
    Balance(AccountId, U256),
    Nonce(AccountId, u64),
    /// What was there is the last of the old codes.
    Code(AccountId),
    Created(AccountId, u32, bool),
    Destroyed(AccountId, u32),
    Modified(AccountId),
    Transient(AccountId, U256, U256),
}

impl Undo {
    /// Takes the change back.
    pub(crate) fn apply(
        self,
        accounts: &mut Accounts,
        slots: &mut Slots,
        transient: &mut HashMap<(AccountId, U256), U256>,
        codes: &mut Vec<OldCode>,
    ) {
        match self {
            Self::AccountWarm(id, old) => accounts.get_mut(id).warm = old,
            Self::SlotWarm(id, old) => slots.get_mut(id).warm = old,
            Self::SlotValue(id, old) => slots.get_mut(id).value = old,
            Self::SlotLoaded(id) => slots.get_mut(id).loaded = false,
            Self::Balance(id, old) => accounts.get_mut(id).balance = old,
            Self::Nonce(id, old) => accounts.get_mut(id).set_nonce(old),
            Self::Code(id) => {
                let account = accounts.get_mut(id);
                let Some(old) = codes.pop() else { return };
                (account.hash, account.code) = old;
                if account.code_before as usize > codes.len() {
                    account.code_before = 0;
                }
                // Found again, with its slices, when it is called.
                account.program = None;
            }
            Self::Created(id, created, storage_empty) => {
                let account = accounts.get_mut(id);
                account.created = created;
                account.storage_empty = storage_empty;
            }
            Self::Destroyed(id, old) => accounts.get_mut(id).destroyed = old,
            Self::Modified(id) => accounts.get_mut(id).modified = false,
            Self::Transient(id, key, old) => {
                transient.insert((id, key), old);
            }
        }
    }
}
