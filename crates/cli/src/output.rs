//! Where answers go: standard output or a file, written as they come.

use crate::{failure::Failure, input::is_stream};
use serde::Serialize;
use std::{
    fs::File,
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
};

/// Standard output or a file.
pub(crate) struct Output {
    target: PathBuf,
    writer: BufWriter<Box<dyn Write>>,
}

impl Output {
    /// Standard output, unless a file is named.
    pub(crate) fn open(file: Option<&Path>) -> Result<Self, Failure> {
        let (target, writer): (_, Box<dyn Write>) = match file {
            Some(path) if !is_stream(path) => {
                let file = File::create(path).map_err(|error| Failure::output(path, error))?;
                (path.to_owned(), Box::new(file))
            }
            _ => ("standard output".into(), Box::new(io::stdout())),
        };
        Ok(Self { target, writer: BufWriter::new(writer) })
    }

    /// Writes text as it is.
    pub(crate) fn text(&mut self, text: &str) -> Result<(), Failure> {
        self.bytes(text.as_bytes())
    }

    /// Writes and flushes, so that a reader sees each block when it is done.
    pub(crate) fn bytes(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        let written = self.writer.write_all(bytes).and_then(|()| self.writer.flush());
        written.map_err(|error| Failure::output(&self.target, error))
    }
}

/// An answer as one line of JSON.
pub(crate) fn json_line(answer: &impl Serialize) -> String {
    // No answer has keys that are not strings, all that could go wrong.
    let json = serde_json::to_string(answer).expect("an answer is JSON");
    json + "\n"
}

/// Writes the help or version that clap has made.
pub(crate) fn help(help: &clap::Error) -> Result<(), Failure> {
    Output::open(None)?.text(&help.render().to_string())
}

/// Tells on standard error why the command failed.
#[expect(clippy::print_stderr, reason = "this is where errors are told")]
pub(crate) fn complain(failure: &Failure) {
    eprintln!("{}", failure.line());
}
