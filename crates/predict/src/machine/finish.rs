//! The end of a frame: results, gas and return data go to the frame below.

use super::{End, Frame, Machine, Outcome, Role, Surroundings, context::address_word};
use crate::state::StateView;
use alloy_primitives::{Bytes, U256};
use revm::{primitives::hardfork::SpecId, state::Bytecode};

/// So many words a call yields whose result is a guess.
const GUESSED_WORDS: usize = 4;

impl Machine {
    /// Ends the last frame. Yields the transaction's outcome if it was the first.
    pub(super) fn finish_frame<S: StateView>(
        &mut self,
        end: End,
        around: &mut Surroundings<'_, S>,
    ) -> Option<Outcome> {
        let frame = self.frames.last()?;
        let Frame { mut gas, role, refund, memory, checkpoint, compiled, .. } = *frame;
        self.served.count(frame.slice.is_some(), compiled);
        // Dropped where it stands: it is large.
        self.frames.truncate(self.frames.len() - 1);
        let mut end = end;
        if let (Role::Create { account }, End::Success(start, len)) = (role, end) {
            let code = &self.memory[start..start + len];
            match deposit(code, gas, around) {
                Some((code, left)) => {
                    gas = left;
                    around.world.set_code(account, code);
                }
                None => end = End::Failure,
            }
        }
        let (success, output) = match end {
            End::Success(start, len) => (true, Some((start, len))),
            End::Revert(start, len) => (false, Some((start, len))),
            End::Failure => (false, None),
        };
        if !success {
            around.world.revert(checkpoint);
        }
        self.return_data.clear();
        let keeps_output = match role {
            Role::Call { .. } => true,
            Role::Create { .. } => !success,
        };
        if let Some((start, len)) = output.filter(|_| keeps_output) {
            self.return_data.extend_from_slice(&self.memory[start..start + len]);
        }
        self.memory.truncate(memory);
        // What fails on a guess would have gone on with the right value, most likely.
        let is_guess = !success && around.world.has_guessed && !self.frames.is_empty();
        let is_guess = is_guess && matches!(role, Role::Call { .. });
        if is_guess {
            self.guess_output();
        }
        let success = success || is_guess;
        let gas_left = if output.is_some() || is_guess { gas.max(0) } else { 0 };
        let refund = if success { refund } else { 0 };
        if self.frames.is_empty() {
            return Some(Outcome { success, gas_left: gas_left as u64, refund });
        }
        self.return_to_caller(role, success, gas_left, refund);
        if let (Role::Create { account }, true, Some(caller)) = (role, success, self.frames.last())
        {
            self.registers[caller.top - 1] = address_word(around.world.account(account).address);
        }
        None
    }

    /// Has a call whose result is a guess yield a flag that is set, as often as it may be
    /// looked at.
    pub(super) fn guess_output(&mut self) {
        self.return_data.clear();
        (0..GUESSED_WORDS).for_each(|_| {
            self.return_data.extend_from_slice(&U256::ONE.to_be_bytes::<32>());
        });
    }

    /// Hands a result to the last frame: gas, success flag, and as much return data
    /// as it asked for. With no frame left the result is the transaction's.
    pub(super) fn return_to_caller(&mut self, role: Role, success: bool, gas: i64, refund: i64) {
        let Some(frame) = self.frames.last_mut() else {
            self.immediate = Some(Outcome { success, gas_left: gas as u64, refund });
            return;
        };
        frame.gas += gas;
        frame.refund += refund;
        self.registers[frame.top] = U256::from(success);
        frame.top += 1;
        if let Role::Call { to, len } = role {
            let len = len.min(self.return_data.len());
            let at = frame.memory + to;
            self.memory[at..at + len].copy_from_slice(&self.return_data[..len]);
        }
    }
}

/// Checks and charges for the code that a creation returned. Yields it with the gas
/// that is left, unless the creation fails.
fn deposit<S>(code: &[u8], gas: i64, around: &Surroundings<'_, S>) -> Option<(Bytecode, i64)> {
    let rules = around.rules;
    // EIP-170 and EIP-3541.
    let too_long = rules.at_least(SpecId::SPURIOUS_DRAGON) && code.len() > rules.code_size_max;
    let reserved = rules.at_least(SpecId::LONDON) && code.first() == Some(&0xef);
    if too_long || reserved {
        return None;
    }
    let left = gas.saturating_sub_unsigned(rules.gas.code_deposit_cost(code.len()));
    if left >= 0 {
        return Some((Bytecode::new_legacy(Bytes::copy_from_slice(code)), left));
    }
    // Before EIP-2 a creation that cannot pay for its code succeeds without.
    (!rules.at_least(SpecId::HOMESTEAD)).then(|| (Bytecode::default(), gas))
}
