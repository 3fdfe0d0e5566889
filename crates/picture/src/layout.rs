//! Where each transaction stands.
//!
//! A group of transactions that depend on each other is drawn layer by layer from left
//! to right; within a layer the order that leaves few crossings is sought by
//! barycentres (K. Sugiyama, S. Tagawa, M. Toda, 1981). Groups are put on shelves, the
//! tallest first. What depends on nothing and has nothing depend on it fills a grid
//! below.

use crate::{Edge, Picture};

/// Width and height of a transaction.
pub(crate) const NODE: (f64, f64) = (92.0, 20.0);
/// From one layer to the next, and from one transaction of a layer to the next.
const STEP: (f64, f64) = (150.0, 26.0);
/// From one transaction to the next in the grid of independent ones.
const GRID: (f64, f64) = (100.0, 26.0);
/// Free space around a group.
const GAP: f64 = 24.0;
/// Space above the grid for its title.
const TITLE: f64 = 28.0;
/// The least width of a picture.
const WIDTH_MIN: f64 = 640.0;
/// How much wider than high a picture should be.
const ASPECT: f64 = 1.6;
/// How often the order within layers is improved, each way.
const SWEEPS: usize = 4;

/// Where each transaction stands, and how large the whole is.
#[derive(Debug, PartialEq)]
pub(crate) struct Layout {
    /// Upper left corners, in block order.
    pub(crate) places: Vec<(f64, f64)>,
    pub(crate) width: f64,
    pub(crate) height: f64,
    /// Transactions that stand in the grid, and where its title is.
    pub(crate) independent: usize,
    pub(crate) title: (f64, f64),
}

/// One group: its transactions by layer, in order.
struct Group {
    columns: Vec<Vec<usize>>,
}

impl Group {
    fn size(&self) -> (f64, f64) {
        let highest = self.columns.iter().map(Vec::len).max().unwrap_or(0);
        let steps = self.columns.len().saturating_sub(1) as f64;
        (steps * STEP.0 + NODE.0, highest as f64 * STEP.1)
    }
}

impl Layout {
    pub(crate) fn new(picture: &Picture) -> Self {
        let transactions = picture.transactions.len();
        let mut groups: Vec<_> = picture
            .groups
            .iter()
            .filter(|members| members.len() > 1)
            .map(|members| group(picture, members))
            .collect();
        groups.sort_by(|a, b| b.size().1.total_cmp(&a.size().1));
        let area: f64 = groups.iter().map(Group::size).map(|(w, h)| (w + GAP) * (h + GAP)).sum();
        let widest = groups.iter().map(|group| group.size().0).fold(0.0, f64::max);
        let width = (area * ASPECT).sqrt().max(widest).max(WIDTH_MIN);

        let mut places = vec![(0.0, 0.0); transactions];
        let (mut x, mut y, mut shelf) = (GAP, GAP, 0.0f64);
        for group in &groups {
            let (group_width, height) = group.size();
            if x > GAP && x + group_width > GAP + width {
                (x, y, shelf) = (GAP, y + shelf + GAP, 0.0);
            }
            for (column, members) in group.columns.iter().enumerate() {
                let free = height - members.len() as f64 * STEP.1;
                for (row, tx) in members.iter().enumerate() {
                    let top = y + free / 2.0 + row as f64 * STEP.1;
                    places[*tx] = (x + column as f64 * STEP.0, top);
                }
            }
            x += group_width + 2.0 * GAP;
            shelf = shelf.max(height);
        }
        let title = (GAP, if groups.is_empty() { GAP } else { y + shelf + GAP });
        let alone = picture.groups.iter().filter(|members| members.len() == 1).flatten();
        let per_row = (width / GRID.0).floor().max(1.0) as usize;
        let mut independent = 0usize;
        for (position, tx) in alone.enumerate() {
            let (column, row) = (position % per_row, position / per_row);
            places[*tx] = (GAP + column as f64 * GRID.0, title.1 + TITLE + row as f64 * GRID.1);
            independent += 1;
        }
        let rows = independent.div_ceil(per_row) as f64;
        let grid = if independent == 0 { 0.0 } else { TITLE + rows * GRID.1 };
        Self { places, width: width + 2.0 * GAP, height: title.1 + grid + GAP, independent, title }
    }
}

/// Brings a group's transactions into layers and an order.
fn group(picture: &Picture, members: &[usize]) -> Group {
    let mut inside = vec![false; picture.transactions.len()];
    members.iter().for_each(|tx| inside[*tx] = true);
    let in_group = |layer: &Vec<usize>| -> Vec<usize> {
        layer.iter().copied().filter(|tx| inside[*tx]).collect()
    };
    let mut columns: Vec<_> = picture.layers.iter().map(in_group).collect();
    while columns.last().is_some_and(Vec::is_empty) {
        columns.pop();
    }
    let edges: Vec<_> = picture.edges.iter().filter(|edge| inside[edge.to]).collect();
    let mut neighbours = vec![(Vec::new(), Vec::new()); picture.transactions.len()];
    for Edge { from, to, .. } in edges {
        neighbours[*to].0.push(*from);
        neighbours[*from].1.push(*to);
    }
    let mut rank = vec![0.0; picture.transactions.len()];
    let note = |column: &[usize], rank: &mut [f64]| {
        // Centred, as the column is drawn.
        let middle = column.len() as f64 / 2.0;
        column.iter().enumerate().for_each(|(row, tx)| rank[*tx] = row as f64 - middle);
    };
    columns.iter().for_each(|column| note(column, &mut rank));
    let mut improve = |column: &mut Vec<usize>, before: bool| {
        let key = |tx: &usize| {
            let (predecessors, successors) = &neighbours[*tx];
            let list = if before { predecessors } else { successors };
            match list.len() {
                0 => rank[*tx],
                length => list.iter().map(|other| rank[*other]).sum::<f64>() / length as f64,
            }
        };
        column.sort_by(|a, b| key(a).total_cmp(&key(b)).then(a.cmp(b)));
        note(column, &mut rank);
    };
    for _ in 0..SWEEPS {
        columns.iter_mut().for_each(|column| improve(column, true));
        columns.iter_mut().rev().for_each(|column| improve(column, false));
    }
    Group { columns }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Transaction;

    fn picture(
        transactions: usize,
        edges: &[(usize, usize)],
        layers: &[&[usize]],
        groups: &[&[usize]],
    ) -> Picture {
        let own = |lists: &[&[usize]]| lists.iter().map(|list| list.to_vec()).collect();
        Picture {
            transactions: vec![Transaction::default(); transactions],
            edges: edges
                .iter()
                .map(|(from, to)| Edge { from: *from, to: *to, locations: vec![] })
                .collect(),
            layers: own(layers),
            groups: own(groups),
            ..Picture::default()
        }
    }

    #[test]
    fn layers_go_right_and_nothing_overlaps() {
        let layout = Layout::new(&picture(
            7,
            &[(0, 2), (1, 3), (2, 4)],
            &[&[0, 1, 5, 6], &[2, 3], &[4]],
            &[&[0, 2, 4], &[1, 3], &[5], &[6]],
        ));
        let x = |tx: usize| layout.places[tx].0;
        assert!(x(0) < x(2) && x(2) < x(4) && x(1) < x(3));
        assert_eq!(layout.independent, 2);
        for (one, a) in layout.places.iter().enumerate() {
            assert!(a.0 + NODE.0 <= layout.width && a.1 + NODE.1 <= layout.height);
            for b in &layout.places[..one] {
                assert!((a.0 - b.0).abs() >= NODE.0 || (a.1 - b.1).abs() >= NODE.1);
            }
        }
    }

    #[test]
    fn crossings_are_undone() {
        // 0 -> 3 and 1 -> 2 cross in block order.
        let layout = Layout::new(&picture(
            5,
            &[(0, 3), (1, 2), (2, 4), (3, 4)],
            &[&[0, 1], &[2, 3], &[4]],
            &[&[0, 1, 2, 3, 4]],
        ));
        let y = |tx: usize| layout.places[tx].1;
        assert_eq!(y(0) < y(1), y(3) < y(2));
    }

    #[test]
    fn an_empty_block_has_a_size() {
        let layout = Layout::new(&Picture::default());
        assert!(layout.width > 0.0 && layout.height > 0.0);
    }
}
