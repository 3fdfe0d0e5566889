//! A schedule, made without a DAG from what was prepared for it.

use crate::{
    Additions, Node, Schedule,
    early::{EARLY_GAS_MIN, Early},
    walk::Walk,
};
use foresee_access::{AccessSet, Fingerprint, Footprint, Location, Touch, TxIndex};

/// What a schedule has to know of a transaction whose [`Footprint`] is made already.
#[derive(Clone, Copy, Debug)]
pub struct Prepared<'a> {
    /// What it reads and writes.
    pub access: &'a AccessSet,
    /// The same as fingerprints.
    pub footprint: &'a Footprint,
    /// The gas it is predicted to use.
    pub gas: u64,
    /// Whether it must run after all earlier ones are committed.
    pub in_order: bool,
    /// Whether what it reads, code apart, counts as written as well.
    pub may_write_all: bool,
}

impl Prepared<'_> {
    /// At most so many locations it writes.
    fn writes(&self) -> usize {
        match self.may_write_all {
            true => self.footprint.steps().len(),
            false => self.footprint.writes(),
        }
    }

    fn touches(&self) -> impl Iterator<Item = (u64, Touch)> {
        self.footprint.steps().iter().map(|step| {
            let (location, touch) = (step.fingerprint(), step.touch());
            let writes = self.may_write_all && touch.has(Touch::READ) && !location.is_code();
            (location.number(), touch.and(Touch::WRITE.only_if(writes)))
        })
    }

    /// The slots with this number that it merely adds to.
    fn added(&self, number: u64) -> impl Iterator<Item = Location> {
        let slots = self.access.commutative().filter(Location::is_slot);
        slots.filter(move |slot| Fingerprint::of(slot).number() == number)
    }
}

impl Schedule {
    /// The schedule of a block from its transactions in block order: that of their
    /// [DAG](crate::DependencyDag::build_with), made in a fraction of the time. Locations are
    /// told apart by their fingerprints, so transactions may come one after the other for
    /// nothing.
    pub fn build(transactions: &[Prepared<'_>], additions: Additions) -> Self {
        let writes = transactions.iter().map(Prepared::writes).sum();
        let mut walk = Walk::new(writes, additions);
        let mut edges = Vec::with_capacity(2 * transactions.len());
        let mut orders = Vec::with_capacity(transactions.len());
        let mut early = Early::default();
        let mut claims = Vec::new();
        for (position, it) in transactions.iter().enumerate() {
            let tx = TxIndex::new(position);
            let claim = |number| claims.extend(it.added(number).map(|slot| (tx, slot)));
            let (in_order, found) = walk.next(it.in_order, it.touches(), claim);
            let predecessors = found.chunk_by(|a, b| a.tx == b.tx);
            edges.extend(predecessors.map(|reasons| (reasons[0].tx, tx)));
            orders.push(in_order);
            if it.gas >= EARLY_GAS_MIN && !in_order {
                let reasons = found.iter();
                early.add(tx, reasons.map(|it| (Fingerprint::from_number(it.location), it.tx)));
            }
        }
        let gas = transactions.iter().map(|it| it.gas).collect();
        let mut schedule = Self::from_sorted(&edges, gas, orders);
        schedule.early = early;
        schedule.claiming(claims)
    }

    /// The same of transactions that are not prepared.
    pub fn of(transactions: &[Node<'_>], additions: Additions) -> Self {
        let footprints: Vec<_> =
            transactions.iter().map(|node| Footprint::new(node.access)).collect();
        let prepared = transactions.iter().zip(&footprints).map(|(node, footprint)| {
            let Node { access, gas, in_order } = *node;
            Prepared { access, footprint, gas, in_order, may_write_all: false }
        });
        Self::build(&prepared.collect::<Vec<_>>(), additions)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::{Address, U256};

    #[test]
    fn who_may_write_all_that_it_reads_does_not_write_the_code_that_it_calls() {
        let contract = Address::with_last_byte(1);
        let [code, slot] = [Location::code(contract), Location::slot(contract, U256::ZERO)];
        let sets = [vec![code, slot], vec![code], vec![code, slot]];
        let sets = sets.map(|reads| AccessSet::new(reads, [], []));
        let footprints = sets.each_ref().map(Footprint::new);
        let prepared = sets.iter().zip(&footprints).enumerate();
        let prepared: Vec<_> = prepared
            .map(|(tx, (access, footprint))| {
                let fails = tx == 0;
                Prepared { access, footprint, gas: 1, in_order: fails, may_write_all: fails }
            })
            .collect();
        let schedule = Schedule::build(&prepared, Additions::Ordered);
        assert_eq!(schedule.successors(TxIndex(0)), [TxIndex(2)]);
    }
}
