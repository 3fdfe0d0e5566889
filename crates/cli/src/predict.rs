//! `foresee predict`: what a block will read and write, and what waits for what.

mod picture;
mod possible;
mod report;
mod text;

use crate::{
    Verdict,
    args::{self, GraphFormat, TxChoice},
    engine::{self, State},
    failure::Failure,
    function,
    input::Input,
    output::Answers,
    progress::Progress,
    remote::Purpose,
    text::{short_address, short_label, short_location},
};
use foresee::{Config, Foresee};
use foresee_access::{Location, TxIndex};
use foresee_execute::{BlockIdentity, Record};
use foresee_picture::{html, svg};
use foresee_predict::{Outline, PredictOptions, Prediction};
use foresee_schedule::{DependencyDag, Edge, View, dot, mermaid};
use report::Report;
use std::{path::Path, time::Instant};

pub(crate) fn run(args: &args::Predict) -> Result<Verdict, Failure> {
    // Nothing is executed, so one thread will do.
    let foresee = engine::start(Config { threads: 1, ..Config::default() })?;
    if args.record.is_some() && args.format != GraphFormat::Html {
        return Err(Failure::Usage("--record is shown by --format html".to_owned()));
    }
    args.kept.load(foresee.cache())?;
    let remote = args.blocks.connect(&[("--pending", args.pending)])?;
    let mut answers = Answers::open(args.out.as_deref())?;
    let mut one = |input: &Input, tx: Option<TxChoice>, progress: &Progress| {
        let tx = tx.map(|tx| index(input, tx)).transpose()?;
        let answer = answer(input, &foresee, args, tx)?;
        progress.done(|| answers.text(&answer))
    };
    match (&remote, args.tx) {
        (Some(remote), _) if args.pending => {
            let progress = Progress::new(1);
            one(&remote.pool(&progress)?, None, &progress)?;
        }
        (Some(remote), Some(TxChoice::Hash(hash))) if args.blocks.block.is_empty() => {
            let progress = Progress::new(1);
            let (input, tx) = remote.of_transaction(hash, &progress)?;
            one(&input, Some(tx), &progress)?;
        }
        _ => {
            let origins = args.blocks.origins(remote.as_ref());
            if origins.len() > 1 && matches!(args.format, GraphFormat::Svg | GraphFormat::Html) {
                let reason = "a picture shows one block, these are several";
                return Err(Failure::Usage(format!("--format: {reason}")));
            }
            let progress = Progress::new(origins.len());
            for origin in origins {
                one(&origin.open(Purpose::Predict, &progress)?, args.tx, &progress)?;
            }
        }
    }
    answers.finish()?;
    args.kept.save(foresee.cache())?;
    Ok(Verdict::Verified)
}

/// The position of a transaction in a block.
fn index(input: &Input, tx: TxChoice) -> Result<TxIndex, Failure> {
    let hashes = &input.loaded.hashes;
    let none = |reason| Failure::block(&input.origin, "--tx", reason);
    match tx {
        TxChoice::Index(index) if TxIndex(index).position() < hashes.len() => Ok(TxIndex(index)),
        TxChoice::Index(index) => {
            let transactions = hashes.len();
            Err(none(format!("the block has {transactions} transactions, there is no {index}")))
        }
        TxChoice::Hash(hash) => hashes
            .iter()
            .position(|found| *found == hash)
            .map(TxIndex::new)
            .ok_or_else(|| none(format!("there is no transaction {hash} in the block"))),
    }
}

/// Predicts a block and writes the answer in the form asked for.
fn answer(
    input: &Input,
    foresee: &Foresee,
    args: &args::Predict,
    tx: Option<TxIndex>,
) -> Result<String, Failure> {
    let dependencies = matches!(args.format, GraphFormat::Text | GraphFormat::Json);
    let options = PredictOptions { labels: true, dependencies, ..PredictOptions::default() };
    let start = Instant::now();
    let state = args.state();
    let mut predictions = engine::predict(input, foresee.cache(), options, state)?.predictions;
    let outlines = match state {
        State::PreBlock => Vec::new(),
        State::CodeOnly => engine::outline(input, &mut predictions)?,
    };
    let dag = foresee.schedule(&input.loaded.block, &predictions);
    let elapsed = start.elapsed();
    let possible = possible::edges(&predictions, &outlines, &dag);
    let open = (&outlines[..], &possible[..]);
    let report = || {
        let mut report = Report::new(input, &predictions, &dag, elapsed);
        report.add_outlines(&outlines, &possible);
        tx.into_iter().for_each(|tx| report.keep(tx));
        report
    };
    Ok(match args.format {
        GraphFormat::Text if tx.is_some() => text::transaction(&report()),
        GraphFormat::Text => text::block(&report()),
        GraphFormat::Json => crate::output::json_line(&report()),
        GraphFormat::Dot => graph(input, &predictions, open, &dag, tx, dot),
        GraphFormat::Mermaid => graph(input, &predictions, open, &dag, tx, mermaid),
        GraphFormat::Svg => svg(&picture::new(input, &predictions, open, &dag, tx, None)),
        GraphFormat::Html => {
            let record = args.record.as_deref().map(|file| recorded(file, input)).transpose()?;
            html(&picture::new(input, &predictions, open, &dag, tx, record.as_ref()))
        }
    })
}

/// Reads an execution record, in either form, which must be of this block.
fn recorded(file: &Path, input: &Input) -> Result<Record, Failure> {
    let origin = file.display().to_string();
    let failed = |reason: String| Failure::block(&origin, "record", reason);
    let bytes = std::fs::read(file).map_err(|error| failed(format!("cannot read: {error}")))?;
    let record = match core::str::from_utf8(&bytes) {
        Ok(json) if json.trim_start().starts_with('{') => Record::from_json(json),
        _ => Record::from_bytes(&bytes),
    };
    let record = record.map_err(|error| failed(error.to_string()))?;
    if record.block != BlockIdentity::of(&input.loaded.block) {
        return Err(failed(format!("it is not of block {} here", input.loaded.number)));
    }
    Ok(record)
}

/// Draws the whole DAG, or one transaction between its neighbours.
fn graph(
    input: &Input,
    predictions: &[Prediction],
    (outlines, possible): (&[Option<Outline>], &[Edge]),
    dag: &DependencyDag,
    tx: Option<TxIndex>,
    draw: fn(&DependencyDag, &View<'_>) -> String,
) -> String {
    let neighbours = tx.map(|tx| neighbours(dag, possible, tx));
    let label = |location: &Location| {
        let outlined = || outlines.iter().flatten().find_map(|outline| outline.label(location));
        let label = predictions.iter().find_map(|prediction| prediction.label(location));
        let label = label.or_else(outlined);
        Some(match label {
            Some(label) => format!("{} {}", short_address(location.address), short_label(label)),
            None => short_location(location),
        })
    };
    let called = |tx: TxIndex| {
        let tx = &input.loaded.block.transactions[tx.position()];
        let function = function::called(tx).map(function::name);
        Some(function::recipient(tx.kind.to().copied(), function))
    };
    let view = View {
        shown: &|tx| neighbours.as_ref().is_none_or(|shown| shown.contains(&tx)),
        transaction: &called,
        location: &label,
        possible,
    };
    draw(dag, &view)
}

/// A transaction, those it waits for and those that wait for it, or may have to.
fn neighbours(dag: &DependencyDag, possible: &[Edge], tx: TxIndex) -> Vec<TxIndex> {
    let possible = possible.iter().map(|edge| (edge.from, edge.to));
    let pairs = dag.pairs().chain(possible);
    let touching = pairs.filter(|(from, to)| *from == tx || *to == tx);
    touching.flat_map(|(from, to)| [from, to]).chain([tx]).collect()
}
