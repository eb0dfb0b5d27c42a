//! Requests to the engine, by its client library, which only this file and [`transport`](super::transport) know.
//!
//! Promises: sends bytes as they are, encodes every path segment, gives each request the configured time, and tells
//! Elasticsearch from OpenSearch at the start. Never compresses, nor has answers compressed, never shows credentials. Asks again
//! only what was surely not done, or only looks: all else is for those who know what a repetition does.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use bytes::Bytes;
use elasticsearch::http::headers::{ACCEPT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderValue};
use elasticsearch::http::transport::Transport;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::engine::{About, Engine, Flavor, Nodes};
use super::error::{EngineError, Trouble, Unreachable};
use super::patience::{Patience, PatienceSettings};
use super::transport::{finding, transport};
use crate::config::EngineConfig;
use crate::finding::Finding;

pub use elasticsearch::http::Method;

/// What may stand in a path segment as it is.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// A connection to the engine; clones share it.
#[derive(Clone)]
pub struct Client {
    inner: Arc<Inner>,
    /// How long to go on asking an engine that is too busy to listen.
    busy_for: Duration,
}

struct Inner {
    transport: Transport,
    address: String,
    request_timeout: Duration,
    engine: Engine,
}

/// A request's body.
#[derive(Debug, Clone)]
pub enum Body {
    /// None.
    Empty,
    /// One JSON value.
    Json(Bytes),
    /// JSON values, each ended by a line break.
    Lines(Bytes),
}

impl From<&Value> for Body {
    fn from(json: &Value) -> Self {
        Self::Json(json.to_string().into())
    }
}

/// What the engine answered, whatever the status.
#[derive(Debug, Clone)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// The body, unread.
    pub body: Bytes,
    operation: String,
}

impl Answer {
    /// Whether the status is 2xx.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The body as JSON.
    ///
    /// # Errors
    /// [`EngineError::Garbled`] when it is none of that shape.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, EngineError> {
        serde_json::from_slice(&self.body).map_err(|_| self.garbled())
    }

    /// The error of an answer that is not of the shape its request asks for.
    pub fn garbled(&self) -> EngineError {
        EngineError::Garbled { operation: self.operation.clone(), status: self.status }
    }

    /// Itself if the status is 2xx.
    ///
    /// # Errors
    /// [`EngineError::Refused`] otherwise.
    pub fn success(self) -> Result<Self, EngineError> {
        if self.is_success() {
            return Ok(self);
        }
        Err(EngineError::refused(self.operation, self.status, &self.body))
    }
}

impl Client {
    /// Connects, and finds out who answers.
    ///
    /// # Errors
    /// Within the connect timeout: when nobody answers, the credentials are refused, or it is neither of the two engines.
    pub async fn connect(config: &EngineConfig) -> Result<Self> {
        let (transport, address) = transport(config)?;
        let unknown = Engine { flavor: Flavor::Elasticsearch, version: String::new() };
        let request_timeout = config.request_timeout;
        let probe = Self {
            inner: Arc::new(Inner {
                transport: transport.clone(),
                address: address.clone(),
                request_timeout,
                engine: unknown,
            }),
            busy_for: Duration::ZERO,
        };
        let probed = tokio::time::timeout(config.connect_timeout, probe.probe()).await;
        let late = || {
            let trouble = Trouble::TimedOut;
            Unreachable { address: address.clone(), trouble, cause: String::new() }.into()
        };
        let engine = probed
            .unwrap_or_else(|_| Err(late()))
            .map_err(|error| not_connected(&address, &error))?;
        let inner = Inner { transport, address, request_timeout, engine };
        Ok(Self { inner: Arc::new(inner), busy_for: Duration::ZERO })
    }

    /// The same connection, for one who has time: [`Client::call`] asks again for so long when the engine turns a request away
    /// because it has too much to do (429), or cannot answer one that only looks (502, 503, 504).
    #[must_use]
    pub fn patient(self, busy_for: Duration) -> Self {
        Self { busy_for, ..self }
    }

    /// Who answers.
    pub fn engine(&self) -> &Engine {
        &self.inner.engine
    }

    /// The base URL, without credentials.
    pub fn address(&self) -> &str {
        &self.inner.address
    }

    /// Sends one request to the path made of `segments`, which need no escaping.
    ///
    /// # Errors
    /// When no answer came. An answer of any status is `Ok`.
    pub async fn send(
        &self,
        method: Method,
        segments: &[&str],
        query: &[(&str, &str)],
        body: impl Into<Body>,
    ) -> Result<Answer, Unreachable> {
        self.send_up_to(None, method, (segments, query), body).await
    }

    /// As [`Client::send`], and an answer of more than `most` bytes is none. Where its length is told before it, as OpenSearch does,
    /// it is not even read.
    ///
    /// # Errors
    /// As [`Client::send`], and of such an answer.
    pub async fn send_up_to(
        &self,
        most: Option<u64>,
        method: Method,
        (segments, query): (&[&str], &[(&str, &str)]),
        body: impl Into<Body>,
    ) -> Result<Answer, Unreachable> {
        let body = body.into();
        match self.send_once(most, method, (segments, query), body.clone()).await {
            // A connection kept open may end at the other side just as it is used again: what does nothing more when it is
            // done twice is sent once more.
            Err(lost)
                if lost.trouble == Trouble::Closed
                    && matches!(method, Method::Get | Method::Head | Method::Delete) =>
            {
                self.send_once(most, method, (segments, query), body).await
            }
            sent => sent,
        }
    }

    async fn send_once(
        &self,
        most: Option<u64>,
        method: Method,
        (segments, query): (&[&str], &[(&str, &str)]),
        body: Body,
    ) -> Result<Answer, Unreachable> {
        let inner = &*self.inner;
        let path = path(segments);
        // Nearby, to pack an answer and to unpack it takes longer than to send it.
        let identity = (ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        let mut headers = HeaderMap::from_iter([identity]);
        let body = match body {
            Body::Empty => None,
            Body::Json(bytes) => Some(bytes),
            Body::Lines(bytes) => {
                headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-ndjson"));
                Some(bytes)
            }
        };
        let timeout = Some(inner.request_timeout);
        let sent = inner.transport.send(method, &path, headers, Some(query), body, timeout);
        // Boxed: the library's future is some kilobytes, and would be part of every future above.
        let answered = Box::pin(async {
            let response = sent.await?;
            let status = response.status_code().as_u16();
            if most.zip(response.content_length()).is_some_and(|(most, length)| length > most) {
                return Ok(None);
            }
            let body = response.bytes().await?;
            let is_taken = most.is_none_or(|most| body.len() as u64 <= most);
            Ok(is_taken.then_some((status, body)))
        });
        let answered = answered.await.map_err(|error| Unreachable::new(&inner.address, &error))?;
        let (status, body) = answered.ok_or_else(|| {
            let (address, trouble) = (inner.address.clone(), Trouble::TooLong);
            Unreachable { address, trouble, cause: String::new() }
        })?;
        let method = format!("{method:?}").to_uppercase();
        Ok(Answer { status, body, operation: format!("{method} /{path}") })
    }

    /// Sends one request and reads the JSON of a 2xx answer.
    ///
    /// # Errors
    /// When no answer came, its status is another one, or it is no JSON.
    pub async fn call(
        &self,
        method: Method,
        segments: &[&str],
        query: &[(&str, &str)],
        body: Option<&Value>,
    ) -> Result<Value, EngineError> {
        let body = body.map_or(Body::Empty, Body::from);
        let settings = PatienceSettings { busy_for: self.busy_for, ..PatienceSettings::default() };
        let mut patience = Patience::new(settings);
        let passes = |status: u16| match status {
            // The engine turns it away before it looks at it.
            429 => true,
            502..=504 => only_looks(method, segments),
            _ => false,
        };
        loop {
            let answer = self.send(method, segments, query, body.clone()).await?.success();
            match answer {
                Err(busy) if busy.status().is_some_and(passes) && busy.is_passing() => {
                    patience.wait(busy).await?;
                }
                answer => return answer?.json(),
            }
        }
    }

    async fn probe(&self) -> Result<Engine, EngineError> {
        let answer = self.send(Method::Get, &[], &[], Body::Empty).await?;
        // A node without the module that answers `GET /` refuses the method, or the path.
        if matches!(answer.status, 400 | 405) {
            let version = self.node_version().await?;
            return Ok(Engine { flavor: Flavor::Elasticsearch, version });
        }
        let about: About = answer.success()?.json()?;
        Ok(about.into())
    }

    async fn node_version(&self) -> Result<String, EngineError> {
        let only = [("filter_path", "nodes.*.version")];
        let answer = self.send(Method::Get, &["_nodes", "_local"], &only, Body::Empty).await?;
        let answer = answer.success()?;
        let nodes: Nodes = answer.json()?;
        nodes.version().ok_or_else(|| answer.garbled())
    }
}

/// Whether a request changes nothing, however often it is done.
fn only_looks(method: Method, segments: &[&str]) -> bool {
    match method {
        Method::Get | Method::Head => true,
        Method::Post => matches!(segments.last(), Some(&("_search" | "_count" | "_refresh"))),
        _ => false,
    }
}

fn path(segments: &[&str]) -> String {
    let encoded = segments.iter().map(|segment| utf8_percent_encode(segment, SEGMENT).to_string());
    encoded.collect::<Vec<_>>().join("/")
}

/// What to say when the first requests fail.
fn not_connected(address: &str, error: &EngineError) -> Finding {
    let what = match error {
        // It names the address already.
        EngineError::Unreachable(_) => error.to_string(),
        EngineError::Refused { status: 401, .. } => {
            format!("the engine at {address} does not accept the credentials")
        }
        EngineError::Refused { .. } => format!("{error} at {address}"),
        EngineError::Garbled { .. } => {
            format!("what answers at {address} is neither Elasticsearch nor OpenSearch")
        }
    };
    let hint = match error {
        EngineError::Garbled { .. } => Some("does `engine.url` name the right host and port?"),
        _ => error.hint(),
    };
    finding(what, hint)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sink::transport::tests::config;

    #[test]
    fn paths_are_escaped() {
        assert_eq!(path(&["a b", "_doc", "x/y?김"]), "a%20b/_doc/x%2Fy%3F%EA%B9%80");
    }

    #[tokio::test]
    async fn nobody_there_is_said_with_the_address() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        let url = format!("http://u:hunter2@127.0.0.1:{port}");
        let error = Client::connect(&config(&url)).await.err().unwrap();
        let said = error.to_string().replace(&port.to_string(), "PORT");
        insta::assert_snapshot!(
            said,
            @"the engine at http://127.0.0.1:PORT cannot be reached: Connection refused (os error 111)"
        );
    }
}
