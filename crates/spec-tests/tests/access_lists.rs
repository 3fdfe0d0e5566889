//! What transactions are observed to access is what the block access lists of
//! [EIP-7928](https://eips.ethereum.org/EIPS/eip-7928) hold.
//!
//! A list also holds what the protocol touches around the transactions, which
//! an observation does not: the system contracts, withdrawals and the
//! beneficiary are left out on both sides.

use alloy_eips::{
    eip2935::HISTORY_STORAGE_ADDRESS, eip4788::BEACON_ROOTS_ADDRESS,
    eip7002::WITHDRAWAL_REQUEST_PREDEPLOY_ADDRESS,
    eip7251::CONSOLIDATION_REQUEST_PREDEPLOY_ADDRESS,
};
use alloy_primitives::{Address, U256};
use foresee_access::Location;
use foresee_execute::{AccessList, observe};
use foresee_spec_tests::{Case, SpecBlock, expected_failures, for_each_case, unpack};
use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

/// Contracts that the protocol calls.
const SYSTEM_CONTRACTS: [Address; 4] = [
    HISTORY_STORAGE_ADDRESS,
    BEACON_ROOTS_ADDRESS,
    WITHDRAWAL_REQUEST_PREDEPLOY_ADDRESS,
    CONSOLIDATION_REQUEST_PREDEPLOY_ADDRESS,
];

/// Folder of the data that is not part of the repository.
fn data() -> PathBuf {
    std::env::var_os("FORESEE_DATA").expect("FORESEE_DATA names the data folder").into()
}

/// Accounts and slots, of either side.
#[derive(Debug, Default, PartialEq, Eq)]
struct Touched {
    accounts: BTreeSet<Address>,
    slots: BTreeSet<(Address, U256)>,
    changed: BTreeSet<(Address, U256)>,
}

impl Touched {
    fn listed(list: &AccessList) -> Self {
        let mut touched = Self::default();
        for account in list {
            let changed = account.storage_changes.iter().map(|change| change.slot);
            touched.accounts.insert(account.address);
            touched.slots.extend(account.storage_reads.iter().map(|&slot| (account.address, slot)));
            touched.slots.extend(changed.clone().map(|slot| (account.address, slot)));
            touched.changed.extend(changed.map(|slot| (account.address, slot)));
        }
        touched
    }

    fn observed(block: &SpecBlock) -> Self {
        let slot = |location: Location| Some((location.address, location.as_slot()?));
        let mut touched = Self::default();
        for observation in observe(&block.block, &block.state).unwrap() {
            let access = observation.access;
            touched.accounts.extend(access.accounts().map(|account| account.address));
            touched.slots.extend(access.reads().filter_map(slot));
            touched.changed.extend(access.writes().filter_map(slot));
        }
        touched
    }

    /// Leaves out what the protocol touches by itself.
    fn without_protocol(mut self, block: &SpecBlock) -> Self {
        let protocol = &block.block.protocol;
        let mut left_out: BTreeSet<_> = protocol.withdrawals.iter().map(|w| w.address).collect();
        left_out.extend(SYSTEM_CONTRACTS);
        left_out.insert(block.block.env.beneficiary);
        self.accounts.retain(|address| !left_out.contains(address));
        self.slots.retain(|(address, _)| !left_out.contains(address));
        self.changed.retain(|(address, _)| !left_out.contains(address));
        self
    }
}

/// Compares every valid block of a case; returns how many, and what differs.
fn check(name: &str, case: &Case) -> (usize, Vec<String>) {
    let mut chain = case.chain().unwrap();
    let (mut compared, mut differences) = (0, Vec::new());
    for (position, block) in case.blocks.iter().enumerate() {
        if let (Some(list), None) = (block.access_list(), &block.expect_exception) {
            let ready = chain.check(&block.rlp).unwrap();
            let listed = Touched::listed(list).without_protocol(&ready);
            let observed = Touched::observed(&ready).without_protocol(&ready);
            compared += 1;
            if listed != observed {
                differences.push(format!("{name} block {position}:\n{listed:#?}\n{observed:#?}"));
            }
        }
        chain.import(&block.rlp, block.access_list()).unwrap().ok();
    }
    (compared, differences)
}

#[test]
#[ignore = "needs FORESEE_DATA"]
#[expect(clippy::print_stdout, reason = "the count tells that something was compared")]
fn observations_are_what_block_access_lists_hold() {
    let folder = unpack(&data(), "amsterdam-bal", Path::new(env!("CARGO_TARGET_TMPDIR")));
    let known = expected_failures("amsterdam-bal");
    let checked = for_each_case(&folder, |name, case| match known.contains_key(name) {
        true => (0, Vec::new()),
        false => check(name, &case),
    });
    let compared: usize = checked.iter().map(|(_, (compared, _))| compared).sum();
    let differences: Vec<_> = checked.into_iter().flat_map(|(_, (_, found))| found).collect();
    println!("{compared} block access lists compared, {} differ", differences.len());
    assert!(compared > 2_000);
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}
