//! One SQLite file per service.
//!
//! A file is written under another name and moved into place when it is complete: a reader sees the
//! old data or the new, whole. Moments are ISO texts, uuids are 32 capital letters and digits.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, SqliteConnection};

use crate::store::{BATCH_ROWS, Filled, Kind};
use crate::table::{Row, Service, Table, Value};
use crate::world::World;

/// A folder of database files.
pub(crate) struct Sqlite {
    pub(super) dir: PathBuf,
}

impl Sqlite {
    pub(super) async fn fill(
        &self,
        service: &Service,
        place: &str,
        world: &World,
    ) -> Result<Vec<Filled>> {
        let path = self.dir.join(format!("{place}.db"));
        let part = with_suffix(&path, ".part");
        remove(&part)?;
        let options = SqliteConnectOptions::new()
            .filename(&part)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Off)
            .synchronous(SqliteSynchronous::Off);
        let mut connection = options.connect().await?;
        let mut filled = Vec::new();
        for table in service.tables {
            let rows = fill(&mut connection, table, world).await;
            filled.push((table.name, rows.with_context(|| format!("table `{}`", table.name))?));
        }
        connection.close().await?;
        // What an old database left beside its file must not meet the new file.
        for suffix in ["-wal", "-shm", "-journal"] {
            remove(&with_suffix(&path, suffix))?;
        }
        std::fs::rename(&part, &path)
            .with_context(|| format!("cannot move the data to `{}`", path.display()))?;
        Ok(filled)
    }
}

async fn fill(connection: &mut SqliteConnection, table: &Table, world: &World) -> Result<u64> {
    run(connection, "BEGIN").await?;
    for statement in Kind::Sqlite.create("", table) {
        run(connection, &statement).await?;
    }
    let mut rows = 0;
    for batch in table.batches(world, BATCH_ROWS) {
        rows += insert(connection, table, batch).await?;
    }
    for statement in Kind::Sqlite.indexes("", table) {
        run(connection, &statement).await?;
    }
    run(connection, "COMMIT").await?;
    Ok(rows)
}

async fn run(connection: &mut SqliteConnection, sql: &str) -> Result<()> {
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(connection).await?;
    Ok(())
}

async fn insert(connection: &mut SqliteConnection, table: &Table, rows: Vec<Row>) -> Result<u64> {
    let mut query = sqlx::query(AssertSqlSafe(Kind::Sqlite.insert("", table, rows.len())));
    for value in rows.into_iter().flatten() {
        query = match value {
            Value::Null => query.bind(None::<i64>),
            Value::Int(number) => query.bind(number),
            Value::Bool(yes) => query.bind(i64::from(yes)),
            Value::Text(text) => query.bind(text),
            Value::Instant(moment) => query.bind(moment.zulu()),
            Value::Uuid(uuid) => query.bind(uuid.simple().to_string().to_uppercase()),
            Value::Bytes(bytes) => query.bind(bytes),
        };
    }
    Ok(query.execute(connection).await?.rows_affected())
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    PathBuf::from(name)
}

fn remove(path: &Path) -> Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot remove `{}`", path.display()))
        }
        _ => Ok(()),
    }
}
