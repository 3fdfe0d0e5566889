//! Nodes that misbehave: either the answer comes out right after all, or there is one
//! line that says what is wrong, status 2, and nothing half-written.

use crate::{
    fake_node::{Answer, FakeNode},
    harness::{Snapshot, complaint, root, run, succeed, testdata},
};
use insta::assert_snapshot;
use serde_json::{Value, json};
use std::{net::TcpListener, process::Output};
use tempfile::TempDir;

const SCENARIO: &str = "chain";

/// Few attempts and little patience: what never succeeds should fail soon.
const IMPATIENT: [&str; 4] = ["--rpc-attempts", "2", "--rpc-timeout", "1"];

/// A node that answers so to a method, the first so many times.
fn bad(method: &'static str, mut times: usize, answer: Answer) -> FakeNode {
    FakeNode::start(Snapshot::of(SCENARIO), move |asked| {
        if asked == method && times > 0 {
            times -= 1;
            return answer.clone();
        }
        Answer::Right
    })
}

fn with<'a>(command: &'a str, url: &'a str) -> Vec<&'a str> {
    [command, "--rpc", url].into_iter().chain(IMPATIENT).collect()
}

/// Predicts and fetches, both of which must fail with the same line.
fn told(node: &FakeNode) -> String {
    let url = node.url();
    let predicted: Output = run(with("predict", &url));
    assert!(predicted.stdout.is_empty());
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("block.json.gz");
    let mut args = with("fetch", &url);
    args.extend(["--out", file.to_str().unwrap()]);
    let fetched = run(args);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "something was written");
    let line = complaint(&predicted, None);
    assert_eq!(line, complaint(&fetched, None));
    line.replace(&url, "NODE")
}

/// Predicts, which must come out as it does from the file.
fn recovers(node: &FakeNode) {
    let answer = |args: Vec<&str>| {
        let mut answer: Value = serde_json::from_str(&succeed(args)).unwrap();
        answer.as_object_mut().unwrap().remove("elapsed_us");
        answer
    };
    let url = node.url();
    let mut args = with("predict", &url);
    args.extend(["--format", "json"]);
    let file = testdata(SCENARIO);
    let expected = answer(vec!["predict", file.to_str().unwrap(), "--format", "json"]);
    assert_eq!(answer(args), expected);
}

/// Transactions that do not wait for each other are read for together.
#[test]
fn a_good_node_is_asked_in_few_messages() {
    let node = FakeNode::start(Snapshot::of("erc20-cold"), |_| Answer::Right);
    succeed(["predict", "--rpc", &node.url()]);
    assert!(node.messages() < 30, "{}", node.messages());
}

#[test]
fn a_fetched_block_is_predicted_and_replayed_like_the_file() {
    let node = bad("", 0, Answer::Right);
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("block.json.gz");
    let (url, file) = (node.url(), file.to_str().unwrap());
    succeed(["fetch", "--rpc", &url, "--block", "latest", "--out", file]);
    succeed(["replay", file, "--runs", "1"]);
    let predict = |file: &str| {
        let mut answer: Value =
            serde_json::from_str(&succeed(["predict", file, "--format", "json"])).unwrap();
        answer.as_object_mut().unwrap().remove("elapsed_us");
        answer
    };
    assert_eq!(predict(file), predict(testdata(SCENARIO).to_str().unwrap()));
}

#[test]
fn nobody_there() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let line = complaint(&run(with("predict", &url)), None).replace(&url, "NODE");
    assert_snapshot!(line, @"foresee: NODE: eth_getBlockByNumber: no connection: Connection refused (os error 111)");
    let url = url.replace("http", "ws");
    let line = complaint(&run(with("predict", &url)), None).replace(&url, "NODE");
    assert_snapshot!(line, @"foresee: NODE: connect: no connection: Connection refused (os error 111)");
}

#[test]
fn an_address_that_is_none() {
    let line = complaint(&run(with("predict", "127.0.0.1:8545")), None);
    assert_snapshot!(line, @"foresee: --rpc: not the address of a node, which begins with http://, https://, ws:// or wss://");
}

#[test]
fn no_answer() {
    assert_snapshot!(told(&bad("eth_getBlockByNumber", usize::MAX, Answer::Never)), @"foresee: NODE: eth_getBlockByNumber: no answer within 1 s");
    recovers(&bad("eth_getBalance", 1, Answer::Never));
}

#[test]
fn http_errors() {
    assert_snapshot!(told(&bad("eth_getBalance", usize::MAX, Answer::Status(429))), @"foresee: NODE: eth_getBalance: HTTP status 429 (too many requests: try again later, or lower --rpc-batch)");
    assert_snapshot!(told(&bad("eth_getBalance", usize::MAX, Answer::Status(500))), @"foresee: NODE: eth_getBalance: HTTP status 500");
    assert_snapshot!(told(&bad("eth_chainId", usize::MAX, Answer::Status(403))), @"foresee: NODE: eth_chainId: HTTP status 403 (does the address lack its key?)");
    recovers(&bad("eth_getBalance", 1, Answer::Status(429)));
    recovers(&bad("eth_getBlockByNumber", 1, Answer::Status(500)));
}

#[test]
fn truncated_json() {
    assert_snapshot!(told(&bad("eth_getBlockByNumber", usize::MAX, Answer::HalfJson)), @"foresee: NODE: eth_getBlockByNumber: the answer makes no sense: EOF while parsing a string at line 1 column 18874");
    recovers(&bad("eth_getStorageAt", 1, Answer::HalfJson));
}

#[test]
fn a_connection_that_is_cut() {
    assert_snapshot!(told(&bad("eth_getBlockByNumber", usize::MAX, Answer::Cut)), @"foresee: NODE: eth_getBlockByNumber: no connection: end of file before message length reached");
    recovers(&bad("eth_getBalance", 1, Answer::Cut));
}

#[test]
fn json_that_is_something_else() {
    assert_snapshot!(told(&bad("eth_getBlockByNumber", usize::MAX, Answer::Result(json!(7)))), @"foresee: NODE: eth_getBlockByNumber: the answer makes no sense: invalid type: integer `7`, expected struct SnapshotBlock at line 1 column 1");
    assert_snapshot!(told(&bad("eth_getBalance", usize::MAX, Answer::Result(json!("many")))), @r#"foresee: NODE: eth_getBalance: the answer makes no sense: invalid value: string "many", expected a 32 byte hex string at line 1 column 6"#);
    assert_snapshot!(told(&bad("eth_getBalance", usize::MAX, Answer::Result(Value::Null))), @"foresee: NODE: eth_getBalance: the answer makes no sense: invalid type: null, expected a 32 byte hex string at line 1 column 4");
}

#[test]
fn a_block_that_is_not_there() {
    assert_snapshot!(told(&bad("eth_getBlockByNumber", usize::MAX, Answer::Result(Value::Null))), @"foresee: NODE: there is no block latest here");
}

#[test]
fn missing_history() {
    assert_snapshot!(told(&bad("eth_getBalance", usize::MAX, Answer::Error(-32000, "missing trie node 1234"))), @"foresee: NODE: no state before block 30000000: missing trie node 1234; for blocks this old, ask a node that keeps the history (an archive node)");
}

#[test]
fn unknown_methods() {
    assert_snapshot!(told(&bad("eth_getBlockByNumber", usize::MAX, Answer::Error(-32601, "method not found"))), @"foresee: NODE: eth_getBlockByNumber: the node does not offer this method");
    assert_snapshot!(told(&bad("eth_config", usize::MAX, Answer::Error(-32601, "method not found"))), @"foresee: NODE: cannot tell the fork of block 30000000 of chain 1337, name it with --fork: Prague or Osaka; the node has no eth_config to tell");
}

#[test]
fn another_chain() {
    assert_snapshot!(told(&bad("eth_chainId", usize::MAX, Answer::Result(json!("0x5")))), @"foresee: NODE: transaction 0 of block 30000000 is of chain 1337, the node says it is of chain 5");
}

/// The block is gone from the chain when its state is read.
#[test]
fn a_reorganisation_between_two_reads() {
    let start = || {
        let mut gone = false;
        FakeNode::start(Snapshot::of(SCENARIO), move |asked| match asked {
            "eth_getBalance" => {
                gone = true;
                Answer::Error(-32001, "resource not found")
            }
            "eth_getBlockByNumber" if core::mem::take(&mut gone) => {
                Answer::Result(json!({"hash": format!("0x{:064x}", 7)}))
            }
            _ => Answer::Right,
        })
    };
    let line = told(&start());
    let hash = Snapshot::of(SCENARIO).json["block"]["hash"].as_str().unwrap().to_owned();
    assert_snapshot!(line.replace(&hash, "HASH"), @"foresee: NODE: block 30000000 was HASH and is now 0x0000000000000000000000000000000000000000000000000000000000000007: the chain was reorganised meanwhile, try again");
}

#[test]
fn a_node_that_takes_no_batches() {
    recovers(&bad("eth_getBalance", usize::MAX, Answer::SingleError));
}

#[test]
fn a_header_that_does_not_hash_to_its_hash() {
    let mut snapshot = Snapshot::of(SCENARIO);
    snapshot.json["block"]["gasUsed"] = json!("0x1");
    let line = told(&FakeNode::start(snapshot, |_| Answer::Right));
    assert!(line.contains(": block 30000000: hash: 0x"), "{line}");
    assert!(line.contains(", but the header hashes to 0x"), "{line}");
}

/// A state that belongs to another block: only executing can tell.
#[test]
fn a_state_that_is_not_the_blocks() {
    let mut snapshot = Snapshot::of(SCENARIO);
    for (_, account) in snapshot.json["prestate"].as_object_mut().unwrap() {
        account.as_object_mut().unwrap().remove("storage");
    }
    let node = FakeNode::start(snapshot, |_| Answer::Right);
    let folder = TempDir::new().unwrap();
    let (url, file) = (node.url(), folder.path().join("block.json"));
    let output = run(["fetch", "--rpc", &url, "--out", file.to_str().unwrap()]);
    let line = complaint(&output, None).replace(&url, "NODE");
    assert!(line.contains("not as in the header under the rules of Osaka"), "{line}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn a_range_keeps_what_is_good_and_goes_on_later() {
    let node = bad("", 0, Answer::Right);
    let (url, folder) = (node.url(), TempDir::new().unwrap());
    let blocks = folder.path().join("blocks");
    let fetch = || {
        let range = ["--from", "29999999", "--to", "30000000"];
        run(["fetch", "--rpc", &url, "--out", blocks.to_str().unwrap()].into_iter().chain(range))
    };
    let output = fetch();
    let errors = String::from_utf8(output.stderr).unwrap().replace(&url, "NODE");
    assert_eq!(output.status.code(), Some(2));
    assert_snapshot!(errors, @r"
    foresee: NODE: there is no block 29999999 here
    foresee: 1 of 2 blocks could not be fetched, run the same again to try them again
    ");
    let files = || {
        let files = std::fs::read_dir(&blocks).unwrap();
        files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(files(), ["30000000.json.gz"]);
    let before = node.messages();
    assert_eq!(fetch().status.code(), Some(2));
    // Only the bad one is asked for again.
    assert_eq!(node.messages(), before + 1);
    assert_eq!(files(), ["30000000.json.gz"]);
    succeed(["replay", blocks.join("30000000.json.gz").to_str().unwrap(), "--runs", "1"]);
}

#[test]
fn options_about_a_node_need_one() {
    let file = testdata(SCENARIO);
    let output = run(["predict".as_ref(), file.as_os_str(), "--fork".as_ref(), "osaka".as_ref()]);
    assert_snapshot!(complaint(&output, Some(&root())), @"foresee: --fork says something about a node, name it by --rpc");
    let output = run(["predict".as_ref(), file.as_os_str(), "--pending".as_ref()]);
    assert_snapshot!(complaint(&output, Some(&root())), @"foresee: --pending says something about a node, name it by --rpc");
}

/// By https and wss to a node that speaks neither: what fails is the handshake.
#[test]
fn a_node_that_speaks_no_tls_is_told() {
    let node = bad("", 0, Answer::Right);
    for scheme in ["https", "wss"] {
        let url = node.url().replace("http", scheme);
        let line = complaint(&run(with("predict", &url)), None);
        assert!(line.starts_with(&format!("foresee: {url}: ")), "{line}");
        assert!(line.contains(": no connection: "), "{line}");
    }
}
