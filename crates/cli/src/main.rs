//! The `foresee` command: what was typed, what it means, the calls, and how the
//! answer is written. All of it that computes lives in the libraries.
//!
//! Exit status: 0 done and verified; 1 a result differs from in-order execution or
//! from the header; 2 bad input or usage, told in one line on standard error; 130
//! interrupted by Ctrl-C.

mod args;
mod blocks;
mod cache_file;
mod engine;
mod evaluate;
mod failure;
mod fetch;
mod function;
mod generate;
mod input;
mod interrupt;
mod logging;
mod manual;
mod output;
mod predict;
mod predicted_list;
mod progress;
mod record;
mod remote;
mod replay;
mod snapshot_file;
mod text;

use args::{Args, Command};
use clap::Parser;
use failure::Failure;
use mimalloc::MiMalloc;
use std::process::ExitCode;

/// What a transaction leaves behind is made on one thread and freed on another, which
/// the system's allocator takes a lock for.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// What a command that ran to its end has to say about its results.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    /// Nothing differs.
    Verified,
    /// A result differs from in-order execution or from the header.
    Differs,
}

fn main() -> ExitCode {
    interrupt::catch();
    let verdict = match Args::try_parse() {
        Ok(args) => run(args),
        Err(error) if error.use_stderr() => Err(Failure::usage(&error)),
        Err(help) => output::help(&help).map(|()| Verdict::Verified),
    };
    match verdict {
        Ok(Verdict::Verified) => ExitCode::SUCCESS,
        Ok(Verdict::Differs) => ExitCode::from(1),
        // Whoever closed the pipe has read all they want.
        Err(failure) if failure.is_broken_pipe() => ExitCode::SUCCESS,
        Err(failure) => {
            output::complain(&failure);
            ExitCode::from(2)
        }
    }
}

fn run(args: Args) -> Result<Verdict, Failure> {
    if args.verbose {
        logging::start();
    }
    match args.command {
        Command::Predict(args) => predict::run(&args),
        Command::Replay(args) => replay::run(&args),
        Command::Evaluate(args) => evaluate::run(&args),
        Command::Record(args) => record::run(&args),
        Command::Fetch(args) => fetch::run(&args),
        Command::Generate(args) => generate::run(&args),
        Command::Completions(args) => manual::completions(&args),
        Command::Man(args) => manual::man(&args),
    }
}
