//! A run over several blocks whose answers are lines of JSON or rows of one table.

use crate::{
    args::{Format, Snapshots},
    failure::Failure,
    input::Input,
    output::{Output, json_line},
    progress::Progress,
};
use serde::Serialize;

/// Answers for each block in turn. JSON is written block by block, text at the end.
/// Where a block fails the run ends, and what was answered before is written still.
pub(crate) fn run<T: Serialize>(
    snapshots: &Snapshots,
    format: Format,
    mut answer: impl FnMut(&Input) -> Result<T, Failure>,
    text: impl FnOnce(&[T]) -> String,
) -> Result<Vec<T>, Failure> {
    let progress = Progress::new(snapshots.files.len());
    let mut output = Output::open(None)?;
    let mut answers = Vec::new();
    let mut one = |file| {
        progress.on(file);
        let answer = answer(&Input::open(file)?)?;
        progress.done(|| match format {
            Format::Json => output.text(&json_line(&answer)),
            Format::Text => Ok(()),
        })?;
        answers.push(answer);
        Ok(())
    };
    let ended = snapshots.files.iter().try_for_each(|file| one(file));
    drop(progress);
    if format == Format::Text && !answers.is_empty() {
        output.text(&text(&answers))?;
    }
    ended.map(|()| answers)
}
