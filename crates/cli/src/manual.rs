//! `foresee completions` and `foresee man`: what clap knows of the arguments, for shells
//! and for readers.

use crate::{
    Verdict,
    args::{Args, Completions, Man},
    failure::Failure,
    output::Output,
};
use clap::{Command, CommandFactory};

/// Prints what a shell needs to complete the command.
pub(crate) fn completions(args: &Completions) -> Result<Verdict, Failure> {
    let mut bytes = Vec::new();
    clap_complete::generate(args.shell, &mut Args::command(), "foresee", &mut bytes);
    Output::open(None)?.bytes(&bytes)?;
    Ok(Verdict::Verified)
}

/// Prints the manual page of the command or of one of its subcommands.
pub(crate) fn man(args: &Man) -> Result<Verdict, Failure> {
    let mut root = Args::command();
    root.build();
    let page = match &args.command {
        None => root,
        Some(name) => subcommand(&root, name)?,
    };
    let mut bytes = Vec::new();
    let rendered = clap_mangen::Man::new(page).render(&mut bytes);
    rendered.map_err(|error| Failure::output("manual".as_ref(), error))?;
    Output::open(None)?.bytes(&bytes)?;
    Ok(Verdict::Verified)
}

fn subcommand(root: &Command, name: &str) -> Result<Command, Failure> {
    let none = || Failure::Usage(format!("there is no command {name}, foresee --help lists them"));
    root.find_subcommand(name).cloned().ok_or_else(none)
}
