//! The answer of `predict` for people.

use super::report::{Edge, Labelled, Possible, Report, Transaction};
use crate::{
    function,
    text::{count, indexes, mgas, short_address, short_label, short_location, table},
};
use foresee_access::{Field, Location, TxIndex};
use std::collections::BTreeMap;

/// Rows of the table of busy locations.
const BUSIEST: usize = 10;

/// Rows of the table of the critical path: its first half and its last.
const PATH_MAX: usize = 40;

/// Possible dependencies that are listed.
const POSSIBLE_MAX: usize = 20;

/// Incomplete transactions that are listed.
const UNKNOWN_MAX: usize = 20;

/// The numbers of cores that the header line names.
const CORES: [usize; 3] = [2, 8, 32];

/// A block: one line on the whole, then what holds it up and what is not known.
pub(super) fn block(report: &Report) -> String {
    let parts =
        [header(report), critical_path(report), busiest(report), possible(report), unknown(report)];
    parts.concat()
}

fn header(report: &Report) -> String {
    let gas = report.transactions.iter().map(|tx| tx.gas).fold(0, u64::saturating_add);
    let speedup = CORES.map(|cores| format!("{:.2}x", report.speedup.on(cores).unwrap_or(1.0)));
    format!(
        "block {}: {}, {}, {}, critical path {} ({}), predicted speedup {} on 2/8/32 cores\n",
        report.block,
        count(report.transactions.len(), "transaction"),
        mgas(gas),
        count(report.layers.len(), "layer"),
        mgas(report.critical_path.gas),
        count(report.critical_path.transactions.len(), "transaction"),
        speedup.join(" / "),
    )
}

fn critical_path(report: &Report) -> String {
    let path = &report.critical_path.transactions;
    // A path of one transaction holds nothing up.
    if path.len() < 2 {
        return String::new();
    }
    let row = |position: usize| {
        let tx = &report.transactions[path[position].position()];
        let before = position.checked_sub(1).map(|before| path[before]);
        let edge = before.and_then(|before| {
            report.edges.iter().find(|edge| edge.from == before && edge.to == tx.index)
        });
        let waits_for = edge.map_or(String::new(), |edge| reasons(&edge.locations));
        let from = short_address(tx.from);
        let to = function::recipient(tx.to, tx.function.map(function::name));
        vec![tx.index.to_string(), from, to, tx.gas.to_string(), waits_for]
    };
    let half = PATH_MAX / 2;
    let rows = match path.len() {
        ..=PATH_MAX => (0..path.len()).map(row).collect(),
        length => {
            let left_out = vec![String::new(), format!("({} left out)", length - 2 * half)];
            let (first, last) = (0..half, length - half..length);
            first.map(row).chain([left_out]).chain(last.map(row)).collect()
        }
    };
    let header = ["tx", "from", "to", "gas", "reads what the one above writes"];
    format!("\ncritical path\n{}", table(&header, &[0, 3], rows))
}

/// What is behind an edge: the first location, and how many more.
fn reasons(locations: &[Labelled]) -> String {
    match locations {
        [] => "(unknown: waits for all earlier)".to_owned(),
        [only] => named(only),
        [first, more @ ..] => format!("{} and {} more", named(first), more.len()),
    }
}

fn named(location: &Labelled) -> String {
    match &location.label {
        Some(label) => {
            format!("{} {}", short_address(location.location.address), short_label(label))
        }
        None => short_location(&location.location),
    }
}

/// Who meets on a location.
#[derive(Default)]
struct Meeting<'a> {
    label: Option<&'a str>,
    readers: Vec<TxIndex>,
    writers: Vec<TxIndex>,
}

impl Meeting<'_> {
    /// Everyone who reads or writes, once.
    fn all(&self) -> Vec<TxIndex> {
        let mut all = [&self.readers[..], &self.writers[..]].concat();
        all.sort_unstable();
        all.dedup();
        all
    }
}

/// The locations that most transactions touch, at least one of them writing. A
/// location that a transaction settles at commit is no meeting place for it.
fn meetings<'a>(report: &'a Report) -> Vec<(Location, Meeting<'a>)> {
    let mut meetings = BTreeMap::<Location, Meeting<'a>>::new();
    for tx in &report.transactions {
        let settled = |touched: &Labelled| {
            let commutative = tx.commutative.iter();
            commutative.map(|labelled| labelled.location).any(|l| l == touched.location)
        };
        let reads = tx.reads.iter().map(|read| (read, false));
        let writes = tx.writes.iter().map(|write| (write, true));
        for (touched, writes) in reads.chain(writes).filter(|(touched, _)| !settled(touched)) {
            let meeting = meetings.entry(touched.location).or_default();
            meeting.label = meeting.label.or(touched.label.as_deref());
            if writes { &mut meeting.writers } else { &mut meeting.readers }.push(tx.index);
        }
    }
    let mut meetings: Vec<_> = meetings
        .into_iter()
        .filter(|(_, meeting)| !meeting.writers.is_empty() && meeting.all().len() > 1)
        .collect();
    meetings.sort_by_key(|(location, meeting)| (usize::MAX - meeting.all().len(), *location));
    meetings
}

fn busiest(report: &Report) -> String {
    let meetings = meetings(report);
    if meetings.is_empty() {
        return String::new();
    }
    let row = |(location, meeting): &(Location, Meeting<'_>)| {
        let all = meeting.all();
        vec![
            short_location(location),
            meeting.label.map_or(String::new(), short_label),
            meeting.readers.len().to_string(),
            meeting.writers.len().to_string(),
            indexes(&all),
        ]
    };
    let rows = meetings.iter().take(BUSIEST).map(row).collect();
    let header = ["location", "is", "readers", "writers", "transactions"];
    format!("\nbusiest locations\n{}", table(&header, &[2, 3], rows))
}

/// Dependencies that there are if everything happens that may.
fn possible(report: &Report) -> String {
    let edges = &report.possible_edges;
    if edges.is_empty() {
        return String::new();
    }
    let row =
        |edge: &Edge| vec![edge.to.to_string(), edge.from.to_string(), reasons(&edge.locations)];
    let rows = edges.iter().take(POSSIBLE_MAX).map(row).collect();
    let more = match edges.len().saturating_sub(POSSIBLE_MAX) {
        0 => String::new(),
        more => format!("  and {more} more\n"),
    };
    let header = ["tx", "after", "because of"];
    format!("\npossible dependencies\n{}{more}", table(&header, &[0, 1], rows))
}

fn unknown(report: &Report) -> String {
    let incomplete: Vec<_> = report.transactions.iter().filter(|tx| !tx.complete).collect();
    if incomplete.is_empty() {
        return String::new();
    }
    let listed: String = incomplete
        .iter()
        .take(UNKNOWN_MAX)
        .map(|tx| format!("  {}: {}\n", tx.index, tx.unknown.join("; ")))
        .collect();
    let more = match incomplete.len().saturating_sub(UNKNOWN_MAX) {
        0 => String::new(),
        more => format!("  and {more} more\n"),
    };
    format!("\nunknown in {}\n{listed}{more}", count(incomplete.len(), "transaction"))
}

/// One transaction: what it touches, whom it waits for, who waits for it.
pub(super) fn transaction(report: &Report) -> String {
    let mut text = String::new();
    for tx in &report.transactions {
        let incomplete = if tx.complete {
            String::new()
        } else {
            format!("unknown: {}\n", tx.unknown.join("; "))
        };
        text += &format!(
            "block {}, transaction {}: {} from {} to {}{}, {} gas\n{incomplete}",
            report.block,
            tx.index,
            tx.hash,
            tx.from,
            tx.to.map_or("(creation)".to_owned(), |to| to.to_string()),
            tx.function.map_or(String::new(), |function| format!(", {function}")),
            tx.gas,
        );
        text += &accesses(tx);
    }
    let row = |name: &str, other: TxIndex, locations: &[Labelled]| {
        vec![name.to_owned(), other.to_string(), reasons(locations)]
    };
    let rows_of = |edges: &[Edge], after, before| -> Vec<_> {
        let is_later = |edge: &Edge| report.transactions.iter().any(|tx| tx.index == edge.to);
        let rows = edges.iter().map(|edge| match is_later(edge) {
            true => row(after, edge.from, &edge.locations),
            false => row(before, edge.to, &edge.locations),
        });
        rows.collect()
    };
    let mut rows = rows_of(&report.edges, "after", "before");
    rows.extend(rows_of(&report.possible_edges, "possibly after", "possibly before"));
    if !rows.is_empty() {
        text += &format!("\ndependencies\n{}", table(&["", "tx", "because of"], &[1], rows));
    }
    text
}

/// The locations of a transaction, with what it does there.
fn accesses(tx: &Transaction) -> String {
    let mut uses = BTreeMap::<Location, (Option<&str>, Vec<&str>, Option<u32>)>::new();
    let sets =
        [(&tx.reads, "read"), (&tx.writes, "written"), (&tx.commutative, "settled at commit")];
    for (locations, how) in sets {
        for labelled in locations {
            let (label, uses, depends) = uses.entry(labelled.location).or_default();
            *label = label.or(labelled.label.as_deref());
            uses.push(how);
            // Of what is read and written, what brings the transaction there.
            *depends = depends.or(labelled.depends);
        }
    }
    let possible = tx.possible.iter();
    let possible = possible.flat_map(|Possible { reads, writes }| {
        [(reads, "possibly read"), (writes, "possibly written")]
    });
    for (locations, how) in possible {
        for labelled in locations {
            let (label, uses, _) = uses.entry(labelled.location).or_default();
            *label = label.or(labelled.label.as_deref());
            uses.push(how);
        }
    }
    let code_alone = tx.inputs.iter().flatten().take_while(|input| is_code(input)).count();
    let mut rows: Vec<_> = uses
        .into_iter()
        .map(|(location, (label, uses, depends))| {
            let label = label.unwrap_or_default().to_owned();
            let mut row = vec![location.to_string(), label, uses.join(", ")];
            row.extend(depends.map(|depends| match depends as usize {
                depends if depends <= code_alone => "calldata and code".to_owned(),
                1 => "1".to_owned(),
                depends => format!("1 to {depends}"),
            }));
            row
        })
        .collect();
    rows.extend(tx.symbolic.iter().flatten().map(|access| {
        let account = access.address.map(|address| address.to_string());
        let account = account.or(access.account.clone()).unwrap_or_default();
        let (place, what) = match &access.slot {
            Some(slot) => (format!("{account}[?]"), slot.clone()),
            None => ("?".to_owned() + "." + access.field.unwrap_or_default(), account),
        };
        let how = if access.written { "possibly written" } else { "possibly read" };
        vec![place, what, how.to_owned()]
    }));
    let mut header = vec!["location", "is", "how"];
    let Some(inputs) = &tx.inputs else {
        return format!("\naccesses\n{}", table(&header, &[], rows));
    };
    header.push("depends on");
    let inputs = inputs.iter().zip(1..).map(|(Labelled { location, label, .. }, number)| {
        let label = label.clone().unwrap_or_default();
        vec![number.to_string(), location.to_string(), label]
    });
    let inputs: Vec<_> = inputs.collect();
    let mut text = format!("\naccesses\n{}", table(&header, &[], rows));
    if !inputs.is_empty() {
        let title = "looked at in this order; what is written depends on all";
        text += &format!("\n{title}\n{}", table(&["", "location", "is"], &[0], inputs));
    }
    text
}

/// Whether a location holds code.
fn is_code(labelled: &Labelled) -> bool {
    labelled.location.field == Field::Code
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::{Address, B256, U256};
    use foresee_access::AccessSet;
    use foresee_schedule::{DependencyDag, Node, Structure};

    fn labelled(location: Location) -> Labelled {
        let label = location.as_slot().map(|slot| match slot < U256::from(256) {
            true => format!("slot {slot}"),
            false => format!("mapping(slot 0)[{}]", Address::repeat_byte(0xbb)),
        });
        Labelled { location, label, depends: None }
    }

    /// Three swaps on a pair, a payment, a transaction of which little is known.
    fn report() -> Report {
        let pair = Address::repeat_byte(0xaa);
        let [reserves, shares] = [U256::from(8), U256::MAX].map(|slot| Location::slot(pair, slot));
        let sender = Location::balance(Address::repeat_byte(1));
        let swap = AccessSet::new([reserves, shares], [reserves, shares], []);
        let payment = AccessSet::new([sender], [sender], [sender]);
        let sets = [swap.clone(), swap.clone(), payment, AccessSet::default(), swap];
        let gas = [110_000, 120_000, 21_000, 50_000, 130_000];
        let nodes: Vec<_> = sets
            .iter()
            .zip(gas)
            .map(|(access, gas)| Node { access, gas, in_order: access.is_empty() })
            .collect();
        let Structure { edges, layers, groups, critical_path, speedup } =
            DependencyDag::build(&nodes).structure();
        let all = |locations: Vec<Location>| locations.into_iter().map(labelled).collect();
        let transactions = nodes.iter().enumerate().map(|(position, node)| Transaction {
            index: TxIndex::new(position),
            hash: B256::repeat_byte(position as u8),
            from: Address::repeat_byte(1),
            to: (position != 3).then_some(pair),
            function: (position < 2).then_some("swap(uint256,uint256,address,bytes)"),
            gas: node.gas,
            complete: !node.in_order,
            unknown: node
                .in_order
                .then(|| "the limit on steps was reached".to_owned())
                .into_iter()
                .collect(),
            reads: all(node.access.reads().collect()),
            writes: all(node.access.writes().collect()),
            commutative: all(node.access.commutative().collect()),
            inputs: None,
            possible: None,
            symbolic: None,
        });
        Report {
            block: 7,
            transactions: transactions.collect(),
            edges: edges
                .into_iter()
                .map(|edge| Edge { from: edge.from, to: edge.to, locations: all(edge.locations) })
                .collect(),
            possible_edges: Vec::new(),
            layers,
            groups,
            critical_path,
            speedup,
            elapsed_us: 0,
        }
    }

    #[test]
    fn a_block() {
        insta::assert_snapshot!(block(&report()));
    }

    #[test]
    fn a_block_in_which_nothing_meets_is_one_line() {
        let mut report = report();
        report.transactions.truncate(1);
        report.critical_path.transactions.truncate(1);
        insta::assert_snapshot!(block(&report), @"block 7: 1 transaction, 0.11 Mgas, 3 layers, critical path 0.36 Mgas (1 transaction), predicted speedup 1.20x / 1.20x / 1.20x on 2/8/32 cores");
    }

    #[test]
    fn a_transaction() {
        let mut report = report();
        report.keep(TxIndex(1));
        insta::assert_snapshot!(transaction(&report));
    }
}
