//! `foresee fetch`: blocks of a node as snapshots, each checked by executing it before
//! it is written.

use crate::{
    Verdict, args,
    failure::Failure,
    output,
    progress::Progress,
    remote::Remote,
    snapshot_file::{encode, write_whole},
};
use foresee_execute::{InOrderOutcome, Reports, execute_in_order_reporting};
use foresee_source::{BlockChoice, HeaderMatch, LoadedBlock, RpcBlock};
use std::{fs, path::Path};

pub(crate) fn run(args: &args::Fetch) -> Result<Verdict, Failure> {
    let remote = Remote::connect(&args.rpc, &args.manners)?;
    match (args.from, args.to) {
        (Some(from), Some(to)) if from > to => {
            Err(Failure::Usage(format!("--from {from} is behind --to {to}")))
        }
        (Some(from), Some(to)) => range(&remote, from, to, &args.out),
        _ => {
            let progress = Progress::new(1);
            one(&remote, args.block, &args.out, &progress)?;
            Ok(Verdict::Verified)
        }
    }
}

/// Fetches a range into a folder. Blocks that are there already are not fetched again;
/// one that fails is told and leaves the others. Each file is whole, so a run that was
/// interrupted goes on where it stopped.
fn range(remote: &Remote, from: u64, to: u64, folder: &Path) -> Result<Verdict, Failure> {
    fs::create_dir_all(folder).map_err(|error| Failure::output(folder, error))?;
    let total = (to - from).saturating_add(1);
    let progress = Progress::new(usize::try_from(total).unwrap_or(usize::MAX));
    let mut failed = 0u64;
    for number in from..=to {
        let file = folder.join(format!("{number}.json.gz"));
        let fetched = match file.exists() {
            true => Ok(()),
            false => one(remote, BlockChoice::Number(number), &file, &progress),
        };
        match fetched {
            // A node that is not there now will not be there for the next block.
            Err(failure) if failure.is_unreachable() => return Err(failure),
            fetched => progress.done(|| {
                if let Err(failure) = fetched {
                    output::complain(&failure);
                    failed += 1;
                }
            }),
        }
    }
    drop(progress);
    match failed {
        0 => Ok(Verdict::Verified),
        failed => Err(Failure::Usage(format!(
            "{failed} of {total} blocks could not be fetched, run the same again to try them again"
        ))),
    }
}

/// Fetches a block, checks it, and writes it.
fn one(
    remote: &Remote,
    choice: BlockChoice,
    out: &Path,
    progress: &Progress,
) -> Result<(), Failure> {
    if choice == BlockChoice::Pending {
        let reason = "a pending block promises no results that a snapshot could be checked by";
        return Err(Failure::Usage(format!("--block pending: {reason}")));
    }
    progress.say(format!("block {choice}"));
    let block = remote.gather(choice, progress)?;
    check(remote, &block)?;
    let bytes = encode(&block.snapshot(), out)?;
    write_whole(&bytes, out)
}

/// Executes what will be written, and compares with the header.
fn check(remote: &Remote, block: &RpcBlock) -> Result<(), Failure> {
    let LoadedBlock { block, state, expected, number, .. } = block.load_held()?;
    let failed = |reason: String| {
        Failure::block(remote.name(), format!("block {number}, executing in order"), reason)
    };
    let reports = Reports { access_list: true, ..Reports::default() };
    let InOrderOutcome { output, access_list, .. } =
        execute_in_order_reporting(&block, &state, reports)
            .map_err(|error| failed(error.to_string()))?;
    let (list, expected) = (access_list.unwrap_or_default(), expected.as_ref());
    let found = HeaderMatch::new(&output, expected, *block.cfg.spec());
    let found = found.with_access_list(&list, expected);
    match (found.gas_used, found.holds()) {
        (Some(_), true) => Ok(()),
        (None, _) => Err(failed("the header promises no results to compare with".to_owned())),
        (_, false) => {
            let fields = found.fields();
            let wrong = fields.iter().filter(|(_, field)| *field == Some(false));
            let wrong: Vec<_> = wrong.map(|(name, _)| *name).collect();
            let (wrong, fork) = (wrong.join(", "), block.cfg.spec());
            Err(failed(format!(
                "{wrong} not as in the header under the rules of {fork}; name another with --fork if it is not this one"
            )))
        }
    }
}
