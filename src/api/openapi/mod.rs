//! `GET /openapi.json`: all of this API for one caller, as OpenAPI 3.1.
//!
//! Promises: only indexes, fields and operations that the caller has are in it. Every path stands there for each index by its
//! name, so that a client is told of what type each field is.

mod paths;
mod schemas;

use std::sync::Arc;

use axum::Json;
use axum::extract::{Extension, State};
use axum::response::{IntoResponse, Response};
use utoipa::openapi::{Components, InfoBuilder, OpenApi, OpenApiBuilder, PathsBuilder};

use super::AppState;
use super::problem::Problem;
use super::schema::{self, IndexSchema};
use crate::access::Caller;
use crate::query::Limits;

/// Answers with the description.
pub(super) async fn openapi(
    State(state): State<AppState>,
    Extension(caller): Extension<Arc<Caller>>,
) -> Result<Response, Problem> {
    let shared = &*state.shared;
    let indexes = schema::schemas(shared, &caller).await?;
    Ok(Json(document(&indexes, &caller, &shared.config.limits)).into_response())
}

fn document(indexes: &[IndexSchema], caller: &Caller, limits: &Limits) -> OpenApi {
    let info = InfoBuilder::new()
        .title("prejoin")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some("Searches of documents that are joined from many services."));
    let named: Vec<Named<'_>> =
        indexes.iter().enumerate().map(|(number, index)| Named::new(number, index)).collect();
    let mut components = schemas::shared(Components::new());
    let mut all = paths::shared(PathsBuilder::new());
    for index in &named {
        components = schemas::of_index(components, index, limits);
        all = paths::of_index(all, index, caller);
    }
    OpenApiBuilder::new().info(info.build()).paths(all.build()).components(Some(components)).build()
}

/// An index, and what its components are called by.
struct Named<'a> {
    index: &'a IndexSchema,
    prefix: String,
}

impl<'a> Named<'a> {
    /// The alias, where the names of components may have it.
    fn new(number: usize, index: &'a IndexSchema) -> Self {
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        let prefix = match index.index.chars().all(plain) {
            true => index.index.clone(),
            false => format!("index.{number}"),
        };
        Self { index, prefix }
    }

    /// The name of one of its components.
    fn component(&self, what: &str) -> String {
        format!("{}.{what}", self.prefix)
    }
}
