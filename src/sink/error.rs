//! What can go wrong between us and the engine, in a form that code can branch on.
//!
//! Promises: keeps the status, the engine's own name for the error, and the index. Never keeps the engine's reason text,
//! which quotes values of documents and of queries.

use std::fmt;

use serde::Deserialize;
use serde_json::Value;

/// The engine could not be asked, or said no.
#[derive(Debug, Clone, thiserror::Error)]
pub enum EngineError {
    /// No answer came.
    #[error(transparent)]
    Unreachable(#[from] Unreachable),
    /// The engine answered with an error.
    #[error("the engine refused {operation}: {status}{}", named(.error_type, .cause, .index))]
    Refused {
        /// What was asked, as `POST /contracts/_search`.
        operation: String,
        /// HTTP status.
        status: u16,
        /// `error.type`; empty when the answer names none.
        error_type: String,
        /// The type of the first root cause, when it is another one.
        cause: Option<String>,
        /// The index at fault.
        index: Option<String>,
    },
    /// The answer is not what this request is answered with.
    #[error("{operation} was answered ({status}) with something other than expected")]
    Garbled {
        /// What was asked.
        operation: String,
        /// HTTP status.
        status: u16,
    },
}

/// No answer came.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the engine at {address} {trouble}{}", after_colon(.cause))]
pub struct Unreachable {
    /// Base URL without credentials.
    pub address: String,
    /// How it failed.
    pub trouble: Trouble,
    /// The operating system's or TLS library's own words; empty when they add nothing.
    pub cause: String,
}

/// How a request failed to be answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// No connection came about: nothing was sent.
    NotConnected,
    /// The connection came about, but not with whom the configuration trusts: nothing was sent.
    NotTrusted,
    /// The connection ended before the answer: the request may have been carried out.
    Closed,
    /// The time for an answer ran out: the request may have been carried out, or may yet be.
    TimedOut,
    /// The answer is longer than was asked for, and was not read.
    TooLong,
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotConnected => "cannot be reached",
            Self::NotTrusted => "is not trusted",
            Self::Closed => "closed the connection before it answered",
            Self::TimedOut => "did not answer in time",
            Self::TooLong => "has a longer answer than is read",
        })
    }
}

/// What the client's library wraps all in that fails before there is a connection: no name, no route, no TLS. The kind of
/// the operating system's error does not tell: a host may become unreachable in the middle of a request.
const CONNECTING: &str = "client error (Connect)";

impl Unreachable {
    /// Reads the chain of causes: only there does the client's library tell what happened.
    pub(super) fn new(address: &str, error: &elasticsearch::Error) -> Self {
        let mut trouble = if error.is_timeout() { Trouble::TimedOut } else { Trouble::Closed };
        let mut cause = String::new();
        let mut connecting = false;
        let mut next = std::error::Error::source(error);
        while let Some(error) = next {
            let io = error.downcast_ref::<std::io::Error>();
            if io.is_some_and(|io| io.kind() == std::io::ErrorKind::TimedOut) {
                trouble = Trouble::TimedOut;
            }
            next = error.source();
            let said = error.to_string();
            connecting |= said == CONNECTING;
            if next.is_none() {
                cause = said;
            }
        }
        if trouble == Trouble::TimedOut {
            cause.clear();
        } else if connecting {
            let trusted = !cause.contains("certificate");
            trouble = if trusted { Trouble::NotConnected } else { Trouble::NotTrusted };
        }
        Self { address: address.to_owned(), trouble, cause }
    }

    fn hint(&self) -> &'static str {
        match self.trouble {
            Trouble::NotTrusted => {
                "`engine.ca_file` has to hold the authority that signed the engine's certificate, and that has to be for \
                 the host in `engine.url`"
            }
            // What comes back from a port that does not speak as it is spoken to.
            _ if self.cause.contains("corrupt message") => {
                "does the engine speak TLS there? if not, write http:// in `engine.url`"
            }
            _ if self.cause.contains("invalid HTTP version") => {
                "does the engine speak TLS there? if so, write https:// in `engine.url`"
            }
            _ => "is the engine running, and is `engine.url` right?",
        }
    }
}

impl EngineError {
    /// The error that an answer's status and body tell of.
    pub(super) fn refused(operation: String, status: u16, body: &[u8]) -> Self {
        let told = serde_json::from_slice::<Told>(body).unwrap_or_default();
        let (error_type, root, index) = match told.error {
            Some(ToldError::Full { error_type, index, root_cause, caused_by }) => {
                let mut root = root_cause.into_iter().next();
                let index = index.or_else(|| root.as_ref().and_then(|root| root.index.clone()));
                // What fails after the shards have answered has a cause, and no root; and why a shard could make no query
                // is told below its root.
                let is_a_wrapper = |root: &RootCause| root.error_type.as_deref() == Some(WRAPPER);
                if root.as_ref().is_none_or(is_a_wrapper) {
                    root = caused_by.map(RootCause::deepest).or(root);
                }
                let index = index.or_else(|| root.as_ref().and_then(|root| root.index.clone()));
                (error_type.unwrap_or_default(), root.and_then(|root| root.error_type), index)
            }
            _ => (String::new(), None, None),
        };
        let cause = root.filter(|root| *root != error_type);
        Self::Refused { operation, status, error_type, cause, index }
    }

    /// HTTP status of the answer, if one came.
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Unreachable(_) => None,
            Self::Refused { status, .. } | Self::Garbled { status, .. } => Some(*status),
        }
    }

    /// The engine's name for the error, as `index_not_found_exception`; empty when it gave none.
    pub fn error_type(&self) -> &str {
        match self {
            Self::Refused { error_type, .. } => error_type,
            _ => "",
        }
    }

    /// Whether that is its type, or its cause's.
    pub fn is_named(&self, name: &str) -> bool {
        match self {
            Self::Refused { error_type, cause, .. } => {
                error_type == name || cause.as_deref() == Some(name)
            }
            _ => false,
        }
    }

    /// Whether a search was refused that counts more buckets than the engine does.
    pub fn is_of_buckets(&self) -> bool {
        self.is_named("too_many_buckets_exception")
    }

    /// Whether a search was refused that has more clauses than the engine takes.
    pub fn is_of_clauses(&self) -> bool {
        self.is_named("too_many_clauses") || self.is_named("too_many_nested_clauses")
    }

    /// Whether a request was refused that would have taken more memory than there is for it.
    pub fn is_of_memory(&self) -> bool {
        self.is_named("circuit_breaking_exception")
    }

    /// Whether what was asked for does not exist.
    pub fn is_not_found(&self) -> bool {
        self.status() == Some(404)
    }

    /// Whether it exists already, or has changed meanwhile.
    pub fn is_conflict(&self) -> bool {
        self.status() == Some(409) || self.error_type() == "resource_already_exists_exception"
    }

    /// Whether no answer came at all.
    pub fn is_unreachable(&self) -> bool {
        matches!(self, Self::Unreachable(why) if why.trouble != Trouble::TooLong)
    }

    /// Whether it may pass by itself: nobody answers, or the engine has no time.
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Unreachable(unreachable) => unreachable.trouble != Trouble::NotTrusted,
            Self::Refused { status, error_type, .. } => {
                matches!(status, 408 | 429 | 500..) && error_type != "cluster_block_exception"
            }
            Self::Garbled { .. } => false,
        }
    }

    /// What to do about it, where that is known.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Unreachable(unreachable) => Some(unreachable.hint()),
            Self::Refused { status, error_type, .. } => hint_for(*status, error_type),
            Self::Garbled { .. } => Some("is something other than the engine answering here?"),
        }
    }
}

/// What to do about an error of the engine, by its status and type.
pub(super) fn hint_for(status: u16, error_type: &str) -> Option<&'static str> {
    Some(match (status, error_type) {
        (_, "cluster_block_exception") => {
            "the index takes no writes: most often the engine's disk passed its flood-stage watermark; \
             free some space, or remove the block (`index.blocks.*`)"
        }
        (_, "index_not_found_exception") => "was the index deleted while it was being written?",
        (_, "validation_exception") => {
            "if the cluster has all the shards it allows, delete indexes or raise `cluster.max_shards_per_node`"
        }
        (401, _) => "check `engine.api_key`, or `engine.username` and `engine.password`",
        (403, _) => {
            "the engine's account lacks a privilege: it needs `monitor` on the cluster, and `all` on its indexes \
             and on prejoin's own"
        }
        (429 | 503, _) => "the engine is overloaded or not all of it is up: try again later",
        _ => return None,
    })
}

#[derive(Deserialize, Default)]
struct Told {
    error: Option<ToldError>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum ToldError {
    Full {
        #[serde(rename = "type")]
        error_type: Option<String>,
        index: Option<String>,
        #[serde(default)]
        root_cause: Vec<RootCause>,
        caused_by: Option<RootCause>,
    },
    /// Some errors are a bare text.
    #[expect(dead_code, reason = "it may quote a value")]
    Text(Value),
}

#[derive(Deserialize)]
struct RootCause {
    #[serde(rename = "type")]
    error_type: Option<String>,
    index: Option<String>,
    caused_by: Option<Box<Self>>,
}

/// What is told of any query that a shard cannot make.
const WRAPPER: &str = "query_shard_exception";

impl RootCause {
    fn deepest(mut self) -> Self {
        while let Some(below) = self.caused_by.take() {
            self = *below;
        }
        self
    }
}

fn named(error_type: &str, cause: &Option<String>, index: &Option<String>) -> String {
    let mut text = String::new();
    for part in
        [Some(error_type).filter(|ty| !ty.is_empty()), cause.as_deref()].into_iter().flatten()
    {
        text.push_str(if text.is_empty() { " " } else { ", " });
        text.push_str(part);
    }
    if let Some(index) = index {
        text.push_str(" (index `");
        text.push_str(index);
        text.push_str("`)");
    }
    text
}

fn after_colon(cause: &str) -> String {
    if cause.is_empty() { String::new() } else { format!(": {cause}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(status: u16, body: &str) -> String {
        EngineError::refused("POST /a/_search".to_owned(), status, body.as_bytes()).to_string()
    }

    #[tokio::test]
    async fn only_what_failed_to_connect_was_not_sent() {
        use std::io::ErrorKind as Io;
        let told = |error| Unreachable::new("http://host", &error).trouble;
        for kind in [Io::ConnectionReset, Io::HostUnreachable, Io::InvalidData, Io::Other] {
            let error = elasticsearch::Error::from(std::io::Error::new(kind, "certificates"));
            assert_eq!(told(error), Trouble::Closed, "{kind}");
        }
        assert_eq!(told(std::io::Error::from(Io::TimedOut).into()), Trouble::TimedOut);
        // No host can have that name.
        let transport = elasticsearch::http::transport::Transport::single_node("http://a.invalid");
        let client = elasticsearch::Elasticsearch::new(transport.unwrap());
        assert_eq!(told(client.ping().send().await.unwrap_err()), Trouble::NotConnected);
    }

    #[test]
    fn an_error_keeps_names_and_drops_reasons() {
        let body = r#"{"error": {"type": "search_phase_execution_exception", "reason": "hunter2",
            "root_cause": [{"type": "illegal_argument_exception", "reason": "hunter2", "index": "a-000001"}]}, "status": 400}"#;
        insta::assert_snapshot!(
            said(400, body),
            @"the engine refused POST /a/_search: 400 search_phase_execution_exception, illegal_argument_exception (index `a-000001`)"
        );
        let reduced = r#"{"error": {"type": "search_phase_execution_exception", "reason": "", "root_cause": [],
            "caused_by": {"type": "too_many_buckets_exception", "reason": "hunter2", "max_buckets": 65535}}, "status": 503}"#;
        insta::assert_snapshot!(
            said(503, reduced),
            @"the engine refused POST /a/_search: 503 search_phase_execution_exception, too_many_buckets_exception"
        );
        let clauses = r#"{"error": {"type": "search_phase_execution_exception", "reason": "hunter2",
            "root_cause": [{"type": "query_shard_exception", "reason": "hunter2", "index": "a-000001"}],
            "caused_by": {"type": "query_shard_exception", "reason": "hunter2", "index": "a-000001",
                "caused_by": {"type": "too_many_clauses", "reason": "hunter2"}}}, "status": 400}"#;
        insta::assert_snapshot!(
            said(400, clauses),
            @"the engine refused POST /a/_search: 400 search_phase_execution_exception, too_many_clauses (index `a-000001`)"
        );
        let bare = r#"{"error": "no handler for hunter2", "status": 400}"#;
        insta::assert_snapshot!(said(400, bare), @"the engine refused POST /a/_search: 400");
        insta::assert_snapshot!(said(502, "<html>hunter2"), @"the engine refused POST /a/_search: 502");
    }
}
