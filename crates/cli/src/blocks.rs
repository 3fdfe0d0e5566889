//! A run over several blocks whose answers are lines of JSON or rows of one table.

use crate::{
    args::{Blocks, Format},
    failure::Failure,
    input::Input,
    output::{Output, coloured, json_line},
    progress::Progress,
    remote::{Origin, Purpose},
};
use serde::Serialize;

/// Answers for each block in turn. JSON is written block by block, text at the end.
/// Where a block fails the run ends, and what was answered before is written still.
pub(crate) fn run<T: Serialize>(
    blocks: &Blocks,
    format: Format,
    mut answer: impl FnMut(&Input, &Progress) -> Result<T, Failure>,
    text: impl FnOnce(&[T]) -> String,
) -> Result<Vec<T>, Failure> {
    let remote = blocks.connect(&[])?;
    let origins = blocks.origins(remote.as_ref());
    let progress = Progress::new(origins.len());
    let mut output = Output::open(None)?;
    let mut answers = Vec::new();
    let mut one = |origin: Origin<'_>| {
        let answer = answer(&origin.open(Purpose::Execute, &progress)?, &progress)?;
        progress.done(|| match format {
            Format::Json => output.text(&json_line(&answer)),
            Format::Text => Ok(()),
        })?;
        answers.push(answer);
        Ok(())
    };
    let ended = origins.into_iter().try_for_each(&mut one);
    drop(progress);
    if format == Format::Text && !answers.is_empty() {
        output.text(&coloured(text(&answers), blocks.color))?;
    }
    ended.map(|()| answers)
}
