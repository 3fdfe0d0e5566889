//! A connection to a node: questions with a timeout, asked again where that may
//! help, many at a time in batches.
//!
//! The calls block; the waiting is done by a small runtime of the connection's own,
//! so any number of threads may call at once.

use super::{
    RpcError, RpcFault,
    fault::{Failed, shortened},
};
use alloy_provider::{
    Provider, RootProvider,
    network::Ethereum,
    transport::{RpcError as Failure, TransportResult},
};
use alloy_rpc_client::BatchRequest;
use core::{fmt, time::Duration};
use futures::{StreamExt, TryStreamExt, stream};
use serde::de::DeserializeOwned;
use serde_json::{Value, value::RawValue};
use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};
use tokio::{
    runtime::{Builder, Runtime},
    time::{sleep, timeout},
};

/// The longest pause between two attempts.
const PAUSE_MAX: Duration = Duration::from_secs(10);

/// Threads that wait for answers.
const RUNTIME_THREADS: usize = 1;

/// How to ask a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RpcConfig {
    /// How long to wait for an answer.
    pub timeout: Duration,
    /// How often to ask before giving up, at least once.
    pub attempts: u32,
    /// The pause before the second attempt; it doubles with each.
    pub pause: Duration,
    /// Requests in one batch, at least one.
    pub batch: usize,
    /// Batches on the way at the same time, at least one.
    pub in_flight: usize,
}

impl Default for RpcConfig {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(30),
            attempts: 5,
            pause: Duration::from_millis(200),
            batch: 100,
            in_flight: 8,
        }
    }
}

/// A question.
#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) method: &'static str,
    pub(super) params: Value,
}

/// A connection to a node. Cheap to clone; clones share it.
#[derive(Clone)]
pub struct Node(Arc<Connection>);

struct Connection {
    /// Scheme and host.
    name: String,
    provider: RootProvider<Ethereum>,
    runtime: Runtime,
    config: RpcConfig,
    /// Whether the node takes batches, as far as is known.
    batches: AtomicBool,
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Node").field(&self.0.name).finish()
    }
}

impl Node {
    /// Connects to a node by http(s) or ws(s). Over http nothing is sent yet.
    ///
    /// # Errors
    ///
    /// If the address is none, or nobody answers there.
    pub fn connect(url: &str, config: RpcConfig) -> Result<Self, RpcError> {
        let known = ["http", "https", "ws", "wss"];
        let scheme = url.split_once("://").filter(|(scheme, _)| known.contains(scheme));
        let name = scheme.map_or_else(|| "--rpc".to_owned(), |(scheme, rest)| host(scheme, rest));
        let error = |fault: RpcFault| RpcError { node: name.clone(), fault: Arc::new(fault) };
        if scheme.is_none() {
            return Err(error(RpcFault::Address));
        }
        let runtime = Builder::new_multi_thread()
            .worker_threads(RUNTIME_THREADS)
            .thread_name("foresee-rpc")
            .enable_all()
            .build()
            .map_err(|failed| error(RpcFault::Start(failed)))?;
        let connect = || RootProvider::connect(url);
        let provider = runtime.block_on(retrying(&config, "connect", connect)).map_err(error)?;
        let batches = AtomicBool::new(config.batch > 1);
        Ok(Self(Arc::new(Connection { name, provider, runtime, config, batches })))
    }

    /// Scheme and host of the node.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    pub(super) fn error(&self, fault: RpcFault) -> RpcError {
        RpcError { node: self.0.name.clone(), fault: Arc::new(fault) }
    }

    /// Asks one question.
    pub(super) fn call<T: DeserializeOwned>(
        &self,
        method: &'static str,
        params: Value,
    ) -> Result<T, RpcError> {
        let request = Request { method, params };
        let answer = self.0.runtime.block_on(self.ask(&request)).map_err(|f| self.error(f))?;
        self.understand(method, &answer)
    }

    /// Asks many questions; answers come in the order of the questions.
    pub(super) fn call_all(&self, requests: &[Request]) -> Result<Vec<Box<RawValue>>, RpcError> {
        let in_flight = self.0.config.in_flight.max(1);
        let answers = async {
            if self.0.batches.load(Ordering::Relaxed) && requests.len() > 1 {
                let batches = requests.chunks(self.0.config.batch.max(1));
                let batches = stream::iter(batches).map(|batch| self.ask_batch(batch));
                match batches.buffered(in_flight).try_collect::<Vec<_>>().await {
                    // Some nodes take one question at a time.
                    Err(RpcFault::Answer { .. } | RpcFault::NoMethod { .. }) => {
                        self.0.batches.store(false, Ordering::Relaxed);
                    }
                    answers => return answers.map(|answers| answers.concat()),
                }
            }
            let each = stream::iter(requests).map(|request| self.ask(request));
            each.buffered(in_flight).try_collect().await
        };
        self.0.runtime.block_on(answers).map_err(|fault| self.error(fault))
    }

    /// Makes of an answer what it should be.
    pub(super) fn understand<T: DeserializeOwned>(
        &self,
        method: &str,
        answer: &RawValue,
    ) -> Result<T, RpcError> {
        serde_json::from_str(answer.get()).map_err(|error| {
            let reason = shortened(&error.to_string());
            self.error(RpcFault::Answer { method: method.to_owned(), reason })
        })
    }

    async fn ask(&self, request: &Request) -> Result<Box<RawValue>, RpcFault> {
        let Request { method, params } = request;
        retrying(&self.0.config, method, || async {
            let answer =
                self.0.provider.client().request::<_, Box<RawValue>>(*method, params).await;
            or_null(answer)
        })
        .await
    }

    async fn ask_batch(&self, requests: &[Request]) -> Result<Vec<Box<RawValue>>, RpcFault> {
        let method = requests.first().map_or("batch", |request| request.method);
        retrying(&self.0.config, method, || async {
            let client = self.0.provider.client();
            let mut batch = BatchRequest::new(client);
            let waiting = requests.iter().map(|Request { method, params }| {
                batch.add_call::<_, Box<RawValue>>(*method, params)
            });
            let waiting = waiting.collect::<Result<Vec<_>, _>>()?;
            batch.send().await?;
            let mut answers = Vec::with_capacity(waiting.len());
            for answer in waiting {
                answers.push(or_null(answer.await)?);
            }
            Ok(answers)
        })
        .await
    }
}

/// Null is an answer like any other here: what it means, the caller knows.
fn or_null(answer: TransportResult<Box<RawValue>>) -> TransportResult<Box<RawValue>> {
    match answer {
        Err(Failure::NullResp) => Ok(RawValue::NULL.to_owned()),
        answer => answer,
    }
}

/// Tries, and tries again after growing pauses where that may help.
async fn retrying<T, F>(
    config: &RpcConfig,
    method: &str,
    attempt: impl Fn() -> F,
) -> Result<T, RpcFault>
where
    F: Future<Output = TransportResult<T>>,
{
    let mut pause = config.pause;
    let mut left = config.attempts.max(1);
    loop {
        let failed = match timeout(config.timeout, attempt()).await {
            Ok(Ok(answer)) => return Ok(answer),
            Ok(Err(error)) => Failed::new(method, error),
            Err(_) => Failed::timeout(method, config.timeout),
        };
        left -= 1;
        if left == 0 || !failed.transient {
            return Err(failed.fault);
        }
        sleep(failed.retry_after.unwrap_or(pause).min(PAUSE_MAX)).await;
        pause = pause.saturating_mul(2);
    }
}

/// Scheme, host and port of an address.
fn host(scheme: &str, rest: &str) -> String {
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    format!("{scheme}://{host}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_hold_no_keys() {
        let name = |url: &str| {
            let (scheme, rest) = url.split_once("://").unwrap();
            host(scheme, rest)
        };
        assert_eq!(name("http://127.0.0.1:8545"), "http://127.0.0.1:8545");
        assert_eq!(name("wss://user:password@node.example/v2/key?k=1"), "wss://node.example");
    }

    #[test]
    fn addresses_have_a_known_scheme() {
        for url in ["", "127.0.0.1:8545", "ftp://127.0.0.1", "file:///etc/passwd"] {
            let error = Node::connect(url, RpcConfig::default()).unwrap_err();
            assert!(matches!(*error.fault, RpcFault::Address), "{url}");
        }
    }
}
