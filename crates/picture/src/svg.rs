//! The DAG drawn, as SVG ([W3C](https://www.w3.org/TR/SVG2/)) with its own style, which
//! follows the reader's choice of light or dark.

use crate::{
    Picture,
    layout::{Layout, NODE},
    words,
};
use core::fmt::Write;

/// The style of the drawing, alone and within the page.
pub(crate) const STYLE: &str = include_str!("picture.css");

/// Height of what stands above the drawing when it is alone, and of a line below it.
const LEGEND: f64 = 34.0;
const LINE: f64 = 17.0;
/// Where they begin, and about how wide a letter is.
const LEFT: f64 = 24.0;
const LETTER: f64 = 6.5;

/// The DAG as an SVG file, with all that explains it: what colours mean, who a transaction
/// is and what is behind a line (where the pointer rests), and the critical path in words.
pub fn svg(picture: &Picture) -> String {
    let layout = Layout::new(picture);
    let path = words::critical_path(picture);
    let below = if path.is_empty() { 0.0 } else { (path.len() + 2) as f64 * LINE };
    let mut out = head(picture, &layout, (LEGEND, below));
    let _ = writeln!(
        out,
        "<style>{STYLE}</style>\n<rect class=\"paper\" y=\"-{LEGEND:.0}\" width=\"100%\" height=\"100%\"/>"
    );
    legend(&mut out);
    parts(picture, &layout, true, &mut out);
    in_words(&path, layout.height, &mut out);
    out.push_str("</svg>\n");
    out
}

/// The drawing within a page, which explains it in its own ways.
pub(crate) fn drawing(picture: &Picture) -> String {
    let layout = Layout::new(picture);
    let mut out = head(picture, &layout, (0.0, 0.0));
    parts(picture, &layout, false, &mut out);
    out.push_str("</svg>\n");
    out
}

/// The opening tag, with so much room above and below the drawing.
fn head(picture: &Picture, layout: &Layout, (above, below): (f64, f64)) -> String {
    let (width, height) = (layout.width, layout.height + above + below);
    let above = if above == 0.0 { "0".to_owned() } else { format!("-{above:.0}") };
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"dag\" viewBox=\"0 {above} {width:.0} {height:.0}\" width=\"{width:.0}\" height=\"{height:.0}\" role=\"img\" aria-label=\"Dependencies of block {}\">\n",
        picture.block
    )
}

/// What is drawn, each part with its explanation if that is wanted.
fn parts(picture: &Picture, layout: &Layout, explained: bool, out: &mut String) {
    let mut critical = vec![false; picture.transactions.len()];
    picture.critical_path.iter().for_each(|tx| critical[*tx] = true);
    edges(picture, layout, explained, out);
    nodes(picture, layout, &critical, explained, out);
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
}

/// The critical path, a line for each step, from a height on.
fn in_words(path: &[String], top: f64, out: &mut String) {
    if path.is_empty() {
        return;
    }
    let title = "critical path: each transaction reads what the one before writes";
    let lines = path.iter().map(|line| ("path", line.as_str()));
    for (number, (class, line)) in [("title", title)].into_iter().chain(lines).enumerate() {
        let y = top + number as f64 * LINE;
        let line = words::escaped(line);
        let _ = writeln!(out, "<text class=\"{class}\" x=\"{LEFT:.0}\" y=\"{y:.0}\">{line}</text>");
    }
}

/// What the colours of lines and boxes mean.
fn legend(out: &mut String) {
    let entries = [
        ("storage", "storage"),
        ("balance", "balance"),
        ("nonce", "nonce"),
        ("code", "code"),
        ("order", "order of the block"),
        ("critical", "critical path"),
    ];
    let (mut x, y) = (LEFT, 18.0 - LEGEND);
    for (class, name) in entries {
        let _ = writeln!(
            out,
            "<path class=\"edge {class}\" d=\"M{x:.0} {y:.0}h22\"/><text x=\"{:.0}\" y=\"{:.0}\">{name}</text>",
            x + 28.0,
            y + 4.0,
        );
        x += 46.0 + LETTER * name.len() as f64;
    }
}

fn edges(picture: &Picture, layout: &Layout, explained: bool, out: &mut String) {
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
        let maybe = if possible { " possible" } else { "" };
        let _ = writeln!(
            out,
            "<path class=\"edge {}{critical}{maybe}\" data-e=\"{number}\" d=\"M{x1:.0} {y1:.0}C{:.0} {y1:.0} {:.0} {y2:.0} {x2:.0} {y2:.0}\"{}",
            picture.kind(edge),
            x1 + bend,
            x2 - bend,
            titled("path", explained.then(|| words::edge(picture, edge, possible))),
        );
    }
    out.push_str("</g>\n");
}

/// The end of an element, within it what explains it if there is such.
fn titled(element: &str, title: Option<String>) -> String {
    match title {
        Some(title) => format!("><title>{}</title></{element}>", words::escaped(&title)),
        None => "/>".to_owned(),
    }
}

fn nodes(picture: &Picture, layout: &Layout, critical: &[bool], explained: bool, out: &mut String) {
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
            "<g class=\"{class}\" data-i=\"{index}\" transform=\"translate({x:.0} {y:.0})\">{}<rect width=\"{}\" height=\"{}\" rx=\"4\"/><text x=\"6\" y=\"14\">{index}</text><text class=\"gas\" x=\"{}\" y=\"14\">{}</text></g>",
            match explained {
                true => format!(
                    "<title>{}</title>",
                    words::escaped(&words::transaction(picture, index))
                ),
                false => String::new(),
            },
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
