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
    parse_up_to(Snapshot::BYTES_MAX, reader)
}

/// Parses a snapshot of at most so many bytes.
fn parse_up_to(limit: u64, reader: impl Read) -> Result<Snapshot, Fault> {
    let mut reader = BufReader::with_capacity(BUFFER_BYTES, reader);
    let start = reader.fill_buf().map_err(Fault::Read)?;
    if start.is_empty() {
        return Err(Fault::Empty);
    }
    // A first read that ends within the magic number is no snapshot either way.
    if start.starts_with(&GZIP_MAGIC) {
        parse_json(limit, BufReader::with_capacity(BUFFER_BYTES, MultiGzDecoder::new(reader)))
    } else {
        parse_json(limit, reader)
    }
}

/// Parses the JSON of a snapshot up to the end of the data. Reading on to the
/// end also lets gzip verify its checksum.
fn parse_json(limit: u64, reader: impl BufRead) -> Result<Snapshot, Fault> {
    let limited = Limited { reader, limit, left: limit };
    let reader = BufReader::with_capacity(BUFFER_BYTES, limited);
    let mut parser = serde_json::Deserializer::from_reader(reader);
    let snapshot = serde::Deserialize::deserialize(&mut parser).map_err(Fault::json)?;
    parser.end().map_err(Fault::json)?;
    Ok(snapshot)
}

/// A reader that fails where [`Read::take`] would pretend the data had ended.
struct Limited<R> {
    reader: R,
    limit: u64,
    left: u64,
}

impl<R: Read> Read for Limited<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.reader.read(buffer)?;
        match self.left.checked_sub(read as u64) {
            Some(left) => self.left = left,
            None => return Err(io::Error::other(TooLong(self.limit))),
        }
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::{Compression, write::GzEncoder};
    use std::io::Write;

    #[test]
    fn what_unpacks_without_end_stops_at_the_limit() {
        let mut packed = GzEncoder::new(Vec::new(), Compression::best());
        packed.write_all(br#"{"block":{"extraData":"0x"#).unwrap();
        for _ in 0..1 << 10 {
            packed.write_all(&[b'0'; 1 << 10]).unwrap();
        }
        let packed = packed.finish().unwrap();
        assert!(packed.len() < 1 << 12);
        let limit = 1 << 18;
        let found = parse_up_to(limit, &packed[..]);
        assert!(matches!(found, Err(Fault::TooLong { limit: of }) if of == limit), "{found:?}");
    }

    #[test]
    fn a_reader_that_fails_is_an_error() {
        struct Broken;
        impl Read for Broken {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::Error::other("unplugged"))
            }
        }
        let found = parse(Broken).unwrap_err().to_string();
        assert_eq!(found, "cannot read: unplugged");
        let found = parse(b"{".chain(Broken)).unwrap_err().to_string();
        assert_eq!(found, "cannot read: unplugged");
    }
}
