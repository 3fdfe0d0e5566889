//! Tells which values a frame will read before it reads the first of them.
//!
//! Where values take long to come, a frame that is about to run in a slice is gone through
//! once with what is known by then: constants, calldata, surroundings, slots at hand. What
//! does not follow from these is unknown, and so is memory; the path goes on where the
//! slice does. The keys that are known on the way are told to the view, which fetches them
//! side by side instead of one after the other.
//!
//! Nothing is predicted by it, and nothing of the frame is changed but registers that it
//! has not set yet. A key that is not read after all was fetched in vain.

use super::{Machine, Surroundings, run::Cpu, to_address};
use crate::{
    compile::{bits, div, fold},
    instruction::{Compare, Instruction, Op, Register},
    slice::Slice,
    state::{StateView, Want},
};
use alloy_primitives::U256;

impl Machine {
    /// Tells the view what the last frame, which is new, will read in its slice.
    pub(super) fn tell_reads<S: StateView>(
        &mut self,
        slice: &Slice,
        around: &mut Surroundings<'_, S>,
    ) {
        let Some(frame) = self.frames.last() else { return };
        let registers = slice.registers_of(&mut self.registers, frame.bottom);
        self.known.clear();
        self.known.resize(slice.constants.len(), true);
        self.known.resize(registers.len(), false);
        let mut cpu =
            Cpu::new(frame, &mut self.memory, &self.return_data, &mut self.keccak, around);
        cpu.tell_reads(slice, registers, &mut self.known);
    }
}

impl<S: StateView> Cpu<'_, S> {
    fn tell_reads(&mut self, slice: &Slice, registers: &mut [U256], known: &mut [bool]) {
        let (code, bottom) = (&*slice.code, slice.constants.len());
        let bails = |at: usize| code.get(at).is_none_or(|way_out| way_out.op == Op::Bail);
        let mut next = Slice::START;
        // A slice has no loops; were there one it would not be followed for ever.
        for _ in 0..code.len() {
            let Some(&Instruction { op, to, a, b, c, gas }) = code.get(next) else { return };
            next += 1;
            let get = |registers: &[U256], known: &[bool], register: Register| {
                let at = bottom.wrapping_add_signed(register.into());
                known[at].then(|| registers[at])
            };
            let set = |registers: &mut [U256], known: &mut [bool], to: Register, value| {
                let at = bottom.wrapping_add_signed(to.into());
                known[at] = Option::is_some(&value);
                registers[at] = value.unwrap_or_default();
            };
            let get_a = || get(registers, known, a);
            let get_b = || get(registers, known, b);
            let both = || Some((get_a()?, get_b()?));
            if let Some((compare, taken_if)) = op.branch() {
                let operands = match compare {
                    Compare::Zero => get_a().map(|a| (a, U256::ZERO)),
                    _ => both(),
                };
                let taken = operands.map(|(a, b)| compare.holds(&a, &b) == taken_if);
                let target = gas as usize;
                if taken.unwrap_or_else(|| bails(next) && !bails(target)) {
                    next = target;
                }
                continue;
            }
            let value = match op {
                op if op.is_environment() => Some(self.environment(op, U256::ZERO)),
                Op::Word => Some(self.calldata_word(gas as usize)),
                Op::WordBits => Some(bits(&self.calldata_word(gas as usize), b as u32, c as u32)),
                Op::Bits => get_a().map(|word| bits(&word, b as u32, c as u32)),
                Op::Unmul => both().map(|(a, b)| div(&a, &b)),
                Op::CallDataLoad => get_a().map(|a| self.calldata_load(&a)),
                Op::HashOne => get_a().map(|a| self.keccak.hash(&a.to_be_bytes::<32>())),
                Op::HashTwo => both().map(|(a, b)| self.hash_beforehand(&a, &b)),
                Op::Move => get_a(),
                Op::SLoad => {
                    let value = get_a().and_then(|key| self.tell_slot(key));
                    set(registers, known, b, None);
                    value
                }
                Op::SLoadMapped => {
                    let key = both().map(|(a, b)| self.hash_beforehand(&a, &b));
                    let value = key.and_then(|key| self.tell_slot(key));
                    set(registers, known, c, None);
                    value
                }
                Op::SStore => {
                    if let Some(key) = get_a() {
                        self.tell_slot(key);
                    }
                    set(registers, known, c, None);
                    continue;
                }
                Op::Balance | Op::ExtCodeSize | Op::ExtCodeHash => {
                    if let Some(address) = get_a() {
                        self.tell_account(address);
                    }
                    None
                }
                Op::Call | Op::Create => {
                    // The second argument of a call names the account.
                    if op == Op::Call
                        && let Some(arguments) = code.get(next)
                        && let Some(address) = get(registers, known, arguments.a)
                    {
                        self.tell_account(address);
                    }
                    // What it returns lies where its last argument was.
                    set(registers, known, 0, None);
                    continue;
                }
                Op::Bail | Op::Fail => return,
                op if op.ends_frame() => return,
                // Instructions without a result, or that only change memory.
                Op::Put
                | Op::PutByte
                | Op::MCopy
                | Op::CallDataCopy
                | Op::CodeCopy
                | Op::ReturnDataCopy
                | Op::ExtCodeCopy
                | Op::SStoreKnown
                | Op::Looks
                | Op::Arguments
                | Op::TStore => continue,
                _ => match op.pure_inputs() {
                    Some(1) => get_a().map(|a| fold(op, [a, U256::ZERO, U256::ZERO])),
                    Some(2) => both().map(|(a, b)| fold(op, [a, b, U256::ZERO])),
                    Some(_) => get(registers, known, c)
                        .and_then(|c| both().map(|(a, b)| fold(op, [a, b, c]))),
                    None => None,
                },
            };
            set(registers, known, to, value);
        }
    }

    /// The hash of two words that may be asked for later.
    fn hash_beforehand(&mut self, a: &U256, b: &U256) -> U256 {
        let mut input = [0; 64];
        input[..32].copy_from_slice(&a.to_be_bytes::<32>());
        input[32..].copy_from_slice(&b.to_be_bytes::<32>());
        self.keccak.hash_beforehand(&input)
    }

    /// The value of a slot, if it is at hand; else the view is told of it.
    fn tell_slot(&mut self, key: U256) -> Option<U256> {
        let id = self.world.slot(self.address, key);
        if self.world.load_slot(id).is_ok() {
            return Some(self.world.slot_value(id));
        }
        let address = self.world.account(self.address).address;
        self.world.view.expect(Want::Slot(address, key));
        None
    }

    fn tell_account(&mut self, address: U256) {
        let id = self.world.intern(to_address(address));
        if self.world.load_code(id).is_err() {
            let address = self.world.account(id).address;
            self.world.view.expect(Want::Account(address));
        }
    }
}
