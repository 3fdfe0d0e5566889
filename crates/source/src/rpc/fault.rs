//! From what the transport reports to what went wrong, and whether asking again may
//! help.

use super::RpcFault;
use alloy_provider::transport::{RpcError as Failure, TransportError, TransportErrorKind};
use core::error::Error;
use std::time::Duration;

/// The longest part of a node's own words that is repeated.
const WORDS_MAX: usize = 200;

/// The code for a method that does not exist
/// ([JSON-RPC 2.0](https://www.jsonrpc.org/specification#error_object)).
const METHOD_NOT_FOUND: i64 = -32601;
/// The code for a method that is not supported
/// ([EIP-1474](https://eips.ethereum.org/EIPS/eip-1474)).
const METHOD_NOT_SUPPORTED: i64 = -32004;

/// A request that failed.
pub(super) struct Failed {
    pub(super) fault: RpcFault,
    /// Whether it may succeed the next time.
    pub(super) transient: bool,
    /// How long the node wants to be left alone.
    pub(super) retry_after: Option<Duration>,
}

impl Failed {
    pub(super) fn timeout(method: &str, timeout: Duration) -> Self {
        let fault = RpcFault::Timeout { method: method.into(), seconds: timeout.as_secs_f32() };
        Self { fault, transient: true, retry_after: None }
    }

    pub(super) fn new(method: &str, error: TransportError) -> Self {
        let method = method.to_owned();
        let answer = |reason: String| RpcFault::Answer { method: method.clone(), reason };
        let (fault, transient) = match error {
            Failure::ErrorResp(payload) => {
                let transient = payload.is_retry_err();
                let (code, message) = (payload.code, shortened(&payload.message));
                match code {
                    METHOD_NOT_FOUND | METHOD_NOT_SUPPORTED => {
                        (RpcFault::NoMethod { method }, false)
                    }
                    _ => (RpcFault::Refused { method, code, message }, transient),
                }
            }
            Failure::Transport(kind) => return Self::of_transport(method, &kind),
            // A connection that is cut can look like an answer that is too short.
            Failure::DeserError { err, .. } => (answer(shortened(&err.to_string())), true),
            Failure::NullResp => (answer("it is null".to_owned()), false),
            other => (answer(shortened(&other.to_string())), false),
        };
        Self { fault, transient, retry_after: None }
    }

    fn of_transport(method: String, kind: &TransportErrorKind) -> Self {
        const SERVER_ERRORS: u16 = 500;
        let retry_after = kind.retry_after();
        if let Some(error) = kind.as_http_error() {
            let status = error.status;
            let transient = status >= SERVER_ERRORS || kind.is_retry_err();
            return Self { fault: RpcFault::Http { method, status }, transient, retry_after };
        }
        let fault = match kind {
            TransportErrorKind::MissingBatchResponse(_) => {
                RpcFault::Answer { method, reason: "a part of the batch is missing".to_owned() }
            }
            kind => RpcFault::Connection { method, reason: shortened(&innermost(kind)) },
        };
        Self { fault, transient: !kind.is_non_retryable(), retry_after }
    }
}

/// The cause of an error behind all others. Those around it repeat the address.
fn innermost(error: &dyn Error) -> String {
    let mut error = error;
    while let Some(cause) = error.source() {
        error = cause;
    }
    error.to_string()
}

/// The beginning of a text, on one line.
pub(super) fn shortened(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(WORDS_MAX) {
        Some((end, _)) => format!("{} …", &line[..end]),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_words_of_a_node_are_shortened() {
        assert_eq!(shortened("a\n  b"), "a b");
        assert_eq!(shortened(&"é".repeat(500)).chars().count(), WORDS_MAX + 2);
    }

    #[test]
    fn what_may_succeed_later_is_transient() {
        let check = |error, transient| {
            assert_eq!(Failed::new("m", error).transient, transient);
        };
        for (status, transient) in
            [(400, false), (404, false), (429, true), (500, true), (503, true)]
        {
            check(TransportErrorKind::http_error(status, String::new()), transient);
        }
        check(TransportErrorKind::backend_gone(), true);
        check(TransportErrorKind::non_retryable_str("no"), false);
        check(Failure::NullResp, false);
    }
}
