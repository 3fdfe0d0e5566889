//! From a scenario and a seed to a block with everything that belongs in it.

use crate::{GenerateError, Scenario, draft::Draft, seal::seal, setting::Setting, sign::sign};
use foresee_source::Snapshot;

/// The most transactions that a block may have.
pub const TXS_MAX: usize = 1_000_000;

/// A block of `txs` transactions, signed and executable, with the state before
/// it and the results in its header. Equal arguments give equal blocks on every
/// machine.
///
/// # Errors
/// If there are more than [`TXS_MAX`] transactions. Every other error would be a
/// fault of this crate.
pub fn generate(scenario: Scenario, txs: usize, seed: u64) -> Result<Snapshot, GenerateError> {
    if txs > TXS_MAX {
        return Err(GenerateError::TooManyTransactions { txs, max: TXS_MAX });
    }
    let (mut setting, drafts) = draft(scenario, txs, seed)?;
    let transactions = sign(&mut setting, drafts)?;
    seal(&mut setting, transactions)
}

/// What everyone wants done, in block order, and the state before.
fn draft(
    scenario: Scenario,
    txs: usize,
    seed: u64,
) -> Result<(Setting, Vec<Draft>), GenerateError> {
    let (mut setting, mut parts) = scenario.set_up(txs, seed)?;
    let weights: Vec<_> = parts.iter().map(|(weight, _)| *weight).collect();
    let drafts = (0..txs)
        .map(|_| {
            let part = setting.random.weighted(&weights);
            parts[part].1.draft(&mut setting)
        })
        .collect::<Result<_, _>>()?;
    Ok((setting, drafts))
}
