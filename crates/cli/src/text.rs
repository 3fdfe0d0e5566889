//! How numbers, locations and tables are written for people.

use alloy_primitives::{Address, U256};
use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use foresee_access::{Field, Location, TxIndex};
use std::time::Duration;

/// How many numbers of a list are written before the rest is only counted.
const LISTED_MAX: usize = 12;

/// A table without lines around it; columns of numbers are set to the right.
pub(crate) fn table(header: &[&str], right: &[usize], rows: Vec<Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(header).add_rows(rows);
    // On a terminal as wide as that, elsewhere as wide as need be.
    table.set_content_arrangement(ContentArrangement::Dynamic);
    for column in right {
        if let Some(column) = table.column_mut(*column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let lines: Vec<_> = table.lines().map(|line| format!(" {}", line.trim_end())).collect();
    lines.join("\n") + "\n"
}

/// Gas in millions.
pub(crate) fn mgas(gas: u64) -> String {
    format!("{:.2} Mgas", gas as f64 / 1e6)
}

/// A time in the unit that suits it.
pub(crate) fn time(time: Duration) -> String {
    match time.as_micros() {
        us @ ..1_000 => format!("{us} µs"),
        us @ ..1_000_000 => format!("{:.2} ms", us as f64 / 1e3),
        us => format!("{:.2} s", us as f64 / 1e6),
    }
}

/// A part of a whole in percent, exact at both ends.
pub(crate) fn percent(part: u64, whole: u64) -> String {
    match (part, whole) {
        (_, 0) => "-".to_owned(),
        (part, whole) if part == whole => "100 %".to_owned(),
        // 99.996 % must not be rounded to a perfect score.
        (part, whole) => {
            format!("{:.2} %", (1e4 * part as f64 / whole as f64).floor() / 1e2)
        }
    }
}

/// The first and last digits of an address.
pub(crate) fn short_address(address: Address) -> String {
    short(&format!("{address}"))
}

/// A location with its long numbers shortened.
pub(crate) fn short_location(location: &Location) -> String {
    let address = short_address(location.address);
    match location.field {
        Field::Slot(slot) => format!("{address}[{}]", short_slot(slot)),
        Field::Balance => format!("{address}.balance"),
        Field::Nonce => format!("{address}.nonce"),
        Field::Code => format!("{address}.code"),
    }
}

fn short_slot(slot: U256) -> String {
    short(&format!("{slot:#x}"))
}

/// A label with the long numbers in it shortened.
pub(crate) fn short_label(label: &str) -> String {
    let part = |c: char| c.is_ascii_alphanumeric();
    let words = label.split_inclusive(|c| !part(c));
    let shorten = |word: &str| {
        let (number, end) = word.split_at(word.trim_end_matches(|c| !part(c)).len());
        if number.starts_with("0x") { short(number) + end } else { word.to_owned() }
    };
    words.map(shorten).collect()
}

/// A long hexadecimal number by its ends.
fn short(hex: &str) -> String {
    match hex.len() {
        ..=16 => hex.to_owned(),
        length => format!("{}…{}", &hex[..8], &hex[length - 4..]),
    }
}

/// Indexes as ranges: `0-3, 7, 9-11 and 20 more`.
pub(crate) fn indexes(sorted: &[TxIndex]) -> String {
    let runs: Vec<_> = sorted.chunk_by(|a, b| a.0 + 1 == b.0).collect();
    let shown = &runs[..runs.len().min(LISTED_MAX)];
    let written: Vec<_> = shown
        .iter()
        .map(|run| match run {
            [only] => only.to_string(),
            [first, last] => format!("{first}, {last}"),
            [first, .., last] => format!("{first}-{last}"),
            [] => String::new(),
        })
        .collect();
    let rest: usize = runs[shown.len()..].iter().map(|run| run.len()).sum();
    let more = if rest == 0 { String::new() } else { format!(" and {rest} more") };
    written.join(", ") + &more
}

/// A number and what it counts.
pub(crate) fn count(number: usize, what: &str) -> String {
    let ending = if number == 1 { "" } else { "s" };
    format!("{number} {what}{ending}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_written_as_ranges_and_cut() {
        let txs = |range: &[u32]| range.iter().copied().map(TxIndex).collect::<Vec<_>>();
        assert_eq!(indexes(&[]), "");
        assert_eq!(indexes(&txs(&[0, 1, 2, 5, 7, 8])), "0-2, 5, 7, 8");
        let even: Vec<_> = (0..15).map(|n| 2 * n).collect();
        assert_eq!(indexes(&txs(&even)), "0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22 and 3 more");
    }

    #[test]
    fn a_share_is_never_rounded_up_to_all() {
        assert_eq!(percent(99_999, 100_000), "99.99 %");
        assert_eq!(percent(7, 7), "100 %");
        assert_eq!(percent(0, 0), "-");
        assert_eq!(percent(1, 3), "33.33 %");
    }

    #[test]
    fn long_numbers_are_shortened_and_short_ones_kept() {
        let address = Address::repeat_byte(0xab);
        let slot = Location::slot(address, U256::from(7));
        assert_eq!(short_location(&slot), "0xABaBaB…ABaB[0x7]");
        let slot = Location::slot(address, U256::MAX);
        assert_eq!(short_location(&slot), "0xABaBaB…ABaB[0xffffff…ffff]");
    }

    #[test]
    fn numbers_in_labels_are_shortened() {
        let label = format!("mapping(slot 3)[{}] + 1", Address::repeat_byte(0xab));
        assert_eq!(short_label(&label), "mapping(slot 3)[0xABaBaB…ABaB] + 1");
        assert_eq!(short_label("EIP-1967 implementation"), "EIP-1967 implementation");
    }

    #[test]
    fn times_come_in_the_unit_that_suits_them() {
        assert_eq!(time(Duration::from_micros(999)), "999 µs");
        assert_eq!(time(Duration::from_micros(1_500)), "1.50 ms");
        assert_eq!(time(Duration::from_secs(2)), "2.00 s");
    }
}
