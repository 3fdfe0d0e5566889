//! What a drawing cannot show, in words.

use crate::{Edge, Location, Picture};

/// How many locations or reasons are named before the rest is only counted.
const NAMED_MAX: usize = 6;

/// How many steps of the critical path are told.
const STEPS_MAX: usize = 24;

/// The digits that are left of a long number: so many at its beginning, and at its end.
const ENDS: (usize, usize) = (8, 4);

/// Who a transaction is, and what is not known of it.
pub(crate) fn transaction(picture: &Picture, index: usize) -> String {
    let tx = &picture.transactions[index];
    let to = tx.to.as_deref().map_or("(creation)".to_owned(), short);
    let function = tx.function.as_deref().map_or(String::new(), |function| format!(" {function}"));
    let mut lines = vec![
        format!("{index}: {} to {to}{function}, {} gas", short(&tx.from), tx.gas),
        tx.hash.clone(),
    ];
    lines.extend(few(tx.unknown.iter().map(|reason| format!("not known: {reason}"))));
    lines.join("\n")
}

/// What is behind a line.
pub(crate) fn edge(picture: &Picture, edge: &Edge, possible: bool) -> String {
    let Edge { from, to, locations } = edge;
    let verb = if possible { "may read what" } else { "reads what" };
    let written = if possible { "may write" } else { "writes" };
    if locations.is_empty() {
        return format!("{to} comes after {from}: too little is known of one of them");
    }
    let named = few(locations.iter().map(|at| name(&picture.locations[*at])));
    [vec![format!("{to} {verb} {from} {written}:")], named].concat().join("\n")
}

/// The steps of the critical path, a line each; none if it is a single transaction.
pub(crate) fn critical_path(picture: &Picture) -> Vec<String> {
    let steps = picture.critical_path.windows(2);
    let step = |pair: &[usize]| {
        let found = picture.edges.iter().find(|edge| pair == [edge.from, edge.to]);
        let locations = found.map_or(&[][..], |edge| &edge.locations);
        let reason = match locations {
            [] => "the order of the block".to_owned(),
            [only] => name(&picture.locations[*only]),
            [first, more @ ..] => {
                format!("{} and {} more", name(&picture.locations[*first]), more.len())
            }
        };
        format!("{} → {}  {reason}", pair[0], pair[1])
    };
    let left_out = steps.len().saturating_sub(STEPS_MAX);
    let mut lines: Vec<_> = steps.take(STEPS_MAX).map(step).collect();
    if left_out > 0 {
        lines.push(format!("and {left_out} more"));
    }
    lines
}

/// A location by its label, if it has one.
fn name(location: &Location) -> String {
    let address = short(&location.address);
    match (&location.label, &location.slot) {
        (Some(label), _) => format!("{address} {}", short_label(label)),
        (None, Some(slot)) => format!("{address} slot {}", short(slot)),
        (None, None) => format!("{address} {}", location.kind),
    }
}

/// The first few lines of a list, and how many there are beyond.
fn few(lines: impl ExactSizeIterator<Item = String>) -> Vec<String> {
    let left_out = lines.len().saturating_sub(NAMED_MAX);
    let mut lines: Vec<_> = lines.take(NAMED_MAX).collect();
    if left_out > 0 {
        lines.push(format!("and {left_out} more"));
    }
    lines
}

/// A label with the long numbers in it shortened.
fn short_label(label: &str) -> String {
    let pieces = label.split_inclusive(|c: char| !c.is_ascii_alphanumeric());
    let shorten = |piece: &str| {
        let end = piece.trim_end_matches(|c: char| !c.is_ascii_alphanumeric()).len();
        let (number, rest) = piece.split_at(end);
        if number.starts_with("0x") { short(number) + rest } else { piece.to_owned() }
    };
    pieces.map(shorten).collect()
}

/// A long hexadecimal number by its ends.
fn short(number: &str) -> String {
    let (first, last) = ENDS;
    match number.len() {
        ..=16 => number.to_owned(),
        _ if !number.is_ascii() => number.to_owned(),
        length => format!("{}…{}", &number[..first], &number[length - last..]),
    }
}

/// Text in which nothing is markup.
pub(crate) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Transaction;

    fn picture() -> Picture {
        let address = format!("0x{}", "ab".repeat(20));
        let at = |label: Option<&str>, kind| Location {
            address: address.clone(),
            kind,
            slot: (kind == "storage").then(|| format!("0x{}", "cd".repeat(32))),
            label: label.map(str::to_owned),
        };
        let labelled =
            (0..8).map(|n| at(Some(&format!("mapping(slot {n})[{address}]")), "storage"));
        let plain = [at(None, "storage"), at(None, "balance")];
        let tx = Transaction {
            hash: "0x11".to_owned(),
            from: address.clone(),
            to: Some(address.clone()),
            function: Some("transfer(address,uint256)".to_owned()),
            gas: 21_000,
            unknown: vec!["<storage>".to_owned()],
            ..Transaction::default()
        };
        Picture {
            transactions: vec![tx.clone(), Transaction { to: None, function: None, ..tx }],
            locations: labelled.chain(plain).collect(),
            edges: vec![
                Edge { from: 0, to: 1, locations: (0..8).collect() },
                Edge { from: 1, to: 2, locations: vec![8] },
                Edge { from: 2, to: 3, locations: vec![] },
            ],
            critical_path: vec![0, 1, 2, 3],
            ..Picture::default()
        }
    }

    #[test]
    fn transactions_and_lines_are_explained() {
        let picture = picture();
        let lines = picture.edges.iter().map(|line| edge(&picture, line, line.from == 1));
        let all: Vec<_> = (0..2).map(|tx| transaction(&picture, tx)).chain(lines).collect();
        insta::assert_snapshot!(all.join("\n"), @r"
        0: 0xababab…abab to 0xababab…abab transfer(address,uint256), 21000 gas
        0x11
        not known: <storage>
        1: 0xababab…abab to (creation), 21000 gas
        0x11
        not known: <storage>
        1 reads what 0 writes:
        0xababab…abab mapping(slot 0)[0xababab…abab]
        0xababab…abab mapping(slot 1)[0xababab…abab]
        0xababab…abab mapping(slot 2)[0xababab…abab]
        0xababab…abab mapping(slot 3)[0xababab…abab]
        0xababab…abab mapping(slot 4)[0xababab…abab]
        0xababab…abab mapping(slot 5)[0xababab…abab]
        and 2 more
        2 may read what 1 may write:
        0xababab…abab slot 0xcdcdcd…cdcd
        3 comes after 2: too little is known of one of them
        ");
    }

    #[test]
    fn the_critical_path_is_told_step_by_step_up_to_a_limit() {
        let mut picture = picture();
        insta::assert_snapshot!(critical_path(&picture).join("\n"), @r"
        0 → 1  0xababab…abab mapping(slot 0)[0xababab…abab] and 7 more
        1 → 2  0xababab…abab slot 0xcdcdcd…cdcd
        2 → 3  the order of the block
        ");
        picture.critical_path = (0..40).collect();
        assert_eq!(critical_path(&picture).len(), STEPS_MAX + 1);
        picture.critical_path = vec![0];
        assert!(critical_path(&picture).is_empty());
    }

    #[test]
    fn nothing_in_a_text_is_markup() {
        assert_eq!(escaped("a<b> & </text>"), "a&lt;b&gt; &amp; &lt;/text&gt;");
    }
}
