//! What holds for the DAG and the schedule of any block, checked on random ones.
//! A failing case prints the seed that reproduces it.

use alloy_primitives::{Address, U256};
use foresee_access::{AccessSet, Field, Footprint, Location, Touch, TxIndex};
use foresee_schedule::{
    Additions, CORES, DependencyDag, Edge, Node, Prepared, REASONS_MAX, Schedule,
};
use proptest::{collection::vec, prelude::*, sample::subsequence};
use std::collections::BTreeMap;

#[derive(Clone, Debug)]
struct Transaction {
    access: AccessSet,
    gas: u64,
    in_order: bool,
}

/// A block over few locations, so that its transactions meet.
fn block() -> impl Strategy<Value = Vec<Transaction>> {
    let locations: Vec<_> = (0..3)
        .map(Address::with_last_byte)
        .flat_map(|a| [Location::balance(a), Location::code(a), Location::slot(a, U256::ZERO)])
        .collect();
    let some = || subsequence(locations.clone(), 0..=3);
    let transaction = (some(), some(), some(), 0..50u64, prop::bool::weighted(0.05)).prop_map(
        |(reads, writes, commutative, gas, in_order)| {
            let access = AccessSet::new(reads, writes, commutative);
            Transaction { access, gas, in_order }
        },
    );
    vec(transaction, 0..40)
}

fn nodes(block: &[Transaction]) -> Vec<Node<'_>> {
    block.iter().map(|tx| Node { access: &tx.access, gas: tx.gas, in_order: tx.in_order }).collect()
}

fn dag(block: &[Transaction]) -> DependencyDag {
    DependencyDag::build(&nodes(block))
}

/// The rule of the crate's documentation, word by word and without any table.
fn edges_by_definition(block: &[Transaction]) -> Vec<Edge> {
    let mut edges = BTreeMap::<_, Vec<Location>>::new();
    for (j, reader) in block.iter().enumerate() {
        for location in &reader.access.reads().collect::<Vec<_>>() {
            let commutes = reader.access.is_commutative(location);
            if commutes && !location.is_slot() {
                continue;
            }
            for (i, writer) in block[..j].iter().enumerate().rev() {
                if !writer.access.touch(location).has(Touch::WRITE) {
                    continue;
                }
                let overwrites = !writer.access.is_commutative(location);
                if overwrites || !commutes {
                    edges.entry((j, i)).or_default().push(*location);
                }
                if overwrites {
                    break;
                }
            }
        }
    }
    edges
        .into_iter()
        .map(|((j, i), locations)| Edge { from: TxIndex::new(i), to: TxIndex::new(j), locations })
        .collect()
}

proptest! {
    #[test]
    fn edges_are_those_of_the_definition(block in block()) {
        let dag = dag(&block);
        let read_after_write = dag.edges().filter(|edge| !edge.locations.is_empty());
        prop_assert_eq!(read_after_write.collect::<Vec<_>>(), edges_by_definition(&block));
        prop_assert!(dag.pairs().is_sorted_by_key(|(from, to)| (to, from)));
        prop_assert!(dag.pairs().all(|(from, to)| from < to));
    }

    #[test]
    fn additions_that_are_not_waited_for_are_claimed(block in block()) {
        let dag = dag(&block);
        let schedule = Schedule::from_dag(&dag);
        for (j, tx) in block.iter().enumerate() {
            let unordered = |slot: &Location| {
                let mut earlier = block[..j].iter().rev().map(|it| &it.access);
                let last = earlier.find(|it| it.touch(slot).has(Touch::WRITE));
                slot.is_slot() && last.is_some_and(|it| it.is_commutative(slot))
            };
            let reads = tx.access.reads().filter(|it| tx.access.is_commutative(it));
            let claims: Vec<_> = reads.filter(unordered).collect();
            prop_assert_eq!(schedule.commutative(TxIndex::new(j)), claims);
        }
    }

    #[test]
    fn every_dependency_is_covered(block in block()) {
        let dag = dag(&block);
        for edge in edges_by_definition(&block) {
            prop_assert!(dag.reaches(edge.from, edge.to));
            prop_assert!(!dag.reaches(edge.to, edge.from));
        }
    }

    #[test]
    fn in_order_transactions_follow_all_earlier_ones(block in block()) {
        let dag = dag(&block);
        for (j, _) in block.iter().enumerate().filter(|(_, tx)| tx.in_order) {
            for i in 0..j {
                prop_assert!(dag.reaches(TxIndex::new(i), TxIndex::new(j)), "{} -> {}", i, j);
            }
        }
        let order_only = dag.edges().filter(|edge| edge.locations.is_empty());
        // Each transaction is the unfollowed end of at most one order.
        prop_assert!(order_only.count() <= block.len());
    }

    #[test]
    fn layers_and_groups_partition_the_block_and_respect_edges(block in block()) {
        let dag = dag(&block);
        let mut layer_of = vec![usize::MAX; block.len()];
        let mut group_of = layer_of.clone();
        for (of, parts) in [(&mut layer_of, dag.layers()), (&mut group_of, dag.groups())] {
            for (number, part) in parts.iter().enumerate() {
                prop_assert!(!part.is_empty() && part.is_sorted());
                for tx in part {
                    prop_assert_eq!(of[tx.position()], usize::MAX);
                    of[tx.position()] = number;
                }
            }
            prop_assert!(!of.contains(&usize::MAX));
        }
        let mut least = vec![0; block.len()];
        for (from, to) in dag.pairs() {
            let [from, to] = [from, to].map(TxIndex::position);
            prop_assert_eq!(group_of[from], group_of[to]);
            least[to] = least[to].max(layer_of[from] + 1);
        }
        // Not only later than every predecessor, but in the first layer that is.
        prop_assert_eq!(layer_of, least);
    }

    #[test]
    fn the_critical_path_is_a_path_and_none_is_heavier(block in block()) {
        let dag = dag(&block);
        let path = dag.critical_path();
        let gas: u64 = path.transactions.iter().map(|tx| dag.transaction(*tx).gas).sum();
        prop_assert_eq!(gas, path.gas);
        for step in path.transactions.windows(2) {
            prop_assert!(dag.successors(step[0]).any(|tx| tx == step[1]));
        }
        let mut heaviest = dag.gas();
        for (from, to) in dag.pairs() {
            let through = heaviest[from.position()] + dag.transaction(to).gas;
            heaviest[to.position()] = heaviest[to.position()].max(through);
        }
        prop_assert_eq!(path.gas, heaviest.into_iter().max().unwrap_or(0));
    }

    #[test]
    fn makespans_keep_grahams_bounds(block in block(), cores in 1..20usize) {
        let dag = dag(&block);
        let (makespan, critical, total) =
            (dag.makespan(cores), dag.critical_path().gas, dag.total_gas());
        let cores = cores as u64;
        prop_assert!(makespan >= critical && makespan * cores >= total);
        prop_assert!(makespan * cores <= total + critical * (cores - 1));
        prop_assert_eq!(dag.makespan(1), total);
        prop_assert_eq!(dag.makespan(block.len()), critical);
    }

    #[test]
    fn more_cores_are_never_reported_as_slower(block in block()) {
        let dag = dag(&block);
        let speedups = dag.speedups();
        prop_assert!(speedups.is_sorted_by(|a, b| a.1 <= b.1));
        prop_assert_eq!(speedups.map(|(cores, _)| cores), CORES);
        for (cores, speedup) in speedups {
            prop_assert_eq!(dag.speedup(cores), speedup);
        }
    }

    #[test]
    fn a_schedule_is_its_dag(block in block()) {
        let dag = dag(&block);
        let schedule = Schedule::from_dag(&dag);
        prop_assert_eq!(schedule.len(), block.len());
        prop_assert_eq!(schedule.layers(), dag.layers());
        let mut pairs: Vec<_> = dag.pairs().collect();
        pairs.sort_unstable();
        let txs = || (0..block.len()).map(TxIndex::new);
        let successors = txs().flat_map(|tx| schedule.successors(tx).iter().map(move |to| (tx, *to)));
        prop_assert_eq!(successors.collect::<Vec<_>>(), pairs.clone());
        for tx in txs() {
            let into = pairs.iter().filter(|(_, to)| *to == tx).count();
            prop_assert_eq!(schedule.predecessor_count(tx) as usize, into);
            prop_assert_eq!(schedule.in_order(tx), block[tx.position()].in_order);
            let next = schedule.successors(tx).iter().map(|to| schedule.priority(*to)).max();
            let priority = block[tx.position()].gas + next.unwrap_or(0);
            prop_assert_eq!(schedule.priority(tx), priority);
        }
        if block.iter().all(|tx| !tx.in_order) {
            let edges = Schedule::from_edges(block.len(), pairs, &dag.gas());
            prop_assert_eq!(edges.claiming(dag.unordered().iter().copied()), schedule);
        }
    }

    #[test]
    fn a_schedule_by_fingerprints_is_that_of_the_dag(
        block in block(),
        may_write_all in vec(any::<bool>(), 40),
    ) {
        // Heavy enough to be started early.
        let block: Vec<_> =
            block.into_iter().map(|tx| Transaction { gas: tx.gas * 10_000, ..tx }).collect();
        let footprints: Vec<_> = block.iter().map(|tx| Footprint::new(&tx.access)).collect();
        let prepared = block.iter().zip(&footprints).zip(&may_write_all);
        let prepared: Vec<_> = prepared.map(|((tx, footprint), may_write_all)| Prepared {
            access: &tx.access,
            footprint,
            gas: tx.gas,
            in_order: tx.in_order,
            may_write_all: *may_write_all,
        }).collect();
        let writing: Vec<_> = block.iter().zip(&may_write_all).map(|(tx, may_write_all)| {
            let touches = tx.access.touches().map(|(location, touch)| {
                let is_code = location.field == Field::Code;
                let writes = *may_write_all && touch.has(Touch::READ) && !is_code;
                (location, touch.and(Touch::WRITE.only_if(writes)))
            });
            Transaction { access: touches.collect(), ..tx.clone() }
        }).collect();
        for additions in [Additions::Free, Additions::Ordered] {
            let dag = DependencyDag::build_with(&nodes(&writing), additions);
            let expected = Schedule::from_dag(&dag);
            prop_assert_eq!(Schedule::build(&prepared, additions), expected.clone());
            prop_assert_eq!(Schedule::of(&nodes(&writing), additions), expected);
        }
    }

    #[test]
    fn gas_of_any_size_is_no_fault(gas in vec(any::<u64>(), 0..8), cores in 0..5usize) {
        let slot = Location::slot(Address::ZERO, U256::ZERO);
        let access = AccessSet::new([slot], [slot], []);
        let nodes: Vec<_> =
            gas.iter().map(|gas| Node { access: &access, gas: *gas, in_order: false }).collect();
        let dag = DependencyDag::build(&nodes);
        let total = gas.iter().fold(0u64, |sum, gas| sum.saturating_add(*gas));
        prop_assert_eq!(dag.makespan(cores), total);
        prop_assert_eq!(dag.critical_path().gas, total);
    }
}

/// A quarter of the square of the transactions would be edges, which a forged record has
/// room for in a few bytes each.
#[test]
fn more_edges_than_can_be_kept_become_an_order() {
    const ADDING: usize = 2_000;
    let balance = Location::balance(Address::with_last_byte(1));
    let adds = AccessSet::new([], [balance], [balance]);
    let reads = AccessSet::new([balance], [], []);
    let node = |access| Node { access, gas: 1, in_order: false };
    let nodes = [vec![node(&adds); ADDING], vec![node(&reads); ADDING]].concat();
    let dag = DependencyDag::build(&nodes);
    assert!(dag.graph().edge_count() <= REASONS_MAX + nodes.len());
    let tx = TxIndex::new;
    let kept = REASONS_MAX / ADDING;
    assert!(!dag.transaction(tx(ADDING + kept - 1)).in_order);
    for late in ADDING + kept..nodes.len() {
        assert!(dag.transaction(tx(late)).in_order);
    }
    let last = tx(nodes.len() - 1);
    for adding in [0, 1, ADDING / 2, ADDING - 1] {
        assert!(dag.reaches(tx(adding), last));
    }
    // Whoever is ordered is ordered after all, by way of some.
    assert_eq!(dag.layers().len(), 2 + ADDING - kept);
}
