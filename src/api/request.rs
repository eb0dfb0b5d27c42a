//! What is done for every request: an id, a line in the log, and the last touch to a problem.
//!
//! Promises: each answer carries its `x-request-id`, the caller's own if it is a plain word. The line says who has asked which
//! fields of what, and how many rows were answered. Never logs a query, a body or a value.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use axum::extract::Request;
use axum::http::header::InvalidHeaderValue;
use axum::http::{HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use uuid::Uuid;

use super::peer::Peer;
use super::problem::Problem;
use super::reply::Spent;
use crate::access::Caller;

const SERVER_TIMING: HeaderName = HeaderName::from_static("server-timing");
const HEADER: &str = "x-request-id";
const MAX_ID: usize = 64;

/// The id of a request, for those who answer it.
#[derive(Debug, Clone)]
pub(super) struct RequestId(pub(super) String);

/// What becomes known of a request on its way, for the log.
#[derive(Debug, Clone, Default)]
pub(super) struct Trail(Arc<Noted>);

#[derive(Debug, Default)]
struct Noted {
    caller: OnceLock<Arc<Caller>>,
    index: OnceLock<String>,
    operation: OnceLock<&'static str>,
    fields: OnceLock<String>,
}

impl Trail {
    /// Who asks.
    pub(super) fn of(&self, caller: &Arc<Caller>) {
        let _once = self.0.caller.set(Arc::clone(caller));
    }

    /// What is asked, of which index.
    pub(super) fn about(&self, operation: &'static str, index: &str) {
        let _once = self.0.index.set(index.to_owned());
        let _once = self.0.operation.set(operation);
    }

    /// The fields that are filtered or sorted by, counted or asked for.
    pub(super) fn naming<'f>(&self, fields: impl Iterator<Item = &'f str>) {
        let _once = self.0.fields.set(fields.collect::<Vec<_>>().join(","));
    }
}

/// Number of rows in an answer, for the log.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rows(pub(super) usize);

/// The beginning of a path, up to the index: what stands behind it may be a document's id.
fn beginning(path: &str) -> String {
    let mut ends = path.match_indices('/').map(|(at, _)| at);
    match ends.nth(2).and_then(|end| path.get(..end)) {
        Some(beginning) => format!("{beginning}/…"),
        None => path.to_owned(),
    }
}

/// Wraps the answering of one request.
pub(super) async fn observe(mut request: Request, next: Next) -> Response {
    let start = Instant::now();
    let id = given(&request).unwrap_or_else(|| Uuid::new_v4().to_string());
    request.extensions_mut().insert(RequestId(id.clone()));
    let trail = Trail::default();
    request.extensions_mut().insert(trail.clone());
    let method = request.method().clone();
    let path = beginning(request.uri().path());
    let peer = request.extensions().get::<Peer>().map(|peer| peer.0);
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
    let total = start.elapsed();
    if let Ok(timing) = server_timing(response.extensions().get(), total) {
        response.headers_mut().insert(SERVER_TIMING, timing);
    }
    // Logs write what is longer as a text.
    let ms = u64::try_from(total.as_millis()).unwrap_or(u64::MAX);
    let Noted { caller, index, operation, fields } = &*trail.0;
    let caller = caller.get();
    tracing::info!(
        %method,
        path,
        status,
        code,
        ms,
        rows,
        peer = peer.map(tracing::field::display),
        subject = caller.map(|caller| caller.subject.as_str()),
        role = caller.map(|caller| caller.role.name()),
        known_by = caller.map(|caller| caller.how.word()),
        index = index.get(),
        operation = operation.get(),
        fields = fields.get(),
        request_id = id,
        "request"
    );
    response
}

/// In milliseconds, as browsers show them beside a request.
fn server_timing(
    spent: Option<&Spent>,
    total: Duration,
) -> Result<HeaderValue, InvalidHeaderValue> {
    let ms = |time: Duration| time.as_secs_f64() * 1e3;
    let total = format!("total;dur={:.1}", ms(total));
    HeaderValue::try_from(match spent {
        Some(spent) => {
            format!("plan;dur={:.2}, engine;dur={:.1}, {total}", ms(spent.plan), ms(spent.engine))
        }
        None => total,
    })
}

fn given(request: &Request) -> Option<String> {
    let id = request.headers().get(HEADER)?.to_str().ok()?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    (!id.is_empty() && id.len() <= MAX_ID && id.bytes().all(plain)).then(|| id.to_owned())
}
