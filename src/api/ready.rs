//! `GET /readyz`.
//!
//! Promises: ready means that each index answers a search whole, and that requests reach the engine: a server that turns all of
//! them away gets none, and is not started anew for it, which would not help the engine. However often it is asked, the engine
//! is asked once a second; a check that is begun is ended, for all who wait for it. Never tells more of an index than its name.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Json;
use axum::extract::State;
use futures::future::join_all;
use serde_json::{Value, json};
use tokio::sync::Mutex;

use super::answer::EngineAnswer;
use super::problem::Problem;
use super::{AppState, Shared};
use crate::sink::Method;

/// How long an answer is good for.
const FRESH: Duration = Duration::from_secs(1);
/// How long an index may take: who asks goes away after a second or so, as a rule.
const WAIT: Duration = Duration::from_secs(2);

/// What was found out last.
#[derive(Default)]
pub(super) struct Ready(Arc<Mutex<Option<Checked>>>);

/// Indexes that could not be searched, and when that was known.
struct Checked {
    missing: Vec<String>,
    at: Instant,
}

/// Whether every index can be searched.
pub(super) async fn readyz(State(state): State<AppState>) -> Result<Json<Value>, Problem> {
    let shared = &state.shared;
    let missing = checked(shared).await?;
    if !shared.breaker.is_closed() {
        return Err(Problem::engine_unavailable());
    }
    if missing.is_empty() {
        return Ok(Json(json!({"status": "ok"})));
    }
    // Nobody was asked who they are.
    if shared.access.is_watched() {
        return Err(Problem::not_ready(std::iter::empty()));
    }
    Err(Problem::not_ready(missing.iter().map(String::as_str)))
}

/// What is missing, as it was a moment ago.
async fn checked(shared: &Arc<Shared>) -> Result<Vec<String>, Problem> {
    let mut last = Arc::clone(&shared.ready.0).lock_owned().await;
    if let Some(checked) = last.as_ref().filter(|checked| checked.at.elapsed() < FRESH) {
        return Ok(checked.missing.clone());
    }
    let shared = Arc::clone(shared);
    // Whoever goes away does not take along what others wait for.
    let check = tokio::spawn(async move {
        let missing = missing(&shared).await;
        *last = Some(Checked { missing: missing.clone(), at: Instant::now() });
        missing
    });
    check.await.map_err(|_| Problem::internal())
}

async fn missing(shared: &Shared) -> Vec<String> {
    let mut asked = shared.indexes.keys().map(|alias| async move {
        let problem = is_searched(shared, alias).await.err()?;
        tracing::warn!(alias, code = problem.code(), "this index cannot be searched");
        Some(alias.clone())
    });
    // One alone: after a pause, no more than one tries the engine. Who is not ready gets no requests that could.
    let first = match asked.next() {
        Some(first) => first.await,
        None => None,
    };
    let others = join_all(asked).await;
    [first].into_iter().chain(others).flatten().collect()
}

async fn is_searched(shared: &Shared, alias: &str) -> Result<(), Problem> {
    let options = [("allow_partial_search_results", "false")];
    let body = json!({"size": 0, "track_total_hits": false});
    let sent = async {
        let answer = shared.client.send(Method::Post, &[alias, "_search"], &options, &body).await?;
        answer.success()?.json::<EngineAnswer>()
    };
    shared.breaker.ask(WAIT, sent).await?.whole().map(drop)
}
