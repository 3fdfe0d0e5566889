//! What the time of a warm prediction goes to.
//!
//! A clock within would change what it measures, for a hash takes no longer than ten looks
//! at a clock. So hashing is counted, and as much of it done once more on its own; reads of
//! the state are timed where they leave the predictor, less what the clock itself takes.
//! Guards take less still: what serves them is told in numbers of instructions, not in time.

use crate::{
    engine::{self, median},
    failure::Failure,
    input::Input,
};
use alloy_primitives::{Address, B256, U256, keccak256};
use core::{cell::Cell, convert::Infallible};
use foresee_predict::{Complete, Lookup, PredictOptions, ProgramCache, StateView};
use revm::state::{AccountInfo, Bytecode};
use serde::Serialize;
use std::{
    hint::black_box,
    time::{Duration, Instant},
};

/// Parts of the time of a warm prediction; what is left are instructions, guards among them,
/// and precompiles, which [are measured with those of execution](super::cost::Precompiles).
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(super) struct Split {
    /// Hashing what no earlier transaction of the block hashed.
    #[serde(rename = "keccak_us", serialize_with = "super::cost::us")]
    pub(super) keccak: Duration,
    /// Reading the state before the block.
    #[serde(rename = "state_reads_us", serialize_with = "super::cost::us")]
    pub(super) state_reads: Duration,
    /// How often Keccak's permutation is computed, and the state read.
    pub(super) permutations: u64,
    pub(super) reads: u64,
    pub(super) instructions: Instructions,
}

/// How many instructions run, by what they serve.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Instructions {
    /// In slices: guards, what computes values that only guards need, all others.
    pub(super) guards: u64,
    pub(super) for_guards: u64,
    pub(super) others: u64,
    /// In blocks, where they are not told apart.
    pub(super) in_blocks: u64,
}

impl From<foresee_predict::Instructions> for Instructions {
    fn from(counted: foresee_predict::Instructions) -> Self {
        let foresee_predict::Instructions { guards, for_guards, others, in_blocks } = counted;
        Self { guards, for_guards, others, in_blocks }
    }
}

impl Instructions {
    /// How many ran in slices.
    pub(super) const fn in_slices(&self) -> u64 {
        self.guards + self.for_guards + self.others
    }

    fn add(&mut self, other: &Self) {
        self.guards += other.guards;
        self.for_guards += other.for_guards;
        self.others += other.others;
        self.in_blocks += other.in_blocks;
    }
}

impl Split {
    /// Adds another block's.
    pub(super) fn add(&mut self, other: &Self) {
        self.keccak += other.keccak;
        self.state_reads += other.state_reads;
        self.permutations += other.permutations;
        self.reads += other.reads;
        self.instructions.add(&other.instructions);
    }
}

/// Measures so many times, and takes medians.
#[derive(Debug, Default)]
pub(super) struct Splitting {
    keccak: Vec<Duration>,
    state_reads: Vec<Duration>,
    last: Split,
}

impl Splitting {
    /// Measures once.
    pub(super) fn measure(&mut self, input: &Input, cache: &ProgramCache) -> Result<(), Failure> {
        let meter = Meter::default();
        let view = Clocked { inner: Complete(&input.loaded.state), meter: &meter };
        let predicted = engine::predict_over(input, cache, PredictOptions::default(), view)?;
        let (reads, permutations) = (meter.reads.get(), predicted.permutations);
        self.state_reads.push(meter.time.get().saturating_sub(clock(reads)));
        self.keccak.push(hashing(permutations));
        let instructions = predicted.instructions.into();
        self.last = Split { permutations, reads, instructions, ..Split::default() };
        Ok(())
    }

    /// The medians.
    pub(super) fn finish(self) -> Split {
        let [keccak, state_reads] =
            [self.keccak, self.state_reads].map(|times| median(times).unwrap_or_default());
        Split { keccak, state_reads, ..self.last }
    }
}

/// How long so many permutations take.
fn hashing(permutations: u64) -> Duration {
    let mut input = [0; 64];
    let start = Instant::now();
    for _ in 0..permutations {
        let hash = keccak256(input);
        input[..32].copy_from_slice(hash.as_slice());
    }
    black_box(input);
    start.elapsed()
}

/// What a clock shows of so many times when nothing happens.
fn clock(times: u64) -> Duration {
    (0..times).map(|_| Instant::now().elapsed()).sum()
}

/// How often and how long somebody read.
#[derive(Debug, Default)]
struct Meter {
    reads: Cell<u64>,
    time: Cell<Duration>,
}

impl Meter {
    fn read<T>(&self, read: impl FnOnce() -> T) -> T {
        let start = Instant::now();
        let value = read();
        self.time.set(self.time.get() + start.elapsed());
        self.reads.set(self.reads.get() + 1);
        value
    }
}

/// A view whose reads are timed, and for which instructions are counted.
#[derive(Debug)]
struct Clocked<'a, S> {
    inner: S,
    meter: &'a Meter,
}

impl<S: StateView<Error = Infallible>> StateView for Clocked<'_, S> {
    type Error = Infallible;

    fn account(&self, address: Address) -> Result<Lookup<Option<AccountInfo>>, Infallible> {
        self.meter.read(|| self.inner.account(address))
    }

    fn storage(&self, address: Address, slot: U256) -> Result<Lookup<U256>, Infallible> {
        self.meter.read(|| self.inner.storage(address, slot))
    }

    fn code(&self, hash: B256) -> Result<Lookup<Bytecode>, Infallible> {
        self.meter.read(|| self.inner.code(hash))
    }

    fn block_hash(&self, number: u64) -> Result<Lookup<B256>, Infallible> {
        self.meter.read(|| self.inner.block_hash(number))
    }

    fn counts(&self) -> bool {
        true
    }
}
