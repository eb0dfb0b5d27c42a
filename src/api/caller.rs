//! Finds out who asks.
//!
//! Promises: nothing is answered to one who is not known, where callers are told apart. Never logs what they bring.

use axum::extract::{Request, State};
use axum::http::HeaderValue;
use axum::http::header::WWW_AUTHENTICATE;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::AppState;
use super::problem::Problem;
use super::request::Trail;
use crate::access::{Caller, Turned};
use crate::config::Operation;

/// Lets a request on with its [`Caller`] beside it.
pub(super) async fn identify(
    State(state): State<AppState>,
    mut request: Request,
    next: Next,
) -> Response {
    let caller = match state.shared.access.admit(request.headers()).await {
        Ok(caller) => caller,
        Err(turned) => return away(turned),
    };
    if let Some(trail) = request.extensions().get::<Trail>() {
        trail.of(&caller);
    }
    request.extensions_mut().insert(caller);
    next.run(request).await
}

fn away(turned: Turned) -> Response {
    let (problem, challenge) = match turned {
        Turned::Empty => (Problem::unauthenticated(), Some("Bearer realm=\"prejoin\"")),
        Turned::Unknown => (
            Problem::invalid_credentials(),
            Some("Bearer realm=\"prejoin\", error=\"invalid_token\""),
        ),
        Turned::NoRole => (Problem::no_role(), None),
        Turned::Untold => (Problem::identity_unavailable(), None),
    };
    let mut response = problem.into_response();
    if let Some(challenge) = challenge {
        response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
    }
    response
}

/// Refuses what the caller's role may not do with an index, and notes that it was asked for.
pub(super) fn may(
    caller: &Caller,
    operation: Operation,
    index: &str,
    trail: &Trail,
) -> Result<(), Problem> {
    trail.about(operation.word(), index);
    if caller.may(operation) { Ok(()) } else { Err(Problem::forbidden()) }
}
