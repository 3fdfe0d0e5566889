//! Graphviz DOT, <https://graphviz.org/doc/info/lang.html>.

use super::{MARK, View, below, title};
use crate::DependencyDag;
use foresee_access::TxIndex;
use std::collections::BTreeSet;

/// The DAG in Graphviz's language, a layer per rank.
pub fn dot(dag: &DependencyDag, view: &View<'_>) -> String {
    let mut lines = vec!["digraph block {".to_owned(), "  node [shape=box];".to_owned()];
    let (alone, critical) = (view.alone(dag), View::critical(dag));
    let marked: BTreeSet<_> = critical.iter().flat_map(|(from, to)| [*from, *to]).collect();
    let mark = format!("color=\"{MARK}\", penwidth=2");
    let node = |tx: &TxIndex| {
        let label = quoted(&view.node(dag, *tx));
        let mark = if marked.contains(tx) { format!(", {mark}") } else { String::new() };
        format!("    t{tx} [label={label}{mark}];")
    };
    for layer in view.layers(dag, &alone).iter().filter(|layer| !layer.is_empty()) {
        lines.extend(["  {".to_owned(), "    rank=same;".to_owned()]);
        lines.extend(layer.iter().map(node));
        lines.push("  }".to_owned());
    }
    if !alone.is_empty() {
        lines.push("  subgraph cluster_alone {".to_owned());
        lines.push(format!("    label={};", quoted(&[title(&alone)])));
        lines.extend(alone.iter().map(node));
        lines.extend(
            below(&alone).map(|(one, next)| format!("    t{one} -> t{next} [style=invis];")),
        );
        lines.push("  }".to_owned());
    }
    lines.extend(view.edges(dag).map(|edge| {
        let label = match &view.edge(&edge)[..] {
            [] => "style=dashed".to_owned(),
            label => format!("label={}", quoted(label)),
        };
        let is_critical = critical.contains(&(edge.from, edge.to));
        let mark = if is_critical { format!(", {mark}") } else { String::new() };
        format!("  t{} -> t{} [{label}{mark}];", edge.from, edge.to)
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
