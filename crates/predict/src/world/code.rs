//! The code of accounts, and what is made of it.

use super::{
    Account, AccountId, Contents, Stop, World,
    account::{UNHASHED, hash_of},
    undo::Undo,
};
use crate::{
    program::Program,
    slice::{Slice, SliceKey, slice_of},
    state::{Lookup, StateView, Want},
};
use alloy_primitives::{B256, KECCAK256_EMPTY};
use revm::state::Bytecode;
use std::sync::Arc;

impl<S: StateView> World<S> {
    /// Makes sure that an account's code is at hand.
    pub(crate) fn load_code(&mut self, id: AccountId) -> Result<(), Stop<S::Error>> {
        self.load(id)?;
        let account = self.contents.accounts.get_mut(id);
        if account.code.is_none() {
            match self.view.code(account.hash).map_err(Stop::Failed)? {
                Lookup::Ready(code) => account.code = Some(code),
                Lookup::Missing => return Err(Stop::Missing(Want::Code(account.hash))),
            }
        }
        Ok(())
    }

    /// Sets an account's code.
    pub(crate) fn set_code(&mut self, id: AccountId, code: Bytecode) {
        self.mark_modified(id);
        let Contents { accounts, old_codes, .. } = &mut self.contents;
        let account = accounts.get_mut(id);
        account.change();
        // A delegation may be what was there before; a contract is deployed where there is no code.
        let hash = match code.is_empty() || code.is_eip7702() {
            true => code.hash_slow(),
            false => UNHASHED,
        };
        let old_hash = core::mem::replace(&mut account.hash, hash);
        let old_code = account.code.replace(code);
        account.program = None;
        old_codes.push((old_hash, old_code));
        if account.code_before == 0 {
            account.code_before = old_codes.len() as u32;
        }
        self.contents.undo.push(Undo::Code(id));
    }

    /// The code of an account at the start of the transaction, and its hash or [`UNHASHED`].
    pub(super) fn start_code<'a>(&'a self, account: &'a Account) -> (B256, Option<&'a Bytecode>) {
        let before = (account.code_before as usize).checked_sub(1);
        match before.and_then(|place| self.contents.old_codes.get(place)) {
            Some((hash, code)) => (*hash, code.as_ref()),
            None => (account.hash, account.code.as_ref()),
        }
    }

    /// The hash of that code.
    pub(super) fn start_code_hash(&self, account: &Account) -> B256 {
        let (hash, code) = self.start_code(account);
        hash_of(hash, code)
    }

    /// Whether at the start of the transaction the balance alone decided if an account was
    /// empty.
    pub(crate) fn existed_by_balance(&self, account: &Account) -> bool {
        account.start_nonce() == 0 && self.start_code(account).0 == KECCAK256_EMPTY
    }

    /// The compiled program of an account, if it was asked for before.
    pub(crate) fn program(&self, id: AccountId) -> Option<&Arc<Program>> {
        self.contents.accounts.get(id).program.as_ref()
    }

    /// Remembers the compiled program of an account, and the slices it has now.
    pub(crate) fn set_program(&mut self, id: AccountId, program: Arc<Program>) {
        let account = self.contents.accounts.get_mut(id);
        account.slices = Some(program.slices.table());
        account.program = Some(program);
    }

    /// A slice of an account's program.
    pub(crate) fn slice(&self, id: AccountId, key: SliceKey) -> Option<Arc<Slice>> {
        slice_of(self.contents.accounts.get(id).slices.as_ref()?, &key).cloned()
    }

    /// Takes over the slices that an account's program has now.
    pub(crate) fn refresh_slices(&mut self, id: AccountId) {
        let account = self.contents.accounts.get_mut(id);
        if let Some(program) = &account.program {
            account.slices = Some(program.slices.table());
        }
    }
}
