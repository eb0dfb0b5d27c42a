//! `/dialects/{dialect}/{index}`: lists of packages that front ends are made with, as these packages ask for them.
//!
//! Promises: what is asked goes the way of every other search, so that the same is seen by the same callers; a list is told a
//! total of rows that its pages reach, and is never cut short silently. Never writes anything.

use std::sync::Arc;
use std::time::Instant;

use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, PathRejection};
use axum::extract::{Extension, Path, RawQuery, State};
use axum::http::header::ALLOW;
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{IntoResponse, Response};
use serde_json::json;
use serde_json::value::RawValue;

use super::answer::{Total, write};
use super::body::json_body;
use super::caller::may;
use super::get::preferred;
use super::problem::Problem;
use super::reply::plain;
use super::request::{RequestId, Trail};
use super::search::{Page, Sent, Wanted, index, settled};
use super::{AppState, Shared, extent};
use crate::access::Caller;
use crate::config::{Dialect, Operation};
use crate::query::dialect::{self, Asked};
use crate::query::{Code, Count, Pointer, Refusal};

type Names = Result<Path<(String, String)>, PathRejection>;

/// Who asks, and under which id.
type From = (Extension<RequestId>, Extension<Arc<Caller>>, Extension<Trail>);

/// Answers a list that is asked for in a query string.
pub(super) async fn list(
    State(state): State<AppState>,
    from: From,
    names: Names,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let start = Instant::now();
    let (dialect, alias) = spoken(&state.shared, names)?;
    if dialect == Dialect::AgGrid {
        return Ok(refused(dialect));
    }
    let asked = Asked::Query(query.as_deref());
    let exact = preferred(&headers) == Some("exact");
    rows_of(&state.shared, alias, from, (Sent::Dialect { dialect, asked, exact }, start)).await
}

/// Answers a block of rows of AG Grid; to the others, a POST is a document to write.
pub(super) async fn grid(
    State(state): State<AppState>,
    from: From,
    names: Names,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    let start = Instant::now();
    let shared = &*state.shared;
    let (dialect, alias) = spoken(shared, names)?;
    if dialect != Dialect::AgGrid {
        return Ok(refused(dialect));
    }
    let body = json_body(&headers, body, shared.config.limits.body.0)?;
    let exact = preferred(&headers) == Some("exact");
    let sent = Sent::Dialect { dialect, asked: Asked::Body(&body), exact };
    rows_of(shared, alias, from, (sent, start)).await
}

/// Answers one document.
pub(super) async fn one(
    State(state): State<AppState>,
    from: From,
    names: Result<Path<(String, String, String)>, PathRejection>,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let (Extension(RequestId(request_id)), Extension(caller), Extension(trail)) = from;
    let shared = &*state.shared;
    let Path((dialect, alias, id)) = names.map_err(|_| Problem::no_document())?;
    let (dialect, alias) = spoken(shared, Ok(Path((dialect, alias))))?;
    if dialect == Dialect::AgGrid {
        return Err(Problem::no_document_of_a_grid());
    }
    let index = index(shared, &caller, Ok(Path(alias)))?;
    may(&caller, Operation::Get, index.0, &trail)?;
    if let Some(name) = query.as_deref().and_then(|query| query.split(['=', '&']).next())
        && !name.is_empty()
    {
        let hint = "a document has what belongs to it in it already";
        let what = "one document is asked for without parameters";
        let root = Pointer::root();
        return Err(Refusal::one(&root, Code::UnknownParameter, what, Some(hint)).into());
    }
    let body = json!({"page": {"size": 1}, "count": "none"}).to_string();
    let search = Sent::Body(body.as_bytes());
    let wanted =
        Wanted { caller: &caller, trail: &trail, search, id: Some(&id), request_id: &request_id };
    let page = settled(shared, index, &wanted).await?;
    let row = own_rows(&page)?.into_iter().next().ok_or_else(Problem::no_document)?;
    plain(row.get().as_bytes().to_vec(), None, page.spent, 1)
}

/// Refuses to write to a list.
pub(super) async fn no_writes(
    State(state): State<AppState>,
    names: Names,
) -> Result<Response, Problem> {
    let (dialect, _) = spoken(&state.shared, names)?;
    Ok(refused(dialect))
}

/// Refuses to write to a document.
pub(super) async fn no_writes_to_one(
    State(state): State<AppState>,
    names: Result<Path<(String, String, String)>, PathRejection>,
) -> Result<Response, Problem> {
    let Path((dialect, alias, _)) = names.map_err(|_| Problem::no_document())?;
    match spoken(&state.shared, Ok(Path((dialect, alias))))? {
        (Dialect::AgGrid, _) => Err(Problem::no_document_of_a_grid()),
        (dialect, _) => Ok(refused(dialect)),
    }
}

/// The methods that a dialect has.
fn refused(dialect: Dialect) -> Response {
    let (problem, allowed) = match dialect {
        Dialect::AgGrid => (Problem::asked_by_post(), "POST"),
        _ => (Problem::only_reads(), "GET, HEAD"),
    };
    let mut response = problem.into_response();
    response.headers_mut().insert(ALLOW, HeaderValue::from_static(allowed));
    response
}

/// The dialect of the URL, if it is switched on, and the index.
fn spoken(shared: &Shared, names: Names) -> Result<(Dialect, String), Problem> {
    let Path((word, alias)) = names.map_err(|_| Problem::no_dialect("\u{FFFD}"))?;
    let mut spoken = shared.config.dialects.iter().copied();
    let dialect = spoken.find(|dialect| dialect.word() == word);
    dialect.map(|dialect| (dialect, alias)).ok_or_else(|| Problem::no_dialect(&word))
}

/// Answers rows, and how many there are.
async fn rows_of(
    shared: &Shared,
    alias: String,
    (Extension(RequestId(request_id)), Extension(caller), Extension(trail)): From,
    (search, start): (Sent<'_>, Instant),
) -> Result<Response, Problem> {
    let index = index(shared, &caller, Ok(Path(alias)))?;
    may(&caller, Operation::Search, index.0, &trail)?;
    let wanted =
        Wanted { caller: &caller, trail: &trail, search, id: None, request_id: &request_id };
    let page = settled(shared, index, &wanted).await?;
    let rows = own_rows(&page)?;
    let exact = page.answer.hits.total.as_ref().and_then(Total::exact);
    let asked = &page.request.page;
    let count = rows.len();
    if asked.number.is_none() && exact != u64::try_from(count).ok() {
        return Err(Problem::not_all(asked.size));
    }
    let whole = asked.number.is_none() || page.request.count == Count::Exact;
    let total = dialect::total(exact, whole, shared.config.limits.offset_window);
    let body = match search {
        Sent::Dialect { dialect: Dialect::AgGrid, .. } => {
            serde_json::to_vec(&Block { row_data: rows, row_count: total })
        }
        _ => serde_json::to_vec(&rows),
    };
    let body = body.map_err(|_| Problem::internal())?;
    tracing::debug!(took = ?start.elapsed(), "answered in a dialect");
    let mut response = plain(body, Some(total), page.spent, count)?;
    extent::tell(response.headers_mut(), index.0, (asked, count), Some(total));
    Ok(response)
}

/// A block of rows, in the words of the grid.
#[derive(serde::Serialize)]
#[serde(rename_all = "camelCase")]
struct Block {
    row_data: Vec<Box<RawValue>>,
    row_count: u64,
}

/// The rows of a page, each with an `id`.
fn own_rows(page: &Page) -> Result<Vec<Box<RawValue>>, Problem> {
    let hits = page.answer.hits.hits.iter().take(page.request.page.size);
    let row = |hit| {
        let mut row = String::new();
        write(&page.selection, hit, &mut row)?;
        let row = RawValue::from_string(row).and_then(|row| dialect::row(&row));
        row.map_err(|_| Problem::internal())
    };
    hits.map(row).collect()
}
