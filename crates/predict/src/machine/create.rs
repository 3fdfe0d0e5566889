//! CREATE, CREATE2, and creation transactions.

use super::{
    Additions, DEPTH_MAX, End, Frame, Halt, Machine, Role, Surroundings, keccak::KeccakMemo,
    memory::small, run::Cpu,
};
use crate::{
    program::Program,
    rules::Rules,
    state::StateView,
    world::{AccountId, Look},
};
use alloy_primitives::{B256, Bytes, U256};
use revm::primitives::hardfork::SpecId;
use revm_bytecode::opcode;
use std::sync::Arc;

/// A creation that has been paid for.
pub(super) struct CreateInput {
    pub(super) creator: AccountId,
    pub(super) value: U256,
    pub(super) init_code: Arc<Program>,
    pub(super) gas: u64,
}

/// The init code of the last creation. Who creates many contracts mostly creates the same.
#[derive(Debug)]
pub(super) struct InitCode {
    pub(super) program: Arc<Program>,
    hash: Option<B256>,
}

impl InitCode {
    /// The init code at hand: the last, if that is the same.
    pub(super) fn of<'a>(
        last: &'a mut Option<Self>,
        code: &[u8],
        rules: &Arc<Rules>,
    ) -> &'a mut Self {
        if last.as_ref().is_some_and(|last| *last.program.code != *code) {
            *last = None;
        }
        last.get_or_insert_with(|| {
            let code = Bytes::copy_from_slice(code);
            let program = Arc::new(Program::of_init_code(code, rules.clone()));
            Self { program, hash: None }
        })
    }

    fn hash(&mut self, keccak: &mut KeccakMemo) -> B256 {
        *self.hash.get_or_insert_with(|| keccak.hash(&self.program.code).into())
    }
}

impl Machine {
    /// Enters the creation whose arguments lie on the last frame's stack.
    pub(super) fn enter_create<S: StateView>(
        &mut self,
        kind: u8,
        around: &mut Surroundings<'_, S>,
    ) -> Result<Option<End>, Halt<S::Error>> {
        let Some(frame) = self.frames.last_mut() else { return Err(Halt::Fail) };
        let arguments = &self.registers[..frame.top];
        let argument = |n: usize| arguments[frame.top - 1 - n];
        let [value, offset, len] = [0, 1, 2].map(argument);
        let salt = (kind == opcode::CREATE2).then(|| argument(3));
        let rules = around.rules;
        let mut cpu =
            Cpu::new(frame, &mut self.memory, &self.return_data, &mut self.keccak, around);
        cpu.require_writable()?;
        let len = small(&len)?;
        if len != 0 && rules.at_least(SpecId::SHANGHAI) {
            if len > rules.initcode_size_max {
                return Err(Halt::Fail);
            }
            cpu.charge(rules.gas.initcode_cost(len), 0)?;
        }
        let start = cpu.expand(&offset, len, 0)?;
        cpu.charge(
            if salt.is_some() { rules.gas.create2_cost(len) } else { rules.gas.create_cost() },
            0,
        )?;
        let left = cpu.gas as u64;
        let gas = if rules.at_least(SpecId::TANGERINE) {
            rules.gas.call_stipend_reduction(left)
        } else {
            left
        };
        cpu.charge(gas, 0)?;
        let gas_after = cpu.gas;

        let creator = frame.address;
        let code = &self.memory[start..start + len];
        let code = InitCode::of(&mut self.init_code, code, rules);
        let salt = salt.map(|salt| (salt.into(), code.hash(&mut self.keccak)));
        let create = CreateInput { creator, value, init_code: code.program.clone(), gas };
        // The created account may not be at hand: nothing is changed before it is.
        let created = created_account(creator, salt, around)?;
        let Some(frame) = self.frames.last_mut() else { return Err(Halt::Fail) };
        frame.gas = gas_after;
        frame.top -= if kind == opcode::CREATE2 { 4 } else { 3 };
        frame.pending = None;
        around.world.touch(creator, Look::NONCE);
        if !value.is_zero() {
            around.world.touch_payer(creator, value);
        }
        self.start_create(create, created, around)
    }

    /// Starts a creation: bumps the creator's nonce, transfers value, pushes a frame
    /// for the init code.
    pub(super) fn start_create<S: StateView>(
        &mut self,
        create: CreateInput,
        created: AccountId,
        around: &mut Surroundings<'_, S>,
    ) -> Result<Option<End>, Halt<S::Error>> {
        self.return_data.clear();
        let CreateInput { creator, value, init_code, gas, .. } = create;
        let role = Role::Create { account: created };
        let payer = around.world.account(creator);
        let nonce = payer.nonce;
        if self.frames.len() > DEPTH_MAX || payer.balance < value || nonce == u64::MAX {
            self.return_to_caller(Role::Call { to: 0, len: 0 }, false, gas as i64, 0);
            return Ok(None);
        }
        around.world.set_nonce(creator, nonce + 1);
        around.world.touch(created, Look::CODE);
        let account = around.world.account(created);
        let address = account.address;
        // EIP-684: the address is taken.
        if account.has_code() || account.nonce != 0 {
            self.return_to_caller(Role::Call { to: 0, len: 0 }, false, 0, 0);
            return Ok(None);
        }
        let checkpoint = around.world.checkpoint();
        around.world.mark_created(created);
        around.world.mark_modified(created);
        if around.rules.at_least(SpecId::SPURIOUS_DRAGON) {
            around.world.set_nonce(created, 1);
        }
        if !around.world.transfer(creator, created, value) {
            around.world.revert(checkpoint);
            self.return_to_caller(Role::Call { to: 0, len: 0 }, false, 0, 0);
            return Ok(None);
        }
        let caller = around.world.account(creator).address;
        debug_assert_ne!(address, caller);
        let bottom = self.next_bottom();
        self.reserve_registers(bottom);
        self.frames.push(Frame {
            program: init_code,
            entry: 0,
            next: 0,
            top: bottom,
            bottom,
            gas: gas as i64,
            refund: 0,
            address: created,
            caller,
            value,
            input: (0, 0),
            memory: self.memory.len(),
            is_static: false,
            checkpoint,
            role,
            pending: None,
            code: None,
            gas_at_start: gas as i64,
            started: around.world.checkpoint(),
            slice: None,
            compiled: false,
            log: None,
            additions: Additions::default(),
            ran: 0,
            chained: false,
        });
        Ok(None)
    }
}

/// The account that a creation would create, loaded. CREATE2 has a salt and the hash of
/// the init code.
pub(super) fn created_account<S: StateView>(
    creator: AccountId,
    salt: Option<(B256, B256)>,
    around: &mut Surroundings<'_, S>,
) -> Result<AccountId, Halt<S::Error>> {
    let creator = around.world.account(creator);
    let address = match salt {
        Some((salt, hash)) => creator.address.create2(salt, hash),
        None => creator.address.create(creator.nonce),
    };
    let id = around.world.intern(address);
    around.world.load(id)?;
    Ok(id)
}
