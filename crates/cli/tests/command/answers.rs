//! Answers for programs have the documented keys; a wrong header is status 1.

use crate::harness::{Snapshot, run, succeed, testdata};
use serde_json::{Value, json};
use std::{ffi::OsStr, path::Path};
use tempfile::TempDir;

/// The answers of a command on some blocks, a line each.
fn answers(command: &str, options: &[&str], blocks: &[&Path]) -> Vec<Value> {
    let options = [&[command, "--format", "json"], options].concat();
    let args = options.iter().map(OsStr::new).chain(blocks.iter().map(|path| path.as_os_str()));
    let lines = succeed(args);
    let lines = lines.lines().map(|line| serde_json::from_str(line).expect("a line is JSON"));
    lines.collect()
}

fn answer(command: &str, options: &[&str], scenario: &str) -> Value {
    answers(command, options, &[&testdata(scenario)]).remove(0)
}

/// The keys of an object, sorted, because JSON does not order them.
fn keys(value: &Value) -> Vec<&str> {
    let mut keys: Vec<_> = value.as_object().expect("an object").keys().map(|k| &**k).collect();
    keys.sort_unstable();
    keys
}

fn sorted<const N: usize>(mut keys: [&str; N]) -> [&str; N] {
    keys.sort_unstable();
    keys
}

#[test]
fn predict_has_the_documented_keys() {
    let answer = answer("predict", &[], "amm");
    let expected = [
        "block",
        "transactions",
        "edges",
        "layers",
        "groups",
        "critical_path",
        "speedup",
        "elapsed_us",
    ];
    assert_eq!(keys(&answer), sorted(expected));
    let expected = [
        "index",
        "hash",
        "from",
        "to",
        "gas",
        "complete",
        "unknown",
        "reads",
        "writes",
        "commutative",
        "inputs",
    ];
    for transaction in answer["transactions"].as_array().unwrap() {
        // The function is there if it is a common one.
        let mut keys = keys(transaction);
        keys.retain(|key| *key != "function");
        assert_eq!(keys, sorted(expected));
        for set in ["inputs", "reads", "writes", "commutative"] {
            transaction[set].as_array().unwrap().iter().for_each(check_location);
        }
        let inputs = transaction["inputs"].as_array().unwrap().len() as u64;
        let depends = |set: &str| -> Vec<_> {
            let accesses = transaction[set].as_array().unwrap();
            accesses.iter().map(|access| access["depends"].as_u64().unwrap()).collect()
        };
        assert!(depends("reads").contains(&0), "its own account");
        assert!(depends("reads").iter().all(|before| *before < inputs));
        assert!(depends("writes").iter().all(|all| *all == inputs));
    }
    assert!(!answer["edges"].as_array().unwrap().is_empty());
    for edge in answer["edges"].as_array().unwrap() {
        assert_eq!(keys(edge), ["from", "locations", "to"]);
        assert!(edge["from"].as_u64() < edge["to"].as_u64());
        edge["locations"].as_array().unwrap().iter().for_each(check_location);
    }
    assert_eq!(keys(&answer["critical_path"]), ["gas", "transactions"]);
    assert_eq!(keys(&answer["speedup"]), ["1", "16", "2", "32", "4", "64", "8"]);
}

fn check_location(location: &Value) {
    let mut keys = keys(location);
    keys.retain(|key| !["label", "depends"].contains(key));
    match keys[..] {
        ["address", "slot"] => assert!(location["slot"].as_str().unwrap().starts_with("0x")),
        ["address", "field"] => {
            let field = location["field"].as_str().unwrap();
            assert!(["balance", "nonce", "code"].contains(&field), "{field}");
        }
        _ => panic!("{location}"),
    }
}

#[test]
fn predict_shows_one_transaction_and_its_dependencies() {
    let whole = answer("predict", &[], "chain");
    let part = answer("predict", &["--tx", "1"], "chain");
    assert_eq!(part["transactions"], json!([whole["transactions"][1]]));
    assert_eq!(part["layers"], whole["layers"]);
    let ends = |edge: &Value| [edge["from"].as_u64().unwrap(), edge["to"].as_u64().unwrap()];
    let edges =
        |answer: &Value| answer["edges"].as_array().unwrap().iter().map(ends).collect::<Vec<_>>();
    assert!(edges(&part).contains(&[0, 1]) && edges(&part).contains(&[1, 2]));
    let touching: Vec<_> = edges(&whole).into_iter().filter(|ends| ends.contains(&1)).collect();
    assert_eq!(edges(&part), touching);
}

#[test]
fn replay_has_the_documented_keys() {
    let answer = answer("replay", &["--threads", "2", "--runs", "2"], "mix");
    let expected = [
        "block",
        "transactions",
        "gas_used",
        "threads",
        "policy",
        "sequential_us",
        "predict_us",
        "parallel_us",
        "speedup",
        "reexecuted",
        "reexecuted_gas",
        "matches_sequential",
        "header",
        "decision",
    ];
    assert_eq!(keys(&answer), sorted(expected));
    assert_eq!((&answer["threads"], &answer["policy"]), (&json!(2), &json!("dataflow")));
    assert_eq!(answer["matches_sequential"], json!(true));
    let equal = json!({"gas_used": true, "receipts_root": true, "logs_bloom": true});
    assert_eq!(answer["header"], equal);
    for number in ["sequential_us", "predict_us", "parallel_us", "reexecuted"] {
        assert!(answer[number].is_u64(), "{number}");
    }
}

#[test]
fn replay_times_what_was_asked_for() {
    let parallel = answer("replay", &["--mode", "parallel", "--policy", "layers"], "chain");
    assert_eq!((&parallel["sequential_us"], &parallel["speedup"]), (&json!(null), &json!(null)));
    assert_eq!(parallel["policy"], json!("layers"));
    // A chain is executed in order, unless parallel execution is all that is wanted.
    assert_eq!(parallel["decision"]["reason"], json!("in parallel"));
    let one_thread = answer("replay", &["--threads", "1"], "chain");
    let expected = json!({"threads": 1, "reason": "in order: one thread"});
    assert_eq!(one_thread["decision"], expected);
    assert!(parallel["parallel_us"].is_u64());
    let sequential = answer("replay", &["--mode", "sequential"], "chain");
    assert_eq!(sequential["parallel_us"], json!(null));
    assert!(sequential["sequential_us"].is_u64());
    let ahead = answer("replay", &["--ahead"], "chain");
    assert_eq!(ahead["predicted_ahead"], json!(true));
}

#[test]
fn replay_simulates_other_numbers_of_cores() {
    let answer = answer("replay", &["--threads", "2", "--simulate", "--machinery", "5"], "chain");
    assert!(answer["limit_us"].is_u64() && answer["parallel_over_limit"].is_f64());
    let simulated = &answer["simulated"];
    assert_eq!(simulated["machinery_ns"], json!(5));
    let cores = &simulated["cores"];
    assert_eq!(keys(cores), ["16", "2", "32", "4", "64", "8"]);
    let expected = ["layers", "dataflow", "optimistic", "limit_us", "bound_us"];
    assert_eq!(keys(&cores["2"]), sorted(expected));
    assert_eq!(keys(&cores["2"]["optimistic"]), ["reexecuted", "us"]);
    // Every transaction of the chain needs the one before it: no schedule helps, and
    // whoever does not know that executes in vain.
    assert_eq!(cores["64"]["limit_us"], simulated["transactions_us"]);
    assert_eq!(cores["64"]["dataflow"]["reexecuted"], json!(0));
    assert_ne!(cores["64"]["optimistic"]["reexecuted"], json!(0));
}

#[test]
fn evaluate_has_the_documented_keys() {
    let answer = answer("evaluate", &["--runs", "1"], "mix");
    let expected = [
        "block",
        "transactions",
        "gas_used",
        "slots",
        "exact_transactions",
        "missed_dependencies",
        "edges",
        "incomplete",
        "exact_gas",
        "exact_alone",
        "exact_without_state",
        "calldata_alone",
        "cold_code_bytes",
        "warm_split",
        "frames",
        "classes",
        "inexact",
        "memory",
        "predict_cold_us",
        "predict_generalised_us",
        "predict_warm_us",
        "sequential_us",
        "compile_us",
        "precompile_us",
    ];
    assert_eq!(keys(&answer), sorted(expected));
    assert_eq!(keys(&answer["slots"]), ["correct", "predicted", "true"]);
    assert_eq!(keys(&answer["edges"]), ["correct", "covered", "predicted", "true"]);
    assert_eq!(keys(&answer["precompile_us"]), ["predict", "sequential"]);
    assert_eq!(keys(&answer["memory"]), ["bytes", "code_bytes", "programs"]);
    let split = &answer["warm_split"];
    let expected = ["instructions", "keccak_us", "permutations", "reads", "state_reads_us"];
    assert_eq!(keys(split), expected);
    let instructions = &split["instructions"];
    assert_eq!(keys(instructions), ["for_guards", "guards", "in_blocks", "others"]);
    assert!(instructions.as_object().unwrap().values().all(|count| *count != json!(0)));
    for counted in [&split["permutations"], &split["reads"], &answer["cold_code_bytes"]] {
        assert_ne!(*counted, json!(0));
    }
    // Payments need no storage; most others do.
    let [without, alone] = ["exact_without_state", "exact_alone"].map(|key| answer[key].as_u64());
    assert!(without > Some(0) && without < alone, "{without:?} {alone:?}");
    let of_class = answer["classes"].as_object().unwrap().values();
    let counted: u64 = of_class.map(|class| class["transactions"].as_u64().unwrap()).sum();
    let alone = &answer["calldata_alone"];
    assert_eq!(keys(alone), ["all_reads", "reads", "transactions"]);
    let of = |key: &str| alone[key].as_u64().unwrap();
    assert!(0 < of("reads") && of("reads") < of("all_reads"), "{alone}");
    assert!(0 < of("transactions") && of("transactions") < counted, "{alone}");
    assert_eq!(answer["transactions"], json!(counted));
    assert_eq!((&answer["inexact"], &answer["exact_gas"]), (&json!([]), &answer["transactions"]));
    let edges = &answer["edges"];
    let missed = edges["true"].as_u64().unwrap() - edges["covered"].as_u64().unwrap();
    assert_eq!(answer["missed_dependencies"], json!(missed));
}

#[test]
fn several_snapshots_are_several_lines_in_the_order_given() {
    let [a, b] = [testdata("payments"), testdata("chain")];
    for (command, runs) in [("predict", &[][..]), ("replay", &["--runs", "1"]), ("evaluate", &[])] {
        let answers = answers(command, runs, &[&a, &b, &a]);
        assert_eq!(answers.len(), 3, "{command}");
        let transactions = |answer: &Value| match &answer["transactions"] {
            Value::Array(list) => list.len() as u64,
            number => number.as_u64().unwrap(),
        };
        assert_eq!(answers.iter().map(transactions).collect::<Vec<_>>(), [100, 60, 100]);
    }
}

#[test]
fn a_wrong_header_is_status_1() {
    for (field, value) in [
        ("gasUsed", json!("0x1")),
        ("receiptsRoot", json!(format!("0x{:064x}", 1))),
        ("logsBloom", json!(format!("0x{:0512x}", 1))),
    ] {
        let mut snapshot = Snapshot::of("chain");
        snapshot.json["block"][field] = value;
        let path = snapshot.write();
        let output = run(["replay".as_ref(), path.as_os_str()]);
        assert_eq!(output.status.code(), Some(1), "{field}");
        assert!(output.stderr.is_empty(), "{field}");
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(text.contains("is not the header's"), "{text}");
    }
}

#[test]
fn a_header_without_results_is_not_compared() {
    let mut snapshot = Snapshot::of("chain");
    snapshot.json["block"]["gasUsed"] = json!("0x0");
    snapshot.json["block"]["receiptsRoot"] = json!(format!("0x{:064x}", 0));
    let answer = answers("replay", &[], &[&snapshot.write()]).remove(0);
    let unknown = json!({"gas_used": null, "receipts_root": null, "logs_bloom": null});
    assert_eq!(answer["header"], unknown);
}

/// Output is a function of input: apart from the time taken, two runs are equal.
#[test]
fn predictions_are_the_same_each_time() {
    let block = || {
        let mut answer = answer("predict", &[], "mix");
        answer.as_object_mut().unwrap().remove("elapsed_us");
        answer
    };
    assert_eq!(block(), block());
}

#[test]
fn predict_without_state_tells_what_is_possible_and_what_depends_on_storage() {
    let answer = answer("predict", &["--no-state"], "proxy");
    let transactions = answer["transactions"].as_array().unwrap();
    let open: Vec<_> = transactions.iter().filter(|tx| tx["complete"] == false).collect();
    assert!(!open.is_empty());
    for tx in &open {
        assert!(!tx["unknown"].as_array().unwrap().is_empty());
        assert_eq!(keys(&tx["possible"]), ["reads", "writes"]);
        for set in ["reads", "writes"] {
            tx["possible"][set].as_array().unwrap().iter().for_each(check_location);
        }
        for access in tx["symbolic"].as_array().unwrap() {
            match keys(access)[..] {
                ["address", "slot", "written"] => {}
                ["account", "field", "written"] => assert!(access["field"].is_string()),
                ref keys => panic!("{keys:?}"),
            }
        }
    }
    let is_callee = |access: &Value| {
        let account = access["account"].as_str().unwrap_or_default();
        account.ends_with("EIP-1967 implementation)")
    };
    let symbolic = |tx: &&Value| tx["symbolic"].as_array().unwrap().iter().any(is_callee);
    assert!(open.iter().any(symbolic), "proxies");
}

/// A transfer of a token behind a proxy: what it comes to depends on where that leads.
#[test]
fn predict_tells_what_accesses_depend_on() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("block.json");
    let file = file.to_str().unwrap();
    succeed(["generate", "proxy", "--txs", "14", "--seed", "3", "--out", file]);
    insta::assert_snapshot!("one_transaction", succeed(["predict", file, "--tx", "13"]));
    // Without storage it is told for what needs none.
    let told = answers("predict", &["--no-state"], &[Path::new(file)]).remove(0);
    for tx in told["transactions"].as_array().unwrap() {
        let reads = tx["reads"].as_array().unwrap().iter();
        let depends = reads.map(|read| read["depends"].is_u64()).collect::<Vec<_>>();
        assert_eq!(tx["inputs"].is_array(), tx["complete"] == json!(true));
        assert!(depends.iter().all(|told| *told == tx["inputs"].is_array()));
    }
}

/// A block as people see it who have no storage: dependencies that are certain, that keep
/// the order, that are possible.
#[test]
fn predict_without_state_shows_what_is_possible() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("block.json");
    let file = file.to_str().unwrap();
    succeed(["generate", "proxy", "--txs", "14", "--seed", "3", "--out", file]);
    let told = |format| succeed(["predict", file, "--no-state", "--format", format]);
    insta::assert_snapshot!("no_state_text", told("text"));
    insta::assert_snapshot!("no_state_dot", told("dot"));
    let of_one = succeed(["predict", file, "--no-state", "--tx", "13"]);
    insta::assert_snapshot!("no_state_transaction", of_one);
    // The page has the same, and so has the drawing.
    let json: Value = serde_json::from_str(&told("json")).unwrap();
    let edges = json["possible_edges"].as_array().unwrap();
    assert!(!edges.is_empty());
    for format in ["svg", "html"] {
        assert_eq!(told(format).matches(" possible\" data-e=").count(), edges.len(), "{format}");
    }
    assert!(told("html").contains("\"symbolic\":["));
}
