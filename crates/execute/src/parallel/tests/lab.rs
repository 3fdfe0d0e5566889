//! Builds contrived blocks and runs them in every way there is.

use super::super::{
    Known, LaneStart, LastLane, ParallelConfig, ParallelExecutor, ParallelOutcome, Policy,
    PreBlock, Reason,
    authority::Authority,
    closing::{Made, close},
    early::Signals,
    lanes,
    scheduler::{Plan, Turn},
    versions::Versions,
    worker::{Duty, Worker},
};
use crate::{Block, BlockOutput, ExecuteError, Protocol, Reports, execute_in_order};
use foresee_access::{Location, TxIndex};
use foresee_schedule::Schedule;
use revm::{
    DatabaseRef,
    context::{BlockEnv, CfgEnv, TxEnv},
    context_interface::block::BlobExcessGasAndPrice,
    database::{AccountState, BundleAccount, CacheDB, DbAccount, EmptyDB},
    primitives::{Address, AddressMap, B256, Bytes, TxKind, U256, hardfork::SpecId},
    state::{AccountInfo, Bytecode},
};
use std::sync::LazyLock;

/// What every account of a lab owns at first, unless told otherwise.
pub(super) const RICH: u64 = 1_000_000_000_000_000_000;

/// The fee that a lab's transaction pays per gas; a unit goes to the beneficiary
/// from London on, all of it before.
pub(super) const GAS_PRICE: u128 = 8;

/// The beneficiary of a lab's block, unless told otherwise.
pub(super) const BENEFICIARY: Address = Address::repeat_byte(0xbe);

/// A user by number.
pub(super) const fn user(number: u8) -> Address {
    Address::repeat_byte(number)
}

/// A contract by number.
pub(super) const fn contract(number: u8) -> Address {
    Address::repeat_byte(0xc0 + number)
}

/// A block under construction and the state before it.
pub(super) struct Lab {
    pub(super) db: CacheDB<EmptyDB>,
    pub(super) block: Block,
    nonces: AddressMap<u64>,
    claims: Vec<(TxIndex, Location)>,
}

impl Lab {
    pub(super) fn new(spec: SpecId) -> Self {
        let env = BlockEnv {
            number: U256::from(20),
            beneficiary: BENEFICIARY,
            timestamp: U256::from(1_000),
            gas_limit: 30_000_000,
            basefee: if spec.is_enabled_in(SpecId::LONDON) { 7 } else { 0 },
            prevrandao: Some(B256::ZERO),
            blob_excess_gas_and_price: Some(BlobExcessGasAndPrice::new(0, 3_338_477)),
            ..BlockEnv::default()
        };
        let protocol =
            Protocol { parent_beacon_block_root: Some(B256::ZERO), ..Protocol::default() };
        let cfg = CfgEnv::new_with_spec(spec);
        let block = Block { cfg, env, transactions: Vec::new(), protocol };
        Self { db: CacheDB::default(), block, nonces: AddressMap::default(), claims: Vec::new() }
    }

    pub(super) fn owns(&mut self, address: Address, wei: impl TryInto<U256>) -> &mut Self {
        let Ok(balance) = wei.try_into() else { panic!("a balance has 256 bits") };
        self.db.insert_account_info(address, AccountInfo::from_balance(balance));
        self
    }

    /// Puts a contract at an address that owns `wei`.
    pub(super) fn deploy(&mut self, address: Address, wei: u64, code: Vec<u8>) -> &mut Self {
        let code = Bytecode::new_raw(code.into());
        let info = AccountInfo { balance: U256::from(wei), nonce: 1, ..Default::default() };
        self.db.insert_account_info(address, info.with_code(code));
        self
    }

    pub(super) fn stores(&mut self, address: Address, slot: u64, value: u64) -> &mut Self {
        let (slot, value) = (U256::from(slot), U256::from(value));
        self.db.insert_account_storage(address, slot, value).unwrap();
        self
    }

    /// Appends a transaction with the sender's next nonce.
    pub(super) fn send(&mut self, from: Address, to: impl Into<TxKind>, wei: u64) -> &mut TxEnv {
        if !self.db.cache.accounts.contains_key(&from) {
            self.owns(from, RICH);
        }
        let nonce = self.nonces.entry(from).or_default();
        self.block.transactions.push(TxEnv {
            caller: from,
            kind: to.into(),
            value: U256::from(wei),
            nonce: *nonce,
            gas_limit: 200_000,
            gas_price: GAS_PRICE,
            ..TxEnv::default()
        });
        *nonce += 1;
        self.block.transactions.last_mut().unwrap()
    }

    /// Appends a call with words of data.
    pub(super) fn call<const N: usize>(
        &mut self,
        from: Address,
        to: Address,
        wei: u64,
        words: [U256; N],
    ) -> &mut TxEnv {
        let tx = self.send(from, to, wei);
        tx.data = data(words);
        tx
    }

    /// The nonce that the next transaction of this sender does not use.
    pub(super) fn skip_nonce(&mut self, from: Address) {
        *self.nonces.entry(from).or_default() += 1;
    }

    /// Claims that the transactions so far, but for the first so many, merely add to a slot.
    pub(super) fn claim(&mut self, from: usize, address: Address, slot: u64) -> &mut Self {
        let location = Location::slot(address, U256::from(slot));
        let txs = from..self.block.transactions.len();
        self.claims.extend(txs.map(|tx| (TxIndex::new(tx), location)));
        self
    }

    /// A schedule with the claims.
    pub(super) fn claiming(&self, schedule: Schedule) -> Schedule {
        schedule.claiming(self.claims.iter().copied())
    }

    /// A schedule with the claims for [`speculate_all`] and [`interleave`], which do not
    /// follow it otherwise.
    pub(super) fn plan(&self) -> Schedule {
        self.claiming(Schedule::sequential(self.block.transactions.len()))
    }

    /// Executes everything ahead in block order, and returns which of them had to be
    /// executed once more.
    #[track_caller]
    pub(super) fn again_in_order(&self) -> Vec<u32> {
        let order: Vec<_> = (0..self.block.transactions.len()).collect();
        let outcome = speculate_all(&self.block, &self.db, self.plan(), &order).unwrap();
        outcome.stats.reexecuted.iter().map(|again| again.index.0).collect()
    }

    /// Runs the block in every way and requires equal outputs. Returns the output.
    #[track_caller]
    pub(super) fn check(&self) -> BlockOutput {
        let expected = execute_in_order(&self.block, &self.db).expect("the block can be executed");
        let n = self.block.transactions.len();
        let ahead: Vec<_> = (0..n).collect();
        let reversed: Vec<_> = (0..n).rev().collect();
        for (name, order) in [("in order", &ahead), ("in reverse", &reversed)] {
            let outcome = speculate_all(&self.block, &self.db, self.plan(), order).unwrap();
            assert_eq!(outcome.output, expected, "all ahead, {name}");
        }
        for seed in 0..20 {
            let outcome = interleave(&self.block, &self.db, self.plan(), seed).unwrap();
            assert_eq!(outcome.output, expected, "interleaving of seed {seed}");
        }
        for middle in 0..=n {
            if let Some((output, _)) = in_lanes(&self.block, &self.db, middle).unwrap() {
                assert_eq!(output, expected, "in lanes, the second from {middle} on");
            }
        }
        for executor in EXECUTORS.iter() {
            for schedule in [Schedule::independent(n), Schedule::sequential(n), chain(n)] {
                let schedule = self.claiming(schedule);
                let outcome = executor.execute(&self.block, &self.db, &schedule).unwrap();
                assert_eq!(outcome.output, expected, "{:?}", executor.config());
            }
            for late in [None, Some(Schedule::independent(n)), Some(Schedule::sequential(n))] {
                let pre = PreBlock::run(&self.block, &self.db).unwrap();
                let outcome = executor
                    .execute_with_precaution(pre, &self.block, &self.db, chain(n), |_| late)
                    .unwrap();
                assert_eq!(outcome.output, expected, "{:?}", executor.config());
            }
        }
        expected
    }

    /// Executes everything ahead, all on the state before the block, and returns
    /// what that makes conflicts: transaction and location.
    #[track_caller]
    pub(super) fn conflicts(&self) -> Vec<(u32, Location)> {
        self.check();
        let n = self.block.transactions.len();
        let order: Vec<_> = (0..n).rev().collect();
        let outcome = speculate_all(&self.block, &self.db, self.plan(), &order).unwrap();
        let conflict = |reexecution: &super::super::Reexecution| match reexecution.reason {
            Reason::Conflict(location) => (reexecution.index.0, location),
            Reason::Undecided => panic!("{} was undecided", reexecution.index),
        };
        outcome.stats.reexecuted.iter().map(conflict).collect()
    }
}

/// A precaution by which every transaction waits for the one before.
fn chain(n: usize) -> Schedule {
    let edges = (1..n).map(|later| (TxIndex::new(later - 1), TxIndex::new(later)));
    Schedule::precaution(edges, vec![false; n])
}

/// Executors of every kind, made once.
static EXECUTORS: LazyLock<Vec<ParallelExecutor>> = LazyLock::new(|| {
    let policies = [Policy::Dataflow, Policy::Layers];
    let configs = policies
        .into_iter()
        .flat_map(|policy| [1, 2, 3, 8].map(|threads| ParallelConfig { threads, policy }));
    configs.map(|config| ParallelExecutor::new(config).unwrap()).collect()
});

/// The output of an execution in lanes, and whether they kept apart.
pub(super) fn in_lanes<DB: DatabaseRef + Sync>(
    block: &Block,
    db: &DB,
    middle: usize,
) -> Result<Option<(BlockOutput, bool)>, ExecuteError<DB::Error>> {
    in_lanes_expecting(block, db, vec![LaneStart { position: middle, ..LaneStart::default() }])
}

/// The same, if lanes are told to begin at these places, in order, with something that is there.
pub(super) fn in_lanes_expecting<DB: DatabaseRef + Sync>(
    block: &Block,
    db: &DB,
    starts: Vec<LaneStart>,
) -> Result<Option<(BlockOutput, bool)>, ExecuteError<DB::Error>> {
    let first = starts[0].position;
    let mut starts = starts.into_iter();
    let next = |_: &LastLane| starts.next();
    let pool = EXECUTORS[1].helpers.as_ref().expect("it has two threads");
    let outcome = lanes::execute(pool, (None, None), (block, db), first, next)?;
    Ok(outcome
        .map(|outcome| (outcome.output, outcome.stats.ahead == block.transactions.len() - first)))
}

/// What the transactions before this one really leave.
pub(super) fn left_before<DB: DatabaseRef>(
    block: &Block,
    db: &DB,
    position: usize,
) -> AddressMap<DbAccount> {
    let mut block = block.clone();
    block.transactions.truncate(position);
    block.protocol.withdrawals.clear();
    let left = execute_in_order(&block, db).unwrap_or_else(|_| panic!("it has a state")).state;
    let account = |(address, account): (Address, BundleAccount)| {
        let account_state = match (&account.info, account.status.is_storage_known()) {
            (None, _) => AccountState::NotExisting,
            (_, true) => AccountState::StorageCleared,
            (_, false) => AccountState::None,
        };
        let slots = account.storage.into_iter();
        let storage = slots.map(|(slot, value)| (slot, value.present_value)).collect();
        (address, DbAccount { info: account.info.unwrap_or_default(), account_state, storage })
    };
    left.state.into_iter().map(account).collect()
}

/// Words as call data.
pub(super) fn data<const N: usize>(words: [U256; N]) -> Bytes {
    words.iter().flat_map(|word| word.to_be_bytes::<32>()).collect::<Vec<_>>().into()
}

/// An address as a word.
pub(super) fn word(address: Address) -> U256 {
    address.into_word().into()
}

/// Executes all transactions ahead in the given order, then settles all turns.
pub(super) fn speculate_all<DB: DatabaseRef + Sync>(
    block: &Block,
    db: &DB,
    plan: Schedule,
    order: &[usize],
) -> Result<ParallelOutcome, ExecuteError<DB::Error>> {
    speculate_knowing(block, db, plan, order, &Known::new(block.transactions.len()))
}

/// The same, with what is known already; what is found out is kept there.
pub(super) fn speculate_knowing<DB: DatabaseRef + Sync>(
    block: &Block,
    db: &DB,
    plan: Schedule,
    order: &[usize],
    known: &Known,
) -> Result<ParallelOutcome, ExecuteError<DB::Error>> {
    let mut order = order.iter();
    drive(block, db, plan, known, |_| order.next().copied())
}

/// Executes ahead and settles as a sequence of random numbers has it.
pub(super) fn interleave<DB: DatabaseRef + Sync>(
    block: &Block,
    db: &DB,
    plan: Schedule,
    seed: u64,
) -> Result<ParallelOutcome, ExecuteError<DB::Error>> {
    let mut random = SplitMix(seed);
    drive(block, db, plan, &Known::new(block.transactions.len()), |open| {
        let choice = random.next() as usize % (open.len() + 1);
        open.get(choice).copied()
    })
}

/// Executes a block on one worker. `choose` is asked again and again which of the
/// open transactions to execute ahead; when it chooses none, a turn is settled. Of the
/// schedule only the claims count.
fn drive<DB: DatabaseRef + Sync>(
    block: &Block,
    db: &DB,
    schedule: Schedule,
    known: &Known,
    mut choose: impl FnMut(&[usize]) -> Option<usize>,
) -> Result<ParallelOutcome, ExecuteError<DB::Error>> {
    let mut pre = PreBlock::run(block, db)?;
    let versions = Versions::new();
    for changes in pre.changes_mut() {
        versions.publish(0, block.env.beneficiary, true, changes, |_, _| false);
    }
    let any_tx = TxEnv::default();
    let mut authority = Box::new(Authority::new(block, pre, Reports::default()));
    let plan = Plan::of(schedule);
    let known = Some(known);
    let duty = Duty { shares: true, known, ..Duty::default() };
    let signals = Signals::new(block.transactions.len());
    let mut worker = Worker::new(block, db, &versions, &any_tx, &plan, &signals, duty);
    let mut open: Vec<usize> = (0..block.transactions.len()).collect();
    let mut attempts: Vec<_> = open.iter().map(|_| None).collect();
    for position in 0..attempts.len() {
        let tx = TxIndex::new(position);
        while let Some(chosen) = choose(&open) {
            open.retain(|position| *position != chosen);
            attempts[chosen] = Some(worker.speculate(TxIndex::new(chosen)));
        }
        open.retain(|open| *open != position);
        let speculation = attempts[position].take();
        authority = worker.settle(authority, Turn { tx, speculation });
        if authority.failure.is_some() {
            break;
        }
    }
    close(block, *authority, &Made::new(), None)
}

/// A small random number generator, so that a seed is all there is to print.
pub(super) struct SplitMix(pub(super) u64);

impl SplitMix {
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}
