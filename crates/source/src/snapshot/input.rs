//! From bytes to a snapshot: gzip told by its magic number, a limit on the
//! length, nothing left over at the end.

use super::Snapshot;
use crate::{Fault, error::TooLong};
use flate2::bufread::MultiGzDecoder;
use std::io::{self, BufRead, BufReader, Read};

/// The first two bytes of a gzip file ([RFC 1952](https://www.rfc-editor.org/rfc/rfc1952)).
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

/// Bytes read and decompressed at a time.
const BUFFER_BYTES: usize = 1 << 16;

/// Parses a snapshot, plain or gzipped.
pub(super) fn parse(reader: impl Read) -> Result<Snapshot, Fault> {
    let mut reader = BufReader::with_capacity(BUFFER_BYTES, reader);
    let start = reader.fill_buf().map_err(Fault::Read)?;
    if start.is_empty() {
        return Err(Fault::Empty);
    }
    // A first read that ends within the magic number is no snapshot either way.
    if start.starts_with(&GZIP_MAGIC) {
        parse_json(BufReader::with_capacity(BUFFER_BYTES, MultiGzDecoder::new(reader)))
    } else {
        parse_json(reader)
    }
}

/// Parses the JSON of a snapshot up to the end of the data. Reading on to the
/// end also lets gzip verify its checksum.
fn parse_json(reader: impl BufRead) -> Result<Snapshot, Fault> {
    let limited = Limited { reader, left: Snapshot::BYTES_MAX };
    let reader = BufReader::with_capacity(BUFFER_BYTES, limited);
    let mut parser = serde_json::Deserializer::from_reader(reader);
    let snapshot = serde::Deserialize::deserialize(&mut parser).map_err(Fault::json)?;
    parser.end().map_err(Fault::json)?;
    Ok(snapshot)
}

/// A reader that fails where [`Read::take`] would pretend the data had ended.
struct Limited<R> {
    reader: R,
    left: u64,
}

impl<R: Read> Read for Limited<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.reader.read(buffer)?;
        match self.left.checked_sub(read as u64) {
            Some(left) => self.left = left,
            None => return Err(io::Error::other(TooLong(Snapshot::BYTES_MAX))),
        }
        Ok(read)
    }
}
