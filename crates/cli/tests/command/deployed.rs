//! Against real nodes, with contracts that were deployed there by transactions, as on any
//! chain: a block of mixed transactions to them is predicted the same through `--rpc` and
//! through `fetch`, and replays to the node's own receipts.

use crate::{
    harness::{answer, succeed},
    real_node::RealNode,
};
use alloy_primitives::{Address, Bytes, U256, hex};
use alloy_sol_types::{SolCall, SolConstructor, sol};
use foresee_workload as contracts;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use tempfile::TempDir;

sol! {
    contract Token {
        constructor(string name, string symbol, address owner);
        function mintBatch(address[] holders, uint256 value);
        function approve(address spender, uint256 value) returns (bool);
        function transfer(address to, uint256 value) returns (bool);
        function transferFrom(address from, address to, uint256 value) returns (bool);
    }
    contract Pair {
        constructor(address token0, address token1);
        function mint(address to) returns (uint256);
        function swap(uint256 out0, uint256 out1, address to, bytes data);
    }
    contract Registry {
        constructor(string title);
        function register(string name, string about);
        function vote(uint256 motion, uint8 round, bool yes, uint128 weight);
        function join();
    }
    contract CloneFactory {
        constructor(address model);
        function make(address owner) returns (address);
    }
    contract WrappedEther {
        function deposit() payable;
        function withdraw(uint256 value);
    }
}

/// Enough for anything here.
const GAS: u64 = 3_000_000;

/// Tokens of everybody at the start.
const TOKENS: u64 = 1_000_000_000;

/// A node with accounts that it signs for.
struct Chain {
    node: RealNode,
    people: Vec<Address>,
}

impl Chain {
    fn new(node: RealNode) -> Self {
        let people = serde_json::from_value(node.ask("eth_accounts", json!([]))).unwrap();
        Self { node, people }
    }

    /// Sends a transaction, which waits for the next block. Returns its hash.
    fn send(&self, from: usize, to: Option<Address>, value: u64, data: &[u8]) -> Value {
        let mut tx = json!({
            "from": self.people[from],
            "gas": format!("{GAS:#x}"),
            "value": format!("{value:#x}"),
            "data": hex::encode_prefixed(data),
        });
        if let Some(to) = to {
            tx["to"] = json!(to);
        }
        self.node.ask("eth_sendTransaction", json!([tx]))
    }

    fn call(&self, from: usize, to: Address, call: &impl SolCall) -> Value {
        self.send(from, Some(to), 0, &call.abi_encode())
    }

    fn mine(&self) {
        self.node.ask("evm_mine", json!([]));
    }

    fn receipt(&self, hash: &Value) -> Value {
        self.node.ask("eth_getTransactionReceipt", json!([hash]))
    }

    /// Deploys a contract in a block of its own.
    fn deploy(&self, contract: contracts::Contract, arguments: &[u8]) -> Address {
        let code: Bytes = contract.creation().unwrap();
        let hash = self.send(0, None, 0, &[&code, arguments].concat());
        self.mine();
        let receipt = self.receipt(&hash);
        assert_eq!(receipt["status"], "0x1", "{}: {receipt}", contract.name);
        serde_json::from_value(receipt["contractAddress"].clone()).unwrap()
    }

    /// Deploys everything, then mines a block in which all of it is used. Returns the
    /// hashes of its transactions as they were sent.
    fn play(&self) -> Vec<Value> {
        let people = &self.people;
        let owner = people[0];
        let token = |symbol: &str| {
            let (name, symbol) = (format!("Token {symbol}"), symbol.to_owned());
            let arguments = Token::constructorCall { name, symbol, owner }.abi_encode();
            self.deploy(contracts::TOKEN, &arguments)
        };
        let mut tokens = [token("A"), token("B")];
        tokens.sort();
        let [token0, token1] = tokens;
        let pair = Pair::constructorCall { token0, token1 }.abi_encode();
        let pair = self.deploy(contracts::PAIR, &pair);
        let title = Registry::constructorCall { title: "Members".to_owned() }.abi_encode();
        let registry = self.deploy(contracts::REGISTRY, &title);
        let model = self.deploy(contracts::WALLET, &[]);
        let factory = CloneFactory::constructorCall { model }.abi_encode();
        let factory = self.deploy(contracts::CLONE_FACTORY, &factory);
        let ether = self.deploy(contracts::WRAPPED_ETHER, &[]);

        let few = U256::from(1_000);
        let mint = Token::mintBatchCall { holders: people.clone(), value: U256::from(TOKENS) };
        let fill = Token::transferCall { to: pair, value: U256::from(TOKENS / 2) };
        let mut set_up = Vec::new();
        for token in tokens {
            set_up.push(self.call(0, token, &mint));
            set_up.push(self.call(0, token, &fill));
        }
        set_up.push(self.call(0, pair, &Pair::mintCall { to: owner }));
        self.mine();
        for hash in set_up {
            assert_eq!(self.receipt(&hash)["status"], "0x1");
        }

        let mut sent = Vec::new();
        for from in 0..6 {
            let next = people[from + 1];
            let (to, value) = (next, few);
            sent.push(self.send(from, Some(to), 1 + from as u64, &[]));
            sent.push(self.call(from, token0, &Token::transferCall { to, value }));
            sent.push(self.call(from, token1, &Token::approveCall { spender: next, value }));
            // The next one takes what was just approved.
            let taking = Token::transferFromCall { from: people[from], to: owner, value };
            sent.push(self.call(from + 1, token1, &taking));
            sent.push(self.call(from, registry, &Registry::joinCall {}));
            sent.push(self.send(
                from,
                Some(ether),
                500,
                &WrappedEther::depositCall {}.abi_encode(),
            ));
            sent.push(self.call(from, factory, &CloneFactory::makeCall { owner: next }));
        }
        // A swap: pay in, take out; then more than there is, which fails.
        let pay = Token::transferCall { to: pair, value: U256::from(100_000) };
        let swap = |out: u64| Pair::swapCall {
            out0: U256::ZERO,
            out1: U256::from(out),
            to: owner,
            data: Bytes::new(),
        };
        for out in [50_000, 2 * TOKENS] {
            sent.push(self.call(7, token0, &pay));
            sent.push(self.call(7, pair, &swap(out)));
        }
        let too_much = WrappedEther::withdrawCall { value: U256::from(501) };
        sent.push(self.call(1, ether, &too_much));
        sent.push(self.call(2, ether, &WrappedEther::withdrawCall { value: U256::from(500) }));
        let (name, about) = ("ada".to_owned(), "x".repeat(70));
        sent.push(self.call(3, registry, &Registry::registerCall { name, about }));
        let vote = Registry::voteCall { motion: U256::ONE, round: 2, yes: true, weight: 3 };
        sent.push(self.call(4, registry, &vote));
        // One more contract, in the middle of the block.
        let code = contracts::CHAIN.creation().unwrap();
        sent.push(self.send(5, None, 0, &code));
        self.mine();
        sent
    }
}

/// Status and gas of each transaction, as the node and as the record of a replay have them.
fn endings(chain: &Chain, block: &Value, record: &Value) -> [Vec<(bool, u64)>; 2] {
    let gas = |value: &Value| {
        let text = value.as_str().unwrap().trim_start_matches("0x");
        u64::from_str_radix(text, 16).unwrap()
    };
    let mined = block["transactions"].as_array().unwrap().iter().map(|hash| {
        let receipt = chain.receipt(hash);
        (receipt["status"] == "0x1", gas(&receipt["gasUsed"]))
    });
    let replayed = record["record"]["transactions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["status"] == "succeeded", one["gas_used"].as_u64().unwrap()));
    [mined.collect(), replayed.collect()]
}

fn check(node: RealNode, fork: &[&str]) {
    let chain = Chain::new(node);
    let sent = chain.play();
    let block = chain.node.ask("eth_getBlockByNumber", json!(["latest", false]));
    let mined: BTreeSet<_> =
        block["transactions"].as_array().unwrap().iter().map(Value::to_string).collect();
    assert_eq!(mined, sent.iter().map(Value::to_string).collect());
    assert!(mined.len() >= 30);

    let url = format!("http://127.0.0.1:{}", chain.node.port);
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("block.json.gz").display().to_string();
    succeed(from_node(&["fetch", "--out", &file], &url, fork));
    let predicted = answer(&from_node(&["predict"], &url, fork));
    assert_eq!(predicted, answer(&["predict", &file]));
    assert_eq!(predicted["transactions"].as_array().unwrap().len(), mined.len());
    assert!(!predicted["edges"].as_array().unwrap().is_empty());
    let equal = json!({"gas_used": true, "receipts_root": true, "logs_bloom": true});
    for args in
        [from_node(&["replay", "--runs", "1", "--threads", "2"], &url, fork), vec!["replay", &file]]
    {
        let replayed = answer(&args);
        assert_eq!((&replayed["matches_sequential"], &replayed["header"]), (&json!(true), &equal));
    }
    let record: Value = serde_json::from_str(&succeed(from_node(&["record"], &url, fork))).unwrap();
    let [mined, replayed] = endings(&chain, &block, &record);
    assert_eq!(mined, replayed);
    assert!(mined.iter().any(|(succeeded, _)| *succeeded));
    assert_eq!(mined.iter().filter(|(succeeded, _)| !succeeded).count(), 2, "{mined:?}");
    // Nothing depends on what nobody could know: all of it is predicted exactly.
    let scored = answer(&from_node(&["evaluate", "--runs", "1"], &url, fork));
    assert_eq!(scored["exact_transactions"], json!(replayed.len()), "{scored}");

    // By a list that is predicted, the node is asked for most of it at once.
    let list = folder.path().join("list.json").display().to_string();
    succeed(from_node(&["record", "--predicted", "--out", &list], &url, fork));
    assert_eq!(predicted, answer(&from_node(&["predict", "--prefetch", &list], &url, fork)));
}

/// Arguments for a command that takes its block from a node.
fn from_node<'a>(args: &[&'a str], url: &'a str, fork: &[&'a str]) -> Vec<&'a str> {
    [args, &["--rpc", url], fork].concat()
}

#[test]
#[ignore = "needs FORESEE_NODES"]
fn with_real_node_anvil_what_was_deployed_is_predicted_and_replayed() {
    check(RealNode::anvil(), &[]);
}

#[test]
#[ignore = "needs FORESEE_NODES"]
fn with_real_node_hardhat_what_was_deployed_is_predicted_and_replayed() {
    check(RealNode::hardhat(), &["--fork", "osaka"]);
}
