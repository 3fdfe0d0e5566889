//! Building a DAG and its schedule: on the critical path of every block.

use alloy_primitives::{Address, U256, keccak256};
use criterion::{Criterion, criterion_group, criterion_main};
use foresee_access::{AccessSet, Footprint, Location};
use foresee_benches as _;
use foresee_schedule::{Additions, DependencyDag, Node, Prepared, Schedule};
use std::hint::black_box;

/// Transactions of 30 locations each: of 24 slots 9 are written, one of them and
/// four of those only read belong to something hot.
fn block(transactions: u64) -> Vec<AccessSet> {
    let slot = |seed: u64| {
        let address = Address::from_word(keccak256((seed % 40).to_be_bytes()));
        Location::slot(address, U256::from_be_bytes(keccak256(seed.to_be_bytes()).0))
    };
    let account = |seed: u64| Address::from_word(keccak256(seed.to_be_bytes()));
    let set = |tx: u64| {
        let own = (0..19).map(|n| slot(1_000 + 100 * tx + n));
        let hot: Vec<_> = (0..5).map(|n| slot((3 * tx + n) % 100)).collect();
        let sender = account(1_000_000 + tx % 150);
        let settled = [Location::nonce(sender), Location::balance(sender)];
        let code = (0..4).map(|n| Location::code(account((tx + n) % 40)));
        let reads = own.clone().chain(hot.clone()).chain(settled).chain(code);
        let writes = own.take(8).chain(hot.into_iter().take(1)).chain(settled);
        AccessSet::new(reads, writes, settled)
    };
    (0..transactions).map(set).collect()
}

/// Plain payments between different people.
fn payments(transactions: u64) -> Vec<AccessSet> {
    let account = |seed: u64| Address::from_word(keccak256(seed.to_be_bytes()));
    let set = |tx: u64| {
        let [from, to] = [2 * tx, 2 * tx + 1].map(account);
        let sender = [Location::balance(from), Location::nonce(from)];
        let reads = [sender[0], sender[1], Location::code(from), Location::code(to)];
        let writes = [sender[0], sender[1], Location::balance(to)];
        AccessSet::new(reads, writes, writes)
    };
    (0..transactions).map(set).collect()
}

fn build(criterion: &mut Criterion) {
    let blocks = [
        ("mix of 200", block(200)),
        ("mix of 1400", block(1_400)),
        ("700 payments", payments(700)),
    ];
    for (name, block) in blocks {
        let nodes: Vec<_> =
            block.iter().map(|access| Node { access, gas: 100_000, in_order: false }).collect();
        let mut group = criterion.benchmark_group(format!("schedule/{name}"));
        group.bench_function("dag", |b| b.iter(|| DependencyDag::build(black_box(&nodes))));
        group.bench_function("dag and schedule", |b| {
            b.iter(|| Schedule::from_dag(&DependencyDag::build(black_box(&nodes))))
        });
        let footprints: Vec<_> = block.iter().map(Footprint::new).collect();
        let prepared = nodes.iter().zip(&footprints).map(|(node, footprint)| Prepared {
            access: node.access,
            footprint,
            gas: node.gas,
            in_order: node.in_order,
            may_write_all: false,
        });
        let prepared: Vec<_> = prepared.collect();
        group.bench_function("schedule alone", |b| {
            b.iter(|| Schedule::build(black_box(&prepared), Additions::Ordered))
        });
        let dag = DependencyDag::build(&nodes);
        group.bench_function("structure", |b| b.iter(|| black_box(&dag).structure()));
    }
}

criterion_group!(benches, build);
criterion_main!(benches);
