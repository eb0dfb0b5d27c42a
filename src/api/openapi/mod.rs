//! `GET /openapi.json`: all of this API for one caller, as OpenAPI 3.1.
//!
//! Promises: only indexes, fields and operations that the caller has are in it. Every path stands there for each index by its
//! name, so that a client is told of what type each field is.

mod answers;
mod bodies;
mod counts;
mod paths;
mod security;
mod shapes;

use std::sync::Arc;

use axum::Json;
use axum::extract::{Extension, State};
use axum::response::{IntoResponse, Response};
use utoipa::openapi::{Components, InfoBuilder, OpenApi, OpenApiBuilder, PathsBuilder};

use super::AppState;
use super::problem::Problem;
use super::schema::{self, IndexSchema};
use crate::access::Caller;
use crate::config::ApiConfig;

/// Answers with the description.
pub(super) async fn openapi(
    State(state): State<AppState>,
    Extension(caller): Extension<Arc<Caller>>,
) -> Result<Response, Problem> {
    let shared = &*state.shared;
    let indexes = schema::schemas(shared, &caller).await?;
    Ok(Json(document(&indexes, &caller, &shared.config)).into_response())
}

fn document(indexes: &[IndexSchema], caller: &Caller, config: &ApiConfig) -> OpenApi {
    let info = InfoBuilder::new()
        .title("prejoin")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some("Searches of documents that are joined from many services."));
    let named = indexes.iter().enumerate();
    let named: Vec<Named<'_>> =
        named.map(|(number, index)| Named::new(number, index, config)).collect();
    let ways = security::ways(&config.auth);
    let needed = (!ways.is_empty()).then(|| security::needed(&ways));
    let mut components = answers::shared(Components::new());
    for (name, way) in ways {
        components.add_security_scheme(name, way);
    }
    let mut all = paths::shared(PathsBuilder::new());
    for index in &named {
        components = answers::of_index(components, index);
        components = bodies::of_index(components, index, &config.limits);
        all = paths::of_index(all, index, caller);
    }
    let document = OpenApiBuilder::new().info(info.build()).paths(all.build());
    document.components(Some(components)).security(needed).build()
}

/// An index, and what its components are called by.
struct Named<'a> {
    index: &'a IndexSchema,
    prefix: String,
    /// Its presets.
    views: Vec<&'a str>,
}

impl<'a> Named<'a> {
    /// Whether words can be looked for in it that are nearly the same.
    fn finds_near(&self) -> bool {
        self.index.fields.iter().any(|field| field.fuzzy)
    }

    /// The alias, where the names of components may have it.
    fn new(number: usize, index: &'a IndexSchema, config: &'a ApiConfig) -> Self {
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        let prefix = match index.index.chars().all(plain) {
            true => index.index.clone(),
            false => format!("index.{number}"),
        };
        let views = config.views.get(&index.index).into_iter().flatten();
        Self { index, prefix, views: views.map(|(name, _)| name.as_str()).collect() }
    }

    /// The name of one of its components.
    fn component(&self, what: &str) -> String {
        format!("{}.{what}", self.prefix)
    }
}
