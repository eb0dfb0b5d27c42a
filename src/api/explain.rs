//! `POST /v1/{index}/explain`: what the engine would be sent for a search, and what the search costs.
//!
//! Promises: no document is asked for, and no snapshot opened. Never shows which rows a role sees: what is shown is compiled
//! from the caller's search alone.

use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, PathRejection};
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::Value;

use super::AppState;
use super::begin::place;
use super::body::json_body;
use super::buckets::{self, Scope};
use super::caller::By;
use super::problem::Problem;
use super::search::{index, understood};
use crate::config::Operation;
use crate::query::dsl::{question, to_dsl, with_aggregations};
use crate::query::{Binding, Filter, cost};

/// What a search would do.
#[derive(Serialize)]
struct Explanation<'a> {
    /// The real index.
    index: &'a str,
    /// Units of a quota.
    cost: u32,
    /// Whether it is read from a snapshot.
    snapshot: bool,
    /// The engine's request.
    search: Value,
}

/// Explains a search of the index that the alias names at that moment.
pub(super) async fn explain(
    State(state): State<AppState>,
    by: By,
    alias: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    let shared = &*state.shared;
    let (alias, latest) = index(shared, &by.caller, alias)?;
    by.may(Operation::Explain, alias)?;
    let body = json_body(&headers, body, shared.config.limits.body.0)?;
    let generation = latest.read(shared, alias).await?;
    let view = generation.view(&by.caller)?;
    let request = understood(shared, alias, (&view, &body))?;
    by.trail.naming(request.named().into_iter());
    // A cursor is one of the search with its rows.
    let asked = question(&request, &view.rows);
    let binding = Binding::new(by.caller.binding(), alias, view.fields, &asked);
    let scope = Scope {
        caller: &by.caller,
        alias,
        fields: view.fields,
        request: &request,
        question: &asked,
    };
    scope.allowed()?;
    let after_groups = buckets::opened(&shared.signer, &scope)?;
    let place = place(shared, &generation.index, &request.page, binding)?;
    let held = place.as_ref().is_some_and(|place| place.held.is_some());
    let after = place.map(|place| serde_json::from_str(place.sort.get())).transpose();
    let after = after.map_err(|_| Problem::internal())?;
    // Whichever rows the role sees, they stay out of what is shown.
    let shown = question(&request, &Filter::everything());
    let explanation = Explanation {
        index: &generation.index,
        cost: cost(&request),
        snapshot: held || request.page.snapshot,
        search: with_aggregations(to_dsl(&request, &shown, after), &request, &after_groups),
    };
    Ok(axum::Json(explanation).into_response())
}
