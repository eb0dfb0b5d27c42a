//! Connections to one server: how many, how long they may take, and what is said when there is none.
//!
//! Promises: nothing connects before it is needed; a server that cannot be reached, or refuses, is reported with its reason
//! within the connect timeout. Error texts hold the address and the user, never a password and no row's value.

use std::time::Duration;

use anyhow::{Context, Error, Result, anyhow};
use futures::future::BoxFuture;
use sqlx::pool::{PoolConnection, PoolOptions};
use sqlx::{ConnectOptions, Connection, Database, Pool};
use tokio::sync::OnceCell;
use tokio::time::timeout;

use crate::config::SourceConfig;

type Options<Db> = <<Db as Database>::Connection as Connection>::Options;

/// Tells a new connection what it has to know before its first use; the duration is the statement timeout.
pub(super) type Session<Db> =
    for<'c> fn(&'c mut <Db as Database>::Connection, Duration) -> BoxFuture<'c, sqlx::Result<()>>;

pub(super) struct Connections<Db: Database> {
    pool: Pool<Db>,
    options: Options<Db>,
    session: Session<Db>,
    /// `postgres at host:port`.
    place: String,
    wait: Duration,
    statement_timeout: Duration,
    reached: OnceCell<()>,
}

impl<Db: Database> Connections<Db> {
    pub(super) fn new(
        config: &SourceConfig,
        options: Options<Db>,
        place: String,
        session: Session<Db>,
    ) -> Self {
        let options = options.disable_statement_logging();
        let statement_timeout = config.statement_timeout;
        let pool = PoolOptions::new()
            .max_connections(config.max_connections)
            .acquire_timeout(config.connect_timeout)
            .after_connect(move |connection, _| session(connection, statement_timeout))
            .connect_lazy_with(options.clone());
        let (wait, reached) = (config.connect_timeout, OnceCell::new());
        Self { pool, options, session, place, wait, statement_timeout, reached }
    }

    /// A connection from the pool.
    ///
    /// # Errors
    /// Why there is none.
    pub(super) async fn take(&self) -> Result<PoolConnection<Db>> {
        // The pool would knock at a closed door until its time is up, and then not say why.
        self.reached.get_or_try_init(|| self.knock()).await?;
        let taken = self.pool.acquire().await.map_err(said);
        taken.with_context(|| format!("cannot connect to {}", self.place))
    }

    async fn knock(&self) -> Result<()> {
        let knock = async {
            let mut connection = self.options.connect().await?;
            let told = (self.session)(&mut connection, self.statement_timeout).await;
            // The answer is what counts; a farewell that fails changes nothing.
            let _farewell = connection.close().await;
            told
        };
        match timeout(self.wait, knock).await {
            Ok(answer) => answer.map_err(said),
            Err(_) => Err(anyhow!("no answer within {:?}", self.wait)),
        }
        .with_context(|| format!("cannot connect to {}", self.place))
    }
}

/// What went wrong, in the server's own words where they cannot quote a row.
pub(super) fn said(error: sqlx::Error) -> Error {
    match error {
        sqlx::Error::Database(error) => {
            let (code, message) = (error.code().unwrap_or_default(), error.message());
            // Class 22 is about data, and its texts quote them: up to the colon they do not.
            if code.starts_with("22") {
                let kind = message.split([':', '\'', '"']).next().unwrap_or_default().trim_end();
                return anyhow!("{kind} (SQLSTATE {code})");
            }
            anyhow!("{message}")
        }
        sqlx::Error::Io(error) => anyhow!("{error}"),
        sqlx::Error::Tls(error) => anyhow!("TLS: {error}"),
        sqlx::Error::Configuration(error) => anyhow!("{error}"),
        sqlx::Error::Protocol(text) => anyhow!("{text}"),
        sqlx::Error::PoolTimedOut => anyhow!(
            "no connection came free, or could be made, in time\n\nhint: raise `connect_timeout` or `max_connections`"
        ),
        other => anyhow!("{other}"),
    }
}

/// For servers that are told everything when they are connected to.
pub(super) fn nothing_more<Connection: Send>(
    _: &mut Connection,
    _: Duration,
) -> BoxFuture<'_, sqlx::Result<()>> {
    Box::pin(async { Ok(()) })
}
