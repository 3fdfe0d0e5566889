//! Mermaid flow charts, <https://mermaid.js.org/syntax/flowchart.html>.

use super::{MARK, View, below, title};
use crate::DependencyDag;
use foresee_access::TxIndex;
use std::collections::BTreeSet;

/// The DAG as a Mermaid flow chart, a layer per subgraph.
pub fn mermaid(dag: &DependencyDag, view: &View<'_>) -> String {
    let mut lines = vec!["flowchart TD".to_owned()];
    let (alone, critical) = (view.alone(dag), View::critical(dag));
    let node = |tx: &TxIndex| format!("    t{tx}[{}]", quoted(&view.node(dag, *tx)));
    let layers = view.layers(dag, &alone);
    for (depth, layer) in layers.iter().enumerate().filter(|(_, layer)| !layer.is_empty()) {
        lines.push(format!("  subgraph layer{depth} [\"layer {depth}\"]"));
        lines.extend(layer.iter().map(node));
        lines.push("  end".to_owned());
    }
    // Links are styled by their number.
    let mut marked = Vec::new();
    lines.extend(view.edges(dag).enumerate().map(|(number, edge)| {
        if critical.contains(&(edge.from, edge.to)) {
            marked.push(number.to_string());
        }
        match &view.edge(&edge)[..] {
            [] => format!("  t{} -.-> t{}", edge.from, edge.to),
            label => format!("  t{} -->|{}| t{}", edge.from, quoted(label), edge.to),
        }
    }));
    lines.extend(view.possible_edges().map(|edge| {
        let label = [vec!["possibly".to_owned()], view.edge(edge)].concat();
        format!("  t{} -.->|{}| t{}", edge.from, quoted(&label), edge.to)
    }));
    if !alone.is_empty() {
        lines.push(format!("  subgraph alone [{}]", quoted(&[title(&alone)])));
        lines.extend(alone.iter().map(node));
        lines.extend(below(&alone).map(|(one, next)| format!("    t{one} ~~~ t{next}")));
        lines.push("  end".to_owned());
    }
    if !marked.is_empty() {
        lines.push(format!("  linkStyle {} stroke:{MARK},stroke-width:3px", marked.join(",")));
    }
    let path: BTreeSet<_> = critical.iter().flat_map(|(from, to)| [*from, *to]).collect();
    let shown = path.iter().filter(|tx| (view.shown)(**tx));
    lines.extend(shown.map(|tx| format!("  style t{tx} stroke:{MARK},stroke-width:3px")));
    lines.join("\n") + "\n"
}

/// A quoted string of several lines. Mermaid has no escape sequences but entities,
/// which it writes with `#`; that, quotes and angle brackets must not stand bare.
fn quoted(lines: &[String]) -> String {
    let escape = |c| match c {
        '"' => "#quot;".to_owned(),
        '#' => "#35;".to_owned(),
        '<' => "#lt;".to_owned(),
        '>' => "#gt;".to_owned(),
        '&' => "#amp;".to_owned(),
        '\n' => " ".to_owned(),
        c => c.to_string(),
    };
    let escaped: Vec<String> = lines.iter().map(|l| l.chars().map(escape).collect()).collect();
    format!("\"{}\"", escaped.join("<br>"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_and_markup_cannot_leave_a_label() {
        let lines = ["a\"b<i>".to_owned(), "c\n#d".to_owned()];
        assert_eq!(quoted(&lines), r#""a#quot;b#lt;i#gt;<br>c #35;d""#);
    }
}
