//! What goes wrong, as `application/problem+json` (RFC 9457).
//!
//! Promises: a stable `code` for programs, a `message` for people, and a pointer to each fault of a body, or its parameter. Never holds the
//! engine's words.

mod dialects;
mod engine;
mod who;

use std::time::Duration;

use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::finding::did_you_mean;
use crate::query::{Fault, Refusal};

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
        // One place of a request may be written for two.
        self.faults.dedup();
        self
    }

    /// With the advice to come again after so long.
    pub(super) fn after(self, again: Duration) -> Self {
        Self { retry_after: Some(seconds(again)), ..self }
    }

    /// How soon to ask again, where that is known.
    pub(super) fn retry_after(&self) -> Option<Duration> {
        self.retry_after.map(|seconds| Duration::from_secs(seconds.into()))
    }

    /// The word for programs and for the log.
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
