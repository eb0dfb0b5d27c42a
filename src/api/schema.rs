//! `GET /v1/schema` and `GET /v1/schema/{index}`: what a search may say, from which forms are built.
//!
//! Promises: nothing is told of an index or a field that a search of the same caller could not name, or a row not show. Is of
//! the index that the alias names at this moment.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::Response;
use serde::Serialize;

use super::caller::By;
use super::generation::{Generation, Latest};
use super::problem::Problem;
use super::reply::{Alone, Meta, Spent, begun_with, reply};
use super::search::index;
use super::{AppState, Shared};
use crate::access::Caller;
use crate::query::schema::{FieldSchema, describe};

/// What a caller may ask of one index.
#[derive(Serialize)]
pub(super) struct IndexSchema {
    /// The name in the path.
    pub(super) index: String,
    pub(super) fields: Vec<FieldSchema>,
}

/// Answers with all indexes that are built.
pub(super) async fn all(State(state): State<AppState>, by: By) -> Result<Response, Problem> {
    let start = Instant::now();
    let data = schemas(&state.shared, &by.caller).await?;
    let meta = Meta::new((None, None), &by.request_id, start);
    tell(&data, &meta)
}

/// Answers with one index.
pub(super) async fn one(
    State(state): State<AppState>,
    by: By,
    alias: Result<Path<String>, PathRejection>,
) -> Result<Response, Problem> {
    let start = Instant::now();
    let shared = &*state.shared;
    let (alias, latest) = index(shared, &by.caller, alias)?;
    let (generation, data) = schema(shared, (alias, latest), &by.caller).await?;
    let meta = Meta::new((Some(&generation.index), None), &by.request_id, start);
    tell(&data, &meta)
}

fn tell(data: &impl Serialize, meta: &Meta<'_>) -> Result<Response, Problem> {
    reply((begun_with(data)?, &Alone {}), meta, Spent::default(), 0)
}

/// Of every index that is there for the caller; one that is not built yet has no fields, and is left out.
pub(super) async fn schemas(shared: &Shared, caller: &Caller) -> Result<Vec<IndexSchema>, Problem> {
    let mut all = Vec::new();
    for (alias, latest) in shared.indexes.iter().filter(|(alias, _)| caller.role.sees(alias)) {
        match schema(shared, (alias, latest), caller).await {
            Ok((_, schema)) => all.push(schema),
            Err(problem) if problem.is_of_a_missing_index() => {}
            Err(problem) => return Err(problem),
        }
    }
    Ok(all)
}

async fn schema(
    shared: &Shared,
    (alias, latest): (&str, &Latest),
    caller: &Caller,
) -> Result<(Arc<Generation>, IndexSchema), Problem> {
    let generation = latest.read(shared, alias).await?;
    let fields = describe(generation.view(caller)?.fields, &shared.config.limits);
    Ok((generation, IndexSchema { index: alias.to_owned(), fields }))
}
