//! `GET /readyz`.
//!
//! Promises: ready means that each index answers a search whole. However often it is asked, the engine is asked once a
//! second. Never tells more of an index than its name.

use std::time::{Duration, Instant};

use axum::Json;
use axum::extract::State;
use futures::future::join_all;
use serde_json::{Value, json};
use tokio::sync::Mutex;

use super::answer::EngineAnswer;
use super::problem::Problem;
use super::{AppState, Shared};
use crate::sink::{Client, Method};

/// How long an answer is good for.
const FRESH: Duration = Duration::from_secs(1);
/// How long an index may take: who asks goes away after a second or so, as a rule.
const WAIT: Duration = Duration::from_secs(2);

/// Indexes that could not be searched, and when that was found out.
#[derive(Default)]
pub(super) struct Ready(Mutex<Option<(Instant, Vec<String>)>>);

/// Whether every index can be searched.
pub(super) async fn readyz(State(state): State<AppState>) -> Result<Json<Value>, Problem> {
    let shared = &*state.shared;
    let mut last = shared.ready.0.lock().await;
    let missing = match last.take().filter(|(at, _)| at.elapsed() < FRESH) {
        Some(fresh) => last.insert(fresh),
        None => last.insert((Instant::now(), missing(shared).await)),
    };
    if missing.1.is_empty() {
        return Ok(Json(json!({"status": "ok"})));
    }
    // Nobody was asked who they are.
    if shared.access.is_watched() {
        return Err(Problem::not_ready(std::iter::empty()));
    }
    Err(Problem::not_ready(missing.1.iter().map(String::as_str)))
}

async fn missing(shared: &Shared) -> Vec<String> {
    let asked = shared.indexes.keys().map(|alias| async move {
        let answered = tokio::time::timeout(WAIT, is_searched(&shared.client, alias)).await;
        let problem = answered.unwrap_or_else(|_| Err(Problem::engine_timeout())).err()?;
        tracing::warn!(alias, code = problem.code(), "this index cannot be searched");
        Some(alias.clone())
    });
    join_all(asked).await.into_iter().flatten().collect()
}

async fn is_searched(client: &Client, alias: &str) -> Result<(), Problem> {
    let options = [("allow_partial_search_results", "false")];
    let body = json!({"size": 0, "track_total_hits": false});
    let answer = client.send(Method::Post, &[alias, "_search"], &options, &body).await;
    let answer =
        answer.map_err(Into::into).and_then(|answer| answer.success()?.json::<EngineAnswer>());
    answer.map_err(|error| Problem::from(&error))?.whole().map(drop)
}
