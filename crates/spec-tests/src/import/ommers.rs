//! Whether a block may include its ommers (Yellow Paper, section 11.1).

use super::header;
use crate::Chain;
use alloy_consensus::Header;
use alloy_primitives::B256;

/// Ommers of a block at most.
const OMMERS_MAX: usize = 2;
/// Generations between a block and its ommers' parents at most.
const GENERATIONS_MAX: usize = 7;

/// Checks the ommers of a block whose header is valid.
pub(crate) fn check(chain: &Chain<'_>, block: &Header, ommers: &[Header]) -> Result<(), String> {
    if ommers.len() > OMMERS_MAX {
        return Err("too many ommers".to_owned());
    }
    let ancestors: Vec<(B256, &Header)> =
        chain.ancestors(block.parent_hash).take(GENERATIONS_MAX).collect();
    let is_ancestor = |hash: B256| ancestors.iter().any(|(ancestor, _)| *ancestor == hash);
    let mut included: Vec<B256> =
        ancestors.iter().flat_map(|(hash, _)| chain.ommers(*hash)).copied().collect();
    for ommer in ommers {
        let hash = ommer.hash_slow();
        if is_ancestor(hash) {
            return Err("an ommer is an ancestor".to_owned());
        }
        if included.contains(&hash) {
            return Err("an ommer is included twice".to_owned());
        }
        if ommer.parent_hash == block.parent_hash || !is_ancestor(ommer.parent_hash) {
            return Err("an ommer's parent is no earlier ancestor".to_owned());
        }
        let parent = chain.header(ommer.parent_hash).ok_or("an ommer's parent is unknown")?;
        let rules = chain.rules(ommer);
        header::check(ommer, parent, &chain.context(&rules, ommer))
            .map_err(|reason| format!("an ommer's header: {reason}"))?;
        included.push(hash);
    }
    Ok(())
}
