//! A database of a test's own.

use std::sync::Arc;
use std::time::Duration;

use prejoin::config::{Address, Secret, Server, SourceConfig};
use prejoin::source::{self, Source};
use sqlx::{AssertSqlSafe, Connection, Row};
use tempfile::TempDir;
use url::Url;

use super::own::{removed, unique};
use super::services;

/// A schema on PostgreSQL, a database on MariaDB or a SQLite file; gone with the value, also when the test fails.
pub(crate) struct Place {
    server: On,
    name: String,
    url: Url,
}

/// Whose it is.
enum On {
    Postgres,
    Mariadb,
    Sqlite(TempDir),
}

impl Place {
    pub(crate) async fn postgres() -> Self {
        Self::postgres_at(&services::postgres()).await
    }

    /// A schema on the server of `url`.
    pub(crate) async fn postgres_at(url: &str) -> Self {
        let place = Self::postgres_schema(url, unique("schema").replace('-', "_"));
        place.run(&format!("CREATE SCHEMA {}", place.name)).await;
        place
    }

    /// A schema that somebody else will make.
    pub(crate) fn postgres_named(name: String) -> Self {
        Self::postgres_schema(&services::postgres(), name)
    }

    fn postgres_schema(url: &str, name: String) -> Self {
        let mut url = Url::parse(url).unwrap();
        url.query_pairs_mut().append_pair("options[search_path]", &format!("{name},public"));
        Self { server: On::Postgres, name, url }
    }

    pub(crate) async fn mariadb() -> Self {
        Self::mariadb_at(&services::mariadb()).await
    }

    /// A database on the server of `url`.
    pub(crate) async fn mariadb_at(url: &str) -> Self {
        let place = Self::mariadb_database(url, unique("database").replace('-', "_"));
        let mut admin = sqlx::MySqlConnection::connect(url).await.unwrap();
        let made = format!("CREATE DATABASE {} CHARACTER SET utf8mb4", place.name);
        execute(&mut admin, &made).await.unwrap();
        place
    }

    /// A database that somebody else will make.
    pub(crate) fn mariadb_named(name: String) -> Self {
        Self::mariadb_database(&services::mariadb(), name)
    }

    fn mariadb_database(url: &str, name: String) -> Self {
        let mut url = Url::parse(url).unwrap();
        url.set_path(&name);
        Self { server: On::Mariadb, name, url }
    }

    pub(crate) async fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut url = Url::parse("sqlite:///").unwrap();
        url.set_path(folder.path().join("test.db").to_str().unwrap());
        let place = Self { server: On::Sqlite(folder), name: "main".to_owned(), url };
        place.run("PRAGMA user_version = 1").await;
        place
    }

    /// Runs statements as someone who may write.
    pub(crate) async fn run(&self, sql: &str) {
        let url = self.url.as_str();
        let ran = match self.server {
            On::Postgres => {
                execute(&mut sqlx::PgConnection::connect(url).await.unwrap(), sql).await
            }
            On::Mariadb => {
                execute(&mut sqlx::MySqlConnection::connect(url).await.unwrap(), sql).await
            }
            On::Sqlite(_) => {
                let url = format!("{url}?mode=rwc");
                execute(&mut sqlx::SqliteConnection::connect(&url).await.unwrap(), sql).await
            }
        };
        ran.unwrap_or_else(|error| panic!("{error}: {sql}"));
    }

    /// Where to connect to as someone who may write.
    pub(crate) fn address(&self) -> String {
        match self.server {
            On::Sqlite(_) => format!("{}?mode=rwc", self.url),
            _ => self.url.to_string(),
        }
    }

    /// The rows of a query whose columns are all texts.
    pub(crate) async fn texts(&self, sql: &str) -> Vec<Vec<Option<String>>> {
        let (sql, url) = (AssertSqlSafe(sql.to_owned()), self.address());
        match self.server {
            On::Postgres => {
                let mut connection = sqlx::PgConnection::connect(&url).await.unwrap();
                let rows = sqlx::query(sql).fetch_all(&mut connection).await.unwrap();
                rows.iter().map(cells).collect()
            }
            On::Mariadb => {
                let mut connection = sqlx::MySqlConnection::connect(&url).await.unwrap();
                let rows = sqlx::query(sql).fetch_all(&mut connection).await.unwrap();
                rows.iter().map(cells).collect()
            }
            On::Sqlite(_) => {
                let mut connection = sqlx::SqliteConnection::connect(&url).await.unwrap();
                let rows = sqlx::query(sql).fetch_all(&mut connection).await.unwrap();
                rows.iter().map(cells).collect()
            }
        }
    }

    /// The place as a source is told of it.
    pub(crate) fn config(&self) -> SourceConfig {
        let address = |url: &Url, schema| Address {
            url: Secret::plain(url.as_str()),
            password: None,
            schema,
            ca_file: None,
        };
        let mut bare = self.url.clone();
        bare.set_query(None);
        let server = match &self.server {
            On::Postgres => Server::Postgres(address(&bare, Some(self.name.clone()))),
            On::Mariadb => Server::Mysql(address(&bare, None)),
            On::Sqlite(folder) => Server::Sqlite { path: folder.path().join("test.db") },
        };
        SourceConfig {
            name: "test".to_owned(),
            server,
            max_connections: 2,
            max_rows_per_second: None,
            connect_timeout: Duration::from_secs(10),
            statement_timeout: Duration::from_secs(60),
            time_zone: None,
            overlap: Duration::ZERO,
        }
    }

    /// The place as a source.
    pub(crate) fn source(&self) -> Arc<dyn Source> {
        source::open(&self.config()).unwrap()
    }

    /// The name of its schema.
    pub(crate) fn schema(&self) -> &str {
        &self.name
    }

    pub(crate) fn is_postgres(&self) -> bool {
        matches!(self.server, On::Postgres)
    }

    pub(crate) fn is_mariadb(&self) -> bool {
        matches!(self.server, On::Mariadb)
    }

    pub(crate) fn is_sqlite(&self) -> bool {
        matches!(self.server, On::Sqlite(_))
    }

    /// A name in the server's own quotes.
    pub(crate) fn quoted(&self, name: &str) -> String {
        match self.server {
            On::Mariadb => format!("`{}`", name.replace('`', "``")),
            _ => format!("\"{}\"", name.replace('"', "\"\"")),
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let (name, url) = (&self.name, self.url.as_str());
        match self.server {
            On::Postgres => removed(name, async || {
                let mut admin = sqlx::PgConnection::connect(url).await?;
                execute(&mut admin, &format!("DROP SCHEMA IF EXISTS {name} CASCADE")).await
            }),
            On::Mariadb => removed(name, async || {
                // Not into the database itself: it may not be there.
                let mut outside = self.url.clone();
                outside.set_path("");
                let mut admin = sqlx::MySqlConnection::connect(outside.as_str()).await?;
                execute(&mut admin, &format!("DROP DATABASE IF EXISTS {name}")).await
            }),
            On::Sqlite(_) => {}
        }
    }
}

fn cells<R: Row>(row: &R) -> Vec<Option<String>>
where
    usize: sqlx::ColumnIndex<R>,
    for<'r> Option<String>: sqlx::Decode<'r, R::Database> + sqlx::Type<R::Database>,
{
    (0..row.len()).map(|at| row.try_get_unchecked(at).unwrap()).collect()
}

async fn execute<C: Connection>(connection: &mut C, sql: &str) -> anyhow::Result<()>
where
    for<'c> &'c mut C: sqlx::Executor<'c>,
{
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(connection).await?;
    Ok(())
}
