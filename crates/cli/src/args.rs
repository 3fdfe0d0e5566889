//! What can be typed.

use crate::engine::State;
use clap::{
    Parser, Subcommand, ValueEnum,
    builder::{PossibleValue, PossibleValuesParser, TypedValueParser},
};
use foresee_workload::Scenario;
use std::{
    num::{NonZeroU32, NonZeroUsize},
    path::PathBuf,
};

/// Predicts what the transactions of an Ethereum block read and write, shows which
/// can run in parallel, and runs them so.
#[derive(Debug, Parser)]
#[command(name = "foresee", version)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Predict(Predict),
    Replay(Replay),
    Evaluate(Evaluate),
    Record(Record),
    Generate(Generate),
}

/// Predict the access set of every transaction and the dependencies between them
///
/// Nothing is executed. The text form names the critical path, the locations that
/// most transactions meet on, and whatever could not be resolved.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  foresee predict testdata/blocks/amm.json.gz --format dot | dot -Tsvg"
)]
pub(crate) struct Predict {
    #[command(flatten)]
    pub(crate) snapshots: Snapshots,
    /// Form of the output; several blocks follow each other
    #[arg(long, value_enum, default_value_t = GraphFormat::Text)]
    pub(crate) format: GraphFormat,
    /// Write to this file instead of standard output
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// Show only the transaction with this index, and its dependencies
    #[arg(long, value_name = "I")]
    pub(crate) tx: Option<u32>,
    /// Use no state: tell only what calldata and code determine
    #[arg(long)]
    pub(crate) no_state: bool,
}

/// Execute blocks in parallel and in order, compare the results, and time both
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  foresee replay testdata/blocks/mix.json.gz --threads 2 --runs 5"
)]
pub(crate) struct Replay {
    #[command(flatten)]
    pub(crate) snapshots: Snapshots,
    /// Threads that execute; by default as many as there are cores
    #[arg(long, value_name = "N")]
    pub(crate) threads: Option<NonZeroUsize>,
    /// Which executions to time
    #[arg(long, value_enum, default_value_t = Mode::Both)]
    pub(crate) mode: Mode,
    /// When a transaction may start
    #[arg(long, value_enum, default_value_t = Policy::Dataflow)]
    pub(crate) policy: Policy,
    /// Predict each transaction on the pre-block state before the clock starts
    #[arg(long)]
    pub(crate) ahead: bool,
    /// Follow this execution record instead of predicting, and tell in what it is wrong
    #[arg(long, value_name = "FILE", conflicts_with_all = ["access_list", "ahead"])]
    pub(crate) record: Option<PathBuf>,
    /// Follow this block access list, RLP or JSON, and tell where it is wrong first
    #[arg(long, value_name = "FILE", conflicts_with = "ahead")]
    pub(crate) access_list: Option<PathBuf>,
    /// Execute so many times, interleaved, and report medians
    ///
    /// The first time compiles the programs that the block needs.
    #[arg(long, value_name = "K", default_value = "3")]
    pub(crate) runs: NonZeroU32,
    /// Form of the output
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(crate) format: Format,
}

/// Score predictions against what execution shows, and tell what they cost
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  foresee evaluate testdata/blocks/*.json.gz --runs 5")]
pub(crate) struct Evaluate {
    #[command(flatten)]
    pub(crate) snapshots: Snapshots,
    /// Form of the output
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(crate) format: Format,
    /// Measure so many times and report medians
    #[arg(long, value_name = "K", default_value = "3")]
    pub(crate) runs: NonZeroU32,
}

/// Execute a block in parallel and write down what each transaction accesses
///
/// A record tells what was predicted and observed of every transaction and what waited
/// for what; it can drive a later execution. The access list is that of EIP-7928; where
/// the header has its hash, it is compared.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  foresee record testdata/blocks/amm.json.gz --out amm.record.json\n  foresee record testdata/blocks/amm.json.gz --format rlp --out amm.bal"
)]
pub(crate) struct Record {
    /// Snapshot file, plain or gzipped; - is standard input
    #[arg(value_name = "SNAPSHOT")]
    pub(crate) snapshot: PathBuf,
    /// Form of the output
    #[arg(long, value_enum, default_value_t = RecordFormat::Json)]
    pub(crate) format: RecordFormat,
    /// Write to this file instead of standard output
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// Threads that execute; by default as many as there are cores
    #[arg(long, value_name = "N")]
    pub(crate) threads: Option<NonZeroUsize>,
}

/// A form of what is written down of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum RecordFormat {
    /// The execution record as JSON, with all that follows from it
    Json,
    /// The execution record, compact
    Binary,
    /// The block access list alone, as EIP-7928 encodes it
    Rlp,
}

/// Generate a block of a built-in scenario as a snapshot
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  foresee generate amm --txs 200 --seed 7 --out amm.json.gz\n  foresee predict amm.json.gz"
)]
pub(crate) struct Generate {
    /// The scenario
    #[arg(value_name = "SCENARIO", value_parser = scenario())]
    pub(crate) scenario: Scenario,
    /// Number of transactions
    #[arg(long, value_name = "N")]
    pub(crate) txs: usize,
    /// Equal seeds give equal blocks
    #[arg(long, value_name = "S")]
    pub(crate) seed: u64,
    /// Snapshot to write, gzipped if the name ends in .gz; - is standard output
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
}

/// The blocks to work on.
#[derive(Debug, clap::Args)]
pub(crate) struct Snapshots {
    /// Snapshot files, plain or gzipped; - is standard input
    ///
    /// Several are one run in the order given: programs compiled for one block
    /// serve the next.
    #[arg(value_name = "SNAPSHOT", required = true)]
    pub(crate) files: Vec<PathBuf>,
}

/// A form that a person or a program reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people
    Text,
    /// One object per line and block
    Json,
}

/// A form that shows a graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum GraphFormat {
    /// For people
    Text,
    /// One object per line and block
    Json,
    /// The dependencies for Graphviz
    Dot,
    /// The dependencies for Mermaid
    Mermaid,
}

/// Which executions to time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Mode {
    /// In parallel; in order only once, to compare the results
    Parallel,
    /// In order
    Sequential,
    /// Both
    Both,
}

impl Predict {
    /// What predictions may look at.
    pub(crate) const fn state(&self) -> State {
        if self.no_state { State::CodeOnly } else { State::PreBlock }
    }
}

/// When a transaction may start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Policy {
    /// When those it depends on are done
    Dataflow,
    /// When the layer before is done
    Layers,
}

/// Takes the name of a scenario; the help lists them all.
fn scenario() -> impl TypedValueParser<Value = Scenario> {
    let names = Scenario::ALL.map(|one| PossibleValue::new(one.name()).help(one.summary()));
    PossibleValuesParser::new(names).try_map(|name| name.parse())
}
