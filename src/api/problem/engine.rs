//! The engine's troubles, as they are told.
//!
//! Promises: as every problem, a stable code; whatever the engine says of itself stays in the log.

use std::time::Duration;

use axum::http::StatusCode;

use super::Problem;
use crate::query::Code;
use crate::sink::{EngineError, Trouble};

/// How soon an engine without memory may have some again.
const MEMORY: Duration = Duration::from_secs(5);

impl Problem {
    pub(in crate::api) fn engine_unavailable() -> Self {
        let kind = ("engine_unavailable", "Engine unavailable");
        let message = "the search engine does not answer";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, kind, message, Some("try again later"))
    }

    pub(in crate::api) fn engine_timeout() -> Self {
        let kind = ("engine_timeout", "Engine timeout");
        let message = "the search engine did not answer in time";
        let detail = Some("a narrower filter, or `count: none`, is cheaper");
        Self::new(StatusCode::GATEWAY_TIMEOUT, kind, message, detail)
    }

    pub(in crate::api) fn partial_result() -> Self {
        let kind = ("partial_result", "Partial result");
        let message = "a part of the index does not answer";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, kind, message, Some("try again later"))
    }

    /// For those who can ask for less at a time; nobody else says how much there may be.
    pub(in crate::api) fn answer_too_long() -> Self {
        let kind = ("answer_too_long", "Answer too long");
        let message = "the documents of this page are more bytes than are taken at a time";
        let detail = Some("ask for fewer rows a page; with `fields` empty, documents are not read");
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, kind, message, detail)
    }

    /// It is not asked, since it has failed again and again.
    pub(in crate::api) fn engine_paused(again: Duration) -> Self {
        Self::engine_unavailable().after(again)
    }

    /// It answers others, but has no memory for this.
    pub(in crate::api) fn engine_busy() -> Self {
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

    fn index_missing() -> Self {
        let kind = ("index_missing", "Index missing");
        let message = "the index is not built yet";
        let detail = Some("`prejoin reindex` builds it");
        Self::new(StatusCode::SERVICE_UNAVAILABLE, kind, message, detail)
    }

    /// Whether there is nothing wrong but that the index is not built yet.
    pub(in crate::api) fn is_of_a_missing_index(&self) -> bool {
        self.code == Self::index_missing().code
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
            EngineError::Refused { .. } if error.is_named("task_cancelled_exception") => {
                Self::engine_timeout()
            }
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
