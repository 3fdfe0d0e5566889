//! The binary form of how a block was executed.

use crate::record::{
    Incarnation, RecordError, Run, Stint, bad,
    numbers::{Ids, Numbers},
    varint,
};
use alloy_primitives::Bytes;
use alloy_rlp::{RlpDecodable, RlpEncodable};
use foresee_access::{Location, TxIndex};

#[derive(RlpEncodable, RlpDecodable)]
pub(super) struct WireRun {
    decision: String,
    threads: u64,
    policy: String,
    ahead: u64,
    reexecuted: Vec<WireIncarnation>,
    not_compiled: Vec<u64>,
    /// By thread.
    timeline: Vec<Bytes>,
    /// One or none.
    elapsed_us: Vec<u64>,
}

#[derive(RlpEncodable, RlpDecodable)]
struct WireIncarnation {
    index: u64,
    gas: u64,
    /// The number of the location, one or none.
    conflict: Vec<u64>,
}

/// Takes in the locations of a run.
pub(super) fn identify(run: &Run, ids: &mut Ids) -> Vec<Option<u32>> {
    let again = run.reexecuted.iter();
    again.map(|one| one.conflict.as_ref().map(|conflict| ids.of(*conflict))).collect()
}

impl WireRun {
    /// `conflicts` are those of [`identify`].
    pub(super) fn new(run: &Run, conflicts: &[Option<u32>], numbers: &Numbers) -> Self {
        let again = run.reexecuted.iter().zip(conflicts);
        let again = again.map(|(one, conflict)| WireIncarnation {
            index: one.index.0.into(),
            gas: one.gas,
            conflict: conflict.iter().map(|id| numbers.of(*id).into()).collect(),
        });
        Self {
            decision: run.decision.clone(),
            threads: run.threads,
            policy: run.policy.clone(),
            ahead: run.ahead,
            reexecuted: again.collect(),
            not_compiled: run.not_compiled.iter().map(|index| index.0.into()).collect(),
            timeline: run.timeline.iter().map(|stints| pack(stints)).collect(),
            elapsed_us: run.elapsed_us.into_iter().collect(),
        }
    }

    pub(super) fn into_run(self, locations: &[Location]) -> Result<Run, RecordError> {
        let again = self.reexecuted.into_iter().map(|one| {
            let conflict = match one.conflict[..] {
                [] => None,
                [number] => {
                    let location = usize::try_from(number).ok().and_then(|at| locations.get(at));
                    Some(*location.ok_or_else(|| bad("a location that is not listed"))?)
                }
                _ => return Err(bad("several conflicts of one execution")),
            };
            Ok(Incarnation { index: index(one.index)?, gas: one.gas, conflict })
        });
        Ok(Run {
            decision: self.decision,
            threads: self.threads,
            policy: self.policy,
            ahead: self.ahead,
            reexecuted: again.collect::<Result<_, _>>()?,
            not_compiled: self.not_compiled.into_iter().map(index).collect::<Result<_, _>>()?,
            timeline: self.timeline.iter().map(|it| unpack(it)).collect::<Result<_, _>>()?,
            elapsed_us: self.elapsed_us.first().copied(),
        })
    }
}

fn index(index: u64) -> Result<TxIndex, RecordError> {
    u32::try_from(index).map(TxIndex).map_err(|_| bad("an index is too large"))
}

/// What a thread did: of each stint the transaction, with one bit for whether it was ahead of
/// its turn, how long the thread had waited, and how long it took. Stints follow one
/// another; times of any that do not are differences all the same, around the end of the
/// numbers.
fn pack(stints: &[Stint]) -> Bytes {
    let mut out = Vec::with_capacity(6 * stints.len());
    let mut now = 0u64;
    for Stint { index, ahead, start_ns, end_ns } in stints {
        varint::put(&mut out, u64::from(index.0) << 1 | u64::from(*ahead));
        varint::put(&mut out, start_ns.wrapping_sub(now));
        varint::put(&mut out, end_ns.wrapping_sub(*start_ns));
        now = *end_ns;
    }
    out.into()
}

/// The reverse of [`pack`].
fn unpack(mut bytes: &[u8]) -> Result<Vec<Stint>, RecordError> {
    let mut stints = Vec::new();
    let mut now = 0u64;
    while !bytes.is_empty() {
        let mut number = || varint::take(&mut bytes).ok_or_else(|| bad("a number does not end"));
        let [tx, waited, took] = [number()?, number()?, number()?];
        let start_ns = now.wrapping_add(waited);
        let end_ns = start_ns.wrapping_add(took);
        stints.push(Stint { index: index(tx >> 1)?, ahead: tx & 1 == 1, start_ns, end_ns });
        now = end_ns;
    }
    Ok(stints)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_thread_did_is_found_again_in_order_or_not() {
        let stint = |index, ahead, start_ns, end_ns| Stint {
            index: TxIndex(index),
            ahead,
            start_ns,
            end_ns,
        };
        let stints = vec![
            stint(0, false, 100, 1_200),
            stint(7, true, 1_250, 40_000),
            stint(u32::MAX, true, 5, 3),
            stint(1, false, u64::MAX, 0),
        ];
        let bytes = pack(&stints);
        assert_eq!(unpack(&bytes).unwrap(), stints);
        assert_eq!(unpack(&[]).unwrap(), []);
        assert!(unpack(&bytes[..bytes.len() - 1]).is_err());
        let mut large = Vec::new();
        [1 << 33, 0, 0].into_iter().for_each(|number| varint::put(&mut large, number));
        assert!(unpack(&large).is_err());
    }
}
