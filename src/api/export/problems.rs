//! What is wrong with an export alone.
//!
//! Promises: as every problem, a stable code, and no word of the engine's.

use std::time::Duration;

use axum::http::StatusCode;

use super::super::problem::Problem;
use crate::query::Code;

/// How soon another export may have ended.
const SOON: Duration = Duration::from_secs(10);

impl Problem {
    pub(super) fn too_many_exports() -> Self {
        let kind = ("too_many_exports", "Too many exports");
        let message = "as many exports are under way as may be";
        let detail = Some("try again later");
        Self::new(StatusCode::SERVICE_UNAVAILABLE, kind, message, detail).after(SOON)
    }

    /// More than a sheet's `rows`.
    pub(super) fn beyond_a_sheet(rows: u64) -> Self {
        let message = format!("a sheet has at most {rows} rows beside its headings");
        let detail = "a narrower filter, a `limit`, or `csv`, which has any number of rows";
        Self::beyond(message, detail)
    }

    /// A text that is longer than a cell of that column may be.
    pub(super) fn beyond_a_cell(heading: &str) -> Self {
        let message = format!("a text of the column `{heading}` is longer than a cell of a sheet");
        Self::beyond(message, "a cell has at most 32,767 characters; `csv` has any number")
    }

    /// More than `bytes` of cells.
    pub(super) fn beyond_the_disk(bytes: u64) -> Self {
        let message = format!("a workbook has at most {} MiB of cells", bytes >> 20);
        Self::beyond(message, "fewer columns, a narrower filter, or `csv`, which has any number")
    }

    /// One that could not be told from half of it.
    pub(super) fn no_end_can_be_seen() -> Self {
        let kind = ("http_version_not_supported", "HTTP version not supported");
        let message =
            "by HTTP/1.0 nobody could tell a CSV that is whole from one that is broken off";
        let detail = Some("ask by HTTP/1.1 or newer, or for `ndjson`, whose last line tells");
        Self::new(StatusCode::HTTP_VERSION_NOT_SUPPORTED, kind, message, detail)
    }

    fn beyond(message: String, detail: &str) -> Self {
        let kind = (Code::LimitExceeded.word(), Code::LimitExceeded.title());
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, kind, message, Some(detail))
    }

    /// Whether the same may be answered when it is asked for again.
    pub(super) fn may_pass(&self) -> bool {
        let passing = [
            Self::engine_unavailable(),
            Self::engine_timeout(),
            Self::engine_busy(),
            Self::partial_result(),
        ];
        passing.iter().any(|passing| passing.code() == self.code())
    }

    /// Whether less at a time may do.
    pub(super) fn is_of_too_much(&self) -> bool {
        let less = [Self::engine_timeout(), Self::engine_busy(), Self::answer_too_long()];
        less.iter().any(|less| less.code() == self.code())
    }

    /// As it is told where nobody has asked for a page by a cursor.
    pub(super) fn of_an_export(self) -> Self {
        if self.code() != Self::cursor_expired().code() {
            return self;
        }
        let kind = ("snapshot_lost", "Snapshot lost");
        let message = "the index is not held any more as it was when the export began";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, kind, message, Some("start again"))
    }
}
