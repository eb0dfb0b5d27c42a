//! Finds out who asks.
//!
//! Promises: nothing is answered to one who is not known, where callers are told apart. Never logs what they bring.

use std::sync::Arc;

use axum::extract::{FromRequestParts, Request, State};
use axum::http::HeaderValue;
use axum::http::header::WWW_AUTHENTICATE;
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::AppState;
use super::problem::Problem;
use super::request::{RequestId, Trail};
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

/// Who asks, under which id, and where what is asked is noted.
pub(super) struct By {
    pub(super) request_id: String,
    pub(super) caller: Arc<Caller>,
    pub(super) trail: Trail,
}

/// What stands beside a request that was let on.
impl<S: Sync> FromRequestParts<S> for By {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let RequestId(request_id) =
            parts.extensions.get().cloned().ok_or_else(Problem::internal)?;
        let caller = parts.extensions.get().cloned().ok_or_else(Problem::internal)?;
        let trail = parts.extensions.get().cloned().ok_or_else(Problem::internal)?;
        Ok(Self { request_id, caller, trail })
    }
}

impl By {
    /// Refuses what the caller's role may not do with an index, and notes that it was asked for.
    pub(super) fn may(&self, operation: Operation, index: &str) -> Result<(), Problem> {
        self.trail.about(operation.word(), index);
        if self.caller.may(operation) { Ok(()) } else { Err(Problem::forbidden()) }
    }
}
