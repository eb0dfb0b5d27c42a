//! `POST /v1/{index}/export`: every row of a search, as a file.
//!
//! Promises: the rows, and what is shown of them, are those of a search with the same members, in its order, as the index was at
//! one moment. However many there are, a few pages of them are held at a time, and no more are read than the client takes. A
//! client can tell a file that is whole from one that is not. Each export leaves a line in the log that says how it ended.

mod audit;
mod file;
mod lines;
mod outlet;
mod places;
mod problems;
mod reading;
mod sheet;

use std::sync::Arc;
use std::time::Instant;

use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, PathRejection};
use axum::extract::{Path, State};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Version};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::body::json_body;
use super::caller::By;
use super::extent::TOTAL_COUNT;
use super::problem::Problem;
use super::search::{Sent, Wanted, index, settled};
use super::{AppState, Shared, rate};
use crate::config::{ExportConfig, Operation};
use crate::finding::Finding;
use crate::query::export::{Format, Table, Wish};
use crate::query::{Count, Page, SearchRequest, export_cost};
use audit::Audit;
use file::Made;
use lines::Lines;
use outlet::Outlet;
use places::Place;
pub(super) use places::Places;
use reading::Reading;

/// What the name of a file in a header may have as it is.
const NAME: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.');

/// Answers with a file.
pub(super) async fn export(
    State(state): State<AppState>,
    by: By,
    alias: Result<Path<String>, PathRejection>,
    parts: Parts,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    let start = Instant::now();
    let shared = Arc::clone(&state.shared);
    let index = index(&state.shared, &by.caller, alias)?;
    by.may(Operation::Export, index.0)?;
    let body = json_body(&parts.headers, body, shared.config.limits.body.0)?;
    let wish = Wish::read(&body);
    if wish.format == Format::Csv && parts.version < Version::HTTP_11 {
        return Err(Problem::no_end_can_be_seen());
    }
    let place = shared.exports.take(rate::payer(&parts.extensions))?;
    let wanted = Wanted { by: &by, search: Sent::Export(&wish), id: None };
    let mut page = settled(&shared, index, &wanted).await?;
    let table = page.table.take();
    let cost = |documents| export_cost(&page.request, documents);
    let found = page.answer.documents().ok_or_else(Problem::internal)?;
    let documents = found.min(wish.limit.unwrap_or(u64::MAX));
    rate::charge(cost(documents))?;
    let audit = Audit::new(&by.caller, index.0, (wish.format, &by.request_id), start);
    let reading = Reading::begin(Arc::clone(&shared), by.request_id, page, documents)?;
    let export = Export { reading, table, audit, place, shared };
    let mut response = match wish.format {
        Format::Xlsx => export.into_sheet().await?,
        format => export.into_lines(format),
    };
    tell(response.headers_mut(), index.0, wish.format, documents);
    Ok(response)
}

/// Whether files can be made where they are to be.
///
/// # Errors
/// When none can.
pub(super) fn can_be_made(config: &ExportConfig) -> Result<(), Finding> {
    let Some(folder) = &config.folder else { return Ok(()) };
    let made = sheet::empty(Some(folder)).map(drop);
    made.map_err(|error| {
        let what = format!("`api.exports.folder`: no file can be made there: {error}");
        Finding::error(what).hint("name a folder that is there, and that this server may write to")
    })
}

/// The search whose rows are wanted, as its first page is asked for.
pub(super) fn first_page(request: SearchRequest, limit: Option<u64>) -> SearchRequest {
    let most = limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(usize::MAX);
    let size = reading::FIRST.min(most);
    let page = Page { size, number: None, skipped: 0, after: None, snapshot: true };
    SearchRequest { page, count: Count::Exact, ..request }
}

/// What is to be sent.
struct Export {
    reading: Reading,
    table: Option<Table>,
    audit: Audit,
    place: Arc<Place>,
    shared: Arc<Shared>,
}

impl Export {
    /// Sends lines as they are read.
    fn into_lines(self, format: Format) -> Response {
        let Self { reading, table, audit, place, shared } = self;
        let work = Work::Lines(Box::new(reading), Lines::new(format, table));
        sent(work, audit, place, (&shared.config.exports, None))
    }

    /// Makes the file, and then sends it.
    async fn into_sheet(self) -> Result<Response, Problem> {
        let Self { mut reading, table, mut audit, place, shared } = self;
        let config = &shared.config.exports;
        let table = table.ok_or_else(Problem::internal)?;
        let made = sheet::make(&mut reading, table, (config, &place), &mut audit).await;
        drop(reading);
        let made = made.inspect_err(|problem| audit.ended(problem.code()))?;
        let length = made.length;
        let mut response = sent(Work::File(made), audit, place, (config, Some(length)));
        response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(length));
        Ok(response)
    }
}

/// Where a body comes from.
enum Work {
    Lines(Box<Reading>, Lines),
    File(Made),
}

impl Work {
    /// Sends all of it; says how that ended.
    async fn send(self, outlet: &Outlet, audit: &mut Audit) -> &'static str {
        match self {
            Self::Lines(mut reading, lines) => {
                lines::send(&mut reading, &lines, outlet, audit).await
            }
            Self::File(made) => file::send(made, outlet).await,
        }
    }
}

/// An answer that is sent while its client is there, who may go away before the first line.
fn sent(
    work: Work,
    mut audit: Audit,
    place: Arc<Place>,
    (config, length): (&ExportConfig, Option<u64>),
) -> Response {
    let (outlet, body) = outlet::open(config.stall, Arc::clone(&place));
    let longest = config.longest;
    let sending = async move {
        let ended = tokio::select! {
            biased;
            // Whoever knows the length does not wait for the end.
            () = outlet.gone() => match length == Some(outlet.taken()) {
                true => "complete",
                false => "client_gone",
            },
            ended = work.send(&outlet, &mut audit) => ended,
            () = tokio::time::sleep(longest) => "took_too_long",
        };
        audit.ended(ended);
        drop(place);
    };
    drop(tokio::spawn(sending));
    body.into_response()
}

/// What the file is, and what it is to be called.
fn tell(headers: &mut HeaderMap, alias: &str, format: Format, documents: u64) {
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(format.media_type()));
    headers.insert(TOTAL_COUNT, HeaderValue::from(documents));
    let name = format!("{alias}-{}.{}", Timestamp::now().strftime("%Y%m%d-%H%M%S"), format.word());
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let ascii: String = name.chars().map(|c| if plain(c) { c } else { '_' }).collect();
    let encoded = utf8_percent_encode(&name, NAME);
    // Those who read the second do not look at the first.
    let disposition = format!("attachment; filename=\"{ascii}\"; filename*=UTF-8''{encoded}");
    if let Ok(disposition) = HeaderValue::try_from(disposition) {
        headers.insert(CONTENT_DISPOSITION, disposition);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_called_by_its_index() {
        let mut headers = HeaderMap::new();
        tell(&mut headers, "계약 a\"b", Format::Xlsx, 3);
        let told = headers[CONTENT_DISPOSITION].to_str().unwrap();
        assert!(told.starts_with("attachment; filename=\"___a_b-20"), "{told}");
        assert!(told.contains("; filename*=UTF-8''%EA%B3%84%EC%95%BD%20a%22b-20"), "{told}");
        assert!(told.ends_with(".xlsx"), "{told}");
    }
}
