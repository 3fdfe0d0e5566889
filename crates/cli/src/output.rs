//! Where answers go: standard output or a file, written as they come.

use crate::{failure::Failure, input::is_stream, snapshot_file::write_whole};
use clap::{
    ColorChoice,
    builder::styling::{AnsiColor, Style},
};
use serde::Serialize;
use std::{
    fs::File,
    io::{self, BufWriter, IsTerminal, Write},
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

/// Answers that belong together: written as they come to standard output, or into a
/// file that is there when all of them are.
pub(crate) enum Answers<'a> {
    /// To standard output.
    Stream(Output),
    /// For a file.
    File(&'a Path, String),
}

impl<'a> Answers<'a> {
    /// Standard output, unless a file is named.
    pub(crate) fn open(file: Option<&'a Path>) -> Result<Self, Failure> {
        match file.filter(|file| !is_stream(file)) {
            Some(file) => Ok(Self::File(file, String::new())),
            None => Output::open(None).map(Self::Stream),
        }
    }

    /// Writes text as it is.
    pub(crate) fn text(&mut self, text: &str) -> Result<(), Failure> {
        match self {
            Self::Stream(output) => output.text(text),
            Self::File(_, whole) => {
                whole.push_str(text);
                Ok(())
            }
        }
    }

    /// Nothing follows.
    pub(crate) fn finish(self) -> Result<(), Failure> {
        match self {
            Self::Stream(_) => Ok(()),
            Self::File(file, whole) => write_whole(whole.as_bytes(), file),
        }
    }
}

/// Words that say how a comparison came out, and their colours.
const VERDICTS: [(&str, AnsiColor); 3] = [
    ("DIFFERS", AnsiColor::Red),
    ("is not the header's", AnsiColor::Red),
    ("equal", AnsiColor::Green),
];

/// The text with verdicts in colour, where that is wanted.
pub(crate) fn coloured(text: String, choice: ColorChoice) -> String {
    let wanted = match choice {
        ColorChoice::Always => true,
        ColorChoice::Never => false,
        ColorChoice::Auto => io::stdout().is_terminal(),
    };
    if !wanted {
        return text;
    }
    VERDICTS.iter().fold(text, |text, (word, colour)| {
        let style = Style::new().fg_color(Some((*colour).into())).bold();
        text.replace(word, &format!("{style}{word}{style:#}"))
    })
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

/// Tells on standard error why the command failed, if anybody listens.
pub(crate) fn complain(failure: &Failure) {
    let _ = writeln!(io::stderr(), "{}", failure.line());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verdicts_are_coloured_where_that_is_wanted() {
        let text = |choice| coloured("all equal".to_owned(), choice);
        assert_eq!(text(ColorChoice::Never), "all equal");
        assert!(text(ColorChoice::Always).contains("\u{1b}["));
    }
}
