//! Why a command could not do its work: told in one line, exit status 2.

use clap::error::ErrorKind;
use foresee_source::{RpcError, SourceError, rpc::RpcFault};
use std::{io, path::Path};

/// Why a command could not do its work.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The arguments make no sense.
    #[error("{0}")]
    Usage(String),
    /// A snapshot cannot be read or understood.
    #[error("{0}")]
    Source(#[from] SourceError),
    /// A node cannot be asked, or does not have what is needed.
    #[error("{0}")]
    Node(#[from] RpcError),
    /// A block cannot be predicted or executed.
    #[error("{origin}: {place}: {reason}")]
    Block {
        /// The file it came from.
        origin: String,
        /// What was being done with it, or where in it.
        place: String,
        /// Why it cannot be done.
        reason: String,
    },
    /// The output cannot be written.
    #[error("{target}: cannot write: {error}")]
    Output {
        /// Where to.
        target: String,
        /// Why not.
        error: io::Error,
    },
    /// The generator refuses.
    #[error("generate: {0}")]
    Generate(#[from] foresee_workload::GenerateError),
}

impl Failure {
    /// What clap has to say, without its help on usage.
    pub(crate) fn usage(error: &clap::Error) -> Self {
        if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
            return Self::Usage("no command given, foresee --help lists them".to_owned());
        }
        let text = error.render().to_string();
        let told = text.lines().take_while(|line| !line.trim().is_empty());
        let told: Vec<_> = told.map(str::trim).collect();
        let told = told.join(" ");
        let told = told.strip_prefix("error: ").unwrap_or(&told);
        Self::Usage(match error.kind() {
            ErrorKind::MissingRequiredArgument => format!("{told}; --help has an example"),
            _ => told.to_owned(),
        })
    }

    pub(crate) fn block(origin: &str, place: impl ToString, reason: impl ToString) -> Self {
        let [place, reason] = [place.to_string(), reason.to_string()];
        Self::Block { origin: origin.to_owned(), place, reason }
    }

    pub(crate) fn output(target: &Path, error: io::Error) -> Self {
        Self::Output { target: target.display().to_string(), error }
    }

    /// Whether a node does not answer, whatever it is asked.
    pub(crate) fn is_unreachable(&self) -> bool {
        let Self::Node(error) = self else { return false };
        matches!(
            *error.fault,
            RpcFault::Connection { .. } | RpcFault::Timeout { .. } | RpcFault::Http { .. }
        )
    }

    /// Whether the reader of the output has gone.
    pub(crate) fn is_broken_pipe(&self) -> bool {
        matches!(self, Self::Output { error, .. } if error.kind() == io::ErrorKind::BrokenPipe)
    }

    /// The whole of it on one line, whatever file names and messages contain.
    pub(crate) fn line(&self) -> String {
        let text = format!("foresee: {self}");
        let escaped = text.chars().map(|character| match character.is_control() {
            true => character.escape_default().to_string(),
            false => character.to_string(),
        });
        escaped.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::Args;
    use clap::Parser;

    fn told(args: &[&str]) -> String {
        let error = Args::try_parse_from(["foresee"].iter().chain(args)).unwrap_err();
        assert!(error.use_stderr());
        Failure::usage(&error).line()
    }

    #[test]
    fn usage_errors_are_one_line() {
        insta::assert_snapshot!(told(&[]), @"foresee: no command given, foresee --help lists them");
        insta::assert_snapshot!(told(&["predict"]), @"foresee: the following required arguments were not provided: <SNAPSHOT>...; --help has an example");
        insta::assert_snapshot!(told(&["predict", "a", "--format", "png"]), @"foresee: invalid value 'png' for '--format <FORMAT>' [possible values: text, json, dot, mermaid, svg, html]");
        insta::assert_snapshot!(told(&["replay", "a", "--threads", "0"]), @"foresee: invalid value '0' for '--threads <N>': not a number from 1 to 1024");
        insta::assert_snapshot!(told(&["generate", "amm", "--txs", "1"]), @"foresee: the following required arguments were not provided: --seed <S> --out <FILE>; --help has an example");
        insta::assert_snapshot!(told(&["replay", "a", "--threads", "1025"]), @"foresee: invalid value '1025' for '--threads <N>': not a number from 1 to 1024");
        insta::assert_snapshot!(told(&["evaluate", "a", "--runs", "0"]), @"foresee: invalid value '0' for '--runs <K>': not a number from 1 to 4294967295");
        insta::assert_snapshot!(told(&["nonsense"]), @"foresee: unrecognized subcommand 'nonsense'");
    }

    #[test]
    fn control_characters_stay_on_the_line() {
        let failure = Failure::block("a\nb", "executing", "c\rd");
        assert_eq!(failure.line(), r"foresee: a\nb: executing: c\rd");
    }
}
