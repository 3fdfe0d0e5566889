//! As much of HTTP as the tests need: one request, one answer, one connection.

use serde_json::{Value, json};
use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
};

/// Reads headers and body of a request or an answer. None if the other side has gone.
pub(crate) fn read(stream: &TcpStream) -> Option<String> {
    let mut reader = BufReader::new(stream);
    let (mut length, mut chunked) = (0, false);
    loop {
        let line = line(&mut reader)?.to_ascii_lowercase();
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
        chunked |= line.starts_with("transfer-encoding:") && line.ends_with("chunked");
        if line.is_empty() {
            break;
        }
    }
    let mut body = Vec::new();
    if chunked {
        while let length @ 1.. = usize::from_str_radix(&line(&mut reader)?, 16).ok()? {
            take(&mut reader, length, &mut body)?;
            line(&mut reader)?;
        }
    } else {
        take(&mut reader, length, &mut body)?;
    }
    String::from_utf8(body).ok()
}

fn line(reader: &mut impl BufRead) -> Option<String> {
    let mut line = String::new();
    let read = reader.read_line(&mut line).ok()?;
    (read > 0).then(|| line.trim_end().to_owned())
}

fn take(reader: &mut impl Read, length: usize, body: &mut Vec<u8>) -> Option<()> {
    let read = reader.by_ref().take(length as u64).read_to_end(body).ok()?;
    (read == length).then_some(())
}

/// Sends a request and returns what is answered, as JSON.
pub(crate) fn exchange(port: u16, method: &str, path: &str, body: &Value) -> Value {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("somebody listens");
    let body = body.to_string();
    let length = body.len();
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
    )
    .expect("they read");
    let answer = read(&stream).expect("they answer");
    serde_json::from_str(&answer).expect("the answer is JSON")
}

/// Asks a node.
pub(crate) fn ask(port: u16, method: &str, params: &Value) -> Value {
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
    let mut answer = exchange(port, "POST", "/", &body);
    assert!(answer.get("error").is_none(), "{method} {params}: {answer}");
    answer["result"].take()
}
