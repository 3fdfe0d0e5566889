//! What a picture shows, as plain data.

use serde::Serialize;

/// A block, its predicted accesses and dependencies. Transactions are named by their
/// position in [`transactions`](Self::transactions), locations by theirs in
/// [`locations`](Self::locations).
#[derive(Clone, Debug, Default, Serialize)]
pub struct Picture {
    /// Number of the block.
    pub block: u64,
    /// Transactions in block order.
    pub transactions: Vec<Transaction>,
    /// Every location that is named anywhere, once.
    pub locations: Vec<Location>,
    /// Dependencies, sorted by the transaction they lead to.
    pub edges: Vec<Edge>,
    /// Dependencies that there may be, as nobody knows whether what is behind them happens.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub possible: Vec<Edge>,
    /// Topological layers.
    pub layers: Vec<Vec<usize>>,
    /// Weakly connected components.
    pub groups: Vec<Vec<usize>>,
    /// The heaviest path.
    pub critical_path: Vec<usize>,
    /// Schedules on several numbers of cores, in ascending order.
    pub timelines: Vec<Timeline>,
    /// The transaction that is asked about.
    pub selected: Option<usize>,
}

/// A transaction and what is predicted of it.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Transaction {
    /// Hash.
    pub hash: String,
    /// Sender.
    pub from: String,
    /// Recipient; none for a creation.
    pub to: Option<String>,
    /// The signature of the function it calls, if that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub function: Option<String>,
    /// Predicted gas.
    pub gas: u64,
    /// What could not be predicted.
    pub unknown: Vec<String>,
    /// Locations read.
    pub reads: Vec<usize>,
    /// Locations written.
    pub writes: Vec<usize>,
    /// Locations settled at commit, which order nothing.
    pub commutative: Vec<usize>,
    /// Accesses that happen for some values in storage only, if storage is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub possible: Option<Possible>,
    /// What execution showed, if it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed: Option<Observed>,
}

/// What a transaction may access.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Possible {
    /// Locations that it may read.
    pub reads: Vec<usize>,
    /// Locations that it may write.
    pub writes: Vec<usize>,
    /// Places that storage tells, in words.
    pub symbolic: Vec<String>,
}

/// What execution showed of a transaction, and where the prediction parts from it.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Observed {
    /// How it ended, in a word or two.
    pub outcome: String,
    /// Gas used.
    pub gas: u64,
    /// Read or written, but not predicted so.
    pub missed: Vec<usize>,
    /// Predicted as read or written, but not so.
    pub extra: Vec<usize>,
    /// Whether it had to be executed again.
    pub again: bool,
}

/// A part of the state.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Location {
    /// The account.
    pub address: String,
    /// `storage`, `balance`, `nonce` or `code`.
    pub kind: &'static str,
    /// The slot, for storage.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slot: Option<String>,
    /// What the slot is, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
}

/// A dependency.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Edge {
    /// The transaction that writes.
    pub from: usize,
    /// The one that reads.
    pub to: usize,
    /// Where; nothing if only the order of the block is behind it.
    pub locations: Vec<usize>,
}

/// A schedule on so many cores.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Timeline {
    /// Number of cores.
    pub cores: usize,
    /// Gas after which the last transaction is done.
    pub makespan: u64,
    /// Core and start of each transaction, in block order.
    pub slots: Vec<Slot>,
}

/// Core, from 0, and the gas that it has executed by then.
pub type Slot = (usize, u64);

impl Picture {
    /// What an edge is on: `storage`, `balance`, `nonce`, `code`, or `order` if only the
    /// order of the block is behind it. Of several the first.
    pub(crate) fn kind(&self, edge: &Edge) -> &'static str {
        let first = edge.locations.first().and_then(|location| self.locations.get(*location));
        first.map_or("order", |location| location.kind)
    }
}
