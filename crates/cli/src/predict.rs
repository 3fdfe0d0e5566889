//! `foresee predict`: what a block will read and write, and what waits for what.

mod report;
mod text;

use crate::{
    Verdict,
    args::{self, GraphFormat},
    engine,
    failure::Failure,
    input::Input,
    output::Output,
    progress::Progress,
};
use foresee::{Config, Foresee};
use foresee_access::{Location, TxIndex};
use foresee_predict::{PredictOptions, Prediction};
use foresee_schedule::{DependencyDag, View, dot, mermaid};
use report::Report;
use std::time::Instant;

pub(crate) fn run(args: &args::Predict) -> Result<Verdict, Failure> {
    // Nothing is executed, so one thread will do.
    let foresee = engine::start(Config { threads: 1, ..Config::default() })?;
    let progress = Progress::new(args.snapshots.files.len());
    let mut output = Output::open(args.out.as_deref())?;
    for file in &args.snapshots.files {
        progress.on(file);
        let input = Input::open(file)?;
        let tx = args.tx.map(TxIndex);
        check_index(&input, tx)?;
        let answer = answer(&input, &foresee, args, tx)?;
        progress.done(|| output.text(&answer))?;
    }
    Ok(Verdict::Verified)
}

fn check_index(input: &Input, tx: Option<TxIndex>) -> Result<(), Failure> {
    let transactions = input.loaded.block.transactions.len();
    match tx {
        Some(tx) if tx.position() >= transactions => {
            let reason = format!("the block has {transactions} transactions, there is no {tx}");
            Err(Failure::block(&input.origin, "--tx", reason))
        }
        _ => Ok(()),
    }
}

/// Predicts a block and writes the answer in the form asked for.
fn answer(
    input: &Input,
    foresee: &Foresee,
    args: &args::Predict,
    tx: Option<TxIndex>,
) -> Result<String, Failure> {
    let options = PredictOptions { labels: true, ..PredictOptions::default() };
    let start = Instant::now();
    let predictions = engine::predict(input, foresee.cache(), options, args.state())?.predictions;
    let dag = foresee.schedule(&input.loaded.block, &predictions);
    let elapsed = start.elapsed();
    let report = || {
        let mut report = Report::new(input, &predictions, &dag, elapsed);
        tx.into_iter().for_each(|tx| report.keep(tx));
        report
    };
    Ok(match args.format {
        GraphFormat::Text if tx.is_some() => text::transaction(&report()),
        GraphFormat::Text => text::block(&report()),
        GraphFormat::Json => crate::output::json_line(&report()),
        GraphFormat::Dot => graph(&predictions, &dag, tx, dot),
        GraphFormat::Mermaid => graph(&predictions, &dag, tx, mermaid),
    })
}

/// Draws the whole DAG, or one transaction between its neighbours.
fn graph(
    predictions: &[Prediction],
    dag: &DependencyDag,
    tx: Option<TxIndex>,
    draw: fn(&DependencyDag, &View<'_>) -> String,
) -> String {
    let neighbours = tx.map(|tx| neighbours(dag, tx));
    let label = |location: &Location| {
        let label = predictions.iter().find_map(|prediction| prediction.label(location))?;
        Some(format!("{} {label}", crate::text::short_address(location.address)))
    };
    let view = View {
        shown: &|tx| neighbours.as_ref().is_none_or(|shown| shown.contains(&tx)),
        location: &label,
        ..View::PLAIN
    };
    draw(dag, &view)
}

/// A transaction, those it waits for and those that wait for it.
fn neighbours(dag: &DependencyDag, tx: TxIndex) -> Vec<TxIndex> {
    let touching = dag.pairs().filter(|(from, to)| *from == tx || *to == tx);
    touching.flat_map(|(from, to)| [from, to]).chain([tx]).collect()
}
