//! Predicts the transactions of a block, one after the other.

mod ahead;
mod collect;
mod effects;
mod entrance;
mod fees;
mod looked;
mod options;
mod payment;
mod sender;

pub use ahead::{Ahead, Meeting, TakenOver};
pub use options::{Learning, PredictOptions};

use crate::{
    cache::{Buffers, ProgramCache},
    machine::{
        First, Frames, Instructions, Interrupt, Machine, Outcome, PrecompileCall, Surroundings,
        TxContext,
    },
    prediction::Prediction,
    rules::Rules,
    state::{StateView, Want},
    unknown::Unknown,
    world::{AccountId, Stop, Trace, World},
};
use entrance::Entrance;
use fees::Fees;
use foresee_access::Hashes;
use looked::Looked;
use revm::{
    context::{BlockEnv, CfgEnv, TxEnv},
    context_interface::{
        cfg::gas::InitialAndFloorGas,
        transaction::{Transaction, TransactionType},
    },
};
use std::{sync::Arc, time::Duration};

/// How far a transaction has been predicted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// To its end.
    Done(Prediction),
    /// To a value that is not at hand. [`BlockPredictor::resume`] goes on from there.
    Suspended(Want),
}

/// Predicts the transactions of one block in block order, each over the predicted
/// writes of those before it.
#[derive(Debug)]
pub struct BlockPredictor<'a, S> {
    world: World<S>,
    machine: Machine,
    rules: Arc<Rules>,
    cache: ProgramCache,
    options: PredictOptions,
    /// What is left of [`PredictOptions::compile_max`].
    compile_left: usize,
    context: TxContext,
    entrance: Entrance,
    current: Option<Current<'a>>,
    /// Where the transaction at hand stands, and what it saw if that is asked for.
    place: Place,
    trace: Option<Trace>,
}

impl<S> Drop for BlockPredictor<'_, S> {
    fn drop(&mut self) {
        let mut machine = core::mem::take(&mut self.machine);
        machine.end_learning(&self.cache);
        self.cache.keep(Buffers { machine, contents: self.world.take_contents() });
    }
}

/// Where a transaction is predicted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// Over the predicted writes of those before it.
    InOrder,
    /// The same, and what it accesses is not collected.
    InOrderUnseen,
    /// On the state before the block.
    Alone,
    /// The same, and what it saw is kept.
    AloneTraced,
}

impl Place {
    const fn is_alone(self) -> bool {
        matches!(self, Self::Alone | Self::AloneTraced)
    }
}

/// The transaction at hand.
#[derive(Debug)]
struct Current<'a> {
    tx: &'a TxEnv,
    fees: Fees,
    gas: InitialAndFloorGas,
    stage: Stage,
    sender: Option<AccountId>,
    authorities_refunded: u64,
}

/// What comes next for the transaction at hand. A stage changes nothing before
/// everything it needs is at hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Sender,
    Authority(usize),
    Start,
    Run,
    Beneficiary(Outcome),
}

impl<'a, S: StateView> BlockPredictor<'a, S> {
    /// A predictor for a block on top of the state that `view` shows.
    pub fn new(
        cache: &ProgramCache,
        cfg: &CfgEnv,
        block: &BlockEnv,
        view: S,
        options: PredictOptions,
    ) -> Self {
        cache.trim();
        Self::with_rules(cache, Arc::new(Rules::new(cfg)), (cfg, block), view, options)
    }

    /// Another predictor for the same block, which knows nothing of what this one has
    /// predicted. Cheaper than the first.
    pub fn beside(&self, view: S, options: PredictOptions) -> Self {
        let block = (&self.entrance.cfg, &self.entrance.block);
        Self::with_rules(&self.cache, self.rules.clone(), block, view, options)
    }

    /// Exchanges remembered hashes and results of precompiles with another predictor, so
    /// that one memo serves many predictors of a block in turn; and what is left of
    /// [`PredictOptions::compile_max`], which so holds for all of them together.
    pub const fn swap_memo(&mut self, other: &mut Self) {
        self.machine.swap_memo(&mut other.machine);
        core::mem::swap(&mut self.compile_left, &mut other.compile_left);
    }

    fn with_rules(
        cache: &ProgramCache,
        rules: Arc<Rules>,
        (cfg, block): (&CfgEnv, &BlockEnv),
        view: S,
        options: PredictOptions,
    ) -> Self {
        let context = TxContext::of_block(block, &rules);
        let Buffers { mut machine, contents } = cache.buffers();
        machine.record(&options);
        machine.begin_learning(cache);
        let mut world = World::new(view, contents, block.beneficiary, &rules);
        world.note_order(options.dependencies);
        Self {
            world,
            machine,
            rules,
            cache: cache.clone(),
            options,
            compile_left: options.compile_max,
            context,
            entrance: Entrance { cfg: cfg.clone(), block: block.clone() },
            current: None,
            place: Place::InOrder,
            trace: None,
        }
    }

    /// Takes over what the system calls before the first transaction changed.
    pub fn apply(&mut self, changes: &revm::state::EvmState) {
        for (address, account) in changes {
            self.world.apply_account(*address, account);
        }
    }

    /// The state that predictions read.
    pub const fn view_mut(&mut self) -> &mut S {
        &mut self.world.view
    }

    /// Changes how far a transaction may go, from the next one on; what the limit was.
    pub const fn limit_steps(&mut self, steps_max: u64) -> u64 {
        core::mem::replace(&mut self.options.steps_max, steps_max)
    }

    /// What served the frames so far.
    pub const fn frames(&self) -> Frames {
        self.machine.served
    }

    /// What the instructions that ran so far served; nothing unless the view
    /// [asks for it](StateView::counts).
    pub const fn instructions(&self) -> Instructions {
        self.machine.instructions()
    }

    /// How often Keccak's permutation was computed so far: once for each hash of an input
    /// shorter than 136 bytes that was not remembered, once more for every 136 bytes.
    pub const fn permutations(&self) -> u64 {
        self.machine.permutations()
    }

    /// Time spent in precompiles so far; zero unless it was asked for.
    pub fn precompile_time(&self) -> Duration {
        self.machine.precompile_time.unwrap_or_default()
    }

    /// The results of dear precompiles computed since this was last called; none
    /// unless they are [kept](PredictOptions::keep_results).
    pub fn take_precompiled(&mut self) -> Vec<PrecompileCall> {
        self.machine.precompiled.take()
    }

    /// The hashes of two words computed since this was last called, at most 1,024; none
    /// unless they are [kept](PredictOptions::keep_results).
    pub fn take_hashes(&mut self) -> Hashes {
        self.machine.take_hashes()
    }

    /// Predicts the next transaction to its end. A value that is not at hand ends it
    /// early, as an incomplete prediction.
    ///
    /// # Errors
    ///
    /// If the underlying state fails.
    pub fn predict(&mut self, tx: &'a TxEnv) -> Result<Prediction, S::Error> {
        match self.begin(tx)? {
            Progress::Done(prediction) => Ok(prediction),
            Progress::Suspended(want) => Ok(self.abandon(Unknown::Value(want))),
        }
    }

    /// Begins to predict the next transaction, up to its end or to a value that is
    /// not at hand. A transaction that was suspended before is forgotten.
    ///
    /// # Errors
    ///
    /// If the underlying state fails.
    pub fn begin(&mut self, tx: &'a TxEnv) -> Result<Progress, S::Error> {
        self.begin_as(tx, Place::InOrder)
    }

    /// Begins to predict a transaction, alone or in its place in the block.
    fn begin_as(&mut self, tx: &'a TxEnv, place: Place) -> Result<Progress, S::Error> {
        self.place = place;
        self.world.revert(0);
        self.world.begin();
        self.current = None;
        let current = Current {
            tx,
            fees: Fees::new(tx, &self.entrance.block, &self.rules),
            gas: self.rules.initial_gas(tx),
            stage: Stage::Sender,
            sender: None,
            authorities_refunded: 0,
        };
        // Who enters a pool may be taken by a later block.
        let refused = if place.is_alone() { None } else { self.entrance.refuses(tx) };
        let paid = if refused.is_none() { self.pay(&current) } else { Ok(None) };
        if let Ok(Some(prediction)) = paid {
            return Ok(Progress::Done(prediction));
        }
        self.machine.begin(tx.data.as_ref());
        if self.machine.may_grow() {
            for account in self.machine.grow_slices(self.cache.allowance()) {
                self.world.refresh_slices(account);
            }
        }
        self.context.set_transaction(tx, &self.entrance.block);
        match paid {
            _ if let Some(unknown) = refused => self.stop(current, Interrupt::Unknown(unknown)),
            // The stages tell what was accessed before a value was missing.
            Ok(_) | Err(Stop::Missing(_)) => self.go_on(current),
            Err(failed) => self.stop(current, failed.into()),
        }
    }

    /// Goes on with the transaction that was suspended.
    ///
    /// # Errors
    ///
    /// If the underlying state fails. The transaction stays suspended.
    pub fn resume(&mut self) -> Result<Progress, S::Error> {
        match self.current.take() {
            Some(current) => self.go_on(current),
            None => Ok(Progress::Done(self.abandon(Unknown::NoFrame))),
        }
    }

    /// Goes on with a transaction, which is kept if it does not come to its end.
    fn go_on(&mut self, mut current: Current<'a>) -> Result<Progress, S::Error> {
        let interrupt = loop {
            match self.advance(&mut current) {
                Ok(None) => {}
                Ok(Some(outcome)) => return Ok(Progress::Done(self.complete(&current, outcome))),
                Err(interrupt) => break interrupt,
            }
        };
        self.stop(current, interrupt)
    }

    /// Stops at a transaction, which is kept unless nothing more can be known of it.
    fn stop(
        &mut self,
        current: Current<'a>,
        interrupt: Interrupt<S::Error>,
    ) -> Result<Progress, S::Error> {
        self.current = Some(current);
        match interrupt {
            Interrupt::World(Stop::Missing(want)) => Ok(Progress::Suspended(want)),
            Interrupt::World(Stop::Failed(error)) => Err(error),
            Interrupt::Unknown(unknown) => Ok(Progress::Done(self.abandon(unknown))),
        }
    }

    /// Runs one stage. Yields how the first frame ended, behind the last.
    fn advance(
        &mut self,
        current: &mut Current<'_>,
    ) -> Result<Option<Outcome>, Interrupt<S::Error>> {
        current.stage = match current.stage {
            Stage::Sender => {
                self.charge_sender(current)?;
                Stage::Authority(0)
            }
            Stage::Authority(index) => match current.tx.authorization_list.get(index) {
                Some(authorization) if current.tx.tx_type() == TransactionType::Eip7702 => {
                    self.authorize(authorization, current)?;
                    Stage::Authority(index + 1)
                }
                _ => Stage::Start,
            },
            Stage::Start => {
                let Some(sender) = current.sender else {
                    return Err(Interrupt::Unknown(Unknown::NoFrame));
                };
                let gas = current.tx.gas_limit - current.gas.initial_total_gas();
                if i64::try_from(gas).is_err() {
                    return Err(Interrupt::Unknown(Unknown::GasLimit));
                }
                let first = First {
                    sender,
                    caller: current.tx.caller,
                    kind: current.tx.kind,
                    value: current.tx.value,
                    data: &current.tx.data,
                    gas,
                    steps_max: self.options.steps_max,
                };
                let (machine, mut around) = self.split();
                machine.start(first, &mut around)?;
                Stage::Run
            }
            Stage::Run => {
                let (machine, mut around) = self.split();
                Stage::Beneficiary(machine.run(&mut around)?)
            }
            Stage::Beneficiary(outcome) => {
                self.world.load(self.world.beneficiary)?;
                return Ok(Some(outcome));
            }
        };
        Ok(None)
    }

    /// The machine, and what it works on.
    fn split(&mut self) -> (&mut Machine, Surroundings<'_, S>) {
        let around = Surroundings {
            world: &mut self.world,
            context: &self.context,
            rules: &self.rules,
            cache: &self.cache,
            compile_left: &mut self.compile_left,
        };
        (&mut self.machine, around)
    }

    /// Settles gas and fees, and collects what was accessed.
    fn complete(&mut self, current: &Current<'_>, outcome: Outcome) -> Prediction {
        let Some(sender) = current.sender else { return self.abandon(Unknown::NoFrame) };
        let spent = current.tx.gas_limit - outcome.gas_left;
        let params = &self.rules.gas;
        let refund = outcome.refund
            + (params.tx_eip7702_auth_refund_regular() * current.authorities_refunded) as i64;
        let refund = refund.max(0) as u64;
        let refund = refund.min(spent / params.max_refund_quotient());
        let gas_used = (spent - refund).max(current.gas.floor_gas());
        let back = current.fees.price_of(current.tx.gas_limit - gas_used);
        let balance = self.world.account(sender).balance;
        self.world.set_balance(sender, balance.saturating_add(back));
        let prediction = self.collect(sender, gas_used, outcome.success, Vec::new());
        if self.place.is_alone() {
            self.finish_alone();
        } else {
            self.world.pay_fee(current.fees.reward(gas_used));
            self.world.commit();
        }
        prediction
    }

    /// Ends the transaction where it stands: what was accessed so far, and why there
    /// may be more. Its changes are undone; nobody knows which of them last.
    fn abandon(&mut self, unknown: Unknown) -> Prediction {
        let gas_used = self.current.take().map_or(0, |current| current.tx.gas_limit);
        let sender = self.world.account_of_origin(self.context.origin);
        let prediction = self.collect(sender, gas_used, false, vec![unknown]);
        self.world.revert(0);
        self.world.commit();
        prediction
    }

    /// The prediction of the transaction at hand, from what it has touched.
    fn collect(
        &mut self,
        sender: AccountId,
        gas_used: u64,
        success: bool,
        unknown: Vec<Unknown>,
    ) -> Prediction {
        if self.place == Place::InOrderUnseen {
            return Prediction { gas_used, success, unknown, ..Prediction::default() };
        }
        let looked = Looked::new(&self.world, sender);
        let access = collect::access_set(&mut self.world, sender);
        let dependencies = looked.map(|looked| Box::new(looked.dependencies(access.reads())));
        let labels = collect::labels(&self.world, &self.machine);
        Prediction { access, gas_used, success, unknown, labels, dependencies }
    }
}
