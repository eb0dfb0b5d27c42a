//! SQLite files.
//!
//! Promises: opened for reading only and never created; a statement that runs too long is interrupted. Never trusts a
//! declared type: each value is decoded by what it is.

mod decode;
mod describe;

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};
use async_trait::async_trait;
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use sqlx::sqlite::{SqliteArguments, SqliteConnectOptions, SqliteConnection, SqliteRow};
use sqlx::{Arguments, Executor, SqlStr};

use super::connections::{Connections, said};
use super::database::{Database, Server, Values};
use super::horizon::Told;
use super::keys::Value;
use super::sql::Dialect;
use super::{From, Read};
use crate::config::SourceConfig;
use crate::row::TableInfo;

/// Rows that a statement may be ahead of us. Each may be as wide as a page is long.
const ROWS_AHEAD: usize = 8;

/// Steps of SQLite's machine between two looks at the clock: some tenths of a millisecond.
const STEPS: i32 = 10_000;

pub(super) struct Sqlite {
    connections: Connections<sqlx::Sqlite>,
    timeout: Duration,
}

pub(super) fn open(config: &SourceConfig, path: &Path) -> Database<Sqlite> {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .read_only(true)
        .create_if_missing(false)
        .row_buffer_size(ROWS_AHEAD)
        .busy_timeout(config.connect_timeout.min(Duration::from_secs(3_600)));
    let place = format!("sqlite file {}", path.display());
    let connections = Connections::new(config, options, place, looked_at);
    let timeout = config.statement_timeout;
    Database::new(Sqlite { connections, timeout }, config)
}

/// A file is opened without a look at it: whether it is a database shows in its header.
fn looked_at(connection: &mut SqliteConnection, _: Duration) -> BoxFuture<'_, sqlx::Result<()>> {
    Box::pin(async move { connection.execute("PRAGMA schema_version").await.map(drop) })
}

#[async_trait]
impl Server for Sqlite {
    type Db = sqlx::Sqlite;
    type Decoder = decode::Decoder;
    const DIALECT: Dialect = Dialect::Sqlite;

    fn connections(&self) -> &Connections<sqlx::Sqlite> {
        &self.connections
    }

    async fn describe(connection: &mut SqliteConnection, from: &From) -> Result<Option<TableInfo>> {
        match from {
            From::Table(table) => describe::table(connection, table).await,
            From::Query(query) => describe::query(connection, query).await.map(Some),
        }
    }

    async fn guess(_: &mut SqliteConnection, _: &Read) -> Result<Option<u64>> {
        Ok(None)
    }

    async fn unseen_transactions(_: &mut SqliteConnection) -> Result<Option<String>> {
        Ok(None)
    }

    /// Whole seconds, and nothing is told of other connections' transactions.
    async fn moment(connection: &mut SqliteConnection) -> Result<Told> {
        let clock = sqlx::query_scalar("SELECT CAST(strftime('%s', 'now') AS INTEGER) * 1000000");
        let now = clock.fetch_one(connection).await.map_err(said)?;
        Ok(Told { now, oldest: None, is_prepared: false })
    }

    async fn begin(&self, connection: &mut SqliteConnection) -> Result<()> {
        let end = Instant::now() + self.timeout;
        let mut handle = connection.lock_handle().await.map_err(said)?;
        handle.set_progress_handler(STEPS, move || Instant::now() < end);
        Ok(())
    }

    fn arguments(&self, values: Values<'_, Value>) -> Result<SqliteArguments> {
        let mut arguments = SqliteArguments::default();
        match values {
            Values::None => {}
            Values::Slice(slice, places) => {
                for value in slice.values(places) {
                    bind(&mut arguments, value)?;
                }
            }
            Values::Keys(keys, _) => {
                for value in &keys.values {
                    bind(&mut arguments, value)?;
                }
            }
        }
        Ok(arguments)
    }

    fn prepare<'c>(
        connection: &'c mut SqliteConnection,
        text: SqlStr,
    ) -> BoxFuture<'c, sqlx::Result<()>> {
        Box::pin(async move { connection.prepare(text).await.map(drop) })
    }

    fn send<'c>(
        connection: &'c mut SqliteConnection,
        text: SqlStr,
        arguments: SqliteArguments,
    ) -> BoxStream<'c, sqlx::Result<SqliteRow>> {
        sqlx::query_with(text, arguments).fetch(connection)
    }
}

fn bind(arguments: &mut SqliteArguments, value: &Value) -> Result<()> {
    match value {
        Value::Integer(value) => arguments.add(*value),
        // Beyond 63 bits there are no integers here, so none can be equal.
        Value::Unsigned(value) => arguments.add(value.to_string()),
        Value::Real(value) => arguments.add(*value),
        Value::Text(value) => arguments.add(value.as_str()),
        Value::Bytes(value) => arguments.add(value.as_slice()),
    }
    .map_err(|error| anyhow!("binding a value: {error}"))
}
