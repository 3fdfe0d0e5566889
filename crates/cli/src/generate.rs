//! `foresee generate`: a block of a built-in scenario, as a snapshot.

use crate::{Verdict, args, failure::Failure, progress::Progress, snapshot_file};

pub(crate) fn run(args: &args::Generate) -> Result<Verdict, Failure> {
    let progress = Progress::new(1);
    progress.say(format!("{} transactions of {}", args.txs, args.scenario));
    let snapshot = foresee_workload::generate(args.scenario, args.txs, args.seed)?;
    let bytes = snapshot_file::encode(&snapshot, &args.out)?;
    drop(progress);
    snapshot_file::write_whole(&bytes, &args.out)?;
    Ok(Verdict::Verified)
}
