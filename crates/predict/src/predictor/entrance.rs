//! Whether a block may include a transaction at all, whatever the state.

use crate::unknown::Unknown;
use core::fmt;
use revm::{
    Context, MainContext,
    context::{BlockEnv, CfgEnv, TxEnv},
    database::EmptyDB,
    handler::validation::validate_tx_env,
};
use std::sync::LazyLock;

/// What a block and its rules ask of a transaction.
pub(super) struct Entrance<'a> {
    context: Context<BlockEnv, &'a TxEnv, CfgEnv, EmptyDB>,
}

impl fmt::Debug for Entrance<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entrance").finish_non_exhaustive()
    }
}

impl<'a> Entrance<'a> {
    pub(super) fn new(cfg: &CfgEnv, block: &BlockEnv) -> Self {
        static NO_TX: LazyLock<TxEnv> = LazyLock::new(TxEnv::default);
        let context = Context::mainnet().with_block(block.clone()).with_cfg(cfg.clone());
        Self { context: context.with_tx(&*NO_TX) }
    }

    pub(super) const fn block(&self) -> &BlockEnv {
        &self.context.block
    }

    pub(super) const fn cfg(&self) -> &CfgEnv {
        &self.context.cfg
    }

    /// Why a transaction is refused, if it is: for its type, its fees or its gas, as revm has it.
    pub(super) fn refuses(&mut self, tx: &'a TxEnv) -> Option<Unknown> {
        self.context.tx = tx;
        let spec = self.context.cfg.spec;
        validate_tx_env(&mut self.context, spec).err().map(Unknown::Invalid)
    }
}
