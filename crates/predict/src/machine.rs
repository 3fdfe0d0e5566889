//! Runs register code: the frames of one transaction, from its first call to its
//! result.
//!
//! Frames are kept explicitly, so that the machine can stop at a value that is not
//! at hand and go on from there: every instruction asks for what it needs before it
//! changes anything, and is run again after the value was fetched.
//!
//! Gas is a signed number. A segment's static gas is charged when the segment is
//! entered; what looks at gas adds back the static gas of what follows it, so a
//! transaction runs out exactly where it would in execution.

mod additions;
mod call;
mod context;
mod create;
mod expect;
mod finish;
mod frames;
mod keccak;
mod learning;
mod memory;
mod precompiled;
mod registers;
mod run;
mod slice;
mod start;
mod state_access;
mod tally;

pub(crate) use context::TxContext;
pub use frames::Frames;
pub(crate) use keccak::{Preimages, Recorded};
pub use precompiled::PrecompileCall;
pub(crate) use registers::{Window, read};
pub(crate) use start::First;
pub use tally::Instructions;

use crate::{
    cache::ProgramCache,
    instruction::{TEMPORARIES, TEMPORARIES_MAX},
    predictor::{Learning, PredictOptions},
    program::Program,
    rules::Rules,
    slice::{Candidates, Log, Slice, SliceKey},
    state::StateView,
    unknown::Unknown,
    world::{AccountId, Stop, World},
};
use additions::Additions;
use alloy_primitives::{Address, U256};
use create::InitCode;
use foresee_access::Hashes;
use keccak::KeccakMemo;
use precompiled::Precompiled;
use revm::primitives::STACK_LIMIT;
use std::{sync::Arc, time::Duration};
use tally::Tally;

/// The registers below the first stack. A block may name as many entry items as a
/// stack can hold before the check that finds them missing.
const REGISTERS_BELOW: usize = STACK_LIMIT;

/// The registers that a frame may use above its stack's bottom.
pub(crate) const REGISTERS_PER_FRAME: usize = STACK_LIMIT + TEMPORARIES as usize + TEMPORARIES_MAX;

/// When there are too few registers, this part of what is needed is spare.
const REGISTERS_SPARE_DIVISOR: usize = 8;

/// The most nested calls (Yellow Paper, section 8).
const DEPTH_MAX: usize = 1024;

/// What surrounds a transaction counts as so many steps of work.
const TRANSACTION_STEPS: u64 = 8;

/// The machine. Its buffers are kept from one transaction to the next.
#[derive(Debug, Default)]
pub(crate) struct Machine {
    registers: Vec<U256>,
    /// The memories of all frames, one after the other; the last frame's is last.
    /// The transaction's calldata comes first.
    memory: Vec<u8>,
    frames: Vec<Frame>,
    /// Which registers hold something while reads are told beforehand.
    known: Vec<bool>,
    /// What the last call of the frame at hand returned.
    return_data: Vec<u8>,
    keccak: KeccakMemo,
    init_code: Option<InitCode>,
    /// Blocks entered by the transaction at hand, or the like of them, and the most there
    /// may be.
    steps: u64,
    steps_max: u64,
    /// How many instructions a frame runs in blocks before it goes on in chains.
    unchained: usize,
    /// The same of the transactions before it, in the block at hand.
    worked: u64,
    /// What slices could grow from, and how many steps that took in the block at hand.
    learning: Learning,
    learnt: usize,
    candidates: Candidates,
    /// Gas whose work frames of the transaction at hand may still lose, because a guard
    /// fails and they have to start again. There are no slices once it is less than none.
    spare: i64,
    /// The frames that were given up because one that they had called had to start again, as far
    /// as they are logged when they run once more: the accounts whose code ran, and what their
    /// slices go by.
    lost: Vec<(AccountId, SliceKey)>,
    /// The outcome of a first call that needed no frame.
    immediate: Option<Outcome>,
    pub(crate) precompiled: Precompiled,
    /// Time spent in precompiles, if it is wanted.
    pub(crate) precompile_time: Option<Duration>,
    /// What served the frames so far.
    pub(crate) served: Frames,
    /// What the instructions served so far, if the view asks for that.
    tally: Tally,
}

/// One call or creation in progress.
#[derive(Debug)]
struct Frame {
    program: Arc<Program>,
    /// The block at hand, and one past the instruction in it that comes next; 0 if the
    /// block was not entered yet. In a slice the instruction that comes next.
    entry: u32,
    next: usize,
    /// Register one past the stack top at block entry, and of the stack's bottom.
    top: usize,
    bottom: usize,
    gas: i64,
    refund: i64,
    address: AccountId,
    caller: Address,
    value: U256,
    /// Where the calldata lies in the machine's memory.
    input: (usize, usize),
    /// Where this frame's memory begins.
    memory: usize,
    is_static: bool,
    checkpoint: usize,
    role: Role,
    /// A call or creation that has been reached but not entered.
    pending: Option<Pending>,
    /// The account whose code runs; none for init code.
    code: Option<AccountId>,
    /// What the frame started with, to start it again.
    gas_at_start: i64,
    started: usize,
    /// The slice it runs in; none if it runs in blocks.
    slice: Option<Arc<Slice>>,
    /// Whether a block had to be compiled for it.
    compiled: bool,
    /// What it did so far, if its path may become part of a slice.
    log: Option<Box<Log>>,
    /// What is followed of its words while it runs in blocks.
    additions: Additions,
    /// Instructions it ran in blocks, and whether it runs in chains by now.
    ran: usize,
    chained: bool,
}

/// What a frame's end means to the one below.
#[derive(Clone, Copy, Debug)]
enum Role {
    /// Return data goes to this range of the caller's memory, relative to its start.
    Call { to: usize, len: usize },
    /// Return data becomes the code of this account.
    Create { account: AccountId },
}

/// Why a frame stopped running.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pending {
    /// CALL, CALLCODE, DELEGATECALL, STATICCALL.
    Call(u8),
    /// CREATE, CREATE2.
    Create(u8),
}

/// How a frame ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// With this range of the machine's memory.
    Success(usize, usize),
    /// Changes undone, gas left returned.
    Revert(usize, usize),
    /// Changes undone, all gas gone.
    Failure,
}

/// How the first frame ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) success: bool,
    /// Whether the gas that is left may be kept.
    pub(crate) gas_left: u64,
    pub(crate) refund: i64,
}

/// Why an instruction did not complete.
#[derive(Debug)]
enum Halt<E> {
    /// The frame fails: out of gas, stack, bounds …
    Fail,
    /// The transaction cannot go on.
    Stop(Interrupt<E>),
}

/// Why a transaction cannot go on.
#[derive(Debug)]
pub(crate) enum Interrupt<E> {
    /// The state has no answer (yet).
    World(Stop<E>),
    /// A limit was reached, or something is beyond prediction.
    Unknown(Unknown),
}

impl<E> From<Stop<E>> for Halt<E> {
    fn from(stop: Stop<E>) -> Self {
        Self::Stop(Interrupt::World(stop))
    }
}

impl<E> From<Stop<E>> for Interrupt<E> {
    fn from(stop: Stop<E>) -> Self {
        Self::World(stop)
    }
}

/// What the machine works on: the world, the transaction, the rules.
pub(crate) struct Surroundings<'a, S> {
    pub(crate) world: &'a mut World<S>,
    pub(crate) context: &'a TxContext,
    pub(crate) rules: &'a Arc<Rules>,
    pub(crate) cache: &'a ProgramCache,
    /// How many bytes of code may still be taken in and compiled.
    pub(crate) compile_left: &'a mut usize,
}

impl<S: StateView> Surroundings<'_, S> {
    /// Counts bytes of an account's code that were taken in or compiled. If they are too many,
    /// the code is noted, to be compiled when nobody waits.
    fn compile<E>(&mut self, bytes: usize, id: AccountId, len: usize) -> Result<(), Halt<E>> {
        if *self.compile_left == usize::MAX {
            return Ok(());
        }
        let left = self.compile_left.checked_sub(bytes);
        *self.compile_left = left.unwrap_or(0);
        if left.is_some() {
            return Ok(());
        }
        let account = self.world.account(id);
        // Init code runs but once; the account has none yet.
        if let Some(code) = account.code.as_ref().filter(|code| !code.is_empty()) {
            self.cache.want((account.code_hash(), self.rules.spec), code, self.rules);
        }
        Err(Halt::Stop(Interrupt::Unknown(Unknown::NotCompiled(account.address, len))))
    }
}

impl Machine {
    /// Sets what is recorded, and forgets what was.
    pub(crate) fn record(&mut self, options: &PredictOptions) {
        self.keccak.begin(options.labels, options.keep_results);
        self.precompiled.begin(options.keep_results);
        self.init_code = None;
        self.precompile_time = options.time_precompiles.then_some(Duration::ZERO);
        self.learning = options.learning;
        self.worked = 0;
        self.learnt = 0;
        self.served = Frames::default();
        self.tally.counted = Instructions::default();
    }

    /// Exchanges remembered hashes and results of precompiles with another machine.
    pub(crate) const fn swap_memo(&mut self, other: &mut Self) {
        self.keccak.swap(&mut other.keccak);
        self.precompiled.swap(&mut other.precompiled);
    }

    /// What labels are made of, if it is recorded.
    pub(crate) fn recorded(&self) -> Option<&Recorded> {
        self.keccak.recorded()
    }

    /// What the instructions served so far.
    pub(crate) const fn instructions(&self) -> Instructions {
        self.tally.counted
    }

    /// How often Keccak's permutation was computed in the block at hand.
    pub(crate) const fn permutations(&self) -> u64 {
        self.keccak.permutations()
    }

    /// The hashes that nobody has taken yet, if they are kept.
    pub(crate) fn take_hashes(&mut self) -> Hashes {
        self.keccak.take()
    }

    /// Forgets the last transaction, and puts the calldata of the next in place.
    pub(crate) fn begin(&mut self, calldata: &[u8]) {
        self.frames.clear();
        self.keccak.forget_names();
        self.return_data.clear();
        self.memory.clear();
        self.memory.extend_from_slice(calldata);
        self.worked += core::mem::take(&mut self.steps) + TRANSACTION_STEPS;
        self.spare = 0;
        self.lost.clear();
        self.immediate = None;
    }

    /// Runs until the first frame has ended, or something is missing. After that
    /// was fetched, the same call goes on.
    pub(crate) fn run<S: StateView>(
        &mut self,
        around: &mut Surroundings<'_, S>,
    ) -> Result<Outcome, Interrupt<S::Error>> {
        loop {
            let Some(frame) = self.frames.last() else {
                return self.immediate.ok_or(Interrupt::Unknown(Unknown::NoFrame));
            };
            let entered = match frame.pending {
                None if frame.slice.is_some() => self.run_slice(around),
                None if frame.log.is_some() => self.run_frame::<S, true>(around),
                None => self.run_frame::<S, false>(around),
                Some(Pending::Call(opcode)) => self.enter_call(opcode, around),
                Some(Pending::Create(opcode)) => self.enter_create(opcode, around),
            };
            let end = match entered {
                Ok(None) => continue,
                Ok(Some(end)) => {
                    self.learn(around);
                    end
                }
                Err(Halt::Fail) => {
                    self.learn_failure();
                    End::Failure
                }
                Err(Halt::Stop(interrupt)) => return Err(interrupt),
            };
            if end == End::Failure {
                // Where it fails between two effects is told in blocks and in slices by
                // different instructions.
                around.world.look_at_all_slots();
            }
            if let Some(outcome) = self.finish_frame(end, around) {
                return Ok(outcome);
            }
        }
    }

    /// Makes room for a frame's registers, and some more: twice as many would be too much for
    /// what most transactions need.
    fn reserve_registers(&mut self, bottom: usize) {
        let len = bottom + REGISTERS_PER_FRAME;
        if self.registers.len() < len {
            let len = len + len / REGISTERS_SPARE_DIVISOR;
            self.registers.reserve_exact(len - self.registers.len());
            self.registers.resize(len, U256::ZERO);
        }
    }

    /// The stack bottom for a frame above the last one.
    fn next_bottom(&self) -> usize {
        self.frames.last().map_or(REGISTERS_BELOW, |frame| match &frame.slice {
            Some(slice) => frame.bottom + slice.registers,
            None => frame.top,
        })
    }
}

/// The address in the low 20 bytes of a word.
fn to_address(word: U256) -> Address {
    Address::from_word(word.into())
}
