//! The documents as PostgreSQL alone makes them, by the one query in `oracle.sql`.
//!
//! Rows stream: the server sends no faster than they are taken. Nothing here is shared with the
//! program that the documents are held against.

use std::str::FromStr;

use anyhow::{Context, Result};
use futures::{Stream, TryStreamExt};
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, ConnectOptions, Executor};

const QUERY: &str = include_str!("../oracle.sql");

/// An order's key and the JSON text of its document.
pub(crate) type Row = (String, String);

/// Connects to the database whose `schema` holds all the tables.
pub(crate) async fn connect(url: &str, schema: &str) -> Result<PgConnection> {
    let options = PgConnectOptions::from_str(url).context("reading the oracle's URL")?;
    let mut connection = options.connect().await.context("connecting to the oracle")?;
    let path = format!("set search_path to \"{}\"", schema.replace('"', "\"\""));
    connection.execute(AssertSqlSafe(path)).await.context("choosing the oracle's schema")?;
    // Compiling this query takes longer than it saves, but its estimated cost says otherwise.
    connection.execute("set jit = off").await.context("preparing the oracle")?;
    Ok(connection)
}

/// Every document, ordered by key.
pub(crate) fn rows(connection: &mut PgConnection) -> impl Stream<Item = Result<Row>> {
    sqlx::query_as(QUERY)
        .fetch(connection)
        .map_err(|error| anyhow::Error::new(error).context("asking the oracle"))
}
