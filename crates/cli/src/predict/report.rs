//! What is known of a block before it runs: the answer of `predict`, in the JSON
//! that programs read.

use crate::{function, input::Input};
use alloy_primitives::{Address, B256, TxKind};
use foresee_access::{Location, TxIndex};
use foresee_predict::{Outline, Prediction, SymbolicAccess, SymbolicField};
use foresee_schedule::{CriticalPath, DependencyDag, Speedups, Structure};
use serde::Serialize;
use std::time::Duration;

/// The predictions of a block and the shape of its DAG.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    pub(super) block: u64,
    pub(super) transactions: Vec<Transaction>,
    pub(super) edges: Vec<Edge>,
    /// Those that there are if everything happens that may; without storage.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) possible_edges: Vec<Edge>,
    pub(super) layers: Vec<Vec<TxIndex>>,
    pub(super) groups: Vec<Vec<TxIndex>>,
    pub(super) critical_path: CriticalPath,
    pub(super) speedup: Speedups,
    pub(super) elapsed_us: u64,
}

/// The prediction of a transaction.
#[derive(Debug, Serialize)]
pub(super) struct Transaction {
    pub(super) index: TxIndex,
    pub(super) hash: B256,
    pub(super) from: Address,
    /// The recipient, none for a creation.
    pub(super) to: Option<Address>,
    /// The signature of the function it calls, if that is a common one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) function: Option<&'static str>,
    pub(super) gas: u64,
    pub(super) complete: bool,
    pub(super) unknown: Vec<String>,
    pub(super) reads: Vec<Labelled>,
    pub(super) writes: Vec<Labelled>,
    pub(super) commutative: Vec<Labelled>,
    /// The state values that it looks at, in that order; not without storage.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) inputs: Option<Vec<Labelled>>,
    /// What it accesses for some values in storage only; without storage.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) possible: Option<Possible>,
    /// What it may access of which storage tells where it is; without storage.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) symbolic: Option<Vec<Symbolic>>,
}

/// Accesses that are not certain.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Possible {
    pub(super) reads: Vec<Labelled>,
    pub(super) writes: Vec<Labelled>,
}

/// An access to a place that is known in words only.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Symbolic {
    /// The account, or what it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) address: Option<Address>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) account: Option<String>,
    /// What the slot is, or which field.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) slot: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) field: Option<&'static str>,
    pub(super) written: bool,
}

impl From<&SymbolicAccess> for Symbolic {
    fn from(access: &SymbolicAccess) -> Self {
        let SymbolicAccess { address, account, field, written } = access.clone();
        let (slot, field) = match field {
            SymbolicField::Slot(slot) => (Some(slot), None),
            SymbolicField::Balance => (None, Some("balance")),
            SymbolicField::Code => (None, Some("code")),
        };
        Self { address, account, slot, field, written }
    }
}

/// A dependency, with labels as the later transaction sees them.
#[derive(Debug, Serialize)]
pub(super) struct Edge {
    pub(super) from: TxIndex,
    pub(super) to: TxIndex,
    pub(super) locations: Vec<Labelled>,
}

/// A location and, where its shape is known, what it is.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Labelled {
    #[serde(flatten)]
    pub(super) location: Location,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) label: Option<String>,
    /// How many of the inputs, the first ones, an access depends on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) depends: Option<u32>,
}

impl Labelled {
    fn all(locations: impl Iterator<Item = Location>, prediction: &Prediction) -> Vec<Self> {
        let labelled = |location| Self {
            location,
            label: prediction.label(&location).map(str::to_owned),
            depends: None,
        };
        locations.map(labelled).collect()
    }

    /// The reads of a transaction: each depends on what was looked at before it.
    fn reads(prediction: &Prediction) -> Vec<Self> {
        let mut reads = Self::all(prediction.access.reads(), prediction);
        if let Some(dependencies) = &prediction.dependencies {
            for (read, before) in reads.iter_mut().zip(&dependencies.reads) {
                read.depends = Some(*before);
            }
        }
        reads
    }

    /// The writes of a transaction: each depends on all that is looked at.
    fn writes(prediction: &Prediction) -> Vec<Self> {
        let mut writes = Self::all(prediction.access.writes(), prediction);
        if let Some(dependencies) = &prediction.dependencies {
            let all = dependencies.of_writes().len() as u32;
            writes.iter_mut().for_each(|write| write.depends = Some(all));
        }
        writes
    }
}

impl Report {
    pub(super) fn new(
        input: &Input,
        predictions: &[Prediction],
        dag: &DependencyDag,
        elapsed: Duration,
    ) -> Self {
        let Structure { edges, layers, groups, critical_path, speedup } = dag.structure();
        let transactions = input.loaded.block.transactions.iter().zip(&input.loaded.hashes);
        let transactions = transactions.zip(predictions).enumerate();
        Self {
            block: input.loaded.number,
            transactions: transactions
                .map(|(position, ((tx, hash), prediction))| Transaction {
                    index: TxIndex::new(position),
                    hash: *hash,
                    from: tx.caller,
                    to: match tx.kind {
                        TxKind::Call(to) => Some(to),
                        TxKind::Create => None,
                    },
                    function: function::called(tx),
                    gas: prediction.gas_used,
                    complete: prediction.is_complete(),
                    unknown: prediction.unknown.iter().map(ToString::to_string).collect(),
                    reads: Labelled::reads(prediction),
                    writes: Labelled::writes(prediction),
                    commutative: Labelled::all(prediction.access.commutative(), prediction),
                    inputs: prediction
                        .dependencies
                        .as_ref()
                        .map(|it| Labelled::all(it.inputs.iter().copied(), prediction)),
                    possible: None,
                    symbolic: None,
                })
                .collect(),
            edges: edges
                .into_iter()
                .map(|edge| Edge {
                    from: edge.from,
                    to: edge.to,
                    locations: Labelled::all(
                        edge.locations.into_iter(),
                        &predictions[edge.to.position()],
                    ),
                })
                .collect(),
            possible_edges: Vec::new(),
            layers,
            groups,
            critical_path,
            speedup,
            elapsed_us: elapsed.as_micros().try_into().unwrap_or(u64::MAX),
        }
    }

    /// Adds what is known without storage.
    pub(super) fn add_outlines(
        &mut self,
        outlines: &[Option<Outline>],
        possible: &[foresee_schedule::Edge],
    ) {
        let labelled = |location| Labelled {
            location,
            label: outlines
                .iter()
                .flatten()
                .find_map(|outline| outline.label(&location))
                .map(str::to_owned),
            depends: None,
        };
        self.possible_edges = possible
            .iter()
            .map(|edge| Edge {
                from: edge.from,
                to: edge.to,
                locations: edge.locations.iter().copied().map(labelled).collect(),
            })
            .collect();
        for (transaction, outline) in self.transactions.iter_mut().zip(outlines) {
            let Some(outline) = outline else { continue };
            let labelled = |location| Labelled {
                location,
                label: outline.label(&location).map(str::to_owned),
                depends: None,
            };
            transaction.possible = Some(Possible {
                reads: outline.possible.reads().map(labelled).collect(),
                writes: outline.possible.writes().map(labelled).collect(),
            });
            transaction.symbolic = Some(outline.symbolic.iter().map(Symbolic::from).collect());
        }
    }

    /// Leaves of transactions and edges only this one and those that touch it.
    pub(super) fn keep(&mut self, tx: TxIndex) {
        self.transactions.retain(|transaction| transaction.index == tx);
        for edges in [&mut self.edges, &mut self.possible_edges] {
            edges.retain(|edge| edge.from == tx || edge.to == tx);
        }
    }
}
