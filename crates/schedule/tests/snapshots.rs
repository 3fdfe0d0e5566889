//! Small blocks, as they are printed.

use alloy_primitives::{Address, U256};
use foresee_access::{AccessSet, Location, TxIndex};
use foresee_schedule::{DependencyDag, Edge, Node, View, dot, mermaid};

fn slot(n: u64) -> Location {
    Location::slot(Address::with_last_byte(0xcc), U256::from(n))
}

fn balance(n: u8) -> Location {
    Location::balance(Address::with_last_byte(n))
}

/// Reads, writes and commutative locations of a transaction, and its gas.
type Sketch<'a> = (&'a [Location], &'a [Location], &'a [Location], u64);

fn dag(sketches: &[Sketch<'_>], in_order: &[usize]) -> DependencyDag {
    let sets: Vec<_> = sketches
        .iter()
        .map(|&(reads, writes, commutative, _)| {
            let [reads, writes, commutative] = [reads, writes, commutative].map(<[_]>::to_vec);
            AccessSet::new(reads, writes, commutative)
        })
        .collect();
    let nodes: Vec<_> = sets
        .iter()
        .zip(sketches)
        .enumerate()
        .map(|(position, (access, (.., gas)))| Node {
            access,
            gas: *gas,
            in_order: in_order.contains(&position),
        })
        .collect();
    DependencyDag::build(&nodes)
}

fn check(name: &str, dag: &DependencyDag) {
    let view = View {
        shown: &|_| true,
        transaction: &|tx| (tx == TxIndex(0)).then(|| "the \"first\"".to_owned()),
        location: &|location| (*location == slot(1)).then(|| "mapping(slot 0)[caller]".to_owned()),
        possible: &[],
    };
    insta::assert_json_snapshot!(format!("{name}_json"), dag.structure());
    insta::assert_snapshot!(format!("{name}_dot"), dot(dag, &view));
    insta::assert_snapshot!(format!("{name}_mermaid"), mermaid(dag, &view));
}

#[test]
fn an_empty_block() {
    check("empty", &dag(&[], &[]));
}

/// A swap (0) moves two slots of a pair; two more swaps follow it, while a payment
/// (2) has nothing to do with them.
#[test]
fn a_chain_and_a_bystander() {
    let pair: &[Location] = &[slot(1), slot(2)];
    let payment: Sketch<'_> =
        (&[balance(1)], &[balance(1), balance(2)], &[balance(1), balance(2)], 21_000);
    let swap: Sketch<'_> = (pair, pair, &[], 110_000);
    check("chain", &dag(&[swap, swap, payment, swap], &[]));
}

/// Payments to one account wait for nothing; who looks at its balance waits for
/// all of them, and a payment after that for nothing again.
#[test]
fn credits_commute_until_someone_looks() {
    let credit: Sketch<'_> = (&[], &[balance(9)], &[balance(9)], 21_000);
    let look: Sketch<'_> = (&[balance(9)], &[slot(5)], &[], 30_000);
    check("credits", &dag(&[credit, credit, look, credit], &[]));
}

/// Who adds to a slot waits for whoever overwrote it, not for others that add.
#[test]
fn additions_to_a_slot_follow_the_overwrite() {
    let slots: &[Location] = &[slot(1)];
    let add: Sketch<'_> = (slots, slots, slots, 50_000);
    let set: Sketch<'_> = (slots, slots, &[], 40_000);
    let dag = dag(&[add, add, set, add, add, set], &[]);
    let pairs: Vec<_> = dag.pairs().map(|(from, to)| (from.0, to.0)).collect();
    assert_eq!(pairs, [(0, 2), (1, 2), (2, 3), (2, 4), (2, 5), (3, 5), (4, 5)]);
    assert_eq!(dag.unordered(), [1, 4].map(|tx| (TxIndex(tx), slot(1))));
}

/// The third transaction is unknown: it comes after all earlier ones, of which 0
/// is reached through 1.
#[test]
fn an_unknown_transaction_waits_for_all() {
    let write: Sketch<'_> = (&[slot(1)], &[slot(1)], &[], 50_000);
    let other: Sketch<'_> = (&[slot(2)], &[slot(2)], &[], 40_000);
    let unknown: Sketch<'_> = (&[], &[], &[], 60_000);
    check("unknown", &dag(&[write, write, other, unknown, other], &[3]));
}

/// Only what is shown is drawn; layers keep their numbers.
#[test]
fn a_part_of_a_block() {
    let slots: &[Location] = &[slot(1)];
    let write: Sketch<'_> = (slots, slots, &[], 50_000);
    let dag = dag(&[write; 4], &[]);
    let view = View { shown: &|tx| (1..=2).contains(&tx.0), ..View::PLAIN };
    insta::assert_snapshot!("part_dot", dot(&dag, &view));
    insta::assert_snapshot!("part_mermaid", mermaid(&dag, &view));
}

/// Many transactions without edges stand in several rows.
#[test]
fn those_alone_stand_in_rows() {
    let payment: Sketch<'_> = (&[], &[balance(9)], &[balance(9)], 21_000);
    let dag = dag(&[payment; 200], &[]);
    let text = dot(&dag, &View::PLAIN);
    assert_eq!(text.matches("[style=invis]").count(), 180);
    assert!(text.contains("    t0 -> t20 [style=invis];"));
    assert!(!text.contains("rank=same"));
    assert!(mermaid(&dag, &View::PLAIN).contains("    t179 ~~~ t199"));
}

/// What may happen is told apart from what does and from the order of the block.
#[test]
fn edges_that_nobody_is_sure_of() {
    let slots: &[Location] = &[slot(1)];
    let write: Sketch<'_> = (slots, slots, &[], 50_000);
    let unknown: Sketch<'_> = (&[], &[], &[], 60_000);
    let dag = dag(&[write, write, unknown, write], &[2]);
    let [from, to] = [TxIndex(0), TxIndex(2)];
    let possible = [
        Edge { from, to, locations: vec![slot(2), slot(3)] },
        Edge { from: to, to: TxIndex(3), locations: vec![balance(9)] },
    ];
    let view = View { possible: &possible, ..View::PLAIN };
    insta::assert_snapshot!("possible_dot", dot(&dag, &view));
    insta::assert_snapshot!("possible_mermaid", mermaid(&dag, &view));
    // Shown where both ends are.
    let view = View { shown: &|tx| tx != TxIndex(3), ..view };
    assert_eq!(dot(&dag, &view).matches("possibly").count(), 1);
}
