//! A database of a test's own.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use prejoin::config::{Address, Secret, Server, SourceConfig};
use prejoin::source::{self, Source};
use sqlx::{AssertSqlSafe, Connection};
use tempfile::TempDir;
use url::Url;

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
        let name = unique("test_");
        let mut url = Url::parse(&services::postgres()).unwrap();
        let mut admin = sqlx::PgConnection::connect(url.as_str()).await.unwrap();
        execute(&mut admin, &format!("CREATE SCHEMA {name}")).await;
        url.query_pairs_mut().append_pair("options[search_path]", &format!("{name},public"));
        Self { server: On::Postgres, name, url }
    }

    pub(crate) async fn mariadb() -> Self {
        let name = unique("test_");
        let mut url = Url::parse(&services::mariadb()).unwrap();
        let mut admin = sqlx::MySqlConnection::connect(url.as_str()).await.unwrap();
        execute(&mut admin, &format!("CREATE DATABASE {name} CHARACTER SET utf8mb4")).await;
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
        match self.server {
            On::Postgres => {
                execute(&mut sqlx::PgConnection::connect(self.url.as_str()).await.unwrap(), sql)
                    .await;
            }
            On::Mariadb => {
                let mut connection =
                    sqlx::MySqlConnection::connect(self.url.as_str()).await.unwrap();
                execute(&mut connection, sql).await;
            }
            On::Sqlite(_) => {
                let url = format!("{}?mode=rwc", self.url);
                execute(&mut sqlx::SqliteConnection::connect(&url).await.unwrap(), sql).await;
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
        let (name, url) = (&self.name, &self.url);
        let gone = async || match self.server {
            On::Postgres => {
                let mut admin = sqlx::PgConnection::connect(url.as_str()).await.unwrap();
                execute(&mut admin, &format!("DROP SCHEMA {name} CASCADE")).await;
            }
            On::Mariadb => {
                let mut admin = sqlx::MySqlConnection::connect(url.as_str()).await.unwrap();
                execute(&mut admin, &format!("DROP DATABASE {name}")).await;
            }
            On::Sqlite(_) => {}
        };
        // A test's runtime cannot be waited for within itself.
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
                runtime.unwrap().block_on(gone());
            });
        });
    }
}

async fn execute<C: Connection>(connection: &mut C, sql: &str)
where
    for<'c> &'c mut C: sqlx::Executor<'c>,
{
    let text = AssertSqlSafe(sql.to_owned());
    sqlx::raw_sql(text).execute(connection).await.unwrap_or_else(|error| panic!("{error}: {sql}"));
}

/// A name that no other test has, in this run or beside it.
fn unique(prefix: &str) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("{prefix}{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}
