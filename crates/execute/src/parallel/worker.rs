//! What one thread does for a block: execute transactions ahead of their turn,
//! and settle turns.

use super::{
    Reason, Reexecution, Together,
    authority::{Authority, EvmError, evm_error, state_error},
    clock::{Clock, Task, Worked},
    early::{Early, Signals},
    known::{Known, Recall},
    looks::{self, Aside, Looks, WorkerContext, WorkerInstructions},
    pays_ahead,
    precompiles::KnownPrecompiles,
    provenance::{self, Proof, Provenance},
    scheduler::{Job, Plan, Scheduler, Settled, Turn, WhenIdle},
    validate,
    versions::Versions,
    view::{Overlay, View},
    witnessing,
};
use crate::{
    Block, CancelToken, ExecuteError, InvalidReason, Observed, access_list::index_after,
    observe::sets,
};
use foresee_access::{Location, TxIndex};
use foresee_schedule::Schedule;
use revm::{
    Context, Database, DatabaseCommit, DatabaseRef, ExecuteEvm, MainContext,
    context::{
        Evm, FrameStack, TxEnv,
        result::{EVMError, ExecutionResult, ResultAndState},
    },
    handler::EthFrame,
    interpreter::interpreter::EthInterpreter,
    primitives::{Address, U256},
    state::EvmState,
};
use std::time::{Duration, Instant};

/// revm as a worker uses it.
pub(super) type WorkerEvm<'a, D> = Evm<
    WorkerContext<'a, D>,
    (),
    WorkerInstructions<'a, D>,
    KnownPrecompiles<'a>,
    EthFrame<EthInterpreter>,
>;

pub(super) type BlockScheduler<'s, 'a, DB> = Scheduler<'s, Attempt, Box<Authority<'a, DB>>>;

/// What executing a transaction ahead of its turn came to.
pub(super) enum Attempt {
    /// It ran; whether on the right inputs is seen at its turn.
    Executed(Box<Speculation>),
    /// On the state it saw it could not be executed: it was invalid there, or the
    /// state could not be read. What to make of that is decided at its turn.
    Undecided,
}

/// The result of a transaction that was executed ahead of its turn.
pub(super) struct Speculation {
    pub(super) result: ExecutionResult,
    pub(super) changes: EvmState,
    pub(super) looks: Looks,
    pub(super) overlay: Overlay,
    /// Which of the slots that it was said to add to it did add to.
    pub(super) proof: Proof,
    /// What the transaction accessed, if that is asked for.
    pub(super) access: Option<Observed>,
}

/// What a worker does for others.
#[derive(Clone, Copy, Default)]
pub(super) struct Duty<'a> {
    /// Whether anybody reads versions.
    pub(super) shares: bool,
    /// Whether it is asked for what the transactions access.
    pub(super) witnesses: bool,
    /// What is known already of the block.
    pub(super) known: Option<&'a Known>,
    /// Who may tell to give up.
    pub(super) cancel: Option<&'a CancelToken>,
    /// What is done before a transaction is executed.
    pub(super) ready: Option<&'a Together<'a>>,
    /// When the execution began, if a timeline is asked for.
    pub(super) origin: Option<Instant>,
}

/// One thread at work on one block.
pub(super) struct Worker<'a, DB: DatabaseRef> {
    pub(super) evm: WorkerEvm<'a, View<'a, DB>>,
    /// Instructions that follow claims; made when they are first needed, and in the place
    /// of the others while they are.
    following: Option<WorkerInstructions<'a, View<'a, DB>>>,
    block: &'a Block,
    versions: &'a Versions,
    plan: &'a Plan<'a>,
    signals: &'a Signals,
    duty: Duty<'a>,
    clock: Clock,
}

impl<'a, DB: DatabaseRef> Worker<'a, DB> {
    /// As [`worker_evm`] takes `any_tx`.
    pub(super) fn new(
        block: &'a Block,
        db: &'a DB,
        versions: &'a Versions,
        any_tx: &'a TxEnv,
        plan: &'a Plan<'a>,
        signals: &'a Signals,
        duty: Duty<'a>,
    ) -> Self {
        let view = View::new(db, versions);
        let evm = worker_evm(block, any_tx, view, duty.known, duty.witnesses);
        let clock = Clock::new(duty.origin);
        Self { evm, following: None, block, versions, plan, signals, duty, clock }
    }

    /// Works until the block is done or given up.
    pub(super) fn run(mut self, scheduler: &BlockScheduler<'_, 'a, DB>) -> Worked {
        self.work(scheduler, WhenIdle::Wait);
        self.clock.worked
    }

    /// Works as long as there is something to do; whether the block goes on.
    pub(super) fn run_until_idle(&mut self, scheduler: &BlockScheduler<'_, 'a, DB>) -> bool {
        self.work(scheduler, WhenIdle::Leave)
    }

    fn work(&mut self, scheduler: &BlockScheduler<'_, 'a, DB>, idle: WhenIdle) -> bool {
        let _cancel = CancelOnPanic { scheduler };
        let mut finished = None;
        loop {
            let start = self.clock.start();
            let job = scheduler.next(finished.take(), idle);
            self.clock.end(Task::Wait, start);
            match job {
                Job::Settle(authority, turn) => self.settle_turns(scheduler, authority, turn),
                Job::Speculate(tx) => {
                    self.get_ready(scheduler);
                    let start = self.clock.start();
                    finished = Some((tx, self.speculate(tx)));
                    self.clock.end(Task::Ahead(tx), start);
                }
                Job::StartEarly(tx) => {
                    self.get_ready(scheduler);
                    finished = Some((tx, self.start_early(tx)));
                }
                Job::Idle => return true,
                Job::Stop => return false,
            }
        }
    }

    /// Executes a transaction ahead of its turn and publishes what it writes.
    pub(super) fn speculate(&mut self, index: TxIndex) -> Attempt {
        let tx = &self.block.transactions[index.position()];
        let claims = self.claims(index);
        self.view().speculate(version(index), tx, claims);
        let executed = match claims {
            [] => self.execute(index),
            _ => self.follow(index, claims),
        };
        let Ok((result, mut changes, looks)) = executed else {
            return Attempt::Undecided;
        };
        let proof = self.evm.ctx.chain.provenance.take_proof();
        self.publish(index, &mut changes, |address, slot| {
            proof.covers(claims, &Location::slot(address, slot))
        });
        let access = self.duty.witnesses.then(|| self.access(index, &result, &looks, &mut changes));
        let overlay = core::mem::take(&mut self.view().overlay);
        Attempt::Executed(Box::new(Speculation { result, changes, looks, overlay, proof, access }))
    }

    /// Executes a transaction ahead of its turn while those that it waits for are executed by
    /// others.
    pub(super) fn start_early(&mut self, index: TxIndex) -> Attempt {
        let plan: &'a Plan<'a> = self.plan;
        let awaited = plan.get().map_or(&[][..], |schedule| schedule.awaited(index));
        let start = self.clock.start();
        self.view().early = Some(Early::new(self.signals, awaited));
        let attempt = self.speculate(index);
        if let Some(early) = self.view().early.take() {
            let waited = early.waited();
            tracing::debug!(transaction = index.0, ?waited, "started early");
            self.clock.worked.early += 1;
            self.clock.worked.waited += waited;
            let start = self.clock.interrupted(Task::Ahead(index), start, &early.waits);
            self.clock.end(Task::Ahead(index), start);
        }
        attempt
    }

    /// Settles turns as long as there are any that no other worker is at.
    fn settle_turns(
        &mut self,
        scheduler: &BlockScheduler<'_, 'a, DB>,
        mut authority: Box<Authority<'a, DB>>,
        mut turn: Turn<Attempt>,
    ) {
        loop {
            let index = turn.tx;
            let settled = match turn.speculation {
                Some(_) => Settled::Ahead,
                None => Settled::AtItsTurn(index),
            };
            if turn.speculation.is_none() {
                self.get_ready(scheduler);
            }
            let start = self.clock.start();
            authority = self.settle(authority, turn);
            self.clock.end(Task::Turn(index), start);
            if authority.failure.is_some() {
                return scheduler.stop(Some(authority));
            }
            if authority.stats.reexecuted.last().is_some_and(|again| again.index == index) {
                scheduler.was_wrong(index);
            }
            if authority.distrusts_now(index) {
                scheduler.distrust();
                self.versions.close();
            }
            match scheduler.next_turn(authority, settled) {
                Some(next) => (authority, turn) = next,
                None => return,
            }
        }
    }

    /// Does what is to be done before a transaction is executed.
    fn get_ready(&self, scheduler: &BlockScheduler<'_, 'a, DB>) {
        if let Some(ready) = self.duty.ready.filter(|_| !self.is_cancelled()) {
            ready(scheduler);
        }
    }

    fn is_cancelled(&self) -> bool {
        self.duty.cancel.is_some_and(CancelToken::is_cancelled)
    }

    /// Settles one turn: the transaction is included or refused for good.
    pub(super) fn settle(
        &mut self,
        mut authority: Box<Authority<'a, DB>>,
        turn: Turn<Attempt>,
    ) -> Box<Authority<'a, DB>> {
        if self.is_cancelled() {
            authority.failure = Some(ExecuteError::Cancelled);
            return authority;
        }
        let Turn { tx: index, speculation } = turn;
        let tx = &self.block.transactions[index.position()];
        if let Err(reason) = authority.ledger.check(tx) {
            if let Some(Attempt::Executed(speculation)) = speculation {
                self.versions.retract(version(index), &speculation.changes);
            }
            authority.ledger.refuse(index, reason);
            return authority;
        }
        let mut reason = None;
        match speculation {
            None => {}
            Some(Attempt::Undecided) => reason = Some(Reason::Undecided),
            Some(Attempt::Executed(mut speculation)) => {
                let state = &mut authority.state;
                let claims = self.claims(index);
                match validate::rebase(state, &self.block.cfg, tx, claims, &mut speculation) {
                    Ok(None) => {
                        let Speculation { result, changes, looks, access, .. } = *speculation;
                        authority.stats.ahead += 1;
                        authority.stats.ahead_gas += result.tx_gas_used();
                        self.include(&mut authority, index, result, changes, &looks, access);
                        return authority;
                    }
                    Ok(Some(location)) => {
                        reason = Some(Reason::Conflict(location));
                        self.versions.retract(version(index), &speculation.changes);
                    }
                    Err(error) => {
                        authority.failure = Some(state_error::<DB>(error));
                        return authority;
                    }
                }
            }
        }
        self.execute_at_its_turn(authority, index, reason)
    }

    /// Executes a transaction on the authoritative state, where its result is
    /// right by definition.
    fn execute_at_its_turn(
        &mut self,
        authority: Box<Authority<'a, DB>>,
        index: TxIndex,
        reason: Option<Reason>,
    ) -> Box<Authority<'a, DB>> {
        let (mut authority, executed) = self.with_authority(authority, |it| it.execute(index));
        match executed {
            Ok((result, mut changes, looks)) => {
                if let Some(reason) = reason {
                    let gas = result.tx_gas_used();
                    tracing::debug!(transaction = index.0, ?reason, gas, "executed again");
                    authority.stats.reexecuted.push(Reexecution { index, reason, gas });
                }
                if self.duty.shares && index.position() + 1 < self.block.transactions.len() {
                    self.publish(index, &mut changes, |_, _| false);
                }
                self.include(&mut authority, index, result, changes, &looks, None);
            }
            Err(EVMError::Transaction(reason)) => {
                authority.ledger.refuse(index, InvalidReason::Transaction(reason));
            }
            Err(error) => authority.failure = Some(evm_error::<DB>(error)),
        }
        authority
    }

    /// Makes a right result part of the block. What it accessed may be known already.
    fn include(
        &self,
        authority: &mut Authority<'a, DB>,
        index: TxIndex,
        result: ExecutionResult,
        mut changes: EvmState,
        looks: &Looks,
        access: Option<Observed>,
    ) {
        let tx = &self.block.transactions[index.position()];
        if let Some(observed) = &mut authority.observed {
            let access = access.unwrap_or_else(|| self.access(index, &result, looks, &mut changes));
            observed[index.position()] = access;
        }
        if let Some(notes) = &mut authority.notes {
            notes.add(index_after(authority.ledger.receipts.len()), &mut changes);
        }
        authority.state.commit(changes);
        authority.ledger.include(tx, result);
    }

    /// What a transaction that was executed accessed.
    fn access(
        &self,
        index: TxIndex,
        result: &ExecutionResult,
        looks: &Looks,
        changes: &mut EvmState,
    ) -> Observed {
        let tx = &self.block.transactions[index.position()];
        sets::observed(self.block, tx, result.tx_gas_used(), &looks.witness, changes)
    }

    /// Lets revm work on the authoritative state for a while.
    pub(super) fn with_authority<T>(
        &mut self,
        authority: Box<Authority<'a, DB>>,
        work: impl FnOnce(&mut Self) -> T,
    ) -> (Box<Authority<'a, DB>>, T) {
        self.view().authority = Some(authority);
        let result = work(self);
        let authority = self.view().authority.take();
        (authority.expect("nothing but this function takes it"), result)
    }

    /// Executes a transaction on whatever the view shows.
    fn execute(
        &mut self,
        index: TxIndex,
    ) -> Result<(ExecutionResult, EvmState, Looks), EvmError<DB>> {
        let tx = &self.block.transactions[index.position()];
        let known = self.duty.known.and_then(|known| known.hashes_of(index));
        self.evm.ctx.chain.recall = Recall::new(known);
        let start = pays_ahead(tx).then(Instant::now);
        let executed = self.evm.transact(tx);
        let elapsed = start.map_or(Duration::ZERO, |start| start.elapsed());
        let waited = self.view().early.as_ref().map_or(Duration::ZERO, Early::waited);
        self.clock.worked.executing += elapsed.saturating_sub(waited);
        let looks = core::mem::take(&mut self.evm.ctx.chain.looks);
        let ResultAndState { result, state } = executed?;
        Ok((result, state, looks))
    }

    /// Executes a transaction ahead of its turn and finds out what becomes of its claims.
    fn follow(
        &mut self,
        index: TxIndex,
        claims: &'a [Location],
    ) -> Result<(ExecutionResult, EvmState, Looks), EvmError<DB>> {
        let spec = self.block.cfg.spec;
        let following = self.following.take();
        let following = following.unwrap_or_else(|| provenance::instructions(spec));
        let usual = core::mem::replace(&mut self.evm.instruction, following);
        self.evm.ctx.chain.provenance = Provenance::new(claims);
        let executed = self.execute(index);
        self.following = Some(core::mem::replace(&mut self.evm.instruction, usual));
        executed
    }

    /// The slots that a transaction is said to add to without looking. A precaution claims
    /// none, and a schedule stays: those of a transaction that was executed ahead are the
    /// same when it is settled, or nothing was found out of them.
    fn claims(&self, index: TxIndex) -> &'a [Location] {
        let plan: &'a Plan<'a> = self.plan;
        plan.get().map_or(&[], |schedule| schedule.commutative(index))
    }

    /// Shows what a transaction changed to those that run ahead.
    fn publish(
        &self,
        index: TxIndex,
        changes: &mut EvmState,
        added: impl Fn(Address, U256) -> bool,
    ) {
        let beneficiary = self.block.env.beneficiary;
        // A precaution expects nothing in particular.
        let is_expected = |schedule: &Schedule| {
            !schedule.is_precaution() && !schedule.successors(index).is_empty()
        };
        let expected = self.plan.get().is_none_or(is_expected);
        self.versions.publish(version(index), beneficiary, expected, changes, added);
    }

    fn view(&mut self) -> &mut View<'a, DB> {
        &mut self.evm.ctx.journaled_state.database
    }
}

/// revm over this state. `any_tx` is not executed; revm's context is built around a
/// transaction.
pub(super) fn worker_evm<'a, D: Database>(
    block: &'a Block,
    any_tx: &'a TxEnv,
    db: D,
    known: Option<&'a Known>,
    witnesses: bool,
) -> WorkerEvm<'a, D> {
    let context = Context::mainnet()
        .with_chain(Aside::default())
        .with_block(&block.env)
        .with_tx(any_tx)
        .with_cfg(&block.cfg)
        .with_db(db);
    Evm {
        ctx: context,
        inspector: (),
        instruction: match witnesses {
            true => witnessing::instructions(block.cfg.spec),
            false => looks::instructions(block.cfg.spec),
        },
        precompiles: KnownPrecompiles::new(block.cfg.spec, known, witnesses),
        // Frames are made when they are first needed: who merely pays needs none.
        frame_stack: FrameStack::new(),
    }
}

/// The version of a transaction's writes; 0 are the changes before all of them.
const fn version(index: TxIndex) -> u32 {
    index.0 + 1
}

/// Stops the other workers if this one panics, so that the panic reaches the
/// caller instead of leaving them waiting for a result that never comes.
pub(super) struct CancelOnPanic<'r, 's, 'a, DB: DatabaseRef> {
    pub(super) scheduler: &'r BlockScheduler<'s, 'a, DB>,
}

impl<DB: DatabaseRef> Drop for CancelOnPanic<'_, '_, '_, DB> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.scheduler.stop(None);
        }
    }
}
