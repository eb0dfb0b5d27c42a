//! `POST /v1/{index}/search`.
//!
//! Promises: one request, one query of the engine, and a page that is whole or a problem.

use std::time::{Duration, Instant};

use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, PathRejection};
use axum::extract::{Extension, Path, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::Value;

use super::answer::{EngineAnswer, Found, FoundPage, Hit, Meta};
use super::problem::Problem;
use super::request::{RequestId, Rows};
use super::{AppState, Shared};
use crate::query::cursor::CursorError;
use crate::query::dsl::{Question, question, to_dsl};
use crate::query::project::Selection;
use crate::query::{Binding, Code, Fields, Pointer, Refusal, SearchRequest, parse};
use crate::sink::{EngineError, Method};

/// What the engine is given for a search; it ends by itself then.
const ENGINE_TIMEOUT: &str = "5s";
/// How long its answer is waited for.
const WAIT: Duration = Duration::from_secs(7);

/// Answers one search.
pub(super) async fn search(
    State(state): State<AppState>,
    Extension(RequestId(request_id)): Extension<RequestId>,
    alias: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    let start = Instant::now();
    let shared = &*state.shared;
    let (alias, fields) = index(shared, alias)?;
    let request = parse(fields, &json_body(&headers, body)?)?;
    let question = question(&request);
    let binding = Binding::new(alias, fields, &question);
    let after = request.page.after.as_deref();
    let after = after.map(|cursor| open_cursor(shared, binding, cursor)).transpose()?;
    let query = Query { alias, request: &request, question: &question, after };
    let answer = ask(shared, query, &request_id).await?;

    let mut hits = answer.hits.hits;
    let has_next = hits.len() > request.page.size;
    hits.truncate(request.page.size);
    let last = hits.last().filter(|_| has_next);
    let next = last.map(|hit| shared.signer.issue(binding, &hit.sort));
    let found = Found {
        data: rows(&request, &hits)?,
        page: FoundPage { size: request.page.size, next, has_next },
        total: answer.hits.total,
        meta: Meta {
            index: hits.first().map_or(alias, |hit| &hit.index),
            took_ms: start.elapsed().as_millis(),
            request_id: &request_id,
        },
    };
    let mut response = axum::Json(&found).into_response();
    response.extensions_mut().insert(Rows(hits.len()));
    Ok(response)
}

/// The index of the URL, under the name that is known here.
fn index(
    shared: &Shared,
    alias: Result<Path<String>, PathRejection>,
) -> Result<(&str, &Fields), Problem> {
    let known = &shared.indexes;
    // Only a name that is no UTF-8 is refused by the extractor.
    let alias = alias.map_or_else(|_| String::from("\u{FFFD}"), |Path(alias)| alias);
    let found = known.get_key_value(&alias).map(|(alias, fields)| (alias.as_str(), fields));
    found.ok_or_else(|| Problem::unknown_index(&alias, known.keys().map(String::as_str)))
}

fn json_body(headers: &HeaderMap, body: Result<Bytes, BytesRejection>) -> Result<Bytes, Problem> {
    let media_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = media_type.and_then(|value| value.split(';').next()).map(str::trim);
    if !essence.is_some_and(|essence| essence.eq_ignore_ascii_case("application/json")) {
        return Err(Problem::not_json());
    }
    body.map_err(|rejection| match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => Problem::too_large(),
        _ => Problem::broken_body(),
    })
}

fn open_cursor(shared: &Shared, binding: Binding, cursor: &str) -> Result<Value, Refusal> {
    let at = Pointer::root().join("page").join("after");
    shared.signer.open(binding, cursor).map_err(|error| match error {
        CursorError::Invalid => {
            let hint = Some("hand back `page.next` of the page before, unchanged");
            Refusal::one(&at, Code::InvalidCursor, "this is no cursor of this server", hint)
        }
        CursorError::Mismatch => {
            let what = "this cursor belongs to another index, filter or sort";
            let hint = Some("start again without `page.after`");
            Refusal::one(&at, Code::CursorMismatch, what, hint)
        }
    })
}

struct Query<'a> {
    alias: &'a str,
    request: &'a SearchRequest,
    question: &'a Question,
    after: Option<Value>,
}

async fn ask(shared: &Shared, query: Query<'_>, request_id: &str) -> Result<EngineAnswer, Problem> {
    let body = to_dsl(query.request, query.question, query.after);
    let segments = [query.alias, "_search"];
    let options = [("allow_partial_search_results", "false"), ("timeout", ENGINE_TIMEOUT)];
    let sent = async {
        let answer = shared.client.send(Method::Post, &segments, &options, &body).await?;
        answer.success()?.json::<EngineAnswer>()
    };
    match tokio::time::timeout(WAIT, sent).await {
        Ok(Ok(answer)) => answer.whole(),
        Ok(Err(error)) => Err(refused(&error, request_id)),
        Err(_) => Err(Problem::engine_timeout()),
    }
}

fn refused(error: &EngineError, request_id: &str) -> Problem {
    tracing::warn!(error = %error, request_id, "search failed");
    Problem::from(error)
}

fn rows(
    request: &SearchRequest,
    hits: &[Hit],
) -> Result<Vec<Box<serde_json::value::RawValue>>, Problem> {
    let selection = Selection::new(request.fields.as_deref());
    let rows = hits.iter().map(|hit| selection.row(&hit.id, &hit.source));
    rows.collect::<Result<_, _>>().map_err(|_| Problem::internal())
}
