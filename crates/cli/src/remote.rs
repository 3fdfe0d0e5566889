//! Blocks from a node. What a command will look at is read from the node first, into
//! memory; from there on such a block is like one from a file.

mod rounds;

use crate::{
    args::{Blocks, Manners, TxChoice},
    failure::Failure,
    input::{Input, is_stream},
    predicted_list,
    progress::Progress,
};
use foresee_execute::{Block, ExecuteError, PreBlock, execute_in_order};
use foresee_predict::{BlockPredictor, Complete, PredictOptions, ProgramCache};
use foresee_source::{
    BlockChoice, LoadedBlock, Node, RpcBlock, RpcConfig, RpcError,
    rpc::{RpcState, StateRead, Whereabouts},
};
use std::{collections::BTreeSet, time::Duration};

/// What a command will do with a block, and so what of the state it needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Predict it.
    Predict,
    /// Predict and execute it.
    Execute,
}

/// A connection to a node, and what was said about it.
#[derive(Debug)]
pub(crate) struct Remote {
    node: Node,
    fork: Option<String>,
    /// What to read first of any block.
    prefetch: BTreeSet<StateRead>,
    cache: ProgramCache,
}

impl Remote {
    pub(crate) fn connect(url: &str, manners: &Manners) -> Result<Self, Failure> {
        let config = RpcConfig {
            timeout: Duration::from_secs(manners.rpc_timeout.get().into()),
            attempts: manners.rpc_attempts.get(),
            batch: manners.rpc_batch.get(),
            ..RpcConfig::default()
        };
        let prefetch = manners.prefetch.as_deref().map(predicted_list::reads).transpose()?;
        let (fork, prefetch) = (manners.fork.clone(), prefetch.unwrap_or_default());
        let node = Node::connect(url, config)?;
        Ok(Self { node, fork, prefetch, cache: ProgramCache::new() })
    }

    /// Scheme and host of the node.
    pub(crate) fn name(&self) -> &str {
        self.node.name()
    }

    /// A block with all of the state that is needed.
    pub(crate) fn block(
        &self,
        choice: BlockChoice,
        purpose: Purpose,
        progress: &Progress,
    ) -> Result<Input, Failure> {
        let block = self.node.block(choice, self.fork.as_deref())?;
        self.input(&block, purpose, progress)
    }

    /// What waits in the pool, as the block that could come next.
    pub(crate) fn pool(&self, progress: &Progress) -> Result<Input, Failure> {
        let block = self.node.pool(self.fork.as_deref())?;
        self.input(&block, Purpose::Predict, progress)
    }

    /// The block that a transaction is in, or could be in alone.
    pub(crate) fn of_transaction(
        &self,
        hash: alloy_primitives::B256,
        progress: &Progress,
    ) -> Result<(Input, TxChoice), Failure> {
        let fork = self.fork.as_deref();
        let (block, index) = match self.node.transaction(hash)? {
            Whereabouts::Block { block, index } => {
                (self.node.block(BlockChoice::Hash(block), fork)?, index)
            }
            Whereabouts::Pool(tx) => (self.node.alone(*tx, fork)?, 0),
        };
        Ok((self.input(&block, Purpose::Predict, progress)?, TxChoice::Index(index)))
    }

    /// A block of the node with as much of its state as the purpose needs.
    pub(crate) fn gather(
        &self,
        choice: BlockChoice,
        progress: &Progress,
    ) -> Result<RpcBlock, Failure> {
        let block = self.node.block(choice, self.fork.as_deref())?;
        if let Some(reads) = block.traced_reads()? {
            block.state.fetch(&reads)?;
        }
        self.read(&block, Purpose::Execute, progress)?;
        Ok(block)
    }

    fn input(
        &self,
        block: &RpcBlock,
        purpose: Purpose,
        progress: &Progress,
    ) -> Result<Input, Failure> {
        self.read(block, purpose, progress)?;
        let origin = self.node.name().to_owned();
        Ok(Input { origin, loaded: block.load_held()? })
    }

    /// Reads all of the state that predicting the block looks at, and what executing it
    /// does: first in rounds over all transactions, then whatever only shows in order.
    fn read(
        &self,
        remote: &RpcBlock,
        purpose: Purpose,
        progress: &Progress,
    ) -> Result<(), Failure> {
        let LoadedBlock { block, number, .. } = remote.load()?;
        let state = &remote.state;
        let failed = |place: &str| {
            let place = format!("block {number}, {place}");
            move |error| self.failure(&place, error)
        };
        let evident = remote.evident_reads();
        progress.say(format!("block {number}: reading"));
        state.fetch(&evident.union(&self.prefetch).copied().collect())?;
        let rounds = rounds::read(&block, state, &self.cache, |round| {
            progress.say(format!("block {number}: round {round}, {} values", state.len()));
        })?;
        let in_rounds = state.len();
        self.predict(&block, state).map_err(failed("predicting"))?;
        if purpose == Purpose::Execute {
            progress.say(format!("block {number}: executing, {} values", state.len()));
            execute_in_order(&block, state).map_err(failed("executing in order"))?;
        }
        let one_by_one = state.len() - in_rounds;
        tracing::debug!(block = number, rounds, in_rounds, one_by_one, "state read");
        Ok(())
    }

    fn predict(&self, block: &Block, state: &RpcState) -> Result<(), ExecuteError<RpcError>> {
        let pre = PreBlock::run(block, state)?;
        let options = PredictOptions::default();
        let view = Complete(state);
        let mut predictor = BlockPredictor::new(&self.cache, &block.cfg, &block.env, view, options);
        pre.changes().iter().for_each(|changes| predictor.apply(changes));
        let each = block.transactions.iter();
        each.map(|tx| predictor.predict(tx))
            .try_for_each(|predicted| predicted.map(drop))
            .map_err(ExecuteError::Database)
    }

    fn failure(&self, place: &str, error: ExecuteError<RpcError>) -> Failure {
        match error {
            ExecuteError::Database(error) => error.into(),
            error => Failure::block(self.node.name(), place, error),
        }
    }
}

/// One of the blocks to work on.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Origin<'a> {
    /// A file, or standard input.
    File(&'a std::path::Path),
    /// A block of a node.
    Node(&'a Remote, BlockChoice),
}

impl Blocks {
    /// The connection to the node, if there is one; `asks` are further arguments that
    /// need one, and whether they are given. Files are looked at as well:
    /// standard input cannot be read twice.
    pub(crate) fn connect(&self, asks: &[(&str, bool)]) -> Result<Option<Remote>, Failure> {
        // clap does not demand --rpc where files forbid it.
        let lonely = [
            ("--block", !self.block.is_empty()),
            ("--fork", self.manners.fork.is_some()),
            ("--prefetch", self.manners.prefetch.is_some()),
        ];
        let mut lonely = lonely.iter().chain(asks).filter(|(_, given)| *given);
        if let (None, Some((name, _))) = (&self.rpc, lonely.next()) {
            return Err(Failure::Usage(format!(
                "{name} says something about a node, name it by --rpc"
            )));
        }
        if self.files.iter().filter(|file| is_stream(file)).count() > 1 {
            return Err(Failure::Usage("standard input can be read once, - is there twice".into()));
        }
        self.rpc.as_ref().map(|url| Remote::connect(url, &self.manners)).transpose()
    }

    /// The blocks in the order given. Of a node the newest, if nothing else is said.
    pub(crate) fn origins<'a>(&'a self, remote: Option<&'a Remote>) -> Vec<Origin<'a>> {
        let Some(remote) = remote else {
            return self.files.iter().map(|file| Origin::File(file)).collect();
        };
        let choices = match &self.block[..] {
            [] => &[BlockChoice::Latest],
            choices => choices,
        };
        choices.iter().map(|choice| Origin::Node(remote, *choice)).collect()
    }
}

impl Origin<'_> {
    /// The block, with all of the state that is needed.
    pub(crate) fn open(self, purpose: Purpose, progress: &Progress) -> Result<Input, Failure> {
        match self {
            Self::File(file) => {
                progress.say(file.display().to_string());
                Input::open(file)
            }
            Self::Node(remote, choice) => {
                progress.say(format!("{}: block {choice}", remote.node.name()));
                remote.block(choice, purpose, progress)
            }
        }
    }
}
