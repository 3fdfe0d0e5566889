//! `foresee generate`: a block of a built-in scenario, as a snapshot.

use crate::{Verdict, args, failure::Failure, snapshot_file};

pub(crate) fn run(args: &args::Generate) -> Result<Verdict, Failure> {
    let snapshot = foresee_workload::generate(args.scenario, args.txs, args.seed)?;
    let bytes = snapshot_file::encode(&snapshot, &args.out)?;
    snapshot_file::write_whole(&bytes, &args.out)?;
    Ok(Verdict::Verified)
}
