//! What is predicted of a block, as a picture shows it.

use crate::{function, input::Input};
use alloy_primitives::TxKind;
use foresee_access::{AccessSet, Difference, Field, Location, TxIndex};
use foresee_execute::{Record, Status};
use foresee_picture::{self as picture, Picture};
use foresee_predict::{Outline, Prediction, SymbolicAccess, SymbolicField};
use foresee_schedule::{CORES, DependencyDag, Edge, Structure};
use std::collections::{BTreeMap, BTreeSet};

/// The picture of a block.
pub(super) fn new(
    input: &Input,
    predictions: &[Prediction],
    (outlines, possible): (&[Option<Outline>], &[Edge]),
    dag: &DependencyDag,
    selected: Option<TxIndex>,
    record: Option<&Record>,
) -> Picture {
    let Structure { edges, layers, groups, critical_path, .. } = dag.structure();
    let of_record = record.iter().flat_map(|record| &record.transactions);
    let of_record = of_record.flat_map(|tx| located(&tx.observed));
    let of_edges = edges.iter().flat_map(|edge| edge.locations.iter().copied());
    let outlined = outlines.iter().flatten();
    let of_outlines = outlined.clone().flat_map(|outline| located(&outline.possible));
    let labels = predictions.iter().flat_map(|prediction| &prediction.labels);
    let labels = labels.chain(outlined.flat_map(|outline| &outline.labels));
    let others = of_edges.chain(of_record).chain(of_outlines);
    let locations = Locations::new(predictions, others, labels);
    let outline_of = |position: usize| outlines.get(position).and_then(Option::as_ref);
    let drawn = |edge: &Edge| picture::Edge {
        from: edge.from.position(),
        to: edge.to.position(),
        locations: locations.numbers(edge.locations.iter().copied()),
    };
    let transactions = input.loaded.block.transactions.iter().zip(&input.loaded.hashes);
    let positions = |list: Vec<TxIndex>| list.into_iter().map(TxIndex::position).collect();
    Picture {
        block: input.loaded.number,
        transactions: transactions
            .zip(predictions)
            .enumerate()
            .map(|(position, ((tx, hash), prediction))| picture::Transaction {
                hash: hash.to_string(),
                from: tx.caller.to_string(),
                to: match tx.kind {
                    TxKind::Call(to) => Some(to.to_string()),
                    TxKind::Create => None,
                },
                function: function::called(tx).map(str::to_owned),
                gas: prediction.gas_used,
                unknown: prediction.unknown.iter().map(ToString::to_string).collect(),
                reads: locations.numbers(prediction.access.reads()),
                writes: locations.numbers(prediction.access.writes()),
                commutative: locations.numbers(prediction.access.commutative()),
                possible: outline_of(position).map(|outline| picture::Possible {
                    reads: locations.numbers(outline.possible.reads()),
                    writes: locations.numbers(outline.possible.writes()),
                    symbolic: outline.symbolic.iter().map(in_words).collect(),
                }),
                observed: record
                    .and_then(|record| observed(record, position, prediction, &locations)),
            })
            .collect(),
        edges: edges.iter().map(drawn).collect(),
        possible: possible.iter().map(drawn).collect(),
        layers: layers.into_iter().map(positions).collect(),
        groups: groups.into_iter().map(positions).collect(),
        critical_path: positions(critical_path.transactions),
        timelines: CORES
            .iter()
            .map(|cores| {
                let timeline = dag.timeline(*cores);
                let slots = timeline.slots.iter().map(|slot| (slot.core, slot.start)).collect();
                picture::Timeline { cores: *cores, makespan: timeline.makespan, slots }
            })
            .collect(),
        locations: locations.described,
        selected: selected.map(TxIndex::position),
    }
}

/// The locations of a set.
fn located(set: &AccessSet) -> impl Iterator<Item = Location> {
    set.touches().map(|(location, _)| location)
}

/// A place that depends on storage, and what may happen there.
fn in_words(access: &SymbolicAccess) -> String {
    let SymbolicAccess { address, account, field, written } = access;
    let account = address.map(|address| address.to_string()).or(account.clone());
    let what = match field {
        SymbolicField::Slot(slot) => slot,
        SymbolicField::Balance => "balance",
        SymbolicField::Code => "code",
    };
    let how = if *written { "possibly written" } else { "possibly read" };
    format!("{} {what}, {how}", account.unwrap_or_default())
}

/// What a record says of a transaction, compared with its prediction.
fn observed(
    record: &Record,
    position: usize,
    prediction: &Prediction,
    locations: &Locations,
) -> Option<picture::Observed> {
    let tx = record.transactions.get(position)?;
    let Difference { missed_reads, extra_reads, missed_writes, extra_writes } =
        Difference::between(&prediction.access, &tx.observed);
    let union = |one: Vec<Location>, other: Vec<Location>| {
        let union: BTreeSet<_> = one.into_iter().chain(other).collect();
        locations.numbers(union.into_iter())
    };
    Some(picture::Observed {
        outcome: match &tx.status {
            Status::Succeeded => "succeeded".to_owned(),
            Status::Failed => "failed".to_owned(),
            Status::Refused(reason) => format!("refused: {reason}"),
        },
        gas: tx.gas_used,
        missed: union(missed_reads, missed_writes),
        extra: union(extra_reads, extra_writes),
        again: record.run.reexecuted.iter().any(|again| again.index.position() == position),
    })
}

/// All locations that are named, numbered in their order.
struct Locations {
    numbers: BTreeMap<Location, usize>,
    described: Vec<picture::Location>,
}

impl Locations {
    fn new<'a>(
        predictions: &'a [Prediction],
        others: impl Iterator<Item = Location>,
        named: impl Iterator<Item = &'a (Location, String)>,
    ) -> Self {
        let of_predictions = predictions.iter().flat_map(|prediction| located(&prediction.access));
        let all: BTreeSet<_> = of_predictions.chain(others).collect();
        let mut labels = BTreeMap::new();
        for (location, label) in named {
            labels.entry(*location).or_insert(label);
        }
        let described = all.iter().map(|location| picture::Location {
            address: location.address.to_string(),
            kind: match location.field {
                Field::Slot(_) => "storage",
                Field::Balance => "balance",
                Field::Nonce => "nonce",
                Field::Code => "code",
            },
            slot: location.as_slot().map(|slot| format!("{slot:#x}")),
            label: labels.get(location).map(ToString::to_string),
        });
        let described = described.collect();
        Self { numbers: all.into_iter().zip(0..).collect(), described }
    }

    fn numbers(&self, locations: impl Iterator<Item = Location>) -> Vec<usize> {
        locations.filter_map(|location| self.numbers.get(&location).copied()).collect()
    }
}
