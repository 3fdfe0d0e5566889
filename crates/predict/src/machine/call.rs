//! CALL, CALLCODE, DELEGATECALL, STATICCALL, and the first call of a transaction.

use super::{
    Additions, DEPTH_MAX, End, Frame, Halt, Interrupt, Machine, Role, Surroundings, memory::small,
    precompiled::is_dear, run::Cpu, to_address,
};
use crate::{
    program::Program,
    state::{StateView, Want},
    unknown::Unknown,
    world::{AccountId, Look, Stop},
};
use alloy_primitives::{Address, U256};
use revm::{precompile::PrecompileStatus, primitives::hardfork::SpecId};
use revm_bytecode::opcode;
use std::{sync::Arc, time::Instant};

/// A call that has been paid for.
pub(super) struct CallInput {
    /// The account whose storage is used.
    pub(super) address: AccountId,
    /// The account that was named.
    pub(super) code: AccountId,
    pub(super) caller: Address,
    /// What CALLVALUE yields.
    pub(super) value: U256,
    /// From whom the value is transferred; nobody in a DELEGATECALL.
    pub(super) payer: Option<AccountId>,
    pub(super) gas: u64,
    pub(super) input: (usize, usize),
    pub(super) is_static: bool,
    pub(super) role: Role,
}

impl Machine {
    /// Enters the call whose arguments lie on the last frame's stack.
    pub(super) fn enter_call<S: StateView>(
        &mut self,
        kind: u8,
        around: &mut Surroundings<'_, S>,
    ) -> Result<Option<End>, Halt<S::Error>> {
        let Some(frame) = self.frames.last_mut() else { return Err(Halt::Fail) };
        let with_value = matches!(kind, opcode::CALL | opcode::CALLCODE);
        let arguments = &self.registers[..frame.top];
        let argument = |n: usize| arguments[frame.top - 1 - n];
        let requested = u64::try_from(argument(0)).unwrap_or(u64::MAX);
        let to = around.world.intern(to_address(argument(1)));
        let value = if with_value { argument(2) } else { U256::ZERO };
        let ranges = if with_value { 3 } else { 2 };
        let [in_offset, in_len, out_offset, out_len] = [0, 1, 2, 3].map(|n| argument(ranges + n));
        around.world.load_code(to)?;
        let delegate = delegate_of(around, to)?;
        if around.world.account(to).precompile
            && around.world.view.guess().is_none()
            && self.must_wait(to, in_offset, in_len, around)
        {
            let address = around.world.account(to).address;
            return Err(Stop::Missing(Want::Precompile(address)).into());
        }

        let Some(frame) = self.frames.last_mut() else { return Err(Halt::Fail) };
        let rules = around.rules;
        let mut cpu =
            Cpu::new(frame, &mut self.memory, &self.return_data, &mut self.keccak, around);
        cpu.charge(0, 0)?;
        let transfers = !value.is_zero();
        if kind == opcode::CALL && transfers {
            cpu.require_writable()?;
        }
        let in_len = small(&in_len)?;
        let input = (cpu.expand(&in_offset, in_len, 0)?, in_len);
        let out_len = small(&out_len)?;
        let out = cpu.expand(&out_offset, out_len, 0)? - cpu.base;
        let role = Role::Call { to: out, len: out_len };
        if transfers {
            cpu.charge(rules.gas.transfer_value_cost(), 0)?;
        }
        cpu.pay_for_access(to, delegate, kind == opcode::CALL, transfers)?;
        let left = cpu.gas as u64;
        let mut gas = if rules.at_least(SpecId::TANGERINE) {
            rules.gas.call_stipend_reduction(left).min(requested)
        } else {
            requested
        };
        cpu.charge(gas, 0)?;
        if transfers {
            gas = gas.saturating_add(rules.gas.call_stipend());
        }

        frame.gas = cpu.gas;
        frame.top -= ranges + 4;
        frame.pending = None;
        let this = frame.address;
        if transfers && with_value {
            around.world.touch_payer(this, value);
        }
        let own = around.world.account(this).address;
        let keeps_storage = matches!(kind, opcode::CALLCODE | opcode::DELEGATECALL);
        let delegated = kind == opcode::DELEGATECALL;
        let call = CallInput {
            address: if keeps_storage { this } else { to },
            code: to,
            caller: if delegated { frame.caller } else { own },
            value: if delegated { frame.value } else { value },
            payer: (!delegated).then_some(this),
            gas,
            input,
            is_static: frame.is_static || kind == opcode::STATICCALL,
            role,
        };
        self.start_call(call, around)
    }

    /// Whether a call of a precompile by the last frame has to wait, since it takes long.
    fn must_wait<S: StateView>(
        &self,
        to: AccountId,
        in_offset: U256,
        in_len: U256,
        around: &Surroundings<'_, S>,
    ) -> bool {
        let address = around.world.account(to).address;
        let precompile = around.rules.precompiles.get(&address);
        if !precompile.is_some_and(|precompile| is_dear(precompile.id())) {
            return false;
        }
        // What is known need not wait. An input that is not in memory yet is zeros.
        let memory = self.frames.last().and_then(|frame| self.memory.get(frame.memory..));
        let input = memory.and_then(|memory| {
            let start = usize::try_from(in_offset).ok()?;
            memory.get(start..start.checked_add(usize::try_from(in_len).ok()?)?)
        });
        let known = input.and_then(|input| self.precompiled.find(address, input, u64::MAX));
        known.is_none() && around.world.view.defers()
    }

    /// Starts a call: transfers value, runs a precompile at once, pushes a frame for
    /// code. Yields the end of a call that needs no frame.
    pub(super) fn start_call<S: StateView>(
        &mut self,
        call: CallInput,
        around: &mut Surroundings<'_, S>,
    ) -> Result<Option<End>, Halt<S::Error>> {
        self.return_data.clear();
        if self.frames.len() > DEPTH_MAX {
            self.return_to_caller(call.role, false, call.gas as i64, 0);
            return Ok(None);
        }
        let checkpoint = around.world.checkpoint();
        if let Some(payer) = call.payer
            && !around.world.transfer(payer, call.address, call.value)
        {
            around.world.revert(checkpoint);
            self.return_to_caller(call.role, false, call.gas as i64, 0);
            return Ok(None);
        }
        if around.world.account(call.code).precompile {
            return self.run_precompile(&call, checkpoint, around);
        }
        let delegate = delegate_of(around, call.code)?.unwrap_or(call.code);
        let Some(program) = program_of(around, delegate)? else {
            self.return_to_caller(call.role, true, call.gas as i64, 0);
            return Ok(None);
        };
        let bottom = self.next_bottom();
        self.reserve_registers(bottom);
        self.frames.push(Frame {
            program,
            entry: 0,
            next: 0,
            top: bottom,
            bottom,
            gas: call.gas as i64,
            refund: 0,
            address: call.address,
            caller: call.caller,
            value: call.value,
            input: call.input,
            memory: self.memory.len(),
            is_static: call.is_static,
            checkpoint,
            role: call.role,
            pending: None,
            code: Some(delegate),
            gas_at_start: call.gas as i64,
            started: around.world.checkpoint(),
            slice: None,
            compiled: false,
            log: None,
            additions: Additions::default(),
            ran: 0,
            chained: false,
        });
        self.prepare_frame(around);
        Ok(None)
    }

    fn run_precompile<S: StateView>(
        &mut self,
        call: &CallInput,
        checkpoint: usize,
        around: &mut Surroundings<'_, S>,
    ) -> Result<Option<End>, Halt<S::Error>> {
        let address = around.world.account(call.code).address;
        let Some(precompile) = around.rules.precompiles.get(&address) else {
            return Err(Halt::Fail);
        };
        let (start, len) = call.input;
        let input = &self.memory[start..start + len];
        let output = match self.precompiled.find(address, input, call.gas) {
            Some(output) => output,
            None if is_dear(precompile.id()) && around.world.view.guess().is_some() => {
                around.world.has_guessed = true;
                self.guess_output();
                self.return_to_caller(call.role, true, call.gas as i64, 0);
                return Ok(None);
            }
            None => {
                let started = self.precompile_time.map(|_| Instant::now());
                let result = precompile.execute(input, call.gas, 0);
                if let (Some(total), Some(started)) = (&mut self.precompile_time, started) {
                    *total += started.elapsed();
                }
                let Ok(output) = result else {
                    return Err(Halt::Stop(Interrupt::Unknown(Unknown::Precompile(address))));
                };
                self.precompiled.keep(address, input, &output);
                output
            }
        };
        let gas_left = call.gas.checked_sub(output.gas_used);
        let (success, gas_left) = match (output.status, gas_left) {
            (PrecompileStatus::Success, Some(left)) => (true, left),
            (PrecompileStatus::Revert, Some(left)) => (false, left),
            _ => {
                around.world.revert(checkpoint);
                self.return_to_caller(call.role, false, 0, 0);
                return Ok(None);
            }
        };
        if !success {
            around.world.revert(checkpoint);
        }
        self.return_data.extend_from_slice(&output.bytes);
        self.return_to_caller(call.role, success, gas_left as i64, 0);
        Ok(None)
    }
}

impl<S: StateView> Cpu<'_, S> {
    /// Touches the called account and the one it delegates to, and charges for that
    /// ([EIP-2929](https://eips.ethereum.org/EIPS/eip-2929),
    /// [EIP-7702](https://eips.ethereum.org/EIPS/eip-7702)).
    fn pay_for_access(
        &mut self,
        to: AccountId,
        delegate: Option<AccountId>,
        creates_account: bool,
        transfers: bool,
    ) -> Result<(), Halt<S::Error>> {
        let rules = self.rules;
        let cold_cost = rules.gas.cold_account_additional_cost();
        let surcharge = |cold| if cold { cold_cost } else { 0 };
        self.charge(surcharge(self.world.is_cold(to)), 0)?;
        // The surcharge for a new account depends on what was paid to it before.
        let existence = if transfers && creates_account { Look::EXISTENCE } else { Look::empty() };
        self.world.touch(to, Look::CODE | existence);
        if creates_account && self.world.is_dead(to) {
            let spurious_dragon = rules.at_least(SpecId::SPURIOUS_DRAGON);
            if !spurious_dragon {
                self.world.touch(to, Look::VACANCY);
            }
            self.charge(rules.gas.new_account_cost(spurious_dragon, transfers), 0)?;
        } else if let Some(delegate) = delegate {
            self.charge(rules.gas.warm_storage_read_cost(), 0)?;
            self.charge(surcharge(self.world.is_cold(delegate)), 0)?;
            self.world.touch(delegate, Look::CODE);
        }
        Ok(())
    }
}

/// The account that an account delegates its code to, with its code at hand
/// ([EIP-7702](https://eips.ethereum.org/EIPS/eip-7702)).
pub(super) fn delegate_of<S: StateView>(
    around: &mut Surroundings<'_, S>,
    id: AccountId,
) -> Result<Option<AccountId>, Halt<S::Error>> {
    let code = around.world.account(id).code.as_ref();
    let Some(address) = code.and_then(|code| code.eip7702_address()) else { return Ok(None) };
    let delegate = around.world.intern(address);
    around.world.load_code(delegate)?;
    Ok(Some(delegate))
}

/// The program of a loaded account's code; none if there is no code.
fn program_of<S: StateView>(
    around: &mut Surroundings<'_, S>,
    id: AccountId,
) -> Result<Option<Arc<Program>>, Halt<S::Error>> {
    if let Some(program) = around.world.program(id) {
        return Ok(Some(program.clone()));
    }
    let account = around.world.account(id);
    let Some(code) = account.code.as_ref().filter(|code| !code.is_empty()) else {
        return Ok(None);
    };
    let hash = account.code_hash();
    let program = match around.cache.find(hash, around.rules) {
        Some(program) => program,
        None => {
            let code = code.clone();
            around.compile(code.len(), id, code.len())?;
            around.cache.program(hash, &code, around.rules)
        }
    };
    around.world.set_program(id, program.clone());
    Ok(Some(program))
}
