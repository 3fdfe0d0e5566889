//! The bytes of a snapshot file, and how they get onto the disk: whole or not at all.

use crate::{failure::Failure, input::is_stream, interrupt, output::Output};
use flate2::{Compression, write::GzEncoder};
use foresee_source::{Fault, Snapshot};
use std::{
    fs,
    io::{self, Write},
    path::Path,
};
use tempfile::Builder;

/// The bytes of the file, gzipped if its name says so. gzip's header holds neither
/// name nor time, so equal snapshots give equal files.
pub(crate) fn encode(snapshot: &Snapshot, out: &Path) -> Result<Vec<u8>, Failure> {
    encoded(snapshot, out).map_err(|fault| match fault {
        Fault::Write(error) => Failure::output(out, error),
        fault => Failure::block(&out.display().to_string(), "snapshot", fault),
    })
}

fn encoded(snapshot: &Snapshot, out: &Path) -> Result<Vec<u8>, Fault> {
    if is_stream(out) || out.extension().is_none_or(|extension| extension != "gz") {
        let mut bytes = Vec::new();
        snapshot.write(&mut bytes)?;
        return Ok(bytes);
    }
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    snapshot.write(&mut encoder)?;
    encoder.finish().map_err(Fault::Write)
}

/// Writes a file so that under its name there is at every moment either what was
/// there before or all of the new one.
pub(crate) fn write_whole(bytes: &[u8], out: &Path) -> Result<(), Failure> {
    if is_stream(out) {
        return Output::open(None)?.bytes(bytes);
    }
    let written = match fs::symlink_metadata(out) {
        // A device or a pipe is written to, and so is what a link leads to.
        Ok(found) if !found.is_file() => fs::write(out, bytes),
        _ => interrupt::whole(|| replaced(bytes, out)),
    };
    written.map_err(|error| Failure::output(out, error))
}

fn replaced(bytes: &[u8], out: &Path) -> io::Result<()> {
    let folder = out.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or_else(|| Path::new("."));
    // What is wrong with the folder is told without the name of the temporary file.
    fs::metadata(folder)?;
    let mut builder = Builder::new();
    builder.prefix(".foresee-");
    #[cfg(unix)]
    {
        use std::{fs::Permissions, os::unix::fs::PermissionsExt};
        // As for any new file, the user's mask takes away from this.
        builder.permissions(Permissions::from_mode(0o666));
    }
    let mut file = builder.tempfile_in(folder)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(out).map(|_| ()).map_err(|error| error.error)
}
