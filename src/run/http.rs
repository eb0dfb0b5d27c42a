//! How the scheduler is, over HTTP: `/healthz` and `/status`.
//!
//! Promises: asks neither services nor engine, and changes nothing. On a loopback address, only requests to this machine are
//! answered.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, Result};
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router, middleware};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::board::{Board, Status};
use crate::api::only_local;
use crate::finding::Finding;

/// A server that listens already, and answers once it runs.
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
}

impl Server {
    /// Takes the address of `run.listen`.
    ///
    /// # Errors
    /// When it is taken, or is none of this machine's.
    pub async fn bind(listen: SocketAddr) -> Result<Self> {
        let listener = TcpListener::bind(listen).await.map_err(|error| {
            Finding::error(format!("`run.listen`: cannot listen on {listen}: {error}"))
                .hint("is another `prejoin run` running? port 0 takes a free one")
        })?;
        let address = listener.local_addr().context("the address listened on")?;
        Ok(Self { listener, address })
    }

    /// Where it listens; with port 0 in the configuration, the port that it got.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers for as long as it is polled.
    ///
    /// # Errors
    /// When the listener fails.
    pub async fn run(self, board: Arc<Board>) -> Result<()> {
        let mut router = router(board);
        if self.address.ip().is_loopback() {
            router = router.layer(middleware::from_fn(only_local));
        }
        axum::serve(self.listener, router).await.context("telling how the scheduler is")
    }
}

/// All that is answered.
fn router(board: Arc<Board>) -> Router {
    Router::new().route("/healthz", get(healthz)).route("/status", get(status)).with_state(board)
}

/// Whether time is kept. Jobs that fail are no reason to start the process anew.
async fn healthz(State(board): State<Arc<Board>>) -> (StatusCode, Json<Value>) {
    match board.is_alive(Instant::now()) {
        true => (StatusCode::OK, Json(json!({"status": "ok"}))),
        false => (StatusCode::SERVICE_UNAVAILABLE, Json(json!({"status": "stuck"}))),
    }
}

/// How each job is.
async fn status(State(board): State<Arc<Board>>) -> Json<Status> {
    Json(board.status())
}
