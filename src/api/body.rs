//! The bodies of requests.
//!
//! Promises: a body has come whole, within its size and its time, before its request takes one of the places: who sends slowly
//! keeps nobody out. Never looks into one.

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::rejection::BytesRejection;
use axum::extract::{FromRequest, Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::AppState;
use super::problem::Problem;

/// How long a body may take in all.
const WAIT: Duration = Duration::from_secs(10);

/// Lets a request on once its body is here.
pub(super) async fn whole(State(state): State<AppState>, request: Request, next: Next) -> Response {
    match read(request, state.shared.config.limits.body.0, WAIT).await {
        Ok(request) => next.run(request).await,
        Err(problem) => problem.into_response(),
    }
}

async fn read(request: Request, most: usize, wait: Duration) -> Result<Request, Problem> {
    // No other has one that anybody reads.
    if request.method() != Method::POST {
        return Ok(request);
    }
    let (parts, body) = request.into_parts();
    let coming = Bytes::from_request(Request::from_parts(parts.clone(), body), &());
    let body = tokio::time::timeout(wait, coming).await.map_err(|_| Problem::late_body(wait))?;
    let body = body.map_err(|rejection| told(&rejection, most))?;
    Ok(Request::from_parts(parts, Body::from(body)))
}

/// Why there is no body, of which there may be so many bytes.
fn told(rejection: &BytesRejection, most: usize) -> Problem {
    match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => Problem::too_large(most),
        _ => Problem::broken_body(),
    }
}

/// The body of a request that is JSON and says so, of at most so many bytes.
pub(super) fn json_body(
    headers: &HeaderMap,
    body: Result<Bytes, BytesRejection>,
    most: usize,
) -> Result<Bytes, Problem> {
    let media_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = media_type.and_then(|value| value.split(';').next()).map(str::trim);
    if !essence.is_some_and(|essence| essence.eq_ignore_ascii_case("application/json")) {
        return Err(Problem::not_json());
    }
    body.map_err(|rejection| told(&rejection, most))
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use futures::StreamExt as _;
    use futures::stream::{once, pending};

    use super::*;

    #[tokio::test]
    async fn a_body_is_here_whole_or_not_at_all() {
        let some = || once(async { Ok::<_, Infallible>(Bytes::from_static(b"{")) });
        let read = |method, body| {
            let request = Request::builder().method(method).body(body).unwrap();
            read(request, 10, Duration::from_millis(20))
        };
        let whole = read(Method::POST, Body::from_stream(some())).await.unwrap();
        assert_eq!(axum::body::to_bytes(whole.into_body(), 10).await.unwrap(), "{");
        let never = || Body::from_stream(some().chain(pending()));
        assert_eq!(read(Method::POST, never()).await.err().unwrap().code(), "body_too_late");
        assert!(read(Method::GET, never()).await.is_ok());
        let broken = Body::from_stream(once(async { Err::<Bytes, _>(std::io::Error::other("x")) }));
        assert_eq!(read(Method::POST, broken).await.err().unwrap().code(), "incomplete_body");
    }
}
