//! The line that each export leaves in the log.
//!
//! Promises: it says how much was sent and how it ended, also where nobody was left to say so. Never has a value in it.

use std::sync::Arc;
use std::time::Instant;

use crate::access::Caller;
use crate::query::export::Format;

/// What becomes known of an export; written when it is dropped.
pub(super) struct Audit {
    caller: Arc<Caller>,
    index: String,
    format: Format,
    request_id: String,
    start: Instant,
    /// Lines beside headings.
    pub(super) rows: u64,
    /// Before they are packed.
    pub(super) bytes: u64,
    ended: &'static str,
}

impl Audit {
    pub(super) fn new(
        caller: &Arc<Caller>,
        index: &str,
        (format, request_id): (Format, &str),
        start: Instant,
    ) -> Self {
        Self {
            caller: Arc::clone(caller),
            index: index.to_owned(),
            format,
            request_id: request_id.to_owned(),
            start,
            rows: 0,
            bytes: 0,
            ended: "broken_off",
        }
    }

    /// Of whose export it is.
    pub(super) fn request_id(&self) -> &str {
        &self.request_id
    }

    /// How it ended: `complete`, what its client did, or the code of a problem.
    pub(super) fn ended(&mut self, how: &'static str) {
        self.ended = how;
    }
}

impl Drop for Audit {
    fn drop(&mut self) {
        tracing::info!(
            subject = self.caller.subject.as_str(),
            role = self.caller.role.name(),
            known_by = self.caller.how.word(),
            index = self.index,
            operation = "export",
            format = self.format.word(),
            rows = self.rows,
            bytes = self.bytes,
            ms = u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX),
            ended = self.ended,
            request_id = self.request_id,
            "export"
        );
    }
}
