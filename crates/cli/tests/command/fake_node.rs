//! A node made of a committed snapshot, which can be told to misbehave.

use crate::{harness::Snapshot, http};
use serde_json::{Value, json};
use std::{
    io::Write,
    net::{Shutdown, TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
};

/// How one message is answered.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    /// As it should be.
    Right,
    /// With this in place of each result.
    Result(Value),
    /// With this error in place of each result.
    Error(i64, &'static str),
    /// With one object, even if many were asked for.
    SingleError,
    /// With an HTTP status.
    Status(u16),
    /// With half of the JSON.
    HalfJson,
    /// With half of the bytes that were announced.
    Cut,
    /// Not at all.
    Never,
}

type Conduct = Box<dyn FnMut(&str) -> Answer + Send>;

/// A node that knows one block and the state before it.
pub(crate) struct FakeNode {
    port: u16,
    asked: Arc<Mutex<Vec<String>>>,
}

impl FakeNode {
    /// A node that is asked for each message how to answer it, by the first method in it.
    pub(crate) fn start(
        snapshot: Snapshot,
        conduct: impl FnMut(&str) -> Answer + Send + 'static,
    ) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port is free");
        let port = listener.local_addr().expect("it has an address").port();
        let asked = Arc::<Mutex<Vec<String>>>::default();
        let (noted, json) = (Arc::clone(&asked), Arc::new(snapshot.json));
        let conduct: Arc<Mutex<Conduct>> = Arc::new(Mutex::new(Box::new(conduct)));
        // The thread ends with the test's process.
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (json, noted, conduct) =
                    (Arc::clone(&json), Arc::clone(&noted), Arc::clone(&conduct));
                thread::spawn(move || serve(&stream, &json, &noted, &conduct));
            }
        });
        Self { port, asked }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub(crate) const fn port(&self) -> u16 {
        self.port
    }

    /// How often something was asked, batches counted once.
    pub(crate) fn messages(&self) -> usize {
        self.asked.lock().unwrap().len()
    }
}

fn serve(
    mut stream: &TcpStream,
    snapshot: &Value,
    asked: &Mutex<Vec<String>>,
    conduct: &Mutex<Conduct>,
) {
    let Some(body) = http::read(stream) else { return };
    let request: Value = serde_json::from_str(&body).expect("requests are JSON");
    let all: Vec<_> = match &request {
        Value::Array(all) => all.iter().collect(),
        one => vec![one],
    };
    let method = all[0]["method"].as_str().unwrap_or_default().to_owned();
    asked.lock().unwrap().push(method.clone());
    let answer = conduct.lock().unwrap()(&method);
    let single = |request: &&Value| {
        let id = &request["id"];
        match &answer {
            Answer::Result(result) => json!({"jsonrpc": "2.0", "id": id, "result": result}),
            Answer::Error(code, message) => {
                json!({"jsonrpc": "2.0", "id": id, "error": {"code": code, "message": message}})
            }
            _ => right(request, snapshot),
        }
    };
    let answers: Vec<_> = all.iter().map(single).collect();
    let body = match (&answer, request.is_array()) {
        (Answer::SingleError, true) => {
            json!({"jsonrpc": "2.0", "id": null, "error": {"code": -32600, "message": "no batches"}})
                .to_string()
        }
        (_, true) => json!(answers).to_string(),
        (_, false) => answers[0].to_string(),
    };
    let (status, announced, sent) = match answer {
        Answer::Never => {
            // The connection stays open until the other side has had enough.
            http::read(stream);
            return;
        }
        Answer::Status(status) => (status, 0, ""),
        Answer::HalfJson => (200, body.len() / 2, &body[..body.len() / 2]),
        Answer::Cut => (200, body.len(), &body[..body.len() / 2]),
        _ => (200, body.len(), &body[..]),
    };
    let head = format!(
        "HTTP/1.1 {status} Status\r\ncontent-type: application/json\r\ncontent-length: {announced}\r\nconnection: close\r\n\r\n"
    );
    let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(sent.as_bytes()));
    let _ = stream.shutdown(Shutdown::Both);
}

/// The right answer, from the snapshot.
fn right(request: &Value, snapshot: &Value) -> Value {
    let params = &request["params"];
    let block = &snapshot["block"];
    let account = || &snapshot["prestate"][params[0].as_str().unwrap_or_default()];
    let or = |value: &Value, default: Value| if value.is_null() { default } else { value.clone() };
    let result = match request["method"].as_str().unwrap_or_default() {
        "eth_chainId" => json!("0x539"),
        "eth_getBlockByNumber" | "eth_getBlockByHash" => {
            let known = [&block["number"], &block["hash"], &json!("latest")];
            if known.contains(&&params[0]) { block.clone() } else { Value::Null }
        }
        "eth_config" => json!({
            "current": {
                "activationTime": 0,
                "blobSchedule": {"baseFeeUpdateFraction": 5_007_716, "max": 9, "target": 6},
                "chainId": "0x539",
                "forkId": "0x00000000",
                "precompiles": {"P256VERIFY": "0x0000000000000000000000000000000000000100"},
                "systemContracts": {},
            },
            "next": null,
            "last": null,
        }),
        "eth_getBalance" => or(&account()["balance"], json!("0x0")),
        "eth_getTransactionCount" => match &account()["nonce"] {
            Value::Number(nonce) => {
                json!(format!("{nonce:#}").parse::<u64>().map(|n| format!("{n:#x}")).unwrap())
            }
            nonce => or(nonce, json!("0x0")),
        },
        "eth_getCode" => or(&account()["code"], json!("0x")),
        "eth_getStorageAt" => {
            let slot = params[1].as_str().unwrap_or_default().trim_start_matches("0x");
            let short = slot.trim_start_matches('0');
            let key = format!("0x{}", if short.is_empty() { "0" } else { short });
            or(&account()["storage"][key], json!("0x0"))
        }
        _ => {
            let error = json!({"code": -32601, "message": "method not found"});
            return json!({"jsonrpc": "2.0", "id": request["id"], "error": error});
        }
    };
    json!({"jsonrpc": "2.0", "id": request["id"], "result": result})
}
