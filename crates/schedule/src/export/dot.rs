//! Graphviz DOT, <https://graphviz.org/doc/info/lang.html>.

use super::View;
use crate::DependencyDag;

/// The DAG in Graphviz's language, a layer per rank.
pub fn dot(dag: &DependencyDag, view: &View<'_>) -> String {
    let mut lines = vec!["digraph block {".to_owned(), "  node [shape=box];".to_owned()];
    for layer in view.layers(dag).iter().filter(|layer| !layer.is_empty()) {
        lines.push("  {".to_owned());
        lines.push("    rank=same;".to_owned());
        lines.extend(
            layer.iter().map(|tx| format!("    t{tx} [label={}];", quoted(&view.node(dag, *tx)))),
        );
        lines.push("  }".to_owned());
    }
    lines.extend(view.edges(dag).map(|edge| {
        let label = match &view.edge(&edge)[..] {
            [] => " [style=dashed]".to_owned(),
            label => format!(" [label={}]", quoted(label)),
        };
        format!("  t{} -> t{}{label};", edge.from, edge.to)
    }));
    lines.extend(view.possible_edges().map(|edge| {
        let label = quoted(&[vec!["possibly".to_owned()], view.edge(edge)].concat());
        let style = "style=dashed, color=gray, fontcolor=gray, constraint=false";
        format!("  t{} -> t{} [label={label}, {style}];", edge.from, edge.to)
    }));
    lines.push("}\n".to_owned());
    lines.join("\n")
}

/// A quoted string of several lines.
fn quoted(lines: &[String]) -> String {
    let escaped: Vec<_> = lines
        .iter()
        .map(|line| line.replace('\\', r"\\").replace('"', r#"\""#).replace('\n', " "))
        .collect();
    format!("\"{}\"", escaped.join(r"\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_and_line_ends_cannot_leave_a_label() {
        assert_eq!(quoted(&["a\"b\\".to_owned(), "c\nd".to_owned()]), r#""a\"b\\\nc d""#);
    }
}
