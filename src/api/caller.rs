//! Finds out who asks.
//!
//! Promises: nothing is answered to one who is not known, where callers are told apart. Never logs what they bring.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::AppState;
use super::problem::Problem;
use crate::access::Caller;
use crate::config::Operation;

/// Lets a request on with its [`Caller`] beside it.
pub(super) async fn identify(
    State(state): State<AppState>,
    mut request: Request,
    next: Next,
) -> Response {
    let Some(caller) = state.shared.access.anyone() else {
        return Problem::internal().into_response();
    };
    request.extensions_mut().insert(caller);
    next.run(request).await
}

/// Refuses what the caller's role may not do.
pub(super) fn may(caller: &Arc<Caller>, operation: Operation) -> Result<(), Problem> {
    if caller.may(operation) { Ok(()) } else { Err(Problem::forbidden()) }
}
