//! Which values a block reads, as the node's own tracer tells it.
//!
//! Only the *keys* are taken from the trace. Its values are those before each
//! transaction, not before the block, and tracers differ in what they list of
//! accounts that do not exist; the values are read from the state like all others.

use super::{RpcBlock, RpcError, RpcFault, StateRead};
use alloy_primitives::{Address, B256};
use serde::{Deserialize, de::IgnoredAny};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};

/// What the tracer says of one transaction.
#[derive(Deserialize)]
struct Traced {
    result: BTreeMap<Address, TracedAccount>,
}

/// What it says of an account.
#[derive(Deserialize)]
struct TracedAccount {
    #[serde(default)]
    storage: BTreeMap<B256, IgnoredAny>,
}

impl RpcBlock {
    /// Everything that the block's transactions read, by `debug_traceBlockByHash` with
    /// the prestate tracer; none where the node has no such thing.
    ///
    /// # Errors
    ///
    /// If the node does not answer.
    pub fn traced_reads(&self) -> Result<Option<BTreeSet<StateRead>>, RpcError> {
        let Some(hash) = self.block.hash else { return Ok(None) };
        let params = json!([hash, { "tracer": "prestateTracer" }]);
        let traced: Vec<Traced> = match self.state.node().call("debug_traceBlockByHash", params) {
            Ok(traced) => traced,
            // A tracer that is missing, forbidden or broken is no loss: what it would
            // have told is found out otherwise.
            Err(error) => match &*error.fault {
                RpcFault::NoMethod { .. }
                | RpcFault::Refused { .. }
                | RpcFault::Answer { .. }
                | RpcFault::Http { .. } => return Ok(None),
                _ => return Err(error),
            },
        };
        let accounts = traced.into_iter().flat_map(|traced| traced.result);
        let reads = accounts.flat_map(|(address, account)| {
            let slots = account.storage.into_keys();
            let slots = slots.map(move |slot| StateRead::Slot(address, slot.into()));
            slots.chain([StateRead::Account(address)])
        });
        Ok(Some(reads.collect()))
    }
}
