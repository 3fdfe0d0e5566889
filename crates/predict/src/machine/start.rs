//! The first call or creation of a transaction, and how far it may go.

use super::{
    Halt, Interrupt, Machine, Role, Surroundings,
    call::{CallInput, delegate_of},
    create::{CreateInput, InitCode, created_account},
};
use crate::{
    slice::PATH_MAX,
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
    /// The most blocks that it may enter.
    pub(crate) steps_max: u64,
}

impl Machine {
    /// Starts the transaction. Nothing has changed if a value is missing.
    pub(crate) fn start<S: StateView>(
        &mut self,
        first: First<'_>,
        around: &mut Surroundings<'_, S>,
    ) -> Result<(), Interrupt<S::Error>> {
        self.limit(first.gas, first.steps_max, around.world.view.guess().is_some());
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

    /// Sets how far the transaction may go.
    ///
    /// A limit that can be met must be met at the same place whatever is compiled, and only
    /// blocks one by one can be counted so. But any block takes gas, or ends its frame: who
    /// has less gas than there may be steps will not meet the limit, and may have slices
    /// and chains. So may who runs on a guess, of whom nothing but keys is kept.
    fn limit(&mut self, gas: u64, steps_max: u64, guesses: bool) {
        let counted = gas >= steps_max && !guesses;
        let can_be_met = counted || guesses;
        self.steps_max = if can_be_met { steps_max } else { u64::MAX };
        self.spare = if counted { -1 } else { gas as i64 };
        // No path of a slice is as long, so nobody needs the log of a frame any more.
        self.unchained = if counted { usize::MAX } else { PATH_MAX };
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
