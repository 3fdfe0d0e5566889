//! The access list that prediction alone yields.

use alloy_eips::eip7928::AccountChanges;
use foresee_access::{AccessSet, AccountAccess};
use foresee_execute::AccessList;
use foresee_predict::Prediction;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What a block is predicted to access, in the shape of an access list
/// ([EIP-7928](https://eips.ethereum.org/EIPS/eip-7928)): every account, and every slot
/// as one that is read. Values are in none, because nothing has been executed. It is a
/// list to [read ahead](foresee_execute::ParallelExecutor::prefetch) by and has no hash
/// that a header could carry; the type keeps it apart from lists that do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PredictedAccessList {
    /// Whether every prediction that it is made of is complete.
    complete: bool,
    /// Accounts and slots, in canonical order.
    predicted: AccessList,
}

impl PredictedAccessList {
    /// Collects the predictions of a block.
    pub fn new(predictions: &[Prediction]) -> Self {
        Self {
            complete: predictions.iter().all(Prediction::is_complete),
            predicted: named(predictions.iter().map(|prediction| &prediction.access)),
        }
    }

    /// Whether every prediction that it is made of is complete.
    pub const fn is_complete(&self) -> bool {
        self.complete
    }

    /// Accounts and slots, to be read ahead.
    pub const fn as_list(&self) -> &AccessList {
        &self.predicted
    }

    /// Accounts and slots, to be read ahead.
    pub fn into_list(self) -> AccessList {
        self.predicted
    }
}

/// Every account and slot in these sets, in the shape of an access list.
pub(crate) fn named<'a>(sets: impl Iterator<Item = &'a AccessSet>) -> AccessList {
    let mut accounts = BTreeMap::<_, Vec<_>>::new();
    for set in sets {
        for AccountAccess { address, slots, .. } in set.accounts() {
            accounts.entry(address).or_default().extend(slots.iter().map(|(key, _)| *key));
        }
    }
    let listed = accounts.into_iter().map(|(address, mut slots)| {
        slots.sort_unstable();
        slots.dedup();
        AccountChanges::new(address).extend_storage_reads(slots)
    });
    listed.collect()
}
