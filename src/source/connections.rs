//! Connections to one server: how many, how long they may take, and what is said when there is none.
//!
//! Promises: nothing connects before it is needed; a server that cannot be reached, or refuses, is reported with its reason
//! within the connect timeout. Waiting for a connection that others use has no limit of its own: theirs end it. Error texts hold the address and the user, never a password and no row's value.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Error, Result, anyhow};
use futures::future::BoxFuture;
use sqlx::pool::{PoolConnection, PoolOptions};
use sqlx::{ConnectOptions, Connection, Database, Pool};
use tokio::sync::{OnceCell, OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::hints;
use crate::config::SourceConfig;
use crate::finding::Finding;

type Options<Db> = <<Db as Database>::Connection as Connection>::Options;

/// Tells a new connection what it has to know before its first use; the duration is the statement timeout.
pub(super) type Session<Db> =
    for<'c> fn(&'c mut <Db as Database>::Connection, Duration) -> BoxFuture<'c, sqlx::Result<()>>;

/// A connection in use; dropping it makes room for the next. Unless it is given back it is hung up: somewhere in an answer
/// that nobody reads any more, of which gigabytes may still be on their way, it is of no use.
pub(super) struct Held<Db: Database> {
    // Given back before the turn is passed on.
    connection: PoolConnection<Db>,
    _turn: OwnedSemaphorePermit,
    is_idle: bool,
}

impl<Db: Database> Held<Db> {
    /// For others to use: what was asked has been answered to its end.
    pub(super) fn give_back(mut self) {
        self.is_idle = true;
    }
}

impl<Db: Database> Drop for Held<Db> {
    fn drop(&mut self) {
        if !self.is_idle {
            self.connection.close_on_drop();
        }
    }
}

impl<Db: Database> Deref for Held<Db> {
    type Target = PoolConnection<Db>;

    fn deref(&self) -> &PoolConnection<Db> {
        &self.connection
    }
}

impl<Db: Database> DerefMut for Held<Db> {
    fn deref_mut(&mut self) -> &mut PoolConnection<Db> {
        &mut self.connection
    }
}

pub(super) struct Connections<Db: Database> {
    pool: Pool<Db>,
    turns: Arc<Semaphore>,
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
            .acquire_slow_threshold(Duration::MAX)
            .after_connect(move |connection, _| session(connection, statement_timeout))
            .connect_lazy_with(options.clone());
        let turns = usize::try_from(config.max_connections).unwrap_or(Semaphore::MAX_PERMITS);
        let turns = Arc::new(Semaphore::new(turns.min(Semaphore::MAX_PERMITS)));
        let (wait, reached) = (config.connect_timeout, OnceCell::new());
        Self { pool, turns, options, session, place, wait, statement_timeout, reached }
    }

    /// A connection from the pool, once there is one that nobody else uses.
    ///
    /// # Errors
    /// Why there is none.
    pub(super) async fn take(&self) -> Result<Held<Db>> {
        // The pool would knock at a closed door until its time is up, and then not say why.
        self.reached.get_or_try_init(|| self.knock()).await?;
        let turn = Arc::clone(&self.turns).acquire_owned().await?;
        let connection = self.pool.acquire().await.map_err(said);
        let connection = connection.with_context(|| format!("cannot connect to {}", self.place))?;
        Ok(Held { connection, _turn: turn, is_idle: false })
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
            Err(_) => Err(Finding::error(format!("no answer within {:?}", self.wait))
                .hint("is something else listening there? a server that is only slow needs a longer `connect_timeout`")
                .into()),
        }
        .with_context(|| format!("cannot connect to {}", self.place))
    }
}

/// What went wrong, in the server's own words where they cannot quote a row, and what to do about it.
pub(super) fn said(error: sqlx::Error) -> Error {
    let hint = hints::hint(&error);
    let what = in_words(error);
    match hint {
        Some(hint) => Finding::error(what).hint(hint).into(),
        None => anyhow!(what),
    }
}

fn in_words(error: sqlx::Error) -> String {
    match error {
        sqlx::Error::Database(error) => {
            let (code, message) = (error.code().unwrap_or_default(), error.message());
            match code.get(..2) {
                // Class 22 is about data, and its texts quote them: up to the colon they do not.
                Some("22") => {
                    let kind =
                        message.split([':', '\'', '"']).next().unwrap_or_default().trim_end();
                    format!("{kind} (SQLSTATE {code})")
                }
                Some("23") => format!("rows against a constraint (SQLSTATE {code})"),
                // Written by whoever wrote the function or trigger, about whatever it met.
                Some("45" | "P0") => {
                    format!("an error raised by the database's own code (SQLSTATE {code})")
                }
                _ => message.to_owned(),
            }
        }
        // How much of an answer had come is nobody's concern.
        sqlx::Error::Io(error) if hints::hung_up(&error) => {
            "the server ended the connection".to_owned()
        }
        sqlx::Error::Io(error) => error.to_string(),
        sqlx::Error::Tls(error) => format!("TLS: {error}"),
        sqlx::Error::Configuration(error) => error.to_string(),
        sqlx::Error::Protocol(text) => text,
        sqlx::Error::PoolTimedOut => "no connection could be made in time".to_owned(),
        other => other.to_string(),
    }
}

/// For servers that are told everything when they are connected to.
pub(super) fn nothing_more<Connection: Send>(
    _: &mut Connection,
    _: Duration,
) -> BoxFuture<'_, sqlx::Result<()>> {
    Box::pin(async { Ok(()) })
}
