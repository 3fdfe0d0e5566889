//! The first call or creation of a transaction.

use super::{
    Halt, Interrupt, Machine, Role, Surroundings,
    call::{CallInput, delegate_of},
    create::{CreateInput, InitCode, created_account},
};
use crate::{
    state::StateView,
    unknown::Unknown,
    world::{AccountId, Look},
};
use alloy_primitives::{Address, Bytes, TxKind, U256};

/// What a transaction starts with.
pub(crate) struct First<'a> {
    pub(crate) sender: AccountId,
    pub(crate) caller: Address,
    pub(crate) kind: TxKind,
    pub(crate) value: U256,
    pub(crate) data: &'a Bytes,
    pub(crate) gas: u64,
}

impl Machine {
    /// Starts the transaction. Nothing has changed if a value is missing.
    pub(crate) fn start<S: StateView>(
        &mut self,
        first: First<'_>,
        around: &mut Surroundings<'_, S>,
    ) -> Result<(), Interrupt<S::Error>> {
        let started = match first.kind {
            TxKind::Call(to) => self.start_first_call(to, &first, around),
            TxKind::Create => {
                let code = InitCode::of(&mut self.init_code, first.data, around.rules);
                let create = CreateInput {
                    creator: first.sender,
                    value: first.value,
                    init_code: code.program.clone(),
                    gas: first.gas,
                };
                created_account(create.creator, None, around)
                    .and_then(|created| self.start_create(create, created, around).map(|_| ()))
            }
        };
        match started {
            Ok(()) => Ok(()),
            Err(Halt::Stop(interrupt)) => Err(interrupt),
            Err(Halt::Fail) => Err(Interrupt::Unknown(Unknown::NoFrame)),
        }
    }

    fn start_first_call<S: StateView>(
        &mut self,
        to: Address,
        first: &First<'_>,
        around: &mut Surroundings<'_, S>,
    ) -> Result<(), Halt<S::Error>> {
        let to = around.world.intern(to);
        around.world.load_code(to)?;
        let delegate = delegate_of(around, to)?;
        around.world.touch(to, Look::CODE);
        if let Some(delegate) = delegate {
            around.world.touch(delegate, Look::CODE);
        }
        let call = CallInput {
            address: to,
            code: to,
            caller: first.caller,
            value: first.value,
            payer: Some(first.sender),
            gas: first.gas,
            input: (0, self.memory.len()),
            is_static: false,
            role: Role::Call { to: 0, len: 0 },
        };
        self.start_call(call, around).map(|_| ())
    }
}
