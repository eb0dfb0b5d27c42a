//! `/dialects/{dialect}/{index}`: lists of packages that front ends are made with, as these packages ask for them.
//!
//! Promises: what is asked goes the way of every other search, so that the same is seen by the same callers; a list is told a
//! total of rows that its pages reach, and is never cut short silently. Never writes anything.

use std::time::Instant;

use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, PathRejection};
use axum::extract::{Path, RawQuery, State};
use axum::http::header::ALLOW;
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::answer::{Hit, Total, rows, write};
use super::body::json_body;
use super::caller::By;
use super::get::preferred;
use super::problem::Problem;
use super::reply::plain;
use super::search::{Page, Sent, Wanted, index, settled};
use super::{AppState, Shared, extent};
use crate::config::{Dialect, Operation};
use crate::query::dialect::{self, Asked};
use crate::query::{Code, Count, Pointer, Refusal};

type Names = Result<Path<(String, String)>, PathRejection>;

/// Answers a list that is asked for in a query string.
pub(super) async fn list(
    State(state): State<AppState>,
    by: By,
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
    rows_of(&state.shared, alias, &by, (Sent::Dialect { dialect, asked, exact }, start)).await
}

/// Answers a block of rows of AG Grid; to the others, a POST is a document to write.
pub(super) async fn grid(
    State(state): State<AppState>,
    by: By,
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
    rows_of(shared, alias, &by, (sent, start)).await
}

/// Answers one document.
pub(super) async fn one(
    State(state): State<AppState>,
    by: By,
    names: Result<Path<(String, String, String)>, PathRejection>,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let shared = &*state.shared;
    let Path((dialect, alias, id)) = names.map_err(|_| Problem::no_document())?;
    let (dialect, alias) = spoken(shared, Ok(Path((dialect, alias))))?;
    if dialect == Dialect::AgGrid {
        return Err(Problem::no_document_of_a_grid());
    }
    let index = index(shared, &by.caller, Ok(Path(alias)))?;
    by.may(Operation::Get, index.0)?;
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
    let wanted = Wanted { by: &by, search, id: Some(&id) };
    let page = settled(shared, index, &wanted).await?;
    let hit = page.answer.hits.hits.first().ok_or_else(Problem::no_document)?;
    let mut row = String::new();
    own_row(&page, hit, &mut row)?;
    plain(row.into_bytes(), None, page.spent, 1)
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
    by: &By,
    (search, start): (Sent<'_>, Instant),
) -> Result<Response, Problem> {
    let index = index(shared, &by.caller, Ok(Path(alias)))?;
    by.may(Operation::Search, index.0)?;
    let wanted = Wanted { by, search, id: None };
    let page = settled(shared, index, &wanted).await?;
    let hits = &page.answer.hits.hits;
    let hits = hits.get(..page.request.page.size).unwrap_or(hits);
    let (mut list, count) = (String::new(), hits.len());
    rows(hits, &mut list, |hit, out| own_row(&page, hit, out))?;
    let exact = page.answer.hits.total.as_ref().and_then(Total::exact);
    let asked = &page.request.page;
    if asked.number.is_none() && exact != u64::try_from(count).ok() {
        return Err(Problem::not_all(asked.size));
    }
    let whole = asked.number.is_none() || page.request.count == Count::Exact;
    let total = dialect::total(exact, whole, shared.config.limits.offset_window);
    let body = match search {
        Sent::Dialect { dialect: Dialect::AgGrid, .. } => {
            format!("{{\"rowData\":{list},\"rowCount\":{total}}}")
        }
        _ => list,
    };
    tracing::debug!(took = ?start.elapsed(), "answered in a dialect");
    let mut response = plain(body.into_bytes(), Some(total), page.spent, count)?;
    extent::tell(response.headers_mut(), index.0, (asked, count), Some(total));
    Ok(response)
}

/// Writes a row with an `id`.
fn own_row(page: &Page, hit: &Hit, out: &mut String) -> Result<(), Problem> {
    let mut row = String::new();
    write(&page.selection, hit, &mut row)?;
    dialect::row(&row, out).map_err(|_| Problem::internal())
}
