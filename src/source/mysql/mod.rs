//! MySQL and MariaDB.
//!
//! Promises: read-only sessions in UTC and utf8mb4 with a statement timeout; the user's SQL mode stays as the server set it.
//! Never sends a comparison of rows with `>`, for which these servers find no range.

mod decode;
mod describe;
mod survey;

use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use async_trait::async_trait;
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use sqlx::mysql::{MySqlArguments, MySqlConnectOptions, MySqlConnection, MySqlRow, MySqlSslMode};
use sqlx::{Arguments, Executor, SqlStr};

use super::connections::Connections;
use super::database::{Database, Server, Values};
use super::horizon::Told;
use super::keys::Value;
use super::sql::{self, Dialect};
use super::{From, Read, address};
use crate::config::{Address, SourceConfig};
use crate::row::TableInfo;

pub(super) struct Mysql {
    connections: Connections<sqlx::MySql>,
}

/// What the driver takes from a URL.
const PARAMETERS: [&str; 14] = [
    "ssl-mode",
    "sslmode",
    "ssl-ca",
    "sslca",
    "ssl-cert",
    "sslcert",
    "ssl-key",
    "sslkey",
    "charset",
    "collation",
    "socket",
    "timezone",
    "time-zone",
    "statement-cache-capacity",
];

pub(super) fn open(config: &SourceConfig, address: &Address) -> Result<Database<Mysql>> {
    let url = address::url(&address.url, &["mysql", "mariadb"], &PARAMETERS)?;
    let mut options: MySqlConnectOptions =
        url.parse().map_err(|_| anyhow!("`url` is not one of MySQL or MariaDB"))?;
    if let Some(password) = &address.password {
        options = options.password(&password.reveal().context("`password`")?);
    }
    if let Some(ca) = &address.ca_file {
        address::authority(ca)?;
        options = options.ssl_mode(MySqlSslMode::VerifyIdentity).ssl_ca(ca);
    }
    if let Some(schema) = &address.schema {
        options = options.database(schema);
    }
    // `||` and the rest of the SQL mode mean what they mean to the service itself.
    let options = options.pipes_as_concat(false).no_engine_substitution(false).charset("utf8mb4");
    let place = format!("mysql at {}:{}", options.get_host(), options.get_port());
    let connections = Connections::new(config, options, place, session);
    Ok(Database::new(Mysql { connections }, config))
}

fn session(connection: &mut MySqlConnection, timeout: Duration) -> BoxFuture<'_, sqlx::Result<()>> {
    Box::pin(async move {
        let (version,): (String,) =
            sqlx::query_as("SELECT VERSION()").fetch_one(&mut *connection).await?;
        let limit = if version.contains("MariaDB") {
            // Longer lists would be turned into temporary tables.
            connection.execute("SET SESSION in_predicate_conversion_threshold = 0").await?;
            format!("SET SESSION max_statement_time = {}", timeout.as_secs_f64())
        } else {
            format!("SET SESSION max_execution_time = {}", timeout.as_millis())
        };
        connection.execute(sql::sent(limit)).await?;
        connection.execute("SET SESSION TRANSACTION READ ONLY").await?;
        Ok(())
    })
}

#[async_trait]
impl Server for Mysql {
    type Db = sqlx::MySql;
    type Decoder = decode::Decoder;
    const DIALECT: Dialect = Dialect::Mysql;

    fn connections(&self) -> &Connections<sqlx::MySql> {
        &self.connections
    }

    async fn describe(connection: &mut MySqlConnection, from: &From) -> Result<Option<TableInfo>> {
        match from {
            From::Table(table) => describe::table(connection, table).await,
            From::Query(query) => describe::query(connection, query).await.map(Some),
        }
    }

    async fn guess(connection: &mut MySqlConnection, read: &Read) -> Result<Option<u64>> {
        survey::guess(connection, read).await
    }

    async fn unseen_transactions(connection: &mut MySqlConnection) -> Result<Option<String>> {
        survey::unseen_transactions(connection).await
    }

    async fn moment(connection: &mut MySqlConnection) -> Result<Told> {
        survey::moment(connection).await
    }

    fn arguments(&self, values: Values<'_, Value>) -> Result<MySqlArguments> {
        let mut arguments = MySqlArguments::default();
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
        connection: &'c mut MySqlConnection,
        text: SqlStr,
    ) -> BoxFuture<'c, sqlx::Result<()>> {
        Box::pin(async move { connection.prepare(text).await.map(drop) })
    }

    fn send<'c>(
        connection: &'c mut MySqlConnection,
        text: SqlStr,
        arguments: MySqlArguments,
    ) -> BoxStream<'c, sqlx::Result<MySqlRow>> {
        sqlx::query_with(text, arguments).fetch(connection)
    }
}

fn bind(arguments: &mut MySqlArguments, value: &Value) -> Result<()> {
    match value {
        Value::Integer(value) => arguments.add(*value),
        Value::Unsigned(value) => arguments.add(*value),
        Value::Real(value) => arguments.add(*value),
        Value::Text(value) => arguments.add(value.as_str()),
        Value::Bytes(value) => arguments.add(value.as_slice()),
    }
    .map_err(|error| anyhow!("binding a value: {error}"))
}
