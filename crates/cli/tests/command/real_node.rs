//! Against real nodes, two implementations: a block of mixed transactions comes out
//! the same through `--rpc` and through `fetch`, and replays to the node's receipts.
//!
//! The nodes are npm packages; `FORESEE_NODES` names the folder in which those of
//! `testdata/nodes` are installed.

use crate::{
    harness::{Snapshot, answer, complaint, run, succeed},
    http::ask,
    server::Server,
};
use alloy_eips::Encodable2718;
use alloy_rpc_types_eth::Transaction;
use serde_json::{Value, json};
use std::{path::PathBuf, process::Command};
use tempfile::TempDir;

/// Transactions of the block at least.
const TRANSACTIONS_MIN: usize = 100;

/// A node of its own, ended with the test.
pub(crate) struct RealNode {
    pub(crate) port: u16,
    server: Server,
}

fn installed() -> PathBuf {
    std::env::var_os("FORESEE_NODES").expect("FORESEE_NODES is set").into()
}

impl RealNode {
    pub(crate) fn anvil() -> Self {
        let platform = "anvil-linux-amd64";
        let program = installed().join("node_modules/@foundry-rs").join(platform).join("bin/anvil");
        let args = "--chain-id 1337 --hardfork osaka --no-mining --order fifo --gas-limit 60000000";
        let mut command = Command::new(program);
        command.args(args.split(' ')).args(["--block-base-fee-per-gas", "1000000000"]);
        Self::start(command, "Listening on")
    }

    pub(crate) fn hardhat() -> Self {
        let mut command = Command::new(installed().join("node_modules/.bin/hardhat"));
        command
            .arg("node")
            .current_dir(installed())
            .env("HARDHAT_DISABLE_TELEMETRY_PROMPT", "true");
        Self::start(command, "Started HTTP")
    }

    fn start(command: Command, ready: &str) -> Self {
        let (server, port) =
            Server::start(command, |port| vec!["--port".to_owned(), port.to_string()], ready);
        Self { port, server }
    }

    pub(crate) fn ask(&self, method: &str, params: Value) -> Value {
        ask(self.port, method, &params)
    }

    /// Puts the accounts and contracts of a scenario there, and its transactions into
    /// the pool.
    fn prepare(&self, scenario: &str) -> Vec<Value> {
        let json = Snapshot::of(scenario).json;
        for (address, account) in json["prestate"].as_object().unwrap() {
            self.ask("hardhat_setBalance", json!([address, account["balance"]]));
            if let Some(code) = account.get("code") {
                self.ask("hardhat_setCode", json!([address, code]));
            }
            match &account["nonce"] {
                Value::String(nonce) if nonce != "0x0" => {
                    self.ask("hardhat_setNonce", json!([address, nonce]));
                }
                Value::Number(nonce) if nonce.as_u64() != Some(0) => {
                    let nonce = format!("{:#x}", nonce.as_u64().unwrap());
                    self.ask("hardhat_setNonce", json!([address, nonce]));
                }
                _ => {}
            }
            for (slot, value) in account["storage"].as_object().into_iter().flatten() {
                let value = value.as_str().unwrap().trim_start_matches("0x");
                let value = format!("0x{value:0>64}");
                self.ask("hardhat_setStorageAt", json!([address, slot, value]));
            }
        }
        let transactions = json["block"]["transactions"].as_array().unwrap();
        let send = |tx: &Value| {
            let tx: Transaction = serde_json::from_value(tx.clone()).unwrap();
            let raw = alloy_primitives::hex::encode_prefixed(tx.inner.encoded_2718());
            self.ask("eth_sendRawTransaction", json!([raw]))
        };
        transactions.iter().map(send).collect()
    }
}

fn check(node: &RealNode, fork: &[&str], websocket: bool) {
    let sent = node.prepare("mix");
    let url = format!("http://127.0.0.1:{}", node.port);
    let with_fork = |args: &[&'static str]| [args, &["--rpc"]].concat();
    let rpc = |args: &[&'static str]| answer(&[&with_fork(args)[..], &[&url], fork].concat());

    // In the pool: one by its hash, and all of them.
    let alone = {
        let hash = sent[0].as_str().unwrap();
        answer(&[&["predict", "--rpc", &url, "--tx", hash], fork].concat())
    };
    assert_eq!(alone["transactions"][0]["hash"], sent[0]);
    let pool = rpc(&["predict", "--pending"]);
    // A sender who delegates to itself skips a nonce; nodes let the rest wait.
    assert!(pool["transactions"].as_array().unwrap().len() >= TRANSACTIONS_MIN);

    // In a block.
    node.ask("evm_mine", json!([]));
    let block = node.ask("eth_getBlockByNumber", json!(["latest", false]));
    let transactions = block["transactions"].as_array().unwrap();
    assert!(transactions.len() >= TRANSACTIONS_MIN, "{}", transactions.len());
    let (hash, number) = (block["hash"].as_str().unwrap(), block["number"].as_str().unwrap());

    let folder = TempDir::new().unwrap();
    let file = folder.path().join("block.json.gz");
    let file = file.to_str().unwrap();
    succeed([&["fetch", "--rpc", &url, "--block", hash, "--out", file], fork].concat());

    let predicted = rpc(&["predict"]);
    assert_eq!(predicted, answer(&["predict", file]));
    assert_eq!(predicted, answer(&[&["predict", "--rpc", &url, "--block", number], fork].concat()));
    assert!(!predicted["edges"].as_array().unwrap().is_empty());
    let mined =
        answer(&[&["predict", "--rpc", &url, "--tx", sent[0].as_str().unwrap()], fork].concat());
    assert_eq!(
        mined["transactions"][0],
        predicted["transactions"][mined["transactions"][0]["index"].as_u64().unwrap() as usize]
    );

    let gas_of = |tx: &Value| {
        let receipt = node.ask("eth_getTransactionReceipt", json!([tx]));
        let gas = receipt["gasUsed"].as_str().unwrap().trim_start_matches("0x");
        u64::from_str_radix(gas, 16).unwrap()
    };
    let gas: u64 = transactions.iter().map(gas_of).sum();
    for replayed in [rpc(&["replay", "--runs", "1"]), answer(&["replay", file, "--runs", "1"])] {
        assert_eq!(replayed["gas_used"], json!(gas));
        assert_eq!(replayed["matches_sequential"], json!(true));
        let equal = json!({"gas_used": true, "receipts_root": true, "logs_bloom": true});
        assert_eq!(replayed["header"], equal);
    }
    let scored = rpc(&["evaluate", "--runs", "1"]);
    assert_eq!(scored["missed_dependencies"], answer(&["evaluate", file])["missed_dependencies"]);
    if websocket {
        let url = url.replace("http", "ws");
        assert_eq!(predicted, answer(&[&["predict", "--rpc", &url], fork].concat()));
    }
}

#[test]
#[ignore = "needs FORESEE_NODES"]
fn with_anvil() {
    check(&RealNode::anvil(), &[], true);
}

/// Hardhat does not tell its fork, has no tracer over a block and no view of its pool.
#[test]
#[ignore = "needs FORESEE_NODES"]
fn with_hardhat() {
    check(&RealNode::hardhat(), &["--fork", "osaka"], true);
}

/// A node that ends while it is talked to.
#[test]
#[ignore = "needs FORESEE_NODES"]
fn with_anvil_gone() {
    let node = RealNode::anvil();
    node.ask("evm_mine", json!([]));
    let url = format!("http://127.0.0.1:{}", node.port);
    succeed(["predict", "--rpc", &url]);
    drop(node.server);
    let line = complaint(&run(["predict", "--rpc", &url, "--rpc-attempts", "1"]), None);
    assert!(line.contains("no connection: "), "{line}");
}
