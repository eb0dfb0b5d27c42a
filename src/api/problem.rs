//! What goes wrong, as `application/problem+json` (RFC 9457).
//!
//! Promises: a stable `code` for programs, a `message` for people, and a pointer to each fault of a body, or its parameter. Never holds the
//! engine's words.

use std::time::Duration;

use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::finding::did_you_mean;
use crate::query::{Code, Fault, Refusal};
use crate::sink::{EngineError, Trouble};

/// How soon an engine without memory may have some again.
const MEMORY: Duration = Duration::from_secs(5);

/// An answer that is no success.
#[derive(Debug, Clone)]
pub(super) struct Problem {
    status: StatusCode,
    code: &'static str,
    title: &'static str,
    message: String,
    detail: Option<String>,
    faults: Vec<Fault>,
    /// In seconds.
    retry_after: Option<u32>,
}

impl Problem {
    pub(super) fn new(
        status: StatusCode,
        (code, title): (&'static str, &'static str),
        message: impl Into<String>,
        detail: Option<&str>,
    ) -> Self {
        let detail = detail.map(str::to_owned);
        Self {
            status,
            code,
            title,
            message: message.into(),
            detail,
            faults: Vec::new(),
            retry_after: None,
        }
    }

    pub(super) fn not_found(message: impl Into<String>, detail: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, ("not_found", "Not found"), message, Some(detail))
    }

    pub(super) fn unknown_index<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Self {
        let kind = ("unknown_index", "Unknown index");
        let hint = did_you_mean(name, known);
        Self::new(StatusCode::NOT_FOUND, kind, format!("unknown index `{name}`"), Some(&hint))
    }

    /// None that the caller may see: there being none and its being hidden are told alike.
    pub(super) fn no_document() -> Self {
        let kind = ("unknown_document", "Unknown document");
        Self::new(StatusCode::NOT_FOUND, kind, "there is no document of this id", None)
    }

    pub(super) fn not_ready<'a>(indexes: impl Iterator<Item = &'a str>) -> Self {
        let kind = ("not_ready", "Not ready");
        let indexes: Vec<String> = indexes.map(|index| format!("`{index}`")).collect();
        let message = match indexes.is_empty() {
            true => "not every index can be searched now".to_owned(),
            false => format!("cannot be searched now: {}", indexes.join(", ")),
        };
        Self::new(StatusCode::SERVICE_UNAVAILABLE, kind, message, Some("the log tells why"))
    }

    pub(super) fn method_not_allowed() -> Self {
        let kind = ("method_not_allowed", "Method not allowed");
        let message = "this path does not answer this method";
        Self::new(StatusCode::METHOD_NOT_ALLOWED, kind, message, None)
    }

    pub(super) fn only_reads() -> Self {
        let kind = ("method_not_allowed", "Method not allowed");
        let message =
            "documents are only read here: they change with the services that own their parts";
        Self::new(StatusCode::METHOD_NOT_ALLOWED, kind, message, None)
    }

    pub(super) fn asked_by_post() -> Self {
        let kind = ("method_not_allowed", "Method not allowed");
        let message = "AG Grid's blocks of rows are asked for by POST";
        Self::new(StatusCode::METHOD_NOT_ALLOWED, kind, message, None)
    }

    pub(super) fn no_document_of_a_grid() -> Self {
        let hint = "one document is GET /v1/{index}/{id}";
        Self::not_found("AG Grid asks for blocks of rows, and for no document by itself", hint)
    }

    pub(super) fn no_dialect(word: &str) -> Self {
        let kind = ("unknown_dialect", "Unknown dialect");
        let word: String = word.chars().take(40).collect();
        let detail = Some("`api.dialects` of the configuration switches dialects on");
        Self::new(StatusCode::NOT_FOUND, kind, format!("`{word}` is not spoken here"), detail)
    }

    /// A list that says nothing of pages takes what it gets for all there is.
    pub(super) fn not_all(most: usize) -> Self {
        let kind = (Code::LimitExceeded.word(), Code::LimitExceeded.title());
        let message =
            format!("there are more rows than the {most} of a page, and no page is asked for");
        let detail = Some("ask for pages, or for fewer rows");
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, kind, message, detail)
    }

    /// For those who can ask for less at a time; nobody else says how much there may be.
    pub(super) fn answer_too_long() -> Self {
        let kind = ("answer_too_long", "Answer too long");
        let message = "the documents of this page are more bytes than are taken at a time";
        let detail = Some("ask for fewer rows a page; with `fields` empty, documents are not read");
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, kind, message, detail)
    }

    pub(super) fn wrong_host() -> Self {
        let kind = ("wrong_host", "Wrong host");
        let message = "this server answers to its loopback names only";
        let detail = Some("send the header `Host: localhost`; a proxy in front must set it");
        Self::new(StatusCode::MISDIRECTED_REQUEST, kind, message, detail)
    }

    pub(super) fn unauthenticated() -> Self {
        let kind = ("unauthenticated", "Not authenticated");
        let message = "who asks must be known";
        let detail = Some("send `Authorization: Bearer` with a token or an API key");
        Self::new(StatusCode::UNAUTHORIZED, kind, message, detail)
    }

    pub(super) fn invalid_credentials() -> Self {
        let kind = ("invalid_credentials", "Invalid credentials");
        let message = "this token or key is not valid, or not any more";
        Self::new(StatusCode::UNAUTHORIZED, kind, message, None)
    }

    pub(super) fn no_role() -> Self {
        let kind = ("no_role", "No role");
        Self::new(StatusCode::FORBIDDEN, kind, "your token gives you no role here", None)
    }

    pub(super) fn identity_unavailable() -> Self {
        let kind = ("identity_unavailable", "Identity provider unavailable");
        let message = "who asks cannot be found out now";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, kind, message, Some("try again later"))
    }

    pub(super) fn forbidden() -> Self {
        let kind = ("forbidden", "Forbidden");
        Self::new(StatusCode::FORBIDDEN, kind, "your role may not do this", None)
    }

    pub(super) fn foreign_host() -> Self {
        let kind = ("wrong_host", "Wrong host");
        let message = "this server does not answer to that name";
        let detail = Some("`api.hosts` has the names that it answers to");
        Self::new(StatusCode::MISDIRECTED_REQUEST, kind, message, detail)
    }

    pub(super) fn in_the_clear() -> Self {
        let kind = ("in_the_clear", "In the clear");
        let message = "keys and tokens are not taken in the clear";
        let detail = Some("ask by the proxy that speaks TLS for this server");
        Self::new(StatusCode::FORBIDDEN, kind, message, detail)
    }

    pub(super) fn forwarded() -> Self {
        let kind = ("forwarded", "Forwarded");
        let message = "this server answers its own machine only, and nobody for whom a proxy asks";
        let detail = Some("the log tells its operator more");
        Self::new(StatusCode::FORBIDDEN, kind, message, detail)
    }

    pub(super) fn not_json() -> Self {
        let kind = ("unsupported_media_type", "Unsupported media type");
        let message = "the body is JSON, and says so";
        let detail = Some("send the header `Content-Type: application/json`");
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, kind, message, detail)
    }

    pub(super) fn too_large(most: usize) -> Self {
        let kind = ("body_too_large", "Body too large");
        let message = format!("a body has at most {most} bytes");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, kind, message, None)
    }

    pub(super) fn late_body(wait: Duration) -> Self {
        let kind = ("body_too_late", "Body too late");
        let message = format!("a body has {} seconds to come whole", wait.as_secs());
        Self::new(StatusCode::REQUEST_TIMEOUT, kind, message, None)
    }

    pub(super) fn broken_body() -> Self {
        let kind = ("incomplete_body", "Incomplete body");
        Self::new(StatusCode::BAD_REQUEST, kind, "the body ended before it was complete", None)
    }

    /// What happened is in the log.
    pub(super) fn internal() -> Self {
        let kind = ("internal", "Internal error");
        let message = "this should not have happened";
        let detail = Some("the log tells more under this request id");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, kind, message, detail)
    }

    pub(super) fn engine_unavailable() -> Self {
        let kind = ("engine_unavailable", "Engine unavailable");
        let message = "the search engine does not answer";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, kind, message, Some("try again later"))
    }

    pub(super) fn engine_timeout() -> Self {
        let kind = ("engine_timeout", "Engine timeout");
        let message = "the search engine did not answer in time";
        let detail = Some("a narrower filter, or `count: none`, is cheaper");
        Self::new(StatusCode::GATEWAY_TIMEOUT, kind, message, detail)
    }

    pub(super) fn partial_result() -> Self {
        let kind = ("partial_result", "Partial result");
        let message = "a part of the index does not answer";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, kind, message, Some("try again later"))
    }

    pub(super) fn cursor_expired() -> Self {
        let kind = ("cursor_expired", "Cursor expired");
        let message = "the snapshot that this cursor goes on with is over";
        let detail = Some("start again without `page.after`");
        Self::new(StatusCode::GONE, kind, message, detail)
    }

    pub(super) fn too_many_snapshots(again: Duration) -> Self {
        let kind = ("too_many_snapshots", "Too many snapshots");
        let message = "as many snapshots are open as may be";
        let detail = Some("try again later, or page without `snapshot`");
        Self::new(StatusCode::SERVICE_UNAVAILABLE, kind, message, detail).after(again)
    }

    /// It is not asked, since it has failed again and again.
    pub(super) fn engine_paused(again: Duration) -> Self {
        Self::engine_unavailable().after(again)
    }

    /// It answers others, but has no memory for this.
    pub(super) fn engine_busy() -> Self {
        let kind = ("engine_busy", "Engine busy");
        let message = "the search engine has no room for this search now";
        let detail = Some("try again later, or ask for less");
        Self::new(StatusCode::SERVICE_UNAVAILABLE, kind, message, detail).after(MEMORY)
    }

    fn too_many_buckets() -> Self {
        let kind = (Code::LimitExceeded.word(), Code::LimitExceeded.title());
        let message = "this search counts more groups than the search engine does at a time";
        let detail = Some("a narrower filter, or a longer interval, makes fewer of them");
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, kind, message, detail)
    }

    fn too_many_clauses() -> Self {
        let kind = (Code::LimitExceeded.word(), Code::LimitExceeded.title());
        let message = "this search has more parts than the search engine takes";
        let detail = Some("fewer comparisons, or fewer words, make fewer of them");
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, kind, message, detail)
    }

    pub(super) fn too_many_requests(again: Duration) -> Self {
        let kind = ("rate_limited", "Rate limited");
        let message = "more was asked for than the quota allows";
        let detail = Some("wait as long as `Retry-After` says");
        Self::new(StatusCode::TOO_MANY_REQUESTS, kind, message, detail).after(again)
    }

    pub(super) fn overloaded() -> Self {
        let kind = ("overloaded", "Overloaded");
        let message = "as many requests are being answered as may be";
        let problem =
            Self::new(StatusCode::SERVICE_UNAVAILABLE, kind, message, Some("try again later"));
        problem.after(Duration::from_secs(1))
    }

    fn index_missing() -> Self {
        let kind = ("index_missing", "Index missing");
        let message = "the index is not built yet";
        let detail = Some("`prejoin reindex` builds it");
        Self::new(StatusCode::SERVICE_UNAVAILABLE, kind, message, detail)
    }

    /// Whether a search that was read by another mapping might have gone better.
    pub(super) fn may_be_of_the_mapping(&self) -> bool {
        match self.status {
            // Who the caller is, how much they asked for, and what was forgotten: no mapping tells otherwise.
            StatusCode::UNAUTHORIZED
            | StatusCode::FORBIDDEN
            | StatusCode::TOO_MANY_REQUESTS
            | StatusCode::GONE => false,
            status => status.is_client_error() || status == StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// Whether it is the request that is wrong.
    pub(super) fn is_of_the_request(&self) -> bool {
        self.status.is_client_error()
    }

    /// With its faults placed by `tell`.
    pub(super) fn told_by(mut self, tell: impl FnOnce(&mut [Fault])) -> Self {
        tell(&mut self.faults);
        self
    }

    /// Whether there is nothing wrong but that the index is not built yet.
    pub(super) fn is_of_a_missing_index(&self) -> bool {
        self.code == Self::index_missing().code
    }

    /// With the advice to come again after so long.
    pub(super) fn after(self, again: Duration) -> Self {
        Self { retry_after: Some(seconds(again)), ..self }
    }

    /// The word for programs and for the log.
    /// How soon to ask again, where that is known.
    pub(super) fn retry_after(&self) -> Option<Duration> {
        self.retry_after.map(|seconds| Duration::from_secs(seconds.into()))
    }

    pub(super) fn code(&self) -> &'static str {
        self.code
    }

    /// The answer, with all that is known of the request.
    pub(super) fn render(self, mut response: Response, request_id: &str) -> Response {
        let body = self.told(request_id);
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(again) = self.retry_after {
            headers.insert(RETRY_AFTER, HeaderValue::from(again));
        }
        *response.body_mut() = Body::from(body);
        response
    }

    /// Itself as JSON.
    pub(super) fn told(&self, request_id: &str) -> Vec<u8> {
        let errors = self.faults.iter().map(|fault| Entry {
            pointer: fault.parameter.is_none().then_some(&fault.pointer),
            parameter: fault.parameter.as_deref(),
            code: fault.code.word(),
            detail: match &fault.hint {
                Some(hint) => format!("{}; {hint}", fault.what),
                None => fault.what.clone(),
            },
        });
        let told = Told {
            ty: format!("urn:prejoin:problem:{}", self.code),
            title: self.title,
            status: self.status.as_u16(),
            code: self.code,
            message: &self.message,
            detail: self.detail.as_deref(),
            request_id,
            errors: errors.collect(),
        };
        // A structure of texts and numbers always serializes.
        serde_json::to_vec(&told).unwrap_or_default()
    }
}

/// Whole seconds, and never before it is worth it.
fn seconds(again: Duration) -> u32 {
    let seconds = again.as_secs() + u64::from(again.subsec_nanos() > 0);
    u32::try_from(seconds.max(1)).unwrap_or(u32::MAX)
}

/// The problem travels beside the response until the request's id is at hand.
impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let Some(first) = refusal.faults.first() else { return Self::internal() };
        let well_formed = refusal.faults.iter().all(|fault| fault.code.is_well_formed());
        let status =
            if well_formed { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::BAD_REQUEST };
        Self {
            status,
            code: first.code.word(),
            title: first.code.title(),
            message: first.what.clone(),
            detail: first.hint.clone(),
            faults: refusal.faults,
            retry_after: None,
        }
    }
}

impl From<&EngineError> for Problem {
    fn from(error: &EngineError) -> Self {
        let timed_out = |name: &str| name.contains("timeout");
        match error {
            EngineError::Unreachable(why) if why.trouble == Trouble::TimedOut => {
                Self::engine_timeout()
            }
            EngineError::Unreachable(why) if why.trouble == Trouble::TooLong => {
                Self::answer_too_long()
            }
            EngineError::Unreachable(_) | EngineError::Garbled { .. } => Self::engine_unavailable(),
            EngineError::Refused { .. } if error.is_of_buckets() => Self::too_many_buckets(),
            EngineError::Refused { .. } if error.is_of_clauses() => Self::too_many_clauses(),
            EngineError::Refused { .. } if error.is_of_memory() => Self::engine_busy(),
            EngineError::Refused { status, error_type, cause, .. } => match status {
                504 => Self::engine_timeout(),
                _ if timed_out(error_type) || cause.as_deref().is_some_and(timed_out) => {
                    Self::engine_timeout()
                }
                404 if error_type == "index_not_found_exception" => Self::index_missing(),
                429 | 502 | 503 => Self::engine_unavailable(),
                _ => Self::internal(),
            },
        }
    }
}

#[derive(Serialize)]
struct Told<'a> {
    #[serde(rename = "type")]
    ty: String,
    title: &'a str,
    status: u16,
    code: &'a str,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<&'a str>,
    request_id: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<Entry<'a>>,
}

#[derive(Serialize)]
struct Entry<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pointer: Option<&'a String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parameter: Option<&'a str>,
    code: &'a str,
    detail: String,
}
