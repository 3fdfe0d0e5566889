//! `foresee generate`: a block of a built-in scenario, as a snapshot.

use crate::{Verdict, args, failure::Failure, input::is_stream, output::Output};
use flate2::{Compression, write::GzEncoder};
use foresee_source::{Fault, Snapshot};
use std::path::Path;

pub(crate) fn run(args: &args::Generate) -> Result<Verdict, Failure> {
    let snapshot = foresee_workload::generate(args.scenario, args.txs, args.seed)?;
    let bytes = encode(&snapshot, &args.out).map_err(|fault| match fault {
        Fault::Write(error) => Failure::output(&args.out, error),
        fault => Failure::block(&args.out.display().to_string(), "snapshot", fault),
    })?;
    Output::open(Some(&args.out))?.bytes(&bytes)?;
    Ok(Verdict::Verified)
}

/// The bytes of the file, gzipped if its name says so. gzip's header holds neither
/// name nor time, so equal arguments give equal files.
fn encode(snapshot: &Snapshot, out: &Path) -> Result<Vec<u8>, Fault> {
    if is_stream(out) || out.extension().is_none_or(|extension| extension != "gz") {
        let mut bytes = Vec::new();
        snapshot.write(&mut bytes)?;
        return Ok(bytes);
    }
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    snapshot.write(&mut encoder)?;
    encoder.finish().map_err(Fault::Write)
}
