//! What cannot be asked in the words of a front end's package.
//!
//! Promises: as every problem, a stable code, and a message, which is all that these packages show.

use axum::http::StatusCode;

use super::Problem;
use crate::query::Code;

impl Problem {
    pub(in crate::api) fn only_reads() -> Self {
        let kind = ("method_not_allowed", "Method not allowed");
        let message =
            "documents are only read here: they change with the services that own their parts";
        Self::new(StatusCode::METHOD_NOT_ALLOWED, kind, message, None)
    }

    pub(in crate::api) fn asked_by_post() -> Self {
        let kind = ("method_not_allowed", "Method not allowed");
        let message = "AG Grid's blocks of rows are asked for by POST";
        Self::new(StatusCode::METHOD_NOT_ALLOWED, kind, message, None)
    }

    pub(in crate::api) fn no_document_of_a_grid() -> Self {
        let hint = "one document is GET /v1/{index}/{id}";
        Self::not_found("AG Grid asks for blocks of rows, and for no document by itself", hint)
    }

    pub(in crate::api) fn no_dialect(word: &str) -> Self {
        let kind = ("unknown_dialect", "Unknown dialect");
        let word: String = word.chars().take(40).collect();
        let detail = Some("`api.dialects` of the configuration switches dialects on");
        Self::new(StatusCode::NOT_FOUND, kind, format!("`{word}` is not spoken here"), detail)
    }

    /// A list that says nothing of pages takes what it gets for all there is.
    pub(in crate::api) fn not_all(most: usize) -> Self {
        let kind = (Code::LimitExceeded.word(), Code::LimitExceeded.title());
        let message =
            format!("there are more rows than the {most} of a page, and no page is asked for");
        let detail = Some("ask for pages, or for fewer rows");
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, kind, message, detail)
    }
}
