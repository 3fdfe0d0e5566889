//! Mermaid flow charts, <https://mermaid.js.org/syntax/flowchart.html>.

use super::View;
use crate::DependencyDag;

/// The DAG as a Mermaid flow chart, a layer per subgraph.
pub fn mermaid(dag: &DependencyDag, view: &View<'_>) -> String {
    let mut lines = vec!["flowchart TD".to_owned()];
    let layers = view.layers(dag);
    for (depth, layer) in layers.iter().enumerate().filter(|(_, layer)| !layer.is_empty()) {
        lines.push(format!("  subgraph layer{depth} [\"layer {depth}\"]"));
        lines.extend(layer.iter().map(|tx| format!("    t{tx}[{}]", quoted(&view.node(dag, *tx)))));
        lines.push("  end".to_owned());
    }
    lines.extend(view.edges(dag).map(|edge| match &view.edge(&edge)[..] {
        [] => format!("  t{} -.-> t{}", edge.from, edge.to),
        label => format!("  t{} -->|{}| t{}", edge.from, quoted(label), edge.to),
    }));
    lines.extend(view.possible_edges().map(|edge| {
        let label = [vec!["possibly".to_owned()], view.edge(edge)].concat();
        format!("  t{} -.->|{}| t{}", edge.from, quoted(&label), edge.to)
    }));
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
