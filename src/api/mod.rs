//! The query API over HTTP.
//!
//! Promises: every answer that is no success is a problem (RFC 9457) and never quotes the engine; one line is logged per
//! request, without values; it listens on loopback only, as long as callers are not told apart.

mod answer;
mod ask;
mod begin;
mod body;
mod breaker;
mod buckets;
mod caller;
mod conditional;
mod connections;
mod dialects;
mod document;
mod explain;
mod export;
mod extent;
mod freshness;
mod generation;
mod get;
mod highlights;
mod host;
mod listen;
mod openapi;
mod peer;
mod presets;
mod problem;
mod rate;
mod ready;
mod reply;
mod request;
mod schema;
mod search;
mod snapshot;
mod way;
mod wire;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};
use axum::{Json, Router, middleware};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use crate::access::Access;
use crate::config::{ApiConfig, Config};
use crate::finding::Finding;
use crate::query::Signer;
use crate::sink::Client;
use crate::state::State;
use breaker::Breaker;
use connections::Certificate;
use export::Places;
use generation::Latest;
pub(crate) use host::only_local;
use listen::may_listen;
use problem::Problem;
use rate::Quotas;
use ready::Ready;
use snapshot::Snapshots;

/// What every request needs; clones share it.
#[derive(Clone)]
pub struct AppState {
    shared: Arc<Shared>,
}

struct Shared {
    client: Client,
    /// What is remembered of the indexes.
    state: State,
    signer: Signer,
    indexes: BTreeMap<String, Latest>,
    config: ApiConfig,
    ready: Ready,
    access: Access,
    snapshots: Arc<Snapshots>,
    breaker: Arc<Breaker>,
    /// Absent where callers have no quota.
    quotas: Option<Arc<Quotas>>,
    /// One for each request that may be answered at a time.
    places: Semaphore,
    exports: Arc<Places>,
}

/// How much longer than it was given the engine's answer is waited for.
const ON_THE_WAY: Duration = Duration::from_secs(2);

impl Shared {
    /// How long an answer of the engine is waited for.
    fn wait(&self) -> Duration {
        self.config.timeout + ON_THE_WAY
    }
}

impl AppState {
    /// Answers searches of the indexes behind these `aliases` from the engine of `client`, with cursors by `signer`, to those
    /// whom `access` lets in; `state` tells up to when the indexes are in step.
    pub fn new(
        (client, state): (Client, State),
        signer: Signer,
        aliases: Vec<String>,
        config: &ApiConfig,
        access: Access,
    ) -> Self {
        let indexes = aliases.into_iter().map(|alias| {
            let latest = Latest::new(&alias, access.roles());
            (alias, latest)
        });
        let indexes = indexes.collect();
        let (config, ready) = (config.clone(), Ready::default());
        let snapshots = Snapshots::new(client.clone(), config.snapshots);
        let breaker = Arc::new(Breaker::new(config.breaker));
        let quotas = config.rate.map(Quotas::new);
        let places = Semaphore::new(config.concurrency);
        let exports = Places::new(config.exports.at_a_time);
        let shared = Shared {
            client,
            state,
            signer,
            indexes,
            config,
            ready,
            access,
            snapshots,
            breaker,
            quotas,
            places,
            exports,
        };
        Self { shared: Arc::new(shared) }
    }
}

/// All that the API answers.
pub fn router(state: AppState) -> Router {
    let body = state.shared.config.limits.body.0;
    let watched = state.shared.access.is_watched();
    let router = Router::new()
        .route("/v1/{index}", get(get::get))
        .route("/openapi.json", get(openapi::openapi))
        .route("/v1/schema", get(schema::all))
        .route("/v1/schema/{index}", get(schema::one))
        .route("/v1/{index}/search", post(search::search))
        .route("/v1/{index}/explain", post(explain::explain))
        .route("/v1/{index}/export", post(export::export))
        .route("/v1/{index}/{id}", get(document::document))
        .route(
            "/dialects/{dialect}/{index}",
            get(dialects::list).post(dialects::grid).fallback(dialects::no_writes),
        )
        .route(
            "/dialects/{dialect}/{index}/{id}",
            get(dialects::one).fallback(dialects::no_writes_to_one),
        )
        .route_layer(middleware::from_fn_with_state(state.clone(), rate::meter))
        .route_layer(middleware::from_fn_with_state(state.clone(), caller::identify))
        .route_layer(middleware::from_fn_with_state(state.clone(), rate::crowd))
        .route_layer(middleware::from_fn_with_state(state.clone(), body::whole))
        .route_layer(middleware::from_fn_with_state(state.clone(), way::only_safe))
        // What stands below asks nobody who they are.
        .route("/healthz", get(healthz))
        .route("/readyz", get(ready::readyz))
        .fallback(nothing_here)
        .method_not_allowed_fallback(wrong_method)
        .layer(DefaultBodyLimit::max(body))
        .layer(middleware::from_fn(conditional::conditional));
    let edge = &state.shared.config.edge;
    // Before anybody is asked who they are: browsers ask without telling.
    let router = match edge.origins.as_slice() {
        [] => router,
        origins => router.layer(wire::origins(origins, !state.shared.config.dialects.is_empty())),
    };
    // A page that was led here brings no key of its own: there is nothing to take where one is needed.
    let router = match watched && edge.hosts.is_empty() {
        true => router,
        false => router.layer(middleware::from_fn_with_state(state.clone(), host::only_known)),
    };
    router
        .layer(middleware::from_fn(request::observe))
        .layer(middleware::from_fn_with_state(state.clone(), peer::tell))
        .layer(middleware::from_fn(wire::without_part))
        .layer(wire::compression())
        .layer(middleware::from_fn(wire::with_part))
        .with_state(state)
}

/// Whether the process is alive; the engine is not asked.
async fn healthz() -> Json<Value> {
    Json(json!({"status": "ok"}))
}

async fn nothing_here() -> Problem {
    Problem::not_found(
        "there is nothing at this path",
        "searches are GET /v1/{index}, or POST /v1/{index}/search",
    )
}

async fn wrong_method() -> Problem {
    Problem::method_not_allowed()
}

/// A server that listens already, and answers once it runs.
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    certificate: Option<Certificate>,
    state: AppState,
}

impl Server {
    /// Connects to the engine and takes the address of `api.listen`. An index that is not built yet is warned of.
    ///
    /// # Errors
    /// When the address may not be listened on or is taken, a key is too short, the certificate cannot be read, no files can
    /// be made in `api.exports.folder`, or the engine cannot be reached.
    pub async fn bind(config: &Config, aliases: Vec<String>) -> Result<Self> {
        let listen = config.api.listen;
        let edge = &config.api.edge;
        let access = Access::new(&config.api)?;
        may_listen(listen, access.is_watched(), edge.is_protected())?;
        presets::check(&config.api, &aliases)?;
        let signer = signer(&config.api)?;
        let certificate = match &edge.tls {
            Some(tls) => Some(Certificate::read(tls).await?),
            None => None,
        };
        export::can_be_made(&config.api.exports)?;
        let client = Client::connect(&config.engine).await?;
        let listener = TcpListener::bind(listen).await.map_err(|error| {
            Finding::error(format!("`api.listen`: cannot listen on {listen}: {error}"))
                .hint("is another server running? port 0 takes a free one")
        })?;
        let address = listener.local_addr().context("the address listened on")?;
        let remembered = State::new(client.clone(), &config.engine.state_prefix);
        let state = AppState::new((client, remembered), signer, aliases, &config.api, access);
        let shared = &*state.shared;
        for (alias, latest) in &shared.indexes {
            // It may be built while the server runs; what else is wrong is told with the first search too.
            match latest.read(shared, alias).await {
                Ok(generation) => presets::warn(&config.api, alias, generation.whole()),
                Err(problem) => {
                    let code = problem.code();
                    tracing::warn!(alias, code, "this index cannot be searched yet");
                }
            }
        }
        Ok(Self { listener, address, certificate, state })
    }

    /// Where it listens; with port 0 in the configuration, the port that it got.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where it listens, as a URL.
    pub fn url(&self) -> String {
        let scheme = if self.certificate.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", self.address)
    }

    /// Answers until `shutdown`, and then finishes the requests under way; those that take longer than 10 seconds are
    /// left.
    ///
    /// # Errors
    /// When the listener fails.
    pub async fn run(self, shutdown: impl Future<Output = ()> + Send + 'static) -> Result<()> {
        let indexes = self.state.shared.indexes.keys().cloned().collect::<Vec<_>>().join(", ");
        let tls = self.certificate.is_some();
        tracing::info!(address = %self.address, tls, indexes, "serving searches");
        let (shared, listening) =
            (Arc::clone(&self.state.shared), (self.listener, self.certificate));
        let stall = shared.config.exports.stall;
        let served = connections::serve(listening, router(self.state), stall, shutdown).await;
        // The engine would hold them on for nobody.
        shared.snapshots.closed(ON_THE_WAY).await;
        served
    }
}

/// Serves searches of the indexes behind these `aliases` until `shutdown`.
///
/// # Errors
/// As [`Server::bind`] and [`Server::run`].
pub async fn serve(
    config: &Config,
    aliases: Vec<String>,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<()> {
    Server::bind(config, aliases).await?.run(shutdown).await
}

fn signer(config: &ApiConfig) -> Result<Signer> {
    if let Some(key) = &config.cursor_key {
        return Signer::new(key.reveal()?.as_bytes()).context("`api.cursor_key`");
    }
    tracing::info!("no `api.cursor_key` is configured: cursors end with this process");
    Signer::random()
}
