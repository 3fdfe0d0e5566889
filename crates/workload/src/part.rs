//! Parts: what people do on a chain, each with its own contracts. A scenario
//! is one part or a mix of them.

mod accounts;
mod airdrops;
mod amm;
mod batches;
mod chain;
mod creations;
mod nft;
mod payments;
mod probes;
mod proxies;
mod registry;
mod staking;
mod tokens;
mod vaults;

pub(crate) use self::{
    accounts::Accounts,
    airdrops::Airdrops,
    amm::Amm,
    batches::Batches,
    chain::Chain,
    creations::Creations,
    nft::Nft,
    payments::{Blobs, Payments},
    probes::Probes,
    proxies::Proxies,
    registry::Registry,
    staking::Staking,
    tokens::Tokens,
    vaults::Vaults,
};

use crate::{GenerateError, draft::Draft, setting::Setting};

/// One kind of activity.
pub(crate) trait Part {
    /// The next transaction. May still prepare the state before the block, for
    /// none of the block's transactions are executed while they are drafted.
    ///
    /// # Errors
    /// If the preparation fails.
    fn draft(&mut self, setting: &mut Setting) -> Result<Draft, GenerateError>;
}
