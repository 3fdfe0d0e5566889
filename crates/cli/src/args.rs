//! What can be typed.

use crate::engine::State;
use alloy_primitives::B256;
use clap::{
    ColorChoice, Parser, Subcommand, ValueEnum,
    builder::{PossibleValue, PossibleValuesParser, TypedValueParser},
};
use clap_complete::Shell;
use foresee_source::BlockChoice;
use foresee_workload::Scenario;
use std::{
    num::{NonZeroU32, NonZeroUsize},
    path::PathBuf,
    str::FromStr,
};

/// Predicts what the transactions of an Ethereum block read and write, shows which
/// can run in parallel, and runs them so.
#[derive(Debug, Parser)]
#[command(name = "foresee", version)]
pub(crate) struct Args {
    /// Tell on standard error what is decided, executed again, and how long stages take
    #[arg(short, long, global = true)]
    pub(crate) verbose: bool,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Predict(Predict),
    Replay(Replay),
    Evaluate(Evaluate),
    Record(Record),
    Fetch(Fetch),
    Generate(Generate),
    Completions(Completions),
    Man(Man),
}

/// Predict the access set of every transaction and the dependencies between them
///
/// Nothing is executed. The text form names the critical path, the locations that
/// most transactions meet on, and whatever could not be resolved.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  foresee predict testdata/blocks/amm.json.gz\n  foresee predict testdata/blocks/amm.json.gz --format html --out amm.html\n  foresee predict testdata/blocks/amm.json.gz --format dot | dot -Tsvg"
)]
pub(crate) struct Predict {
    #[command(flatten)]
    pub(crate) blocks: Blocks,
    #[command(flatten)]
    pub(crate) kept: Kept,
    /// Predict what waits in the node's pool, as the block that could come next
    #[arg(long, requires = "rpc", conflicts_with_all = ["block", "tx"])]
    pub(crate) pending: bool,
    /// Form of the output; several blocks follow each other
    #[arg(long, value_enum, default_value_t = GraphFormat::Text)]
    pub(crate) format: GraphFormat,
    /// Write to this file instead of standard output
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// Show only the transaction with this index or hash, and its dependencies
    ///
    /// With --rpc a hash finds the block by itself; one that is still in the pool is
    /// predicted alone, on the newest state.
    #[arg(long, value_name = "I|HASH")]
    pub(crate) tx: Option<TxChoice>,
    /// Show beside the predictions what this execution record observed, in the html form
    ///
    /// The record must be of the same block.
    #[arg(long, value_name = "FILE")]
    pub(crate) record: Option<PathBuf>,
    /// Use no state: tell only what calldata and code determine
    #[arg(long)]
    pub(crate) no_state: bool,
}

/// Execute blocks in parallel and in order, compare the results, and time both
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  foresee replay testdata/blocks/mix.json.gz --threads 2 --runs 5\n  foresee replay testdata/blocks/amm.json.gz --simulate"
)]
pub(crate) struct Replay {
    #[command(flatten)]
    pub(crate) blocks: Blocks,
    #[command(flatten)]
    pub(crate) kept: Kept,
    /// Threads that execute; by default as many as there are cores
    #[arg(long, value_name = "N")]
    pub(crate) threads: Option<NonZeroUsize>,
    /// Which executions to time
    ///
    /// Foresee chooses between one thread and several by what it expects to pay, unless
    /// parallel alone is asked for, which forces it. The choice, its reason and its
    /// numbers are reported.
    #[arg(long, value_enum, default_value_t = Mode::Both)]
    pub(crate) mode: Mode,
    /// When a transaction may start
    #[arg(long, value_enum, default_value_t = Policy::Dataflow)]
    pub(crate) policy: Policy,
    /// Predict each transaction on the pre-block state before the clock starts
    #[arg(long)]
    pub(crate) ahead: bool,
    /// Follow this execution record instead of predicting, and tell in what it is wrong
    ///
    /// The results of precompiled contracts that it implies are computed before the clock
    /// starts. With --ahead what predictions have computed on the way is made use of as well.
    #[arg(long, value_name = "FILE", conflicts_with = "access_list")]
    pub(crate) record: Option<PathBuf>,
    /// Follow this block access list, RLP or JSON, and tell where it is wrong first
    ///
    /// With --ahead the results of precompiled contracts and the hashes that predictions have
    /// computed on the way are made use of as well.
    #[arg(long, value_name = "FILE")]
    pub(crate) access_list: Option<PathBuf>,
    /// Execute so many times, interleaved, and report medians
    ///
    /// The first time compiles the programs that the block needs.
    #[arg(long, value_name = "K", default_value = "3")]
    pub(crate) runs: NonZeroU32,
    /// Simulate 2 to 64 cores from the times that single transactions take
    ///
    /// Side by side: predicted dependencies by layers and by dataflow, optimistic
    /// execution as in Block-STM, list scheduling of the true dependencies (the limit)
    /// and the bound that no schedule can beat. The times are medians over --runs.
    #[arg(long)]
    pub(crate) simulate: bool,
    /// Nanoseconds that each simulated execution costs beside the transaction itself
    ///
    /// Paid under every strategy, not by limit and bound.
    #[arg(long, value_name = "NS", default_value = "0", requires = "simulate")]
    pub(crate) machinery: u32,
    /// Form of the output
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(crate) format: Format,
}

/// Score predictions against what execution shows, and tell what they cost
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  foresee evaluate testdata/blocks/*.json.gz --runs 5")]
pub(crate) struct Evaluate {
    #[command(flatten)]
    pub(crate) blocks: Blocks,
    #[command(flatten)]
    pub(crate) kept: Kept,
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
    after_help = "Example:\n  foresee record testdata/blocks/amm.json.gz --out amm.record.json\n  foresee record testdata/blocks/amm.json.gz --format rlp --out amm.bal\n  foresee record testdata/blocks/amm.json.gz --predicted --out amm.predicted.json"
)]
pub(crate) struct Record {
    #[command(flatten)]
    pub(crate) blocks: Blocks,
    /// Form of the output
    #[arg(long, value_enum, default_value_t = RecordFormat::Json)]
    pub(crate) format: RecordFormat,
    /// Write to this file instead of standard output
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// Threads that execute; by default as many as there are cores
    #[arg(long, value_name = "N")]
    pub(crate) threads: Option<NonZeroUsize>,
    /// Execute nothing: write the access list that is predicted, marked as such, as JSON
    ///
    /// It names every account and slot and no values; --prefetch reads it.
    #[arg(long, conflicts_with = "threads")]
    pub(crate) predicted: bool,
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

/// Fetch blocks from a node as snapshots, each checked by executing it
///
/// A block is written only if executing it over what was fetched gives the gas,
/// receipts and logs that its header promises.
#[derive(Debug, clap::Args)]
#[command(
    group = clap::ArgGroup::new("which").args(["block", "from"]),
    after_help = "With a node at this address:\n  foresee fetch --rpc http://127.0.0.1:8545 --block latest --out block.json.gz\n  foresee fetch --rpc http://127.0.0.1:8545 --from 100 --to 199 --out blocks"
)]
pub(crate) struct Fetch {
    /// Address of the node: http, https, ws or wss
    #[arg(long, value_name = "URL")]
    pub(crate) rpc: String,
    /// The block: number, hash or latest
    #[arg(long, value_name = "N|HASH|latest", default_value = "latest")]
    pub(crate) block: BlockChoice,
    /// First block of a range
    #[arg(long, value_name = "A", requires = "to")]
    pub(crate) from: Option<u64>,
    /// Last block of a range
    #[arg(long, value_name = "B", requires = "from")]
    pub(crate) to: Option<u64>,
    /// Snapshot to write, gzipped if the name ends in .gz; - is standard output. For a
    /// range the folder of the snapshots: those that are there already are kept
    #[arg(long, value_name = "FILE|DIR")]
    pub(crate) out: PathBuf,
    #[command(flatten)]
    pub(crate) manners: Manners,
}

/// Print what a shell needs to complete this command
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  foresee completions bash > foresee.bash")]
pub(crate) struct Completions {
    /// The shell
    #[arg(value_enum)]
    pub(crate) shell: Shell,
}

/// Print the manual page, or that of a command
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  foresee man predict > foresee-predict.1")]
pub(crate) struct Man {
    /// The command
    #[arg(value_name = "COMMAND")]
    pub(crate) command: Option<String>,
}

/// The blocks to work on.
#[derive(Debug, clap::Args)]
pub(crate) struct Blocks {
    /// Snapshot files, plain or gzipped; - is standard input
    ///
    /// Several are one run in the order given: programs compiled for one block
    /// serve the next.
    #[arg(value_name = "SNAPSHOT", required_unless_present = "rpc", conflicts_with = "rpc")]
    pub(crate) files: Vec<PathBuf>,
    /// Address of a node to take the block from: http, https, ws or wss
    #[arg(long, value_name = "URL")]
    pub(crate) rpc: Option<String>,
    /// Block of the node: number, hash, latest or pending; may be repeated
    #[arg(long, value_name = "N|HASH|latest|pending", requires = "rpc")]
    pub(crate) block: Vec<BlockChoice>,
    /// Whether text is coloured
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    pub(crate) color: ColorChoice,
    #[command(flatten)]
    pub(crate) manners: Manners,
}

/// Where compiled programs are kept from one run to the next.
#[derive(Debug, clap::Args)]
pub(crate) struct Kept {
    /// Start with the programs in this file, and leave there all that there are at the end
    ///
    /// A file that is not there is made. One that is damaged, or of another version, is
    /// told on standard error, and written anew.
    #[arg(long, value_name = "FILE")]
    pub(crate) cache: Option<PathBuf>,
}

/// How to ask a node.
#[derive(Debug, clap::Args)]
pub(crate) struct Manners {
    /// Read what this access list or record names from the node first, all at once
    ///
    /// A list may have come with the block or be one that record --predicted has written.
    /// What is named in vain is read in vain; what is not named is read when it is needed.
    #[arg(long, value_name = "FILE", requires = "rpc")]
    pub(crate) prefetch: Option<PathBuf>,
    /// Fork that the node's blocks follow, where the node does not tell
    #[arg(long, value_name = "NAME", requires = "rpc")]
    pub(crate) fork: Option<String>,
    /// Seconds to wait for an answer of the node
    #[arg(long, value_name = "S", requires = "rpc", default_value = "30", hide_short_help = true)]
    pub(crate) rpc_timeout: NonZeroU32,
    /// How often to ask the node before giving up
    #[arg(long, value_name = "N", requires = "rpc", default_value = "5", hide_short_help = true)]
    pub(crate) rpc_attempts: NonZeroU32,
    /// Questions in one message to the node
    #[arg(long, value_name = "N", requires = "rpc", default_value = "100", hide_short_help = true)]
    pub(crate) rpc_batch: NonZeroUsize,
}

/// A transaction, by its position in a block or by its hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TxChoice {
    Index(u32),
    Hash(B256),
}

impl FromStr for TxChoice {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let choice = match text.starts_with("0x") {
            true => text.parse().map(Self::Hash).ok(),
            false => text.parse().map(Self::Index).ok(),
        };
        choice.ok_or("a transaction is named by its position in the block or by its hash")
    }
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
    /// The dependencies drawn; one block
    Svg,
    /// A page to explore the block in a browser; one block
    Html,
}

/// Which executions to time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Mode {
    /// In parallel, whether it pays or not; in order only once, to compare the results
    Parallel,
    /// In order
    Sequential,
    /// In order, and as Foresee chooses
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
