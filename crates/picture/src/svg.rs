//! The DAG drawn, as SVG ([W3C](https://www.w3.org/TR/SVG2/)) with its own style, which
//! follows the reader's choice of light or dark.

use crate::{
    Picture,
    layout::{Layout, NODE},
};
use core::fmt::Write;

/// The style of the drawing, alone and within the page.
pub(crate) const STYLE: &str = include_str!("picture.css");

/// The DAG as an SVG file.
pub fn svg(picture: &Picture) -> String {
    drawing(picture, true)
}

/// The drawing; alone with its style, within a page without.
pub(crate) fn drawing(picture: &Picture, alone: bool) -> String {
    let layout = Layout::new(picture);
    let (width, height) = (layout.width, layout.height);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"dag\" viewBox=\"0 0 {width:.0} {height:.0}\" width=\"{width:.0}\" height=\"{height:.0}\" role=\"img\" aria-label=\"Dependencies of block {}\">\n",
        picture.block
    );
    if alone {
        let _ = write!(
            out,
            "<style>{STYLE}</style>\n<rect class=\"paper\" width=\"100%\" height=\"100%\"/>\n"
        );
    }
    let mut critical = vec![false; picture.transactions.len()];
    picture.critical_path.iter().for_each(|tx| critical[*tx] = true);
    edges(picture, &layout, &mut out);
    nodes(picture, &layout, &critical, &mut out);
    if layout.independent > 0 {
        let (x, y) = layout.title;
        let count = layout.independent;
        let plural = if count == 1 { "" } else { "s" };
        let _ = writeln!(
            out,
            "<text class=\"title\" x=\"{x:.0}\" y=\"{:.0}\">{count} transaction{plural} that nothing waits for and that wait{} for nothing</text>",
            y + 14.0,
            if count == 1 { "s" } else { "" },
        );
    }
    out.push_str("</svg>\n");
    out
}

fn edges(picture: &Picture, layout: &Layout, out: &mut String) {
    let on_path =
        |from: usize, to: usize| picture.critical_path.windows(2).any(|pair| pair == [from, to]);
    out.push_str("<g class=\"edges\">\n");
    let possible = picture.possible.iter().map(|edge| (edge, true));
    let all = possible.chain(picture.edges.iter().map(|edge| (edge, false)));
    let count = picture.possible.len();
    for (drawn, (edge, possible)) in all.enumerate() {
        // Numbered from the first certain one on; possible ones, which lie below, behind them.
        let number = match possible {
            true => picture.edges.len() + drawn,
            false => drawn - count,
        };
        let (from, to) = (layout.places[edge.from], layout.places[edge.to]);
        let (x1, y1) = (from.0 + NODE.0, from.1 + NODE.1 / 2.0);
        let (x2, y2) = (to.0, to.1 + NODE.1 / 2.0);
        let bend = ((x2 - x1) / 2.0).max(20.0);
        let critical = if !possible && on_path(edge.from, edge.to) { " critical" } else { "" };
        let possible = if possible { " possible" } else { "" };
        let _ = writeln!(
            out,
            "<path class=\"edge {}{critical}{possible}\" data-e=\"{number}\" d=\"M{x1:.0} {y1:.0}C{:.0} {y1:.0} {:.0} {y2:.0} {x2:.0} {y2:.0}\"/>",
            picture.kind(edge),
            x1 + bend,
            x2 - bend,
        );
    }
    out.push_str("</g>\n");
}

fn nodes(picture: &Picture, layout: &Layout, critical: &[bool], out: &mut String) {
    out.push_str("<g class=\"nodes\">\n");
    for (index, tx) in picture.transactions.iter().enumerate() {
        let (x, y) = layout.places[index];
        let mut class = String::from("node");
        for (holds, name) in [
            (critical[index], " critical"),
            (!tx.unknown.is_empty(), " incomplete"),
            (picture.selected == Some(index), " selected"),
        ] {
            class += if holds { name } else { "" };
        }
        let _ = writeln!(
            out,
            "<g class=\"{class}\" data-i=\"{index}\" transform=\"translate({x:.0} {y:.0})\"><rect width=\"{}\" height=\"{}\" rx=\"4\"/><text x=\"6\" y=\"14\">{index}</text><text class=\"gas\" x=\"{}\" y=\"14\">{}</text></g>",
            NODE.0,
            NODE.1,
            NODE.0 - 6.0,
            short_gas(tx.gas),
        );
    }
    out.push_str("</g>\n");
}

/// Gas in three digits or so.
fn short_gas(gas: u64) -> String {
    match gas {
        ..1_000 => gas.to_string(),
        1_000..1_000_000 => format!("{}k", gas / 1_000),
        _ => format!("{:.1}M", gas as f64 / 1e6),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gas_is_short() {
        assert_eq!([999, 21_000, 1_250_000].map(short_gas), ["999", "21k", "1.2M"]);
    }
}
