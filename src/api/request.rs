//! What is done for every request: an id, a line in the log, and the last touch to a problem.
//!
//! Promises: each answer carries its `x-request-id`, the caller's own if it is a plain word. Never logs a query, a body or a
//! value.

use std::time::Instant;

use axum::extract::Request;
use axum::http::HeaderValue;
use axum::middleware::Next;
use axum::response::Response;
use uuid::Uuid;

use super::problem::Problem;

const HEADER: &str = "x-request-id";
const MAX_ID: usize = 64;

/// The id of a request, for those who answer it.
#[derive(Debug, Clone)]
pub(super) struct RequestId(pub(super) String);

/// Number of rows in an answer, for the log.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rows(pub(super) usize);

/// Wraps the answering of one request.
pub(super) async fn observe(mut request: Request, next: Next) -> Response {
    let start = Instant::now();
    let id = given(&request).unwrap_or_else(|| Uuid::new_v4().to_string());
    request.extensions_mut().insert(RequestId(id.clone()));
    let method = request.method().clone();
    let path = request.uri().path().to_owned();
    let mut response = next.run(request).await;
    let mut code = None;
    if let Some(problem) = response.extensions_mut().remove::<Problem>() {
        code = Some(problem.code());
        response = problem.render(response, &id);
    }
    if let Ok(id) = HeaderValue::try_from(&id) {
        response.headers_mut().insert(HEADER, id);
    }
    let rows = response.extensions().get::<Rows>().map(|rows| rows.0);
    let status = response.status().as_u16();
    let ms = start.elapsed().as_millis();
    tracing::info!(%method, path, status, code, ms, rows, request_id = id, "request");
    response
}

fn given(request: &Request) -> Option<String> {
    let id = request.headers().get(HEADER)?.to_str().ok()?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    (!id.is_empty() && id.len() <= MAX_ID && id.bytes().all(plain)).then(|| id.to_owned())
}
